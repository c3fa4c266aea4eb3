/** BatchNorm: the layer around the kernels of kernels/batch-norm.ts. It chooses the statistics and keeps the running ones. */

import {
  complaint,
  expectBoolean,
  expectCount,
  expectLength,
  expectNumber,
  expectObject,
  expectOneOf,
} from "../core/errors.js";
import type { DType } from "../core/dtype.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import { defaultKernels } from "../kernels/default.js";
import { Tensor } from "../core/tensor.js";
import { expectAxis, expectTwoValues, featureView } from "./features.js";
import { gradientFor, outputFor, registerLeaf, valuesToKeep } from "./private-tensors.js";
import { expectDTypes, expectForward, guardBackward, whenDone, who } from "./guards.js";
import { type Forward, type Layer, type Pass } from "./contract.js";
import { Parameter, RunningStatistic } from "./parameter.js";
import { addWeightedStatisticsGradient, rowWeights, weightedMoments } from "./row-weights.js";

/** How a `BatchNorm` is made. Only `features` is required. */
export interface BatchNormOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The feature axis: 1 when not said, as in [N, C, H, W]; -1 is the last, as in [N, H, W, C]. */
  readonly axis?: number | undefined;
  /** Added to the variance; 1e-5 when not said, 0 allowed. Keras's and tfjs's default is 1e-3. */
  readonly epsilon?: number | undefined;
  /**
   * How far the running statistics follow each batch, as in PyTorch: running = (1 - momentum) running + momentum batch; 0.1
   * when not said. Keras, tfjs and Flax mean the opposite: their `momentum: m` is `momentum: 1 - m` here (their 0.99 is
   * 0.01). `null` gives every batch the same weight (cumulative average). It is not an optimizer's momentum.
   */
  readonly momentum?: number | null | undefined;
  /** Whether gamma is there; true when not said. */
  readonly scale?: boolean | undefined;
  /** Whether beta is there; true when not said. */
  readonly center?: boolean | undefined;
  /** Whether running statistics are kept; true when not said. Without them every mode normalizes with the batch. */
  readonly trackRunningStatistics?: boolean | undefined;
  /** What the running variance averages: "unbiased" (divided by M - 1, as PyTorch; the default) or "biased" (by M, as Keras). */
  readonly varianceEstimator?: "unbiased" | "biased" | undefined;
  /** Of gamma and beta; "float32" when not said. */
  readonly dtype?: DType | undefined;
}

/** What `BatchNorm.freeze` freezes; all of it when not said. */
export interface FreezeOptions {
  readonly normalization?: boolean | undefined;
  readonly updates?: boolean | undefined;
  readonly parameters?: boolean | undefined;
}

/**
 * Batch normalization: each feature is shifted and scaled to mean 0 and variance 1, then by its own gamma and beta.
 *
 *   xhat = (x - mean) / sqrt(variance + epsilon)      y = gamma xhat + beta
 *
 * Shapes    x, y [N, C], [N, C, L], [N, C, H, W], [N, C, D, H, W], or channels last with `axis: -1` · gamma, beta [C]
 * Units     xhat is in standard deviations of its feature; y is in the unit of gamma and beta
 * Modes     train and probe: mean and (biased) variance of the batch; train also updates the running statistics.
 *           inference: the running statistics, as constants. The backward pass follows the mode of its forward
 * Numerics  two passes, sums in double precision, running statistics in double precision, whatever the dtype; with
 *           epsilon 0 a constant feature is normalized to 0
 * Cost      three passes over x forward, two over x and dy backward; keeps a copy of x and 2 C numbers
 * Source    Ioffe & Szegedy 2015, algorithms 1 and 2 (arXiv:1502.03167)
 *
 * @throws {ShapeError} if the feature axis is not `features` long
 * @throws {RangeError} if a feature has fewer than 2 values and the batch is to normalize
 * @throws {RangeError} in inference before any batch was tracked or statistics were loaded
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
  readonly momentum: number | null;
  readonly varianceEstimator: "unbiased" | "biased";
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  readonly trackRunningStatistics: boolean;
  /** [C], starts at 0. */
  readonly runningMean: RunningStatistic;
  /** [C], starts at 1. */
  readonly runningVariance: RunningStatistic;
  /** One number: how many batches the running statistics have seen. */
  readonly batchesTracked: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];
  #frozen = { normalization: false, updates: false, parameters: false };

  /** Makes the layer: gamma 1, beta 0, no batch tracked. */
  constructor(options: BatchNormOptions) {
    expectObject("BatchNorm", "options", options);
    const { features, axis = 1, epsilon = 1e-5, momentum = 0.1, scale = true, center = true } = options;
    const { trackRunningStatistics = true, varianceEstimator = "unbiased", dtype = "float32" } = options;
    expectCount("BatchNorm", "features", features);
    expectAxis("BatchNorm", axis);
    expectNumber("BatchNorm", "epsilon", epsilon, { low: 0 });
    if (momentum !== null) expectNumber("BatchNorm", "momentum", momentum, { low: 0, high: 1 });
    for (const [name, value] of Object.entries({ scale, center, trackRunningStatistics })) {
      expectBoolean("BatchNorm", name, value);
    }
    expectOneOf("BatchNorm", "varianceEstimator", varianceEstimator, ["unbiased", "biased"]);
    expectOneOf("BatchNorm", "dtype", dtype, ["float32", "float64"]);
    this.features = features;
    this.axis = axis;
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.varianceEstimator = varianceEstimator;
    this.trackRunningStatistics = trackRunningStatistics;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.runningMean = new RunningStatistic("runningMean", new Float64Array(features));
    this.runningVariance = new RunningStatistic("runningVariance", new Float64Array(features).fill(1), 0);
    this.batchesTracked = new RunningStatistic("batchesTracked", new Float64Array(1), 0);
    this.parameters = [this.gamma, this.beta].filter((parameter) => parameter !== undefined);
    this.statistics = trackRunningStatistics ? [this.runningMean, this.runningVariance, this.batchesTracked] : [];
    registerLeaf(this, BatchNorm);
  }

  /** Whether inference is one scale and one shift per feature: false in a class that inherits from this one and has another forward. */
  get isAffineInInference(): boolean {
    return this.forward === BatchNorm.prototype.forward;
  }

  forward(input: Tensor, pass: Pass): Forward {
    expectForward("BatchNorm", input, pass);
    const name = who("BatchNorm", pass);
    const view = featureView(name, input, this.axis, this.features);
    expectDTypes(name, input, this.parameters);
    const kernels = pass.kernels ?? defaultKernels();
    const fromBatch = !this.trackRunningStatistics || (pass.mode !== "inference" && !this.#frozen.normalization);
    const tracks = pass.mode === "train" && this.trackRunningStatistics && !this.#frozen.updates;
    const gathers = fromBatch || tracks;
    const given = gathers ? pass.rowWeights : undefined;
    const weights = given === undefined ? undefined : rowWeights(name, given, input.shape[0]!, view);
    const x = valuesToKeep(input);
    const output = outputFor(pass, input.shape, input.dtype);
    const [gamma, beta, y] = [this.gamma?.value.data, this.beta?.value.data, output.data];
    const rstd = new Float64Array(this.features);
    let mean = new Float64Array(this.features);
    const variance = new Float64Array(this.features);
    const batch = { mean, variance, values: view.outer * view.inner };
    if (gathers) {
      if (weights) batch.values = weights.effectiveCount;
      const asked = { shape: input.shape, weighted: weights !== undefined, hasInference: this.trackRunningStatistics };
      expectTwoValues(name, pass.mode, batch.values, asked);
      if (weights === undefined) {
        kernels.batchNormForward({ view, x, gamma, beta, epsilon: this.epsilon, mean, variance, rstd, y });
      } else {
        weightedMoments(view, x, weights, mean, variance);
        reciprocalStd(variance, this.epsilon, rstd);
        kernels.normalize({ view, x, gamma, beta, mean, rstd, y });
      }
    }
    if (!fromBatch) {
      if (this.batchesTracked.values[0] === 0) {
        const cure = 'run a batch in mode "train", or load statistics';
        const expected = `running statistics in mode "${pass.mode}"`;
        throw new RangeError(complaint(name, expected, "none, as no batch was tracked", cure));
      }
      mean = this.runningMean.values.slice();
      reciprocalStd(this.runningVariance.values, this.epsilon, rstd);
      kernels.normalize({ view, x, gamma, beta, mean, rstd, y });
    }
    if (tracks) {
      const correction = this.varianceEstimator === "unbiased" ? batch.values / (batch.values - 1) : 1;
      for (let c = 0; c < this.features; c++) batch.variance[c]! *= correction;
      whenDone(pass, () => this.track(batch.mean, batch.variance));
    }
    const guard = guardBackward(name, output, this.parameters);
    return {
      output,
      backward: (gradOutput) => {
        guard(gradOutput);
        const dx = gradientFor(input);
        const dgamma = this.gamma && Tensor.zeros([this.features], input.dtype);
        const dbeta = this.beta && Tensor.zeros([this.features], input.dtype);
        const dy = gradOutput.data;
        const args = { view, x, dy, gamma, mean, rstd, dx: dx.data, dgamma: dgamma?.data, dbeta: dbeta?.data };
        if (fromBatch && !weights) kernels.batchNormBackward(args);
        else kernels.normalizeBackward(args);
        if (fromBatch && weights) addWeightedStatisticsGradient(args, weights);
        const gradients = new Map<Parameter, Tensor>();
        if (this.gamma && dgamma) gradients.set(this.gamma, dgamma);
        if (this.beta && dbeta) gradients.set(this.beta, dbeta);
        return { gradInput: dx, gradients };
      },
    };
  }

  /**
   * Freezes the layer, wholly or in part, until `unfreeze`: no mode, optimizer or loading undoes it. With `normalization` the
   * running statistics normalize in every mode, with `updates` they are not updated, with `parameters` gamma and beta stay.
   */
  freeze(options: FreezeOptions = {}): void {
    expectObject("BatchNorm.freeze", "options", options);
    const { normalization = true, updates = true, parameters = true } = options;
    for (const [name, value] of Object.entries({ normalization, updates, parameters })) {
      expectBoolean("BatchNorm.freeze", name, value);
    }
    if (normalization && !this.trackRunningStatistics) {
      const expected = "running statistics to normalize with";
      throw new RangeError(complaint("BatchNorm.freeze", expected, "trackRunningStatistics: false"));
    }
    this.#frozen = { normalization, updates, parameters };
    for (const parameter of this.parameters) parameter.trainable = !parameters;
  }

  /** Undoes `freeze`. */
  unfreeze(): void {
    this.freeze({ normalization: false, updates: false, parameters: false });
  }

  /** What is frozen: nothing at first. */
  get frozen(): Readonly<Record<keyof FreezeOptions, boolean>> {
    return { ...this.#frozen };
  }

  /**
   * Lets the running statistics follow those of one more batch; `forward` does it in mode "train".
   *
   *   running = (1 - momentum) running + momentum batch, or the average of all batches so far at momentum null
   *
   * Shapes    mean, variance [C]
   */
  track(mean: Float64Array, variance: Float64Array): void {
    expectLength("BatchNorm.track", "mean", mean, this.features);
    expectLength("BatchNorm.track", "variance", variance, this.features);
    const count = ++this.batchesTracked.values[0]!;
    const rate = this.momentum ?? 1 / count;
    for (let c = 0; c < this.features; c++) {
      this.runningMean.values[c] = (1 - rate) * this.runningMean.values[c]! + rate * mean[c]!;
      this.runningVariance.values[c] = (1 - rate) * this.runningVariance.values[c]! + rate * variance[c]!;
    }
  }
}
