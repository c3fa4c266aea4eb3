/** Pooling: from many pixels to few. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { channelView, printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { imageKernels } from "../kernels/default.js";
import type { WindowShape } from "../kernels/types.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientTensor, outputTensor, registerOwn } from "./private-memory.js";
import {
  expectPoolPadding,
  foreignWindowOptions,
  type Pixels,
  type PixelWindows,
  readPixelWindows,
  windowShape,
} from "./windows.js";

/** Options for `MaxPool2d` and `AveragePool2d`. */
export interface PoolOptions {
  /** The size of the window, a number or [height, width] (PyTorch's `kernel_size`). */
  readonly size: Pixels;
  /** The distance between neighboring windows, a number or [vertical, horizontal]. Default: the size, so that they do not overlap. */
  readonly stride?: Pixels | undefined;
  /** Pixels on each side of the image, a number or [vertical, horizontal], at most half the size. Default: 0. */
  readonly padding?: Pixels | undefined;
}

const poolRules = {
  size: { kind: "any" },
  stride: { kind: "any", optional: true },
  padding: { kind: "any", default: 0 },
} as const satisfies OptionRules<PoolOptions>;

const foreignOptions: Readonly<Record<string, string>> = {
  ...foreignWindowOptions,
  ceilMode: "a window that would reach beyond the padding is always left out",
  ceil_mode: "a window that would reach beyond the padding is always left out",
  countIncludePad: "padding always counts, as in PyTorch by default",
  count_include_pad: "padding always counts, as in PyTorch by default",
};

function readPool(who: string, options: PoolOptions): PixelWindows {
  const { size, stride, padding } = readOptions(who, options, poolRules, foreignOptions);
  if (typeof padding === "string") {
    const expected = "padding to be a number or a pair, [vertical, horizontal]";
    throw new TypeError(complaint(who, expected, show(padding)));
  }
  const windows = readPixelWindows(who, { size, stride: stride ?? size, padding });
  expectPoolPadding(who, windows);
  return windows;
}

/**
 * Returns the maximum of each window.
 *
 *     y[n, c, i, j] = max_pq x[n, c, i stride + p - padding, j stride + q - padding]
 *
 * The gradient goes to the pixel that was the maximum. If several are equal, it goes to the first one, row by row, as in PyTorch.
 *
 * - **Shapes**: x [N, C, H, W] · y [N, C, floor((H + 2 padding - height) / stride) + 1, and the same for the width]
 * - **Modes**: the same in all three
 * - **Numerics**: padding is never the maximum; NaN, if present, always is
 * - **Cost**: one pass over x forward, one over dx and dy backward; stores the position of each maximum, in 4 bytes
 *
 * @throws {ShapeError} if x is not [N, C, H, W]
 * @throws {RangeError} if the window is larger than the image with its padding
 * @example
 * const x = Tensor.from([[[[1, 2, 5, 0], [4, 3, 0, 0]]]]);
 * new MaxPool2d({ size: 2 }).forward(x, { mode: "inference" }).output.toNested();   // => [[[[4, 5]]]]
 */
export class MaxPool2d implements Layer {
  /** [height, width] */
  readonly size: readonly [number, number];
  /** [vertical, horizontal] */
  readonly stride: readonly [number, number];
  /** [vertical, horizontal] */
  readonly padding: readonly [number, number];
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor(options: PoolOptions) {
    const { size, stride, padding } = readPool("MaxPool2d", options);
    this.size = size;
    this.stride = stride;
    this.padding = padding;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels: given } = beginForward("MaxPool2d", input, pass, []);
    const kernels = imageKernels(given);
    const shape = windowShape(name, input, this);
    const output = outputTensor(pass, pooledShape(shape), input.dtype);
    const argmax = new Int32Array(output.size);
    kernels.maxPool2d({ shape, x: input.data, y: output.data, argmax });
    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = gradientTensor(input);
      kernels.maxPool2dGradient({ shape, dy: gradOutput.data, argmax, dx: gradInput.data });
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/**
 * Returns the mean of each window.
 *
 *     y[n, c, i, j] = Σ_pq x[n, c, i stride + p - padding, j stride + q - padding] / (height width)
 *
 * Padding counts as zeros: the sum is divided by the size of the window everywhere, as in PyTorch by default
 * (`count_include_pad=True`; Keras leaves padding out).
 *
 * - **Shapes**: x [N, C, H, W] · y [N, C, floor((H + 2 padding - height) / stride) + 1, and the same for the width]
 * - **Modes**: the same in all three
 * - **Numerics**: sums in double precision
 * - **Cost**: one pass forward, one backward
 *
 * @throws {ShapeError} if x is not [N, C, H, W]
 * @throws {RangeError} if the window is larger than the image with its padding
 * @example
 * const x = Tensor.from([[[[1, 2, 5, 0], [4, 3, 0, 3]]]]);
 * new AveragePool2d({ size: 2 }).forward(x, { mode: "inference" }).output.toNested();   // => [[[[2.5, 2]]]]
 */
export class AveragePool2d implements Layer {
  /** [height, width] */
  readonly size: readonly [number, number];
  /** [vertical, horizontal] */
  readonly stride: readonly [number, number];
  /** [vertical, horizontal] */
  readonly padding: readonly [number, number];
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor(options: PoolOptions) {
    const { size, stride, padding } = readPool("AveragePool2d", options);
    this.size = size;
    this.stride = stride;
    this.padding = padding;
    registerOwn(this);
  }

  /** Whether the output is exactly the mean of each window: false for a subclass that overrides `forward`. */
  get isAveraging(): boolean {
    return averages(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("AveragePool2d", input, pass, []);
    const shape = windowShape(name, input, this);
    const output = outputTensor(pass, pooledShape(shape), input.dtype);
    const [x, y] = [input.data, output.data];
    const count = shape.windowHeight * shape.windowWidth;
    const sums = new Float64Array(y.length);
    forEachPixel(shape, (atX, atY) => (sums[atY]! += x[atX]!));
    for (let i = 0; i < y.length; i++) y[i] = sums[i]! / count;
    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = gradientTensor(input);
      const [dy, dx] = [gradOutput.data, gradInput.data];
      const dsums = new Float64Array(dx.length);
      forEachPixel(shape, (atX, atY) => (dsums[atX]! += dy[atY]!));
      for (let i = 0; i < dx.length; i++) dx[i] = dsums[i]! / count;
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

function pooledShape({ batch, channels, outHeight, outWidth }: WindowShape): number[] {
  return [batch, channels, outHeight, outWidth];
}

/** Calls `visit` for every pixel of every window: the index of the pixel, and that of the window. */
function forEachPixel(shape: WindowShape, visit: (atX: number, atY: number) => void): void {
  const { batch, channels, height, width, windowHeight, windowWidth, strideY, strideX, top, left } = shape;
  const { outHeight, outWidth } = shape;
  let atY = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let i = 0; i < outHeight; i++) {
      for (let j = 0; j < outWidth; j++, atY++) {
        const [y, x] = [i * strideY - top, j * strideX - left];
        for (let row = Math.max(0, y); row < Math.min(height, y + windowHeight); row++) {
          for (let column = Math.max(0, x); column < Math.min(width, x + windowWidth); column++) {
            visit((plane * height + row) * width + column, atY);
          }
        }
      }
    }
  }
}

/**
 * Returns the mean of each channel over all its pixels.
 *
 *     y[n, c] = Σ_hw x[n, c, h, w] / (H W)
 *
 * - **Shapes**: x [N, C, H, W], or [N, C, ...] with any number of axes from three on · y [N, C], as in Keras (PyTorch's
 *   `AdaptiveAvgPool2d(1)` returns [N, C, 1, 1])
 * - **Modes**: the same in all three
 * - **Numerics**: sums in double precision
 * - **Cost**: one pass forward, one backward
 * - **Source**: Lin, Chen & Yan 2014 (arXiv:1312.4400)
 *
 * @throws {ShapeError} if x has fewer than three axes
 * @example
 * const x = Tensor.from([[[[1, 3], [5, 7]]]]);
 * new GlobalAveragePool().forward(x, { mode: "inference" }).output.toNested();   // => [[4]]
 */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  /** Whether the output is exactly the mean of each channel: false for a subclass that overrides `forward`. */
  get isAveraging(): boolean {
    return averages(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("GlobalAveragePool", input, pass, []);
    if (input.shape.length < 3) {
      throw new ShapeError(complaint(name, "an input of shape [N, C, H, W]", printShape(input.shape)));
    }
    const { outer, channels, inner } = channelView(input.shape, 1);
    const output = outputTensor(pass, [outer, channels], input.dtype);
    const [x, y] = [input.data, output.data];
    for (let plane = 0; plane < y.length; plane++) {
      let sum = 0;
      for (let i = plane * inner; i < (plane + 1) * inner; i++) sum += x[i]!;
      y[plane] = sum / inner;
    }
    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = gradientTensor(input);
      const [dy, dx] = [gradOutput.data, gradInput.data];
      for (let plane = 0; plane < dy.length; plane++) {
        dx.fill(dy[plane]! / inner, plane * inner, (plane + 1) * inner);
      }
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Outside the classes: bundlers rename a class that refers to itself, and logs would show that name. */
function averages(layer: AveragePool2d | GlobalAveragePool): boolean {
  return layer.forward === AveragePool2d.prototype.forward || layer.forward === GlobalAveragePool.prototype.forward;
}
