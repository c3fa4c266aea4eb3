/**
 * Losses: the error of an output, and the gradient that starts the backward pass.
 *
 * With row weights w, the loss is the weighted mean over the rows:
 *
 *     loss = Σ w[n] loss[n] / Σ w[n]
 */

import { complaint, ShapeError, show } from "../core/errors.js";
import { allocate, type Floats } from "../core/dtype.js";
import { exp, sigmoid } from "../core/math.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { printShape } from "../core/shape.js";
import { log1p } from "../core/special.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/types.js";
import { expectKernels } from "../layers/forward.js";
import { expectLabels, expectTarget, labelsOf, lossWeights } from "./targets.js";

/** A loss and its gradient with respect to the output. */
export interface LossValue {
  readonly loss: number;
  /** The gradient to pass to `backward`. It has the shape of the output. */
  readonly gradOutput: Tensor;
}

/** Options for every loss. */
export interface LossOptions {
  /**
   * The weight of each row in the mean, as in `Pass.rowWeights`. Rows of weight 0 are ignored: their gradient is exactly 0, and
   * their outputs and targets may have any values (NaN, a label of -100). Default: all 1.
   */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

/** A loss function: computes the mean error of an output over the batch, given the target. Your own should honor `rowWeights`. */
export type Loss<Target> = (output: Tensor, target: Target, options?: LossOptions) => LossValue;

/** Options for `softmaxCrossEntropy`. */
export interface CrossEntropyOptions extends LossOptions {
  /** The fraction of the target distributed evenly over all classes, in [0, 1]. Default: 0. */
  readonly labelSmoothing?: number | undefined;
}

const lossRules = {
  rowWeights: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<LossOptions>;

const crossEntropyRules = {
  labelSmoothing: { kind: "number", low: 0, high: 1, default: 0 },
  rowWeights: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<CrossEntropyOptions>;

/**
 * Computes the mean cross-entropy between softmax(logits) and the target over the rows.
 *
 *     loss = -(1/N) Σ_n Σ_k t[n,k] ln softmax(logits)[n,k]      t = (1 - labelSmoothing) target + labelSmoothing / K
 *
 * - **Shapes**: logits [N, K] · target: N class labels in 0..K-1, or distributions [N, K] · rowWeights: N numbers
 * - **Units**: nats; a uniform guess has a loss of ln K
 * - **Numerics**: each row is shifted by its largest logit, which prevents overflow; sums in double precision
 * - **Source**: Szegedy et al. 2016 (arXiv:1512.00567) for label smoothing
 *
 * @throws {ShapeError} if the shapes of logits, target and row weights do not match
 * @throws {RangeError} if a label is out of range, a distribution is negative, or no row has a weight above 0
 * @example
 * const { loss, gradOutput } = softmaxCrossEntropy(Tensor.from([[0, 0]], { dtype: "float64" }), [1]);
 * loss;                      // => 0.6931471805599453
 * gradOutput.toNested();     // => [[0.5, -0.5]]
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  target: ArrayLike<number> | Tensor,
  options: CrossEntropyOptions = {},
): LossValue {
  const name = "softmaxCrossEntropy";
  expectTensor(name, "the output", logits);
  const read = readOptions(name, options, crossEntropyRules);
  expectKernels(name, read.kernels);
  const { labelSmoothing, kernels = basicKernels() } = read;
  const [rows, classes] = logits.shape;
  if (logits.shape.length !== 2 || rows === undefined || classes === undefined) {
    throw new ShapeError(complaint(name, "logits of shape [N, K]", printShape(logits.shape)));
  }
  const targets = isTensor(target) ? expectTarget(name, target, logits) : expectLabels(name, target, rows);
  const gradOutput = Tensor.zeros(logits.shape, logits.dtype);
  if (read.rowWeights === undefined) {
    const all = targetRows(targets, undefined, rows, classes);
    const args = { rows, classes, logits: logits.data, ...all, labelSmoothing, dlogits: gradOutput.data };
    return { loss: kernels.softmaxCrossEntropy(args), gradOutput };
  }

  // Copies the rows of nonzero weight. The others may thus have any values, and equal weights give the bits of a smaller batch.
  const flat = isTensor(read.rowWeights) ? read.rowWeights.data : read.rowWeights;
  const { weights, total } = lossWeights(name, flat, new Tensor(logits.data, [rows, classes]));
  const kept = Uint32Array.from(weights.keys()).filter((row) => weights[row]! > 0);
  const gradient = allocate(logits.dtype, kept.length * classes);
  const smoothed = kept.some((row) => weights[row] !== 1)
    ? weightedTargets(targets, kept, classes, labelSmoothing, (row) => (weights[row]! * kept.length) / total, logits)
    : undefined;
  const loss = kernels.softmaxCrossEntropy({
    rows: kept.length,
    classes,
    logits: logits.rows(kept).data,
    ...(smoothed ?? targetRows(targets, kept, rows, classes)),
    labelSmoothing: smoothed === undefined ? labelSmoothing : 0,
    dlogits: gradient,
  });
  for (const [i, row] of kept.entries()) {
    gradOutput.data.set(gradient.subarray(i * classes, (i + 1) * classes), row * classes);
  }
  return { loss, gradOutput };
}

/**
 * Computes the mean squared difference over all values (the convention of PyTorch and Keras).
 *
 *     loss = (1/size) Σ (output - target)²
 *
 * - **Shapes**: target like the output · rowWeights [N], or more leading axes of the output up to all but the last, such as
 *   [N, L] for an output [N, L, C]
 * - **Units**: the square of the output's
 *
 * @throws {ShapeError} if the shapes of output, target and row weights do not match
 * @throws {TypeError} if output and target have different dtypes
 * @throws {RangeError} if no row has a weight above 0
 * @example
 * meanSquaredError(Tensor.from([[1, 2]]), Tensor.from([[1, 4]])).loss;   // => 2
 */
export function meanSquaredError(output: Tensor, target: Tensor, options: LossOptions = {}): LossValue {
  const name = "meanSquaredError";
  expectTensor(name, "the output", output);
  const read = readOptions(name, options, lossRules);
  expectKernels(name, read.kernels);
  const { rowWeights, kernels = basicKernels() } = read;
  expectTensor(name, "the target", target);
  expectTarget(name, target, output);
  const gradOutput = Tensor.zeros(output.shape, output.dtype);
  if (rowWeights === undefined) {
    const loss = kernels.meanSquaredError({
      prediction: output.data,
      target: target.data,
      dprediction: gradOutput.data,
    });
    return { loss, gradOutput };
  }
  const { weights, total } = lossWeights(name, rowWeights, output);
  const width = output.size / weights.length;
  let sum = 0;
  for (const [row, weight] of weights.entries()) {
    if (weight === 0) continue; // 0 * NaN is NaN
    const share = weight / (total * width);
    for (let i = row * width; i < (row + 1) * width; i++) {
      const difference = output.data[i]! - target.data[i]!;
      sum += share * difference * difference;
      gradOutput.data[i] = 2 * share * difference;
    }
  }
  return { loss: sum, gradOutput };
}

/**
 * Computes the mean binary cross-entropy between sigmoid(logits) and the target over all values. Use it for two classes with one
 * logit per row, and for labels that do not exclude each other.
 *
 *     loss = -(1/size) Σ t ln p + (1 - t) ln(1 - p)      p = sigmoid(logits)
 *
 * - **Shapes**: target like the logits, with values in [0, 1], or N labels 0 and 1 for logits [N] or [N, 1] · rowWeights [N], or
 *   more leading axes as in `meanSquaredError`
 * - **Units**: nats; a uniform guess has a loss of ln 2
 * - **Numerics**: computed from the logits as max(x, 0) - x t + ln(1 + exp(-|x|)), so it never overflows and stays exact where p
 *   rounds to 0 or 1; sums in double precision
 * - **Cost**: one pass in TypeScript, on any kernel set
 *
 * @throws {ShapeError} if the shapes of logits, target and row weights do not match
 * @throws {TypeError} if logits and target have different dtypes
 * @throws {RangeError} if a target is not in [0, 1], or no row has a weight above 0
 * @example
 * const { loss, gradOutput } = sigmoidCrossEntropy(Tensor.from([[0], [0]], { dtype: "float64" }), [1, 0]);
 * loss;                      // => 0.6931471805599453
 * gradOutput.toNested();     // => [[-0.25], [0.25]]
 */
export function sigmoidCrossEntropy(
  logits: Tensor,
  target: ArrayLike<number> | Tensor,
  options: LossOptions = {},
): LossValue {
  const name = "sigmoidCrossEntropy";
  expectTensor(name, "the output", logits);
  const { rowWeights, kernels } = readOptions(name, options, lossRules);
  expectKernels(name, kernels);
  const { shape, size, dtype, data: x } = logits;
  const targets = isTensor(target)
    ? expectTarget(name, target, logits).data
    : expectLabels(name, target, shape[0] ?? 1);
  if (targets.length !== size) {
    throw new ShapeError(complaint(name, `a target Tensor of shape ${printShape(shape)}`, `${targets.length} labels`));
  }
  const { weights, total } = lossWeights(name, rowWeights ?? new Float64Array(shape[0] ?? 1).fill(1), logits);
  const width = size / weights.length;
  const gradOutput = Tensor.zeros(shape, dtype);
  let loss = 0;
  for (const [row, weight] of weights.entries()) {
    if (weight === 0) continue; // 0 * NaN is NaN
    const share = weight / (total * width);
    for (let i = row * width; i < (row + 1) * width; i++) {
      const t = targets[i]!;
      if (!(t >= 0 && t <= 1)) throw new RangeError(complaint(name, "targets in [0, 1]", `${t} at index ${i}`));
      loss += share * (Math.max(x[i]!, 0) - x[i]! * t + log1p(exp(-Math.abs(x[i]!))));
      gradOutput.data[i] = share * (sigmoid(x[i]!) - t);
    }
  }
  return { loss, gradOutput };
}

/**
 * Returns the loss of each row, to find the samples with the largest loss, for example. Their mean is the loss of the batch, and
 * their sum is the number of rows times that.
 *
 * - **Shapes**: N numbers for an output [N, ...]
 * - **Cost**: one call of the loss per row
 *
 * @throws {TypeError} if `loss` is not a function
 * @throws {ShapeError} if the target does not have one entry per row
 * @example
 * const output = Tensor.from([[0], [3]]);
 * rowLosses(meanSquaredError, output, Tensor.from([[2], [2]]));   // => Float64Array [4, 1]
 */
export function rowLosses<Target extends ArrayLike<number> | Tensor>(
  loss: Loss<Target>,
  output: Tensor,
  target: Target,
  options?: Omit<CrossEntropyOptions, "rowWeights">,
): Float64Array {
  const name = "rowLosses";
  if (typeof loss !== "function") {
    throw new TypeError(complaint(name, "a loss function such as meanSquaredError", show(loss)));
  }
  expectTensor(name, "the output", output);
  const rows = output.shape[0] ?? 1;
  const targets: ArrayLike<number> | Tensor = isTensor(target) ? target : expectLabels(name, target, rows);
  if (isTensor(targets) && targets.shape[0] !== rows) {
    throw new ShapeError(complaint(name, `a target of ${rows} rows`, printShape(targets.shape)));
  }
  return Float64Array.from({ length: rows }, (_, row) => {
    const own = isTensor(targets) ? targets.rows([row]) : [targets[row]!];
    return loss(output.rows([row]), own as Target, options).loss;
  });
}

/** Class labels, or distributions over the classes. */
type Targets = ArrayLike<number> | Tensor;
type KernelTargets = { readonly labels: Int32Array | undefined; readonly probabilities: Floats | undefined };

/** Returns the targets of the kept rows, or of all rows, in the form that kernels accept. */
function targetRows(target: Targets, kept: Uint32Array | undefined, rows: number, classes: number): KernelTargets {
  if (!isTensor(target))
    return { labels: labelsOf("softmaxCrossEntropy", target, kept, rows, classes), probabilities: undefined };
  const count = kept?.length ?? rows;
  for (let i = 0; i < count; i++) expectNotNegative(target, kept?.[i] ?? i, classes);
  return { labels: undefined, probabilities: kept === undefined ? target.data : target.rows(kept).data };
}

/** Returns smoothed distributions, each multiplied by the factor of its row. Loss and gradient are proportional to them. */
function weightedTargets(
  target: Targets,
  kept: Uint32Array,
  classes: number,
  labelSmoothing: number,
  factor: (row: number) => number,
  { dtype }: Tensor,
): KernelTargets {
  const { labels, probabilities } = targetRows(target, kept, kept.length, classes);
  const weighted = allocate(dtype, kept.length * classes);
  for (const [i, row] of kept.entries()) {
    const scale = factor(row);
    for (let k = 0; k < classes; k++) {
      const own = labels === undefined ? probabilities![i * classes + k]! : labels[i] === k ? 1 : 0;
      weighted[i * classes + k] = scale * ((1 - labelSmoothing) * own + labelSmoothing / classes);
    }
  }
  return { labels: undefined, probabilities: weighted };
}

function expectNotNegative({ data }: Tensor, row: number, classes: number): void {
  for (let i = row * classes; i < (row + 1) * classes; i++) {
    if (data[i]! >= 0) continue;
    const expected = "distributions without negative values";
    throw new RangeError(complaint("softmaxCrossEntropy", expected, `${data[i]} in row ${row}`));
  }
}
