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
  /** Above and on the left of the image. */
  readonly before: readonly [number, number];
  /** Above, below, and on the left and right, together. */
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

/** Reads the options; "same" pads so that the output is as large as the image. */
export function readWindows(who: string, options: WindowOptions): Windows {
  const size = pixels(who, "size", options.size, 1);
  const stride = pixels(who, "stride", options.stride, 1);
  if (options.padding === "same") {
    if (stride[0] !== 1 || stride[1] !== 1) {
      const got = `stride ${printStride(stride)}`;
      throw new RangeError(complaint(who, 'stride 1 with padding "same"', got, "give the padding in pixels"));
    }
    const padding = [size[0] - 1, size[1] - 1] as const;
    return { size, stride, padding, before: [Math.floor(padding[0] / 2), Math.floor(padding[1] / 2)] };
  }
  const before = pixels(who, "padding", options.padding, 0);
  return { size, stride, before, padding: [2 * before[0], 2 * before[1]] };
}

/** Requires what PyTorch does of a pooling: padding of at most half a window. */
export function expectPoolPadding(who: string, { size, before }: Windows): void {
  if (2 * before[0] <= size[0] && 2 * before[1] <= size[1]) return;
  const expected = `padding of at most half the size, ${printShape(size)}`;
  throw new RangeError(complaint(who, expected, printShape(before)));
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
  const { size, stride, before, padding } = windows;
  const room = [height! + padding[0], width! + padding[1]] as const;
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
    top: before[0],
    left: before[1],
    outHeight: Math.floor((room[0] - size[0]) / stride[0]) + 1,
    outWidth: Math.floor((room[1] - size[1]) / stride[1]) + 1,
  };
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

function printStride([vertical, horizontal]: readonly [number, number]): string {
  return vertical === horizontal ? `${vertical}` : printShape([vertical, horizontal]);
}
