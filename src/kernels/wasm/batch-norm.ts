/**
 * Batch normalization: the passes of ../plain/batch-norm.ts, each over the pieces of a group of channels.
 *
 * Statistics and sums are doubles, as there. The last passes run in the dtype of x. In float32 the mean is split into the
 * nearest float32, which is subtracted without error from values near it, and a rest that joins the shift: a mean much
 * larger than the deviation costs no digits. Where a coefficient lies beyond the normal numbers of float32 (deviations below
 * 1e-38 or so), the plain kernels, whose arithmetic is double throughout, take the call.
 */

import { expectBatchNormBackward, expectBatchNormForward, expectMoments, expectNormalize } from "../checks.js";
import * as plain from "../plain/batch-norm.js";
import type {
  BatchNormBackwardArguments,
  BatchNormForwardArguments,
  Kernels,
  MomentsArguments,
  NormalizeArguments,
} from "../types.js";
import type { Wasm } from "./instance.js";
import type { Routines } from "./module.js";
import { type ChannelGroup, channelGroups, loadPiece, type Piece, sizeOfPiece, storePiece } from "./pieces.js";

// What float32 arithmetic can take.
const SMALLEST_SINGLE = 2 ** -126;
const LARGEST_SINGLE = 2 ** 127;

/** The batch normalization of the WebAssembly kernel set. */
export function batchNormKernels(
  wasm: Wasm,
): Pick<Kernels, "moments" | "batchNormForward" | "batchNormBackward" | "normalize" | "normalizeBackward"> {
  return {
    moments(args) {
      expectMoments("moments", args);
      for (const group of channelGroups(args.view)) {
        wasm.memory.reset();
        const at = wasm.memory.reserve(args.x, sizeOfPiece(group.pieces[0]!));
        if (group.pieces.length === 1) loadPiece(wasm.memory, at, args.x, group.pieces[0]!);
        momentsOfGroup(wasm, args, group, at);
      }
    },
    batchNormForward(args) {
      expectBatchNormForward("batchNormForward", args);
      const done = channelGroups(args.view).every((group) => normalizeGroup(wasm, args, group, args));
      if (!done) plain.batchNormForward(args);
    },
    normalize(args) {
      expectNormalize("normalize", args);
      const done = channelGroups(args.view).every((group) => normalizeGroup(wasm, args, group, undefined));
      if (!done) plain.normalize(args);
    },
    batchNormBackward(args) {
      expectBatchNormBackward("batchNormBackward", args);
      const done = channelGroups(args.view).every((group) => gradientsOfGroup(wasm, args, group, true));
      if (!done) plain.batchNormBackward(args);
    },
    normalizeBackward(args) {
      expectBatchNormBackward("normalizeBackward", args);
      const done = channelGroups(args.view).every((group) => gradientsOfGroup(wasm, args, group, false));
      if (!done) plain.normalizeBackward(args);
    },
  };
}

/**
 * Normalizes a group, with its own statistics, which go to `batch`, or with given ones. Returns false if float32 does not hold
 * the coefficients.
 */
function normalizeGroup(
  wasm: Wasm,
  args: NormalizeArguments,
  group: ChannelGroup,
  batch: BatchNormForwardArguments | undefined,
): boolean {
  const { view, x, gamma, beta, mean, rstd, y } = args;
  const { memory } = wasm;
  const routines = wasm.routinesFor(x);
  memory.reset();
  const at = memory.reserve(x, sizeOfPiece(group.pieces[0]!));
  const whole = group.pieces.length === 1;
  const load = (piece: Piece): void => {
    if (!whole) loadPiece(memory, at, x, piece);
  };
  if (whole) loadPiece(memory, at, x, group.pieces[0]!);
  if (batch !== undefined) {
    momentsOfGroup(wasm, batch, group, at);
    const { from, to } = group;
    plain.reciprocalStd({
      variance: batch.variance.subarray(from, to),
      epsilon: batch.epsilon,
      rstd: rstd.subarray(from, to),
    });
  }

  const channels = group.to - group.from;
  const center = memory.reserve(x, channels);
  const scale = memory.reserve(x, channels);
  const shift = memory.reserve(x, channels);
  const numbers = memory.viewLike(x);
  const bytes = x.BYTES_PER_ELEMENT;
  const single = bytes === 4;
  for (let i = 0; i < channels; i++) {
    const c = group.from + i;
    const factor = (gamma === undefined ? 1 : gamma[c]!) * rstd[c]!;
    const near = single ? Math.fround(mean[c]!) : mean[c]!;
    if (single && (beyondSingle(factor) || tooLargeForSingle(mean[c]!))) return false;
    numbers[center / bytes + i] = near;
    numbers[scale / bytes + i] = factor;
    numbers[shift / bytes + i] = (beta === undefined ? 0 : beta[c]!) + (near - mean[c]!) * factor;
  }
  for (const piece of group.pieces) {
    load(piece);
    const { outer, inner } = piece;
    if (view.inner === 1) routines.affineRows(at, outer, channels, center, scale, shift);
    else routines.affinePlanes(at, outer, channels, inner, center, scale, shift);
    storePiece(memory, at, y, piece);
  }
  return true;
}

/** Computes mean and variance of a group's channels, in two passes; a single piece is in the memory already. */
function momentsOfGroup(
  { memory, routinesFor }: Wasm,
  { view, x, mean, variance }: MomentsArguments,
  group: ChannelGroup,
  at: number,
): void {
  const { from, to } = group;
  const load = (piece: Piece): void => {
    if (group.pieces.length > 1) loadPiece(memory, at, x, piece);
  };
  const channels = to - from;
  const m = view.outer * view.inner;
  const routines = routinesFor(x);
  const center = memory.reserveDoubles(channels);
  const sums = memory.reserveDoubles(channels);
  const { double } = memory;
  const single = x.BYTES_PER_ELEMENT === 4;
  for (let i = 0; i < channels; i++) {
    double[center / 8 + i] = single ? 0 : x[(from + i) * view.inner]!;
    double[sums / 8 + i] = 0;
  }
  for (const piece of group.pieces) {
    load(piece);
    if (view.inner === 1) routines.addRows(at, piece.outer, channels, center, sums);
    else routines.addPlanes(at, piece.outer, channels, piece.inner, center, sums);
  }
  for (let i = 0; i < channels; i++) {
    mean[from + i] = double[center / 8 + i]! + double[sums / 8 + i]! / m;
    double[center / 8 + i] = mean[from + i]!;
    double[sums / 8 + i] = 0;
  }
  for (const piece of group.pieces) {
    load(piece);
    if (view.inner === 1) routines.addSquaresOfRows(at, piece.outer, channels, center, sums);
    else routines.addSquaresOfPlanes(at, piece.outer, channels, piece.inner, center, sums);
  }
  for (let i = 0; i < channels; i++) variance[from + i] = double[sums / 8 + i]! / m;
}

/**
 * Computes the gradients of a group, through the statistics of the batch or with constant ones. Returns false if float32 does
 * not hold the coefficients.
 */
function gradientsOfGroup(
  wasm: Wasm,
  args: BatchNormBackwardArguments,
  group: ChannelGroup,
  throughBatch: boolean,
): boolean {
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const { memory } = wasm;
  const routines = wasm.routinesFor(x);
  const m = view.outer * view.inner;
  const channels = group.to - group.from;
  memory.reset();
  const size = sizeOfPiece(group.pieces[0]!);
  const atX = memory.reserve(x, size);
  const atDy = memory.reserve(x, size);
  const whole = group.pieces.length === 1;
  const load = (piece: Piece): void => {
    loadPiece(memory, atX, x, piece);
    loadPiece(memory, atDy, dy, piece);
  };
  const means = memory.reserveDoubles(channels);
  const sumDy = memory.reserveDoubles(channels);
  const sumDyX = memory.reserveDoubles(channels);
  const { double } = memory;
  for (let i = 0; i < channels; i++) {
    double[means / 8 + i] = mean[group.from + i]!;
    double[sumDy / 8 + i] = 0;
    double[sumDyX / 8 + i] = 0;
  }
  for (const piece of group.pieces) {
    load(piece);
    addGradientSums(routines, view.inner === 1, atX, atDy, piece, means, sumDy, sumDyX);
  }

  // dx = scale dy + (slope (x - center) + shift)
  const center = memory.reserve(x, channels);
  const scale = memory.reserve(x, channels);
  const slope = memory.reserve(x, channels);
  const shift = memory.reserve(x, channels);
  const numbers = memory.viewLike(x);
  const bytes = x.BYTES_PER_ELEMENT;
  const single = bytes === 4;
  for (let i = 0; i < channels; i++) {
    const c = group.from + i;
    const r = rstd[c]!;
    const sum = double[sumDy / 8 + i]!;
    const sumXhat = double[sumDyX / 8 + i]! * r;
    if (dbeta !== undefined) dbeta[c] = sum;
    if (dgamma !== undefined) dgamma[c] = sumXhat;
    const factor = (gamma === undefined ? 1 : gamma[c]!) * r;
    const perX = throughBatch ? (sumXhat * -factor * r) / m : 0;
    const near = single ? Math.fround(mean[c]!) : mean[c]!;
    if (single && (beyondSingle(factor) || beyondSingle(perX) || tooLargeForSingle(mean[c]!))) return false;
    numbers[center / bytes + i] = near;
    numbers[scale / bytes + i] = factor;
    numbers[slope / bytes + i] = perX;
    numbers[shift / bytes + i] = (throughBatch ? (sum * -factor) / m : 0) + (near - mean[c]!) * perX;
  }
  for (const piece of group.pieces) {
    if (!whole) load(piece);
    const { outer, inner } = piece;
    if (view.inner === 1) routines.gradientRows(atX, atDy, outer, channels, center, scale, slope, shift);
    else routines.gradientPlanes(atX, atDy, outer, channels, inner, center, scale, slope, shift);
    storePiece(memory, atDy, dx, piece);
  }
  return true;
}

/** Adds a piece's Σ dy and Σ dy (x - mean) to the sums. */
function addGradientSums(
  routines: Routines,
  rows: boolean,
  atX: number,
  atDy: number,
  { outer, channels, inner }: Piece,
  means: number,
  sumDy: number,
  sumDyX: number,
): void {
  if (rows) routines.addGradientsOfRows(atX, atDy, outer, channels, means, sumDy, sumDyX);
  else routines.addGradientsOfPlanes(atX, atDy, outer, channels, inner, means, sumDy, sumDyX);
}

/** Returns whether a factor lies beyond the normal numbers of float32, with a bit in reserve; 0 and NaN do not. */
export function beyondSingle(factor: number): boolean {
  const size = Math.abs(factor);
  return size > LARGEST_SINGLE || (size < SMALLEST_SINGLE && size > 0);
}

/** Returns whether subtracting a mean could overflow float32; an infinite mean has no digits to lose. */
export function tooLargeForSingle(mean: number): boolean {
  return Math.abs(mean) > LARGEST_SINGLE && Math.abs(mean) < Infinity;
}
