/** Lanczos: a symmetric matrix that is known only by its products, seen in the few directions that tell most of its spectrum. */

import type { Random } from "../../core/random.js";
import { addScaled, dot, norm, randomDirection, scaled } from "../../objective/vector.js";
import { tridiagonalEigen } from "./symmetric-eigen.js";

/** What the matrix looks like in the directions visited: rising Ritz values, with what is known of each. */
export interface RitzValues {
  readonly values: readonly number[];
  /** |beta_k s_k|: some eigenvalue of the matrix lies within this distance of the value. */
  readonly residuals: readonly number[];
  /** The squared first component of each eigenvector: the share of the start direction in it. They add up to 1. */
  readonly weights: readonly number[];
  /** The largest |<u, A v> - <v, A u>| met: what is left of it beyond round-off says that the products are not those of a symmetric matrix. */
  readonly asymmetry: number;
  /** The squared cosine between each Ritz vector and another vector. */
  sharesOf(vector: Float64Array): number[];
}

/**
 * Runs the Lanczos iteration from a random start, with every vector made orthogonal to all before it, twice.
 *
 * Where the directions visited form an invariant space the iteration goes on from a fresh random direction outside of it:
 * so multiple eigenvalues are found, and a start inside an eigenspace does no harm.
 *
 * - **Cost**: one product per step, and 4 steps^2 passes over vectors; keeps one vector per step
 * - **Source**: Lanczos 1950; full reorthogonalization: Golub & Van Loan, Matrix Computations, section 10.3
 */
export async function lanczos(
  multiply: (vector: Float64Array) => Promise<Float64Array>,
  dimension: number,
  steps: number,
  random: Random,
): Promise<RitzValues> {
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const couplings: number[] = [];
  let next = randomDirection(dimension, random);
  let largest = 0;
  let coupling = 0;
  let asymmetry = 0;
  for (let j = 0; j < steps; j++) {
    basis.push(next);
    const image = await multiply(next);
    const alpha = dot(next, image);
    diagonal.push(alpha);
    // Of a symmetric matrix the image has the last coupling along the direction before, and nothing along those before it.
    for (let i = 0; i < j; i++) {
      const expected = i === j - 1 ? couplings[i]! : 0;
      asymmetry = Math.max(asymmetry, Math.abs(dot(basis[i]!, image) - expected));
    }
    const rest = orthogonalTo(basis, image);
    coupling = norm(rest);
    largest = Math.max(largest, Math.abs(alpha), coupling);
    if (j === steps - 1) break;
    if (coupling <= 1e-10 * largest) {
      couplings.push(0);
      next = freshDirection(basis, dimension, random);
    } else {
      couplings.push(coupling);
      next = scaled(1 / coupling, rest);
    }
  }
  // Once the basis spans the whole space what is left over is round-off.
  const leftOver = steps === dimension ? 0 : coupling;
  const { values, vectors } = tridiagonalEigen(diagonal, couplings);
  return {
    values,
    residuals: vectors.map((vector) => Math.abs(leftOver * vector[steps - 1]!)),
    weights: vectors.map((vector) => vector[0]! ** 2),
    asymmetry,
    sharesOf(vector: Float64Array): number[] {
      const size = norm(vector);
      const components = Float64Array.from(basis, (direction) => dot(direction, vector) / size);
      return vectors.map((ritz) => dot(ritz, components) ** 2);
    },
  };
}

/** The part of a vector that is orthogonal to a basis. The second pass removes what round-off left of the first. */
function orthogonalTo(basis: readonly Float64Array[], vector: Float64Array): Float64Array {
  let rest = vector;
  for (let pass = 0; pass < 2; pass++) {
    for (const direction of basis) rest = addScaled(rest, -dot(direction, rest), direction);
  }
  return rest;
}

function freshDirection(basis: readonly Float64Array[], dimension: number, random: Random): Float64Array {
  for (;;) {
    const rest = orthogonalTo(basis, randomDirection(dimension, random));
    const size = norm(rest);
    // A draw that lies almost inside the space would be round-off when stretched to length 1.
    if (size > 1e-6) return scaled(1 / size, rest);
  }
}
