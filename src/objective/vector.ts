/** Vector: the arithmetic on flat points and gradients that checks and probes share. Nothing here changes its arguments. */

import { expectLength } from "../core/errors.js";
import type { Random } from "../core/random.js";

/** The inner product <a, b>. */
export function dot(a: Float64Array, b: Float64Array): number {
  expectLength("dot", "b", b, a.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * The Euclidean norm ||a||.
 *
 * - **Numerics**: no overflow and no underflow of the squares: 1e200 and 1e-200 have a norm
 */
export function norm(a: Float64Array): number {
  let sum = 0;
  for (const value of a) sum += value * value;
  return squaresAreSafe(sum) ? Math.sqrt(sum) : scaledNorm(a);
}

/** Whether a sum of squares lies far from both ends of the range, so that it lost nothing there. */
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

/** The distance ||a - b||. */
export function distance(a: Float64Array, b: Float64Array): number {
  return norm(addScaled(a, -1, b));
}

/** A new vector a + factor b. */
export function addScaled(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  expectLength("addScaled", "b", b, a.length);
  const sum = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) sum[i] = a[i]! + factor * b[i]!;
  return sum;
}

/** A new vector factor a. */
export function scaled(factor: number, a: Float64Array): Float64Array {
  return a.map((value) => factor * value);
}

/** Whether every value is a finite number. */
export function isFiniteVector(a: Float64Array): boolean {
  // value - value is 0 for every finite number, and NaN for the others.
  for (let i = 0; i < a.length; i++) if (a[i]! - a[i]! !== 0) return false;
  return true;
}

/** Independent standard normal numbers. */
export function randomNormal(length: number, random: Random): Float64Array {
  return new Float64Array(length).map(() => random.normal());
}

/**
 * A direction of length 1, each equally likely.
 *
 * - **Source**: a normal vector points every way alike: Muller 1959
 */
export function randomDirection(length: number, random: Random): Float64Array {
  for (;;) {
    const direction = randomNormal(length, random);
    const size = norm(direction);
    if (size > 0) return scaled(1 / size, direction);
  }
}

/** Independent signs, +1 or -1 with equal probability (the Rademacher distribution). */
export function randomSigns(length: number, random: Random): Float64Array {
  return new Float64Array(length).map(() => (random.bits() >>> 31 === 0 ? 1 : -1));
}
