/** recalibrate: replaces the moving averages of running statistics by exact statistics of given data. */

import { complaint, expectObject, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Layer, Pass } from "../layers/contract.js";
import { expectKernels } from "../layers/forward.js";
import { mergeMoments, type Moments } from "../probes/values/moments.js";
import { isTensor, type Tensor } from "../core/tensor.js";
import { featureSums, type StatisticsGap, statisticsGap, varianceFor } from "./feature-statistics.js";
import { batchNormOf, expectModel, normsByPath, observedNorms, observeLayers } from "./observe.js";
import type { GivenRowWeights } from "./row-masks.js";
import { layersByPath } from "./tree.js";

const who = "recalibrate";

/** Options for `recalibrate`. */
export interface RecalibrateOptions {
  /**
   * The statistics with which the layers before each layer normalize. "layer by layer": their recalibrated statistics, as at
   * inference. "one pass": the statistics of each batch, as during training, which is cheaper. Default: "layer by layer".
   */
  readonly order?: "layer by layer" | "one pass" | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const recalibrateRules = {
  order: { kind: "word", words: ["layer by layer", "one pass"], default: "layer by layer" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<RecalibrateOptions>;

/** A batch to recalibrate with: an input, optionally with row weights. Other properties, such as targets, are ignored. */
export type RecalibrationBatch = Tensor | { readonly input: Tensor; readonly rowWeights?: GivenRowWeights | undefined };

/** The change of the statistics of one layer, in units of the old ones. */
export interface RecalibratedLayer extends StatisticsGap {
  /** The path of the layer, such as "1"; "" for the model itself. */
  readonly path: string;
  /** The number of values per feature in the new statistics, or the effective number with row weights. */
  readonly valuesPerFeature: number;
  /** The number of batches in the old statistics. If 0, they were still the initial 0 and 1. */
  readonly batchesTrackedBefore: number;
}

/** The report of `recalibrate`. Plain JSON. */
export interface RecalibrationReport {
  readonly tool: "recalibrate";
  readonly order: "layer by layer" | "one pass";
  readonly batches: number;
  readonly rows: number;
  /** The number of forward passes. */
  readonly passes: number;
  /** The recalibrated layers, in execution order. */
  readonly layers: readonly RecalibratedLayer[];
  /** The layers with unchanged statistics, and why. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Replaces running means and variances with those of all values in the given batches.
 *
 *     mean = Σ n_b mean_b / Σ n_b      variance = Σ n_b (variance_b + (mean_b - mean)²) / Σ n_b, divided by Σ n_b - 1 where unbiased
 *
 * The result does not depend on how the data are divided into batches, nor on the old moving averages, which were accumulated while
 * the weights were changing. With row weights, n_b is their sum. `batchesTracked` becomes the number of batches. Frozen layers, and
 * layers that no batch reached, are unchanged.
 *
 * `batches` can be any iterable: a list, a Batcher (which then advances by one epoch) or a data loader. For an async iterable, it
 * returns a promise and changes nothing before the last batch has arrived. If it throws, nothing has changed.
 *
 * - **Modes**: "layer by layer" runs in inference mode, where batches of one row suffice. "one pass" runs in probe mode, where each
 *   batch needs two values per feature
 * - **Numerics**: merges centered sums in double precision, which avoids cancellation in the variance
 * - **Cost**: one forward pass per batch, or one per batch and batch norm for "layer by layer"; all batches are kept in memory
 * - **Source**: Chan, Golub & LeVeque 1979 for the merging; Wu & Johnson 2021, section 3 (arXiv:2105.07576), as PreciseBN
 *
 * @throws {TypeError} if the model has no statistics to recalibrate, or a container does not call `observe`
 * @throws {RangeError} if there is no batch, or a value is not finite
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
  batches: Iterable<RecalibrationBatch>,
  options?: RecalibrateOptions,
): RecalibrationReport;
export function recalibrate(
  model: Layer,
  batches: AsyncIterable<RecalibrationBatch>,
  options?: RecalibrateOptions,
): Promise<RecalibrationReport>;
export function recalibrate(
  model: Layer,
  batches: Iterable<RecalibrationBatch> | AsyncIterable<RecalibrationBatch>,
  options: RecalibrateOptions = {},
): RecalibrationReport | Promise<RecalibrationReport> {
  const read = readOptions(who, options, recalibrateRules);
  expectKernels(who, read.kernels);
  const { [Symbol.iterator]: iterator, [Symbol.asyncIterator]: asyncIterator } = (batches ?? {}) as Partial<
    Iterable<RecalibrationBatch> & AsyncIterable<RecalibrationBatch>
  >;
  if (typeof iterator === "function")
    return recalibrateWith(model, [...(batches as Iterable<RecalibrationBatch>)], read);
  if (typeof asyncIterator === "function") {
    return collected(batches as AsyncIterable<RecalibrationBatch>).then((list) => recalibrateWith(model, list, read));
  }
  throw new TypeError(complaint(who, "a list of batches", isTensor(batches) ? "one Tensor" : show(batches)));
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A batch with the scale of its weights. */
interface WeightedBatch {
  readonly input: Tensor;
  readonly rowWeights: GivenRowWeights | undefined;
  /** The largest weight of this batch, relative to the largest in any batch. */
  readonly scale: number;
}

function recalibrateWith(
  model: Layer,
  batches: readonly RecalibrationBatch[],
  { order, kernels }: { readonly order: "layer by layer" | "one pass"; readonly kernels: Kernels | undefined },
): RecalibrationReport {
  if (batches.length === 0) throw new RangeError(complaint(who, "at least one batch", "none"));
  const inputs = weightedBatches(model, batches);
  const { targets, skipped } = plan(model, order);
  const norms = normsByPath(model);
  const before = [...targets].map((norm) => norm.statistics.map(({ values }) => values.slice()));
  try {
    const run = order === "one pass" ? onePass : layerByLayer;
    const { layers, passes } = run(model, inputs, targets, kernels);
    const reached = new Set(layers.map(({ path }) => norms.get(path)));
    for (const [path, norm] of norms) {
      if (targets.has(norm) && !reached.has(norm)) skipped.push({ path, reason: "no batch reached it" });
    }
    if (layers.length === 0) {
      const expected = "a batch that reaches a batch norm, with a row weight above 0";
      throw new RangeError(complaint(who, expected, `none of ${inputs.length}`));
    }
    return {
      tool: who,
      order,
      batches: inputs.length,
      rows: inputs.reduce((sum, { input }) => sum + input.shape[0]!, 0),
      passes,
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

function weightedBatches(model: Layer, batches: readonly RecalibrationBatch[]): WeightedBatch[] {
  const read = batches.map((batch) => {
    const { input, rowWeights } = isTensor(batch) ? { input: batch, rowWeights: undefined } : { ...batch };
    expectModel(who, model, input ?? batch);
    if (rowWeights === undefined) return { input, rowWeights, largest: 1 };
    expectObject(who, "rowWeights", rowWeights);
    const values = isTensor(rowWeights) ? rowWeights.data : rowWeights;
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
    return { input, rowWeights, largest };
  });
  const largest = read.reduce((most, batch) => Math.max(most, batch.largest), 0);
  return read.map((batch) => ({ ...batch, scale: largest > 0 ? batch.largest / largest : 0 }));
}

/** Returns the batch norms to recalibrate, and the other layers with statistics, which are skipped. */
function plan(model: Layer, order: string): { targets: Set<BatchNorm>; skipped: { path: string; reason: string }[] } {
  const targets = new Set<BatchNorm>();
  const skipped: { path: string; reason: string }[] = [];
  for (const [path, layer] of layersByPath(model)) {
    const norm = batchNormOf(layer);
    if (norm === undefined) {
      const own = layer.children === undefined && layer.statistics.length > 0;
      if (own) skipped.push({ path, reason: "it is not a batch norm" });
    } else if (!norm.trackRunningStatistics) skipped.push({ path, reason: "it keeps no running statistics" });
    else if (norm.frozen.updates) skipped.push({ path, reason: "its statistics are frozen" });
    else if (targets.has(norm) && order === "layer by layer") {
      const expected = 'every batch norm to be used once, for order "layer by layer"';
      throw new TypeError(complaint(who, expected, `one again at ${show(path)}`, 'use order: "one pass"'));
    } else targets.add(norm);
  }
  if (targets.size === 0) {
    const got = skipped.map(({ path, reason }) => `${show(path)}, but ${reason}`).join("; ");
    throw new TypeError(complaint(who, "a model with running statistics", got === "" ? "none" : got));
  }
  return { targets, skipped };
}

interface Run {
  readonly layers: RecalibratedLayer[];
  readonly passes: number;
}

function onePass(model: Layer, inputs: readonly WeightedBatch[], targets: Set<BatchNorm>, kernels?: Kernels): Run {
  const gathered = gather(model, inputs, { mode: "probe", kernels }, (norm) => targets.has(norm));
  return { layers: [...gathered].map(([norm, found]) => replace(norm, found)), passes: inputs.length };
}

function layerByLayer(model: Layer, inputs: readonly WeightedBatch[], targets: Set<BatchNorm>, kernels?: Kernels): Run {
  const layers: RecalibratedLayer[] = [];
  let passes = 0;
  // Layers that are not yet recalibrated only have to run. Their outputs are not used.
  const tracked = new Map([...targets].map((norm) => [norm, norm.batchesTracked.values[0]!]));
  for (const norm of targets) norm.batchesTracked.values[0] = 1;
  const open = new Set(targets);
  while (open.size > 0) {
    let next: BatchNorm | undefined;
    const isNext = (norm: BatchNorm): boolean => open.has(norm) && norm === (next ??= norm);
    const gathered = gather(model, inputs, { mode: "inference", kernels }, isNext);
    passes += inputs.length;
    for (const [norm, found] of gathered) {
      norm.batchesTracked.values[0] = tracked.get(norm)!;
      layers.push(replace(norm, found));
      open.delete(norm);
    }
    if (gathered.size === 0) {
      for (const norm of open) norm.batchesTracked.values[0] = tracked.get(norm)!;
      break;
    }
  }
  return { layers, passes };
}

interface Gathered {
  readonly path: string;
  /** Moments with Σ w as their count. */
  readonly moments: readonly Moments[];
  /** Σ w². */
  readonly squares: number;
  readonly batches: number;
}

/** Runs all batches and merges the moments of the selected batch norms' inputs, in execution order. */
function gather(
  model: Layer,
  inputs: readonly WeightedBatch[],
  pass: Pass,
  wants: (norm: BatchNorm) => boolean,
): Map<BatchNorm, Gathered> {
  const gathered = new Map<BatchNorm, Gathered>();
  for (const { input, rowWeights, scale } of inputs) {
    const observation = observeLayers(model, input, rowWeights === undefined ? pass : { ...pass, rowWeights });
    for (const { path, norm, input: entered } of observedNorms(who, model, observation)) {
      if (!wants(norm)) continue;
      const { moments, weight } = featureSums(who, path, entered, norm.axis, rowWeights);
      if (weight * scale === 0) continue;
      const before = gathered.get(norm);
      const own = moments.map((values) => withCount(values, weight * scale));
      gathered.set(norm, {
        path: before?.path ?? path,
        moments: before === undefined ? own : own.map((next, c) => mergeMoments(before.moments[c]!, next)),
        // (Σ w)² / Σ w² is the effective count.
        squares: (before?.squares ?? 0) + (weight * scale) ** 2 / moments[0]!.count,
        batches: (before?.batches ?? 0) + 1,
      });
    }
  }
  return gathered;
}

/** Returns moments with the same mean and variance and a different count. */
function withCount(moments: Moments, count: number): Moments {
  return moments.count === count ? moments : { ...moments, count, m2: (moments.m2 / moments.count) * count };
}

/** Replaces the statistics of a layer, and returns the change. */
function replace(norm: BatchNorm, { path, moments, squares, batches }: Gathered): RecalibratedLayer {
  const { count: total } = moments[0]!;
  const valuesPerFeature = total === squares ? total : total ** 2 / squares;
  if (valuesPerFeature < 2) {
    const expected = `at least 2 values per feature before batch norm ${show(path)}`;
    throw new RangeError(complaint(who, expected, `${valuesPerFeature}`, "use more rows"));
  }
  const merged = moments.map((own) => withCount(own, valuesPerFeature));
  const batchesTrackedBefore = norm.batchesTracked.values[0]!;
  const gap = statisticsGap(norm, merged);
  norm.runningMean.values.set(merged.map(({ mean }) => mean));
  norm.runningVariance.values.set(merged.map((own) => varianceFor(norm, own)));
  norm.batchesTracked.values[0] = batches;
  return { path, valuesPerFeature, batchesTrackedBefore, ...gap };
}
