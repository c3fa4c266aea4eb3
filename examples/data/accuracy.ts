/** Accuracy: the share of images that a classifier gets right. */
import type { Tensor } from "batchnorm";

/** Returns the share of rows whose largest output belongs to the correct class. A row with NaN is never correct. */
export function accuracyOf(outputs: Tensor, labels: readonly number[]): number {
  const classes = outputs.shape[1]!;
  const right = labels.filter((label, row) => {
    const scores = outputs.data.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / labels.length;
}
