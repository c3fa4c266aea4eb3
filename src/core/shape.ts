/** Shapes: sizes, printing, and the view of a shape as outer x channels x inner. */

import { complaint, show, ShapeError } from "./errors.js";

/** The length of each axis, outermost first. Row-major: the last axis is contiguous. */
export type Shape = readonly number[];

/** Requires an array of whole numbers of at least 1. An empty list is the shape of a single number. */
export function expectShape(who: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) throw new TypeError(complaint(who, "a shape, an array of numbers", show(shape)));
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 1) {
      throw new ShapeError(complaint(who, "every axis of the shape to be a whole number of at least 1", show(shape)));
    }
  }
}

/** How many values a shape holds: the product of its axes. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

/** Whether two shapes are the same, axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Prints a shape as in `[64, 10]`. */
export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * A shape seen from one axis: value (o, c, i) stands at (o * channels + c) * inner + i.
 *
 * It lets one loop serve [N, C] (outer N, inner 1), [N, C, H, W] (outer N, inner H W) and [N, H, W, C] (outer N H W, inner 1);
 * every channel has outer * inner values.
 */
export interface ChannelView {
  /** The product of the axes in front of the channel axis. */
  readonly outer: number;
  /** The length of the channel axis. */
  readonly channels: number;
  /** The product of the axes behind the channel axis. */
  readonly inner: number;
}

/**
 * The view of a shape from `axis`; a negative axis counts from the end.
 *
 * @throws {RangeError} if the shape has no such axis
 */
export function channelView(shape: Shape, axis: number): ChannelView {
  expectShape("channelView", shape);
  const at = axis < 0 ? shape.length + axis : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= shape.length) {
    throw new RangeError(complaint("channelView", `an axis of shape ${printShape(shape)}`, show(axis)));
  }
  return { outer: sizeOf(shape.slice(0, at)), channels: shape[at]!, inner: sizeOf(shape.slice(at + 1)) };
}
