/** BatchRenorm: batch norm corrected towards the running statistics, so that training and inference agree more closely. */

import { expectNumber, expectObject } from "../core/errors.js";
import { allocate } from "../core/dtype.js";
import { defaultKernels } from "../kernels/default.js";
import { Tensor } from "../core/tensor.js";
import { BatchNorm, type BatchNormOptions } from "../layers/batch-norm.js";
import { expectNoRowWeights, expectTwoValues, featureView } from "../layers/features.js";
import { expectDTypes, expectForward, guardBackward, whenDone, who } from "../layers/guards.js";
import { type Forward, type Layer, type Pass } from "../layers/contract.js";
import { Parameter, type RunningStatistic } from "../layers/parameter.js";

/** How a `BatchRenorm` is made: as a `BatchNorm`, and how far it may correct. */
export interface BatchRenormOptions extends Omit<BatchNormOptions, "trackRunningStatistics"> {
  /** The largest correction of the scale, at least 1 (1: none); 3 when not said. */
  readonly largestScale?: number | undefined;
  /** The largest correction of the mean, in running standard deviations (0: none); 5 when not said. */
  readonly largestShift?: number | undefined;
}

/**
 * Batch renormalization.
 *
 *   y = gamma (r (x - mean_B) / sigma_B + d) + beta
 *   r = clip(sigma_B / sigma, 1/largestScale, largestScale)      d = clip((mean_B - mean) / sigma, ±largestShift)
 *
 * mean and sigma = sqrt(variance + epsilon) are the running values before this pass; no gradient goes through r and d. Where
 * neither is clipped, training gives the output of inference. The paper widens the limits as training goes on: start with
 * `largestScale: 1, largestShift: 0`, which is batch norm.
 *
 * Shapes    as `BatchNorm`
 * Modes     train and probe: as above; train then updates the running statistics. inference: as `BatchNorm`
 * Numerics  as `BatchNorm`
 * Cost      one pass more than `BatchNorm`
 * Source    Ioffe 2017 (arXiv:1702.03275); its r_max and d_max
 *
 * @throws {ShapeError | RangeError} as `BatchNorm`
 * @example
 * const norm = new BatchRenorm({ features: 1, epsilon: 0, largestScale: 1, largestShift: 0 });
 * norm.forward(Tensor.from([[1], [3]]), { mode: "train" }).output.toNested();   // => [[-1], [1]]
 */
export class BatchRenorm implements Layer {
  /** May be changed between passes. */
  largestScale: number;
  /** May be changed between passes. */
  largestShift: number;
  /** Keeps gamma, beta and the running statistics, and does the inference. */
  readonly norm: BatchNorm;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Makes the layer: gamma 1, beta 0, no batch tracked. */
  constructor(options: BatchRenormOptions) {
    expectObject("BatchRenorm", "options", options);
    const { largestScale = 3, largestShift = 5 } = options;
    expectNumber("BatchRenorm", "largestScale", largestScale, { low: 1 });
    expectNumber("BatchRenorm", "largestShift", largestShift, { low: 0 });
    this.largestScale = largestScale;
    this.largestShift = largestShift;
    this.norm = new BatchNorm({ ...options, trackRunningStatistics: true });
    this.parameters = this.norm.parameters;
    this.statistics = this.norm.statistics;
  }

  /** Whether inference is one scale and one shift per feature: false in a class that inherits from this one and has another forward. */
  get isAffineInInference(): boolean {
    return this.forward === BatchRenorm.prototype.forward;
  }

  forward(input: Tensor, pass: Pass): Forward {
    expectForward("BatchRenorm", input, pass);
    const { norm } = this;
    if (pass.mode === "inference" || norm.frozen.normalization) return norm.forward(input, pass);
    const name = who("BatchRenorm", pass);
    expectNoRowWeights(name, pass);
    const { features, epsilon } = norm;
    const view = featureView(name, input, norm.axis, features);
    expectDTypes(name, input, this.parameters);
    const m = view.outer * view.inner;
    expectTwoValues(name, pass.mode, m, input);
    const kernels = pass.kernels ?? defaultKernels();
    const x = input.data.slice();
    const output = Tensor.zeros(input.shape, input.dtype);
    const mean = new Float64Array(features);
    const variance = new Float64Array(features);
    const rstd = new Float64Array(features);
    kernels.batchNormForward({ view, x, epsilon, y: output.data, mean, variance, rstd });
    const { r, d } = this.#corrections(mean, variance);
    // gamma (r xhat + d) + beta is a batch norm with another gamma and beta
    const gamma = allocate(input.dtype, features);
    const beta = allocate(input.dtype, features);
    for (let c = 0; c < features; c++) {
      const scale = norm.gamma?.value.data[c] ?? 1;
      gamma[c] = scale * r[c]!;
      beta[c] = (norm.beta?.value.data[c] ?? 0) + scale * d[c]!;
    }
    kernels.normalize({ view, x, gamma, beta, mean, rstd, y: output.data });
    if (pass.mode === "train" && !norm.frozen.updates) {
      const correction = norm.varianceEstimator === "unbiased" ? m / (m - 1) : 1;
      whenDone(pass, () =>
        norm.track(
          mean,
          variance.map((value) => value * correction),
        ),
      );
    }

    const guard = guardBackward(name, output, this.parameters);
    return {
      output,
      backward: (gradOutput) => {
        guard(gradOutput);
        const dx = Tensor.zeros(input.shape, input.dtype);
        const dgamma = Tensor.zeros([features], input.dtype);
        const dbeta = Tensor.zeros([features], input.dtype);
        const dy = gradOutput.data;
        kernels.batchNormBackward({
          view,
          x,
          dy,
          gamma,
          mean,
          rstd,
          dx: dx.data,
          dgamma: dgamma.data,
          dbeta: dbeta.data,
        });
        // gamma multiplies r xhat + d
        for (let c = 0; c < features; c++) dgamma.data[c] = r[c]! * dgamma.data[c]! + d[c]! * dbeta.data[c]!;
        const gradients = new Map<Parameter, Tensor>();
        if (norm.gamma) gradients.set(norm.gamma, dgamma);
        if (norm.beta) gradients.set(norm.beta, dbeta);
        return { gradInput: dx, gradients };
      },
    };
  }

  #corrections(mean: Float64Array, variance: Float64Array): { readonly r: Float64Array; readonly d: Float64Array } {
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
