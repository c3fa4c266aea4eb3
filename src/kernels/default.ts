/** The kernel set that a pass uses by default. */

import type { Kernels } from "./types.js";
import { plainKernels } from "./plain/kernels.js";
import { wasmOrRefusal } from "./wasm/instance.js";
import { wasmKernels } from "./wasm/kernels.js";

/**
 * Returns the fastest kernel set that the host supports: WebAssembly SIMD, else plain TypeScript.
 *
 * @example
 * const out = new Float32Array(4);
 * const kernels = defaultKernels();
 * kernels.matmul({ rows: 2, inner: 1, columns: 2, a: Float32Array.of(1, 2), b: Float32Array.of(3, 4), out });
 * out;   // => Float32Array [3, 4, 6, 8]
 */
export function defaultKernels(): Kernels {
  return typeof wasmOrRefusal() === "string" ? plainKernels : wasmKernels();
}
