/** recalibrate: running statistics that are those of the data, exactly, in place of a moving average. */

import { complaint, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Layer, Pass } from "../layers/contract.js";
import { mergeMoments, type Moments } from "../probes/values/moments.js";
import { isTensor, type Tensor } from "../core/tensor.js";
import { featureMoments, type StatisticsGap, statisticsGap, varianceFor } from "./feature-statistics.js";
import { batchNormOf, expectModel, observedNorms, observeLayers } from "./observe.js";
import { layersByPath } from "./tree.js";

/** Options for `recalibrate`. */
export interface RecalibrateOptions {
  /**
   * "layer by layer" (the default): what enters a layer has been normalized by the recalibrated statistics of those before
   * it, as it will be in inference. "one pass": by each batch's own statistics, as in training; cheaper.
   */
  readonly order?: "layer by layer" | "one pass" | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const recalibrateRules = {
  order: { kind: "word", words: ["layer by layer", "one pass"], default: "layer by layer" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<RecalibrateOptions>;

/** What became of one layer: how far its new statistics are from its old ones, measured in the old ones. */
export interface RecalibratedLayer extends StatisticsGap {
  readonly path: string;
  /** From how many values a feature the new statistics come. */
  readonly valuesPerFeature: number;
  /** How many batches the old statistics had tracked; at 0 they were the initial 0 and 1. */
  readonly batchesTrackedBefore: number;
}

/** What `recalibrate` did. Plain JSON. */
export interface RecalibrationReport {
  readonly tool: "recalibrate";
  readonly order: "layer by layer" | "one pass";
  readonly batches: number;
  readonly rows: number;
  /** How many forward passes it took. */
  readonly passes: number;
  readonly layers: readonly RecalibratedLayer[];
  /** The layers with statistics that stay as they are, and why. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Replaces running means and variances by those of all the values in some batches together.
 *
 *     mean = Σ n_b mean_b / Σ n_b      variance = Σ n_b (variance_b + (mean_b - mean)²) / Σ n_b, divided by Σ n_b - 1 where unbiased
 *
 * So how the data are cut into batches does not matter to a layer, and nothing is left of the average that training gathered
 * while the weights still moved. `batchesTracked` becomes the number of batches. Frozen layers stay as they are.
 *
 * - **Modes**: layer by layer: inference, so batches of one will do. one pass: probe, so each needs two values a feature
 * - **Numerics**: double precision; merged central sums, whose variance never cancels
 * - **Cost**: a forward pass a batch; layer by layer that for every batch norm. The batches are held meanwhile
 * - **Source**: Chan, Golub & LeVeque 1979 for the merging; Wu & Johnson 2021, section 3 (arXiv:2105.07576), who call it
 *   PreciseBN
 *
 * @throws {TypeError} if the model has no statistics to recalibrate, or a container does not tell of its layers
 * @throws {RangeError} if there is no batch, or a value is not finite; in each case nothing has changed
 * @example
 * const norm = new BatchNorm({ features: 1, dtype: "float64" });
 * norm.forward(Tensor.from([[1], [3]], { dtype: "float64" }), { mode: "train" });
 * norm.runningMean.values;   // => Float64Array [0.2]
 * const report = recalibrate(norm, [[1, 7], [9, 15]].map(([a, b]) => Tensor.from([[a!], [b!]], { dtype: "float64" })));
 * norm.runningMean.values;   // => Float64Array [8]
 * norm.runningVariance.values[0];   // => about 33.3
 * report.layers[0]!.valuesPerFeature;   // => 4
 */
export function recalibrate(
  model: Layer,
  batches: Iterable<Tensor>,
  options: RecalibrateOptions = {},
): RecalibrationReport {
  const who = "recalibrate";
  const { order, kernels } = readOptions(who, options, recalibrateRules);
  if (typeof (batches as Partial<Iterable<Tensor>> | undefined)?.[Symbol.iterator] !== "function") {
    throw new TypeError(complaint(who, "a list of batches", isTensor(batches) ? "one Tensor" : show(batches)));
  }
  const inputs = [...batches];
  if (inputs.length === 0) throw new RangeError(complaint(who, "at least one batch", "none"));
  for (const input of inputs) expectModel(who, model, input);
  const { targets, skipped } = plan(model, order);
  const before = [...targets].map((norm) => norm.statistics.map(({ values }) => values.slice()));
  try {
    const run = order === "one pass" ? onePass : layerByLayer;
    const layers = run(model, inputs, targets, kernels);
    return {
      tool: who,
      order,
      batches: inputs.length,
      rows: inputs.reduce((sum, input) => sum + input.shape[0]!, 0),
      passes: inputs.length * (order === "one pass" ? 1 : targets.size),
      layers,
      skipped,
    };
  } catch (error) {
    for (const [i, norm] of [...targets].entries()) {
      for (const [j, { values }] of norm.statistics.entries()) values.set(before[i]![j]!);
    }
    throw error;
  }
}

/** Which batch norms to recalibrate, and which layers with statistics not. */
function plan(model: Layer, order: string): { targets: Set<BatchNorm>; skipped: { path: string; reason: string }[] } {
  const targets = new Set<BatchNorm>();
  const skipped: { path: string; reason: string }[] = [];
  for (const [path, layer] of layersByPath(model)) {
    const norm = batchNormOf(layer);
    if (norm === undefined) {
      const own = layer.children === undefined && layer.statistics.length > 0;
      if (own) skipped.push({ path, reason: "it is no batch norm" });
    } else if (!norm.trackRunningStatistics) skipped.push({ path, reason: "it keeps no running statistics" });
    else if (norm.frozen.updates) skipped.push({ path, reason: "its statistics are frozen" });
    else if (targets.has(norm) && order === "layer by layer") {
      const expected = "each batch norm at one place, to go layer by layer";
      throw new TypeError(complaint("recalibrate", expected, `one again at ${show(path)}`, 'use order: "one pass"'));
    } else targets.add(norm);
  }
  if (targets.size === 0) {
    const got = skipped.map(({ path, reason }) => `${show(path)}, but ${reason}`).join("; ");
    throw new TypeError(complaint("recalibrate", "a model with running statistics", got === "" ? "none" : got));
  }
  return { targets, skipped };
}

function onePass(
  model: Layer,
  inputs: readonly Tensor[],
  targets: Set<BatchNorm>,
  kernels?: Kernels,
): RecalibratedLayer[] {
  const gathered = gather(model, inputs, { mode: "probe", kernels }, (norm) => targets.has(norm));
  return [...gathered].map(([norm, found]) => replace(norm, found));
}

function layerByLayer(
  model: Layer,
  inputs: readonly Tensor[],
  targets: Set<BatchNorm>,
  kernels?: Kernels,
): RecalibratedLayer[] {
  const layers: RecalibratedLayer[] = [];
  // Layers behind the one at work only have to let the values through.
  const tracked = new Map([...targets].map((norm) => [norm, norm.batchesTracked.values[0]!]));
  for (const norm of targets) norm.batchesTracked.values[0] = 1;
  const open = new Set(targets);
  while (open.size > 0) {
    let next: BatchNorm | undefined;
    const isNext = (norm: BatchNorm): boolean => open.has(norm) && norm === (next ??= norm);
    for (const [norm, found] of gather(model, inputs, { mode: "inference", kernels }, isNext)) {
      norm.batchesTracked.values[0] = tracked.get(norm)!;
      layers.push(replace(norm, found));
      open.delete(norm);
    }
  }
  return layers;
}

interface Gathered {
  readonly path: string;
  readonly moments: readonly Moments[];
  readonly batches: number;
}

/** Runs all batches and merges the moments of what enters the batch norms that are wanted, asked for in the order of the work. */
function gather(
  model: Layer,
  inputs: readonly Tensor[],
  pass: Pass,
  wants: (norm: BatchNorm) => boolean,
): Map<BatchNorm, Gathered> {
  const gathered = new Map<BatchNorm, Gathered>();
  for (const input of inputs) {
    const { observed } = observeLayers(model, input, pass);
    for (const { path, norm, input: entered } of observedNorms("recalibrate", model, observed)) {
      if (!wants(norm)) continue;
      const before = gathered.get(norm);
      const own = featureMoments("recalibrate", path, entered, norm.axis);
      const moments = before === undefined ? own : own.map((next, c) => mergeMoments(before.moments[c]!, next));
      gathered.set(norm, { path: before?.path ?? path, moments, batches: (before?.batches ?? 0) + 1 });
    }
  }
  return gathered;
}

/** Gives a layer its new statistics, and tells how far they are from the old ones. */
function replace(norm: BatchNorm, { path, moments, batches }: Gathered): RecalibratedLayer {
  const valuesPerFeature = moments[0]!.count;
  if (valuesPerFeature < 2) {
    const expected = `at least 2 values per feature in front of batch norm ${show(path)}`;
    throw new RangeError(complaint("recalibrate", expected, `${valuesPerFeature}`, "give it more rows"));
  }
  const batchesTrackedBefore = norm.batchesTracked.values[0]!;
  const gap = statisticsGap(norm, moments);
  norm.runningMean.values.set(moments.map(({ mean }) => mean));
  norm.runningVariance.values.set(moments.map((own) => varianceFor(norm, own)));
  norm.batchesTracked.values[0] = batches;
  return { path, valuesPerFeature, batchesTrackedBefore, ...gap };
}
