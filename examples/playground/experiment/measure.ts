/** Measurements on one network while it trains. All of them leave it as it is. */
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

/** The values that enter one layer's activation, over some samples. */
export interface Distribution {
  /** Of all units together, at LEVELS. */
  readonly percentiles: readonly number[];
  /** The same for each unit, one after another. */
  readonly units: readonly number[];
  /** Counts of all units together in equal cells from `low` to `high`, without the outermost half percent at each end. */
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

/** What enters the activation of each hidden layer; null for a layer where a value is not finite. */
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
  // A layer whose values are all the same still has a cell to be in.
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

/** Running statistics of one layer beside those of a batch. */
export interface RunningAgainstBatch {
  /** Which hidden layer. */
  readonly layer: number;
  /** What the second one is: a standard deviation, or the l1 norm. */
  readonly spread: "standard deviation" | "l1 norm";
  readonly runningMean: readonly number[];
  readonly batchMean: readonly number[];
  readonly runningSpread: readonly number[];
  readonly batchSpread: readonly number[];
}

/** The running statistics of each normalization that has some, and what the batch would have them be. */
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
    // Unbiased, as the running variance is.
    const batchSpread = moments.map(({ m2, count }) => Math.sqrt(m2 / (count - 1)));
    const runningMean = [...batchNorm.runningMean.values];
    return [{ layer, spread: "standard deviation", runningMean, batchMean, runningSpread, batchSpread }];
  });
}

/** The loss and its gradient along the way that the step to come takes. Infinite where the loss is not finite. */
export interface Landscape {
  readonly loss: number;
  /** At DISTANCES. */
  readonly losses: readonly number[];
  /** ||g(y) - g|| / ||g||, which is beta times the distance in learning rates times the learning rate. */
  readonly gradientChanges: readonly number[];
  /** beta times the learning rate: 2 is the most that plain gradient descent stands on a quadratic. */
  readonly betas: readonly number[];
}

/** Looks along the gradient of a batch; null where the loss or its gradient is not finite to begin with. */
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

/** How one layer's gradient changes because the layers below it take their step (definition 2.1 of Santurkar et al. 2018). */
export interface LayerShift {
  /** The norm of the gradient of its weight. */
  readonly gradientNorm: number;
  /** ||G - G'|| / ||G||, and the cosine between the two; null where the gradient is round-off. */
  readonly difference: number | null;
  readonly cosine: number | null;
}

/** Gradient norms and internal covariate shift, layer by layer, the output layer last. */
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

/** The probes refuse a loss that is not finite at their starting point: the network has diverged, and there is nothing to see. */
async function unlessDiverged<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof RangeError && /finite/.test(error.message)) return null;
    throw error;
  }
}
