/** How large tensors pass through the memory: in pieces that stay in the level-2 cache. */

import type { Floats } from "../../core/dtype.js";
import type { ChannelView } from "../../core/shape.js";
import type { Memory } from "./memory.js";

/** Numbers in a piece: 512 kB of float32. */
export const PIECE: number = 2 ** 17;
/** Numbers up to which rows are one piece: reading them from the level-3 cache takes less time than copying them in again. */
export const LARGE_PIECE: number = 2 ** 20;
/** Numbers in a block of rows that is read once: 128 kB of float32. */
const SMALL_PIECE = 2 ** 15;
/** Channels up to which the coefficients are small beside such rows. */
const FEW_CHANNELS = 2 ** 12;
/** Neighbors from which a copy of their own pays. */
const LONG_RUN = 1024;

/** Calls `visit` with the parts [from, to) of an array of that length, from front to back. */
export function forEachPart(length: number, visit: (from: number, to: number) => void): void {
  for (let from = 0; from < length; from += PIECE) visit(from, Math.min(length, from + PIECE));
}

/** A range of channels of a view, with all their values in pieces. */
export interface ChannelGroup {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
}

/** The values (o, c, i) with o, c and i in ranges: [outer, channels, inner] numbers, contiguous once they are copied in. */
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
 * Divides a view into groups of channels. A group of one piece is copied in once for all passes over it; one of several
 * pieces is copied in for each pass, which costs little, since it would not have stayed in the cache between them.
 *
 * Resident tensors need no small groups. The sums of a channel are divided alike either way, so their bits are the same.
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

/** Divides a view for a single pass: all channels in blocks of a few rows, which the second cache holds. */
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

/** Returns the largest piece of a view: whole channels if their runs are long enough, else whole rows, else a part of a run. */
function pieceOf(view: ChannelView): ChannelView {
  const { outer, channels, inner } = view;
  if (outer * channels * inner <= (inner === 1 && channels <= FEW_CHANNELS ? LARGE_PIECE : PIECE)) return view;
  const group = Math.floor(PIECE / (outer * inner));
  if (group * inner >= LONG_RUN) return { outer, channels: group, inner };
  if (inner > PIECE) return { outer: 1, channels: 1, inner: PIECE };
  const width = Math.min(channels, Math.floor(PIECE / inner));
  return { outer: Math.max(1, Math.floor(PIECE / (width * inner))), channels: width, inner };
}

/** Returns how many numbers a piece holds. */
export function sizeOfPiece({ outer, channels, inner }: Piece): number {
  return outer * channels * inner;
}

/** Where a piece lies: the address of its first number, and the distance from one o to the next in numbers. */
export interface Place {
  readonly at: number;
  readonly stride: number;
}

/** Returns where a piece of a tensor is to be read or written: in the tensor, if resident, else at an address in scratch. */
export function placeOf(memory: Memory, tensor: Floats, piece: Piece, scratch: number): Place {
  const { channels, inner, start, stride } = piece;
  const resident = memory.addressOf(tensor);
  return resident === 0
    ? { at: scratch, stride: channels * inner }
    : { at: resident + start * tensor.BYTES_PER_ELEMENT, stride };
}

/** Copies a piece of a tensor to its place, if that is in scratch. */
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

/** Copies a piece of a tensor out, if its place is in scratch. */
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
