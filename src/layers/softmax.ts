/** Softmax and LogSoftmax: from logits to probabilities, or to their logarithms. */

import type { Floats } from "../core/dtype.js";
import { complaint, ShapeError } from "../core/errors.js";
import { exp, log } from "../core/math.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { channelView, type ChannelView, printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, keepOutput, outputInPlace, registerOwn } from "./private-memory.js";

/** Options for `Softmax` and `LogSoftmax`. */
export interface SoftmaxOptions {
  /** The axis of the classes; negatives count from the end. Default: -1, the last, as in Keras (PyTorch's `dim` has no default). */
  readonly axis?: number | undefined;
}

const softmaxRules = {
  axis: { kind: "integer", default: -1 },
} as const satisfies OptionRules<SoftmaxOptions>;

/**
 * Turns logits into probabilities: positive numbers with sum 1 along an axis.
 *
 *     y[i] = exp(x[i]) / Σ_j exp(x[j])
 *
 * To train a classifier, pass its logits to `softmaxCrossEntropy` instead, which is both faster and more accurate than the
 * logarithm of these probabilities. This layer is for predictions, and for networks that use probabilities inside, such as attention.
 *
 * - **Shapes**: x, y of any shape with at least one axis; [N, classes] by default
 * - **Modes**: the same in all three
 * - **Numerics**: the maximum is subtracted first, so exp never overflows; sums in double precision; the library's own exp, so the
 *   bits are the same in every engine
 * - **Cost**: three passes forward, two backward, which read y
 *
 * @throws {ShapeError} if x has no such axis
 * @example
 * new Softmax().forward(Tensor.from([[1, 1], [1000, 0]]), { mode: "inference" }).output.toNested();   // => [[0.5, 0.5], [1, 0]]
 */
export class Softmax implements Layer {
  readonly axis: number;
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor(options: SoftmaxOptions = {}) {
    this.axis = readOptions("Softmax", options, softmaxRules).axis;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    return alongAxis("Softmax", input, pass, this.axis, softmax, softmaxBackward);
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/**
 * Turns logits into the logarithms of probabilities.
 *
 *     y[i] = x[i] - log Σ_j exp(x[j])
 *
 * - **Shapes**: x, y of any shape with at least one axis; [N, classes] by default
 * - **Modes**: the same in all three
 * - **Numerics**: the maximum is subtracted first, so exp never overflows and a probability near 0 keeps its logarithm; sums in
 *   double precision; the library's own exp and log, so the bits are the same in every engine
 * - **Cost**: three passes forward, two backward, which read y
 *
 * @throws {ShapeError} if x has no such axis
 * @example
 * new LogSoftmax().forward(Tensor.from([[1000, 0]]), { mode: "inference" }).output.toNested();   // => [[0, -1000]]
 */
export class LogSoftmax implements Layer {
  readonly axis: number;
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor(options: SoftmaxOptions = {}) {
    this.axis = readOptions("LogSoftmax", options, softmaxRules).axis;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    return alongAxis("LogSoftmax", input, pass, this.axis, logSoftmax, logSoftmaxBackward);
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Values along the axis, the first one at `from`, each `step` after the one before. The result may overwrite what it is made from. */
interface Line {
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

type LineFunction = (line: Line, x: Floats, y: Floats) => void;
type LineGradient = (line: Line, y: Floats, dy: Floats, dx: Floats) => void;

function alongAxis(
  kind: string,
  input: Tensor,
  pass: Pass,
  axis: number,
  apply: LineFunction,
  differentiate: LineGradient,
): Forward {
  const { name } = beginForward(kind, input, pass, []);
  const rank = input.shape.length;
  const at = axis < 0 ? rank + axis : axis;
  if (at < 0 || at >= rank) {
    throw new ShapeError(complaint(name, `an input with an axis ${axis}`, `shape ${printShape(input.shape)}`));
  }
  const view = channelView(input.shape, at);
  const output = outputInPlace(input, pass);
  const [x, y] = [input.data, output.data];
  forEachLine(view, (line) => apply(line, x, y));
  keepOutput(output);
  return guardedForward(name, output, [], [output], (gradOutput) => {
    const gradInput = gradientInPlace(gradOutput, input);
    const [dy, dx] = [gradOutput.data, gradInput.data];
    forEachLine(view, (line) => differentiate(line, output.data, dy, dx));
    return { gradInput, gradients: noGradients };
  });
}

function forEachLine({ outer, channels, inner }: ChannelView, work: (line: Line) => void): void {
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) work({ from: o * channels * inner + i, step: inner, count: channels });
  }
}

function softmax({ from, step, count }: Line, x: Floats, y: Floats): void {
  const largest = maximum({ from, step, count }, x);
  let sum = 0;
  for (let i = 0, at = from; i < count; i++, at += step) sum += exp(x[at]! - largest);
  for (let i = 0, at = from; i < count; i++, at += step) y[at] = exp(x[at]! - largest) / sum;
}

/** Computes dx = y (dy - Σ dy y). */
function softmaxBackward({ from, step, count }: Line, y: Floats, dy: Floats, dx: Floats): void {
  let sum = 0;
  for (let i = 0, at = from; i < count; i++, at += step) sum += dy[at]! * y[at]!;
  for (let i = 0, at = from; i < count; i++, at += step) dx[at] = y[at]! * (dy[at]! - sum);
}

function logSoftmax({ from, step, count }: Line, x: Floats, y: Floats): void {
  const largest = maximum({ from, step, count }, x);
  let sum = 0;
  for (let i = 0, at = from; i < count; i++, at += step) sum += exp(x[at]! - largest);
  const logSum = log(sum);
  for (let i = 0, at = from; i < count; i++, at += step) y[at] = x[at]! - largest - logSum;
}

/** Computes dx = dy - exp(y) Σ dy. */
function logSoftmaxBackward({ from, step, count }: Line, y: Floats, dy: Floats, dx: Floats): void {
  let sum = 0;
  for (let i = 0, at = from; i < count; i++, at += step) sum += dy[at]!;
  for (let i = 0, at = from; i < count; i++, at += step) dx[at] = dy[at]! - exp(y[at]!) * sum;
}

/** Returns the largest value; NaN is passed over here, and makes the sum NaN. */
function maximum({ from, step, count }: Line, x: Floats): number {
  let largest = -Infinity;
  for (let i = 0, at = from; i < count; i++, at += step) if (x[at]! > largest) largest = x[at]!;
  return largest;
}
