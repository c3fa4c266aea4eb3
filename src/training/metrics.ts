/** Metrics of a classifier, and labels as distributions. */

import { complaint, expectCount, ShapeError } from "../core/errors.js";
import type { DType } from "../core/dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { printShape } from "../core/shape.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import { expectLabels, expectTarget, labelsOf, lossWeights } from "./targets.js";

/** Options for `accuracy` and `confusionMatrix`. */
export interface MetricOptions {
  /** The weight of each row, as in the losses. Rows of weight 0 are ignored and may have any label. Default: all 1. */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
}

const metricRules = { rowWeights: { kind: "any", optional: true } } as const satisfies OptionRules<MetricOptions>;

/** Options for `oneHot`. */
export interface OneHotOptions {
  /** K, the number of classes. */
  readonly classes: number;
  /** Default: "float32". */
  readonly dtype?: DType | undefined;
}

const oneHotRules = { classes: { kind: "count" }, dtype: dtypeRule } as const satisfies OptionRules<OneHotOptions>;

/**
 * Returns the index of the largest value of each row: the predicted classes.
 *
 * - **Shapes**: N indices for an output [N, K]
 * - **Numerics**: the first of several equal values; NaN counts as the largest, as in PyTorch
 *
 * @throws {ShapeError} if the output does not have two axes
 * @example
 * argmax(Tensor.from([[1, 3, 2], [5, 4, 0]]));   // => [1, 0]
 */
export function argmax(output: Tensor): number[] {
  return argmaxOf("argmax", output);
}

function argmaxOf(name: string, output: Tensor): number[] {
  expectTensor(name, "the output", output);
  const [rows, classes] = output.shape;
  if (output.shape.length !== 2 || rows === undefined || classes === undefined) {
    throw new ShapeError(complaint(name, "an output of shape [N, K]", printShape(output.shape)));
  }
  const { data } = output;
  return Array.from({ length: rows }, (_, row) => {
    let best = row * classes;
    for (let i = best + 1; i < (row + 1) * classes; i++) {
      if (!(data[i]! <= data[best]!) && !Number.isNaN(data[best])) best = i;
    }
    return best - row * classes;
  });
}

/**
 * Returns the fraction of rows whose largest output is that of the right class.
 *
 *     accuracy = Σ w[n] (argmax(output[n]) = label[n]) / Σ w[n]
 *
 * - **Shapes**: output [N, K] · target: N class labels, or distributions [N, K], of which the largest value counts
 *
 * @throws {ShapeError} if the shapes of output, target and row weights do not match, or K is 1 (one logit per row has no largest)
 * @throws {RangeError} if a label is not in 0..K-1, or no row has a weight above 0
 * @example
 * accuracy(Tensor.from([[2, 1], [0, 3], [1, 5]]), [0, 0, 1]);   // => 0.6666666666666666
 */
export function accuracy(output: Tensor, target: ArrayLike<number> | Tensor, options: MetricOptions = {}): number {
  const { predicted, labels, weights } = classified("accuracy", output, target, options);
  let right = 0;
  let total = 0;
  for (const [row, weight] of weights.entries()) {
    total += weight;
    if (weight > 0 && predicted[row] === labels[row]) right += weight;
  }
  return right / total;
}

/**
 * Counts the rows of each class by the class that was predicted.
 *
 * - **Shapes**: output [N, K] · target: N class labels, or distributions [N, K] · the result: K rows of K numbers, where
 *   `matrix[label][predicted]` is a number of rows, or the sum of their weights
 *
 * @throws {ShapeError} if the shapes of output, target and row weights do not match, or K is 1
 * @throws {RangeError} if a label is not in 0..K-1, or no row has a weight above 0
 * @example
 * confusionMatrix(Tensor.from([[2, 1], [0, 3], [1, 5]]), [0, 0, 1]);   // => [[1, 1], [0, 1]]
 */
export function confusionMatrix(
  output: Tensor,
  target: ArrayLike<number> | Tensor,
  options: MetricOptions = {},
): number[][] {
  const { predicted, labels, weights } = classified("confusionMatrix", output, target, options);
  const classes = output.shape[1]!;
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [row, weight] of weights.entries()) {
    if (weight > 0) matrix[labels[row]!]![predicted[row]!]! += weight;
  }
  return matrix;
}

/**
 * Returns labels as distributions: 1 for the class of each row and 0 for the others.
 *
 * - **Shapes**: [N, classes] for N labels
 *
 * @throws {RangeError} if a label is not a whole number in 0..classes-1
 * @example
 * oneHot([2, 0], { classes: 3 }).toNested();   // => [[0, 0, 1], [1, 0, 0]]
 */
export function oneHot(labels: ArrayLike<number>, options: OneHotOptions): Tensor {
  const { classes, dtype } = readOptions("oneHot", options, oneHotRules);
  const { length } = expectLabels("oneHot", labels, (labels as Partial<ArrayLike<number>> | null)?.length ?? 0);
  expectCount("oneHot", "the number of labels", length);
  const rows = labelsOf("oneHot", labels, undefined, length, classes);
  const tensor = Tensor.zeros([length, classes], dtype);
  for (const [row, label] of rows.entries()) tensor.data[row * classes + label] = 1;
  return tensor;
}

/** Returns the predicted class, the label and the weight of each row. Rows of weight 0 have label -1. */
function classified(
  name: string,
  output: Tensor,
  target: ArrayLike<number> | Tensor,
  options: MetricOptions,
): { readonly predicted: number[]; readonly labels: ArrayLike<number>; readonly weights: Float64Array } {
  const { rowWeights } = readOptions(name, options, metricRules);
  const predicted = argmaxOf(name, output);
  const [rows, classes] = output.shape as [number, number];
  if (classes === 1) {
    const cure = "compare one logit per row with 0 instead";
    throw new ShapeError(complaint(name, "at least 2 classes", printShape(output.shape), cure));
  }
  const weights = new Float64Array(rows).fill(1);
  if (rowWeights !== undefined) {
    lossWeights(name, rowWeights, output); // checks them; here they count as given
    weights.set(isTensor(rowWeights) ? rowWeights.data : rowWeights);
  }
  if (isTensor(target)) return { predicted, labels: argmaxOf(name, expectTarget(name, target, output)), weights };
  expectLabels(name, target, rows);
  const kept = Uint32Array.from(weights.keys()).filter((row) => weights[row]! > 0);
  const labels = new Int32Array(rows).fill(-1);
  for (const [i, label] of labelsOf(name, target, kept, rows, classes).entries()) labels[kept[i]!] = label;
  return { predicted, labels, weights };
}
