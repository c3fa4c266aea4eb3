/** Row weights in the tools: select the part of a tensor with nonzero weights. */

import { complaint, expectObject, ShapeError, show } from "../core/errors.js";
import { channelView, sameShape } from "../core/shape.js";
import { isTensor, Tensor } from "../core/tensor.js";

/** Row weights, as in `Pass.rowWeights`. */
export type GivenRowWeights = ArrayLike<number> | Tensor;

/** The part of a tensor with nonzero weights. */
export interface CountedPart {
  readonly tensor: Tensor;
  /** The feature axis of this part. */
  readonly axis: number;
  /** The weights of the rows of this part, relative to the largest; undefined if they are all equal. */
  readonly weights: Float64Array | undefined;
  /** Converts a row of this part to a row of the whole tensor. */
  readonly rowOf: (row: number) => number;
}

/** Requires valid row weights for the rows of the input, at least one of them above 0. */
export function expectCountedRows(who: string, given: GivenRowWeights | undefined, input: Tensor): void {
  if (given === undefined) return;
  expectObject(who, "rowWeights", given);
  const values = isTensor(given) ? given.data : given;
  const rows = isTensor(given) ? given.shape[0] : given.length;
  if (rows !== input.shape[0]) {
    throw new ShapeError(complaint(who, `row weights for ${input.shape[0]} rows`, show(rows)));
  }
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = values[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(complaint(who, "finite row weights >= 0", `${show(weight)} at index ${i}`));
    }
    largest = Math.max(largest, weight);
  }
  if (largest > 0) return;
  const got = isTensor(given) ? "a Tensor without one" : show(given);
  throw new RangeError(complaint(who, "at least one row weight above 0", got));
}

/**
 * Returns the rows of a tensor with nonzero weights. If there is one weight per position, the result has one row [C] per
 * position. If a layer has merged positions, as pooling does, the weight of a row is the largest of its positions.
 */
export function countedPart(tensor: Tensor, given: GivenRowWeights | undefined, axis: number): CountedPart {
  const whole = { tensor, axis, weights: undefined, rowOf: (row: number) => row };
  if (given === undefined) return whole;
  const [weights, shape] = isTensor(given) ? [given.data, given.shape] : [given, [given.length]];
  const rows = tensor.shape[0]!;
  if (rows !== shape[0]) return whole;
  const featureAxis = shape.length === 1 ? undefined : featureAxisFor(tensor, shape, axis);
  if (featureAxis === undefined) {
    const perRow = weights.length / rows;
    const ofRows = range(rows).map((row) => largestOf(range(perRow).map((i) => weights[row * perRow + i]!)));
    const kept = range(rows).filter((row) => ofRows[row]! > 0);
    const part = kept.length === rows ? tensor : tensor.rows(kept);
    return { tensor: part, axis, weights: relativeWeights(kept, ofRows), rowOf: (row) => kept[row]! };
  }
  const { outer, channels, inner } = channelView(tensor.shape, featureAxis);
  const perWeight = (outer * inner) / weights.length;
  const ofPositions = range(outer * inner).map((position) => weights[Math.floor(position / perWeight)]!);
  const kept = range(outer * inner).filter((position) => ofPositions[position]! > 0);
  const part = Tensor.zeros([kept.length, channels], tensor.dtype);
  for (const [p, position] of kept.entries()) {
    const [o, i] = [Math.floor(position / inner), position % inner];
    for (let c = 0; c < channels; c++) part.data[p * channels + c] = tensor.data[(o * channels + c) * inner + i]!;
  }
  const perRow = (outer * inner) / rows;
  return {
    tensor: part,
    axis: 1,
    weights: relativeWeights(kept, ofPositions),
    rowOf: (row) => Math.floor(kept[row]! / perRow),
  };
}

/** Returns the weights of the kept rows, relative to the largest; undefined if they are all equal. */
function relativeWeights(kept: readonly number[], weights: readonly number[]): Float64Array | undefined {
  const largest = largestOf(kept.map((row) => weights[row]!));
  const relative = Float64Array.from(kept, (row) => weights[row]! / largest);
  return relative.every((weight) => weight === 1) ? undefined : relative;
}

/** Returns the largest weight. `Math.max(...weights)` would overflow the stack for large batches. */
function largestOf(weights: readonly number[]): number {
  return weights.reduce((largest, weight) => Math.max(largest, weight), 0);
}

/** Returns the feature axis, the given or the last one: without it, the shape must begin with the shape of the weights. */
function featureAxisFor({ shape }: Tensor, weightsShape: readonly number[], axis: number): number | undefined {
  return [axis < 0 ? shape.length + axis : axis, shape.length - 1].find((candidate) => {
    const positions = shape.filter((_, index) => index !== candidate);
    return (
      candidate > 0 && candidate < shape.length && sameShape(positions.slice(0, weightsShape.length), weightsShape)
    );
  });
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
