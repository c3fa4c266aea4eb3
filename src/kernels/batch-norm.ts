/**
 * Batch normalization, forward and backward: the equations as loops.
 *
 *   mean[c]     = Σ x[n,c] / M                        variance[c] = Σ (x[n,c] - mean[c])² / M
 *   rstd[c]     = 1 / sqrt(variance[c] + epsilon)     xhat[n,c]   = (x[n,c] - mean[c]) rstd[c]
 *   y[n,c]      = gamma[c] xhat[n,c] + beta[c]
 *
 *   dbeta[c]    = Σ dy[n,c]                           dgamma[c]   = Σ dy[n,c] xhat[n,c]
 *   dx[n,c]     = gamma[c] rstd[c] (dy[n,c] - dbeta[c] / M - xhat[n,c] dgamma[c] / M)
 *
 * The sums run over the M values of a channel; docs/batch-norm.md derives the last line twice. A tensor is read through
 * its channel view: [N, C] and channels-last tensors as rows of C neighbors (inner = 1), channels-first tensors as planes
 * of `inner` neighbors. Rows are taken four at a time, which reads and writes each running sum once for four values; the
 * one to three rows left over and all planes are taken neighbor by neighbor. Float64Arrays are the work of a copy of this
 * file (numerics.md, "Two copies").
 *
 * Numerics  two passes, sums in double precision whatever the dtype. The mean is found relative to the first value, so a
 *           constant channel has exactly its value as mean and exactly 0 as variance
 * Source    Ioffe & Szegedy 2015, algorithm 1 and section 3 (arXiv:1502.03167)
 */

import type { Floats } from "../ground/numbers.js";
import type { ChannelView } from "../tensor/shape.js";
import { expectNormalize, expectNormalizeBackward } from "./arguments.js";
import * as double from "./double/batch-norm.js";
import type { BatchNormBackwardArguments, BatchNormForwardArguments, NormalizeArguments } from "./kernels.js";
import { scratchFor } from "./scratch.js";

/**
 * Normalizes with the statistics of the batch, and gives them.
 *
 * Shapes    x, y as the view says · gamma, beta, mean, variance, rstd [C]
 * Cost      three passes over x
 *
 * @example
 * const x = Float32Array.of(1, 10, 2, 20, 4, 40, 5, 50);
 * const y = new Float32Array(8);
 * const [mean, variance, rstd] = [new Float64Array(2), new Float64Array(2), new Float64Array(2)];
 * batchNormForward({ view: { outer: 4, channels: 2, inner: 1 }, x, epsilon: 0, y, mean, variance, rstd });
 * mean;          // => Float64Array [3, 30]
 * variance;      // => Float64Array [2.5, 250]
 */
export function batchNormForward(args: BatchNormForwardArguments): void {
  if (args.x instanceof Float64Array) return double.batchNormForward(args);
  const { view, x, epsilon, mean, variance, rstd } = args;
  expectNormalize("batchNormForward", args, variance);
  moments(view, x, mean, variance);
  reciprocalStd(variance, epsilon, rstd);
  applyNorm(args);
}

/**
 * Normalizes with given statistics.
 *
 * Shapes    x, y as the view says · gamma, beta, mean, rstd [C]
 * Cost      one pass over x
 */
export function normalize(args: NormalizeArguments): void {
  if (args.x instanceof Float64Array) return double.normalize(args);
  expectNormalize("normalize", args);
  applyNorm(args);
}

/**
 * The gradient through the normalization and through the statistics of the batch.
 *
 * Shapes    x, dy, dx as the view says · gamma, mean, rstd, dgamma, dbeta [C]
 * Cost      two passes over x and dy
 */
export function batchNormBackward(args: BatchNormBackwardArguments): void {
  if (args.x instanceof Float64Array) return double.batchNormBackward(args);
  expectNormalizeBackward("batchNormBackward", args);
  const { view, gamma, rstd } = args;
  const m = view.outer * view.inner;
  const { a: sumDy, b: sumDyXhat, c: scale } = scratchFor(view.channels);
  gradientSums(args, sumDy, sumDyXhat);
  // dx = scale dy + slope (x - mean) + shift: from here on the scratch arrays hold shift, slope and scale
  for (let c = 0; c < view.channels; c++) {
    scale[c] = (gamma === undefined ? 1 : gamma[c]!) * rstd[c]!;
    sumDyXhat[c]! *= (-scale[c]! * rstd[c]!) / m;
    sumDy[c]! *= -scale[c]! / m;
  }
  inputGradient(args, scale, sumDyXhat, sumDy);
}

/**
 * The gradient through the normalization alone: the statistics are constants.
 *
 * Shapes    x, dy, dx as the view says · gamma, mean, rstd, dgamma, dbeta [C]
 * Cost      two passes over x and dy
 */
export function normalizeBackward(args: BatchNormBackwardArguments): void {
  if (args.x instanceof Float64Array) return double.normalizeBackward(args);
  expectNormalizeBackward("normalizeBackward", args);
  const { view, gamma, rstd } = args;
  const { a, b, c: scale } = scratchFor(view.channels);
  gradientSums(args, a, b);
  for (let c = 0; c < view.channels; c++) scale[c] = (gamma === undefined ? 1 : gamma[c]!) * rstd[c]!;
  inputGradient(args, scale, a.fill(0), b.fill(0));
}

/** rstd = 1 / sqrt(variance + epsilon), and 0 where both are 0: a constant channel is normalized to 0, not to 0 * Infinity. */
export function reciprocalStd(variance: Float64Array, epsilon: number, rstd: Float64Array): void {
  for (let c = 0; c < variance.length; c++) {
    rstd[c] = variance[c]! + epsilon === 0 ? 0 : 1 / Math.sqrt(variance[c]! + epsilon);
  }
}

function moments({ outer, channels, inner }: ChannelView, x: Floats, mean: Float64Array, variance: Float64Array): void {
  const m = outer * inner;
  const fours = inner === 1 ? outer - (outer % 4) : 0;
  const [two, three] = [2 * channels, 3 * channels];
  mean.fill(0); // pass 1: sums of the distances to the first value
  for (let n = 0; n < fours; n += 4) {
    for (let c = 0, i = n * channels; c < channels; c++, i++) {
      const first = x[c]!;
      mean[c]! += x[i]! - first + (x[i + channels]! - first) + (x[i + two]! - first + (x[i + three]! - first));
    }
  }
  for (let n = fours, i = n * channels; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      const first = x[c * inner]!;
      let sum = 0;
      for (const end = i + inner; i < end; i++) sum += x[i]! - first;
      mean[c]! += sum;
    }
  }
  for (let c = 0; c < channels; c++) mean[c] = x[c * inner]! + mean[c]! / m;
  variance.fill(0); // pass 2: sums of the squared distances to the mean
  for (let n = 0; n < fours; n += 4) {
    for (let c = 0, i = n * channels; c < channels; c++, i++) {
      const center = mean[c]!;
      const d0 = x[i]! - center;
      const d1 = x[i + channels]! - center;
      const d2 = x[i + two]! - center;
      const d3 = x[i + three]! - center;
      variance[c]! += d0 * d0 + d1 * d1 + (d2 * d2 + d3 * d3);
    }
  }
  for (let n = fours, i = n * channels; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      let squares = 0;
      for (const end = i + inner; i < end; i++) squares += (x[i]! - center) ** 2;
      variance[c]! += squares;
    }
  }
  for (let c = 0; c < channels; c++) variance[c]! /= m;
}

function applyNorm({ view, x, gamma, beta, mean, rstd, y }: NormalizeArguments): void {
  const { outer, channels, inner } = view;
  const { a: scale, b: shift } = scratchFor(channels);
  for (let c = 0; c < channels; c++) {
    scale[c] = (gamma === undefined ? 1 : gamma[c]!) * rstd[c]!;
    shift[c] = beta === undefined ? 0 : beta[c]!;
  }
  const fours = inner === 1 ? outer - (outer % 4) : 0;
  const [two, three] = [2 * channels, 3 * channels];
  for (let n = 0; n < fours; n += 4) {
    for (let c = 0, i = n * channels; c < channels; c++, i++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = shift[c]!;
      y[i] = (x[i]! - center) * k + b;
      y[i + channels] = (x[i + channels]! - center) * k + b;
      y[i + two] = (x[i + two]! - center) * k + b;
      y[i + three] = (x[i + three]! - center) * k + b;
    }
  }
  for (let n = fours, i = n * channels; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = shift[c]!;
      for (const end = i + inner; i < end; i++) y[i] = (x[i]! - center) * k + b;
    }
  }
}

/** Σ dy and Σ dy xhat of each channel, into two arrays in double precision and, where wanted, into dbeta and dgamma. */
function gradientSums(args: BatchNormBackwardArguments, sumDy: Float64Array, sumDyXhat: Float64Array): void {
  const { view, x, dy, mean, rstd, dgamma, dbeta } = args;
  const { outer, channels, inner } = view;
  const fours = inner === 1 ? outer - (outer % 4) : 0;
  const [two, three] = [2 * channels, 3 * channels];
  sumDy.fill(0, 0, channels);
  sumDyXhat.fill(0, 0, channels);
  for (let n = 0; n < fours; n += 4) {
    for (let c = 0, i = n * channels; c < channels; c++, i++) {
      const center = mean[c]!;
      const d0 = dy[i]!;
      const d1 = dy[i + channels]!;
      const d2 = dy[i + two]!;
      const d3 = dy[i + three]!;
      sumDy[c]! += d0 + d1 + (d2 + d3);
      const q01 = d0 * (x[i]! - center) + d1 * (x[i + channels]! - center);
      sumDyXhat[c]! += q01 + (d2 * (x[i + two]! - center) + d3 * (x[i + three]! - center));
    }
  }
  for (let n = fours, i = n * channels; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      let s = 0;
      let q = 0;
      for (const end = i + inner; i < end; i++) {
        s += dy[i]!;
        q += dy[i]! * (x[i]! - center);
      }
      sumDy[c]! += s;
      sumDyXhat[c]! += q;
    }
  }
  for (let c = 0; c < channels; c++) {
    sumDyXhat[c]! *= rstd[c]!;
    if (dbeta !== undefined) dbeta[c] = sumDy[c]!;
    if (dgamma !== undefined) dgamma[c] = sumDyXhat[c]!;
  }
}

/** dx = scale dy + slope (x - mean) + shift. */
function inputGradient(args: BatchNormBackwardArguments, scale: Floats, slope: Floats, shift: Floats): void {
  const { view, x, dy, mean, dx } = args;
  const { outer, channels, inner } = view;
  const fours = inner === 1 ? outer - (outer % 4) : 0;
  const [two, three] = [2 * channels, 3 * channels];
  for (let n = 0; n < fours; n += 4) {
    for (let c = 0, i = n * channels; c < channels; c++, i++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = slope[c]!;
      const d = shift[c]!;
      dx[i] = k * dy[i]! + (b * (x[i]! - center) + d);
      dx[i + channels] = k * dy[i + channels]! + (b * (x[i + channels]! - center) + d);
      dx[i + two] = k * dy[i + two]! + (b * (x[i + two]! - center) + d);
      dx[i + three] = k * dy[i + three]! + (b * (x[i + three]! - center) + d);
    }
  }
  for (let n = fours, i = n * channels; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = slope[c]!;
      const d = shift[c]!;
      for (const end = i + inner; i < end; i++) dx[i] = k * dy[i]! + (b * (x[i]! - center) + d);
    }
  }
}
