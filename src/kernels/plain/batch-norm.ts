/**
 * Batch normalization, forward and backward: the equations as loops.
 *
 *     mean     = Σ x / M        variance = Σ (x - mean)² / M      rstd = 1 / sqrt(variance + epsilon)
 *     xhat     = (x - mean) rstd                                  y    = gamma xhat + beta
 *
 *     dbeta    = Σ dy           dgamma   = Σ dy xhat
 *     dx       = gamma rstd (dy - Σ dy / M - xhat Σ dy xhat / M)        through the statistics of the batch
 *     dx       = gamma rstd dy                                          with the statistics as constants
 *
 * All of this is per channel (feature) c, and each sum runs over the M = outer * inner values of the channel. A channel view
 * describes the layout; value (o, c, i) is at index `at` = (o * channels + c) * inner + i, and every loop runs in that order.
 *
 *     [N, C]        outer N        inner 1
 *     [N, C, H, W]  outer N        inner H W
 *     [N, H, W, C]  outer N H W    inner 1
 *
 * All sums are in double precision, whatever the dtype of x. docs/batch-norm.md derives dx in two ways.
 * Source: Ioffe & Szegedy 2015, algorithm 1 and section 3 (arXiv:1502.03167)
 */

import {
  expectBatchNormBackward,
  expectBatchNormForward,
  expectMoments,
  expectNormalize,
  expectReciprocalStd,
} from "../checks.js";
import type {
  BatchNormBackwardArguments,
  BatchNormForwardArguments,
  MomentsArguments,
  NormalizeArguments,
  ReciprocalStdArguments,
} from "../types.js";

/** Computes the mean and the (biased) variance of each channel, in two passes over x. Fast: `defaultKernels().moments`. */
export function moments(args: MomentsArguments): void {
  expectMoments("moments", args);
  const { view, x, mean, variance } = args;
  const { outer, channels, inner } = view;
  // Offsets from the channel's first value make a constant channel exact: its mean is that value, its variance 0.
  const offsets = new Float64Array(channels);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) offsets[c]! += x[at]! - x[c * inner]!;
    }
  }
  for (let c = 0; c < channels; c++) mean[c] = x[c * inner]! + offsets[c]! / (outer * inner);

  variance.fill(0);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) variance[c]! += (x[at]! - mean[c]!) ** 2;
    }
  }
  for (let c = 0; c < channels; c++) variance[c]! /= outer * inner;
}

/** Computes rstd; 0 where variance + epsilon is 0, so that a constant channel is normalized to 0, not to 0 * Infinity. */
export function reciprocalStd(args: ReciprocalStdArguments): void {
  expectReciprocalStd("reciprocalStd", args);
  const { variance, epsilon, rstd } = args;
  for (let c = 0; c < variance.length; c++) {
    rstd[c] = variance[c]! + epsilon === 0 ? 0 : 1 / Math.sqrt(variance[c]! + epsilon);
  }
}

/** Computes y from given statistics. Fast: `defaultKernels().normalize`. */
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
 * Computes the whole forward pass with the statistics of the batch, for models on bare arrays.
 * Fast: `defaultKernels().batchNormForward`.
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
  expectBatchNormForward("batchNormForward", args);
  moments(args);
  reciprocalStd(args);
  normalize(args);
}

/** Computes dx through the statistics of the batch, dgamma and dbeta. Fast: `defaultKernels().batchNormBackward`. */
export function batchNormBackward(args: BatchNormBackwardArguments): void {
  expectBatchNormBackward("batchNormBackward", args);
  const { view, x, dy, gamma, mean, rstd, dx } = args;
  const { outer, channels, inner } = view;
  const { sumDy, sumDyXhat } = parameterGradients(args);
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

/** Computes dx with the statistics as constants, dgamma and dbeta. Fast: `defaultKernels().normalizeBackward`. */
export function normalizeBackward(args: BatchNormBackwardArguments): void {
  expectBatchNormBackward("normalizeBackward", args);
  const { view, dy, gamma, rstd, dx } = args;
  const { outer, channels, inner } = view;
  parameterGradients(args);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      for (let i = 0; i < inner; i++, at++) dx[at] = scale * dy[at]!;
    }
  }
}

/** Computes Σ dy and Σ dy xhat per channel, which are dbeta and dgamma. */
function parameterGradients(args: BatchNormBackwardArguments): { sumDy: Float64Array; sumDyXhat: Float64Array } {
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
