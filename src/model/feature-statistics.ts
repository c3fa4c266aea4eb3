/** Feature statistics: the moments of a batch norm's inputs, how far the running statistics differ from them, and why. */

import { complaint, show } from "../core/errors.js";
import { exp, log } from "../core/math.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import { channelView } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { gatherColumns } from "../probes/values/feature-columns.js";
import { type Moments, momentsOfRange, noMoments } from "../probes/values/moments.js";
import { spreadRowWeights, weightedMoments } from "../layers/row-weights.js";
import { digits } from "./inspect/finding.js";
import type { GivenRowWeights } from "./row-masks.js";

/** The differences between the statistics of a batch and the running statistics, per feature. */
export interface StatisticsGap {
  /** (mean - running mean) / sqrt(running variance + epsilon), the mean of the feature after normalization at inference. */
  readonly meanShift: readonly number[];
  /** ln((variance + epsilon) / (running variance + epsilon)): 0 if both agree, 0.69 if the variance is twice the running one. */
  readonly logVarianceRatio: readonly number[];
}

/** The moments of each feature, and their total weight. */
export interface FeatureSums {
  /** `count` is the number of values, or the effective number with row weights. */
  readonly moments: readonly Moments[];
  /** Σ w, relative to the largest weight. */
  readonly weight: number;
}

/** Computes the moments of each feature, weighted as in batch norm. Throws if a value of nonzero weight is not finite. */
export function featureSums(
  who: string,
  path: string,
  input: Tensor,
  axis: number,
  given?: GivenRowWeights,
): FeatureSums {
  const view = channelView(input.shape, axis);
  const { outer, channels, inner } = view;
  const refuse = (c: number, isNaN: boolean): RangeError => {
    const expected = `finite values before batch norm ${show(path)}`;
    const got = `${isNaN ? "NaN" : "Infinity"} in feature ${c}`;
    return new RangeError(complaint(who, expected, got, "inspect(model, input) finds where they first appear"));
  };
  if (given === undefined) {
    const columns = gatherColumns(input.data, { rows: input.shape[0]!, outer, features: channels, inner });
    const moments = Array.from({ length: channels }, (_, c) => {
      const [start, end] = [columns.starts[c]!, columns.starts[c + 1]!];
      if (end - start < columns.count) throw refuse(c, columns.nans[c]! > 0);
      return momentsOfRange(columns.values, start, end);
    });
    return { moments, weight: outer * inner };
  }
  const weights = spreadRowWeights(`${who}: ${show(path)}`, given, input, view, axis);
  const { total: weight, effectiveCount: count } = weights;
  if (weight === 0) return { moments: Array.from({ length: channels }, () => noMoments), weight };
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
  weightedMoments({ view, x: input.data, mean, variance }, weights);
  const moments = Array.from(mean, (own, c): Moments => {
    if (!Number.isFinite(own)) throw refuse(c, Number.isNaN(own));
    return { count, mean: own, m2: variance[c]! * count, m3: NaN, m4: NaN };
  });
  return { moments, weight };
}

/** Computes the moments of each feature. See `featureSums`. */
export function featureMoments(...args: Parameters<typeof featureSums>): readonly Moments[] {
  return featureSums(...args).moments;
}

/** Returns the variance as the layer estimates it: M2 / (n - 1), or M2 / n if its estimator is "biased". */
export function varianceFor(norm: BatchNorm, { count, m2 }: Moments): number {
  return m2 / (norm.varianceEstimator === "unbiased" ? count - 1 : count);
}

/** The mean and variance of each feature. */
interface FeatureStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Returns the running statistics of a layer, without a copy. */
export function runningStatistics({ runningMean, runningVariance }: BatchNorm): FeatureStatistics {
  return { mean: runningMean.values, variance: runningVariance.values };
}

/** Compares moments with the running statistics of a layer, or with the given ones. */
export function statisticsGap(
  norm: BatchNorm,
  moments: readonly Moments[],
  running: FeatureStatistics = runningStatistics(norm),
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

/** The features with the largest gaps, and the number of features with gaps larger than chance explains. */
export interface GapSummary {
  /** The feature with the largest difference in mean, and that difference. */
  readonly meanFeature: number;
  readonly meanShift: number;
  /** The feature with the largest difference in variance, and the ratio of its variance to the running one. */
  readonly varianceFeature: number;
  readonly varianceRatio: number;
  /** The number of features that are off in mean or variance. */
  readonly featuresOff: number;
}

/**
 * Summarizes a gap. A feature is off if the difference exceeds four standard errors and is large enough to matter: more than 0.1
 * standard deviations in the mean, or a factor of 1.65 in the variance.
 *
 * For M normally distributed values, the standard error of the mean is 1 / √M standard deviations. The cube root of the ratio of
 * their variance to the true one is close to normal, with mean 1 - v and variance v = 2 / (9 (M - 1)) (Wilson & Hilferty 1931).
 * In small batches, the ratio itself and its logarithm are not.
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

/** Describes the features with the largest gaps. */
export function gapText({ meanFeature, meanShift, varianceFeature, varianceRatio, featuresOff }: GapSummary): string {
  const parts: string[] = [];
  if (Math.abs(meanShift) > 0.1) {
    const sigmas = digits(Math.abs(meanShift));
    parts.push(
      `the batch's mean of feature ${meanFeature} is ${sigmas} running standard deviations off the running mean`,
    );
  }
  if (varianceRatio > 1.65 || varianceRatio < 1 / 1.65) {
    parts.push(`the batch's variance of feature ${varianceFeature} is ${digits(varianceRatio)} times the running one`);
  }
  if (featuresOff > 1) parts.push(`${featuresOff} features are off`);
  return parts.join(", ");
}

/** Returns the probable cause of a gap, and how to fix it. */
export function gapCause(norm: BatchNorm, moments: readonly Moments[], { featuresOff }: GapSummary): string {
  const { momentum } = norm;
  const share = initialShare(norm, moments, featuresOff);
  const batches = norm.batchesTracked.values[0]!;
  if (share > 0) {
    const counted = `${batches} ${batches === 1 ? "batch" : "batches"} at momentum ${momentum}`;
    return `the initial values 0 and 1 still make up ${digits(100 * share)}% of the running statistics (${counted}): train longer, raise the momentum, or recalibrate(model, batches)`;
  }
  if (momentum !== null && momentum > 0.5) {
    return `at momentum ${momentum} the running statistics are mostly those of the last batches (Keras's ${momentum} is ${digits(1 - momentum)} here): lower the momentum, or use recalibrate(model, batches)`;
  }
  return `the weights have changed since, or this batch differs from those in training; if the model is meant for such batches, use recalibrate(model, batches)`;
}

/**
 * Returns the weight of the initial 0 and 1 in the running statistics, (1 - momentum)^batches, if it explains the gap: without
 * it, at most half as many features would be off. Otherwise returns 0, for example after a recalibration.
 */
function initialShare(norm: BatchNorm, moments: readonly Moments[], featuresOff: number): number {
  const batches = norm.batchesTracked.values[0]!;
  const share = norm.momentum === null || batches === 0 ? 0 : exp(batches * log(1 - norm.momentum));
  if (share < 0.01) return 0;
  const { mean, variance } = runningStatistics(norm);
  const without = {
    mean: mean.map((value) => value / (1 - share)),
    variance: variance.map((value) => (value - share) / (1 - share)),
  };
  if (without.variance.some((value) => value < 0)) return 0;
  const rest = summarizeGap(statisticsGap(norm, moments, without), moments[0]!.count).featuresOff;
  return rest <= featuresOff / 2 ? share : 0;
}
