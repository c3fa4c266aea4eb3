/** GhostBatchNorm: batch norm with separate statistics for small groups of the batch. */

import { complaint, ShapeError } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { BatchNorm, type BatchNormOptions, batchNormRules, estimatedVariance } from "../layers/batch-norm.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { predict, type PredictOptions } from "../layers/predict.js";
import { zeroGradients } from "../layers/gradients.js";
import { expectNoRowWeights, expectTwoValues, featureView } from "../layers/guards.js";
import type { Floats } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";

/** Options for `GhostBatchNorm`: those of `BatchNorm`, and the group size. */
export interface GhostBatchNormOptions extends BatchNormOptions {
  /** Rows (samples) per group. Must be at least 2. */
  readonly groupSize: number;
}

const ghostBatchNormRules = {
  ...batchNormRules,
  groupSize: { kind: "count", least: 2 },
} as const satisfies OptionRules<GhostBatchNormOptions>;

/**
 * Ghost batch normalization: normalizes each group of consecutive rows with the statistics of that group.
 *
 *     xhat = (x - mean_g) / sqrt(variance_g + epsilon), over the rows of group g      y = gamma xhat + beta
 *
 * The last group has the remaining rows. If only one row remains, it joins the previous group.
 *
 * - **Shapes**: as in `BatchNorm`; the rows are on axis 0, so the feature axis cannot be 0
 * - **Modes**: train and probe: statistics of each group. train updates the running statistics once per pass with the means and
 *   variances of the groups, weighted by group size; `varianceEstimator` selects unbiased or biased variances. inference: as in
 *   `BatchNorm`
 * - **Numerics**: as in `BatchNorm`
 * - **Cost**: as in `BatchNorm`
 * - **Source**: Hoffer, Hubara & Soudry 2017 (arXiv:1705.08741)
 *
 * @throws {ShapeError | RangeError} as in `BatchNorm`
 * @example
 * const norm = new GhostBatchNorm({ features: 1, groupSize: 2, epsilon: 0 });
 * norm.forward(Tensor.from([[1], [2], [2], [5]]), { mode: "train" }).output.toNested();   // => [[-1], [1], [-1], [1]]
 */
export class GhostBatchNorm implements Layer {
  readonly groupSize: number;
  /** The batch norm that owns gamma, beta and the running statistics, and runs at inference. */
  readonly norm: BatchNorm;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: GhostBatchNormOptions) {
    const { groupSize, ...read } = readOptions("GhostBatchNorm", options, ghostBatchNormRules);
    this.groupSize = groupSize;
    this.norm = new BatchNorm(read);
    this.parameters = this.norm.parameters;
    this.statistics = this.norm.statistics;
  }

  /** Whether inference applies one scale and one shift per feature. False in subclasses that override `forward`. */
  get isAffineInInference(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { norm } = this;
    const fromRunning = pass?.mode === "inference" || norm.frozen.normalization;
    if (fromRunning && norm.trackRunningStatistics) return norm.forward(input, pass);
    const { name, kernels } = beginForward("GhostBatchNorm", input, pass, this.parameters);
    expectNoRowWeights(name, pass);
    if (norm.axis === 0 || input.shape.length + norm.axis === 0) {
      throw new ShapeError(complaint(name, "a feature axis other than 0, the axis of the rows", `axis ${norm.axis}`));
    }
    const { features, epsilon } = norm;
    const { outer, channels, inner } = featureView(name, input, norm.axis, features);
    const rows = input.shape[0]!;
    expectTwoValues(name, pass, outer * inner, input, norm.trackRunningStatistics);
    const x = input.data;
    const output = Tensor.zeros(input.shape, input.dtype);
    const gamma = norm.gamma?.value.data;
    const beta = norm.beta?.value.data;
    const width = input.size / rows;
    const groups = this.groupsOf(rows).map(([from, to]) => {
      const view: ChannelView = { outer: (outer / rows) * (to - from), channels, inner };
      const [mean, variance, rstd] = [0, 0, 0].map(() => new Float64Array(features)) as Statistics;
      const part = (values: Floats): Floats => values.subarray(from * width, to * width);
      const y = part(output.data);
      kernels.batchNormForward({ view, x: part(x), gamma, beta, epsilon, y, mean, variance, rstd });
      return { view, part, share: (to - from) / rows, mean, variance, rstd };
    });
    if (pass.mode === "train" && norm.trackRunningStatistics && !norm.frozen.updates) {
      const mean = new Float64Array(features);
      const variance = new Float64Array(features);
      for (const group of groups) {
        const own = estimatedVariance(norm.varianceEstimator, group.variance, group.view.outer * group.view.inner);
        for (let c = 0; c < features; c++) {
          mean[c]! += group.share * group.mean[c]!;
          variance[c]! += group.share * own[c]!;
        }
      }
      afterPass(pass, () => norm.track(mean, variance));
    }

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const gradients = zeroGradients(this.parameters);
      for (const { view, part, mean, rstd } of groups) {
        const ofGroup = zeroGradients(this.parameters);
        const dgamma = norm.gamma && ofGroup.get(norm.gamma)!.data;
        const dbeta = norm.beta && ofGroup.get(norm.beta)!.data;
        const [dy, dx] = [part(gradOutput.data), part(gradInput.data)];
        kernels.batchNormBackward({ view, x: part(x), dy, gamma, mean, rstd, dx, dgamma, dbeta });
        for (const [parameter, { data }] of ofGroup) {
          const sum = gradients.get(parameter)!.data;
          for (let c = 0; c < features; c++) sum[c]! += data[c]!;
        }
      }
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  /** Returns the first row of each group and the row after its last. */
  private groupsOf(rows: number): (readonly [number, number])[] {
    const starts: number[] = [];
    for (let from = 0; from < rows; from += this.groupSize) starts.push(from);
    if (rows % this.groupSize === 1 && starts.length > 1) starts.pop();
    return starts.map((from, i) => [from, starts[i + 1] ?? rows] as const);
  }
}

type Statistics = [Float64Array, Float64Array, Float64Array];

/** Outside the class, because bundlers rename a class that refers to itself, and logs would show the new name. */
function hasOwnForward(layer: GhostBatchNorm): boolean {
  return layer.forward === GhostBatchNorm.prototype.forward;
}
