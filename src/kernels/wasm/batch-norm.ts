/**
 * Batch normalization: the passes of ../plain/batch-norm.ts, over one group of channels at a time and piece by piece.
 *
 * Statistics and sums are doubles, as in the plain kernels. The last passes run in the dtype of x. In float32, the mean is
 * split into the nearest float32, which can be subtracted exactly from values close to it, and a remainder, which is added to
 * the shift. As a result, no precision is lost if the mean is much larger than the standard deviation. If a coefficient is
 * outside the normal range of float32 (standard deviations below about 1e-38), the plain kernels are used instead, because they
 * compute in double precision throughout.
 */

import type { Floats } from "../../core/dtype.js";
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
import {
  type ChannelGroup,
  channelGroups,
  loadPiece,
  type Piece,
  type Place,
  placeOf,
  rowGroups,
  sizeOfPiece,
  storePiece,
} from "./pieces.js";

// The range of normal float32 numbers.
const SMALLEST_SINGLE = 2 ** -126;
const LARGEST_SINGLE = 2 ** 127;

/** The batch normalization of the WebAssembly kernel set. */
export function batchNormKernels(
  wasm: Wasm,
): Pick<Kernels, "moments" | "batchNormForward" | "batchNormBackward" | "normalize" | "normalizeBackward"> {
  return {
    moments(args) {
      expectMoments("moments", args);
      for (const group of channelGroups(args.view, areResident(wasm, args.x))) {
        wasm.memory.reset();
        momentsOfGroup(wasm, args, group, sourceOf(wasm, args.x, group));
      }
    },
    batchNormForward(args) {
      expectBatchNormForward("batchNormForward", args);
      const groups = channelGroups(args.view, areResident(wasm, args.x, args.y));
      if (!groups.every((group) => normalizeGroup(wasm, args, group, args))) plain.batchNormForward(args);
    },
    normalize(args) {
      expectNormalize("normalize", args);
      if (!fitsSingle(args)) plain.normalize(args);
      else for (const group of rowGroups(args.view)) normalizeGroup(wasm, args, group, undefined);
    },
    batchNormBackward(args) {
      expectBatchNormBackward("batchNormBackward", args);
      if (!gradients(wasm, args, true)) plain.batchNormBackward(args);
    },
    normalizeBackward(args) {
      expectBatchNormBackward("normalizeBackward", args);
      if (!gradients(wasm, args, false)) plain.normalizeBackward(args);
    },
  };
}

function areResident({ memory }: Wasm, ...tensors: readonly Floats[]): boolean {
  return tensors.every((tensor) => memory.addressOf(tensor) !== 0);
}

/** An input tensor that the passes over a group of channels read piece by piece. */
interface Source {
  /** The address in scratch to which its pieces are copied, or 0 if the tensor is resident. */
  readonly scratch: number;
  /** Makes a piece readable and returns where it is. */
  readonly read: (piece: Piece) => Place;
}

/**
 * Returns a source for reading a tensor in several passes. If the tensor is not resident, its pieces are copied to scratch:
 * once if there is a single piece, or in each pass if there are several.
 */
function sourceOf({ memory }: Wasm, tensor: Floats, { pieces }: ChannelGroup): Source {
  const [first] = pieces as [Piece];
  const scratch = memory.addressOf(tensor) === 0 ? memory.reserve(tensor, sizeOfPiece(first)) : 0;
  const read = (piece: Piece): Place => {
    const place = placeOf(memory, tensor, piece, scratch);
    loadPiece(memory, place, tensor, piece);
    return place;
  };
  if (pieces.length > 1) return { scratch, read };
  const place = read(first);
  return { scratch, read: () => place };
}

/** Returns scratch for the pieces of an output: none if it is resident, or that of the input if the input is copied in. */
function scratchFor({ memory }: Wasm, output: Floats, input: Source, { pieces }: ChannelGroup): number {
  if (memory.addressOf(output) !== 0 || input.scratch !== 0) return input.scratch;
  return memory.reserve(output, sizeOfPiece(pieces[0]!));
}

/**
 * Normalizes a group with its own statistics, which it writes to `batch`, or with given ones. Returns false if the coefficients
 * exceed the range of float32.
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
  const source = sourceOf(wasm, x, group);
  if (batch !== undefined) {
    momentsOfGroup(wasm, batch, group, source);
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
  const scratch = scratchFor(wasm, y, source, group);
  for (const piece of group.pieces) {
    const from = source.read(piece);
    const to = placeOf(memory, y, piece, scratch);
    const { outer, inner } = piece;
    if (view.inner === 1) {
      routines.affineRows(from.at, from.stride, to.at, to.stride, outer, channels, center, scale, shift);
    } else {
      routines.affinePlanes(from.at, from.stride, to.at, to.stride, outer, channels, inner, center, scale, shift);
    }
    storePiece(memory, to, y, piece);
  }
  return true;
}

/** Computes the mean and variance of a group's channels in two passes. */
function momentsOfGroup(
  { memory, routinesFor }: Wasm,
  { view, x, mean, variance }: MomentsArguments,
  { from, to, pieces }: ChannelGroup,
  source: Source,
): void {
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
  for (const piece of pieces) {
    const { at, stride } = source.read(piece);
    if (view.inner === 1) routines.addRows(at, stride, piece.outer, channels, center, sums);
    else routines.addPlanes(at, stride, piece.outer, channels, piece.inner, center, sums);
  }
  for (let i = 0; i < channels; i++) {
    mean[from + i] = double[center / 8 + i]! + double[sums / 8 + i]! / m;
    double[center / 8 + i] = mean[from + i]!;
    double[sums / 8 + i] = 0;
  }
  for (const piece of pieces) {
    const { at, stride } = source.read(piece);
    if (view.inner === 1) routines.addSquaresOfRows(at, stride, piece.outer, channels, center, sums);
    else routines.addSquaresOfPlanes(at, stride, piece.outer, channels, piece.inner, center, sums);
  }
  for (let i = 0; i < channels; i++) variance[from + i] = double[sums / 8 + i]! / m;
}

/**
 * Computes the gradients of all groups. Returns false if the coefficients exceed the range of float32. If dx is dy, it is then
 * unchanged.
 */
function gradients(wasm: Wasm, args: BatchNormBackwardArguments, throughBatch: boolean): boolean {
  const { view, x, dy, dx } = args;
  const groups = channelGroups(view, areResident(wasm, x, dy, dx));
  const forAll = (writes: boolean): boolean =>
    groups.every((group) => gradientsOfGroup(wasm, args, group, throughBatch, writes));
  // If dx overwrites dy, no group may be written before the coefficients of all groups have been checked.
  if (dx === dy && groups.length > 1 && !forAll(false)) return false;
  return forAll(true);
}

/**
 * Computes the gradients of a group, through the statistics of the batch or with constant statistics. Returns false if the
 * coefficients exceed the range of float32.
 */
function gradientsOfGroup(
  wasm: Wasm,
  args: BatchNormBackwardArguments,
  group: ChannelGroup,
  throughBatch: boolean,
  writes: boolean,
): boolean {
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const { memory } = wasm;
  const routines = wasm.routinesFor(x);
  const m = view.outer * view.inner;
  const rows = view.inner === 1;
  const channels = group.to - group.from;
  memory.reset();
  const sourceX = sourceOf(wasm, x, group);
  const sourceDy = sourceOf(wasm, dy, group);
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
    const X = sourceX.read(piece);
    const D = sourceDy.read(piece);
    const { outer, inner } = piece;
    if (rows) {
      routines.addGradientsOfRows(X.at, X.stride, D.at, D.stride, outer, channels, means, sumDy, sumDyX);
    } else {
      routines.addGradientsOfPlanes(X.at, X.stride, D.at, D.stride, outer, channels, inner, means, sumDy, sumDyX);
    }
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
  if (!writes) return true;
  const scratch = scratchFor(wasm, dx, sourceDy, group);
  for (const piece of group.pieces) {
    const X = sourceX.read(piece);
    const D = sourceDy.read(piece);
    const to = placeOf(memory, dx, piece, scratch);
    const { outer, inner } = piece;
    if (rows) {
      routines.gradientRows(
        X.at,
        X.stride,
        D.at,
        D.stride,
        to.at,
        to.stride,
        outer,
        channels,
        center,
        scale,
        slope,
        shift,
      );
    } else {
      routines.gradientPlanes(
        X.at,
        X.stride,
        D.at,
        D.stride,
        to.at,
        to.stride,
        outer,
        channels,
        inner,
        center,
        scale,
        slope,
        shift,
      );
    }
    storePiece(memory, to, dx, piece);
  }
  return true;
}

/** Returns whether the coefficients of given statistics are in the range of float32. */
function fitsSingle({ x, gamma, mean, rstd }: NormalizeArguments): boolean {
  if (x.BYTES_PER_ELEMENT !== 4) return true;
  return mean.every((value, c) => !beyondSingle((gamma?.[c] ?? 1) * rstd[c]!) && !tooLargeForSingle(value));
}

/** Returns whether a factor is outside the normal range of float32, with a margin of one bit. 0 and NaN count as inside. */
export function beyondSingle(factor: number): boolean {
  const size = Math.abs(factor);
  return size > LARGEST_SINGLE || (size < SMALLEST_SINGLE && size > 0);
}

/**
 * Returns whether subtracting a mean could overflow float32. An infinite mean does not count, because the result is not finite
 * in any case.
 */
export function tooLargeForSingle(mean: number): boolean {
  return Math.abs(mean) > LARGEST_SINGLE && Math.abs(mean) < Infinity;
}
