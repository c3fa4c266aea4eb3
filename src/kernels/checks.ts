/** Checks of the arguments, shared by the kernel sets: all refuse the same calls with the same errors. */

import {
  complaint,
  expectBoolean,
  expectCount,
  expectLength,
  expectNumber,
  expectObject,
  isDetached,
  show,
} from "../core/errors.js";
import { type Floats, isFloats, typedArrayName } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";
import type {
  AdamArguments,
  BatchNormBackwardArguments,
  BatchNormForwardArguments,
  ColumnSumsArguments,
  Convolve2dArguments,
  Convolve2dGradInputArguments,
  Convolve2dGradWeightArguments,
  ElementwiseArguments,
  ElementwiseBackwardArguments,
  MatmulArguments,
  MaxPool2dArguments,
  MaxPool2dGradientArguments,
  MeanSquaredErrorArguments,
  MomentsArguments,
  NormalizeArguments,
  ReciprocalStdArguments,
  SGDArguments,
  SoftmaxCrossEntropyArguments,
  WindowShape,
} from "./types.js";

/** Returns whether a value is of this realm's class: reading the tag of a typed array instead would take a tenth of a small call. */
function isOwn(
  value: { readonly constructor: unknown } | null | undefined,
  array: typeof Float32Array | typeof Float64Array,
): boolean {
  return value?.constructor === array;
}

/** Requires Float32Array or Float64Array, and returns its length. */
function expectFloats(kernel: string, name: string, array: Floats): number {
  if (!isOwn(array, Float32Array) && !isOwn(array, Float64Array) && !isFloats(array)) {
    throw new TypeError(complaint(kernel, `${name} to be a Float32Array or a Float64Array`, show(array)));
  }
  const { length } = array;
  if (length === 0 && isDetached(array)) expectLength(kernel, name, array, 1);
  return length;
}

/** Requires an array of a given length and of the dtype of another. */
function expectArray(kernel: string, name: string, array: Floats, length: number, like: Floats): void {
  expectFloats(kernel, name, array);
  expectLength(kernel, name, array, length);
  if (array.BYTES_PER_ELEMENT !== like.BYTES_PER_ELEMENT) {
    const expected = `${name} to be a ${typedArrayName(like)} like the other arrays`;
    throw new TypeError(complaint(kernel, expected, show(array)));
  }
}

/** Requires the same of an array that may be left out. */
function expectOptionalArray(
  kernel: string,
  name: string,
  array: Floats | undefined,
  length: number,
  like: Floats,
): void {
  if (array !== undefined) expectArray(kernel, name, array, length, like);
}

/** Requires a statistic: double precision, one number per channel. */
export function expectStatistic(kernel: string, name: string, array: Float64Array, length: number): void {
  if (!isOwn(array, Float64Array) && typedArrayName(array) !== "Float64Array") {
    throw new TypeError(complaint(kernel, `${name} to be a Float64Array, whatever the dtype of x`, show(array)));
  }
  expectLength(kernel, name, array, length);
}

/** Requires a finite number. */
function expectFinite(kernel: string, name: string, value: number): void {
  if (!Number.isFinite(value)) expectNumber(kernel, name, value, { low: -Infinity });
}

function expectArguments(kernel: string, args: object): void {
  expectObject(kernel, "the arguments", args);
}

/** Requires a view of at least one value; returns its size. */
function expectView(kernel: string, view: ChannelView): number {
  expectObject(kernel, "view", view);
  const { outer, channels, inner } = view;
  expectCount(kernel, "view.outer", outer);
  expectCount(kernel, "view.channels", channels);
  expectCount(kernel, "view.inner", inner);
  return outer * channels * inner;
}

/** Checks the arguments of `moments`. */
export function expectMoments(kernel: string, args: MomentsArguments): void {
  expectArguments(kernel, args);
  const { view, x, mean, variance } = args;
  expectArray(kernel, "x", x, expectView(kernel, view), x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "variance", variance, view.channels);
}

/** Checks the arguments of `reciprocalStd`. */
export function expectReciprocalStd(kernel: string, args: ReciprocalStdArguments): void {
  expectArguments(kernel, args);
  const { variance, epsilon, rstd } = args;
  expectStatistic(kernel, "variance", variance, (variance as Float64Array | undefined)?.length ?? 0);
  expectNumber(kernel, "epsilon", epsilon, { low: 0 });
  expectStatistic(kernel, "rstd", rstd, variance.length);
}

/** Checks the arguments of `normalize`. */
export function expectNormalize(kernel: string, args: NormalizeArguments): void {
  expectArguments(kernel, args);
  const { view, x, gamma, beta, y, mean, rstd } = args;
  const size = expectView(kernel, view);
  expectArray(kernel, "x", x, size, x);
  expectOptionalArray(kernel, "gamma", gamma, view.channels, x);
  expectOptionalArray(kernel, "beta", beta, view.channels, x);
  expectArray(kernel, "y", y, size, x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "rstd", rstd, view.channels);
}

/** Checks the arguments of `batchNormForward`. */
export function expectBatchNormForward(kernel: string, args: BatchNormForwardArguments): void {
  expectNormalize(kernel, args);
  expectStatistic(kernel, "variance", args.variance, args.view.channels);
  expectNumber(kernel, "epsilon", args.epsilon, { low: 0 });
}

/** Checks the arguments of `batchNormBackward` and `normalizeBackward`. */
export function expectBatchNormBackward(kernel: string, args: BatchNormBackwardArguments): void {
  expectArguments(kernel, args);
  const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  const size = expectView(kernel, view);
  expectArray(kernel, "x", x, size, x);
  expectArray(kernel, "dy", dy, size, x);
  expectArray(kernel, "dx", dx, size, x);
  expectOptionalArray(kernel, "gamma", gamma, view.channels, x);
  expectOptionalArray(kernel, "dgamma", dgamma, view.channels, x);
  expectOptionalArray(kernel, "dbeta", dbeta, view.channels, x);
  expectStatistic(kernel, "mean", mean, view.channels);
  expectStatistic(kernel, "rstd", rstd, view.channels);
}

/** Checks the arguments of the matrix products: the arrays must fit the sizes, whichever operand is transposed. */
export function expectMatmul(kernel: string, args: MatmulArguments): void {
  expectArguments(kernel, args);
  const { rows, inner, columns, a, b, bias, out } = args;
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "inner", inner);
  expectCount(kernel, "columns", columns);
  expectArray(kernel, "a", a, rows * inner, a);
  expectArray(kernel, "b", b, inner * columns, a);
  expectOptionalArray(kernel, "bias", bias, columns, a);
  expectArray(kernel, "out", out, rows * columns, a);
}

/** Checks the arguments of `columnSums`. */
export function expectColumnSums(kernel: string, args: ColumnSumsArguments): void {
  expectArguments(kernel, args);
  const { rows, columns, x, out } = args;
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "columns", columns);
  expectArray(kernel, "x", x, rows * columns, x);
  expectArray(kernel, "out", out, columns, x);
}

/** The sizes of the arrays that windows connect. */
interface WindowSizes {
  /** Of x. */
  readonly input: number;
  /** Of y, if it has as many channels as x. */
  readonly output: number;
  /** Of a window, all channels. */
  readonly window: number;
}

/** Distances up to which WebAssembly counts in 32 bits, whatever is added to them. */
const FURTHEST = 2 ** 28;

/** Requires the geometry of windows over an image; returns the sizes of the arrays. */
function expectWindows(kernel: string, shape: WindowShape): WindowSizes {
  expectObject(kernel, "shape", shape);
  const { batch, channels, height, width, windowHeight, windowWidth, outHeight, outWidth } = shape;
  const counts = { batch, channels, height, width, windowHeight, windowWidth, outHeight, outWidth };
  const { strideY, strideX, top, left } = shape;
  for (const [name, value] of Object.entries({ ...counts, strideY, strideX }))
    expectCount(kernel, `shape.${name}`, value);
  for (const [name, value] of Object.entries({ top, left })) expectCount(kernel, `shape.${name}`, value, 0);
  const reach = Math.max(top, left, strideY * outHeight, strideX * outWidth);
  if (reach > FURTHEST) {
    const expected = `strides and padding of the shape to span at most ${FURTHEST} pixels`;
    throw new RangeError(complaint(kernel, expected, show(reach)));
  }
  return {
    input: batch * channels * height * width,
    output: batch * channels * outHeight * outWidth,
    window: channels * windowHeight * windowWidth,
  };
}

/** Checks the arguments of `convolve2d`. */
export function expectConvolve2d(kernel: string, args: Convolve2dArguments): void {
  expectArguments(kernel, args);
  const { shape, outputs, x, weight, bias, y } = args;
  const { input, output, window } = expectWindows(kernel, shape);
  expectCount(kernel, "outputs", outputs);
  expectArray(kernel, "x", x, input, x);
  expectArray(kernel, "weight", weight, outputs * window, x);
  expectOptionalArray(kernel, "bias", bias, outputs, x);
  expectArray(kernel, "y", y, (output / shape.channels) * outputs, x);
}

/** Checks the arguments of `convolve2dGradInput`. */
export function expectConvolve2dGradInput(kernel: string, args: Convolve2dGradInputArguments): void {
  expectArguments(kernel, args);
  const { shape, outputs, dy, weight, dx } = args;
  const { input, output, window } = expectWindows(kernel, shape);
  expectCount(kernel, "outputs", outputs);
  expectArray(kernel, "dy", dy, (output / shape.channels) * outputs, dy);
  expectArray(kernel, "weight", weight, outputs * window, dy);
  expectArray(kernel, "dx", dx, input, dy);
}

/** Checks the arguments of `convolve2dGradWeight`. */
export function expectConvolve2dGradWeight(kernel: string, args: Convolve2dGradWeightArguments): void {
  expectArguments(kernel, args);
  const { shape, outputs, x, dy, dweight, dbias } = args;
  const { input, output, window } = expectWindows(kernel, shape);
  expectCount(kernel, "outputs", outputs);
  expectArray(kernel, "x", x, input, x);
  expectArray(kernel, "dy", dy, (output / shape.channels) * outputs, x);
  expectArray(kernel, "dweight", dweight, outputs * window, x);
  expectOptionalArray(kernel, "dbias", dbias, outputs, x);
}

/** Requires that each window of a pooling covers a pixel: padding alone has no maximum. */
function expectCoveredWindows(kernel: string, shape: WindowShape): WindowSizes {
  const sizes = expectWindows(kernel, shape);
  const { height, width, windowHeight, windowWidth, strideY, strideX, top, left, outHeight, outWidth } = shape;
  const lastTop = (outHeight - 1) * strideY - top;
  const lastLeft = (outWidth - 1) * strideX - left;
  if (top >= windowHeight || left >= windowWidth || lastTop >= height || lastLeft >= width) {
    const window = `windows of ${windowHeight} x ${windowWidth} from row ${-top}, column ${-left} to row ${lastTop}, column ${lastLeft}`;
    const expected = `each window to cover a pixel of the ${height} x ${width} image`;
    throw new RangeError(complaint(kernel, expected, window, "use less padding, or fewer windows"));
  }
  return sizes;
}

function expectIndices(kernel: string, argmax: Int32Array, length: number): void {
  if (typedArrayName(argmax) !== "Int32Array") {
    throw new TypeError(complaint(kernel, "argmax to be an Int32Array", show(argmax)));
  }
  expectLength(kernel, "argmax", argmax, length);
}

/** Checks the arguments of `maxPool2d`. */
export function expectMaxPool2d(kernel: string, args: MaxPool2dArguments): void {
  expectArguments(kernel, args);
  const { shape, x, y, argmax } = args;
  const { input, output } = expectCoveredWindows(kernel, shape);
  expectArray(kernel, "x", x, input, x);
  expectArray(kernel, "y", y, output, x);
  expectIndices(kernel, argmax, output);
}

/** Checks the arguments of `maxPool2dGradient`: every index must lie in its plane. */
export function expectMaxPool2dGradient(kernel: string, args: MaxPool2dGradientArguments): void {
  expectArguments(kernel, args);
  const { shape, dy, argmax, dx } = args;
  const { input, output } = expectCoveredWindows(kernel, shape);
  expectArray(kernel, "dy", dy, output, dy);
  expectIndices(kernel, argmax, output);
  expectArray(kernel, "dx", dx, input, dy);
  const plane = shape.height * shape.width;
  for (let at = 0; at < output; at++) {
    const index = argmax[at]!;
    if (!(index >= 0 && index < plane)) {
      const cure = "pass the argmax of the forward pass";
      throw new RangeError(complaint(kernel, `argmax in 0..${plane - 1}`, `${index} at ${at}`, cure));
    }
  }
}

/** Checks the arguments of the activations: two arrays of equal length. */
export function expectElementwise(kernel: string, args: ElementwiseArguments): void {
  expectArguments(kernel, args);
  const { x, y } = args;
  expectArray(kernel, "y", y, expectFloats(kernel, "x", x), x);
}

/** Checks the arguments of the gradients of the activations: three arrays of equal length. */
export function expectElementwiseBackward(kernel: string, args: ElementwiseBackwardArguments): void {
  expectArguments(kernel, args);
  const { y, dy, dx } = args;
  const length = expectFloats(kernel, "y", y);
  expectArray(kernel, "dy", dy, length, y);
  expectArray(kernel, "dx", dx, length, y);
}

/** Checks the slope of a leaky ReLU. */
export function expectSlope(kernel: string, slope: number): void {
  expectNumber(kernel, "slope", slope, { low: 0, withoutLow: true });
}

/** Checks the arguments of `softmaxCrossEntropy`: exactly one target, labels within the classes, and arrays that fit. */
export function expectCrossEntropy(kernel: string, args: SoftmaxCrossEntropyArguments): void {
  expectArguments(kernel, args);
  const { rows, classes, logits, labels, probabilities, labelSmoothing, dlogits } = args;
  expectCount(kernel, "rows", rows);
  expectCount(kernel, "classes", classes);
  if ((labels === undefined) === (probabilities === undefined)) {
    throw new TypeError(complaint(kernel, "either labels or probabilities", labels === undefined ? "neither" : "both"));
  }
  expectNumber(kernel, "labelSmoothing", labelSmoothing, { low: 0, high: 1 });
  expectArray(kernel, "logits", logits, rows * classes, logits);
  expectOptionalArray(kernel, "probabilities", probabilities, rows * classes, logits);
  expectArray(kernel, "dlogits", dlogits, rows * classes, logits);
  if (labels !== undefined) expectLabels(kernel, labels, rows, classes);
}

function expectLabels(kernel: string, labels: Int32Array, rows: number, classes: number): void {
  if (typedArrayName(labels) !== "Int32Array") {
    throw new TypeError(complaint(kernel, "labels to be an Int32Array", show(labels), "use Int32Array.from(labels)"));
  }
  expectLength(kernel, "labels", labels, rows);
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (!(label >= 0 && label < classes)) {
      throw new RangeError(complaint(kernel, `labels in 0..${classes - 1}`, `${label} in row ${row}`));
    }
  }
}

/** Checks the arguments of `meanSquaredError`: three arrays of equal length. */
export function expectMeanSquaredError(kernel: string, args: MeanSquaredErrorArguments): void {
  expectArguments(kernel, args);
  const { prediction, target, dprediction } = args;
  const length = expectFloats(kernel, "prediction", prediction);
  expectArray(kernel, "target", target, length, prediction);
  expectArray(kernel, "dprediction", dprediction, length, prediction);
}

/** Checks the arguments of `sgd`: arrays as long as the values, finite rates, and a velocity if there is momentum. */
export function expectSGD(kernel: string, args: SGDArguments): void {
  expectArguments(kernel, args);
  const { values, gradient, velocity, learningRate, momentum, nesterov, weightDecay } = args;
  const length = expectFloats(kernel, "values", values);
  expectArray(kernel, "gradient", gradient, length, values);
  expectOptionalArray(kernel, "velocity", velocity, length, values);
  expectFinite(kernel, "learningRate", learningRate);
  expectFinite(kernel, "momentum", momentum);
  expectFinite(kernel, "weightDecay", weightDecay);
  expectBoolean(kernel, "nesterov", nesterov);
  if (momentum !== 0 && velocity === undefined) {
    const cure = "pass an array of zeros at the first step, and the same array at the next ones";
    throw new TypeError(complaint(kernel, `a velocity for momentum ${momentum}`, "none", cure));
  }
}

/** Checks the arguments of `adam`: arrays as long as the values, and finite rates. */
export function expectAdam(kernel: string, args: AdamArguments): void {
  expectArguments(kernel, args);
  const { values, gradient, firstMoment, secondMoment, learningRate, beta1, beta2, correction1, correction2 } = args;
  const length = expectFloats(kernel, "values", values);
  expectArray(kernel, "gradient", gradient, length, values);
  expectArray(kernel, "firstMoment", firstMoment, length, values);
  expectArray(kernel, "secondMoment", secondMoment, length, values);
  expectFinite(kernel, "learningRate", learningRate);
  expectFinite(kernel, "beta1", beta1);
  expectFinite(kernel, "beta2", beta2);
  expectNumber(kernel, "correction1", correction1, { low: 0, withoutLow: true });
  expectNumber(kernel, "correction2", correction2, { low: 0, withoutLow: true });
  expectFinite(kernel, "epsilon", args.epsilon);
  expectFinite(kernel, "weightDecay", args.weightDecay);
  expectBoolean(kernel, "decoupled", args.decoupled);
}
