/** BatchRenorm: batch norm corrected towards the running statistics, for a smaller gap between training and inference. */

import { expectNumber } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { BatchNorm, type BatchNormOptions, batchNormRules, estimatedVariance } from "../layers/batch-norm.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { predict, type PredictOptions } from "../layers/predict.js";
import { zeroGradients } from "../layers/gradients.js";
import { expectNoRowWeights, expectTwoValues, featureView } from "../layers/guards.js";
import { allocate } from "../core/dtype.js";
import { Tensor } from "../core/tensor.js";
import { Parameter, type RunningStatistic } from "../layers/parameter.js";

/** Options for `BatchRenorm`: those of `BatchNorm`, and the limits of the corrections. */
export interface BatchRenormOptions extends Omit<BatchNormOptions, "trackRunningStatistics"> {
  /** The maximum correction of the scale. Must be at least 1, which means no correction. Default: 3. */
  readonly largestScale?: number | undefined;
  /** The maximum correction of the mean, in running standard deviations. 0 means no correction. Default: 5. */
  readonly largestShift?: number | undefined;
}

const batchRenormRules = {
  features: batchNormRules.features,
  axis: batchNormRules.axis,
  epsilon: batchNormRules.epsilon,
  momentum: batchNormRules.momentum,
  scale: batchNormRules.scale,
  center: batchNormRules.center,
  varianceEstimator: batchNormRules.varianceEstimator,
  dtype: batchNormRules.dtype,
  largestScale: { kind: "number", low: 1, default: 3 },
  largestShift: { kind: "number", low: 0, default: 5 },
} as const satisfies OptionRules<BatchRenormOptions>;

/**
 * Batch renormalization: corrects normalized values towards those of inference, within limits.
 *
 *     y = gamma (r (x - mean_B) / sigma_B + d) + beta
 *     r = clip(sigma_B / sigma, 1/largestScale, largestScale)      d = clip((mean_B - mean) / sigma, ±largestShift)
 *
 * mean and sigma = sqrt(variance + epsilon) are the running statistics before this pass. r and d are treated as constants in the
 * backward pass. Where neither is clipped, the output during training equals that of inference. The paper relaxes the limits during
 * training, starting from `largestScale: 1, largestShift: 0`, which is ordinary batch norm.
 *
 * - **Shapes**: as in `BatchNorm`
 * - **Modes**: train and probe: as above; train then updates the running statistics. inference: as in `BatchNorm`
 * - **Numerics**: as in `BatchNorm`
 * - **Cost**: one more pass over the values than `BatchNorm`
 * - **Source**: Ioffe 2017 (arXiv:1702.03275); the limits are its r_max and d_max
 *
 * @throws {ShapeError | RangeError} as in `BatchNorm`
 * @example
 * const norm = new BatchRenorm({ features: 1, epsilon: 0, largestScale: 1, largestShift: 0 });
 * norm.forward(Tensor.from([[1], [3]]), { mode: "train" }).output.toNested();   // => [[-1], [1]]
 */
export class BatchRenorm implements Layer {
  private limits: { scale: number; shift: number };
  /** The batch norm that owns gamma, beta and the running statistics, and runs at inference. */
  readonly norm: BatchNorm;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: BatchRenormOptions) {
    const { largestScale, largestShift, ...read } = readOptions("BatchRenorm", options, batchRenormRules);
    this.limits = { scale: largestScale, shift: largestShift };
    this.norm = new BatchNorm({ ...read, trackRunningStatistics: true });
    this.parameters = this.norm.parameters;
    this.statistics = this.norm.statistics;
  }

  /** The maximum correction of the scale. May be changed between passes. */
  get largestScale(): number {
    return this.limits.scale;
  }

  /** Must be at least 1. */
  set largestScale(value: number) {
    expectNumber("BatchRenorm", "largestScale", value, { low: 1 });
    this.limits.scale = value;
  }

  /** The maximum correction of the mean. May be changed between passes. */
  get largestShift(): number {
    return this.limits.shift;
  }

  /** Must be at least 0. */
  set largestShift(value: number) {
    expectNumber("BatchRenorm", "largestShift", value, { low: 0 });
    this.limits.shift = value;
  }

  /** Whether inference applies one scale and one shift per feature. False in subclasses that override `forward`. */
  get isAffineInInference(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { norm } = this;
    if (pass?.mode === "inference" || norm.frozen.normalization) return norm.forward(input, pass);
    const { name, kernels } = beginForward("BatchRenorm", input, pass, this.parameters);
    expectNoRowWeights(name, pass);
    const { features, epsilon } = norm;
    const view = featureView(name, input, norm.axis, features);
    const count = view.outer * view.inner;
    expectTwoValues(name, pass, count, input);
    const x = input.data;
    const output = Tensor.zeros(input.shape, input.dtype);
    const y = output.data;
    const [mean, variance, rstd] = [0, 0, 0].map(() => new Float64Array(features)) as Statistics;
    kernels.batchNormForward({ view, x, epsilon, y, mean, variance, rstd });
    const { r, d } = this.corrections(mean, variance);
    // gamma (r xhat + d) + beta is a batch norm with a different gamma and beta.
    const gamma = allocate(input.dtype, features);
    const beta = allocate(input.dtype, features);
    for (let c = 0; c < features; c++) {
      const scale = norm.gamma?.value.data[c] ?? 1;
      gamma[c] = scale * r[c]!;
      beta[c] = (norm.beta?.value.data[c] ?? 0) + scale * d[c]!;
    }
    kernels.normalize({ view, x, gamma, beta, mean, rstd, y });
    if (pass.mode === "train" && !norm.frozen.updates) {
      afterPass(pass, () => norm.track(mean, estimatedVariance(norm.varianceEstimator, variance, count)));
    }

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const gradients = zeroGradients(this.parameters);
      const dgamma = allocate(input.dtype, features);
      const dbeta = allocate(input.dtype, features);
      const [dy, dx] = [gradOutput.data, gradInput.data];
      kernels.batchNormBackward({ view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta });
      if (norm.beta) gradients.get(norm.beta)!.data.set(dbeta);
      // y = gamma (r xhat + d) + beta
      const scaleGradient = norm.gamma && gradients.get(norm.gamma)!.data;
      if (scaleGradient) for (let c = 0; c < features; c++) scaleGradient[c] = r[c]! * dgamma[c]! + d[c]! * dbeta[c]!;
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  private corrections(
    mean: Float64Array,
    variance: Float64Array,
  ): { readonly r: Float64Array; readonly d: Float64Array } {
    const { runningMean, runningVariance, epsilon, features } = this.norm;
    const r = new Float64Array(features).fill(1);
    const d = new Float64Array(features);
    for (let c = 0; c < features; c++) {
      const sigma = Math.sqrt(runningVariance.values[c]! + epsilon);
      if (sigma === 0) continue; // nothing to correct towards
      const ratio = Math.sqrt(variance[c]! + epsilon) / sigma;
      r[c] = Math.min(Math.max(ratio, 1 / this.largestScale), this.largestScale);
      const shift = (mean[c]! - runningMean.values[c]!) / sigma;
      d[c] = Math.min(Math.max(shift, -this.largestShift), this.largestShift);
    }
    return { r, d };
  }
}

type Statistics = [Float64Array, Float64Array, Float64Array];

/** Outside the class, because bundlers rename a class that refers to itself, and logs would show the new name. */
function hasOwnForward(layer: BatchRenorm): boolean {
  return layer.forward === BatchRenorm.prototype.forward;
}
