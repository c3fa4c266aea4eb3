/**
 * Row weights: batch statistics in which some rows count less, or not at all (padding, masks), and the gradient through them.
 *
 *   W = Σ w[n]      mean = Σ w[n] x[n] / W      variance = Σ w[n] (x[n] - mean)² / W
 *   dx[n] = gamma rstd (dy[n] - w[n] (Σ dy + xhat[n] Σ dy xhat) / W)
 *
 * Every row is normalized, also one of weight 0; it only has no say in the statistics. The sums of the gradient run over all
 * rows: a loss that ignores the masked ones has dy = 0 there.
 */

import { complaint, expectLength, expectObject, ShapeError, show } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import type { BatchNormBackwardArguments } from "../kernels/types.js";
import type { ChannelView } from "../core/shape.js";

/** Weights of the rows of a batch, one for each neighborhood of a channel view: weight of (o, c, i) is `of[floor(o / run)]`. */
export interface RowWeights {
  readonly of: Float64Array;
  /** How many outer places of the view belong to one row. */
  readonly run: number;
  /** W, times the values per row and channel. */
  readonly total: number;
  /** (Σ w)² / Σ w², times the values per row and channel: as many values of equal weight would say as much. */
  readonly effectiveCount: number;
}

/** Requires one weight a row, none negative, and gets them ready. */
export function rowWeights(name: string, weights: ArrayLike<number>, rows: number, view: ChannelView): RowWeights {
  if (view.outer < rows) {
    throw new ShapeError(complaint(name, "row weights for features on another axis than the rows, axis 0", "axis 0"));
  }
  expectObject(name, "rowWeights", weights);
  expectLength(name, "rowWeights", weights, rows);
  const of = Float64Array.from(weights);
  const bad = of.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (bad >= 0) {
    throw new RangeError(
      complaint(name, "row weights that are finite and not negative", `${show(of[bad])} in row ${bad}`),
    );
  }
  let sum = 0;
  let squares = 0;
  for (const weight of of) {
    sum += weight;
    squares += weight * weight;
  }
  const valuesPerRow = (view.outer / rows) * view.inner;
  const effectiveCount = sum === 0 ? 0 : ((sum * sum) / squares) * valuesPerRow;
  return { of, run: view.outer / rows, total: sum * valuesPerRow, effectiveCount };
}

/** Mean and variance of each channel under the weights, by two passes in double precision. */
export function weightedMoments(
  view: ChannelView,
  x: Floats,
  { of, run, total }: RowWeights,
  mean: Float64Array,
  variance: Float64Array,
): void {
  mean.fill(0);
  variance.fill(0);
  // Relative to the first row that counts, so that a constant channel has variance 0; a row that does not count may hold anything.
  const first = of.findIndex((weight) => weight > 0) * run * view.channels * view.inner;
  forEachRun(view, (at, end, c, o) => {
    const weight = of[Math.floor(o / run)]!;
    if (weight === 0) return;
    const center = x[first + c * view.inner]!;
    for (; at < end; at++) mean[c]! += weight * (x[at]! - center);
  });
  for (let c = 0; c < view.channels; c++) mean[c] = x[first + c * view.inner]! + mean[c]! / total;
  forEachRun(view, (at, end, c, o) => {
    const weight = of[Math.floor(o / run)]!;
    if (weight === 0) return;
    for (; at < end; at++) variance[c]! += weight * (x[at]! - mean[c]!) ** 2;
  });
  for (let c = 0; c < view.channels; c++) variance[c]! /= total;
}

/** Completes dx = gamma rstd dy, as `normalizeBackward` leaves it, by the gradient through the weighted statistics. */
export function addWeightedStatisticsGradient(args: BatchNormBackwardArguments, { of, run, total }: RowWeights): void {
  const { view, x, dy, gamma, mean, rstd, dx } = args;
  const sumDy = new Float64Array(view.channels);
  const sumDyXhat = new Float64Array(view.channels);
  forEachRun(view, (at, end, c) => {
    for (; at < end; at++) {
      sumDy[c]! += dy[at]!;
      sumDyXhat[c]! += dy[at]! * (x[at]! - mean[c]!) * rstd[c]!;
    }
  });
  forEachRun(view, (at, end, c, o) => {
    const weight = of[Math.floor(o / run)]!;
    if (weight === 0) return;
    const scale = ((gamma?.[c] ?? 1) * rstd[c]! * weight) / total;
    for (; at < end; at++) dx[at]! -= scale * (sumDy[c]! + (x[at]! - mean[c]!) * rstd[c]! * sumDyXhat[c]!);
  });
}

function forEachRun(
  { outer, channels, inner }: ChannelView,
  visit: (start: number, end: number, channel: number, outer: number) => void,
): void {
  for (let o = 0, at = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++, at += inner) visit(at, at + inner, c, o);
  }
}
