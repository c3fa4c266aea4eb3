/**
 * Losses. Whole rows are processed in the memory of the module. The parts with one number per row are computed here, in double
 * precision.
 */

import { log } from "../../core/math.js";
import { expectCrossEntropy, expectMeanSquaredError } from "../checks.js";
import type { Kernels, SoftmaxCrossEntropyArguments } from "../types.js";
import { softmaxCrossEntropy } from "../plain/losses.js";
import type { Wasm } from "./instance.js";
import { forEachPart, PIECE } from "./pieces.js";

/** The losses of the WebAssembly kernel set. */
export function lossKernels(wasm: Wasm): Pick<Kernels, "softmaxCrossEntropy" | "meanSquaredError"> {
  return {
    softmaxCrossEntropy(args) {
      expectCrossEntropy("softmaxCrossEntropy", args);
      // A row must fit in the memory.
      if (args.classes > PIECE) return softmaxCrossEntropy(args);
      const step = Math.floor(PIECE / args.classes);
      let loss = 0;
      for (let row = 0; row < args.rows; row += step) {
        loss += crossEntropyOfRows(wasm, args, row, Math.min(args.rows, row + step));
      }
      return loss / args.rows;
    },
    meanSquaredError(args) {
      expectMeanSquaredError("meanSquaredError", args);
      const { prediction, target, dprediction } = args;
      const { memory } = wasm;
      const size = prediction.length;
      let sum = 0;
      forEachPart(size, (from, to) => {
        memory.reset();
        const p = memory.copyPart(prediction, from, to);
        const t = memory.loadPart(target, from, to);
        sum += wasm.routinesFor(prediction).squaredDifferences(p, t, to - from, 2 / size);
        memory.store(p, dprediction, from, to);
      });
      return sum / size;
    },
  };
}

/** Returns the sum of the losses of rows from..to and writes their gradients. */
function crossEntropyOfRows(
  { memory, routinesFor }: Wasm,
  args: SoftmaxCrossEntropyArguments,
  from: number,
  to: number,
): number {
  const { rows: allRows, classes, logits, labels, probabilities, labelSmoothing, dlogits } = args;
  const rows = to - from;
  const weight = 1 - labelSmoothing;
  const even = labelSmoothing / classes;
  const routines = routinesFor(logits);
  const { double } = memory;
  memory.reset();
  const z = memory.copyPart(logits, from * classes, to * classes);
  const targets = probabilities === undefined ? 0 : memory.loadPart(probabilities, from * classes, to * classes);
  const largest = memory.reserveDoubles(rows);
  const sums = memory.reserveDoubles(rows);
  const weighted = memory.reserveDoubles(2 * rows);
  const labelGradients = memory.reserveDoubles(rows);
  routines.largestOfRows(z, rows, classes, largest);
  if (labels !== undefined && even === 0) double.fill(0, weighted / 8, weighted / 8 + 2 * rows);
  else routines.weightedRows(z, rows, classes, largest, targets, weight, even, weighted);
  routines.exponentialRows(z, rows, classes, largest, sums);

  // -Σ_k t ln p = Σ_k t ln Σ exp - Σ_k t (z - largest)
  const exponentials = memory.viewLike(logits);
  const start = z / logits.BYTES_PER_ELEMENT;
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const sum = double[sums / 8 + row]!;
    let weightedSum = double[weighted / 8 + 2 * row]!;
    let weights = double[weighted / 8 + 2 * row + 1]!;
    if (labels !== undefined) {
      const label = labels[from + row]!;
      const p = exponentials[start + row * classes + label]! / sum;
      weights += weight;
      if (weight !== 0) weightedSum += weight * (logits[(from + row) * classes + label]! - double[largest / 8 + row]!);
      double[labelGradients / 8 + row] = (p * weights - weight - even) / allRows;
    }
    if (weights !== 0) loss += weights * log(sum) - weightedSum;
    double[sums / 8 + row] = weights / sum / allRows;
  }
  routines.softmaxGradientRows(z, rows, classes, sums, targets, weight / allRows, even / allRows);
  memory.store(z, dlogits, from * classes, to * classes);
  // Computes p - 1 for the label in double precision, because few digits of it would remain in float32 if p is near 1.
  for (let row = 0; labels !== undefined && row < rows; row++) {
    dlogits[(from + row) * classes + labels[from + row]!] = double[labelGradients / 8 + row]!;
  }
  return loss;
}
