/** Vector: arithmetic on flat points and gradients. No function modifies its arguments. */

import { expectLength } from "../core/errors.js";
import type { Random } from "../core/random.js";

/** Returns the inner product <a, b>. */
export function dot(a: Float64Array, b: Float64Array): number {
  expectLength("dot", "b", b, a.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Returns the Euclidean norm ||a||.
 *
 * - **Numerics**: the squares neither overflow nor underflow, so values such as 1e200 and 1e-200 are fine
 */
export function norm(a: Float64Array): number {
  let sum = 0;
  for (const value of a) sum += value * value;
  return squaresAreSafe(sum) ? Math.sqrt(sum) : scaledNorm(a);
}

/** Returns whether a sum of squares is far enough from overflow and underflow to be accurate. */
function squaresAreSafe(sum: number): boolean {
  return sum > 1e-280 && sum < 1e300;
}

function scaledNorm(a: Float64Array): number {
  let largest = 0;
  for (const value of a) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const value of a) sum += (value / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/** Returns the distance ||a - b||. */
export function distance(a: Float64Array, b: Float64Array): number {
  return norm(addScaled(a, -1, b));
}

/**
 * Returns the angle between two vectors in radians, 0..pi. Neither may be 0.
 *
 *     angle = 2 atan(||u - v|| / ||u + v||),  u = a / ||a||, v = b / ||b||
 *
 * - **Numerics**: accurate to round-off for every angle. The arc cosine of a cosine near 1 would lose half of the digits
 * - **Source**: Kahan 2006, "How futile are mindless assessments of roundoff", section 12
 */
export function angleBetween(a: Float64Array, b: Float64Array): number {
  const [sizeA, sizeB] = [norm(a), norm(b)];
  let [difference, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [u, v] = [a[i]! / sizeA, b[i]! / sizeB];
    difference += (u - v) * (u - v);
    sum += (u + v) * (u + v);
  }
  return 2 * arcTangent(Math.sqrt(difference) / Math.sqrt(sum));
}

/** Returns the arc tangent of a number from 0 to Infinity, without Math.atan, which differs between engines. */
function arcTangent(tangent: number): number {
  // Above 1: pi/2 minus that of the reciprocal. Then atan(t) = 2 atan(t / (1 + sqrt(1 + t^2))), until the series converges fast.
  if (tangent > 1) return Math.PI / 2 - arcTangent(1 / tangent);
  let t = tangent;
  for (let halvings = 0; halvings < 3; halvings++) t /= 1 + Math.sqrt(1 + t * t);
  // t is at most tan(pi/32) < 0.1, so 9 terms suffice.
  let sum = 0;
  for (let k = 8; k >= 0; k--) sum = 1 / (2 * k + 1) - t * t * sum;
  return 8 * t * sum;
}

/** Returns the new vector a + factor b. */
export function addScaled(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  expectLength("addScaled", "b", b, a.length);
  const sum = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) sum[i] = a[i]! + factor * b[i]!;
  return sum;
}

/** Returns the new vector factor a. */
export function scaled(factor: number, a: Float64Array): Float64Array {
  return a.map((value) => factor * value);
}

/** Returns the part of a vector that is orthogonal to an orthonormal basis. The second pass removes the round-off of the first. */
export function orthogonalTo(basis: readonly Float64Array[], vector: Float64Array): Float64Array {
  let rest = vector;
  for (let pass = 0; pass < 2; pass++) {
    for (const direction of basis) rest = addScaled(rest, -dot(direction, rest), direction);
  }
  return rest;
}

/** Returns whether all values are finite. */
export function isFiniteVector(a: Float64Array): boolean {
  // value - value is 0 for every finite number, and NaN for the others.
  for (let i = 0; i < a.length; i++) if (a[i]! - a[i]! !== 0) return false;
  return true;
}

/** Draws independent standard normal numbers. */
export function randomNormal(length: number, random: Random): Float64Array {
  return new Float64Array(length).map(() => random.normal());
}

/**
 * Draws a uniformly distributed direction of length 1.
 *
 * - **Source**: Muller 1959, a normalized vector of normal numbers
 */
export function randomDirection(length: number, random: Random): Float64Array {
  for (;;) {
    const direction = randomNormal(length, random);
    const size = norm(direction);
    if (size > 0) return scaled(1 / size, direction);
  }
}

/** Draws independent signs, +1 or -1 with equal probability (the Rademacher distribution). */
export function randomSigns(length: number, random: Random): Float64Array {
  return new Float64Array(length).map(() => (random.bits() >>> 31 === 0 ? 1 : -1));
}
