/**
 * Splits samples into one column of values per feature, for all probes of values.
 *
 * Features are on axis 1 of [N, C] and [N, C, ...], or on the last axis of channels-last samples (`axis: -1`).
 */

import { complaint, expectObject, ShapeError, show } from "../../core/errors.js";
import type { Samples } from "../../core/samples.js";

/** The shape of samples relative to their feature axis: value (o, c, i) has the index (o * features + c) * inner + i. */
export interface SampleView {
  readonly rows: number;
  readonly outer: number;
  readonly features: number;
  readonly inner: number;
}

/** The finite values of samples, feature by feature, and the numbers of other values. */
export interface FeatureColumns {
  readonly features: number;
  /** The number of values per feature, or the sum of their weights; values that are not finite included. */
  readonly count: number;
  /** The values of feature c start at `starts[c]` and end before `starts[c + 1]`, in the order of the rows. */
  readonly values: Float64Array;
  readonly starts: Float64Array;
  /** The weight of each value. Undefined if all weights are 1. */
  readonly weights: Float64Array | undefined;
  /** The number, or the sum of the weights, of the values that are 0, NaN and infinite, per feature. */
  readonly zeros: Float64Array;
  readonly nans: Float64Array;
  readonly infinities: Float64Array;
}

/** Requires samples whose shape matches the number of values. Returns the view of the feature axis. [N] is one feature. */
export function sampleView(who: string, samples: unknown, axis: number): SampleView {
  expectObject(who, "the samples", samples);
  const { shape, data } = samples as Partial<Samples>;
  if (!Array.isArray(shape) || typeof data !== "object" || data === null || typeof data.length !== "number") {
    throw new TypeError(
      complaint(who, "samples with a shape and data", show(samples), "pass a Tensor or { shape, data }"),
    );
  }
  const sizes = shape as readonly number[];
  const printed = `shape [${sizes.join(", ")}]`;
  if (sizes.length === 0 || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(complaint(who, "a shape with rows on its first axis", printed));
  }
  const product = (from: number, to: number): number =>
    sizes.slice(from, to).reduce((size, length) => size * length, 1);
  if (data.length !== product(0, sizes.length)) {
    throw new ShapeError(complaint(who, `${product(0, sizes.length)} values for ${printed}`, `${data.length}`));
  }
  const rows = sizes[0]!;
  if (sizes.length === 1) return { rows, outer: rows, features: 1, inner: 1 };
  const at = axis < 0 ? sizes.length + axis : axis;
  if (at < 1 || at >= sizes.length) {
    const cure = "axis 1 is for [N, C] and [N, C, ...], axis -1 for channels-last samples";
    throw new ShapeError(complaint(who, `features on axis ${axis}, after the rows`, printed, cure));
  }
  return { rows, outer: product(0, at), features: sizes[at]!, inner: product(at + 1, sizes.length) };
}

/** Requires an axis other than 0, which counts the rows. */
export function expectFeatureAxis(who: string, axis: number): void {
  if (axis === 0) throw new RangeError(complaint(who, "axis to be other than 0, which counts the rows", "0"));
}

/**
 * Copies the finite values of each feature to a contiguous part of `buffer`, or of a new array without a buffer. Positions of
 * weight 0 are ignored.
 */
export function gatherColumns(
  data: ArrayLike<number>,
  view: SampleView,
  buffer?: Float64Array,
  positionWeights?: Float64Array,
): FeatureColumns {
  const { outer, features, inner } = view;
  const isMask = positionWeights?.every((weight) => weight === 0 || weight === 1) ?? true;
  const weights = isMask ? undefined : new Float64Array(data.length);
  const values = buffer ?? new Float64Array(data.length);
  const starts = new Float64Array(features + 1);
  const zeros = new Float64Array(features);
  const nans = new Float64Array(features);
  const infinities = new Float64Array(features);
  let end = 0;
  for (let c = 0; c < features; c++) {
    starts[c] = end;
    let zero = 0;
    for (let o = 0; o < outer; o++) {
      let at = (o * features + c) * inner;
      const toPosition = o * inner - at;
      for (const stop = at + inner; at < stop; at++) {
        const weight = positionWeights === undefined ? 1 : positionWeights[at + toPosition]!;
        if (weight === 0) continue;
        const x = data[at]!;
        // x - x is 0 for every finite number, and NaN for the others.
        if (x - x === 0) {
          if (weights !== undefined) weights[end] = weight;
          values[end++] = x;
          if (x === 0) zero += weight;
        } else if (x === Infinity || x === -Infinity) infinities[c]! += weight;
        else nans[c]! += weight;
      }
    }
    zeros[c] = zero;
  }
  starts[features] = end;
  const count = positionWeights?.reduce((sum, weight) => sum + weight, 0) ?? outer * inner;
  return { features, count, values, starts, weights, zeros, nans, infinities };
}
