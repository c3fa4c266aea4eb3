/** Row weights as the tools use them: which part of a tensor counts at all. */

import { complaint, expectObject, show } from "../core/errors.js";
import { channelView, sameShape } from "../core/shape.js";
import { isTensor, Tensor } from "../core/tensor.js";

/** Row weights, as in `Pass.rowWeights`. */
export type GivenRowWeights = ArrayLike<number> | Tensor;

/** The part of a tensor whose weight is not 0. */
export interface CountedPart {
  readonly tensor: Tensor;
  /** The feature axis of that part. */
  readonly axis: number;
  /** Returns the row of the whole tensor that a row of this part comes from. */
  readonly rowOf: (row: number) => number;
}

/** Requires row weights that leave something to measure. */
export function expectCountedRows(who: string, given: GivenRowWeights | undefined): void {
  if (given === undefined) return;
  expectObject(who, "rowWeights", given);
  const values = isTensor(given) ? given.data : given;
  for (let i = 0; i < values.length; i++) if (values[i]! > 0) return;
  const got = isTensor(given) ? "a Tensor without one" : show(given);
  throw new RangeError(complaint(who, "row weights with one above 0", got));
}

/**
 * Returns the rows of a tensor whose weight is not 0, or its positions as rows [P, C] where the weights are by position. Where
 * a layer has merged the positions, as pooling does, a row counts if one of its positions does.
 */
export function countedPart(tensor: Tensor, given: GivenRowWeights | undefined, axis: number): CountedPart {
  const whole = { tensor, axis, rowOf: (row: number) => row };
  if (given === undefined) return whole;
  const [weights, shape] = isTensor(given) ? [given.data, given.shape] : [given, [given.length]];
  const rows = tensor.shape[0];
  if (rows !== shape[0]) return whole;
  const featureAxis = shape.length === 1 ? undefined : featureAxisFor(tensor, shape, axis);
  if (featureAxis === undefined) {
    const perRow = weights.length / rows!;
    const kept = range(rows!).filter((row) => range(perRow).some((i) => weights[row * perRow + i]! > 0));
    return kept.length === rows ? whole : { tensor: tensor.rows(kept), axis, rowOf: (row) => kept[row]! };
  }
  const { outer, channels, inner } = channelView(tensor.shape, featureAxis);
  const perWeight = (outer * inner) / weights.length;
  const kept = range(outer * inner).filter((position) => weights[Math.floor(position / perWeight)]! > 0);
  const part = Tensor.zeros([kept.length, channels], tensor.dtype);
  for (const [p, position] of kept.entries()) {
    const [o, i] = [Math.floor(position / inner), position % inner];
    for (let c = 0; c < channels; c++) part.data[p * channels + c] = tensor.data[(o * channels + c) * inner + i]!;
  }
  const perRow = (outer * inner) / rows!;
  return { tensor: part, axis: 1, rowOf: (row) => Math.floor(kept[row]! / perRow) };
}

/** Returns the axis without which the shape begins with that of the weights: the given one, or the last. */
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
