/** The WebAssembly kernel set. */

import { complaint } from "../../core/errors.js";
import type { Kernels } from "../types.js";
import { batchNormKernels } from "./batch-norm.js";
import { elementwiseKernels } from "./elementwise.js";
import { type Wasm, wasmOrRefusal } from "./instance.js";
import { lossKernels } from "./losses.js";
import { columnSumsKernel, matmulKernels } from "./matmul.js";
import { optimizerKernels } from "./optimizers.js";
import { plainWhereSmall } from "./small.js";

let kernels: Kernels | undefined;

/**
 * The kernels on WebAssembly SIMD, compiled at the first call; naming them in a pass fixes them. Calls so small that the way
 * into the module costs more than the work are computed by the plain kernels.
 *
 * Numerics  fixed-width SIMD without the relaxed instructions: the same bits in every engine. Sums and statistics of
 *           normalizations and losses are in double precision, products and element-wise arithmetic in the arrays' dtype
 *
 * @throws Error where the host refuses: no WebAssembly, no SIMD, or a content security policy without "wasm-unsafe-eval"
 * @example
 * const model = new Sequential([new ReLU()]);
 * const pass: Pass = { mode: "inference", kernels: wasmKernels() };
 * model.forward(Tensor.from([[-1, 2]]), pass).output.toNested();   // => [[0, 2]]
 */
export function wasmKernels(): Kernels {
  const wasm = wasmOrRefusal();
  if (typeof wasm === "string") {
    throw new Error(complaint("wasmKernels", "a host that compiles WebAssembly SIMD", wasm, "use plainKernels"));
  }
  kernels ??= plainWhereSmall(moduleKernels(wasm));
  return kernels;
}

/** The kernels of a module, for calls of every size. */
export function moduleKernels(wasm: Wasm): Kernels {
  return {
    name: "wasm",
    ...matmulKernels(wasm),
    ...columnSumsKernel(wasm),
    ...batchNormKernels(wasm),
    ...elementwiseKernels(wasm),
    ...lossKernels(wasm),
    ...optimizerKernels(wasm),
  };
}
