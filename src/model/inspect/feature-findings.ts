/** Findings about features that do not vary: in front of a batch norm, and behind an activation. */

import { unitRoundoff } from "../../core/dtype.js";
import { gatherColumns } from "../../probes/values/feature-columns.js";
import { type Moments, momentsOfRange } from "../../probes/values/moments.js";
import { sameShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { featureMoments } from "../feature-statistics.js";
import { type Finding, featuresText, severityByShare } from "./finding.js";
import { digits } from "./mode-findings.js";
import { isFiniteTensor, type NormPlace, type Place } from "../tree.js";

/** So many standard deviations from 0, or so many values without one exception: then an activation is stuck. */
const STUCK_DEVIATIONS = 4;
const STUCK_VALUES = 1000;

/** Features whose variance in front of a batch norm is lost in epsilon, or in round-off. */
export function nearConstantFeatures(place: NormPlace): Finding[] {
  const { path, norm, input } = place;
  if (norm.frozen.normalization || !isFiniteTensor(input) || input.size < 2 * norm.features) return [];
  const moments = featureMoments("inspect", place);
  const varianceOf = ({ m2, count }: Moments): number => m2 / count;
  const tracked = norm.batchesTracked.values[0]! > 0;
  const roundoff = unitRoundoff[input.dtype];
  const features = moments.flatMap((own, c) => {
    const variance = varianceOf(own);
    const lost = Math.sqrt(variance) < 8 * roundoff * Math.abs(own.mean);
    // A feature that is seldom there is constant in a small batch; the running variance knows better.
    const isSeldom =
      variance === 0 && own.count < STUCK_VALUES && tracked && !(norm.runningVariance.values[c]! <= norm.epsilon);
    return (variance <= norm.epsilon || lost) && !isSeldom ? [c] : [];
  });
  if (features.length === 0) return [];
  const least = features.reduce((a, b) => (varianceOf(moments[b]!) < varianceOf(moments[a]!) ? b : a));
  const { mean } = moments[least]!;
  const variance = varianceOf(moments[least]!);
  const evidence = `hardly varying: ${featuresText(features, norm.features)}; feature ${least} has mean ${digits(mean)} and variance ${digits(variance)}, epsilon is ${norm.epsilon}`;
  const cure =
    variance === 0
      ? "leave constant features out; behind a dead activation, revive it"
      : "scale these features up, or lower epsilon; weights that weight decay has shrunk come to this too";
  const severity = severityByShare(features, norm.features);
  return [{ kind: "near-constant features", severity, path, evidence, cure, features }];
}

/** Features that an activation makes the same for every row, though they differ in front of it. */
export function deadFeatures(places: readonly Place[], norms: readonly NormPlace[]): Finding[] {
  return places.flatMap(({ path, layer, input, output }): Finding[] => {
    const isActivation =
      layer.parameters.length + layer.statistics.length === 0 && sameShape(input.shape, output.shape);
    if (!isActivation || input.shape.length < 2 || !isFiniteTensor(input) || !isFiniteTensor(output)) return [];
    // Where the features are, no activation says: on the axis of the batch norms.
    const axis = input.shape.length === 2 ? 1 : (norms[0]?.norm.axis ?? 1);
    const [before, after] = [momentsByFeature(input, axis), momentsByFeature(output, axis)];
    const isStuck = ({ mean, m2, count }: Moments): boolean =>
      count >= STUCK_VALUES || Math.abs(mean) >= STUCK_DEVIATIONS * Math.sqrt(m2 / count);
    const features = after.flatMap(({ m2 }, c) => (m2 === 0 && before[c]!.m2 > 0 && isStuck(before[c]!) ? [c] : []));
    if (features.length === 0) return [];
    const first = features[0]!;
    const { mean, m2, count } = before[first]!;
    const evidence = `the same for all ${count} values: ${featuresText(features, after.length)}; feature ${first} is ${digits(after[first]!.mean)}, from a mean of ${digits(mean)} and a standard deviation of ${digits(Math.sqrt(m2 / count))}`;
    const cure = "lower the learning rate, put batch norm in front, or use LeakyReLU";
    return [
      { kind: "dead features", severity: severityByShare(features, after.length), path, evidence, cure, features },
    ];
  });
}

/** The moments of each feature; requires finite values. */
function momentsByFeature({ data, shape }: Tensor, axis: number): Moments[] {
  const at = axis < 0 ? shape.length + axis : axis;
  const product = (sizes: readonly number[]): number => sizes.reduce((size, length) => size * length, 1);
  const view = { outer: product(shape.slice(0, at)), features: shape[at]!, inner: product(shape.slice(at + 1)) };
  const { values, starts } = gatherColumns(data, { rows: shape[0]!, ...view });
  return Array.from({ length: view.features }, (_, c) => momentsOfRange(values, starts[c]!, starts[c + 1]!));
}
