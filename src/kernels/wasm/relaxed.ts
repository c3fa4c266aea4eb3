/** The WebAssembly kernels with relaxed products: faster on processors with fused multiply-add, but not the same bits everywhere. */

import { complaint } from "../../core/errors.js";
import { registerResidence } from "../residence.js";
import type { AllKernels } from "../types.js";
import { instantiate, reasonOf, wasmOrRefusal } from "./instance.js";
import { moduleKernels, plainWhereSmall } from "./kernels.js";
import { matmulKernels, type MatmulRoutines } from "./matmul.js";
import { relaxedModuleText } from "./relaxed-module.js";

let kernels: AllKernels | undefined;

/**
 * Returns the kernels of `wasmKernels` with matrix products that multiply and add in one instruction. Never the default.
 *
 * - **Numerics**: a product and its sum are rounded once if the processor has the instruction and twice if not, so the last
 *   bits depend on the machine; everything else is as in `wasmKernels`
 * - **Cost**: products take 10 to 15 % less time on a processor with the instruction
 * - **Source**: the WebAssembly proposal "relaxed SIMD", relaxed_madd
 *
 * @throws Error if the host refuses: relaxed SIMD needs Node 22 or Chrome 114, or later
 */
export function relaxedKernels(): AllKernels {
  if (kernels !== undefined) return kernels;
  try {
    const wasm = wasmOrRefusal();
    if (typeof wasm === "string") throw new Error(wasm);
    const products = matmulKernels(instantiate<MatmulRoutines>(relaxedModuleText));
    kernels = plainWhereSmall({ ...moduleKernels(wasm), ...products, name: "wasm relaxed" });
    registerResidence(kernels, wasm.memory);
  } catch (error) {
    const message = complaint(
      "relaxedKernels",
      "a host that compiles relaxed SIMD",
      reasonOf(error),
      "use wasmKernels",
    );
    throw new Error(message, { cause: error });
  }
  return kernels;
}
