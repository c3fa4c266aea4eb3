/** Measurements on one network during training. All of them leave it unchanged. */
import { BatchNorm, modelObjective, softmaxCrossEntropy, type Tensor } from "batchnorm";
import { LpNorm, GhostBatchNorm } from "batchnorm/variants";
import {
  alongGradient,
  histogramOf,
  internalCovariateShift,
  momentsOf,
  quantilesOf,
  stepSizesAround,
} from "batchnorm/probes";
import type { Samples } from "./data.js";
import type { Network } from "./network.js";
import { CELLS, DISTANCES, LEVELS } from "./scales.js";

/** The distribution of the inputs of one layer's activation, over some samples. */
export interface Distribution {
  /** Percentiles over all units together, at LEVELS. */
  readonly percentiles: readonly number[];
  /** Percentiles of each unit, one unit after another. */
  readonly units: readonly number[];
  /** Histogram over all units together, in equal bins from `low` to `high`, without the outermost half percent at each end. */
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

/** Returns the distribution of the inputs of each hidden activation; null for a layer with a value that is not finite. */
export function distributionsOf({ model, hidden }: Network, inputs: Tensor): (Distribution | null)[] {
  const seen = new Map<string, Tensor>();
  model.forward(inputs, { mode: "probe", observe: (path, output) => seen.set(path, output) });
  return hidden.map(({ preActivation }) => {
    const values = seen.get(String(preActivation))!;
    return values.data.every(Number.isFinite) ? distributionOf(values) : null;
  });
}

function distributionOf(values: Tensor): Distribution {
  const [low, ...inner] = quantilesOf(values.data, [0.005, ...LEVELS, 0.995]) as [number, ...number[]];
  const high = inner.pop()!;
  // If all values of a layer are equal, the bins still need a positive width.
  const half = Math.max((high - low) / 2, 1e-6 * Math.max(1, Math.abs(low)));
  const middle = low + (high - low) / 2;
  const edges = Array.from({ length: CELLS + 1 }, (_, i) => middle + half * ((2 * i) / CELLS - 1));
  return {
    percentiles: inner,
    units: columnsOf(values).flatMap((column) => quantilesOf(column, LEVELS)),
    low: edges[0]!,
    high: edges[CELLS]!,
    counts: histogramOf(values.data, edges).counts,
  };
}

function columnsOf({ data, shape }: Tensor): Float64Array[] {
  const [rows, features] = shape as [number, number];
  const columns = Array.from({ length: features }, () => new Float64Array(rows));
  for (let n = 0, i = 0; n < rows; n++) for (let c = 0; c < features; c++, i++) columns[c]![n] = data[i]!;
  return columns;
}

/** Running statistics of one layer, and those of a batch. */
export interface RunningAgainstBatch {
  /** Index of the hidden layer. */
  readonly layer: number;
  /** The kind of spread: a standard deviation or an l1 norm. */
  readonly spread: "standard deviation" | "l1 norm";
  readonly runningMean: readonly number[];
  readonly batchMean: readonly number[];
  readonly runningSpread: readonly number[];
  readonly batchSpread: readonly number[];
}

/** Returns the running statistics of each normalization layer that has any, and the corresponding batch statistics. */
export function runningAgainstBatch({ model, hidden }: Network, inputs: Tensor): RunningAgainstBatch[] {
  const entered = new Map<string, Tensor>();
  model.forward(inputs, { mode: "probe", observe: (path, _, input) => entered.set(path, input) });
  return hidden.flatMap(({ norm }, layer): RunningAgainstBatch[] => {
    const part = norm === undefined ? undefined : model.children.get(String(norm));
    const columns = columnsOf(entered.get(String(norm ?? 0))!);
    if (columns.some((column) => !column.every(Number.isFinite))) return [];
    const moments = columns.map((column) => momentsOf(column));
    const batchMean = moments.map(({ mean }) => mean);
    if (part instanceof LpNorm) {
      const batchSpread = columns.map((column) => column.reduce((sum, x) => sum + Math.abs(x), 0) / column.length);
      const [runningMean, runningSpread] = [[...part.runningMean.values], [...part.runningNorm.values]];
      return [{ layer, spread: "l1 norm", runningMean, batchMean, runningSpread, batchSpread }];
    }
    const batchNorm = part instanceof GhostBatchNorm ? part.norm : part;
    if (!(batchNorm instanceof BatchNorm)) return [];
    const runningSpread = Array.from(batchNorm.runningVariance.values, Math.sqrt);
    // Unbiased, like the running variance.
    const batchSpread = moments.map(({ m2, count }) => Math.sqrt(m2 / (count - 1)));
    const runningMean = [...batchNorm.runningMean.values];
    return [{ layer, spread: "standard deviation", runningMean, batchMean, runningSpread, batchSpread }];
  });
}

/** The loss and its gradient along the direction of the next step. Infinite where the loss is not finite. */
export interface Landscape {
  readonly loss: number;
  /** The losses at DISTANCES. */
  readonly losses: readonly number[];
  /** ||g(y) - g|| / ||g||: beta times the distance in learning rates, times the learning rate. */
  readonly gradientChanges: readonly number[];
  /** beta times the learning rate: above 2, gradient descent on a quadratic diverges. */
  readonly betas: readonly number[];
}

/** Probes the loss along the gradient of a batch; returns null if the loss or its gradient is not finite at the start. */
export async function landscapeOf(network: Network, batch: Samples, rate: number): Promise<Landscape | null> {
  return unlessDiverged(async () => {
    const { objective, point } = objectiveOf(network, batch);
    const { loss, profile } = await alongGradient(objective, point, { stepSizes: stepSizesAround(rate, DISTANCES) });
    return {
      loss,
      losses: profile.map((step) => step.loss),
      gradientChanges: profile.map((step) => step.relativeGradientChange ?? 0),
      betas: profile.map((step) => (step.beta ?? 0) * rate),
    };
  });
}

/** How the gradient of one layer changes when the layers below it take their step (definition 2.1 of Santurkar et al. 2018). */
export interface LayerShift {
  /** The norm of the gradient with respect to its weight. */
  readonly gradientNorm: number;
  /** ||G - G'|| / ||G||, and the cosine between G and G'; null if the gradient is only round-off. */
  readonly difference: number | null;
  readonly cosine: number | null;
}

/** Measures gradient norms and internal covariate shift, layer by layer, ending with the output layer. */
export async function layerShifts(network: Network, batch: Samples, rate: number): Promise<LayerShift[] | null> {
  return unlessDiverged(async () => {
    const { objective, point, groups } = objectiveOf(network, batch);
    const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate: rate });
    return blocks.map(({ weight }) => ({
      gradientNorm: weight!.normG,
      difference: weight!.relativeDifference,
      cosine: weight!.cosine,
    }));
  });
}

function objectiveOf({ model }: Network, { inputs, labels }: Samples): ReturnType<typeof modelObjective> {
  return modelObjective(model, { input: inputs, target: labels }, softmaxCrossEntropy, { mode: "probe" });
}

/** The probes reject a starting point with a loss that is not finite. The network has diverged, so there is nothing to measure. */
async function unlessDiverged<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof RangeError && /finite/.test(error.message)) return null;
    throw error;
  }
}
