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
 * of `inner` neighbors. Rows are taken four at a time, which reads and writes each running sum once for four values.
 *
 * Numerics  two passes, sums in double precision whatever the dtype. The mean is found relative to the first value, so a
 *           constant channel has exactly its value as mean and exactly 0 as variance
 * Source    Ioffe & Szegedy 2015, algorithm 1 and section 3 (arXiv:1502.03167)
 */

import type { Floats } from "../ground/numbers.js";
import type { ChannelView } from "../tensor/shape.js";
import { expectNormalize, expectNormalizeBackward } from "./arguments.js";
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
    const square = variance[c]! + epsilon;
    rstd[c] = square === 0 ? 0 : 1 / Math.sqrt(square);
  }
}

function moments({ outer, channels, inner }: ChannelView, x: Floats, mean: Float64Array, variance: Float64Array): void {
  const m = outer * inner;
  mean.fill(0);
  variance.fill(0);
  if (inner === 1) {
    // pass 1: sums of the distances to the first row
    let n = 1;
    for (; n + 4 <= outer; n += 4) {
      const [r0, r1, r2, r3] = [n * channels, (n + 1) * channels, (n + 2) * channels, (n + 3) * channels];
      for (let c = 0; c < channels; c++) {
        const first = x[c]!;
        mean[c]! += x[r0 + c]! - first + (x[r1 + c]! - first) + (x[r2 + c]! - first + (x[r3 + c]! - first));
      }
    }
    for (; n < outer; n++) for (let c = 0, r = n * channels; c < channels; c++) mean[c]! += x[r + c]! - x[c]!;
    for (let c = 0; c < channels; c++) mean[c] = x[c]! + mean[c]! / m;
    // pass 2: sums of the squared distances to the mean
    for (n = 0; n + 4 <= outer; n += 4) {
      const [r0, r1, r2, r3] = [n * channels, (n + 1) * channels, (n + 2) * channels, (n + 3) * channels];
      for (let c = 0; c < channels; c++) {
        const center = mean[c]!;
        const d0 = x[r0 + c]! - center;
        const d1 = x[r1 + c]! - center;
        const d2 = x[r2 + c]! - center;
        const d3 = x[r3 + c]! - center;
        variance[c]! += d0 * d0 + d1 * d1 + (d2 * d2 + d3 * d3);
      }
    }
    for (; n < outer; n++)
      for (let c = 0, r = n * channels; c < channels; c++) variance[c]! += (x[r + c]! - mean[c]!) ** 2;
    for (let c = 0; c < channels; c++) variance[c]! /= m;
    return;
  }
  for (let c = 0; c < channels; c++) {
    const first = x[c * inner]!;
    let sum = 0;
    for (let o = 0; o < outer; o++) {
      const start = (o * channels + c) * inner;
      for (let at = start; at < start + inner; at++) sum += x[at]! - first;
    }
    mean[c] = first + sum / m;
    const center = mean[c]!;
    let squares = 0;
    for (let o = 0; o < outer; o++) {
      const start = (o * channels + c) * inner;
      for (let at = start; at < start + inner; at++) squares += (x[at]! - center) ** 2;
    }
    variance[c] = squares / m;
  }
}

function applyNorm({ view, x, gamma, beta, mean, rstd, y }: NormalizeArguments): void {
  const { outer, channels, inner } = view;
  const { a: scale, b: shift } = scratchFor(channels);
  for (let c = 0; c < channels; c++) {
    scale[c] = (gamma === undefined ? 1 : gamma[c]!) * rstd[c]!;
    shift[c] = beta === undefined ? 0 : beta[c]!;
  }
  if (inner === 1) {
    for (let n = 0, r = 0; n < outer; n++, r += channels) {
      for (let c = 0; c < channels; c++) y[r + c] = (x[r + c]! - mean[c]!) * scale[c]! + shift[c]!;
    }
    return;
  }
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = shift[c]!;
      for (const end = at + inner; at < end; at++) y[at] = (x[at]! - center) * k + b;
    }
  }
}

/** Σ dy and Σ dy xhat of each channel, into two arrays in double precision and, where wanted, into dbeta and dgamma. */
function gradientSums(args: BatchNormBackwardArguments, sumDy: Float64Array, sumDyXhat: Float64Array): void {
  const { view, x, dy, mean, rstd, dgamma, dbeta } = args;
  const { outer, channels, inner } = view;
  sumDy.fill(0);
  sumDyXhat.fill(0);
  if (inner === 1) {
    let n = 0;
    for (; n + 4 <= outer; n += 4) {
      const [r0, r1, r2, r3] = [n * channels, (n + 1) * channels, (n + 2) * channels, (n + 3) * channels];
      for (let c = 0; c < channels; c++) {
        const center = mean[c]!;
        const d0 = dy[r0 + c]!;
        const d1 = dy[r1 + c]!;
        const d2 = dy[r2 + c]!;
        const d3 = dy[r3 + c]!;
        sumDy[c]! += d0 + d1 + (d2 + d3);
        sumDyXhat[c]! +=
          d0 * (x[r0 + c]! - center) +
          d1 * (x[r1 + c]! - center) +
          (d2 * (x[r2 + c]! - center) + d3 * (x[r3 + c]! - center));
      }
    }
    for (; n < outer; n++) {
      for (let c = 0, r = n * channels; c < channels; c++) {
        sumDy[c]! += dy[r + c]!;
        sumDyXhat[c]! += dy[r + c]! * (x[r + c]! - mean[c]!);
      }
    }
  } else {
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) {
        const center = mean[c]!;
        let s = 0;
        let q = 0;
        for (const end = at + inner; at < end; at++) {
          s += dy[at]!;
          q += dy[at]! * (x[at]! - center);
        }
        sumDy[c]! += s;
        sumDyXhat[c]! += q;
      }
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
  if (inner === 1) {
    for (let n = 0, r = 0; n < outer; n++, r += channels) {
      for (let c = 0; c < channels; c++) {
        dx[r + c] = scale[c]! * dy[r + c]! + (slope[c]! * (x[r + c]! - mean[c]!) + shift[c]!);
      }
    }
    return;
  }
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const center = mean[c]!;
      const k = scale[c]!;
      const b = slope[c]!;
      const d = shift[c]!;
      for (const end = at + inner; at < end; at++) dx[at] = k * dy[at]! + (b * (x[at]! - center) + d);
    }
  }
}
