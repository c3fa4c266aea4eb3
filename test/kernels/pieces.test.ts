/** How tensors are divided into pieces: each value belongs to one, pieces fit the scratch, and sums are added in one order. */
import { describe, expect, it } from "vitest";
import type { ChannelView } from "../../src/core/shape.js";
import {
  type ChannelGroup,
  channelGroups,
  forEachPart,
  LARGE_PIECE,
  PIECE,
  rowGroups,
  sizeOfPiece,
} from "../../src/kernels/wasm/pieces.js";

const view = (outer: number, channels: number, inner: number): ChannelView => ({ outer, channels, inner });

const views: readonly (readonly [string, ChannelView, number])[] = [
  ["a small tensor", view(5, 3, 7), 1],
  ["rows that fill a large piece", view(LARGE_PIECE / 16, 16, 1), 1],
  ["rows that are more than a large piece", view(LARGE_PIECE / 16 + 1, 16, 1), 9],
  ["rows of many channels", view(100, 4097, 1), 4],
  ["rows of as many channels as are few", view(100, 4096, 1), 1],
  ["one row of many channels", view(1, PIECE + 1, 1), 2],
  ["planes that fill a piece", view(32, 32, PIECE / 1024), 1],
  ["planes that are more than a piece", view(33, 32, PIECE / 1024), 2],
  ["many short planes", view(5000, 4, 10), 2],
  ["many short planes of many channels", view(200, 2000, 3), 10],
  ["planes larger than a piece", view(2, 3, PIECE + 7), 12],
  ["planes as large as a piece", view(2, 3, PIECE), 6],
  ["groups whose runs are just long enough", view(64, 64, 64), 2],
  ["groups whose runs are just too short", view(2 ** 17 / 512, 1024, 2), 4],
];

/** The values of a channel in the order in which its pieces hold them, as (o, i) in one number. */
function orderOf(groups: readonly ChannelGroup[], { inner }: ChannelView, channel: number): number[] {
  const order: number[] = [];
  for (const group of groups.filter(({ from, to }) => from <= channel && channel < to)) {
    for (const { outer, channels, inner: depth, start, stride } of group.pieces) {
      const [o, i] = [Math.floor(start / stride), (start % stride) % inner];
      expect(group.from + channels).toBe(group.to);
      for (let y = 0; y < outer; y++) for (let x = 0; x < depth; x++) order.push((o + y) * inner + i + x);
    }
  }
  return order;
}

function expectPartition(groups: readonly ChannelGroup[], { outer, channels, inner }: ChannelView): void {
  const times = new Uint8Array(outer * channels * inner);
  let c = 0;
  for (const { from, to, pieces } of groups) {
    expect(from).toBe(c);
    c = to;
    for (const { outer: height, channels: width, inner: depth, start, stride } of pieces) {
      expect(stride).toBe(channels * inner);
      for (let o = 0; o < height; o++) for (let i = 0; i < width * depth; i++) times[start + o * stride + i]!++;
    }
    // A piece of a part of a channel is of one channel.
    for (const piece of pieces) if (piece.inner < inner) expect(piece.channels).toBe(1);
  }
  expect(c).toBe(channels);
  expect(times.every((count) => count === 1)).toBe(true);
}

describe.each(views)("%s", (_, whole, pieces) => {
  const groups = channelGroups(whole);
  const { outer, channels, inner } = whole;

  it("is divided into few pieces that fit, with each value in one", () => {
    expectPartition(groups, whole);
    const all = groups.flatMap((group) => group.pieces);
    expect(all.length).toBe(pieces);
    const most = inner === 1 && channels <= 4096 ? LARGE_PIECE : PIECE;
    for (const [i, piece] of all.entries()) {
      expect(sizeOfPiece(piece)).toBe(piece.outer * piece.channels * piece.inner);
      expect(sizeOfPiece(piece), `piece ${i}`).toBeLessThanOrEqual(most);
    }
  });

  it("adds up each channel from front to back, alike where it is resident", () => {
    const resident = channelGroups(whole, true);
    expectPartition(resident, whole);
    if (inner <= PIECE) expect(resident.length).toBe(1);
    for (const channel of [0, channels - 1]) {
      const order = orderOf(groups, whole, channel);
      expect(order.length).toBe(outer * inner);
      expect(order.every((value, i) => value === i)).toBe(true);
      const cuts = (these: readonly ChannelGroup[]): number[] =>
        these.find(({ from, to }) => from <= channel && channel < to)!.pieces.map((piece) => piece.outer * piece.inner);
      expect(cuts(resident)).toEqual(cuts(groups));
    }
  });

  it("is divided into blocks of rows for a single pass", () => {
    const rows = rowGroups(whole);
    expectPartition(rows, whole);
    if (channels * inner > PIECE) return;
    expect(rows.length).toBe(1);
    const height = Math.max(1, Math.floor(2 ** 15 / (channels * inner)));
    const sizes = rows[0]!.pieces.map((piece) => piece.outer);
    expect(sizes.slice(0, -1).every((size) => size === height)).toBe(true);
    expect(sizes.at(-1)).toBeLessThanOrEqual(height);
  });
});

it("an array is visited in parts that follow each other", () => {
  for (const length of [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]) {
    const parts: [number, number][] = [];
    forEachPart(length, (from, to) => void parts.push([from, to]));
    expect(parts.length).toBe(Math.ceil(length / PIECE));
    expect(parts.flat()).toEqual(parts.flatMap((_, i) => [i * PIECE, Math.min(length, (i + 1) * PIECE)]));
  }
});
