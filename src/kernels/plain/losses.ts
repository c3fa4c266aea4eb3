/** Losses: each the mean over the batch, computed together with its gradient. */

import { exp, log } from "../../core/math.js";
import { expectCrossEntropy, expectMeanSquaredError } from "../checks.js";
import type { MeanSquaredErrorArguments, SoftmaxCrossEntropyArguments } from "../types.js";

/**
 * Returns the mean over the rows of the cross-entropy between softmax(logits) and the target.
 *
 * This is the plain kernel, written for reading; `defaultKernels().softmaxCrossEntropy` is the fast one.
 *
 * ```
 * p = softmax(logits)      t = (1 - labelSmoothing) target + labelSmoothing / classes
 * loss = -(1/N) Σ_n Σ_k t[n,k] ln p[n,k]      dlogits = (p Σ_k t - t) / N
 * ```
 *
 * - **Shapes**: logits, probabilities, dlogits [rows, classes] · labels [rows]
 * - **Units**: the loss is in nats
 * - **Numerics**: relative to the largest logit of the row, so it never overflows; sums in double precision
 */
export function softmaxCrossEntropy(args: SoftmaxCrossEntropyArguments): number {
  expectCrossEntropy("softmaxCrossEntropy", args);
  const { rows, classes, logits, labels, probabilities, labelSmoothing, dlogits } = args;
  const even = labelSmoothing / classes;
  const exponentials = new Float64Array(classes);
  const targets = new Float64Array(classes);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) if (!(logits[at + k]! <= largest)) largest = logits[at + k]!;
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const e = exp(logits[at + k]! - largest);
      exponentials[k] = e;
      sum += e;
    }
    const logSum = log(sum);
    let targetSum = 0;
    for (let k = 0; k < classes; k++) {
      const target = labels === undefined ? probabilities![at + k]! : labels[row] === k ? 1 : 0;
      const smoothed = (1 - labelSmoothing) * target + even;
      targetSum += smoothed;
      // A target of 0 adds 0, also where ln p is -Infinity.
      if (smoothed !== 0) loss += smoothed * (logSum - (logits[at + k]! - largest));
      targets[k] = smoothed;
    }
    for (let k = 0; k < classes; k++) dlogits[at + k] = ((exponentials[k]! / sum) * targetSum - targets[k]!) / rows;
  }
  return loss / rows;
}

/**
 * Returns the mean over all values of the squared difference, as PyTorch and Keras do; some books sum over the columns.
 *
 * This is the plain kernel, written for reading; `defaultKernels().meanSquaredError` is the fast one.
 *
 * ```
 * loss = (1/size) Σ (prediction - target)²      dprediction = 2 (prediction - target) / size
 * ```
 *
 * - **Numerics**: summed in double precision
 */
export function meanSquaredError(args: MeanSquaredErrorArguments): number {
  expectMeanSquaredError("meanSquaredError", args);
  const { prediction, target, dprediction } = args;
  const size = prediction.length;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const difference = prediction[i]! - target[i]!;
    sum += difference * difference;
    dprediction[i] = (2 * difference) / size;
  }
  return sum / size;
}
