/** Pieces: the parts of a large tensor that are processed one at a time and stay in the level-2 cache. */

import type { Floats } from "../../core/dtype.js";
import type { ChannelView } from "../../core/shape.js";
import type { Memory } from "./memory.js";

/** The number of values in a piece: 512 kB of float32. */
export const PIECE: number = 2 ** 17;
/**
 * The number of values up to which rows are a single piece. Reading them from the level-3 cache is faster than copying them in
 * again.
 */
export const LARGE_PIECE: number = 2 ** 20;
/** The number of values in a block of rows that is read once: 128 kB of float32. */
const SMALL_PIECE = 2 ** 15;
/** The number of channels up to which the coefficients are small compared with such rows. */
const FEW_CHANNELS = 2 ** 12;
/** The number of adjacent values from which a separate copy is worthwhile. */
const LONG_RUN = 1024;

/** Calls `visit` with the parts [from, to) of an array of that length, in order. */
export function forEachPart(length: number, visit: (from: number, to: number) => void): void {
  for (let from = 0; from < length; from += PIECE) visit(from, Math.min(length, from + PIECE));
}

/** A range of channels of a view, with all their values in pieces. */
export interface ChannelGroup {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
}

/** A block of values (o, c, i), of shape [outer, channels, inner]. It is contiguous once it is copied in. */
export interface Piece {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
  /** The index of the first value in the tensor. */
  readonly start: number;
  /** The distance in the tensor from the first value of one o to that of the next. */
  readonly stride: number;
}

/**
 * Divides a view into groups of channels. A group with one piece is copied in once for all passes. A group with several pieces
 * is copied in for each pass. This costs little, because it would not have stayed in the cache between passes.
 *
 * Resident tensors do not need small groups. The sums of a channel are divided in the same way in both cases, so the results
 * are bit-identical.
 */
export function channelGroups(view: ChannelView, resident = false): readonly ChannelGroup[] {
  const { outer, channels, inner } = view;
  const piece = pieceOf(view);
  const size = resident && piece.inner === inner ? { ...piece, channels } : piece;
  const stride = channels * inner;
  const groups: ChannelGroup[] = [];
  for (let c = 0; c < channels; c += size.channels) {
    const width = Math.min(size.channels, channels - c);
    const pieces: Piece[] = [];
    for (let o = 0; o < outer; o += size.outer) {
      const height = Math.min(size.outer, outer - o);
      for (let i = 0; i < inner; i += size.inner) {
        const depth = Math.min(size.inner, inner - i);
        pieces.push({ outer: height, channels: width, inner: depth, start: o * stride + c * inner + i, stride });
      }
    }
    groups.push({ from: c, to: c + width, pieces });
  }
  return groups;
}

/** Divides a view for a single pass, into blocks of a few rows with all channels. A block fits in the level-2 cache. */
export function rowGroups(view: ChannelView): readonly ChannelGroup[] {
  const { outer, channels, inner } = view;
  const stride = channels * inner;
  if (stride > PIECE) return channelGroups(view);
  const height = Math.max(1, Math.floor(SMALL_PIECE / stride));
  const pieces: Piece[] = [];
  for (let o = 0; o < outer; o += height) {
    pieces.push({ outer: Math.min(height, outer - o), channels, inner, start: o * stride, stride });
  }
  return [{ from: 0, to: channels, pieces }];
}

/**
 * Returns the size of the largest piece of a view: whole channels if their runs are long enough, or whole rows, or a part of a
 * run.
 */
function pieceOf(view: ChannelView): ChannelView {
  const { outer, channels, inner } = view;
  if (outer * channels * inner <= (inner === 1 && channels <= FEW_CHANNELS ? LARGE_PIECE : PIECE)) return view;
  const group = Math.floor(PIECE / (outer * inner));
  if (group * inner >= LONG_RUN) return { outer, channels: group, inner };
  if (inner > PIECE) return { outer: 1, channels: 1, inner: PIECE };
  const width = Math.min(channels, Math.floor(PIECE / inner));
  return { outer: Math.max(1, Math.floor(PIECE / (width * inner))), channels: width, inner };
}

/** Returns the number of values in a piece. */
export function sizeOfPiece({ outer, channels, inner }: Piece): number {
  return outer * channels * inner;
}

/** The place of a piece: the address of its first value, and the distance from one o to the next, as a number of values. */
export interface Place {
  readonly at: number;
  readonly stride: number;
}

/** Returns the place where a piece of a tensor is read or written: in the tensor if it is resident, or in scratch if not. */
export function placeOf(memory: Memory, tensor: Floats, piece: Piece, scratch: number): Place {
  const { channels, inner, start, stride } = piece;
  const resident = memory.addressOf(tensor);
  return resident === 0
    ? { at: scratch, stride: channels * inner }
    : { at: resident + start * tensor.BYTES_PER_ELEMENT, stride };
}

/** Copies a piece of a tensor to its place, if the place is in scratch. */
export function loadPiece(memory: Memory, place: Place, tensor: Floats, piece: Piece): void {
  if (memory.addressOf(tensor) !== 0) return;
  const { outer, channels, inner, start, stride } = piece;
  const run = channels * inner;
  let { at } = place;
  if (run === stride) {
    memory.load(at, tensor, start, start + outer * run);
    return;
  }
  const bytes = run * tensor.BYTES_PER_ELEMENT;
  for (let o = 0, from = start; o < outer; o++, from += stride, at += bytes) memory.load(at, tensor, from, from + run);
}

/** Copies a piece of a tensor from its place, if the place is in scratch. */
export function storePiece(memory: Memory, place: Place, tensor: Floats, piece: Piece): void {
  if (memory.addressOf(tensor) !== 0) return;
  const { outer, channels, inner, start, stride } = piece;
  const run = channels * inner;
  let { at } = place;
  if (run === stride) {
    memory.store(at, tensor, start, start + outer * run);
    return;
  }
  const bytes = run * tensor.BYTES_PER_ELEMENT;
  for (let o = 0, from = start; o < outer; o++, from += stride, at += bytes) memory.store(at, tensor, from, from + run);
}
