/** Findings in plain language: what a gap between batch and running statistics means, and what to do about it. */

import { exp, log } from "../../core/math.js";
import type { BatchNorm } from "../../layers/batch-norm.js";
import type { Moments } from "../../probes/values/moments.js";
import { type GapSummary, runningStatistics, statisticsGap, summarizeGap } from "../feature-statistics.js";

const CURE = "recalibrate(model, batches)";

/** A number with some significant digits, and all in front of the point. */
export function digits(value: number, count = 2): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(count)));
}

/**
 * How much of the initial 0 and 1 is still in the running statistics, (1 - momentum)^batches, if that is what ails them: if
 * without it they would fit. 0 where it is not, as after a recalibration.
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

/** What a layer's gap says, and why it may be there. */
export function findingOf(
  norm: BatchNorm,
  verdict: "fits" | "off" | "same",
  moments: readonly Moments[],
  gap: GapSummary,
): string {
  if (verdict === "same") {
    const statistics = norm.trackRunningStatistics
      ? "its running statistics (it is frozen)"
      : "the batch (it keeps no running statistics)";
    return `normalizes with ${statistics} in both modes`;
  }
  if (verdict === "fits") return "the running statistics fit this batch";
  return `${gapText(gap)}; ${cause(norm, moments, gap)}`;
}

/** The worst features of a gap. */
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

/** Why running statistics are off, and what to do. */
export function cause(norm: BatchNorm, moments: readonly Moments[], { featuresOff }: GapSummary): string {
  const { momentum } = norm;
  const share = initialShare(norm, moments, featuresOff);
  const batches = norm.batchesTracked.values[0]!;
  if (share > 0) {
    const counted = `${batches} ${batches === 1 ? "batch" : "batches"} at momentum ${momentum}`;
    return `${digits(100 * share)} % of the running statistics are still their initial 0 and 1 (${counted}): train on, raise the momentum, or ${CURE}`;
  }
  if (momentum !== null && momentum > 0.5) {
    return `at momentum ${momentum} the running statistics are those of the last batches alone (Keras's ${momentum} is ${digits(1 - momentum)} here): lower the momentum, or ${CURE}`;
  }
  return `the weights have moved since, or this batch is not like those of training: if the model is to work on such batches, ${CURE}`;
}

interface Layers {
  readonly path: string;
  readonly valuesPerFeature: number;
  readonly verdict: "fits" | "off" | "same";
  readonly lossDifference: number | null;
  readonly finding: string;
}

/** What the whole comparison says. */
export function overallFinding(
  layers: readonly Layers[],
  output: { readonly difference: number; readonly size: number },
  loss: { readonly batch: number; readonly inference: number } | undefined,
): string {
  const inLoss =
    loss === undefined
      ? ""
      : `; the loss is ${digits(loss.batch, 3)} with the batch's statistics and ${digits(loss.inference, 3)} in inference`;
  const differs = `the outputs differ by ${digits((100 * output.difference) / (output.size || 1))} % of their size${inLoss}`;
  const off = layers.filter(({ verdict }) => verdict === "off");
  if (layers.every(({ verdict }) => verdict === "same"))
    return `no layer normalizes differently in the two modes; ${differs}`;
  const fewest = Math.min(...layers.map(({ valuesPerFeature }) => valuesPerFeature));
  if (off.length === 0) {
    const known = digits(1 / Math.sqrt(fewest));
    const small = `; with ${fewest} values a feature a batch knows its mean to ${known} standard deviations: compare on a larger one`;
    return `all running statistics fit this batch; ${differs}${fewest < 32 ? small : ""}`;
  }
  const worst = off.reduce((a, b) => (Math.abs(b.lossDifference ?? 0) > Math.abs(a.lossDifference ?? 0) ? b : a));
  const name = layers.length === 1 ? "" : `${JSON.stringify(worst.path)}: `;
  const counted = layers.length === 1 ? "" : `${off.length} of ${layers.length} batch norms do not fit this batch; `;
  return `${differs}; ${counted}${name}${worst.finding}`;
}
