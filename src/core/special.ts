/**
 * exp(x) - 1, log(1 + x), cos(π x) and the complementary error function, for losses, activations and schedules.
 *
 * Like math.ts, they use only + - * / and the functions of math.ts, so they return the same bits in every engine.
 */

import { exp, expMinusOneNearZero, log } from "./math.js";

/**
 * Computes exp(x) - 1 without cancellation near 0.
 *
 * - **Numerics**: error of at most 4 units in the last place
 */
export function expm1(x: number): number {
  // Farther from 0, the subtraction loses at most two bits.
  return x > -0.35 && x < 0.35 ? expMinusOneNearZero(x) : exp(x) - 1;
}

/**
 * Computes log(1 + x) for x in [0, 1], without losing the digits of a small x.
 *
 *     log(1 + x) = 2 (s + s^3/3 + s^5/5 + ...), s = x / (2 + x)
 *
 * - **Numerics**: error of at most 2 units in the last place
 */
export function log1p(x: number): number {
  if (x > 0.41) return log(1 + x);
  const s = x / (2 + x);
  const z = s * s;
  let tail = 1 / 23;
  for (let odd = 21; odd >= 3; odd -= 2) tail = tail * z + 1 / odd;
  const half = 0.5 * x * x;
  return x - (half - s * (half + 2 * z * tail));
}

/**
 * Computes cos(π x) for x in [0, 1].
 *
 * - **Numerics**: error below 2e-16; exact at 0, 1/2 and 1
 */
export function cosPi(x: number): number {
  if (x > 0.5) return -cosPi(1 - x);
  return x > 0.25 ? sinNearZero(Math.PI * (0.5 - x)) : cosNearZero(Math.PI * x);
}

/** Computes cos(x) for |x| <= π/4 from 10 terms of the Taylor series. The 11th is below 4e-21. */
function cosNearZero(x: number): number {
  const z = x * x;
  let sum = 1;
  for (let n = 18; n > 0; n -= 2) sum = 1 - (sum * z) / (n * (n - 1));
  return sum;
}

/** Computes sin(x) for |x| <= π/4 from 10 terms of the Taylor series. */
function sinNearZero(x: number): number {
  const z = x * x;
  let sum = 1;
  for (let n = 18; n > 0; n -= 2) sum = 1 - (sum * z) / (n * (n + 1));
  return x * sum;
}

/**
 * The Chebyshev coefficients of (1 + 2z) exp(z²) erfc(z) for z >= 0, as a function of (z - 3) / (z + 3). The next one is below
 * 2e-17. `erfc_coefficients` in test/golden/make_golden.py computes them.
 */
const ERFC: readonly number[] = [
  1.17756257419656, 0.005353904539615676, -0.09377550342284209, 0.05436652555744322, -0.018976596707845208,
  0.004453426061462712, -0.0006335531710553147, 1.7661719523171593e-5, 1.2841532864056671e-5, -2.0072285659059913e-6,
  -1.807522790414837e-7, 7.549828343825093e-8, 1.885668523838603e-9, -2.699519049798364e-9, -1.460079119939105e-11,
  1.0361607445969489e-10, 1.475715976623473e-12, -4.277340064396911e-12, -2.07922492859799e-13, 1.8134502003176963e-13,
  1.973425574544739e-14, -7.287943737592673e-15, -1.5169878690228116e-15, 2.3514112258781403e-16,
  1.0006111691821667e-16,
];

/**
 * Computes the complementary error function, erfc(x) = 1 - erf(x) = 2/√π times the integral of exp(-t²) from x to infinity.
 *
 * - **Numerics**: error of at most 4 + 2x² units in the last place, from the rounding of x²
 * - **Source**: the form of the approximation: Schonfelder 1978
 */
export function erfc(x: number): number {
  const z = Math.abs(x);
  if (z > 28) return x > 0 ? 0 : 2;
  const s = (z - 3) / (z + 3);
  // Clenshaw's recurrence
  let b1 = 0;
  let b2 = 0;
  for (let k = ERFC.length - 1; k > 0; k--) {
    const b = 2 * s * b1 - b2 + ERFC[k]!;
    b2 = b1;
    b1 = b;
  }
  const tail = (exp(-z * z) * (s * b1 - b2 + ERFC[0]!)) / (1 + 2 * z);
  return x < 0 ? 2 - tail : tail;
}
