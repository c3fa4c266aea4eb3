/** compareModes: compares a batch normalized with its own statistics and with the running ones, layer by layer. */

import { complaint } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Layer } from "../layers/contract.js";
import { endWithoutBackward } from "../layers/private-memory.js";
import { expectKernels } from "../layers/forward.js";
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
import { countedPart, expectCountedRows, type GivenRowWeights } from "./row-masks.js";
import { expectModel, normalizesByMode, observedNorms, type ObservedNorm, observeLayers } from "./observe.js";

/** Options for `compareModes`. */
export interface CompareModesOptions<Target> {
  /** Compare this loss in both modes, and attribute the difference to layers. Requires `target`. */
  readonly loss?: Loss<Target> | undefined;
  /** The target of the loss. */
  readonly target?: Target | undefined;
  /** The row weights of the batch, for all statistics and for the loss. Rows of weight 0 are ignored. Default: none. */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const compareModesRules = {
  loss: { kind: "function", optional: true },
  target: { kind: "any", optional: true },
  rowWeights: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<CompareModesOptions<unknown>>;

/** The difference between two outputs. */
export interface OutputDifference {
  /** The root mean square of the difference. */
  readonly difference: number;
  /** The root mean square of the output in mode "probe". */
  readonly size: number;
}

/** A batch norm in both modes. Compares the statistics of its input in mode "probe" with its running statistics. */
export interface LayerModes extends StatisticsGap {
  /** The path of the layer, such as "1"; "" for the model itself. */
  readonly path: string;
  /** The number of values per feature, or the effective number with row weights. */
  readonly valuesPerFeature: number;
  /** The number of batches in the running statistics. */
  readonly batchesTracked: number;
  /** The number of features with gaps larger than chance explains in a batch of this size. */
  readonly featuresOff: number;
  /** The difference between the outputs of the layer in the two modes. Differences of its inputs contribute. */
  readonly output: OutputDifference;
  /**
   * The increase of the loss when this layer switches to its running statistics, after all later layers have switched; null
   * without a loss. The increases of all layers add up to the total difference that batch norms cause.
   */
  readonly lossDifference: number | null;
  /** "fits": no gap larger than chance explains. "off": a larger gap. "same": both modes use the same statistics. */
  readonly verdict: "fits" | "off" | "same";
  /** The verdict in words, with the probable cause. */
  readonly finding: string;
}

/** The report of `compareModes`. Plain JSON. */
export interface ModesReport {
  readonly tool: "compareModes";
  /** The number of rows in the batch. */
  readonly rows: number;
  /** The number of forward passes. */
  readonly passes: number;
  /** The batch norms in execution order. */
  readonly layers: readonly LayerModes[];
  /** The difference between the outputs of the model in the two modes. */
  readonly output: OutputDifference;
  /** The losses in the two modes; null without a loss. */
  readonly loss: { readonly batch: number; readonly inference: number; readonly difference: number } | null;
  /** A summary in words. */
  readonly finding: string;
}

/**
 * Compares a model in mode "probe" (batch statistics, as during training) and in mode "inference" on the same batch. Use it to find
 * out why a model performs worse at inference than during training.
 *
 *     mean shift = (mean - running mean) / sqrt(running variance + epsilon)      log ratio = ln((variance + epsilon) / (running + epsilon))
 *
 * The model is unchanged. Use a large batch of training data, because the standard error of the mean of M values is 1 / √M standard
 * deviations. Pass the same row weights as during training.
 *
 * - **Units**: mean shift in running standard deviations; a log variance ratio of 0.69 is a factor of 2; outputs and losses in
 *   their own units
 * - **Cost**: two forward passes; with a loss, one more per batch norm
 *
 * @throws {TypeError} if there is a loss without a target or a target without a loss, or a container does not call `observe`
 * @throws {RangeError} if the batch is too small for statistics, no batch was tracked, or a value is not finite
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
  const { loss, target, rowWeights, kernels } = readOptions(who, options, compareModesRules);
  expectKernels(who, kernels);
  expectCountedRows(who, rowWeights, input);
  if ((loss === undefined) !== (target === undefined)) {
    const got = loss === undefined ? "a target alone" : "a loss alone";
    throw new TypeError(complaint(who, "a loss and a target, or neither", got));
  }
  const batch = observeLayers(model, input, { mode: "probe", kernels, rowWeights });
  const inference = observeLayers(model, input, { mode: "inference", kernels, rowWeights });
  const lossOf = (output: Tensor): number => loss!(output, target!, { kernels, rowWeights }).loss;
  const losses = loss && { batch: lossOf(batch.output), inference: lossOf(inference.output) };

  const outputs = new Map(inference.observed.map(({ path, output }) => [path, output]));
  const observed = observedNorms(who, model, batch).filter(({ path }) => outputs.has(path));
  const ofLayers =
    losses &&
    lossDifferences(observed, losses.batch, () => {
      const forward = model.forward(input, { mode: "probe", kernels, rowWeights });
      endWithoutBackward(forward);
      return lossOf(forward.output);
    });
  const layers = observed.map((observation, i): LayerModes => {
    const output = differenceOf(observation.output, outputs.get(observation.path)!, rowWeights, observation.norm.axis);
    return { path: observation.path, ...modesOf(observation), output, lossDifference: ofLayers?.[i] ?? null };
  });
  const output = differenceOf(batch.output, inference.output, rowWeights, observed[0]?.norm.axis ?? 1);
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

/** Compares the statistics of one batch norm. */
function modesOf(observation: ObservedNorm): Omit<LayerModes, "path" | "output" | "lossDifference"> {
  const { norm } = observation;
  const moments = featureMoments(
    "compareModes",
    observation.path,
    observation.input,
    norm.axis,
    observation.rowWeights,
  );
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
 * Returns the changes of the loss as the batch norms switch to their running statistics. The last one switches first, because the
 * batch statistics of later layers would hide the effect. A batch norm that is used twice is counted where it runs last.
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

/** Computes the difference between two outputs, weighted by the row weights. */
function differenceOf(
  batchOutput: Tensor,
  inferenceOutput: Tensor,
  rowWeights: GivenRowWeights | undefined,
  axis: number,
): OutputDifference {
  const { tensor: batch, weights } = countedPart(batchOutput, rowWeights, axis);
  const inference = countedPart(inferenceOutput, rowWeights, axis).tensor;
  const width = batch.size / (batch.shape[0] ?? 1);
  let squares = 0;
  let size = 0;
  let total = 0;
  for (let i = 0; i < batch.size; i++) {
    const weight = weights?.[Math.floor(i / width)] ?? 1;
    squares += weight * (inference.data[i]! - batch.data[i]!) ** 2;
    size += weight * batch.data[i]! ** 2;
    total += weight;
  }
  return { difference: Math.sqrt(squares / total), size: Math.sqrt(size / total) };
}

/** Describes the gap of a layer and its probable cause, in words. */
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

/** Summarizes the comparison in words. */
function overallFinding(
  layers: readonly LayerModes[],
  output: OutputDifference,
  loss: { readonly batch: number; readonly inference: number } | undefined,
): string {
  const inLoss =
    loss === undefined
      ? ""
      : `; the loss is ${digits(loss.batch, 3)} with the batch's statistics and ${digits(loss.inference, 3)} in inference`;
  const differs = `the outputs differ by ${digits((100 * output.difference) / (output.size || 1))}% of their size${inLoss}`;
  const off = layers.filter(({ verdict }) => verdict === "off");
  if (layers.every(({ verdict }) => verdict === "same"))
    return `no layer normalizes differently in the two modes; ${differs}`;
  const fewest = Math.min(...layers.map(({ valuesPerFeature }) => valuesPerFeature));
  if (off.length === 0) {
    const known = digits(1 / Math.sqrt(fewest));
    const small = `; the mean of ${digits(fewest)} values per feature is known to ${known} standard deviations: compare on a larger batch`;
    return `all running statistics fit this batch; ${differs}${fewest < 32 ? small : ""}`;
  }
  const worst = off.reduce((a, b) => (Math.abs(b.lossDifference ?? 0) > Math.abs(a.lossDifference ?? 0) ? b : a));
  const name = layers.length === 1 ? "" : `${JSON.stringify(worst.path)}: `;
  const counted = layers.length === 1 ? "" : `${off.length} of ${layers.length} batch norms do not fit this batch; `;
  return `${differs}; ${counted}${name}${worst.finding}`;
}
