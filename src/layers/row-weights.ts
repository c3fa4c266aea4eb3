/**
 * Row weights: batch statistics in which some rows or positions count less, or not at all (padding, masks), and the gradient
 * through them.
 *
 *     W = Σ w[p]      mean = Σ w[p] x[p] / W      variance = Σ w[p] (x[p] - mean)² / W
 *     dx[p] = gamma rstd (dy[p] - w[p] / W (Σ dy + xhat[p] Σ dy xhat))
 *
 * p runs over the positions of a channel: the rows and all other axes of the input except the feature axis. Every position is
 * normalized, even if its weight is 0 and it does not affect the statistics. The sums in the gradient run over all positions; a
 * loss that ignores the masked ones has dy = 0 there. A position with w = 0 and dy = 0 may hold any value, even NaN.
 */

import { complaint, expectObject, ShapeError, show } from "../core/errors.js";
import { type ChannelView, printShape, sameShape } from "../core/shape.js";
import { isTensor, type Tensor } from "../core/tensor.js";
import type { BatchNormBackwardArguments, MomentsArguments } from "../kernels/types.js";

/** Weights of the positions of a channel. */
export interface RowWeights {
  /** One per position (o, i) of the channel view, at o * inner + i; the largest is 1. */
  readonly weights: Float64Array;
  /** W, their sum. */
  readonly total: number;
  /** (Σ w)² / Σ w², the number of equally weighted values that carry as much information (Kish 1965). */
  readonly effectiveCount: number;
}

/**
 * Requires weights >= 0 for the first axes of the input, not counting the feature axis, and repeats them so that each position
 * has one.
 */
export function spreadRowWeights(
  name: string,
  rowWeights: ArrayLike<number> | Tensor,
  { shape }: Tensor,
  { outer, inner }: ChannelView,
  axis: number,
): RowWeights {
  expectObject(name, "rowWeights", rowWeights);
  const values: ArrayLike<number> = isTensor(rowWeights) ? rowWeights.data : rowWeights;
  const weightsShape = isTensor(rowWeights) ? rowWeights.shape : [rowWeights.length];
  const featureAxis = axis < 0 ? shape.length + axis : axis;
  const positions = shape.filter((_, index) => index !== featureAxis);
  if (featureAxis === 0) {
    throw new ShapeError(
      complaint(name, "a feature axis other than 0, the axis of the rows, in a pass with row weights", "axis 0"),
    );
  }
  if (weightsShape.length === 0 || !sameShape(weightsShape, positions.slice(0, weightsShape.length))) {
    const expected = `rowWeights of shape [${positions[0]}] or with more axes of ${printShape(positions)}`;
    throw new ShapeError(complaint(name, expected, printShape(weightsShape)));
  }
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = values[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      const expected = "row weights that are finite and not negative";
      throw new RangeError(complaint(name, expected, `${show(weight)} at index ${i}`));
    }
    largest = Math.max(largest, weight);
  }
  const weights = new Float64Array(outer * inner);
  const perWeight = weights.length / values.length;
  let total = 0;
  let squares = 0;
  for (let p = 0; p < weights.length; p++) {
    // Relative to the largest weight, because its square could overflow or underflow.
    const weight = largest === 0 ? 0 : values[Math.floor(p / perWeight)]! / largest;
    weights[p] = weight;
    total += weight;
    squares += weight * weight;
  }
  return { weights, total, effectiveCount: total === 0 ? 0 : (total * total) / squares };
}

/** Computes the weighted mean and variance of each channel, in two passes and in double precision. */
export function weightedMoments({ view, x, mean, variance }: MomentsArguments, { weights, total }: RowWeights): void {
  const { outer, channels, inner } = view;
  // Sums offsets from the first position with nonzero weight, which makes the result exact for a constant channel.
  const counts = weights.findIndex((weight) => weight > 0);
  const first = Math.floor(counts / inner) * channels * inner + (counts % inner);
  const offsets = new Float64Array(channels);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        const weight = weights[o * inner + i]!;
        if (weight !== 0) offsets[c]! += weight * (x[at]! - x[first + c * inner]!);
      }
    }
  }
  for (let c = 0; c < channels; c++) mean[c] = x[first + c * inner]! + offsets[c]! / total;
  variance.fill(0);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        const weight = weights[o * inner + i]!;
        if (weight !== 0) variance[c]! += weight * (x[at]! - mean[c]!) ** 2;
      }
    }
  }
  for (let c = 0; c < channels; c++) variance[c]! /= total;
}

/** Computes dgamma, dbeta, and dx through the weighted statistics. */
export function weightedBackward(args: BatchNormBackwardArguments, { weights, total }: RowWeights): void {
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const { outer, channels, inner } = view;
  const sumDy = new Float64Array(channels);
  const sumDyXhat = new Float64Array(channels);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        if (dy[at] === 0) continue; // 0 * NaN is NaN
        sumDy[c]! += dy[at]!;
        sumDyXhat[c]! += dy[at]! * ((x[at]! - mean[c]!) * rstd[c]!);
      }
    }
  }
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      for (let i = 0; i < inner; i++, at++) {
        const share = weights[o * inner + i]! / total;
        const xhat = (x[at]! - mean[c]!) * rstd[c]!;
        dx[at] = scale * (share === 0 ? dy[at]! : dy[at]! - share * (sumDy[c]! + xhat * sumDyXhat[c]!));
      }
    }
  }
  dgamma?.set(sumDyXhat);
  dbeta?.set(sumDy);
}
