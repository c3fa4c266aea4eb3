/**
 * Summary: what the recorder keeps of a sample once its values are gone. Figures of many features are columns of numbers.
 *
 * Counts, moments and histograms of two summaries add up to those of both samples together. Quantiles do not: a merged
 * summary takes them from its histogram and calls them an estimate.
 */

import type { FeatureColumns } from "./feature-columns.js";
import type { Reasons } from "./finite-values.js";
import { type Histogram, histogramOfRange, histogramQuantile, mergeHistograms } from "./histogram.js";
import { mergeMoments, type Moments, momentsOfRange, momentStatistics, noMoments } from "./moments.js";
import { quantilesOfRange } from "./quantiles.js";

/** The figures of one sample. Moments, quantiles and histogram are those of its finite values. */
export interface Summary {
  /** All values, not finite ones included. */
  readonly count: number;
  /** How many of them the moments, quantiles and histogram are made from. */
  readonly finite: number;
  /** The parts of `count` that are 0, NaN, and infinite. Null for no values. */
  readonly zeroFraction: number | null;
  readonly nanFraction: number | null;
  readonly infiniteFraction: number | null;
  readonly mean: number | null;
  /** Biased: M2 / n. */
  readonly variance: number | null;
  /** g1. */
  readonly skewness: number | null;
  /** g2: 0 for a normal distribution. */
  readonly kurtosisExcess: number | null;
  /** In the order of the levels asked for. */
  readonly quantiles: readonly (number | null)[];
  /** Exact in one sample; estimates from the histogram in a merged one. */
  readonly quantileKind: "exact" | "estimate";
  /** Null when no edges were given. */
  readonly histogram: Histogram | null;
  /** Why a figure is null, by its name. */
  readonly reasons: Reasons;
}
