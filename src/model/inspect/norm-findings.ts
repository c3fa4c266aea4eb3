/** Findings about batch norms: the batch, the running statistics, the momentum. */

import { exp } from "../../core/math.js";
import type { Moments } from "../../probes/values/moments.js";
import {
  featureMoments,
  runningStatistics,
  type StatisticsGap,
  statisticsGap,
  summarizeGap,
} from "../feature-statistics.js";
import type { Finding } from "./finding.js";
import { cause, digits, gapText } from "./mode-findings.js";
import { isFiniteTensor, type NormPlace, normalizesByMode } from "../tree.js";

const FEW_VALUES = 16;

/** Whether the batch has enough values a feature for statistics of its own. */
export function batchTooSmall({ path, norm, input }: NormPlace): Finding[] {
  const values = input.size / norm.features;
  if (norm.frozen.normalization || values >= FEW_VALUES) return [];
  const found = { kind: "batch too small", path } as const;
  if (values < 2) {
    const evidence = "one value a feature: it has no variance, so that training throws";
    return [
      { ...found, severity: "error", evidence, cure: "use a larger batch; a Batcher leaves out a last batch of one" },
    ];
  }
  const [mean, variance] = [digits(1 / Math.sqrt(values)), digits(100 * Math.sqrt(2 / (values - 1)))];
  const evidence = `${values} values a feature tell its mean to ${mean} standard deviations, its variance to ${variance} %`;
  const cure =
    "if training has such batches: larger ones, or GroupNorm or LayerNorm, which look at one sample at a time";
  return [{ ...found, severity: "warning", evidence, cure }];
}

/** Whether the running statistics are those of the batch, as far as a batch of its size can tell. */
export function staleStatistics(place: NormPlace): Finding[] {
  const { path, norm, input } = place;
  const { mean, variance } = runningStatistics(norm);
  const known = norm.batchesTracked.values[0]! > 0 && [...mean, ...variance].every((value) => Number.isFinite(value));
  if (!known || !normalizesByMode(norm) || input.size < 2 * norm.features || !isFiniteTensor(input)) return [];
  const moments = featureMoments("inspect", place);
  const gap = statisticsGap(norm, moments);
  const summary = summarizeGap(gap, moments[0]!.count);
  if (summary.featuresOff === 0 || !isFar(gap, moments)) return [];
  return [
    {
      kind: "running statistics off",
      severity: "warning",
      path,
      evidence: gapText(summary),
      cure: cause(norm, moments, summary),
    },
  ];
}

/**
 * While the weights move, running statistics trail behind them a little, which does no harm; compareModes tells it. Far is
 * beyond 0.4 standard deviations a feature, where accuracy on digits begins to suffer. By chance alone the square of it is
 * about 1.5 / M for a batch of M normal values; three times that is allowed.
 */
function isFar({ meanShift, logVarianceRatio }: StatisticsGap, moments: readonly Moments[]): boolean {
  const squares = meanShift.map((shift, c) => {
    // That a feature is constant in one batch says little of its variance.
    const ofStd = moments[c]!.m2 === 0 ? 0 : exp(logVarianceRatio[c]! / 2) - 1;
    return shift ** 2 + ofStd ** 2;
  });
  const meanSquare = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  return meanSquare > 0.4 ** 2 + 4.5 / moments[0]!.count;
}

/** Whether the momentum is hardly meant. */
export function largeMomentum({ path, norm: { momentum, trackRunningStatistics } }: NormPlace): Finding[] {
  if (!trackRunningStatistics || momentum === null || momentum <= 0.5) return [];
  const evidence = `momentum ${momentum}: the running statistics are ${digits(100 * momentum)} % those of the last batch`;
  const cure = `momentum ${digits(1 - momentum)}, if ${momentum} was meant as in Keras`;
  return [{ kind: "large momentum", severity: "note", path, evidence, cure }];
}
