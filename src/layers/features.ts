/** Features: what every layer that gathers statistics by feature requires of its input. */

import { complaint, expectObject, ShapeError, show } from "../core/errors.js";
import { channelView, type ChannelView, printShape, type Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Pass } from "./contract.js";

/** The view of an input from its feature axis, which may count from the end and must be `features` long. */
export function featureView(name: string, input: Tensor, axis: number, features: number): ChannelView {
  const rank = input.shape.length;
  const at = axis < 0 ? rank + axis : axis;
  if (rank < 2 || input.shape[at] !== features) {
    const expected = `${features} features on axis ${axis} of the input`;
    throw new ShapeError(complaint(name, expected, `shape ${printShape(input.shape)}`));
  }
  return channelView(input.shape, at);
}

/** Requires an axis that an option may name; whether an input has it, each pass sees. */
export function expectAxis(name: string, axis: unknown): asserts axis is number {
  if (typeof axis !== "number") throw new TypeError(complaint(name, "axis to be a number", show(axis)));
  if (!Number.isSafeInteger(axis)) throw new RangeError(complaint(name, "axis to be a whole number", show(axis)));
}

/** Requires at least two values per feature, weighted ones counted by their weight: one alone has no variance. */
export function expectTwoValues(
  name: string,
  mode: string,
  values: number,
  { shape, weighted = false, hasInference = true }: { shape: Shape; weighted?: boolean; hasInference?: boolean },
): void {
  if (values >= 2) return;
  const cure = hasInference ? 'use a larger batch, or mode "inference"' : "use a larger batch";
  const expected = `at least 2 values per feature in mode "${mode}"`;
  const weights = weighted ? ` and row weights worth ${Number(values.toPrecision(3))} values` : "";
  throw new RangeError(complaint(name, expected, `input shape ${printShape(shape)}${weights}`, cure));
}

/** Requires a pass without row weights, for layers that could only ignore them: a mask that does nothing would not be noticed. */
export function expectNoRowWeights(name: string, { rowWeights }: Pass): void {
  if (rowWeights === undefined) return;
  expectObject(name, "rowWeights", rowWeights);
  throw new TypeError(complaint(name, "a pass without row weights", `${rowWeights.length}`, "use a BatchNorm"));
}
