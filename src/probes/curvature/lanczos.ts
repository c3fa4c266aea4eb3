/** Lanczos: approximates the spectrum of a symmetric matrix from a few products with vectors. */

import type { Random } from "../../core/random.js";
import { dot, norm, orthogonalTo, randomDirection, scaled } from "../../objective/vector.js";
import { tridiagonalEigen } from "./symmetric-eigen.js";

/** The Ritz values of a matrix in ascending order, with their residuals and weights. */
export interface RitzValues {
  readonly values: readonly number[];
  /** |beta_k s_k|. An eigenvalue of the matrix lies within this distance of the Ritz value. */
  readonly residuals: readonly number[];
  /** The squared first component of each eigenvector: its share in the start direction. The weights sum to 1. */
  readonly weights: readonly number[];
  /** The largest |<u, A v> - <v, A u>|. If it exceeds round-off, the products are not those of a symmetric matrix. */
  readonly asymmetry: number;
  /** Returns the squared cosines between the Ritz vectors and a vector. */
  sharesOf(vector: Float64Array): number[];
  /** Returns the Ritz vector of value i, of length 1. */
  vectorOf(i: number): Float64Array;
}

/**
 * Runs the Lanczos iteration from a random start. Every vector is orthogonalized twice against all previous ones.
 *
 * If the vectors span an invariant subspace, the iteration continues with a random direction orthogonal to it. This finds
 * multiple eigenvalues, even if the start lies within an eigenspace.
 *
 * - **Cost**: one product per step, and 4 steps^2 passes over vectors. Stores one vector per step
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
    // For a symmetric matrix, <basis[i], image> is the last coupling for the previous vector and 0 for earlier ones.
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
  // If the basis spans the whole space, the remainder is round-off.
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
    vectorOf(i: number): Float64Array {
      const sum = new Float64Array(dimension);
      basis.forEach((direction, j) => {
        const component = vectors[i]![j]!;
        for (let k = 0; k < dimension; k++) sum[k]! += component * direction[k]!;
      });
      return sum;
    },
  };
}

function freshDirection(basis: readonly Float64Array[], dimension: number, random: Random): Float64Array {
  for (;;) {
    const rest = orthogonalTo(basis, randomDirection(dimension, random));
    const size = norm(rest);
    // If the draw lies almost within the subspace, the remainder is mostly round-off.
    if (size > 1e-6) return scaled(1 / size, rest);
  }
}
