/**
 * Row weights: batch statistics in which some rows count less, or not at all (padding, masks), and the gradient through them.
 *
 *   W = Σ w[n]      mean = Σ w[n] x[n] / W      variance = Σ w[n] (x[n] - mean)² / W
 *   dx[n] = gamma rstd (dy[n] - w[n] / W (Σ dy + xhat[n] Σ dy xhat))
 *
 * Every row is normalized, a row of weight 0 too; it only has no influence on the statistics. The sums of the gradient run over
 * all rows: a loss that ignores the masked ones has dy = 0 there. A row with w = 0 and dy = 0 may hold anything, even NaN.
 */

import { complaint, expectLength, expectObject, ShapeError, show } from "../core/errors.js";
import type { ChannelView } from "../core/shape.js";
import type { BatchNormBackwardArguments, MomentsArguments } from "../kernels/types.js";

/** One weight per outer index of a channel view. */
export interface RowWeights {
  readonly weights: Float64Array;
  /** W, the sum of the weights over the values of a channel. */
  readonly total: number;
  /** (Σ w)² / Σ w² over the values of a channel: so many values of equal weight have as much information (Kish 1965). */
  readonly effectiveCount: number;
}

/** Requires one weight per row, none negative, and spreads them over the view. */
export function rowWeights(name: string, given: ArrayLike<number>, rows: number, view: ChannelView): RowWeights {
  if (view.outer < rows) {
    throw new ShapeError(complaint(name, "row weights for features on another axis than the rows, axis 0", "axis 0"));
  }
  expectObject(name, "rowWeights", given);
  expectLength(name, "rowWeights", given, rows);
  const perRow = view.outer / rows;
  const weights = new Float64Array(view.outer);
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < rows; row++) {
    const weight = given[row]!;
    if (!(weight >= 0 && weight < Infinity)) {
      const expected = "row weights that are finite and not negative";
      throw new RangeError(complaint(name, expected, `${show(weight)} in row ${row}`));
    }
    weights.fill(weight, row * perRow, (row + 1) * perRow);
    sum += weight;
    squares += weight * weight;
  }
  const valuesPerRow = perRow * view.inner;
  const effectiveCount = sum === 0 ? 0 : ((sum * sum) / squares) * valuesPerRow;
  return { weights, total: sum * valuesPerRow, effectiveCount };
}

/** Mean and variance of each channel under the weights, in two passes in double precision. */
export function weightedMoments({ view, x, mean, variance }: MomentsArguments, { weights, total }: RowWeights): void {
  const { outer, channels, inner } = view;
  // Relative to the first row that counts, so that a constant channel has variance 0.
  const first = weights.findIndex((weight) => weight > 0) * channels * inner;
  mean.fill(0);
  variance.fill(0);
  for (let o = 0, at = 0; o < outer; o++) {
    const weight = weights[o]!;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        if (weight !== 0) mean[c]! += weight * (x[at]! - x[first + c * inner]!);
      }
    }
  }
  for (let c = 0; c < channels; c++) mean[c] = x[first + c * inner]! + mean[c]! / total;
  for (let o = 0, at = 0; o < outer; o++) {
    const weight = weights[o]!;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < inner; i++, at++) {
        if (weight !== 0) variance[c]! += weight * (x[at]! - mean[c]!) ** 2;
      }
    }
  }
  for (let c = 0; c < channels; c++) variance[c]! /= total;
}

/** dx, dgamma and dbeta, through the weighted statistics. */
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
    const share = weights[o]! / total;
    for (let c = 0; c < channels; c++) {
      const scale = (gamma ? gamma[c]! : 1) * rstd[c]!;
      for (let i = 0; i < inner; i++, at++) {
        const xhat = (x[at]! - mean[c]!) * rstd[c]!;
        dx[at] = scale * (share === 0 ? dy[at]! : dy[at]! - share * (sumDy[c]! + xhat * sumDyXhat[c]!));
      }
    }
  }
  dgamma?.set(sumDyXhat);
  dbeta?.set(sumDy);
}
