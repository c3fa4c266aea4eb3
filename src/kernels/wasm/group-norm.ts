/**
 * Group normalization: whole samples pass through the memory. With inner > 1 each channel of each sample is a plane with
 * coefficients of its own; with inner = 1 (layer normalization of rows) each group is a line of channels.
 */

import { expectGroupNorm, expectGroupNormBackward } from "../arguments.js";
import { reciprocalStd } from "../batch-norm.js";
import * as plain from "../group-norm.js";
import type { GroupNormBackwardArguments, GroupNormForwardArguments, Kernels } from "../kernels.js";
import type { Wasm } from "./instance.js";
import { PIECE } from "./pieces.js";
import { beyondSingle, tooLargeForSingle } from "./single.js";

/** The group normalization of the WebAssembly kernel set. */
export function groupNormKernels(wasm: Wasm): Pick<Kernels, "groupNormForward" | "groupNormBackward"> {
  return {
    groupNormForward(args) {
      expectGroupNorm("groupNormForward", args);
      if (!everyPart(args, (from, to) => forward(wasm, args, from, to))) plain.groupNormForward(args);
    },
    groupNormBackward(args) {
      expectGroupNormBackward("groupNormBackward", args);
      const sums = new Float64Array(2 * args.channels);
      if (everyPart(args, (from, to) => backward(wasm, args, from, to, sums))) {
        args.dbeta?.set(sums.subarray(0, args.channels));
        args.dgamma?.set(sums.subarray(args.channels));
      } else plain.groupNormBackward(args);
    },
  };
}

/** Samples from..to at a time; false once a part says so, or where one sample is more than the memory takes at a time. */
function everyPart(
  { samples, channels, inner }: GroupNormForwardArguments | GroupNormBackwardArguments,
  compute: (from: number, to: number) => boolean,
): boolean {
  const step = Math.floor(PIECE / (channels * inner));
  if (step === 0) return false;
  for (let from = 0; from < samples; from += step) {
    if (!compute(from, Math.min(samples, from + step))) return false;
  }
  return true;
}

function forward({ memory, of }: Wasm, args: GroupNormForwardArguments, from: number, to: number): boolean {
  const { groups, channels, inner, x, gamma, beta, epsilon, y, mean, rstd } = args;
  const routines = of(x);
  const { double } = memory;
  const numbers = memory.viewLike(x);
  const bytes = x.BYTES_PER_ELEMENT;
  const single = bytes === 4;
  const perGroup = channels / groups;
  const length = perGroup * inner;
  const sample = channels * inner;
  const rows = (to - from) * groups;
  const first = from * groups;
  memory.reset();
  const at = memory.loadPart(x, from * sample, to * sample);
  const means = memory.reserveDoubles(rows);
  const sums = memory.reserveDoubles(rows);
  for (let row = 0; row < rows; row++) {
    double[means / 8 + row] = single ? 0 : numbers[at / bytes + row * length]!;
    double[sums / 8 + row] = 0;
  }
  routines.addPlanes(at, 1, rows, length, means, sums);
  for (let row = 0; row < rows; row++) {
    double[means / 8 + row]! += double[sums / 8 + row]! / length;
    double[sums / 8 + row] = 0;
  }
  routines.addSquaresOfPlanes(at, 1, rows, length, means, sums);
  for (let row = 0; row < rows; row++) {
    mean[first + row] = double[means / 8 + row]!;
    rstd[first + row] = double[sums / 8 + row]! / length; // the variance, for a moment
  }
  const part = rstd.subarray(first, first + rows);
  reciprocalStd(part, epsilon, part);

  const planes = inner === 1 ? rows : (to - from) * channels;
  const center = memory.reserve(x, planes);
  const scale = memory.reserve(x, planes);
  const shift = memory.reserve(x, planes);
  for (let i = 0; i < planes; i++) {
    const row = first + (inner === 1 ? i : Math.floor(i / perGroup));
    const c = i % channels;
    const factor = (inner === 1 || gamma === undefined ? 1 : gamma[c]!) * rstd[row]!;
    const near = single ? Math.fround(mean[row]!) : mean[row]!;
    if (single && (beyondSingle(factor) || tooLargeForSingle(near))) return false;
    numbers[center / bytes + i] = near;
    numbers[scale / bytes + i] = factor;
    numbers[shift / bytes + i] = (near - mean[row]!) * factor + (inner === 1 || beta === undefined ? 0 : beta[c]!);
  }
  if (inner === 1) {
    const weights = memory.reserve(x, channels);
    const biases = memory.reserve(x, channels);
    for (let c = 0; c < channels; c++) {
      numbers[weights / bytes + c] = gamma === undefined ? 1 : gamma[c]!;
      numbers[biases / bytes + c] = beta === undefined ? 0 : beta[c]!;
    }
    routines.affineLines(at, rows, groups, perGroup, center, scale, shift, weights, biases);
  } else {
    routines.affinePlanes(at, 1, planes, inner, center, scale, shift);
  }
  memory.store(at, y, from * sample, to * sample);
  return true;
}

/** Adds Σ dy of these samples to the first half of the channels' sums, Σ dy xhat to the second. */
function backward(
  { memory, of }: Wasm,
  args: GroupNormBackwardArguments,
  from: number,
  to: number,
  channelSums: Float64Array,
): boolean {
  const { groups, channels, inner, x, dy, gamma, mean, rstd, dx } = args;
  const routines = of(x);
  const { double } = memory;
  const numbers = memory.viewLike(x);
  const bytes = x.BYTES_PER_ELEMENT;
  const single = bytes === 4;
  const perGroup = channels / groups;
  const length = perGroup * inner;
  const sample = channels * inner;
  const first = from * groups;
  const rows = (to - from) * groups;
  const lines = inner === 1;
  memory.reset();
  const atX = memory.loadPart(x, from * sample, to * sample);
  const atDy = memory.loadPart(dy, from * sample, to * sample);
  // of each row: Σ gamma dy and Σ gamma dy xhat
  const sums = memory.reserveDoubles(2 * rows);
  if (lines) sumsOfLines();
  else sumsOfPlanes();

  // dx = scale gamma dy + (slope (x - center) + shift)
  const count = lines ? rows : (to - from) * channels;
  const [center, scale, slope, shift] = [0, 1, 2, 3].map(() => memory.reserve(x, count)) as [
    number,
    number,
    number,
    number,
  ];
  for (let i = 0; i < count; i++) {
    const row = lines ? i : Math.floor(i / perGroup);
    const r = rstd[first + row]!;
    const factor = lines || gamma === undefined ? r : gamma[i % channels]! * r;
    const perX = (-r * r * double[sums / 8 + 2 * row + 1]!) / length;
    const center64 = mean[first + row]!;
    const near = single ? Math.fround(center64) : center64;
    if (single && (beyondSingle(factor) || beyondSingle(perX) || tooLargeForSingle(near))) return false;
    numbers[center / bytes + i] = near;
    numbers[scale / bytes + i] = factor;
    numbers[slope / bytes + i] = perX;
    numbers[shift / bytes + i] = (-r * double[sums / 8 + 2 * row]!) / length + (near - center64) * perX;
  }
  if (lines) {
    const weights = memory.reserve(x, channels);
    for (let c = 0; c < channels; c++) numbers[weights / bytes + c] = gamma === undefined ? 1 : gamma[c]!;
    routines.gradientLines(atX, atDy, rows, groups, perGroup, center, scale, slope, shift, weights);
  } else {
    routines.gradientPlanes(atX, atDy, 1, count, inner, center, scale, slope, shift);
  }
  memory.store(atDy, dx, from * sample, to * sample);
  return true;

  function sumsOfLines(): void {
    const means = memory.reserveDoubles(rows);
    const scales = memory.reserveDoubles(rows);
    const weights = memory.reserveDoubles(channels);
    const sumDy = memory.reserveDoubles(2 * channels);
    const sumDyXhat = sumDy + 8 * channels;
    double.set(mean.subarray(first, first + rows), means / 8);
    double.set(rstd.subarray(first, first + rows), scales / 8);
    for (let c = 0; c < channels; c++) double[weights / 8 + c] = gamma === undefined ? 1 : gamma[c]!;
    double.set(channelSums, sumDy / 8);
    routines.addGradientsOfLines(atX, atDy, rows, groups, perGroup, means, scales, weights, sums, sumDy, sumDyXhat);
    channelSums.set(double.subarray(sumDy / 8, sumDy / 8 + 2 * channels));
  }

  function sumsOfPlanes(): void {
    const planes = (to - from) * channels;
    const means = memory.reserveDoubles(planes);
    const sumDy = memory.reserveDoubles(planes);
    const sumDyX = memory.reserveDoubles(planes);
    for (let i = 0; i < planes; i++) double[means / 8 + i] = mean[first + Math.floor(i / perGroup)]!;
    double.fill(0, sumDy / 8, sumDy / 8 + planes);
    double.fill(0, sumDyX / 8, sumDyX / 8 + planes);
    double.fill(0, sums / 8, sums / 8 + 2 * rows);
    routines.addGradientsOfPlanes(atX, atDy, 1, planes, inner, means, sumDy, sumDyX);
    for (let i = 0; i < planes; i++) {
      const row = Math.floor(i / perGroup);
      const c = i % channels;
      const g = gamma === undefined ? 1 : gamma[c]!;
      const s = double[sumDy / 8 + i]!;
      const q = double[sumDyX / 8 + i]! * rstd[first + row]!;
      double[sums / 8 + 2 * row]! += g * s;
      double[sums / 8 + 2 * row + 1]! += g * q;
      channelSums[c]! += s;
      channelSums[channels + c]! += q;
    }
  }
}
