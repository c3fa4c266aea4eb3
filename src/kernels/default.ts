/** Which kernels a pass runs on when it names none. */

import type { Kernels } from "./types.js";
import { plainKernels } from "./plain/kernels.js";
import { wasmOrRefusal } from "./wasm/instance.js";
import { wasmKernels } from "./wasm/kernels.js";

/** The best kernel set that this host allows: WebAssembly SIMD, or plain TypeScript where the host refuses it. */
export function defaultKernels(): Kernels {
  return typeof wasmOrRefusal() === "string" ? plainKernels : wasmKernels();
}
