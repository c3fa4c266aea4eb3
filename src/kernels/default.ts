/** The kernels of a pass that names none. */

import type { Kernels } from "./types.js";
import { plainKernels } from "./plain/kernels.js";
import { wasmOrRefusal } from "./wasm/instance.js";
import { wasmKernels } from "./wasm/kernels.js";

/** Returns the fastest kernel set that the host allows: WebAssembly SIMD, else plain TypeScript. */
export function defaultKernels(): Kernels {
  return typeof wasmOrRefusal() === "string" ? plainKernels : wasmKernels();
}
