/** LpNorm: subtracts the mean as batch norm does, but divides by an l1, l2 or l-infinity norm of the uncentered values. */

import { complaint, show } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { predict, type PredictOptions } from "../layers/predict.js";
import { zeroGradients } from "../layers/gradients.js";
import { expectNoRowWeights, expectTracked, expectTwoValues, featureView } from "../layers/guards.js";
import type { DType, Floats } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { Parameter, RunningStatistic } from "../layers/parameter.js";

/** Options for `LpNorm`. `features` and `p` are required. */
export interface LpNormOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The order of the norm: 1, 2 or Infinity. */
  readonly p: number;
  /** The feature axis; -1 is the last. Default: 1. */
  readonly axis?: number | undefined;
  /** Added to the norm (under the square root if p is 2). May be 0. Default: 1e-5. */
  readonly epsilon?: number | undefined;
  /** The weight of each batch in the running statistics: running = (1 - momentum) running + momentum batch. Default: 0.1. */
  readonly momentum?: number | undefined;
  /** The dtype of gamma and beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

const lpNormRules = {
  features: { kind: "count" },
  p: { kind: "any" },
  axis: { kind: "integer", default: 1 },
  epsilon: { kind: "number", low: 0, default: 1e-5 },
  momentum: { kind: "number", low: 0, high: 1, default: 0.1 },
  dtype: dtypeRule,
} as const satisfies OptionRules<LpNormOptions>;

/**
 * Normalizes each feature by its mean and its l_p norm over the batch.
 *
 *     y = gamma (x - mean) / s + beta      s = mean |x| + epsilon, sqrt(mean x² + epsilon) or max |x| + epsilon
 *
 * The norm is computed *before* the mean is subtracted, so p = 2 is not batch norm. The paper has no formula for it. This
 * one is our interpretation.
 *
 * - **Shapes**: x, y [N, C], [N, C, ...], or features last with `axis: -1` · gamma, beta [C]
 * - **Modes**: train and probe: statistics of the batch; train also updates the running mean and norm. inference: the running
 *   mean and norm
 * - **Numerics**: sums in double precision; if several values share the maximum, the first receives its gradient
 * - **Cost**: three passes over x forward, three backward, which reads x again
 * - **Source**: Santurkar et al. 2018, section 3.3 (arXiv:1805.11604)
 *
 * @throws {RangeError} if p is not 1, 2 or Infinity, or at inference if no batch was tracked
 * @example
 * const norm = new LpNorm({ features: 1, p: Infinity, epsilon: 0 });
 * const { output } = norm.forward(Tensor.from([[1], [2], [2], [5]], { dtype: "float32" }), { mode: "train" });
 * output.at(3, 0);   // => 0.5
 */
export class LpNorm implements Layer {
  readonly features: number;
  readonly p: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly gamma: Parameter;
  readonly beta: Parameter;
  /** The running mean [C], initially 0. */
  readonly runningMean: RunningStatistic;
  /** The running l_p norm [C] without epsilon, initially 1. */
  readonly runningNorm: RunningStatistic;
  readonly batchesTracked: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer with gamma = 1, beta = 0 and no tracked batches. */
  constructor(options: LpNormOptions) {
    const { features, p, axis, epsilon, momentum, dtype } = readOptions("LpNorm", options, lpNormRules);
    if (p !== 1 && p !== 2 && p !== Infinity) {
      throw new RangeError(complaint("LpNorm", "p to be 1, 2 or Infinity", show(p)));
    }
    this.features = features;
    this.p = p;
    this.axis = axis;
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.gamma = new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype));
    this.beta = new Parameter("beta", "shift", Tensor.zeros([features], dtype));
    this.runningMean = new RunningStatistic("runningMean", new Float64Array(features));
    this.runningNorm = new RunningStatistic("runningNorm", new Float64Array(features).fill(1), 0);
    this.batchesTracked = new RunningStatistic("batchesTracked", new Float64Array(1), 0);
    this.parameters = [this.gamma, this.beta];
    this.statistics = [this.runningMean, this.runningNorm, this.batchesTracked];
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("LpNorm", input, pass, this.parameters);
    const view = featureView(name, input, this.axis, this.features);
    const fromBatch = pass.mode !== "inference";
    const x = input.data;
    let mean: Float64Array;
    let norm: Float64Array;
    if (fromBatch) {
      expectNoRowWeights(name, pass);
      expectTwoValues(name, pass, view.outer * view.inner, input);
      ({ mean, norm } = batchStatistics(x, view, this.p));
    } else {
      expectTracked(name, pass, this.batchesTracked.values[0]!);
      mean = this.runningMean.values.slice();
      norm = this.runningNorm.values.slice();
    }
    // x - mean is divided by it. It is 0 only if all values are 0, which then stay 0.
    const divisor = norm.map((s) => (this.p === 2 ? Math.sqrt(s * s + this.epsilon) : s + this.epsilon));
    const reciprocal = divisor.map((s) => (s === 0 ? 0 : 1 / s));
    const gamma = this.gamma.value.data;
    const beta = this.beta.value.data;
    const output = Tensor.zeros(input.shape, input.dtype);
    forEachValue(view, (i, c) => {
      output.data[i] = (x[i]! - mean[c]!) * reciprocal[c]! * gamma[c]! + beta[c]!;
    });

    if (pass.mode === "train") afterPass(pass, () => this.track(mean, norm));

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const dy = gradOutput.data;
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const dx = gradInput.data;
      const sumDy = new Float64Array(this.features);
      const sumDyXhat = new Float64Array(this.features);
      forEachValue(view, (i, c) => {
        sumDy[c]! += dy[i]!;
        sumDyXhat[c]! += dy[i]! * (x[i]! - mean[c]!) * reciprocal[c]!;
      });
      const gradients = zeroGradients(this.parameters);
      gradients.get(this.gamma)!.data.set(sumDyXhat);
      gradients.get(this.beta)!.data.set(sumDy);
      const m = view.outer * view.inner;
      const largest = fromBatch && this.p === Infinity ? firstLargest(x, view, norm) : undefined;
      forEachValue(view, (i, c) => {
        const scale = gamma[c]! * reciprocal[c]!;
        if (!fromBatch) {
          dx[i] = scale * dy[i]!;
          return;
        }
        // The gradient through the mean and through the norm: dL/ds = -gamma Σ dy xhat / s
        const throughNorm = sumDyXhat[c]! * this.normGradient(x[i]!, reciprocal[c]!, m, largest?.[c] === i);
        dx[i] = scale * (dy[i]! - sumDy[c]! / m - throughNorm);
      });
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  /** Returns ds/dx for one value. */
  private normGradient(x: number, reciprocal: number, m: number, isLargest: boolean): number {
    if (this.p === 1) return Math.sign(x) / m;
    if (this.p === 2) return (x * reciprocal) / m;
    return isLargest ? Math.sign(x) : 0;
  }

  private track(mean: Float64Array, norm: Float64Array): void {
    this.batchesTracked.values[0]!++;
    for (let c = 0; c < this.features; c++) {
      this.runningMean.values[c] = (1 - this.momentum) * this.runningMean.values[c]! + this.momentum * mean[c]!;
      this.runningNorm.values[c] = (1 - this.momentum) * this.runningNorm.values[c]! + this.momentum * norm[c]!;
    }
  }
}

function batchStatistics(x: Floats, view: ChannelView, p: number): { mean: Float64Array; norm: Float64Array } {
  const m = view.outer * view.inner;
  const mean = new Float64Array(view.channels);
  const norm = new Float64Array(view.channels);
  forEachValue(view, (i, c) => {
    const value = x[i]!;
    mean[c]! += value / m;
    if (p === 1) norm[c]! += Math.abs(value) / m;
    else if (p === 2) norm[c]! += (value * value) / m;
    else norm[c] = Math.max(norm[c]!, Math.abs(value));
  });
  return { mean, norm: p === 2 ? norm.map(Math.sqrt) : norm };
}

/** Returns the index of the first of the largest values of each channel. */
function firstLargest(x: Floats, view: ChannelView, norm: Float64Array): Int32Array {
  const places = new Int32Array(view.channels).fill(-1);
  forEachValue(view, (i, c) => {
    if (places[c] === -1 && Math.abs(x[i]!) === norm[c]) places[c] = i;
  });
  return places;
}

function forEachValue({ outer, channels, inner }: ChannelView, visit: (index: number, channel: number) => void): void {
  for (let o = 0, i = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (const end = i + inner; i < end; i++) visit(i, c);
    }
  }
}
