/** Findings about features: at the inputs of batch norms and the outputs of activations. */

import { unitRoundoff } from "../../core/dtype.js";
import { exp } from "../../core/math.js";
import { channelView, sameShape } from "../../core/shape.js";
import { spreadRowWeights } from "../../layers/row-weights.js";
import type { Moments } from "../../probes/values/moments.js";
import {
  featureMoments,
  gapCause,
  gapText,
  runningStatistics,
  type StatisticsGap,
  statisticsGap,
  summarizeGap,
} from "../feature-statistics.js";
import { isFiniteTensor, type ObservedNorm, normalizesByMode, type ObservedLayer } from "../observe.js";
import { countedPart } from "../row-masks.js";
import { digits, type Finding } from "./finding.js";

/** The number of values per feature below which statistics are poor. */
const FEW_VALUES = 16;
/** A feature is stuck if its mean is this many standard deviations from 0, or if this many values show no exception. */
const STUCK_DEVIATIONS = 4;
const STUCK_VALUES = 1000;

/** Returns a finding if the batch has too few values per feature for its own statistics. */
export function batchTooSmall({ path, norm, input, rowWeights: given }: ObservedNorm): Finding[] {
  const view = channelView(input.shape, norm.axis);
  const values =
    given === undefined
      ? view.outer * view.inner
      : spreadRowWeights("inspect", given, input, view, norm.axis).effectiveCount;
  if (norm.frozen.normalization || values >= FEW_VALUES) return [];
  const found = { kind: "batch too small", path } as const;
  if (values < 2) {
    const evidence =
      given === undefined
        ? "one value per feature has no variance, so training throws"
        : `row weights worth ${digits(values)} values per feature: fewer than 2, so training throws`;
    const cure = "use a larger batch; a Batcher drops a last batch of one row";
    return [{ ...found, severity: "error", evidence, cure }];
  }
  const [mean, variance] = [digits(1 / Math.sqrt(values)), digits(100 * Math.sqrt(2 / (values - 1)))];
  const evidence = `from ${digits(values)} values per feature, the mean is known to ${mean} standard deviations and the variance to ${variance}%`;
  const cure =
    "if training has such batches, use larger ones, or GroupNorm or LayerNorm, which normalize each sample by itself";
  return [{ ...found, severity: "warning", evidence, cure }];
}

/** Returns a finding if the running statistics differ from those of the batch by more than chance explains. */
export function staleStatistics({ path, norm, input, rowWeights: given }: ObservedNorm): Finding[] {
  const { mean, variance } = runningStatistics(norm);
  const known = norm.batchesTracked.values[0]! > 0 && [...mean, ...variance].every((value) => Number.isFinite(value));
  if (!known || !normalizesByMode(norm) || !isFiniteTensor(countedPart(input, given, norm.axis).tensor)) return [];
  const moments = featureMoments("inspect", path, input, norm.axis, given);
  if (moments[0]!.count < 2) return [];
  const gap = statisticsGap(norm, moments);
  const summary = summarizeGap(gap, moments[0]!.count);
  if (summary.featuresOff === 0 || !isFar(gap, moments)) return [];
  const [evidence, cure] = [gapText(summary), gapCause(norm, moments, summary)];
  return [{ kind: "running statistics off", severity: "warning", path, evidence, cure }];
}

/**
 * Returns whether a gap is large enough for a finding. Running statistics that lag a little while the weights change are harmless,
 * and compareModes reports them. From 0.4 standard deviations per feature on, accuracy on digits suffers. By chance alone, the
 * mean square is about 1.5 / M for a batch of M normal values, and three times that is allowed.
 */
function isFar({ meanShift, logVarianceRatio }: StatisticsGap, moments: readonly Moments[]): boolean {
  const squares = meanShift.map((shift, c) => {
    // A feature that is constant in one batch is not necessarily constant.
    const ofStd = moments[c]!.m2 === 0 ? 0 : exp(logVarianceRatio[c]! / 2) - 1;
    return shift ** 2 + ofStd ** 2;
  });
  const meanSquare = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  return meanSquare > 0.4 ** 2 + 4.5 / moments[0]!.count;
}

/** Returns a finding if the momentum is large enough to be a mistake. */
export function largeMomentum({ path, norm: { momentum, trackRunningStatistics } }: ObservedNorm): Finding[] {
  if (!trackRunningStatistics || momentum === null || momentum <= 0.5) return [];
  const evidence = `momentum ${momentum}: the running statistics are ${digits(100 * momentum)}% those of the last batch`;
  const cure = `momentum ${digits(1 - momentum)}, if ${momentum} was meant as in Keras`;
  return [{ kind: "large momentum", severity: "note", path, evidence, cure }];
}

/** Returns a finding about inputs of a batch norm with a variance that is lost in epsilon or in round-off. */
export function nearConstantFeatures({ path, norm, input, rowWeights: given }: ObservedNorm): Finding[] {
  if (norm.frozen.normalization || !isFiniteTensor(countedPart(input, given, norm.axis).tensor)) return [];
  const moments = featureMoments("inspect", path, input, norm.axis, given);
  if (moments[0]!.count < 2) return [];
  const varianceOf = ({ m2, count }: Moments): number => m2 / count;
  const tracked = norm.batchesTracked.values[0]! > 0;
  const roundoff = unitRoundoff[input.dtype];
  const features = moments.flatMap((own, c) => {
    const variance = varianceOf(own);
    const lost = Math.sqrt(variance) < 8 * roundoff * Math.abs(own.mean);
    // A rare feature may be constant in a small batch although its running variance is not 0.
    const isSeldom =
      variance === 0 && own.count < STUCK_VALUES && tracked && !(norm.runningVariance.values[c]! <= norm.epsilon);
    return (variance <= norm.epsilon || lost) && !isSeldom ? [c] : [];
  });
  if (features.length === 0) return [];
  const least = features.reduce((a, b) => (varianceOf(moments[b]!) < varianceOf(moments[a]!) ? b : a));
  const { mean } = moments[least]!;
  const variance = varianceOf(moments[least]!);
  const evidence = `almost constant: ${featuresText(features, norm.features)}; feature ${least} has mean ${digits(mean)} and variance ${digits(variance)}, epsilon is ${norm.epsilon}`;
  const cure =
    variance === 0
      ? "remove constant features; if the activation before is dead, revive it"
      : "scale these features up or lower epsilon; weight decay may have shrunk the weights before them";
  const severity = severityByShare(features, norm.features);
  return [{ kind: "near-constant features", severity, path, evidence, cure, features }];
}

/** Returns findings about features that vary before an activation and are constant after it. */
export function deadFeatures(observed: readonly ObservedLayer[], norms: readonly ObservedNorm[]): Finding[] {
  return observed.flatMap(({ path, layer, input, output, rowWeights: given }): Finding[] => {
    const isActivation =
      layer.parameters.length + layer.statistics.length === 0 && sameShape(input.shape, output.shape);
    if (!isActivation || input.shape.length < 2) return [];
    // An activation has no feature axis, so use that of the batch norms.
    const axis = input.shape.length === 2 ? 1 : (norms[0]?.norm.axis ?? 1);
    const [entering, leaving] = [countedPart(input, given, axis), countedPart(output, given, axis)];
    if (!isFiniteTensor(entering.tensor) || !isFiniteTensor(leaving.tensor)) return [];
    const before = featureMoments("inspect", path, entering.tensor, entering.axis, entering.weights);
    const after = featureMoments("inspect", path, leaving.tensor, leaving.axis, leaving.weights);
    const isStuck = ({ mean, m2, count }: Moments): boolean =>
      count >= STUCK_VALUES || Math.abs(mean) >= STUCK_DEVIATIONS * Math.sqrt(m2 / count);
    const features = after.flatMap(({ m2 }, c) => (m2 === 0 && before[c]!.m2 > 0 && isStuck(before[c]!) ? [c] : []));
    if (features.length === 0) return [];
    const first = features[0]!;
    const { mean, m2, count } = before[first]!;
    const values = entering.tensor.size / before.length;
    const evidence = `the same for all ${values} values: ${featuresText(features, after.length)}; feature ${first} is ${digits(after[first]!.mean)}, from a mean of ${digits(mean)} and a standard deviation of ${digits(Math.sqrt(m2 / count))}`;
    const cure = "lower the learning rate, add batch norm before it, or use LeakyReLU";
    const severity = severityByShare(features, after.length);
    return [{ kind: "dead features", severity, path, evidence, cure, features }];
  });
}

/** Lists features, as in "feature 3 (1 of 16)" or "features 0, 5, 9 and 4 more (7 of 16)". */
function featuresText(features: readonly number[], of: number): string {
  const shown = features.length > 5 ? features.slice(0, 3) : features;
  const more = features.length > shown.length ? ` and ${features.length - shown.length} more` : "";
  return `feature${features.length === 1 ? "" : "s"} ${shown.join(", ")}${more} (${features.length} of ${of})`;
}

/** Returns "warning" for a finding about at least half of the features, and "note" otherwise. */
function severityByShare(features: readonly number[], of: number): "warning" | "note" {
  return features.length * 2 >= of ? "warning" : "note";
}
