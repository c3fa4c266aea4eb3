/** BatchNorm: the layer around kernels/plain/batch-norm.ts. It chooses the statistics, applies them, and keeps the running ones. */

import type { DType } from "../core/dtype.js";
import { complaint, expectNumber } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { Tensor } from "../core/tensor.js";
import { expectStatistic } from "../kernels/checks.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { BatchNormBackwardArguments, Kernels, NormalizeArguments } from "../kernels/types.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { afterPass, beginForward, guardedForward } from "./forward.js";
import { zeroGradients } from "./gradients.js";
import { expectFiniteVariance, expectTracked, expectTwoValues, featureView } from "./guards.js";
import { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientOverRead, outputOverRead, outputTensor, registerOwn } from "./private-memory.js";
import { spreadRowWeights, weightedBackward, weightedMoments } from "./row-weights.js";

/** Options for `BatchNorm`. Only `features` is required. */
export interface BatchNormOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The feature axis, as in [N, C, H, W]; -1 is the last, as in [N, H, W, C]. Default: 1. */
  readonly axis?: number | undefined;
  /** Added to the variance. Default: 1e-5 (Keras and tfjs: 1e-3). May be 0. */
  readonly epsilon?: number | undefined;
  /**
   * The weight of each batch in the running statistics, as in PyTorch: running = (1 - momentum) running + momentum batch.
   * Default: 0.1. Keras, tfjs and Flax mean the opposite: their `momentum: m` is `momentum: 1 - m` here (their 0.99 is
   * 0.01). `null` weights all batches equally (cumulative average). This is not an optimizer's momentum.
   */
  readonly momentum?: number | null | undefined;
  /** Learn a per-feature scale, gamma. Default: true. */
  readonly scale?: boolean | undefined;
  /** Learn a per-feature shift, beta. Default: true. The mean is subtracted in any case. */
  readonly center?: boolean | undefined;
  /** Keep running statistics. Default: true. Without them, every mode normalizes with the batch. */
  readonly trackRunningStatistics?: boolean | undefined;
  /** What the running variance averages: "unbiased" (divided by M - 1, as PyTorch) or "biased" (by M, as Keras). Default: "unbiased". */
  readonly varianceEstimator?: "unbiased" | "biased" | undefined;
  /** The dtype of gamma and beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

/** The options of `BatchNorm`, for the layers that are built around one. */
export const batchNormRules: OptionRules<BatchNormOptions> = {
  features: { kind: "count" },
  axis: { kind: "integer", default: 1 },
  epsilon: { kind: "number", low: 0, default: 1e-5 },
  momentum: { kind: "number", low: 0, high: 1, orNull: true, default: 0.1 },
  scale: { kind: "boolean", default: true },
  center: { kind: "boolean", default: true },
  trackRunningStatistics: { kind: "boolean", default: true },
  varianceEstimator: { kind: "word", words: ["unbiased", "biased"], default: "unbiased" },
  dtype: dtypeRule,
};

/** Options for `BatchNorm.freeze`: the parts to freeze. Default: all three. */
export interface FreezeOptions {
  /** Normalize with the running statistics in every mode. */
  readonly normalization?: boolean | undefined;
  /** Do not update the running statistics. */
  readonly updates?: boolean | undefined;
  /** Do not train gamma and beta. */
  readonly parameters?: boolean | undefined;
}

const freezeRules = {
  normalization: { kind: "boolean", default: true },
  updates: { kind: "boolean", default: true },
  parameters: { kind: "boolean", default: true },
} as const satisfies OptionRules<FreezeOptions>;

/** The statistics that normalize one pass, and what follows from them. */
interface PassStatistics {
  readonly mean: Float64Array;
  readonly rstd: Float64Array;
  /** Differentiates through the statistics if they are the batch's, and treats them as constants if not. */
  readonly backward: (args: BatchNormBackwardArguments) => void;
  /** Updates the running statistics; undefined if this pass does not. */
  readonly update: (() => void) | undefined;
}

/**
 * Batch normalization: normalizes each feature to mean 0 and variance 1, then scales it by gamma and shifts it by beta.
 *
 *     xhat = (x - mean) / sqrt(variance + epsilon)      y = gamma xhat + beta
 *
 * The mode of a pass selects the mean and variance, and whether the running ones are updated:
 *
 * | mode | normalizes with | backward pass | running statistics |
 * | --- | --- | --- | --- |
 * | train | the batch | through the statistics | updated |
 * | probe | the batch | through the statistics | untouched |
 * | inference | running statistics | statistics as constants | untouched |
 *
 * `freeze` and `trackRunningStatistics: false` override parts of this table. With `rowWeights` in the pass, rows
 * (indices of axis 0) or positions count in the batch statistics by their weight; all are normalized.
 *
 * - **Shapes**: x, y [N, C], [N, C, L], [N, C, H, W], [N, C, D, H, W], or channels last with `axis: -1` · gamma, beta [C]
 * - **Units**: xhat is in standard deviations of its feature; y is in the unit of gamma and beta
 * - **Numerics**: two passes; sums and running statistics in double precision, whatever the dtype; with epsilon 0 a constant
 *   feature is normalized to 0
 * - **Cost**: three passes over x forward (one in inference), two over x and dy backward; the backward pass reads x again, and 2·C numbers
 * - **Source**: Ioffe & Szegedy 2015, algorithms 1 and 2 (arXiv:1502.03167)
 *
 * @throws {ShapeError} if the feature axis is not `features` long
 * @throws {RangeError} if batch statistics are needed and a feature has fewer than 2 values
 * @throws {RangeError} if the variance of a feature overflows (values beyond about 1e154)
 * @throws {RangeError} if running statistics are needed and none were tracked or loaded
 * @example
 * const norm = new BatchNorm({ features: 2 });
 * const x = Tensor.from([[1, 10], [2, 20], [4, 40], [5, 50]]);
 * const { output } = norm.forward(x, { mode: "train" });
 * output.at(0, 0);                    // => -1.2649085521697998
 * norm.runningMean.values;            // => Float64Array [0.30000000000000004, 3]
 */
export class BatchNorm implements Layer {
  readonly features: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly varianceEstimator: "unbiased" | "biased";
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  /** If false, the three statistics below are unused. */
  readonly trackRunningStatistics: boolean;
  /** [C], starts at 0. */
  readonly runningMean: RunningStatistic;
  /** [C], starts at 1. */
  readonly runningVariance: RunningStatistic;
  /** One number: how many batches the running statistics have seen. */
  readonly batchesTracked: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];
  private currentMomentum: number | null;
  private readonly frozenParts = { normalization: false, updates: false, parameters: false };
  /** The parameters that `freeze` made untrainable, and `unfreeze` makes trainable again. */
  private frozenParameters: readonly Parameter[] = [];

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: BatchNormOptions) {
    const { features, scale, center, dtype, ...rest } = readOptions("BatchNorm", options, batchNormRules);
    this.features = features;
    this.axis = rest.axis;
    this.epsilon = rest.epsilon;
    this.currentMomentum = rest.momentum;
    this.varianceEstimator = rest.varianceEstimator;
    this.trackRunningStatistics = rest.trackRunningStatistics;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.runningMean = new RunningStatistic("runningMean", new Float64Array(features));
    this.runningVariance = new RunningStatistic("runningVariance", new Float64Array(features).fill(1), 0);
    this.batchesTracked = new RunningStatistic("batchesTracked", new Float64Array(1), 0);
    this.parameters = [this.gamma, this.beta].filter((parameter) => parameter !== undefined);
    const statistics = [this.runningMean, this.runningVariance, this.batchesTracked];
    this.statistics = this.trackRunningStatistics ? statistics : [];
    registerOwn(this);
  }

  /** Whether inference is one scale and one shift per feature: false for a subclass that overrides `forward`. */
  get isAffineInInference(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("BatchNorm", input, pass, this.parameters);
    const view = featureView(name, input, this.axis, this.features);
    const x = input.data;
    const gamma = this.gamma?.value.data;
    const beta = this.beta?.value.data;
    const output = this.usesBatch(pass) ? outputTensor(pass, input.shape, input.dtype) : outputOverRead(input, pass);
    const arrays = { view, x, gamma, beta, y: output.data };
    const { mean, rstd, backward, update } = this.normalize(name, input, pass, kernels, arrays);
    // Once the whole model has succeeded: a pass that throws in a later layer has changed nothing.
    if (update) afterPass(pass, update);

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = gradientOverRead(gradOutput, input);
      const gradients = zeroGradients(this.parameters);
      const dgamma = this.gamma && gradients.get(this.gamma)!.data;
      const dbeta = this.beta && gradients.get(this.beta)!.data;
      backward({ view, x, dy: gradOutput.data, gamma, mean, rstd, dx: gradInput.data, dgamma, dbeta });
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  /** Whether a pass normalizes with the statistics of its batch, and not with the running ones. */
  private usesBatch({ mode }: Pass): boolean {
    return !this.trackRunningStatistics || (mode !== "inference" && !this.frozenParts.normalization);
  }

  /** Normalizes with the statistics that mode and freezing select, and returns them. */
  private normalize(
    name: string,
    input: Tensor,
    pass: Pass,
    kernels: Kernels,
    arrays: Omit<NormalizeArguments, "mean" | "rstd">,
  ): PassStatistics {
    const { features, epsilon } = this;
    const { view, x, gamma, beta, y } = arrays;
    const useBatch = this.usesBatch(pass);
    const updateRunning = this.trackRunningStatistics && pass.mode === "train" && !this.frozenParts.updates;
    if (!useBatch) expectTracked(name, pass, this.batchesTracked.values[0]!);

    // The batch's mean and variance, if they are needed. Row weights have moments and a backward pass of their own.
    const mean = new Float64Array(features);
    const variance = new Float64Array(features);
    const rstd = new Float64Array(features);
    const needsBatch = useBatch || updateRunning;
    const { rowWeights } = pass;
    const weights =
      needsBatch && rowWeights !== undefined ? spreadRowWeights(name, rowWeights, input, view, this.axis) : undefined;
    const count = weights ? weights.effectiveCount : view.outer * view.inner;
    if (needsBatch) {
      expectTwoValues(name, pass, count, input, this.trackRunningStatistics);
      if (weights) weightedMoments({ view, x, mean, variance }, weights);
      else if (!useBatch) kernels.moments({ view, x, mean, variance });
      else kernels.batchNormForward({ view, x, gamma, beta, epsilon, y, mean, variance, rstd }); // all in one
      expectFiniteVariance(name, variance);
    }
    const update = updateRunning
      ? () => this.track(mean, estimatedVariance(this.varianceEstimator, variance, count))
      : undefined;

    if (useBatch && !weights) return { mean, rstd, backward: (args) => kernels.batchNormBackward(args), update };
    if (useBatch && weights) {
      reciprocalStd({ variance, epsilon, rstd });
      kernels.normalize({ view, x, gamma, beta, mean, rstd, y });
      return { mean, rstd, backward: (args) => weightedBackward(args, weights), update };
    }
    reciprocalStd({ variance: this.runningVariance.values, epsilon, rstd });
    const runningMean = this.runningMean.values.slice(); // a copy, which later updates do not change
    kernels.normalize({ view, x, gamma, beta, mean: runningMean, rstd, y });
    return { mean: runningMean, rstd, backward: (args) => kernels.normalizeBackward(args), update };
  }

  /** The weight of the next batch in the running statistics, see the options; may be changed between passes. */
  get momentum(): number | null {
    return this.currentMomentum;
  }

  /** Takes effect with the next batch; must be in [0, 1], or null. */
  set momentum(value: number | null) {
    if (value !== null) expectNumber("BatchNorm", "momentum", value, { low: 0, high: 1 });
    this.currentMomentum = value;
  }

  /**
   * Freezes the layer, in all three parts or without those that the options set to false; what is frozen stays frozen until
   * `unfreeze`. No mode and no loading undoes it.
   *
   *     norm.freeze();                                             // as in fine-tuning: a constant affine layer
   *     norm.freeze({ normalization: false, updates: false });     // gamma and beta alone
   */
  freeze(options: FreezeOptions = {}): void {
    const { normalization, updates, parameters } = readOptions("BatchNorm.freeze", options, freezeRules);
    if (normalization && !this.trackRunningStatistics) {
      const expected = "running statistics to normalize with";
      throw new RangeError(complaint("BatchNorm.freeze", expected, "trackRunningStatistics: false"));
    }
    this.frozenParts.normalization ||= normalization;
    this.frozenParts.updates ||= updates;
    if (!parameters || this.frozenParts.parameters) return;
    this.frozenParts.parameters = true;
    this.frozenParameters = this.parameters.filter((parameter) => parameter.trainable);
    for (const parameter of this.frozenParameters) parameter.trainable = false;
  }

  /** Unfreezes every part; gamma and beta are trainable again if they were when they were frozen. */
  unfreeze(): void {
    Object.assign(this.frozenParts, { normalization: false, updates: false, parameters: false });
    for (const parameter of this.frozenParameters) parameter.trainable = true;
    this.frozenParameters = [];
  }

  /** The frozen parts: none at first. */
  get frozen(): Readonly<Record<keyof FreezeOptions, boolean>> {
    return { ...this.frozenParts };
  }

  /**
   * Updates the running statistics with the mean and the variance of one more batch. `forward` in mode "train" does it once
   * the pass has succeeded, with the variance that `varianceEstimator` names.
   *
   *     running = (1 - momentum) running + momentum batch, or the average of all batches so far if momentum is null
   *
   * - **Shapes**: mean, variance [C]
   */
  track(mean: Float64Array, variance: Float64Array): void {
    expectStatistic("BatchNorm.track", "mean", mean, this.features);
    expectStatistic("BatchNorm.track", "variance", variance, this.features);
    const count = ++this.batchesTracked.values[0]!;
    const rate = this.momentum ?? 1 / count;
    for (let c = 0; c < this.features; c++) {
      this.runningMean.values[c] = (1 - rate) * this.runningMean.values[c]! + rate * mean[c]!;
      this.runningVariance.values[c] = (1 - rate) * this.runningVariance.values[c]! + rate * variance[c]!;
    }
  }
}

/** Returns the variance of a batch unchanged ("biased"), or multiplied by count / (count - 1) ("unbiased"). */
export function estimatedVariance(
  estimator: "unbiased" | "biased",
  variance: Float64Array,
  count: number,
): Float64Array {
  if (estimator === "biased") return variance;
  const unbiased = new Float64Array(variance.length);
  for (let c = 0; c < variance.length; c++) unbiased[c] = variance[c]! * (count / (count - 1));
  return unbiased;
}

/** Outside the class: bundlers rename a class that refers to itself, and logs would show that name. */
function hasOwnForward(layer: BatchNorm): boolean {
  return layer.forward === BatchNorm.prototype.forward;
}
