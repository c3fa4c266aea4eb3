/**
 * Samples taken apart into one column of values a feature: what every probe of values starts from.
 *
 * Features lie on axis 1 of [N, C] and [N, C, ...], or on the last axis of channels-last samples (`axis: -1`).
 */

import { complaint, expectObject, ShapeError, show } from "../../core/errors.js";
import type { Samples } from "../../core/samples.js";

/** The shape of samples seen from their feature axis: value (o, c, i) stands at (o * features + c) * inner + i. */
export interface SampleView {
  readonly rows: number;
  readonly outer: number;
  readonly features: number;
  readonly inner: number;
}

/** The finite values of samples, feature after feature, and how many were not finite. */
export interface FeatureColumns {
  readonly features: number;
  /** The number of values per feature, or the sum of their weights; values that are not finite included. */
  readonly count: number;
  /** Feature c has `values[starts[c]]` up to but not including `values[starts[c + 1]]`, in the order of the rows. */
  readonly values: Float64Array;
  readonly starts: Float64Array;
  /** The weight of each of `values`; undefined if each is 1. */
  readonly weights: Float64Array | undefined;
  /** The number, or the sum of the weights, of the values that are 0, NaN and infinite, per feature. */
  readonly zeros: Float64Array;
  readonly nans: Float64Array;
  readonly infinities: Float64Array;
}

/** Requires samples whose shape holds as many values as there are, and finds the feature axis. [N] is one feature. */
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
    throw new ShapeError(complaint(who, `features on axis ${axis}, behind the rows`, printed, cure));
  }
  return { rows, outer: product(0, at), features: sizes[at]!, inner: product(at + 1, sizes.length) };
}

/** Requires an axis other than 0, which counts the rows. */
export function expectFeatureAxis(who: string, axis: number): void {
  if (axis === 0) throw new RangeError(complaint(who, "axis to be other than 0, which counts the rows", "0"));
}

/**
 * Gathers the finite values of each feature into one stretch of `buffer`, or of a new array if there is no buffer. Positions
 * of weight 0 are left out, whatever their values.
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
