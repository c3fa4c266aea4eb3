/** Feature statistics: the moments of what enters a batch norm, and how far its running statistics are from them. */

import { complaint, show } from "../core/errors.js";
import { exp, log } from "../core/math.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import { featureView } from "../layers/features.js";
import { gatherColumns } from "../probes/values/feature-columns.js";
import { mergeMoments, type Moments, momentsOfRange } from "../probes/values/moments.js";
import type { NormPlace } from "./tree.js";

/** How far running statistics are from others, feature by feature. */
export interface StatisticsGap {
  /** (mean - running mean) / sqrt(running variance + epsilon): by how much the feature, once normalized, is off 0. */
  readonly meanShift: readonly number[];
  /** ln((variance + epsilon) / (running variance + epsilon)); 0 where they agree, 0.69 where the variance is twice the running one. */
  readonly logVarianceRatio: readonly number[];
}

/** The moments of each feature; requires finite values. */
export function featureMoments(
  who: string,
  { path, norm, input }: Pick<NormPlace, "path" | "norm" | "input">,
): Moments[] {
  const { outer, channels, inner } = featureView(who, input, norm.axis, norm.features);
  const columns = gatherColumns(input.data, { rows: input.shape[0]!, outer, features: channels, inner });
  return Array.from({ length: channels }, (_, c) => {
    const [start, end] = [columns.starts[c]!, columns.starts[c + 1]!];
    if (end - start < columns.count) {
      const bad = columns.nans[c]! > 0 ? "NaN" : "Infinity";
      const cure = "inspect(model, input) says where they begin";
      throw new RangeError(
        complaint(who, `finite values in front of batch norm ${show(path)}`, `${bad} in feature ${c}`, cure),
      );
    }
    return momentsOfRange(columns.values, start, end);
  });
}

/** Puts two lists of moments together, feature by feature; the first may be missing. */
export function mergeFeatureMoments(a: readonly Moments[] | undefined, b: readonly Moments[]): Moments[] {
  return b.map((own, c) => (a === undefined ? own : mergeMoments(a[c]!, own)));
}

/** The variance that the layer's running variance averages: M2 / (n - 1), or M2 / n where it is "biased". */
export function varianceFor(norm: BatchNorm, { count, m2 }: Moments): number {
  return m2 / (norm.varianceEstimator === "unbiased" ? count - 1 : count);
}

/** Means and variances, feature by feature. */
export interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** The running statistics of a layer, as they stand. */
export function runningStatistics({ runningMean, runningVariance }: BatchNorm): Statistics {
  return { mean: runningMean.values, variance: runningVariance.values };
}

/** How far statistics, the running ones of the layer unless others are given, are from some moments. */
export function statisticsGap(
  norm: BatchNorm,
  moments: readonly Moments[],
  running: Statistics = runningStatistics(norm),
): StatisticsGap {
  const { epsilon } = norm;
  return {
    meanShift: moments.map(({ mean }, c) => {
      const difference = mean - running.mean[c]!;
      return difference === 0 ? 0 : difference / Math.sqrt(running.variance[c]! + epsilon);
    }),
    logVarianceRatio: moments.map((own, c) => {
      const [batch, old] = [varianceFor(norm, own) + epsilon, running.variance[c]! + epsilon];
      return batch === old ? 0 : log(batch / old);
    }),
  };
}

/** What a gap comes to: the features that are worst off, and how many are off by more than chance explains. */
export interface GapSummary {
  /** The feature whose mean is furthest off, and by how much. */
  readonly meanFeature: number;
  readonly meanShift: number;
  /** The feature whose variance is furthest off, and its ratio to the running one. */
  readonly varianceFeature: number;
  readonly varianceRatio: number;
  /** How many features are off in mean or variance. */
  readonly featuresOff: number;
}

/**
 * Sums a gap up. Off is what lies beyond four standard errors, and beyond a tenth of a standard deviation or a factor of 1.65
 * in the variance, below which a difference does no harm. A batch of M values of a normal feature knows its mean to 1 / √M
 * standard deviations; the cube root of its variance's ratio to the true one is close to normal, with mean 1 - v and variance
 * v = 2 / (9 (M - 1)) (Wilson & Hilferty 1931), where the ratio and its logarithm are far from it in small batches.
 */
export function summarizeGap({ meanShift, logVarianceRatio }: StatisticsGap, valuesPerFeature: number): GapSummary {
  const shiftAllowed = Math.max(0.1, 4 / Math.sqrt(valuesPerFeature));
  const rootVariance = 2 / (9 * (valuesPerFeature - 1));
  const varianceOff = (logRatio: number): boolean =>
    Math.abs(logRatio) > 0.5 && Math.abs(exp(logRatio / 3) - (1 - rootVariance)) > 4 * Math.sqrt(rootVariance);
  const furthest = (values: readonly number[]): number =>
    values.reduce((best, value, c) => (Math.abs(value) > Math.abs(values[best]!) ? c : best), 0);
  const [meanFeature, varianceFeature] = [furthest(meanShift), furthest(logVarianceRatio)];
  return {
    meanFeature,
    meanShift: meanShift[meanFeature]!,
    varianceFeature,
    varianceRatio: exp(logVarianceRatio[varianceFeature]!),
    featuresOff: meanShift.filter((shift, c) => Math.abs(shift) > shiftAllowed || varianceOff(logVarianceRatio[c]!))
      .length,
  };
}
