/** Windows that slide over images: the common options of Conv2d, MaxPool2d and AveragePool2d, and the geometry that follows. */

import { complaint, expectCount, ShapeError, show } from "../core/errors.js";
import { printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { WindowShape } from "../kernels/types.js";

/** A number of pixels in both directions, or one for each: [vertical, horizontal]. */
export type Pixels = number | readonly [number, number];

/** The geometry of a layer, all in pixels: [vertical, horizontal]. */
export interface Windows {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  /** On each side of the image, or "same" for an output of ceil(length / stride) pixels. */
  readonly padding: readonly [number, number] | "same";
}

/** The geometry of a layer whose padding is given in pixels. */
export interface PixelWindows extends Windows {
  readonly padding: readonly [number, number];
}

/** The options as they come: checked here, since a table row has one kind. */
export interface WindowOptions {
  readonly size: unknown;
  readonly stride: unknown;
  readonly padding: unknown;
}

/** Advice for the names of PyTorch and Keras, and for what does not exist here. */
export const foreignWindowOptions: Readonly<Record<string, string>> = {
  kernelSize: "it is called size",
  kernel_size: "it is called size",
  poolSize: "it is called size",
  pool_size: "it is called size",
  dilation: "dilated windows are not supported",
  dilations: "dilated windows are not supported",
  dilationRate: "dilated windows are not supported",
  dilation_rate: "dilated windows are not supported",
};

/** Reads the options. */
export function readWindows(who: string, options: WindowOptions): Windows {
  if (options.padding !== "same") return readPixelWindows(who, options);
  return { ...readPixelWindows(who, { ...options, padding: 0 }), padding: "same" };
}

/** Reads the options of a layer whose padding is given in pixels. */
export function readPixelWindows(who: string, { size, stride, padding }: WindowOptions): PixelWindows {
  return {
    size: pixels(who, "size", size, 1),
    stride: pixels(who, "stride", stride, 1),
    padding: pixels(who, "padding", padding, 0),
  };
}

/** Requires what PyTorch does of a pooling: padding of at most half a window. */
export function expectPoolPadding(who: string, { size, padding }: PixelWindows): void {
  if (2 * padding[0] <= size[0] && 2 * padding[1] <= size[1]) return;
  const expected = `padding of at most half the size, ${printShape(size)}`;
  throw new RangeError(complaint(who, expected, printShape(padding)));
}

/** Returns the geometry over an input [N, C, H, W]; `channels`, if given, is what C must be. */
export function windowShape(name: string, input: Tensor, windows: Windows, channels?: number): WindowShape {
  const { shape } = input;
  const [batch, found, height, width] = shape;
  if (shape.length !== 4 || (channels !== undefined && found !== channels)) {
    const isChannelsLast = shape.length === 4 && shape[3] === channels;
    const cure = isChannelsLast ? "channels go before height and width" : undefined;
    const expected = `an input of shape [N, ${channels ?? "C"}, H, W]`;
    throw new ShapeError(complaint(name, expected, printShape(shape), cure));
  }
  const { size, stride, padding } = windows;
  const vertical = extent(height!, size[0], stride[0], padding === "same" ? padding : padding[0]);
  const horizontal = extent(width!, size[1], stride[1], padding === "same" ? padding : padding[1]);
  const room = [vertical.padded, horizontal.padded] as const;
  if (size[0] > room[0] || size[1] > room[1]) {
    const expected = `an image of at least ${size[0]} x ${size[1]} pixels with its padding, the size of the window`;
    const cure = "use a smaller size, or more padding";
    throw new RangeError(complaint(name, expected, `${room[0]} x ${room[1]} (shape ${printShape(shape)})`, cure));
  }
  return {
    batch: batch!,
    channels: found!,
    height: height!,
    width: width!,
    windowHeight: size[0],
    windowWidth: size[1],
    strideY: stride[0],
    strideX: stride[1],
    top: vertical.before,
    left: horizontal.before,
    outHeight: Math.floor((room[0] - size[0]) / stride[0]) + 1,
    outWidth: Math.floor((room[1] - size[1]) / stride[1]) + 1,
  };
}

/** The padding of an image in one direction. */
interface Extent {
  /** Pixels above or on the left. */
  readonly before: number;
  /** The length of the image with all of its padding. */
  readonly padded: number;
}

/** As in TensorFlow and Keras, "same" puts an odd pixel of padding below or on the right. With stride 1, so does PyTorch. */
function extent(length: number, size: number, stride: number, padding: number | "same"): Extent {
  if (padding !== "same") return { before: padding, padded: length + 2 * padding };
  const outputs = Math.ceil(length / stride);
  const total = Math.max(0, (outputs - 1) * stride + size - length);
  return { before: Math.floor(total / 2), padded: length + total };
}

function pixels(who: string, name: string, value: unknown, least: number): readonly [number, number] {
  if (Array.isArray(value)) {
    if (value.length !== 2) {
      const expected = `${name} to be a number or a pair, [vertical, horizontal]`;
      throw new TypeError(complaint(who, expected, show(value)));
    }
    const [vertical, horizontal] = [value[0] as unknown, value[1] as unknown];
    expectCount(who, `${name}[0]`, vertical, least);
    expectCount(who, `${name}[1]`, horizontal, least);
    return [vertical, horizontal];
  }
  if (typeof value !== "number") {
    const words = name === "padding" ? ', a pair or "same"' : " or a pair, [vertical, horizontal]";
    throw new TypeError(complaint(who, `${name} to be a number${words}`, show(value)));
  }
  expectCount(who, name, value, least);
  return [value, value];
}
