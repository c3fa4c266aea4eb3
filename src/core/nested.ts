/** Nested: numbers in nested arrays, the form in which people write small tensors. */

import { complaint, show, ShapeError } from "./errors.js";
import { printShape, type Shape } from "./shape.js";

/** Numbers in nested arrays, as `[[1, 2], [3, 4]]`. */
export type Nested = number | readonly Nested[];

/** Requires a number, which may be NaN or infinite. */
export function expectValue(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(complaint("Tensor", "every value to be a number", show(value)));
  return value;
}

/** The shape of nested arrays, read off the first one on each level. */
export function shapeOfNested(values: Nested): number[] {
  const shape: number[] = [];
  for (let level: Nested = values; typeof level !== "number"; level = level[0]!) {
    if (!isList(level)) throw new TypeError(complaint("Tensor.from", "numbers in nested arrays", show(level)));
    shape.push(level.length);
    if (level.length === 0) {
      throw new ShapeError(complaint("Tensor.from", "at least one value on every axis", `shape ${printShape(shape)}`));
    }
  }
  return shape;
}

/** Appends the numbers row by row, and requires that every array is as long as the first one on its level. */
export function flattenNested(values: Nested, shape: Shape, axis: number, into: number[]): void {
  if (axis === shape.length) {
    into.push(expectValue(values));
    return;
  }
  const list = isList(values) ? values : [];
  if (list.length !== shape[axis]) {
    const got = isList(values) ? `an array of ${values.length}` : show(values);
    throw new ShapeError(
      complaint("Tensor.from", `arrays of ${shape[axis]} on axis ${axis}, as the first one is`, got),
    );
  }
  for (const inner of list) flattenNested(inner, shape, axis + 1, into);
}

function isList(value: Nested): value is readonly Nested[] {
  return Array.isArray(value);
}
