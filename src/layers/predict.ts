/** predict: computes the output of a layer or model and stores nothing for a backward pass. */

import { complaint } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import type { Kernels } from "../kernels/types.js";
import type { Layer, Pass } from "./contract.js";
import { expectDestination, shortRun } from "./private-memory.js";

/** Options for `predict`. */
export interface PredictOptions {
  /** The tensor to write the output to. It must have the output's shape and dtype. Default: a new tensor. */
  readonly into?: Tensor | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const predictRules = {
  into: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<PredictOptions>;

/** Returns a layer's output in mode "inference". Implements the `predict` method of every layer. */
export function predict(layer: Layer, input: Tensor, options: PredictOptions | undefined): Tensor {
  const { into, kernels } = readOptions("predict", options ?? {}, predictRules);
  if (isTensor(input) && input.size === 0) return emptyOutput(layer, input, options);
  expectTensor("predict", "the input", input);
  if (into !== undefined) {
    expectTensor("predict", "into", into);
    if (overlap(into, input)) {
      throw new RangeError(complaint("predict", "into to share no memory with the input", "overlapping memory"));
    }
  }
  const pass: Pass = { mode: "inference", kernels };
  return shortRun(layer, input, pass, { keeps: false, output: into ?? "public" }, ({ output }) => {
    if (into === undefined || output === into) return output;
    expectDestination(into, output.shape, output.dtype);
    into.data.set(output.data);
    return into;
  });
}

/**
 * Returns the output for a batch with no rows. The other axes are found by a forward pass with two rows, the fewest that batch
 * statistics accept.
 */
function emptyOutput(layer: Layer, { shape, dtype }: Tensor, { into, kernels }: PredictOptions = {}): Tensor {
  const rows = Tensor.zeros([2, ...shape.slice(1)], dtype);
  const { output } = layer.forward(rows, { mode: "inference", kernels });
  const empty = [0, ...output.shape.slice(1)];
  if (into === undefined) return Tensor.zeros(empty, output.dtype);
  expectDestination(into, empty, output.dtype);
  return into;
}

function overlap({ data: a }: Tensor, { data: b }: Tensor): boolean {
  const aEnd = a.byteOffset + a.byteLength;
  const bEnd = b.byteOffset + b.byteLength;
  return a.buffer === b.buffer && a.byteOffset < bEnd && b.byteOffset < aEnd;
}
