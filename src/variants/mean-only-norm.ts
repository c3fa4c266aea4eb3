/** MeanOnlyNorm: batch norm without the division, so that only the mean is removed. */

import type { DType } from "../core/dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { zeroGradients } from "../layers/gradients.js";
import { expectNoRowWeights, expectTracked, expectTwoValues, featureView } from "../layers/guards.js";
import { Parameter, RunningStatistic } from "../layers/parameter.js";
import { predict, type PredictOptions } from "../layers/predict.js";

/** Options for `MeanOnlyNorm`. Only `features` is required. */
export interface MeanOnlyNormOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The feature axis; -1 is the last. Default: 1. */
  readonly axis?: number | undefined;
  /** The weight of each batch in the running mean: running = (1 - momentum) running + momentum batch. Default: 0.1. */
  readonly momentum?: number | undefined;
  /** Learn a per-feature shift, beta. Default: true. The mean is subtracted in any case. */
  readonly center?: boolean | undefined;
  /** The dtype of beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

const meanOnlyNormRules = {
  features: { kind: "count" },
  axis: { kind: "integer", default: 1 },
  momentum: { kind: "number", low: 0, high: 1, default: 0.1 },
  center: { kind: "boolean", default: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<MeanOnlyNormOptions>;

/**
 * Mean-only batch normalization: subtracts the mean of the batch from each feature and adds beta. The scale stays as it is.
 *
 *     y = x - mean + beta      dx = dy - mean(dy)
 *
 * - **Shapes**: x, y [N, C], [N, C, ...], or features last with `axis: -1` · beta [C]
 * - **Modes**: train and probe: the mean of the batch, which the backward pass includes; train also updates the running mean.
 *   inference: the running mean, as a constant
 * - **Numerics**: sums in double precision
 * - **Cost**: two passes over x forward (one at inference), two over dy backward
 * - **Source**: Salimans & Kingma 2016, section 4 (arXiv:1602.07868)
 *
 * @throws {ShapeError} if the length of the feature axis is not `features`
 * @throws {RangeError} if batch statistics are needed and a feature has fewer than 2 values, or at inference if no batch was
 *   tracked
 * @example
 * const norm = new MeanOnlyNorm({ features: 1 });
 * norm.forward(Tensor.from([[1], [2], [6]]), { mode: "train" }).output.toNested();   // => [[-2], [-1], [3]]
 */
export class MeanOnlyNorm implements Layer {
  readonly features: number;
  readonly axis: number;
  readonly momentum: number;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  /** The running mean [C], initially 0. */
  readonly runningMean: RunningStatistic;
  readonly batchesTracked: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer with beta = 0 and no tracked batches. */
  constructor(options: MeanOnlyNormOptions) {
    const { features, axis, momentum, center, dtype } = readOptions("MeanOnlyNorm", options, meanOnlyNormRules);
    this.features = features;
    this.axis = axis;
    this.momentum = momentum;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.runningMean = new RunningStatistic("runningMean", new Float64Array(features));
    this.batchesTracked = new RunningStatistic("batchesTracked", new Float64Array(1), 0);
    this.parameters = this.beta ? [this.beta] : [];
    this.statistics = [this.runningMean, this.batchesTracked];
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("MeanOnlyNorm", input, pass, this.parameters);
    const { features } = this;
    const view = featureView(name, input, this.axis, features);
    const count = view.outer * view.inner;
    const x = input.data;
    const fromBatch = pass.mode !== "inference";
    let mean = new Float64Array(features);
    if (fromBatch) {
      expectNoRowWeights(name, pass);
      expectTwoValues(name, pass, count, input);
      kernels.moments({ view, x, mean, variance: new Float64Array(features) });
    } else {
      expectTracked(name, pass, this.batchesTracked.values[0]!);
      mean = this.runningMean.values.slice();
    }
    const output = Tensor.zeros(input.shape, input.dtype);
    // A batch norm whose standard deviation is 1
    const rstd = new Float64Array(features).fill(1);
    kernels.normalize({ view, x, beta: this.beta?.value.data, mean, rstd, y: output.data });
    if (pass.mode === "train") afterPass(pass, () => this.track(mean));

    return guardedForward(name, output, this.parameters, [], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const gradients = zeroGradients(this.parameters);
      const dy = gradOutput.data;
      const meanDy = new Float64Array(features);
      kernels.moments({ view, x: dy, mean: meanDy, variance: new Float64Array(features) });
      if (this.beta) gradients.get(this.beta)!.data.set(meanDy.map((value) => value * count));
      const removed = fromBatch ? meanDy : new Float64Array(features);
      kernels.normalize({ view, x: dy, mean: removed, rstd, y: gradInput.data });
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  private track(mean: Float64Array): void {
    this.batchesTracked.values[0]!++;
    for (let c = 0; c < this.features; c++) {
      this.runningMean.values[c] = (1 - this.momentum) * this.runningMean.values[c]! + this.momentum * mean[c]!;
    }
  }
}
