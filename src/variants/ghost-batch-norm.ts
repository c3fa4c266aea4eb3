/** GhostBatchNorm: batch norm whose statistics come from small groups of the batch, as if each group were a batch. */

import { complaint, expectCount, expectObject, ShapeError } from "../core/errors.js";
import { defaultKernels } from "../kernels/default.js";
import type { ChannelView } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { BatchNorm, type BatchNormOptions } from "../layers/batch-norm.js";
import { expectNoRowWeights, expectTwoValues, featureView } from "../layers/features.js";
import { expectDTypes, expectForward, guardBackward, whenDone, who } from "../layers/guards.js";
import { type Forward, type Layer, type Pass } from "../layers/contract.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";

/** How a `GhostBatchNorm` is made: as a `BatchNorm`, and how many rows make a group. */
export interface GhostBatchNormOptions extends BatchNormOptions {
  /** Rows (samples) a group, at least 2. */
  readonly groupSize: number;
}

/**
 * Batch normalization over groups of consecutive rows.
 *
 *   xhat = (x - mean_g) / sqrt(variance_g + epsilon), over the rows of group g      y = gamma xhat + beta
 *
 * The last group takes what is left over; a single row left over joins the group in front of it.
 *
 * Shapes    as `BatchNorm`; the rows are on axis 0, so the feature axis cannot be 0
 * Modes     train and probe: statistics of each group. train updates the running statistics once, with the means and
 *           unbiased variances of the groups, weighted by their sizes (biased ones if varianceEstimator says so).
 *           inference: as `BatchNorm`
 * Numerics  as `BatchNorm`
 * Cost      as `BatchNorm`
 * Source    Hoffer, Hubara & Soudry 2017 (arXiv:1705.08741)
 *
 * @throws {ShapeError | RangeError} as `BatchNorm`
 * @example
 * const norm = new GhostBatchNorm({ features: 1, groupSize: 2, epsilon: 0 });
 * norm.forward(Tensor.from([[1], [2], [2], [5]]), { mode: "train" }).output.toNested();   // => [[-1], [1], [-1], [1]]
 */
export class GhostBatchNorm implements Layer {
  readonly groupSize: number;
  /** Keeps gamma, beta and the running statistics, and does the inference. */
  readonly norm: BatchNorm;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Makes the layer: gamma 1, beta 0, no batch tracked. */
  constructor(options: GhostBatchNormOptions) {
    expectObject("GhostBatchNorm", "options", options);
    expectCount("GhostBatchNorm", "groupSize", options.groupSize, 2);
    this.groupSize = options.groupSize;
    this.norm = new BatchNorm(options);
    this.parameters = this.norm.parameters;
    this.statistics = this.norm.statistics;
  }

  /** Whether inference is one scale and one shift per feature: false in a class that inherits from this one and has another forward. */
  get isAffineInInference(): boolean {
    return this.forward === GhostBatchNorm.prototype.forward;
  }

  forward(input: Tensor, pass: Pass): Forward {
    expectForward("GhostBatchNorm", input, pass);
    const { norm } = this;
    const fromRunning = pass.mode === "inference" || norm.frozen.normalization;
    if (fromRunning && norm.trackRunningStatistics) return norm.forward(input, pass);
    const name = who("GhostBatchNorm", pass);
    expectNoRowWeights(name, pass);
    if (norm.axis === 0 || input.shape.length + norm.axis === 0) {
      throw new ShapeError(complaint(name, "the features on another axis than the rows, axis 0", `axis ${norm.axis}`));
    }
    const whole = featureView(name, input, norm.axis, norm.features);
    expectDTypes(name, input, this.parameters);
    const rows = input.shape[0]!;
    expectTwoValues(name, pass.mode, whole.outer * whole.inner, {
      shape: input.shape,
      hasInference: norm.trackRunningStatistics,
    });
    const kernels = pass.kernels ?? defaultKernels();
    const x = input.data.slice();
    const output = Tensor.zeros(input.shape, input.dtype);
    const gamma = norm.gamma?.value.data;
    const beta = norm.beta?.value.data;
    const width = input.size / rows;
    const groups = this.#groups(rows).map(([from, to]) => {
      const view: ChannelView = {
        outer: (whole.outer / rows) * (to - from),
        channels: whole.channels,
        inner: whole.inner,
      };
      const [mean, variance, rstd] = [0, 0, 0].map(() => new Float64Array(norm.features)) as Statistics;
      const [start, end] = [from * width, to * width];
      const y = output.data.subarray(start, end);
      kernels.batchNormForward({
        view,
        x: x.subarray(start, end),
        gamma,
        beta,
        epsilon: norm.epsilon,
        y,
        mean,
        variance,
        rstd,
      });
      return { view, start, end, share: (to - from) / rows, mean, variance, rstd };
    });
    if (pass.mode === "train" && norm.trackRunningStatistics && !norm.frozen.updates) {
      const mean = new Float64Array(norm.features);
      const variance = new Float64Array(norm.features);
      for (const group of groups) {
        const m = group.view.outer * group.view.inner;
        const correction = norm.varianceEstimator === "unbiased" ? m / (m - 1) : 1;
        for (let c = 0; c < norm.features; c++) {
          mean[c]! += group.share * group.mean[c]!;
          variance[c]! += group.share * correction * group.variance[c]!;
        }
      }
      whenDone(pass, () => norm.track(mean, variance));
    }

    const guard = guardBackward(name, output, this.parameters);
    return {
      output,
      backward: (gradOutput) => {
        guard(gradOutput);
        const dx = Tensor.zeros(input.shape, input.dtype);
        const gradients = new Map(
          this.parameters.map((parameter) => [parameter, Tensor.zeros([norm.features], input.dtype)]),
        );
        const dgamma = norm.gamma && gradients.get(norm.gamma)!.data;
        const dbeta = norm.beta && gradients.get(norm.beta)!.data;
        for (const { view, start, end, mean, rstd } of groups) {
          const partGamma = dgamma?.slice();
          const partBeta = dbeta?.slice();
          kernels.batchNormBackward({
            view,
            x: x.subarray(start, end),
            dy: gradOutput.data.subarray(start, end),
            gamma,
            mean,
            rstd,
            dx: dx.data.subarray(start, end),
            dgamma: partGamma,
            dbeta: partBeta,
          });
          if (dgamma && partGamma) for (let c = 0; c < norm.features; c++) dgamma[c]! += partGamma[c]!;
          if (dbeta && partBeta) for (let c = 0; c < norm.features; c++) dbeta[c]! += partBeta[c]!;
        }
        return { gradInput: dx, gradients };
      },
    };
  }

  /** The rows of each group, from and up to. */
  #groups(rows: number): (readonly [number, number])[] {
    const starts: number[] = [];
    for (let from = 0; from < rows; from += this.groupSize) starts.push(from);
    if (rows % this.groupSize === 1 && starts.length > 1) starts.pop();
    return starts.map((from, i) => [from, starts[i + 1] ?? rows] as const);
  }
}

type Statistics = [Float64Array, Float64Array, Float64Array];
