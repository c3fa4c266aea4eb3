/** BatchRMSNorm: divides each feature by its root mean square over the batch, without subtracting the mean. */

import { allocate, type DType } from "../core/dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { Tensor } from "../core/tensor.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { zeroGradients } from "../layers/gradients.js";
import {
  expectFiniteVariance,
  expectNoRowWeights,
  expectTracked,
  expectTwoValues,
  featureView,
} from "../layers/guards.js";
import { Parameter, RunningStatistic } from "../layers/parameter.js";
import { predict, type PredictOptions } from "../layers/predict.js";

/** Options for `BatchRMSNorm`. Only `features` is required. */
export interface BatchRMSNormOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The feature axis; -1 is the last. Default: 1. */
  readonly axis?: number | undefined;
  /** Added to the mean square. Default: 1e-5. May be 0. */
  readonly epsilon?: number | undefined;
  /** The weight of each batch in the running mean square: running = (1 - momentum) running + momentum batch. Default: 0.1. */
  readonly momentum?: number | undefined;
  /** Learn a per-feature scale, gamma. Default: true. */
  readonly scale?: boolean | undefined;
  /** Learn a per-feature shift, beta. Default: true. */
  readonly center?: boolean | undefined;
  /** The dtype of gamma and beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

const batchRMSNormRules = {
  features: { kind: "count" },
  axis: { kind: "integer", default: 1 },
  epsilon: { kind: "number", low: 0, default: 1e-5 },
  momentum: { kind: "number", low: 0, high: 1, default: 0.1 },
  scale: { kind: "boolean", default: true },
  center: { kind: "boolean", default: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<BatchRMSNormOptions>;

/**
 * Batch normalization by the root mean square: divides each feature by its root mean square over the batch and subtracts nothing.
 *
 *     y = gamma x / s + beta      s = sqrt(mean(x²) + epsilon)
 *
 * The mean and the spread are both divided by s, so the mean of xhat is between -1 and 1, but is not removed.
 *
 * - **Shapes**: x, y [N, C], [N, C, ...], or features last with `axis: -1` · gamma, beta [C]
 * - **Modes**: train and probe: the mean square of the batch, which the backward pass includes; train also updates the running
 *   mean square. inference: the running mean square, as a constant
 * - **Numerics**: sums in double precision; with epsilon 0, a feature of zeros stays 0
 * - **Cost**: three passes over x forward (one at inference), three over x and dy backward
 * - **Source**: RMSNorm (Zhang & Sennrich 2019, arXiv:1910.07467), with the mean taken over the batch instead of over the
 *   features of a sample
 *
 * @throws {ShapeError} if the length of the feature axis is not `features`
 * @throws {RangeError} if batch statistics are needed and a feature has fewer than 2 values or a mean square that overflows, or
 *   at inference if no batch was tracked
 * @example
 * const norm = new BatchRMSNorm({ features: 1, epsilon: 0 });
 * norm.forward(Tensor.from([[-1], [1], [5], [3]]), { mode: "train" }).output.at(3, 0);   // => 1
 */
export class BatchRMSNorm implements Layer {
  readonly features: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly momentum: number;
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  /** The running mean square [C] without epsilon, initially 1. */
  readonly runningMeanSquare: RunningStatistic;
  readonly batchesTracked: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: BatchRMSNormOptions) {
    const { features, scale, center, dtype, ...rest } = readOptions("BatchRMSNorm", options, batchRMSNormRules);
    this.features = features;
    this.axis = rest.axis;
    this.epsilon = rest.epsilon;
    this.momentum = rest.momentum;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.runningMeanSquare = new RunningStatistic("runningMeanSquare", new Float64Array(features).fill(1), 0);
    this.batchesTracked = new RunningStatistic("batchesTracked", new Float64Array(1), 0);
    this.parameters = [this.gamma, this.beta].filter((parameter) => parameter !== undefined);
    this.statistics = [this.runningMeanSquare, this.batchesTracked];
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("BatchRMSNorm", input, pass, this.parameters);
    const { features, epsilon } = this;
    const view = featureView(name, input, this.axis, features);
    const { outer, inner } = view;
    const x = input.data;
    const fromBatch = pass.mode !== "inference";
    let meanSquare = this.runningMeanSquare.values;
    if (fromBatch) {
      expectNoRowWeights(name, pass);
      expectTwoValues(name, pass, outer * inner, input);
      const mean = new Float64Array(features);
      const variance = new Float64Array(features);
      kernels.moments({ view, x, mean, variance });
      meanSquare = variance.map((value, c) => value + mean[c]! ** 2);
      expectFiniteVariance(name, meanSquare);
    } else {
      expectTracked(name, pass, this.batchesTracked.values[0]!);
    }
    const rstd = new Float64Array(features);
    reciprocalStd({ variance: meanSquare, epsilon, rstd });
    const output = Tensor.zeros(input.shape, input.dtype);
    const gamma = this.gamma?.value.data;
    // A batch norm with a mean of 0, of which the mean square is the variance
    const zeros = new Float64Array(features);
    kernels.normalize({ view, x, gamma, beta: this.beta?.value.data, mean: zeros, rstd, y: output.data });
    if (pass.mode === "train") afterPass(pass, () => this.track(meanSquare));

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const gradients = zeroGradients(this.parameters);
      const dgamma = this.gamma ? gradients.get(this.gamma)!.data : allocate(input.dtype, features);
      const dbeta = this.beta && gradients.get(this.beta)!.data;
      const dx = gradInput.data;
      kernels.normalizeBackward({ view, x, dy: gradOutput.data, gamma, mean: zeros, rstd, dx, dgamma, dbeta });
      // With batch statistics: dx = gamma / s (dy - xhat mean(dy xhat)), and Σ dy xhat is dgamma.
      for (let o = 0, i = 0; fromBatch && o < outer; o++) {
        for (let c = 0; c < features; c++) {
          const factor = ((gamma ? gamma[c]! : 1) * rstd[c]! * rstd[c]! * dgamma[c]!) / (outer * inner);
          for (const end = i + inner; i < end; i++) dx[i]! -= factor * x[i]!;
        }
      }
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  private track(meanSquare: Float64Array): void {
    this.batchesTracked.values[0]!++;
    const { values } = this.runningMeanSquare;
    for (let c = 0; c < this.features; c++) {
      values[c] = (1 - this.momentum) * values[c]! + this.momentum * meanSquare[c]!;
    }
  }
}
