/** Span shares: how much of a direction lies in the span of other directions. */

import { complaint, expectLength, show } from "../../core/errors.js";
import { addScaled, dot, norm, orthogonalTo } from "../../objective/vector.js";
import { expectFiniteValues } from "../shared/arguments.js";
import type { Kinds, Reasons } from "../shared/report.js";

const WHO = "spanShares";

/** The report of `spanShares`. */
export interface SpanSharesReport {
  readonly probe: "spanShares";
  readonly kinds: Kinds;
  /** ||P v||^2 / ||v||^2 for each vector v, where P projects onto the span. In 0..1. Null if v is 0. */
  readonly shares: readonly (number | null)[];
  /** The dimension of the span: the number of its vectors, minus those that depend on the others. */
  readonly rank: number;
  /** The length of each vector. */
  readonly dimension: number;
  /** The expected share of a random direction: rank / dimension. */
  readonly chance: number;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** A vector of the span counts as dependent on the others if at most this part of it is orthogonal to them. */
const INDEPENDENT = 1e-10;

/**
 * Computes the share of each vector that lies in the span of other vectors: the squared cosine of the angle between them.
 *
 *     share = ||P v||^2 / ||v||^2,  P the orthogonal projection onto the span
 *
 * Compare a share with `chance`, the mean share of a random direction.
 *
 * - **Shapes**: all vectors have the same length. Arrays, typed arrays and the `ritzVectors` of `curvature` all work
 * - **Units**: none. The lengths of the vectors do not matter
 * - **Numerics**: Gram-Schmidt that selects the largest remainder first and orthogonalizes it twice. A vector with at most 1e-10
 *   of its length outside the span of the others does not count toward the rank
 * - **Cost**: 2 rank (span + vectors) passes over a vector; stores a copy of each vector of the span
 *
 * @throws {TypeError | RangeError | ShapeError} if there are no vectors, they differ in length, or a value is not finite
 * @example
 * // The span is the x-y plane. The third vector depends on the first two.
 * const { shares, rank } = spanShares([[1, 0, 1], [0, 0, 5]], [[1, 0, 0], [1, 1, 0], [0, 2, 0]]);
 * rank;                                         // => 2
 * shares.map((share) => share?.toFixed(6));     // => ["0.500000", "0.000000"]
 */
export function spanShares(
  vectors: readonly ArrayLike<number>[],
  span: readonly ArrayLike<number>[],
): SpanSharesReport {
  const directions = expectVectors("vectors", vectors);
  const dimension = directions[0]!.length;
  const spanning = expectVectors("span", span);
  for (const [name, list] of Object.entries({ vectors: directions, span: spanning })) {
    list.forEach((vector, i) => {
      expectLength(WHO, `${name}[${i}]`, vector, dimension);
    });
  }
  const basis = orthonormalBasis(spanning.map(unitVector).filter((vector) => vector !== null));
  const reasons: Record<string, string> = {};
  const shares = directions.map((vector, i) => {
    const unit = unitVector(vector);
    if (unit !== null)
      return Math.min(
        1,
        basis.reduce((sum, direction) => sum + dot(direction, unit) ** 2, 0),
      );
    reasons[`shares[${i}]`] = "the vector is 0";
    return null;
  });
  const rank = basis.length;
  return {
    probe: WHO,
    kinds: { shares: "exact", rank: "exact", chance: "exact" },
    shares,
    rank,
    dimension,
    chance: rank / dimension,
    reasons,
  };
}

function expectVectors(name: string, vectors: unknown): Float64Array[] {
  if (!Array.isArray(vectors) || vectors.length === 0) {
    throw new TypeError(complaint(WHO, `${name} to be an array of at least 1 vector`, show(vectors)));
  }
  return Array.from(vectors as readonly unknown[], (vector, i) => expectFiniteValues(WHO, `${name}[${i}]`, vector, 1));
}

/** Returns a vector divided by its length, or null if it is 0. The first division prevents overflow. */
function unitVector(vector: Float64Array): Float64Array | null {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return null;
  const moderate = vector.map((value) => value / largest);
  const size = norm(moderate);
  return moderate.map((value) => value / size);
}

/** Returns an orthonormal basis of the span of unit vectors. */
function orthonormalBasis(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  let rests = vectors;
  for (;;) {
    const sizes = rests.map(norm);
    const largest = Math.max(INDEPENDENT, ...sizes);
    const chosen = rests[sizes.indexOf(largest)];
    if (chosen === undefined) return basis;
    const direction = unitVector(orthogonalTo(basis, chosen))!;
    basis.push(direction);
    rests = rests.filter((rest) => rest !== chosen).map((rest) => addScaled(rest, -dot(direction, rest), direction));
  }
}
