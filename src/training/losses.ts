/** Losses: how wrong an output is, and the gradient to start the backward pass with. */

import { complaint, ShapeError, show } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { defaultKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/types.js";
import { printShape, sameShape } from "../core/shape.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";

/** A loss and its gradient with respect to the output that it was computed from. */
export interface LossValue {
  readonly loss: number;
  /** Shaped like the output; what `backward` takes. */
  readonly gradOutput: Tensor;
}

/** Options of every loss. */
export interface LossOptions {
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

/** A loss: the mean over the batch of how wrong the output is, given the target. */
export type Loss<Target> = (output: Tensor, target: Target, options?: LossOptions) => LossValue;

/** Options for `softmaxCrossEntropy`. */
export interface CrossEntropyOptions extends LossOptions {
  /** The share of the target that is spread evenly over the classes, in [0, 1]. Default: 0. */
  readonly labelSmoothing?: number | undefined;
}

const lossRules = { kernels: { kind: "any", optional: true } } as const satisfies OptionRules<LossOptions>;

const crossEntropyRules = {
  labelSmoothing: { kind: "number", low: 0, high: 1, default: 0 },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<CrossEntropyOptions>;

/**
 * The cross-entropy between softmax(logits) and the target, mean over the rows.
 *
 *     loss = -(1/N) Σ_n Σ_k t[n,k] ln softmax(logits)[n,k]      t = (1 - labelSmoothing) target + labelSmoothing / K
 *
 * - **Shapes**: logits [N, K] · target: N whole numbers in 0..K-1, or distributions [N, K]
 * - **Units**: nats; ln K for a uniform guess
 * - **Numerics**: relative to each row's largest logit, so it does not overflow; summed in double precision
 * - **Source**: label smoothing: Szegedy et al. 2016 (arXiv:1512.00567)
 *
 * @throws {ShapeError} if logits and target do not fit
 * @throws {RangeError} if a label is out of range or a distribution is negative
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
  const { labelSmoothing, kernels = defaultKernels() } = readOptions(name, options, crossEntropyRules);
  const [rows, classes] = logits.shape;
  if (logits.shape.length !== 2 || rows === undefined || classes === undefined) {
    throw new ShapeError(complaint(name, "logits of shape [N, K]", printShape(logits.shape)));
  }
  const gradOutput = Tensor.zeros(logits.shape, logits.dtype);
  const dlogits = gradOutput.data;
  let labels: Int32Array | undefined;
  let probabilities: Floats | undefined;
  if (isTensor(target)) {
    expectTarget(name, target, logits);
    for (let i = 0; i < target.size; i++) {
      if (target.data[i]! >= 0) continue;
      const got = `${target.data[i]} in row ${Math.floor(i / classes)}`;
      throw new RangeError(complaint(name, "distributions without negative values", got));
    }
    probabilities = target.data;
  } else labels = labelsOf(target, rows, classes);
  const args = { rows, classes, logits: logits.data, labels, probabilities, labelSmoothing, dlogits };
  return { loss: kernels.softmaxCrossEntropy(args), gradOutput };
}

/**
 * The squared difference, mean over all values (PyTorch's and Keras's convention).
 *
 *     loss = (1/size) Σ (output - target)²
 *
 * - **Shapes**: target like the output
 * - **Units**: the output's, squared
 *
 * @throws {ShapeError} if output and target differ in shape
 * @throws {TypeError} if they differ in dtype
 * @example
 * meanSquaredError(Tensor.from([[1, 2]]), Tensor.from([[1, 4]])).loss;   // => 2
 */
export function meanSquaredError(output: Tensor, target: Tensor, options: LossOptions = {}): LossValue {
  const name = "meanSquaredError";
  expectTensor(name, "the output", output);
  const { kernels = defaultKernels() } = readOptions(name, options, lossRules);
  expectTensor(name, "the target", target);
  expectTarget(name, target, output);
  const gradOutput = Tensor.zeros(output.shape, output.dtype);
  const loss = kernels.meanSquaredError({ prediction: output.data, target: target.data, dprediction: gradOutput.data });
  return { loss, gradOutput };
}

function expectTarget(name: string, target: Tensor, output: Tensor): void {
  if (!sameShape(target.shape, output.shape)) {
    const expected = `a target of shape ${printShape(output.shape)}, as the output is`;
    throw new ShapeError(complaint(name, expected, printShape(target.shape)));
  }
  if (target.dtype !== output.dtype) {
    const cure = `use target.cast("${output.dtype}")`;
    throw new TypeError(complaint(name, `a target of dtype ${output.dtype}`, target.dtype, cure));
  }
}

function labelsOf(target: ArrayLike<number>, rows: number, classes: number): Int32Array {
  const name = "softmaxCrossEntropy";
  if (typeof target !== "object" || target === null || typeof target.length !== "number") {
    throw new TypeError(complaint(name, "the target to be labels or a Tensor of distributions", show(target)));
  }
  if (target.length !== rows) throw new ShapeError(complaint(name, `${rows} labels, one a row`, `${target.length}`));
  const labels = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = target[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      const got = `${show(label)} in row ${row}`;
      throw new RangeError(complaint(name, `labels to be whole numbers in 0..${classes - 1}`, got));
    }
    labels[row] = label;
  }
  return labels;
}
