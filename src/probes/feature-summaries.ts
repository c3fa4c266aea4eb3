/** Summaries of all features of a layer, as columns: `mean[c]` is the mean of feature c. */

import type { FeatureColumns } from "./feature-columns.js";
import type { Reasons } from "./finite-values.js";
import { mergeMoments, momentsOfRange, noMoments } from "./moments.js";
import { type Figure, mergeSummaries, summarizeRange, type Summary, type SummaryOptions } from "./summary.js";

/** Histograms of many features on the same edges. */
export interface FeatureHistograms {
  readonly edges: readonly number[];
  /** counts[c][k]: how many values of feature c lie in cell k. */
  readonly counts: readonly (readonly number[])[];
  readonly below: readonly number[];
  readonly above: readonly number[];
}

/** The figures of `Summary`, one column each: entry c belongs to feature c. */
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
  /** quantiles[q][c]: the quantile at level q of feature c. */
  readonly quantiles: readonly (readonly Figure[])[];
  readonly quantileKind: Summary["quantileKind"];
  readonly histogram: FeatureHistograms | null;
  /** Why a figure of some features is null, by its name. */
  readonly reasons: Reasons;
}

/** A layer's figures: of all its values in one sample, and of each feature. */
export interface LayerSummary {
  /** All features and rows as one sample. */
  readonly layer: Summary;
  /** Null when features were left out. */
  readonly features: FeatureSummaries | null;
}

/** Summarizes a layer from its columns, which are reordered. */
export function summarizeColumns(columns: FeatureColumns, options: SummaryOptions, perFeature: boolean): LayerSummary {
  const { features, count, values, starts, zeros, nans, infinities } = columns;
  const summaries: Summary[] = [];
  let pooled = noMoments;
  for (let c = 0; c < features; c++) {
    const start = starts[c]!;
    const end = starts[c + 1]!;
    const moments = momentsOfRange(values, start, end);
    pooled = mergeMoments(pooled, moments);
    if (!perFeature) continue;
    const range = { values, start, end, count, zeros: zeros[c]!, nans: nans[c]!, infinities: infinities[c]! };
    summaries.push(summarizeRange(range, moments, options));
  }
  const sum = (column: Float64Array): number => column.reduce((total, entry) => total + entry, 0);
  const all = {
    values,
    start: 0,
    end: starts[features]!,
    count: count * features,
    zeros: sum(zeros),
    nans: sum(nans),
    infinities: sum(infinities),
  };
  return { layer: summarizeRange(all, pooled, options), features: perFeature ? columnsOf(summaries, options) : null };
}

/** The summary of one feature, for merging, which finds the reasons anew. */
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
    histogram:
      histogram === null
        ? null
        : {
            edges: histogram.edges,
            counts: histogram.counts[c]!,
            below: histogram.below[c]!,
            above: histogram.above[c]!,
          },
    reasons: {},
  };
}

/** The summaries of the same features in two samples together; see `mergeSummaries`. */
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
    histogram:
      edges === null
        ? null
        : {
            edges,
            counts: summaries.map(({ histogram }) => histogram!.counts),
            below: summaries.map(({ histogram }) => histogram!.below),
            above: summaries.map(({ histogram }) => histogram!.above),
          },
    reasons: reasonsOf(summaries),
  };
}

/** As in `{ skewness: "3 of 100 features: the variance is 0" }`. */
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
