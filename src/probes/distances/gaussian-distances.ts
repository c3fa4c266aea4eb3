/**
 * Distances between two samples that depend only on mean and variance, as if both were normally distributed.
 *
 * They are computed from moments, for example from two records of an `ActivationRecorder`.
 */

import { complaint, show } from "../../core/errors.js";
import { log } from "../../core/math.js";
import { type Figure, figureUnless, type Reasons } from "../shared/report.js";
import { expectMoments, type Moments } from "../values/moments.js";

/** The distances from an earlier sample a to a later sample b. Variances are biased unless stated otherwise. */
export interface GaussianDistances {
  /** mean b - mean a, in the unit of the values. */
  readonly meanShift: number | null;
  /** |mean b - mean a|. */
  readonly absoluteMeanShift: number | null;
  /** std b / std a. */
  readonly stdRatio: number | null;
  /** (mean a - mean b)² + (std a - std b)², the squared 2-Wasserstein distance between the fitted normal distributions. */
  readonly wasserstein2GaussSquared: number | null;
  /** KL(a || b) of the fitted normal distributions, in nats. */
  readonly klGaussAB: number | null;
  /** KL(b || a). */
  readonly klGaussBA: number | null;
  /** Jeffreys' divergence klGaussAB + klGaussBA (the sum, not the mean). */
  readonly klGaussSymmetric: number | null;
  /** KL(a || b) with unbiased variances. */
  readonly klGaussABUnbiased: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/**
 * Computes the distances between the normal distributions with the means and variances of two samples.
 *
 *     KL(a || b) = ln(var b / var a) / 2 + (var a + (mean a - mean b)²) / (2 var b) - 1/2
 *
 * - **Numerics**: exactly 0 for equal moments, and never negative because of rounding. KL is null if a variance is 0
 * - **Source**: Kullback & Leibler 1951; for the Wasserstein distance Dowson & Landau 1982
 *
 * @throws {RangeError} if a sample is empty
 * @example
 * const { klGaussAB, stdRatio } = gaussianDistances(momentsOf([1, 2, 2, 5]), momentsOf([0, 2, 4]));
 * klGaussAB;   // => about 0.0537
 * stdRatio;    // => about 1.0887
 */
export function gaussianDistances(a: Moments, b: Moments): GaussianDistances {
  for (const [name, moments] of [["a", a] as const, ["b", b] as const]) {
    expectMoments("gaussianDistances", name, moments);
    const { count } = moments;
    if (!(count >= 1)) {
      throw new RangeError(complaint("gaussianDistances", `${name} to have at least 1 value`, show(count)));
    }
  }
  const [varianceA, varianceB] = [a.m2 / a.count, b.m2 / b.count];
  const [stdA, stdB] = [Math.sqrt(varianceA), Math.sqrt(varianceB)];
  const shift = b.mean - a.mean;
  const klAB = klGauss(varianceA, varianceB, shift);
  const klBA = klGauss(varianceB, varianceA, shift);
  const flat = [...(varianceA === 0 ? ["a"] : []), ...(varianceB === 0 ? ["b"] : [])];
  const noKL = flat.length === 0 ? null : `the variance of ${flat.join(" and ")} is 0`;
  const small = a.count === 1 || b.count === 1 ? "fewer than 2 values have no unbiased variance" : null;

  const reasons: Record<string, string> = {};
  const figure = (name: string, value: number, reason: string | null): Figure =>
    figureUnless(reason ?? (Number.isNaN(value) ? "beyond double precision" : null), reasons, name, value);
  return {
    meanShift: figure("meanShift", shift, null),
    absoluteMeanShift: figure("absoluteMeanShift", Math.abs(shift), null),
    stdRatio: figure("stdRatio", stdB / stdA, stdA === 0 ? "the variance of a is 0" : null),
    wasserstein2GaussSquared: figure("wasserstein2GaussSquared", shift * shift + (stdA - stdB) * (stdA - stdB), null),
    klGaussAB: figure("klGaussAB", klAB, noKL),
    klGaussBA: figure("klGaussBA", klBA, noKL),
    klGaussSymmetric: figure("klGaussSymmetric", klAB + klBA, noKL),
    klGaussABUnbiased: figure(
      "klGaussABUnbiased",
      klGauss(a.m2 / (a.count - 1), b.m2 / (b.count - 1), shift),
      small ?? noKL,
    ),
    reasons,
  };
}

function klGauss(varianceA: number, varianceB: number, shift: number): number {
  const ratio = varianceA / varianceB;
  // With the logarithm of the ratio, overflow or underflow of the ratio would lead to Infinity - Infinity, which is NaN.
  const spread = (ratio - 1 - (log(varianceA) - log(varianceB))) / 2;
  return Math.max(0, spread) + (shift * shift) / (2 * varianceB);
}
