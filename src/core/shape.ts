/** Shapes: checks, sizes, formatting, and the view of a shape as outer x channels x inner. */

import { complaint, show, ShapeError } from "./errors.js";

/** The length of each axis, outermost first. Values are in row-major order. */
export type Shape = readonly number[];

/** The maximum number of axes. It keeps recursion over axes shallow. NumPy 1 has the same limit. */
export const MAX_RANK = 32;

/** Requires an array of at most 32 positive integers. An empty array is the shape of a single number. */
export function expectShape(who: string, shape: unknown): asserts shape is Shape {
  // An array without a prototype has no slice.
  if (!Array.isArray(shape) || typeof (shape as Partial<unknown[]>).slice !== "function") {
    throw new TypeError(complaint(who, "a shape, an array of numbers", show(shape)));
  }
  if (shape.length > MAX_RANK) {
    throw new ShapeError(complaint(who, `a shape of at most ${MAX_RANK} axes`, `${shape.length} axes`));
  }
  for (let axis = 0; axis < shape.length; axis++) {
    const size: unknown = shape[axis];
    const least = axis === 0 && shape.length > 1 ? 0 : 1;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < least) {
      throw new ShapeError(complaint(who, "every axis of the shape to be a whole number of at least 1", show(shape)));
    }
  }
}

/** Returns the number of values in a shape, the product of its axis lengths. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

/** Returns whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Formats a shape, for example as `[64, 10]`. */
export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * A shape reduced to three axes around its channel axis. Value (o, c, i) is at index (o * channels + c) * inner + i.
 *
 * The same loop then handles [N, C] (outer N, inner 1), [N, C, H, W] (outer N, inner H W) and [N, H, W, C] (outer N H W,
 * inner 1). Each channel has outer * inner values.
 */
export interface ChannelView {
  /** The product of the axes before the channel axis. */
  readonly outer: number;
  /** The length of the channel axis. */
  readonly channels: number;
  /** The product of the axes after the channel axis. */
  readonly inner: number;
}

/**
 * Returns the view of a shape with `axis` as its channel axis. Negative axes count from the end.
 *
 * @throws {TypeError} if the axis is not a number
 * @throws {RangeError} if the shape has no such axis
 */
export function channelView(shape: Shape, axis: number): ChannelView {
  expectShape("channelView", shape);
  if (typeof axis !== "number") throw new TypeError(complaint("channelView", "axis to be a number", show(axis)));
  const at = axis < 0 ? shape.length + axis : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= shape.length) {
    throw new RangeError(complaint("channelView", `an axis of shape ${printShape(shape)}`, show(axis)));
  }
  return { outer: sizeOf(shape.slice(0, at)), channels: shape[at]!, inner: sizeOf(shape.slice(at + 1)) };
}
