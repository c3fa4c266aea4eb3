/** compareModes: the same batch with its own statistics and in inference, layer by layer. */

import { complaint } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Layer } from "../layers/contract.js";
import type { Moments } from "../probes/values/moments.js";
import type { Tensor } from "../core/tensor.js";
import type { Loss } from "../training/losses.js";
import {
  featureMoments,
  gapCause,
  type GapSummary,
  gapText,
  type StatisticsGap,
  statisticsGap,
  summarizeGap,
} from "./feature-statistics.js";
import { digits } from "./inspect/finding.js";
import { expectModel, normalizesByMode, observedNorms, type ObservedNorm, observeLayers } from "./observe.js";

/** Options for `compareModes`. */
export interface CompareModesOptions<Target> {
  /** With a target: compares the loss in both modes, and each layer's part in the difference. */
  readonly loss?: Loss<Target> | undefined;
  readonly target?: Target | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const compareModesRules = {
  loss: { kind: "function", optional: true },
  target: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<CompareModesOptions<unknown>>;

/** How far apart two outputs are. */
export interface OutputDifference {
  /** The root mean square of the difference, inference less batch. */
  readonly difference: number;
  /** The root mean square of the output with the statistics of the batch, to measure the difference by. */
  readonly size: number;
}

/** One batch norm in both modes. The gap is between what enters it with the statistics of the batch and its running ones. */
export interface LayerModes extends StatisticsGap {
  readonly path: string;
  readonly valuesPerFeature: number;
  readonly batchesTracked: number;
  /** How many features are off by more than a batch of this size explains. */
  readonly featuresOff: number;
  /** What comes out of the layer in the two modes, the differences in front of it included. */
  readonly output: OutputDifference;
  /**
   * By how much the loss grows when this layer takes its running statistics, those behind it having taken theirs; null without
   * a loss. The differences of all batch norms make up the whole difference, so far as it comes from batch norms.
   */
  readonly lossDifference: number | null;
  /** "fits": within what chance explains. "off": not. "same": it normalizes with the same statistics in both modes. */
  readonly verdict: "fits" | "off" | "same";
  readonly finding: string;
}

/** What `compareModes` found. Plain JSON. */
export interface ModesReport {
  readonly tool: "compareModes";
  readonly rows: number;
  /** How many forward passes it took. */
  readonly passes: number;
  /** In the order of the work. */
  readonly layers: readonly LayerModes[];
  readonly output: OutputDifference;
  readonly loss: { readonly batch: number; readonly inference: number; readonly difference: number } | null;
  readonly finding: string;
}

/**
 * Compares a model in mode "probe" (statistics of the batch, as in training) and in mode "inference" on the same batch: why
 * is it worse when it is used than when it was trained?
 *
 *     mean shift = (mean - running mean) / sqrt(running variance + epsilon)      log ratio = ln((variance + epsilon) / (running + epsilon))
 *
 * The model is left as it was. Give it a batch of the training data, as large as fits: a batch of M values knows its own
 * mean no better than to 1 / √M standard deviations.
 *
 * - **Units**: mean shift in running standard deviations; log variance ratio: 0.69 is twice; outputs and losses in their own
 * - **Cost**: two forward passes; with a loss one more for every batch norm
 *
 * @throws {TypeError} if there is a loss without a target, or a container does not tell of its layers
 * @throws {RangeError} if the batch is too small to have statistics, no batch was tracked, or a value is not finite
 * @example
 * const norm = new BatchNorm({ features: 1, momentum: 0.01 });
 * const x = Tensor.from([[5], [7], [9], [11]]);
 * for (let step = 0; step < 20; step++) norm.forward(x, { mode: "train" });
 * const { layers, output } = compareModes(norm, x);
 * layers[0]!.meanShift;   // => about [4.6]
 * layers[0]!.verdict;     // => "off"
 * output.difference;      // => about 4.6
 */
export function compareModes<Target>(
  model: Layer,
  input: Tensor,
  options: CompareModesOptions<Target> = {},
): ModesReport {
  const who = "compareModes";
  expectModel(who, model, input);
  const { loss, target, kernels } = readOptions(who, options, compareModesRules);
  if ((loss === undefined) !== (target === undefined)) {
    const got = loss === undefined ? "a target alone" : "a loss alone";
    throw new TypeError(complaint(who, "a loss and a target, or neither", got));
  }
  const batch = observeLayers(model, input, { mode: "probe", kernels });
  const inference = observeLayers(model, input, { mode: "inference", kernels });
  const lossOf = (output: Tensor): number => loss!(output, target!, { kernels }).loss;
  const losses = loss && { batch: lossOf(batch.output), inference: lossOf(inference.output) };

  const outputs = new Map(inference.observed.map(({ path, output }) => [path, output]));
  const observed = observedNorms(who, model, batch.observed);
  const ofLayers =
    losses &&
    lossDifferences(observed, losses.batch, () => {
      return lossOf(model.forward(input, { mode: "probe", kernels }).output);
    });
  const layers = observed.map((observation, i): LayerModes => {
    const output = differenceOf(observation.output, outputs.get(observation.path)!);
    return { path: observation.path, ...modesOf(observation), output, lossDifference: ofLayers?.[i] ?? null };
  });
  const output = differenceOf(batch.output, inference.output);
  const difference = losses && { ...losses, difference: losses.inference - losses.batch };
  return {
    tool: who,
    rows: input.shape[0]!,
    passes: 2 + (losses === undefined ? 0 : new Set(observed.map(({ norm }) => norm).filter(normalizesByMode)).size),
    layers,
    output,
    loss: difference ?? null,
    finding: overallFinding(layers, output, difference),
  };
}

/** The statistics of one place, and what they say. */
function modesOf(observation: ObservedNorm): Omit<LayerModes, "path" | "output" | "lossDifference"> {
  const { norm } = observation;
  const moments = featureMoments("compareModes", observation.path, observation.input, norm.axis);
  const valuesPerFeature = moments[0]!.count;
  const gap = norm.trackRunningStatistics ? statisticsGap(norm, moments) : { meanShift: [], logVarianceRatio: [] };
  const summary = summarizeGap(gap, valuesPerFeature);
  const verdict = !normalizesByMode(norm) ? "same" : summary.featuresOff > 0 ? "off" : "fits";
  return {
    valuesPerFeature,
    batchesTracked: norm.batchesTracked.values[0]!,
    ...gap,
    featuresOff: summary.featuresOff,
    verdict,
    finding: layerFinding(norm, verdict, moments, summary),
  };
}

/**
 * The change of the loss as one batch norm after another takes its running statistics, the last one first: the other way
 * round the batch statistics of those behind would hide what a layer does. A batch norm at two places counts at its last.
 */
function lossDifferences(observed: readonly ObservedNorm[], start: number, lossNow: () => number): number[] {
  const differences = observed.map(() => 0);
  const restorers: (() => void)[] = [];
  let before = start;
  try {
    for (let i = observed.length - 1; i >= 0; i--) {
      const { norm } = observed[i]!;
      if (!normalizesByMode(norm)) continue;
      const { frozen } = norm;
      const trainable = norm.parameters.map((parameter) => parameter.trainable);
      restorers.push(() => {
        norm.unfreeze();
        norm.freeze(frozen);
        for (const [j, parameter] of norm.parameters.entries()) parameter.trainable = trainable[j]!;
      });
      norm.freeze({ normalization: true, updates: false, parameters: false });
      const after = lossNow();
      differences[i] = after - before;
      before = after;
    }
  } finally {
    for (const restore of restorers) restore();
  }
  return differences;
}

function differenceOf(batch: Tensor, inference: Tensor): OutputDifference {
  let squares = 0;
  let size = 0;
  for (let i = 0; i < batch.size; i++) {
    squares += (inference.data[i]! - batch.data[i]!) ** 2;
    size += batch.data[i]! ** 2;
  }
  return { difference: Math.sqrt(squares / batch.size), size: Math.sqrt(size / batch.size) };
}

/** Words what a layer's gap says, and why it may be there. */
function layerFinding(
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
  return `${gapText(gap)}; ${gapCause(norm, moments, gap)}`;
}

/** Words what the whole comparison says. */
function overallFinding(
  layers: readonly LayerModes[],
  output: OutputDifference,
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
