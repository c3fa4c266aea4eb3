/** The WebAssembly kernel set. */

import { complaint } from "../../ground/errors.js";
import type { Kernels } from "../kernels.js";
import { batchNormKernels } from "./batch-norm.js";
import { elementwiseKernels } from "./elementwise.js";
import { groupNormKernels } from "./group-norm.js";
import { type Wasm, wasmOrRefusal } from "./instance.js";
import { lossKernels } from "./losses.js";
import { matmulKernels } from "./matmul.js";
import { optimizerKernels } from "./optimizers.js";

let kernels: Kernels | undefined;

/**
 * The kernels on WebAssembly SIMD, compiled at the first call; naming them in a pass fixes them.
 *
 * Numerics  fixed-width SIMD without the relaxed instructions: the same bits in every engine. Sums and statistics of
 *           normalizations and losses are in double precision, products and element-wise arithmetic in the arrays' dtype
 *
 * @throws Error where the host refuses: no WebAssembly, no SIMD, or a content security policy without "wasm-unsafe-eval"
 */
export function wasmKernels(): Kernels {
  const wasm = wasmOrRefusal();
  if (typeof wasm === "string") {
    throw new Error(complaint("wasmKernels", "a host that compiles WebAssembly SIMD", wasm, "use plainKernels"));
  }
  kernels ??= gather(wasm);
  return kernels;
}

function gather(wasm: Wasm): Kernels {
  return {
    name: "wasm",
    ...matmulKernels(wasm),
    ...batchNormKernels(wasm),
    ...groupNormKernels(wasm),
    ...elementwiseKernels(wasm),
    ...lossKernels(wasm),
    ...optimizerKernels(wasm),
  };
}
