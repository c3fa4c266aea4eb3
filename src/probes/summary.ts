/**
 * Summary: what the recorder keeps of a sample once its values are gone.
 *
 * Counts, moments and histograms of two summaries add up to those of both samples together. Quantiles do not: a merged
 * summary takes them from its histogram and calls them an estimate.
 */

import type { Reasons } from "./finite-values.js";
import { type Histogram, histogramOfRange, histogramQuantile, mergeHistograms } from "./histogram.js";
import { kurtosisExcessOf, mergeMoments, type Moments, noMoments, skewnessOf, undefinedReason } from "./moments.js";
import { quantilesOfRange } from "./quantiles.js";

/** A figure that may not be defined. */
export type Figure = number | null;

/** The figures of one sample. Moments, quantiles and histogram are those of its finite values. */
export interface Summary {
  /** All values, not finite ones included. */
  readonly count: number;
  /** How many of them the moments, quantiles and histogram are made from. */
  readonly finite: number;
  /** The parts of `count` that are 0, NaN, and infinite. */
  readonly zeroFraction: Figure;
  readonly nanFraction: Figure;
  readonly infiniteFraction: Figure;
  readonly mean: Figure;
  /** Biased: M2 / n. */
  readonly variance: Figure;
  /** g1. */
  readonly skewness: Figure;
  /** g2: 0 for a normal distribution. */
  readonly kurtosisExcess: Figure;
  /** In the order of the levels asked for. */
  readonly quantiles: readonly Figure[];
  /** Exact in one sample; estimates from the histogram in a merged one. */
  readonly quantileKind: "exact" | "estimate";
  /** Null when no edges were given. */
  readonly histogram: Histogram | null;
  /** Why a figure is null, by its name. */
  readonly reasons: Reasons;
}

/** How many values of a sample are of which kind, beside its finite values in an array. */
export interface SampleRange {
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly zeros: number;
  readonly nans: number;
  readonly infinities: number;
}

/** What to keep of a sample. */
export interface SummaryOptions {
  readonly levels: readonly number[];
  readonly edges: readonly number[] | null;
}

/** Makes the summary of one sample. Reorders its values. */
export function summarizeRange(range: SampleRange, moments: Moments, { levels, edges }: SummaryOptions): Summary {
  const { values, start, end } = range;
  const empty = start === end;
  return describe(range, moments, {
    quantiles: empty ? levels.map(() => null) : quantilesOfRange(values, start, end, levels),
    quantileKind: "exact",
    quantileReason: "no finite values",
    histogram: edges === null ? null : histogramOfRange(values, start, end, edges),
  });
}

/**
 * The summary of two samples together: exact but for round-off, except for quantiles, which come from the histogram.
 *
 * @throws {ShapeError} if the histograms have different edges
 */
export function mergeSummaries(a: Summary, b: Summary, levels: readonly number[]): Summary {
  const histogram = a.histogram === null || b.histogram === null ? null : mergeHistograms(a.histogram, b.histogram);
  const total = (fraction: "zeroFraction" | "nanFraction" | "infiniteFraction"): number =>
    Math.round((a[fraction] ?? 0) * a.count) + Math.round((b[fraction] ?? 0) * b.count);
  return describe(
    {
      count: a.count + b.count,
      zeros: total("zeroFraction"),
      nans: total("nanFraction"),
      infinities: total("infiniteFraction"),
    },
    mergeMoments(momentsOfSummary(a), momentsOfSummary(b)),
    {
      quantiles: levels.map((level) => (histogram === null ? null : histogramQuantile(histogram, level))),
      quantileKind: "estimate",
      quantileReason: histogram === null ? "merged without a histogram" : "outside the histogram's edges",
      histogram,
    },
  );
}

interface Shape {
  readonly quantiles: readonly Figure[];
  readonly quantileKind: Summary["quantileKind"];
  readonly quantileReason: string;
  readonly histogram: Histogram | null;
}

function describe(
  { count, zeros, nans, infinities }: Omit<SampleRange, "values" | "start" | "end">,
  moments: Moments,
  { quantiles, quantileKind, quantileReason, histogram }: Shape,
): Summary {
  const reasons: Record<string, string> = {};
  const figure = (name: string, value: number, spread: boolean): Figure => {
    const reason = undefinedReason(moments, value, 1, spread);
    if (reason === null) return value;
    reasons[name] = reason;
    return null;
  };
  const fraction = (name: string, part: number): Figure => {
    if (count > 0) return part / count;
    reasons[name] = "no values";
    return null;
  };
  if (quantiles.includes(null)) reasons.quantiles = quantileReason;
  return {
    count,
    finite: moments.count,
    zeroFraction: fraction("zeroFraction", zeros),
    nanFraction: fraction("nanFraction", nans),
    infiniteFraction: fraction("infiniteFraction", infinities),
    mean: figure("mean", moments.mean, false),
    variance: figure("variance", moments.m2 / moments.count, false),
    skewness: figure("skewness", skewnessOf(moments), true),
    kurtosisExcess: figure("kurtosisExcess", kurtosisExcessOf(moments), true),
    quantiles,
    quantileKind,
    histogram,
    reasons,
  };
}

/** The central sums that the figures were made from. A figure beyond double precision stays so: it comes back as NaN. */
function momentsOfSummary({ finite: count, mean, variance, skewness, kurtosisExcess }: Summary): Moments {
  if (count === 0) return noMoments;
  const m2 = (variance ?? NaN) * count;
  if (m2 === 0) return { count, mean: mean ?? NaN, m2, m3: 0, m4: 0 };
  const m3 = (skewness ?? NaN) * m2 * Math.sqrt(m2 / count);
  const m4 = ((kurtosisExcess ?? NaN) + 3) * m2 * (m2 / count);
  return { count, mean: mean ?? NaN, m2, m3, m4 };
}
