/** Checks of the arguments, shared by the kernel sets: all refuse the same calls with the same errors. */

import { complaint, expectCount, expectLength, expectNumber, show } from "../core/errors.js";
import { type Floats, isFloats, typedArrayName } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";
import type {
  AdamArguments,
  BatchNormBackwardArguments,
  ColumnSumsArguments,
  ElementwiseArguments,
  ElementwiseBackwardArguments,
  MatmulArguments,
  MeanSquaredErrorArguments,
  MomentsArguments,
  NormalizeArguments,
  ReciprocalStdArguments,
  SGDArguments,
  SoftmaxCrossEntropyArguments,
} from "./types.js";

/** Whether a value is of this realm's class: reading the tag of a typed array instead would take a tenth of a small call. */
function isOwn(
  value: { readonly constructor: unknown } | null,
  array: typeof Float32Array | typeof Float64Array,
): boolean {
  return value?.constructor === array;
}

/** Requires an array of a given length and of the dtype of another; `undefined` passes. */
function expectArray(kernel: string, name: string, array: Floats | undefined, length: number, like: Floats): void {
  if (array === undefined) return;
  if (!isOwn(array, Float32Array) && !isOwn(array, Float64Array) && !isFloats(array)) {
    throw new TypeError(complaint(kernel, `${name} to be a Float32Array or a Float64Array`, show(array)));
  }
  expectLength(kernel, name, array, length);
  if (array.BYTES_PER_ELEMENT !== like.BYTES_PER_ELEMENT) {
    const expected = `${name} to be a ${typedArrayName(like)} like the other arrays`;
    throw new TypeError(complaint(kernel, expected, show(array)));
  }
}

/** Requires a statistic: double precision, one number per channel. */
function expectStatistic(kernel: string, name: string, array: Float64Array, length: number): void {
  if (!isOwn(array, Float64Array) && typedArrayName(array) !== "Float64Array") {
    throw new TypeError(complaint(kernel, `${name} to be a Float64Array, whatever the dtype of x`, show(array)));
  }
  expectLength(kernel, name, array, length);
}

/** Requires the arguments of `moments`. */
export function expectMoments(kernel: string, { view, x, mean, variance }: MomentsArguments): void {
  expectArray(kernel, "x", x, expectView(kernel, view), x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "variance", variance, view.channels);
}

/** Requires what the reciprocal standard deviation takes. */
export function expectReciprocalStd(kernel: string, { variance, epsilon, rstd }: ReciprocalStdArguments): void {
  expectStatistic(kernel, "variance", variance, variance.length);
  expectNumber(kernel, "epsilon", epsilon, { low: 0 });
  expectStatistic(kernel, "rstd", rstd, variance.length);
}

/** Requires the arguments that all forward normalizations share. */
export function expectNormalize(kernel: string, { view, x, gamma, beta, y, mean, rstd }: NormalizeArguments): void {
  const size = expectView(kernel, view);
  expectArray(kernel, "x", x, size, x);
  expectArray(kernel, "gamma", gamma, view.channels, x);
  expectArray(kernel, "beta", beta, view.channels, x);
  expectArray(kernel, "y", y, size, x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "rstd", rstd, view.channels);
}

/** Requires the arguments of both gradients of a normalization. */
export function expectBatchNormBackward(kernel: string, args: BatchNormBackwardArguments): void {
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const size = expectView(kernel, view);
  expectArray(kernel, "x", x, size, x);
  expectArray(kernel, "dy", dy, size, x);
  expectArray(kernel, "dx", dx, size, x);
  expectArray(kernel, "gamma", gamma, view.channels, x);
  expectArray(kernel, "dgamma", dgamma, view.channels, x);
  expectArray(kernel, "dbeta", dbeta, view.channels, x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "rstd", rstd, view.channels);
}

/** Requires the sizes of a matrix product and arrays that fit them, whichever operand is transposed. */
export function expectMatmul(kernel: string, { rows, inner, columns, a, b, bias, out }: MatmulArguments): void {
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "inner", inner);
  expectCount(kernel, "columns", columns);
  expectArray(kernel, "a", a, rows * inner, a);
  expectArray(kernel, "b", b, inner * columns, a);
  expectArray(kernel, "bias", bias, columns, a);
  expectArray(kernel, "out", out, rows * columns, a);
}

/** Requires a matrix and one number per column. */
export function expectColumnSums(kernel: string, { rows, columns, x, out }: ColumnSumsArguments): void {
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "columns", columns);
  expectArray(kernel, "x", x, rows * columns, x);
  expectArray(kernel, "out", out, columns, x);
}

/** Requires two arrays of one length. */
export function expectElementwise(kernel: string, { x, y }: ElementwiseArguments): void {
  expectArray(kernel, "x", x, x.length, x);
  expectArray(kernel, "y", y, x.length, x);
}

/** Requires three arrays of one length. */
export function expectElementwiseBackward(kernel: string, { y, dy, dx }: ElementwiseBackwardArguments): void {
  expectArray(kernel, "y", y, y.length, y);
  expectArray(kernel, "dy", dy, y.length, y);
  expectArray(kernel, "dx", dx, y.length, y);
}

/** Requires the slope of a leaky ReLU. */
export function expectSlope(kernel: string, slope: number): void {
  expectNumber(kernel, "slope", slope, { low: 0, withoutLow: true });
}

/** Requires a view of at least one value; returns its size. */
function expectView(kernel: string, { outer, channels, inner }: ChannelView): number {
  expectCount(kernel, "view.outer", outer);
  expectCount(kernel, "view.channels", channels);
  expectCount(kernel, "view.inner", inner);
  return outer * channels * inner;
}

/** Requires exactly one of the two targets, labels within the classes, and arrays that fit. */
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
  expectArray(kernel, "logits", logits, rows * classes, logits);
  expectArray(kernel, "probabilities", probabilities, rows * classes, logits);
  expectArray(kernel, "dlogits", dlogits, rows * classes, logits);
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
  expectArray(kernel, "prediction", prediction, prediction.length, prediction);
  expectArray(kernel, "target", target, prediction.length, prediction);
  expectArray(kernel, "dprediction", dprediction, prediction.length, prediction);
}

/** Requires arrays as long as the values; the ranges of the rates are checked by the optimizers. */
export function expectSGD(kernel: string, { values, gradient, velocity }: SGDArguments): void {
  expectArray(kernel, "values", values, values.length, values);
  expectArray(kernel, "gradient", gradient, values.length, values);
  expectArray(kernel, "velocity", velocity, values.length, values);
}

/** Requires arrays as long as the values; the ranges of the rates are checked by the optimizers. */
export function expectAdam(kernel: string, { values, gradient, firstMoment, secondMoment }: AdamArguments): void {
  expectArray(kernel, "values", values, values.length, values);
  expectArray(kernel, "gradient", gradient, values.length, values);
  expectArray(kernel, "firstMoment", firstMoment, values.length, values);
  expectArray(kernel, "secondMoment", secondMoment, values.length, values);
}
