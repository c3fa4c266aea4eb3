/** Eigenvalues of symmetric matrices of a few hundred rows, by Householder reflections and implicit QR steps. */

import { complaint, show } from "../../core/errors.js";
import { addScaled, dot, norm } from "../../objective/vector.js";

/** Eigenvalues in ascending order, with eigenvectors of length 1. */
export interface Eigen {
  readonly values: readonly number[];
  readonly vectors: readonly Float64Array[];
}

/**
 * Computes the eigenvalues and eigenvectors of a symmetric tridiagonal matrix.
 *
 * - **Numerics**: accurate to round-off relative to the largest eigenvalue, also for multiple eigenvalues
 * - **Cost**: about 2 QR steps per eigenvalue, that is 12 n^2 operations, and 6 n^3 for the vectors
 * - **Source**: Golub & Van Loan, Matrix Computations, section 8.3: the implicit QR step with Wilkinson's shift
 */
export function tridiagonalEigen(
  diagonal: readonly number[],
  offDiagonal: readonly number[],
  mostSteps: number = MOST_STEPS * diagonal.length,
): Eigen {
  const vectors = diagonal.map((_, i) => new Float64Array(diagonal.length).fill(1, i, i + 1));
  const values = diagonalize(diagonal, offDiagonal, vectors, mostSteps);
  const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  return { values: order.map((i) => values[i]!), vectors: order.map((i) => vectors[i]!) };
}

/**
 * Computes the eigenvalues of a symmetric matrix, given by its rows, in ascending order.
 *
 * - **Cost**: 4/3 n^3 operations
 * - **Source**: Golub & Van Loan, Matrix Computations, algorithm 8.3.1: Householder reflections
 */
export function symmetricEigenvalues(matrix: readonly Float64Array[]): number[] {
  const unit = unitOf(matrix.flatMap((row) => Array.from(row)));
  const a = matrix.map((row) => row.map((value) => value / unit));
  const n = a.length;
  const offDiagonal: number[] = [];
  for (let k = 0; k < n - 1; k++) {
    // Reflects row k beyond the diagonal onto its first element, so that the others become 0.
    const v = a[k]!.subarray(k + 1);
    const first = v[0]!;
    const size = norm(v);
    // The squares of such a row would underflow. Its effect on the eigenvalues is below round-off.
    const isNegligible = size < 1e-150;
    const kept = isNegligible ? 0 : first > 0 ? -size : size;
    offDiagonal.push(kept);
    if (isNegligible) continue;
    v[0] = first - kept;
    const factor = -1 / (kept * v[0]); // 2 / ||v||^2
    const rest = a.slice(k + 1).map((row) => row.subarray(k + 1));
    const p = Float64Array.from(rest, (row) => factor * dot(row, v));
    const w = addScaled(p, (-factor / 2) * dot(p, v), v);
    rest.forEach((row, i) => {
      reflectRow(row, v, w, v[i]!, w[i]!);
    });
  }
  const diagonal = a.map((row, i) => row[i]!);
  return Array.from(diagonalize(diagonal, offDiagonal, [], MOST_STEPS * n), (value) => value * unit).sort(
    (x, y) => x - y,
  );
}

function reflectRow(row: Float64Array, v: Float64Array, w: Float64Array, vi: number, wi: number): void {
  for (let j = 0; j < row.length; j++) row[j]! -= vi * w[j]! + wi * v[j]!;
}

/** Returns the largest magnitude, or 1 if all numbers are 0. In units of it, squares do not overflow. */
function unitOf(entries: readonly number[]): number {
  const largest = entries.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (Number.isFinite(largest)) return largest === 0 ? 1 : largest;
  throw new RangeError(complaint("symmetricEigen", "a matrix of finite numbers", show(largest)));
}

/** The maximum number of QR steps per row. */
const MOST_STEPS = 60;

/** Diagonalizes a tridiagonal matrix and applies the same rotations to the given rows. Returns the diagonal. */
function diagonalize(
  diagonal: readonly number[],
  offDiagonal: readonly number[],
  rows: Float64Array[],
  mostSteps: number,
): Float64Array {
  const unit = unitOf([...diagonal, ...offDiagonal]);
  const d = Float64Array.from(diagonal, (value) => value / unit);
  const e = Float64Array.from(offDiagonal, (value) => value / unit);
  const isNegligible = (i: number): boolean => Math.abs(e[i]!) <= 2 ** -53 * (Math.abs(d[i]!) + Math.abs(d[i + 1]!));
  let end = d.length - 1;
  // Two or three steps per eigenvalue are typical. The limit prevents an infinite loop.
  let left = mostSteps;
  while (end > 0) {
    if (isNegligible(end - 1)) {
      end--;
      continue;
    }
    let start = end - 1;
    while (start > 0 && !isNegligible(start - 1)) start--;
    if (left-- === 0) {
      throw new RangeError(complaint("symmetricEigen", "the QR steps to converge", `none after ${mostSteps} steps`));
    }
    stepOfQR(d, e, start, end, rows);
  }
  return d.map((value) => value * unit);
}

/** Performs one implicit QR step on rows start..end. e[end - 1] converges to 0 cubically. */
function stepOfQR(d: Float64Array, e: Float64Array, start: number, end: number, rows: Float64Array[]): void {
  const last = e[end - 1]!;
  const delta = (d[end - 1]! - d[end]!) / 2;
  const root = Math.sqrt(delta * delta + last * last);
  // Wilkinson's shift: the eigenvalue of the last 2 x 2 block that is closer to its last element.
  const shift = d[end]! - (last * last) / (delta + (delta < 0 ? -root : root));
  let [x, z] = [d[start]! - shift, e[start]!];
  for (let k = start; k < end; k++) {
    const size = Math.sqrt(x * x + z * z);
    const [c, s] = size === 0 ? [1, 0] : [x / size, z / size];
    if (k > start) e[k - 1] = size;
    const [dk, ek, dNext] = [d[k]!, e[k]!, d[k + 1]!];
    d[k] = c * c * dk + 2 * c * s * ek + s * s * dNext;
    d[k + 1] = s * s * dk - 2 * c * s * ek + c * c * dNext;
    e[k] = c * s * (dNext - dk) + (c * c - s * s) * ek;
    if (k < end - 1) {
      [x, z] = [e[k]!, s * e[k + 1]!];
      e[k + 1]! *= c;
    }
    if (rows.length > 0) rotate(rows[k]!, rows[k + 1]!, c, s);
  }
}

function rotate(a: Float64Array, b: Float64Array, c: number, s: number): void {
  for (let i = 0; i < a.length; i++) {
    const [ai, bi] = [a[i]!, b[i]!];
    a[i] = c * ai + s * bi;
    b[i] = c * bi - s * ai;
  }
}
