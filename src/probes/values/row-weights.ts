/** Row weights of samples: how much each row or position counts in statistics. */

import { complaint, expectObject, ShapeError, show } from "../../core/errors.js";
import type { Samples } from "../../core/samples.js";

/** Row weights as for a forward pass: one per row, or `Samples` [N, L] or [N, H, W] with one weight per position. */
export type RowWeights = ArrayLike<number> | Samples;

/**
 * Returns the weight of each position of samples, in storage order and without the feature axis.
 *
 * If the samples no longer have the positions of the weights, for example after pooling, the weight of a row is the largest
 * weight of its positions.
 */
export function positionWeights(who: string, given: unknown, shape: readonly number[], axis: number): Float64Array {
  expectObject(who, "rowWeights", given);
  const { shape: givenShape, data } = given as Partial<Samples>;
  const values = data ?? (given as ArrayLike<number>);
  const weightsShape = Array.isArray(givenShape) ? (givenShape as readonly number[]) : [values.length];
  const featureAxis = axis < 0 ? shape.length + axis : axis;
  const positions = shape.length === 1 ? shape : shape.filter((_, i) => i !== featureAxis);
  const sizeOf = (sizes: readonly number[]): number => sizes.reduce((size, length) => size * length, 1);
  if (weightsShape[0] !== positions[0] || values.length !== sizeOf(weightsShape)) {
    const expected = `rowWeights of shape [${positions[0]}] or of more axes of [${positions.join(", ")}]`;
    throw new ShapeError(complaint(who, expected, `shape [${weightsShape.join(", ")}]`));
  }
  for (let i = 0; i < values.length; i++) {
    const weight: unknown = values[i];
    if (!(typeof weight === "number" && weight >= 0 && weight < Infinity)) {
      throw new RangeError(
        complaint(who, "row weights that are finite and not negative", `${show(weight)} at index ${i}`),
      );
    }
  }
  const weights = new Float64Array(sizeOf(positions));
  const isByPosition = weightsShape.every((length, i) => length === positions[i]);
  const perRow = values.length / positions[0]!;
  const perWeight = weights.length / (isByPosition ? values.length : positions[0]!);
  for (let p = 0; p < weights.length; p++) {
    const at = Math.floor(p / perWeight);
    if (isByPosition) weights[p] = values[at]!;
    else for (let i = at * perRow; i < (at + 1) * perRow; i++) weights[p] = Math.max(weights[p]!, values[i]!);
  }
  return weights;
}

/** Returns the weight of each value of samples, which is the weight of its position. */
export function valueWeights(who: string, given: unknown, shape: readonly number[], axis: number): Float64Array {
  const weights = positionWeights(who, given, shape, axis);
  if (shape.length === 1) return weights;
  const from = axis < 0 ? shape.length + axis : axis;
  const inner = shape.slice(from + 1).reduce((size, length) => size * length, 1);
  const channels = shape[from]!;
  return new Float64Array(weights.length * channels).map(
    (_, i) => weights[Math.floor(i / (channels * inner)) * inner + (i % inner)]!,
  );
}
