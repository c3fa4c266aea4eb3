/**
 * Distances between two samples of numbers of any sizes.
 *
 * F and G are the empirical distribution functions of a and b, F(z) = (number of values of a that are <= z) / n. Integrals are
 * computed over the sorted union of the values, and ties are processed together.
 */

import { expectFiniteValues } from "../shared/arguments.js";
import { type Kinds, kindsOf } from "../shared/report.js";
import { momentsOfRange } from "../values/moments.js";
import { type GaussianDistances, gaussianDistances } from "./gaussian-distances.js";

/** The report of `compareSamples`, from an earlier sample a to a later sample b. */
export interface SampleDistances extends GaussianDistances {
  readonly probe: "compareSamples";
  readonly kinds: Kinds;
  /** The number of values of a. */
  readonly n: number;
  /** The number of values of b. */
  readonly m: number;
  /** ∫ |F - G|, the average distance by which values must be moved to turn a into b; in the unit of the values. */
  readonly wasserstein1: number;
  /** wasserstein1 / √((var a + var b) / 2), in standard deviations. */
  readonly wasserstein1Relative: number | null;
  /** √(mean (a_(i) - b_(i))²) over the sorted values, for samples of equal size; in the unit of the values. */
  readonly wasserstein2: number | null;
  /** max |F - G|, between 0 and 1. */
  readonly kolmogorovSmirnov: number;
  /** √(2 ∫ (F - G)²) = √(2 E|X - Y| - E|X - X'| - E|Y - Y'|). */
  readonly energyDistance: number;
  /** The square of `energyDistance`, in the unit of the values. */
  readonly energyDistanceSquared: number;
}

/**
 * Computes all distances between two samples of numbers.
 *
 * - **Units**: those of the values, unless stated otherwise
 * - **Numerics**: exact sample statistics, and exactly 0 for identical and permuted samples
 * - **Cost**: O(n log n), because both samples are sorted once
 * - **Source**: Wasserstein: Vallender 1974 · Kolmogorov 1933, Smirnov 1939 · energy distance: Székely & Rizzo 2013
 *
 * @throws {ShapeError} if a sample is empty
 * @throws {RangeError} if a value is not finite
 * @example
 * const shift = compareSamples([1, 2, 2, 5], [0, 2, 4]);
 * shift.wasserstein1;        // => about 0.8333
 * shift.kolmogorovSmirnov;   // => about 0.3333
 * shift.meanShift;           // => -0.5
 */
export function compareSamples(a: ArrayLike<number>, b: ArrayLike<number>): SampleDistances {
  const [x, y] = expectSortedPair("compareSamples", a, b);
  const { area, square, largest } = compareSorted(x, y);
  // From the sorted values, so the result does not depend on the original order.
  const [momentsA, momentsB] = [momentsOfRange(x, 0, x.length), momentsOfRange(y, 0, y.length)];
  const { reasons, ...gaussian } = gaussianDistances(momentsA, momentsB);
  const relative = relativeTo(area, momentsA.m2 / x.length, momentsB.m2 / y.length);
  const wasserstein2 = x.length === y.length ? rootMeanSquare(x, y) : null;
  const figures = {
    wasserstein1: area,
    wasserstein1Relative: relative,
    wasserstein2,
    kolmogorovSmirnov: largest,
    energyDistance: Math.sqrt(2 * square),
    energyDistanceSquared: 2 * square,
    ...gaussian,
  };
  return {
    probe: "compareSamples",
    kinds: kindsOf(figures, "exact"),
    n: x.length,
    m: y.length,
    ...figures,
    reasons: {
      ...reasons,
      ...(relative === null ? { wasserstein1Relative: "both variances are 0" } : {}),
      ...(wasserstein2 === null ? { wasserstein2: `the sizes differ: ${x.length} and ${y.length}` } : {}),
    },
  };
}

/** Computes only the 1-Wasserstein distance ∫ |F - G|; see `compareSamples`. */
export function wasserstein1(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return compareSorted(...expectSortedPair("wasserstein1", a, b)).area;
}

/** Computes only the Kolmogorov-Smirnov distance max |F - G|; see `compareSamples`. */
export function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return compareSorted(...expectSortedPair("kolmogorovSmirnov", a, b)).largest;
}

/** Computes only the energy distance √(2 ∫ (F - G)²); see `compareSamples`. */
export function energyDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.sqrt(2 * compareSorted(...expectSortedPair("energyDistance", a, b)).square);
}

/** Returns distance / √((var a + var b) / 2), 0 if the distance is 0, or null if both variances are 0. */
export function relativeTo(distance: number, varianceA: number, varianceB: number): number | null {
  if (distance === 0) return 0;
  return varianceA === 0 && varianceB === 0 ? null : distance / Math.sqrt((varianceA + varianceB) / 2);
}

/** Computes the integrals and the maximum of |F - G| for two sorted samples. */
export function compareSorted(
  a: Float64Array,
  b: Float64Array,
): { readonly area: number; readonly square: number; readonly largest: number } {
  const [n, m] = [a.length, b.length];
  let area = 0;
  let square = 0;
  let largest = 0;
  let z = Math.min(a[0]!, b[0]!);
  for (let i = 0, j = 0; i < n || j < m;) {
    while (i < n && a[i] === z) i++;
    while (j < m && b[j] === z) j++;
    // The difference of integers is exact, so equal fractions differ by exactly 0.
    const difference = Math.abs(i * m - j * n) / (n * m);
    const next = Math.min(i < n ? a[i]! : Infinity, j < m ? b[j]! : Infinity);
    if (next < Infinity) {
      area += difference * (next - z);
      square += difference * difference * (next - z);
    }
    largest = Math.max(largest, difference);
    z = next;
  }
  return { area, square, largest };
}

function rootMeanSquare(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) * (a[i]! - b[i]!);
  return Math.sqrt(sum / a.length);
}

/** Returns sorted copies of both samples. */
function expectSortedPair(who: string, a: unknown, b: unknown): [Float64Array, Float64Array] {
  return [expectFiniteValues(who, "a", a, 1).sort(), expectFiniteValues(who, "b", b, 1).sort()];
}
