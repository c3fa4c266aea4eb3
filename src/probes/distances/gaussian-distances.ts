/**
 * Distances between two samples that look at mean and variance alone, as if both were normal.
 *
 * They need the moments, not the values: those of two records of an `ActivationRecorder` will do.
 */

import { complaint, show } from "../../core/errors.js";
import { log } from "../../core/math.js";
import { type Figure, figureUnless, type Reasons } from "../shared/report.js";
import { expectMoments, type Moments } from "../values/moments.js";

/** From a to b, an earlier and a later sample. Variances are biased unless the name says otherwise. */
export interface GaussianDistances {
  /** mean b - mean a; in the unit of the values. */
  readonly meanShift: number | null;
  /** |mean b - mean a|. */
  readonly absoluteMeanShift: number | null;
  /** std b / std a. */
  readonly stdRatio: number | null;
  /** (mean a - mean b)² + (std a - std b)²: the squared 2-Wasserstein distance of the fitted normal distributions. */
  readonly wasserstein2GaussSquared: number | null;
  /** KL(a || b) of the fitted normal distributions, in nats: what it costs to take b for a. */
  readonly klGaussAB: number | null;
  /** KL(b || a). */
  readonly klGaussBA: number | null;
  /** klGaussAB + klGaussBA (Jeffreys' divergence): the sum, not the half. */
  readonly klGaussSymmetric: number | null;
  /** KL(a || b) of the normal distributions with the unbiased variances. */
  readonly klGaussABUnbiased: number | null;
  /** Why a figure is null, by its name. */
  readonly reasons: Reasons;
}

/**
 * The distances between the normal distributions with the mean and variance of two samples.
 *
 *     KL(a || b) = ln(var b / var a) / 2 + (var a + (mean a - mean b)²) / (2 var b) - 1/2
 *
 * - **Numerics**: equal moments give exactly 0; no KL from or to a sample of variance 0; no lower bound is broken by
 *   rounding
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
  // Two logarithms: that of the ratio would be infinite when the ratio under- or overflows, and Infinity - Infinity is NaN.
  const spread = (ratio - 1 - (log(varianceA) - log(varianceB))) / 2;
  return Math.max(0, spread) + (shift * shift) / (2 * varianceB);
}
