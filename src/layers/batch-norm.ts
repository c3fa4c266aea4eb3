/** BatchNorm: the layer around kernels/plain/batch-norm.ts. It chooses the statistics, applies them, and keeps the running ones. */

import type { DType } from "../core/dtype.js";
import { complaint, expectLength } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import type { ChannelView } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { BatchNormBackwardArguments, Kernels } from "../kernels/types.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { afterPass, beginForward, guardedForward } from "./forward.js";
import { zeroGradients } from "./gradients.js";
import { expectTracked, expectTwoValues, featureView } from "./guards.js";
import { Parameter, RunningStatistic } from "./parameter.js";
import { gradientTensor, keptValues, outputTensor, registerLeaf } from "./private-tensors.js";
import { rowWeights, weightedBackward, weightedMoments } from "./row-weights.js";

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

/** What `BatchNorm.freeze` freezes; all of it when not said. */
export interface FreezeOptions {
  readonly normalization?: boolean | undefined;
  readonly updates?: boolean | undefined;
  readonly parameters?: boolean | undefined;
}

const freezeRules = {
  normalization: { kind: "boolean", default: true },
  updates: { kind: "boolean", default: true },
  parameters: { kind: "boolean", default: true },
} as const satisfies OptionRules<FreezeOptions>;

/** The statistics that normalize one pass. */
interface Statistics {
  readonly mean: Float64Array;
  readonly rstd: Float64Array;
  /** The backward pass that belongs to them: through them where they are the batch's, past them where they are constants. */
  readonly backward: (args: BatchNormBackwardArguments) => void;
  /** What running statistics learn from this pass, if anything. */
  readonly update?: (() => void) | undefined;
}

/** Mean and variance of a batch, from how many values, and the backward pass through them. */
interface BatchMoments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly count: number;
  readonly backward: (args: BatchNormBackwardArguments) => void;
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
  private frozenParts = { normalization: false, updates: false, parameters: false };

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: BatchNormOptions) {
    const { features, scale, center, dtype, ...rest } = readOptions("BatchNorm", options, batchNormRules);
    this.features = features;
    this.axis = rest.axis;
    this.epsilon = rest.epsilon;
    this.momentum = rest.momentum;
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
    registerLeaf(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("BatchNorm", input, pass, this.parameters);
    const view = featureView(name, input, this.axis, this.features);
    const { mean, rstd, backward, update } = this.chooseStatistics(name, input, view, pass, kernels);

    const x = keptValues(input);
    const gamma = this.gamma?.value.data;
    const beta = this.beta?.value.data;
    const output = outputTensor(pass, input.shape, input.dtype);
    kernels.normalize({ view, x, gamma, beta, mean, rstd, y: output.data });
    if (update) afterPass(pass, update);

    return guardedForward(name, output, this.parameters, (gradOutput) => {
      const gradInput = gradientTensor(input);
      const gradients = zeroGradients(this.parameters);
      const dgamma = this.gamma && gradients.get(this.gamma)!.data;
      const dbeta = this.beta && gradients.get(this.beta)!.data;
      backward({ view, x, dy: gradOutput.data, gamma, mean, rstd, dx: gradInput.data, dgamma, dbeta });
      return { gradInput, gradients };
    });
  }

  /** Which statistics normalize: the batch's or the running ones; and whether the running ones follow the batch. */
  private chooseStatistics(name: string, input: Tensor, view: ChannelView, pass: Pass, kernels: Kernels): Statistics {
    const tracks = this.trackRunningStatistics;
    const fromBatch = !tracks || (pass.mode !== "inference" && !this.frozenParts.normalization);
    const follows = tracks && pass.mode === "train" && !this.frozenParts.updates;
    if (!fromBatch) expectTracked(name, pass, this.batchesTracked.values[0]!);
    const batch = fromBatch || follows ? this.batchMoments(name, input, view, pass, kernels) : undefined;

    const [mean, variance] = fromBatch
      ? [batch!.mean, batch!.variance]
      : [this.runningMean.values.slice(), this.runningVariance.values];
    const rstd = new Float64Array(this.features);
    reciprocalStd(variance, this.epsilon, rstd);
    return {
      mean,
      rstd,
      backward: fromBatch ? batch!.backward : (args) => kernels.normalizeBackward(args),
      update: follows
        ? () => this.track(batch!.mean, estimatedVariance(this, batch!.variance, batch!.count))
        : undefined,
    };
  }

  /** The moments of the batch, each row alike or by its weight. */
  private batchMoments(name: string, input: Tensor, view: ChannelView, pass: Pass, kernels: Kernels): BatchMoments {
    const x = input.data;
    const mean = new Float64Array(this.features);
    const variance = new Float64Array(this.features);
    const weights =
      pass.rowWeights === undefined ? undefined : rowWeights(name, pass.rowWeights, input.shape[0]!, view);
    const count = weights ? weights.effectiveCount : view.outer * view.inner;
    expectTwoValues(name, pass, count, input, this.trackRunningStatistics);
    if (weights) {
      weightedMoments({ view, x, mean, variance }, weights);
      return { mean, variance, count, backward: (args) => weightedBackward(args, weights) };
    }
    kernels.moments({ view, x, mean, variance });
    return { mean, variance, count, backward: (args) => kernels.batchNormBackward(args) };
  }

  /**
   * Freezes the layer, wholly or in part, until `unfreeze`: no mode, optimizer or loading undoes it. With `normalization` the
   * running statistics normalize in every mode, with `updates` they are not updated, with `parameters` gamma and beta stay.
   */
  freeze(options: FreezeOptions = {}): void {
    const { normalization, updates, parameters } = readOptions("BatchNorm.freeze", options, freezeRules);
    if (normalization && !this.trackRunningStatistics) {
      const expected = "running statistics to normalize with";
      throw new RangeError(complaint("BatchNorm.freeze", expected, "trackRunningStatistics: false"));
    }
    this.frozenParts = { normalization, updates, parameters };
    for (const parameter of this.parameters) parameter.trainable = !parameters;
  }

  /** Undoes `freeze`. */
  unfreeze(): void {
    this.freeze({ normalization: false, updates: false, parameters: false });
  }

  /** What is frozen: nothing at first. */
  get frozen(): Readonly<Record<keyof FreezeOptions, boolean>> {
    return { ...this.frozenParts };
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

/** The variance that running statistics average: that of a batch of `count` values, or its unbiased estimate. */
export function estimatedVariance(
  { varianceEstimator }: BatchNorm,
  variance: Float64Array,
  count: number,
): Float64Array {
  return varianceEstimator === "biased" ? variance : variance.map((biased) => biased * (count / (count - 1)));
}
