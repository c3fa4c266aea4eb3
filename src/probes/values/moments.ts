/**
 * Moments of a sample: mean, variance, skewness and kurtosis, from central sums that can be merged.
 *
 *     M1 = Σ x / n        Mk = Σ (x - M1)^k, k = 2, 3, 4
 *
 * The sums of two samples can be merged to those of both, so streams can be processed in blocks and shards can be combined.
 */

import { complaint, show } from "../../core/errors.js";
import { expectFiniteValues } from "../shared/arguments.js";
import { type Figure, figureUnless, type Reasons } from "../shared/report.js";

/** The central sums of a sample. Mean, variance, skewness and kurtosis are computed from them, and they can be merged. */
export interface Moments {
  readonly count: number;
  /** The mean, or 0 without values. */
  readonly mean: number;
  /** Σ (x - mean)². */
  readonly m2: number;
  /** Σ (x - mean)³. */
  readonly m3: number;
  /** Σ (x - mean)⁴. */
  readonly m4: number;
}

/** The report of `momentStatistics`. Undefined statistics are null. */
export interface MomentStatistics {
  readonly count: number;
  readonly mean: number | null;
  /** M2 / n. */
  readonly variance: number | null;
  /** M2 / (n - 1). */
  readonly varianceUnbiased: number | null;
  /** The square root of `variance`. */
  readonly std: number | null;
  /** g1 = √n M3 / M2^1.5. */
  readonly skewness: number | null;
  /** G1 = g1 √(n (n - 1)) / (n - 2). */
  readonly skewnessUnbiased: number | null;
  /** g2 = n M4 / M2² - 3: 0 for a normal distribution. */
  readonly kurtosisExcess: number | null;
  /** g2 + 3: 3 for a normal distribution. */
  readonly kurtosisPearson: number | null;
  /** G2 = (n - 1) / ((n - 2) (n - 3)) ((n + 1) g2 + 6). */
  readonly kurtosisExcessUnbiased: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** Requires the central sums of a sample. */
export function expectMoments(who: string, name: string, moments: unknown): asserts moments is Moments {
  const sums = (moments ?? {}) as Partial<Moments>;
  const isMoments = [sums.count, sums.mean, sums.m2, sums.m3, sums.m4].every((sum) => typeof sum === "number");
  if (isMoments) return;
  throw new TypeError(complaint(who, `${name} to be moments`, show(moments), "pass what momentsOf returns"));
}

/** The moments of an empty sample, the start value for merging the blocks of a stream. */
export const noMoments: Moments = { count: 0, mean: 0, m2: 0, m3: 0, m4: 0 };

/**
 * Computes the central sums of some values.
 *
 * - **Numerics**: two passes in double precision. The sums are corrected for the rounding of the mean, and for equal values
 *   M2 is exactly 0
 * - **Cost**: two passes
 *
 * @throws {RangeError} if a value is NaN or infinite
 * @example
 * momentsOf([1, 2, 2, 5]);   // => { count: 4, mean: 2.5, m2: 9, m3: 12, m4: 44.25 }
 */
export function momentsOf(values: ArrayLike<number>): Moments {
  const copy = expectFiniteValues("momentsOf", "values", values);
  return momentsOfRange(copy, 0, copy.length);
}

/** Returns the central sums of `values[start]` up to but not including `values[end]`, which must be finite. */
export function momentsOfRange(values: Float64Array, start: number, end: number): Moments {
  const count = end - start;
  if (count === 0) return noMoments;
  // Offsets from the first value stay accurate if the mean is large, and are exact if all values are equal.
  const first = values[start]!;
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i]! - first;
  const mean = first + sum / count;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  for (let i = start; i < end; i++) {
    const d = values[i]! - mean;
    const square = d * d;
    s1 += d;
    s2 += square;
    s3 += square * d;
    s4 += square * square;
  }
  // Corrects for the rounding error s1 / n of the mean, which matters for M3 if |mean| is much larger than the std.
  const e = s1 / count;
  return {
    count,
    mean: mean + e,
    m2: s2 - count * e * e,
    m3: s3 - 3 * e * s2 + 2 * count * e * e * e,
    m4: s4 - 4 * e * s3 + 6 * e * e * s2 - 3 * count * e * e * e * e,
  };
}

/**
 * Computes the central sums of weighted values. Each term is multiplied by the weight of its value, and `count` is the sum of
 * the weights.
 */
export function weightedMomentsOfRange(
  values: Float64Array,
  weights: Float64Array,
  start: number,
  end: number,
): Moments {
  if (start === end) return noMoments;
  const first = values[start]!;
  let count = 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    count += weights[i]!;
    sum += weights[i]! * (values[i]! - first);
  }
  const mean = first + sum / count;
  let [s1, m2, m3, m4] = [0, 0, 0, 0];
  for (let i = start; i < end; i++) s1 += weights[i]! * (values[i]! - mean);
  // Corrects for the rounding error of the mean.
  const e = s1 / count;
  for (let i = start; i < end; i++) {
    const d = values[i]! - mean - e;
    const square = weights[i]! * d * d;
    m2 += square;
    m3 += square * d;
    m4 += square * d * d;
  }
  return { count, mean: mean + e, m2, m3, m4 };
}

/**
 * Merges the central sums of two samples.
 *
 *     d = mean b - mean a        M2 = M2a + M2b + d² na nb / n        and so on
 *
 * - **Source**: Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
 *   moments, Sandia report SAND2008-6212, 2008; for M2 Chan, Golub & LeVeque 1979
 *
 * @example
 * mergeMoments(momentsOf([1, 2]), momentsOf([2, 5])).m2;   // => 9
 */
export function mergeMoments(a: Moments, b: Moments): Moments {
  expectMoments("mergeMoments", "a", a);
  expectMoments("mergeMoments", "b", b);
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const n = a.count + b.count;
  const d = b.mean - a.mean;
  const r = d / n;
  const cross = d * r * a.count * b.count;
  return {
    count: n,
    mean: a.mean + r * b.count,
    m2: a.m2 + b.m2 + cross,
    m3: a.m3 + b.m3 + cross * r * (a.count - b.count) + 3 * r * (a.count * b.m2 - b.count * a.m2),
    m4:
      a.m4 +
      b.m4 +
      cross * r * r * (a.count * a.count - a.count * b.count + b.count * b.count) +
      6 * r * r * (a.count * a.count * b.m2 + b.count * b.count * a.m2) +
      4 * r * (a.count * b.m3 - b.count * a.m3),
  };
}

/** Below this, a power of M2 has lost digits to underflow. */
const LEAST_POWER = 1e-290;

/** Returns g1 = √n M3 / M2^1.5, or NaN if the power underflows. */
export function skewnessOf({ count, m2, m3 }: Moments): number {
  const power = m2 * Math.sqrt(m2);
  return power < LEAST_POWER ? NaN : (Math.sqrt(count) * m3) / power;
}

/** Returns g2 = n M4 / M2² - 3, or NaN if the power underflows. */
export function kurtosisExcessOf({ count, m2, m4 }: Moments): number {
  const power = m2 * m2;
  return power < LEAST_POWER ? NaN : (count * m4) / power - 3;
}

/**
 * Computes mean, variance, skewness and kurtosis, biased and unbiased.
 *
 * - **Units**: mean and std have the unit of the values, variance its square; skewness and kurtosis are dimensionless
 * - **Source**: Joanes & Gill, Comparing measures of sample skewness and kurtosis, 1998: g1, g2, G1, G2
 *
 * @example
 * const { variance, skewness, kurtosisExcess } = momentStatistics(momentsOf([1, 2, 2, 5]));
 * variance;         // => 2.25
 * skewness;         // => 0.8888888888888888
 * kurtosisExcess;   // => -0.8148148148148149
 */
export function momentStatistics(moments: Moments): MomentStatistics {
  expectMoments("momentStatistics", "the argument", moments);
  const { count: n, mean, m2 } = moments;
  const g1 = skewnessOf(moments);
  const g2 = kurtosisExcessOf(moments);
  const reasons: Record<string, string> = {};
  const figure = (name: string, value: number, least: number, spread = false): Figure =>
    figureUnless(undefinedReason(moments, value, least, spread), reasons, name, value);
  return {
    count: n,
    mean: figure("mean", mean, 1),
    variance: figure("variance", m2 / n, 1),
    varianceUnbiased: figure("varianceUnbiased", m2 / (n - 1), 2),
    std: figure("std", Math.sqrt(m2 / n), 1),
    skewness: figure("skewness", g1, 1, true),
    skewnessUnbiased: figure("skewnessUnbiased", (g1 * Math.sqrt(n * (n - 1))) / (n - 2), 3, true),
    kurtosisExcess: figure("kurtosisExcess", g2, 1, true),
    kurtosisPearson: figure("kurtosisPearson", g2 + 3, 1, true),
    kurtosisExcessUnbiased: figure(
      "kurtosisExcessUnbiased",
      ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * g2 + 6),
      4,
      true,
    ),
    reasons,
  };
}

/** Returns why a statistic is undefined, or null if it is defined. It needs `least` values and, with `spread`, a variance. */
export function undefinedReason({ count, m2 }: Moments, value: number, least: number, spread: boolean): string | null {
  if (count === 0) return "no finite values";
  if (count < least) return `fewer than ${least} finite values`;
  if (spread && m2 === 0) return "the variance is 0";
  return Number.isFinite(value) ? null : "beyond double precision";
}
