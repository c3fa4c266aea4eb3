/** The kernel set that a pass uses by default. */

import type { AllKernels, ImageKernels, Kernels } from "./types.js";
import { basicPlainKernels, plainKernels } from "./plain/kernels.js";
import { wasmOrRefusal } from "./wasm/instance.js";
import { basicWasmKernels, wasmKernels } from "./wasm/kernels.js";

/**
 * Returns the fastest kernel set that the host supports: WebAssembly SIMD, else plain TypeScript.
 *
 * @example
 * const out = new Float32Array(4);
 * const kernels = defaultKernels();
 * kernels.matmul({ rows: 2, inner: 1, columns: 2, a: Float32Array.of(1, 2), b: Float32Array.of(3, 4), out });
 * out;   // => Float32Array [3, 4, 6, 8]
 */
export function defaultKernels(): AllKernels {
  return typeof wasmOrRefusal() === "string" ? plainKernels : wasmKernels();
}

/** Returns the same kernels without those of images, which a bundler then leaves out of a program that has no images. */
export function basicKernels(): Kernels {
  return typeof wasmOrRefusal() === "string" ? basicPlainKernels : basicWasmKernels();
}

/**
 * Returns the kernels of images of a set, or the default ones if it leaves any out: for layers of your own, since the kernels of a
 * pass may have none.
 *
 * @example
 * const y = new Float32Array(1);
 * const places = new Int32Array(1);
 * const window = { windowHeight: 2, windowWidth: 2, strideY: 2, strideX: 2, top: 0, left: 0 };
 * const shape = { batch: 1, channels: 1, height: 2, width: 2, outHeight: 1, outWidth: 1, ...window };
 * imageKernels(defaultKernels()).maxPool2d({ shape, x: Float32Array.of(1, 4, 3, 2), y, argmax: places });
 * [y[0], places[0]];   // => [4, 1]
 */
export function imageKernels(kernels: Kernels): ImageKernels {
  return hasImageKernels(kernels) ? kernels : defaultKernels();
}

function hasImageKernels(kernels: Kernels): kernels is AllKernels {
  const { convolve2d, convolve2dGradInput, convolve2dGradWeight, maxPool2d, maxPool2dGradient } = kernels;
  return [convolve2d, convolve2dGradInput, convolve2dGradWeight, maxPool2d, maxPool2dGradient].every((f) => f);
}
