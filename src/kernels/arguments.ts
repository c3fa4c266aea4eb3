/** What every kernel set requires of its arguments, so that the sets refuse the same calls in the same words. */

import { complaint, expectCount, expectLength, expectNumber, show } from "../ground/errors.js";
import type { Floats } from "../ground/numbers.js";
import type { ChannelView } from "../tensor/shape.js";
import type {
  AdamArguments,
  BatchNormBackwardArguments,
  ColumnSumsArguments,
  ElementwiseArguments,
  ElementwiseBackwardArguments,
  GroupNormBackwardArguments,
  GroupNormForwardArguments,
  MatmulArguments,
  MeanSquaredErrorArguments,
  NormalizeArguments,
  SGDArguments,
  SoftmaxCrossEntropyArguments,
} from "./kernels.js";

/** Requires arrays of given lengths and of one dtype. Arrays left out pass. */
function expectArrays(kernel: string, arrays: readonly (readonly [string, Floats | undefined, number])[]): void {
  let first: Floats | undefined;
  for (const [name, array, length] of arrays) {
    if (array === undefined) continue;
    if (!(array instanceof Float32Array) && !(array instanceof Float64Array)) {
      throw new TypeError(complaint(kernel, `${name} to be a Float32Array or a Float64Array`, show(array)));
    }
    expectLength(kernel, name, array, length);
    first ??= array;
    if (array.constructor !== first.constructor) {
      throw new TypeError(
        complaint(kernel, `${name} to be a ${first.constructor.name} as the other arrays are`, show(array)),
      );
    }
  }
}

/** Requires statistics: double precision, one number a channel (or a group). */
function expectStatistics(kernel: string, arrays: Readonly<Record<string, Float64Array>>, length: number): void {
  for (const [name, array] of Object.entries(arrays)) {
    if (!(array instanceof Float64Array)) {
      throw new TypeError(complaint(kernel, `${name} to be a Float64Array, whatever the dtype of x`, show(array)));
    }
    expectLength(kernel, name, array, length);
  }
}

/** Requires what every forward normalization takes. */
export function expectNormalize(
  kernel: string,
  { view, x, gamma, beta, y }: Pick<NormalizeArguments, "view" | "x" | "gamma" | "beta" | "y">,
  statistics: Readonly<Record<string, Float64Array>>,
): void {
  const size = expectView(kernel, view);
  expectArrays(kernel, [
    ["x", x, size],
    ["gamma", gamma, view.channels],
    ["beta", beta, view.channels],
    ["y", y, size],
  ]);
  expectStatistics(kernel, statistics, view.channels);
}

/** Requires what every gradient of a normalization takes. */
export function expectNormalizeBackward(kernel: string, args: BatchNormBackwardArguments): void {
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const size = expectView(kernel, view);
  expectArrays(kernel, [
    ["x", x, size],
    ["dy", dy, size],
    ["dx", dx, size],
    ["gamma", gamma, view.channels],
    ["dgamma", dgamma, view.channels],
    ["dbeta", dbeta, view.channels],
  ]);
  expectStatistics(kernel, { mean, rstd }, view.channels);
}

/** Requires the sizes of a product and arrays that fit them, whichever operand is transposed. */
export function expectMatmul(kernel: string, { rows, inner, columns, a, b, bias, out }: MatmulArguments): void {
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "inner", inner);
  expectCount(kernel, "columns", columns);
  expectArrays(kernel, [
    ["a", a, rows * inner],
    ["b", b, inner * columns],
    ["bias", bias, columns],
    ["out", out, rows * columns],
  ]);
}

/** Requires a matrix and one number a column. */
export function expectColumnSums(kernel: string, { rows, columns, x, out }: ColumnSumsArguments): void {
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "columns", columns);
  expectArrays(kernel, [
    ["x", x, rows * columns],
    ["out", out, columns],
  ]);
}

/** Requires two arrays of one length. */
export function expectElementwise(kernel: string, { x, y }: ElementwiseArguments): void {
  expectArrays(kernel, [
    ["x", x, x.length],
    ["y", y, x.length],
  ]);
}

/** Requires three arrays of one length. */
export function expectElementwiseBackward(kernel: string, { y, dy, dx }: ElementwiseBackwardArguments): void {
  expectArrays(kernel, [
    ["y", y, y.length],
    ["dy", dy, y.length],
    ["dx", dx, y.length],
  ]);
}

/** Requires the slope of a leaky ReLU. */
export function expectSlope(kernel: string, slope: number): void {
  expectNumber(kernel, "slope", slope, { low: 0, withoutLow: true });
}

/** Requires a view of at least one value, and gives its size. */
function expectView(kernel: string, { outer, channels, inner }: ChannelView): number {
  expectCount(kernel, "view.outer", outer);
  expectCount(kernel, "view.channels", channels);
  expectCount(kernel, "view.inner", inner);
  return outer * channels * inner;
}

/** Requires what the forward group normalization takes. */
export function expectGroupNorm(kernel: string, args: GroupNormForwardArguments): void {
  const { channels, x, gamma, beta, y, mean, rstd } = args;
  const size = expectGroups(kernel, args);
  expectArrays(kernel, [
    ["x", x, size],
    ["gamma", gamma, channels],
    ["beta", beta, channels],
    ["y", y, size],
  ]);
  expectStatistics(kernel, { mean, rstd }, args.samples * args.groups);
}

/** Requires what the gradient of group normalization takes. */
export function expectGroupNormBackward(kernel: string, args: GroupNormBackwardArguments): void {
  const { channels, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const size = expectGroups(kernel, args);
  expectArrays(kernel, [
    ["x", x, size],
    ["dy", dy, size],
    ["gamma", gamma, channels],
    ["dx", dx, size],
    ["dgamma", dgamma, channels],
    ["dbeta", dbeta, channels],
  ]);
  expectStatistics(kernel, { mean, rstd }, args.samples * args.groups);
}

/** Requires sizes of which the groups divide the channels, and gives the number of values. */
function expectGroups(
  kernel: string,
  { samples, groups, channels, inner }: Pick<GroupNormForwardArguments, "samples" | "groups" | "channels" | "inner">,
): number {
  expectCount(kernel, "samples", samples);
  expectCount(kernel, "groups", groups);
  expectCount(kernel, "channels", channels);
  expectCount(kernel, "inner", inner);
  if (channels % groups !== 0) {
    throw new RangeError(complaint(kernel, `groups that divide the ${channels} channels`, `${groups}`));
  }
  return samples * channels * inner;
}

/** Requires one of the two targets, labels within the classes, and arrays that fit. */
export function expectCrossEntropy(kernel: string, args: SoftmaxCrossEntropyArguments): void {
  const { rows, classes, logits, labels, probabilities, labelSmoothing, dlogits } = args;
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "classes", classes);
  if ((labels === undefined) === (probabilities === undefined)) {
    throw new TypeError(complaint(kernel, "either labels or probabilities", labels === undefined ? "neither" : "both"));
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(complaint(kernel, "labelSmoothing in [0, 1]", show(labelSmoothing)));
  }
  expectArrays(kernel, [
    ["logits", logits, rows * classes],
    ["probabilities", probabilities, rows * classes],
    ["dlogits", dlogits, rows * classes],
  ]);
  if (labels !== undefined) {
    expectLength(kernel, "labels", labels, rows);
    for (let row = 0; row < rows; row++) {
      const label = labels[row]!;
      if (!(label >= 0 && label < classes)) {
        throw new RangeError(complaint(kernel, `labels in 0..${classes - 1}`, `${label} in row ${row}`));
      }
    }
  }
}

/** Requires three arrays of one length. */
export function expectMeanSquaredError(kernel: string, args: MeanSquaredErrorArguments): void {
  const { prediction, target, dprediction } = args;
  expectArrays(kernel, [
    ["prediction", prediction, prediction.length],
    ["target", target, prediction.length],
    ["dprediction", dprediction, prediction.length],
  ]);
}

/** Requires arrays as long as the values; what the rates may be is the optimizer's to check. */
export function expectSGD(kernel: string, { values, gradient, velocity }: SGDArguments): void {
  expectArrays(kernel, [
    ["values", values, values.length],
    ["gradient", gradient, values.length],
    ["velocity", velocity, values.length],
  ]);
}

/** Requires arrays as long as the values; what the rates may be is the optimizer's to check. */
export function expectAdam(kernel: string, { values, gradient, firstMoment, secondMoment }: AdamArguments): void {
  expectArrays(kernel, [
    ["values", values, values.length],
    ["gradient", gradient, values.length],
    ["firstMoment", firstMoment, values.length],
    ["secondMoment", secondMoment, values.length],
  ]);
}
