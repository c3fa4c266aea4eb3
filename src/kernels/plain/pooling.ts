/** Max pooling: the largest pixel of each window, followed by its gradient. */

import { expectMaxPool2d, expectMaxPool2dGradient } from "../checks.js";
import type { MaxPool2dArguments, MaxPool2dGradientArguments } from "../types.js";

/**
 * Computes y[n, c, i, j] = the maximum of x[n, c] over the window at (i strideY - top, j strideX - left), and its index.
 *
 * This is the plain kernel, written for reading; `defaultKernels().maxPool2d` is the fast one.
 */
export function maxPool2d(args: MaxPool2dArguments): void {
  expectMaxPool2d("maxPool2d", args);
  const { shape, x, y, argmax } = args;
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
  let at = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    const start = plane * height * width;
    for (let i = 0; i < outHeight; i++) {
      const firstRow = Math.max(0, i * strideY - top);
      const lastRow = Math.min(height, i * strideY - top + windowHeight) - 1;
      for (let j = 0; j < outWidth; j++, at++) {
        const firstColumn = Math.max(0, j * strideX - left);
        const lastColumn = Math.min(width, j * strideX - left + windowWidth) - 1;
        let index = firstRow * width + firstColumn;
        let largest = x[start + index]!;
        for (let row = firstRow; row <= lastRow; row++) {
          for (let column = firstColumn; column <= lastColumn; column++) {
            const value = x[start + row * width + column]!;
            if (value > largest || value !== value) {
              largest = value;
              index = row * width + column;
            }
          }
        }
        y[at] = largest;
        argmax[at] = index;
      }
    }
  }
}

/**
 * Computes dx[n, c, p] = the sum of dy[n, c, i, j] over the windows with the maximum at pixel p, that is, argmax[n, c, i, j] = p.
 *
 * This is the plain kernel, written for reading; `defaultKernels().maxPool2dGradient` is the fast one.
 */
export function maxPool2dGradient(args: MaxPool2dGradientArguments): void {
  expectMaxPool2dGradient("maxPool2dGradient", args);
  const { shape, dy, argmax, dx } = args;
  const { batch, channels, height, width, outHeight, outWidth } = shape;
  const outputs = outHeight * outWidth;
  dx.fill(0);
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let at = plane * outputs; at < (plane + 1) * outputs; at++) {
      dx[plane * height * width + argmax[at]!]! += dy[at]!;
    }
  }
}
