/** The functions of the exercises: fourteen small ones, in backward.ts, modes.ts and probes.ts. */
import type { Mode, Sequential, Tensor } from "batchnorm";

/** One feature of a batch, in the backward pass of batch norm: y = gamma xhat + beta, xhat = (x - mean) rstd. */
export interface Feature {
  /** One value per row of the batch. */
  readonly xhat: Float64Array;
  /** The gradient of the loss with respect to y. */
  readonly dy: Float64Array;
  readonly gamma: number;
  /** 1 / standard deviation of x. */
  readonly rstd: number;
}

/** Returns dx, the gradient of the loss with respect to x: one value per row. */
export type BackwardRule = (feature: Feature) => Float64Array;

/** The mean and variance of one feature. */
export interface Statistics {
  readonly mean: number;
  readonly variance: number;
}

/** The answers to all exercises. */
export interface Answers {
  readonly dxInOneLine: BackwardRule;
  readonly dxInALoop: BackwardRule;
  readonly dxOfAScale: BackwardRule;
  readonly dxByChainRule: BackwardRule;
  readonly dxFromSums: BackwardRule;
  readonly dxFromDxhat: BackwardRule;
  readonly dxByProjection: BackwardRule;
  readonly dxInTwoSteps: BackwardRule;
  /** Returns the running mean after a batch. */
  readonly updateMean: (running: number, batchMean: number, momentum: number) => number;
  /** Returns the running variance after a batch with these values. */
  readonly updateVariance: (running: number, values: Float64Array, momentum: number) => number;
  /** Returns the statistics that normalize in a mode. */
  readonly statisticsFor: (mode: Mode, batch: Statistics, running: Statistics) => Statistics;
  /** Returns the predictions of a trained model. */
  readonly predict: (model: Sequential, input: Tensor) => Tensor;
  /** Returns how much a gradient differs from another one, relative to the norm of the first. */
  readonly relativeChange: (gradient: Float64Array, other: Float64Array) => number;
  /** Returns the training loss at the current weights, for a probe. */
  readonly lossForProbe: (model: Sequential, input: Tensor, labels: readonly number[]) => number;
}

/** Returns the mean of some values. */
export function meanOf(values: Float64Array): number {
  return sumOf(values) / values.length;
}

/** Returns the sum of some values. */
export function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Multiplies element by element. */
export function times(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * b[i]!);
}
