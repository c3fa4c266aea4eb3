/**
 * Summary: the statistics of a sample that the recorder stores instead of the values.
 *
 * Counts, moments and histograms of two summaries can be merged exactly. Quantiles cannot, so a merged summary estimates them
 * from its histogram.
 */

import { type Figure, figureUnless, type Reasons } from "../shared/report.js";
import type { FeatureColumns } from "./feature-columns.js";
import { type Histogram, histogramOfRange, histogramQuantile, mergeHistograms } from "./histogram.js";
import {
  kurtosisExcessOf,
  mergeMoments,
  type Moments,
  momentsOfRange,
  noMoments,
  skewnessOf,
  undefinedReason,
  weightedMomentsOfRange,
} from "./moments.js";
import { quantilesOfRange, weightedQuantilesOfRange } from "./quantiles.js";

/** The statistics of one sample. Moments, quantiles and histogram are those of its finite values. */
export interface Summary {
  /** The number of values, including those that are not finite. With row weights, the sum of their weights. */
  readonly count: number;
  /** The count of the finite values. */
  readonly finite: number;
  /** The fraction of values that are 0. */
  readonly zeroFraction: Figure;
  /** The fraction of values that are NaN. */
  readonly nanFraction: Figure;
  /** The fraction of values that are infinite. */
  readonly infiniteFraction: Figure;
  readonly mean: Figure;
  /** The biased variance M2 / n. */
  readonly variance: Figure;
  /** The skewness g1. */
  readonly skewness: Figure;
  /** The excess kurtosis g2, which is 0 for a normal distribution. */
  readonly kurtosisExcess: Figure;
  /** In the order of the requested levels. */
  readonly quantiles: readonly Figure[];
  /** "exact", or "estimate" for quantiles of a merged summary. */
  readonly quantileKind: "exact" | "estimate";
  /** Null if no edges were given. */
  readonly histogram: Histogram | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** The finite values of a sample, with the counts of all kinds of values. */
interface SampleRange {
  readonly values: Float64Array;
  readonly weights: Float64Array | undefined;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly zeros: number;
  readonly nans: number;
  readonly infinities: number;
}

/** The settings of a summary. */
export interface SummaryOptions {
  readonly levels: readonly number[];
  readonly edges: readonly number[] | null;
}

/** Returns the summary of one sample. Reorders its values, unless they have weights. */
function summarizeRange(range: SampleRange, moments: Moments, { levels, edges }: SummaryOptions): Summary {
  const { values, weights, start, end } = range;
  const quantiles =
    start === end
      ? levels.map(() => null)
      : weights === undefined
        ? quantilesOfRange(values, start, end, levels)
        : weightedQuantilesOfRange(values, weights, start, end, levels);
  const histogram = edges && histogramOfRange(values, start, end, edges, weights);
  return describe(range, moments, { quantiles, quantileKind: "exact", histogram }, "no finite values");
}

/**
 * Merges the summaries of two samples. The result is exact up to round-off, except for quantiles, which are estimated.
 *
 * @throws {ShapeError} if the histograms have different edges
 */
export function mergeSummaries(a: Summary, b: Summary, levels: readonly number[]): Summary {
  const histogram = a.histogram === null || b.histogram === null ? null : mergeHistograms(a.histogram, b.histogram);
  const total = (fraction: "zeroFraction" | "nanFraction" | "infiniteFraction"): number =>
    partOf(a[fraction] ?? 0, a.count) + partOf(b[fraction] ?? 0, b.count);
  const counts = {
    count: a.count + b.count,
    zeros: total("zeroFraction"),
    nans: total("nanFraction"),
    infinities: total("infiniteFraction"),
  };
  const quantiles = levels.map((level) => histogram && histogramQuantile(histogram, level));
  const reason = histogram === null ? "merged without a histogram" : "outside the histogram's edges";
  const moments = mergeMoments(momentsOfSummary(a), momentsOfSummary(b));
  return describe(counts, moments, { quantiles, quantileKind: "estimate", histogram }, reason);
}

/** Returns fraction times count without the rounding of the fraction, where that is a whole number. */
function partOf(fraction: number, count: number): number {
  const part = fraction * count;
  const whole = Math.round(part);
  return Math.abs(part - whole) <= 1e-12 * count ? whole : part;
}

function describe(
  { count, zeros, nans, infinities }: Omit<SampleRange, "values" | "weights" | "start" | "end">,
  moments: Moments,
  distribution: Pick<Summary, "quantiles" | "quantileKind" | "histogram">,
  quantileReason: string,
): Summary {
  const reasons: Record<string, string> = {};
  const figure = (name: string, value: number, spread: boolean): Figure =>
    figureUnless(undefinedReason(moments, value, 0, spread), reasons, name, value);
  const fraction = (name: string, part: number): Figure =>
    figureUnless(count > 0 ? null : "no values", reasons, name, part / count);
  if (distribution.quantiles.includes(null)) reasons.quantiles = quantileReason;
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
    ...distribution,
    reasons,
  };
}

/** Recovers the central sums from a summary. Statistics beyond double precision become NaN. */
function momentsOfSummary({ finite: count, mean, variance, skewness, kurtosisExcess }: Summary): Moments {
  if (count === 0) return noMoments;
  const m2 = (variance ?? NaN) * count;
  if (m2 === 0) return { count, mean: mean ?? NaN, m2, m3: 0, m4: 0 };
  const m3 = (skewness ?? NaN) * m2 * Math.sqrt(m2 / count);
  const m4 = ((kurtosisExcess ?? NaN) + 3) * m2 * (m2 / count);
  return { count, mean: mean ?? NaN, m2, m3, m4 };
}

/** Histograms of many features with the same edges. */
export interface FeatureHistograms {
  readonly edges: readonly number[];
  /** counts[c][k] is the count of feature c in cell k. */
  readonly counts: readonly (readonly number[])[];
  readonly below: readonly number[];
  readonly above: readonly number[];
}

/** The statistics of `Summary` for all features, one array per statistic. Element c belongs to feature c. */
export interface FeatureSummaries {
  readonly count: readonly number[];
  readonly finite: readonly number[];
  readonly zeroFraction: readonly Figure[];
  readonly nanFraction: readonly Figure[];
  readonly infiniteFraction: readonly Figure[];
  readonly mean: readonly Figure[];
  readonly variance: readonly Figure[];
  readonly skewness: readonly Figure[];
  readonly kurtosisExcess: readonly Figure[];
  /** quantiles[q][c] is the quantile of feature c at level q. */
  readonly quantiles: readonly (readonly Figure[])[];
  readonly quantileKind: Summary["quantileKind"];
  readonly histogram: FeatureHistograms | null;
  /** The reasons for nulls in some features, by name of the statistic. */
  readonly reasons: Reasons;
}

/** The statistics of a layer and of each of its features. */
export interface LayerSummary {
  /** All features and rows as one sample. */
  readonly layer: Summary;
  /** Null if features are not recorded. */
  readonly features: FeatureSummaries | null;
}

/** Summarizes a layer from its columns. Reorders their values. */
export function summarizeColumns(columns: FeatureColumns, options: SummaryOptions, perFeature: boolean): LayerSummary {
  const { features, count, values, starts, weights, zeros, nans, infinities } = columns;
  const summaries: Summary[] = [];
  let pooled = noMoments;
  for (let c = 0; c < features; c++) {
    const start = starts[c]!;
    const end = starts[c + 1]!;
    const moments =
      weights === undefined ? momentsOfRange(values, start, end) : weightedMomentsOfRange(values, weights, start, end);
    pooled = mergeMoments(pooled, moments);
    if (!perFeature) continue;
    const range = { values, weights, start, end, count, zeros: zeros[c]!, nans: nans[c]!, infinities: infinities[c]! };
    summaries.push(summarizeRange(range, moments, options));
  }
  const sum = (column: Float64Array): number => column.reduce((total, entry) => total + entry, 0);
  const all = {
    values,
    weights,
    start: 0,
    end: starts[features]!,
    count: count * features,
    zeros: sum(zeros),
    nans: sum(nans),
    infinities: sum(infinities),
  };
  return { layer: summarizeRange(all, pooled, options), features: perFeature ? columnsOf(summaries, options) : null };
}

/** Returns the summary of one feature for merging, without reasons, which merging determines again. */
function summaryOfFeature(features: FeatureSummaries, c: number): Summary {
  const { histogram } = features;
  return {
    count: features.count[c]!,
    finite: features.finite[c]!,
    zeroFraction: features.zeroFraction[c]!,
    nanFraction: features.nanFraction[c]!,
    infiniteFraction: features.infiniteFraction[c]!,
    mean: features.mean[c]!,
    variance: features.variance[c]!,
    skewness: features.skewness[c]!,
    kurtosisExcess: features.kurtosisExcess[c]!,
    quantiles: features.quantiles.map((column) => column[c]!),
    quantileKind: features.quantileKind,
    histogram: histogram && {
      edges: histogram.edges,
      counts: histogram.counts[c]!,
      below: histogram.below[c]!,
      above: histogram.above[c]!,
    },
    reasons: {},
  };
}

/** Merges the summaries of the same features in two samples; see `mergeSummaries`. */
export function mergeFeatureSummaries(
  a: FeatureSummaries,
  b: FeatureSummaries,
  options: SummaryOptions,
): FeatureSummaries {
  const merged = a.count.map((_, c) => mergeSummaries(summaryOfFeature(a, c), summaryOfFeature(b, c), options.levels));
  return columnsOf(merged, options);
}

function columnsOf(summaries: readonly Summary[], { levels, edges }: SummaryOptions): FeatureSummaries {
  const column = <K extends keyof Summary>(name: K): Summary[K][] => summaries.map((summary) => summary[name]);
  return {
    count: column("count"),
    finite: column("finite"),
    zeroFraction: column("zeroFraction"),
    nanFraction: column("nanFraction"),
    infiniteFraction: column("infiniteFraction"),
    mean: column("mean"),
    variance: column("variance"),
    skewness: column("skewness"),
    kurtosisExcess: column("kurtosisExcess"),
    quantiles: levels.map((_, q) => summaries.map((summary) => summary.quantiles[q]!)),
    quantileKind: summaries[0]?.quantileKind ?? "exact",
    histogram: edges && {
      edges,
      counts: summaries.map(({ histogram }) => histogram!.counts),
      below: summaries.map(({ histogram }) => histogram!.below),
      above: summaries.map(({ histogram }) => histogram!.above),
    },
    reasons: reasonsOf(summaries),
  };
}

/** Returns reasons such as `{ skewness: "3 of 100 features: the variance is 0" }`. */
function reasonsOf(summaries: readonly Summary[]): Reasons {
  const counts = new Map<string, Map<string, number>>();
  for (const { reasons } of summaries) {
    for (const [name, reason] of Object.entries(reasons)) {
      const ofFigure = counts.get(name) ?? new Map<string, number>();
      counts.set(name, ofFigure.set(reason, (ofFigure.get(reason) ?? 0) + 1));
    }
  }
  const text = (ofFigure: Map<string, number>): string =>
    [...ofFigure].map(([reason, count]) => `${count} of ${summaries.length} features: ${reason}`).join("; ");
  return Object.fromEntries([...counts].map(([name, ofFigure]) => [name, text(ofFigure)]));
}
