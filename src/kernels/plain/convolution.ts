/**
 * The convolution of images and its two gradients, channels first.
 *
 * All three sum the same products, a pixel of x times a weight for a pixel of y, and differ in where they add each one.
 */

import { expectConvolve2d, expectConvolve2dGradInput, expectConvolve2dGradWeight } from "../checks.js";
import type {
  Convolve2dArguments,
  Convolve2dGradInputArguments,
  Convolve2dGradWeightArguments,
  WindowShape,
} from "../types.js";

/**
 * Computes y[n, o, i, j] = bias[o] + Σ_cpq weight[o, c, p, q] x[n, c, i strideY + p - top, j strideX + q - left].
 *
 * This is the plain kernel, written for reading; `defaultKernels().convolve2d` is the fast one.
 */
export function convolve2d(args: Convolve2dArguments): void {
  expectConvolve2d("convolve2d", args);
  const { shape, outputs, x, weight, bias, y } = args;
  const { outHeight, outWidth, strideX } = shape;
  const sums = new Float64Array(y.length);
  if (bias !== undefined) {
    const plane = outHeight * outWidth;
    for (let at = 0, o = 0; at < y.length; at += plane, o++) sums.fill(bias[o % outputs]!, at, at + plane);
  }
  forEachRun(shape, outputs, (atX, atWeight, atY, length) => {
    for (let i = 0; i < length; i++) sums[atY + i]! += weight[atWeight]! * x[atX + i * strideX]!;
  });
  y.set(sums);
}

/**
 * Computes the gradient with respect to x: each product adds dx += weight dy.
 *
 * This is the plain kernel, written for reading; `defaultKernels().convolve2dGradInput` is the fast one.
 */
export function convolve2dGradInput(args: Convolve2dGradInputArguments): void {
  expectConvolve2dGradInput("convolve2dGradInput", args);
  const { shape, outputs, dy, weight, dx } = args;
  const { strideX } = shape;
  const sums = new Float64Array(dx.length);
  forEachRun(shape, outputs, (atX, atWeight, atY, length) => {
    for (let i = 0; i < length; i++) sums[atX + i * strideX]! += weight[atWeight]! * dy[atY + i]!;
  });
  dx.set(sums);
}

/**
 * Computes the gradients with respect to the weight, to which each product adds dweight += x dy, and dbias[o] = Σ_nij dy[n, o, i, j].
 *
 * This is the plain kernel, written for reading; `defaultKernels().convolve2dGradWeight` is the fast one.
 */
export function convolve2dGradWeight(args: Convolve2dGradWeightArguments): void {
  expectConvolve2dGradWeight("convolve2dGradWeight", args);
  const { shape, outputs, x, dy, dweight, dbias } = args;
  const { outHeight, outWidth, strideX } = shape;
  const sums = new Float64Array(dweight.length);
  forEachRun(shape, outputs, (atX, atWeight, atY, length) => {
    for (let i = 0; i < length; i++) sums[atWeight]! += x[atX + i * strideX]! * dy[atY + i]!;
  });
  dweight.set(sums);
  if (dbias === undefined) return;
  const plane = outHeight * outWidth;
  const biasSums = new Float64Array(outputs);
  for (let at = 0; at < dy.length; at++) biasSums[Math.floor(at / plane) % outputs]! += dy[at]!;
  dbias.set(biasSums);
}

/**
 * Calls `visit` for every run of products: those of one weight with a row of y. Product i of a run is that of the weight at
 * `atWeight` with the pixel of x at `atX + i strideX` for the pixel of y at `atY + i`. Products with padding, which are 0, are left out.
 */
function forEachRun(
  shape: WindowShape,
  outputs: number,
  visit: (atX: number, atWeight: number, atY: number, length: number) => void,
): void {
  const {
    batch,
    channels,
    height,
    width,
    windowHeight,
    windowWidth,
    strideY,
    strideX,
    top,
    left,
    outHeight,
    outWidth,
  } = shape;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      for (let c = 0; c < channels; c++) {
        for (let p = 0; p < windowHeight; p++) {
          for (let q = 0; q < windowWidth; q++) {
            const atWeight = ((o * channels + c) * windowHeight + p) * windowWidth + q;
            // the columns j of y for which j strideX + q - left lies in 0..width - 1
            const from = Math.max(0, Math.ceil((left - q) / strideX));
            const to = Math.min(outWidth, Math.ceil((left - q + width) / strideX));
            for (let i = 0; i < outHeight; i++) {
              const row = i * strideY + p - top;
              if (row < 0 || row >= height) continue;
              const atX = ((n * channels + c) * height + row) * width + from * strideX + q - left;
              const atY = ((n * outputs + o) * outHeight + i) * outWidth + from;
              visit(atX, atWeight, atY, to - from);
            }
          }
        }
      }
    }
  }
}
