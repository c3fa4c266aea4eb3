/**
 * Batch normalization, forward and backward: the equations as loops.
 *
 *   mean[c]  = Σ x / M        variance[c] = Σ (x - mean[c])² / M        rstd[c] = 1 / sqrt(variance[c] + epsilon)
 *   xhat     = (x - mean[c]) rstd[c]                                    y       = gamma[c] xhat + beta[c]
 *
 *   dbeta[c] = Σ dy           dgamma[c]   = Σ dy xhat
 *   dx       = gamma[c] rstd[c] (dy - dbeta[c] / M - xhat dgamma[c] / M)
 *
 * Each sum runs over the M = outer * inner values of channel c. docs/batch-norm.md derives the last line twice.
 *
 * Every loop reads a tensor in memory order through its channel view: value (o, c, i) is at index
 * `at` = (o * channels + c) * inner + i. All sums are in double precision, whatever the dtype of x.
 *
 * Source: Ioffe & Szegedy 2015, algorithm 1 and section 3 (arXiv:1502.03167)
 */

import { expectBatchNormBackward, expectMoments, expectNormalize } from "../checks.js";
import type {
  BatchNormBackwardArguments,
  BatchNormForwardArguments,
  MomentsArguments,
  NormalizeArguments,
} from "../types.js";

/** mean = Σ x / M and variance = Σ (x - mean)² / M per channel, in two passes over x. */
export function moments(args: MomentsArguments): void {
  expectMoments("moments", args);
  const { view, x, mean, variance } = args;
  const { outer, channels, inner } = view;
  // The mean is found relative to the channel's first value: a constant channel has exactly that mean, and variance 0.
  mean.fill(0);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) mean[c]! += x[at]! - x[c * inner]!;
    }
  }
  for (let c = 0; c < channels; c++) mean[c] = x[c * inner]! + mean[c]! / (outer * inner);

  variance.fill(0);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) variance[c]! += (x[at]! - mean[c]!) ** 2;
    }
  }
  for (let c = 0; c < channels; c++) variance[c]! /= outer * inner;
}

/** rstd = 1 / sqrt(variance + epsilon), and 0 where both are 0: a constant channel is normalized to 0, not to 0 * Infinity. */
export function reciprocalStd(variance: Float64Array, epsilon: number, rstd: Float64Array): void {
  for (let c = 0; c < variance.length; c++) {
    rstd[c] = variance[c]! + epsilon === 0 ? 0 : 1 / Math.sqrt(variance[c]! + epsilon);
  }
}

/** y = gamma xhat + beta, with given statistics. */
export function normalize(args: NormalizeArguments): void {
  expectNormalize("normalize", args);
  const { view, x, gamma, beta, mean, rstd, y } = args;
  const { outer, channels, inner } = view;
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      const shift = beta ? beta[c]! : 0;
      for (let i = 0; i < inner; i++, at++) y[at] = (x[at]! - mean[c]!) * scale + shift;
    }
  }
}

/**
 * The whole forward pass: `moments`, `reciprocalStd`, `normalize`.
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
  expectMoments("batchNormForward", args);
  expectNormalize("batchNormForward", args);
  moments(args);
  reciprocalStd(args.variance, args.epsilon, args.rstd);
  normalize(args);
}

/** dx, dgamma and dbeta, through the statistics of the batch. */
export function batchNormBackward(args: BatchNormBackwardArguments): void {
  expectBatchNormBackward("batchNormBackward", args);
  const { view, x, dy, gamma, mean, rstd, dx } = args;
  const { outer, channels, inner } = view;
  const { sumDy, sumDyXhat } = gradientSums(args);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      const meanDy = sumDy[c]! / (outer * inner);
      const meanDyXhat = sumDyXhat[c]! / (outer * inner);
      for (let i = 0; i < inner; i++, at++) {
        const xhat = (x[at]! - mean[c]!) * rstd[c]!;
        dx[at] = scale * (dy[at]! - meanDy - xhat * meanDyXhat);
      }
    }
  }
}

/** dx = gamma rstd dy, dgamma and dbeta, with the statistics as constants. */
export function normalizeBackward(args: BatchNormBackwardArguments): void {
  expectBatchNormBackward("normalizeBackward", args);
  const { view, dy, gamma, rstd, dx } = args;
  const { outer, channels, inner } = view;
  gradientSums(args);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      for (let i = 0; i < inner; i++, at++) dx[at] = scale * dy[at]!;
    }
  }
}

/** Σ dy and Σ dy xhat per channel, which are also dbeta and dgamma. */
function gradientSums(args: BatchNormBackwardArguments): { sumDy: Float64Array; sumDyXhat: Float64Array } {
  const { view, x, dy, mean, rstd, dgamma, dbeta } = args;
  const { outer, channels, inner } = view;
  const sumDy = new Float64Array(channels);
  const sumDyXhat = new Float64Array(channels);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        sumDy[c]! += dy[at]!;
        sumDyXhat[c]! += dy[at]! * ((x[at]! - mean[c]!) * rstd[c]!);
      }
    }
  }
  dbeta?.set(sumDy);
  dgamma?.set(sumDyXhat);
  return { sumDy, sumDyXhat };
}
