/** Targets: what losses and metrics require of labels, target tensors and row weights. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { printShape, sameShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { spreadRowWeights } from "../layers/row-weights.js";

/** Returns one weight per row or position of an output. The largest weight is 1. */
export function lossWeights(
  name: string,
  given: ArrayLike<number> | Tensor,
  output: Tensor,
): { readonly weights: Float64Array; readonly total: number } {
  const { shape, data } = output;
  const matrix = shape.length < 2 ? new Tensor(data, [shape[0] ?? 1, 1]) : output;
  const channels = matrix.shape.at(-1)!;
  const view = { outer: matrix.size / channels, channels, inner: 1 };
  const read = spreadRowWeights(name, given, matrix, view, -1);
  if (read.total === 0) {
    throw new RangeError(complaint(name, "a row with a weight above 0", "row weights of 0", "skip this batch"));
  }
  return read;
}

/** Requires a target with the shape and dtype of the output. */
export function expectTarget(name: string, target: Tensor, output: Tensor): Tensor {
  if (!sameShape(target.shape, output.shape)) {
    const expected = `a target of shape ${printShape(output.shape)}, the shape of the output`;
    throw new ShapeError(complaint(name, expected, printShape(target.shape)));
  }
  if (target.dtype !== output.dtype) {
    const cure = `use target.cast("${output.dtype}")`;
    throw new TypeError(complaint(name, `a target of dtype ${output.dtype}`, target.dtype, cure));
  }
  return target;
}

/** Requires one label per row. `labelsOf` checks their values. */
export function expectLabels(name: string, target: ArrayLike<number>, rows: number): ArrayLike<number> {
  if (typeof target !== "object" || target === null || typeof target.length !== "number") {
    throw new TypeError(complaint(name, "the target to be labels or a Tensor of distributions", show(target)));
  }
  if (target.length !== rows) throw new ShapeError(complaint(name, `${rows} labels, one per row`, `${target.length}`));
  return target;
}

/** Returns the labels of the kept rows, or of all rows. Requires whole numbers in 0..classes - 1. */
export function labelsOf(
  name: string,
  target: ArrayLike<number>,
  kept: Uint32Array | undefined,
  rows: number,
  classes: number,
): Int32Array {
  const labels = new Int32Array(kept?.length ?? rows);
  for (let i = 0; i < labels.length; i++) {
    const row = kept?.[i] ?? i;
    const label = target[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      const expected = `labels to be whole numbers in 0..${classes - 1}`;
      const cure = label === -100 ? "ignore rows with a weight of 0 in rowWeights" : undefined;
      throw new RangeError(complaint(name, expected, `${show(label)} in row ${row}`, cure));
    }
    labels[i] = label;
  }
  return labels;
}
