/** NoiseInjection: the time-varying noise that Santurkar et al. added after batch norm to make activations unstable. */

import { complaint, ShapeError } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { afterPass, beginForward, guardedForward } from "../layers/forward.js";
import { predict, type PredictOptions } from "../layers/predict.js";
import { noGradients } from "../layers/gradients.js";
import type { Random } from "../core/random.js";
import { channelView, printShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";

/** Options for `NoiseInjection`. The defaults are the paper's. */
export interface NoiseInjectionOptions {
  /** The stream from which the layer forks its own. Several layers may be created from the same stream. */
  readonly random: Random;
  /** The unit axis; -1 is the last. Default: 1. */
  readonly axis?: number | undefined;
  /** The mean of each unit is uniform in [-meanSpread, meanSpread]. Default: 0.5 (the paper's n_mu). */
  readonly meanSpread?: number | undefined;
  /** The scale of each unit is uniform in [1, largestScale]. Default: 1.25 (n_sigma). */
  readonly largestScale?: number | undefined;
  /** The shift of each value is uniform within ± this of its unit's mean. Default: 0.1 (r_mu). */
  readonly sampleMeanSpread?: number | undefined;
  /** The standard deviation of the scale of each value around that of its unit. Default: 0.1 (r_sigma). */
  readonly sampleScaleStd?: number | undefined;
  /** Apply the expected noise at inference, y = (1 + largestScale) / 2 x, or the identity. Default: "expectation". */
  readonly inference?: "expectation" | "identity" | undefined;
}

const noiseRules = {
  random: { kind: "random" },
  axis: { kind: "integer", default: 1 },
  meanSpread: { kind: "number", low: 0, default: 0.5 },
  largestScale: { kind: "number", low: 1, default: 1.25 },
  sampleMeanSpread: { kind: "number", low: 0, default: 0.1 },
  sampleScaleStd: { kind: "number", low: 0, default: 0.1 },
  inference: { kind: "word", words: ["expectation", "identity"], default: "expectation" },
} as const satisfies OptionRules<NoiseInjectionOptions>;

/**
 * Scales and shifts every value by random noise. The distribution of the noise changes from step to step.
 *
 *     y[n,j] = s[n,j] x[n,j] + m[n,j]      m[n,j] ~ U(mu[j] ± 0.1), s[n,j] ~ N(sigma[j], 0.1)
 *     per unit j and pass: mu[j] ~ U(-0.5, 0.5), sigma[j] ~ U(1, 1.25)
 *
 * - **Shapes**: x, y [N, J] or [N, J, ...], or units last with `axis: -1`
 * - **Modes**: train draws new noise. probe draws from a copy of the stream: it repeats the noise that the next train pass on a
 *   batch of this shape will have. inference applies the expected noise or the identity
 * - **Cost**: one uniform and one normal random number per value; memory for one number per value
 * - **Source**: Santurkar et al. 2018, appendix A, algorithm 1 (arXiv:1805.11604), with r_sigma as a standard deviation
 *
 * @throws {RangeError} if a spread is negative or largestScale is below 1
 * @example
 * const noise = new NoiseInjection({ random: new Random(1) });
 * noise.forward(Tensor.from([[1, 2]]), { mode: "inference" }).output.toNested();   // => [[1.125, 2.25]]
 */
export class NoiseInjection implements Layer {
  readonly axis: number;
  readonly meanSpread: number;
  readonly largestScale: number;
  readonly sampleMeanSpread: number;
  readonly sampleScaleStd: number;
  readonly inference: "expectation" | "identity";
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly streams: ReadonlyMap<string, Random>;
  private readonly random: Random;

  /** Creates the layer and forks its random stream. */
  constructor(options: NoiseInjectionOptions) {
    const read = readOptions("NoiseInjection", options, noiseRules);
    // With a copy of the stream, all layers created from it would have the same noise.
    this.random = read.random.fork(`noise ${read.random.integer(2 ** 32)}`);
    this.streams = new Map([["noise", this.random]]);
    this.axis = read.axis;
    this.meanSpread = read.meanSpread;
    this.largestScale = read.largestScale;
    this.sampleMeanSpread = read.sampleMeanSpread;
    this.sampleScaleStd = read.sampleScaleStd;
    this.inference = read.inference;
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("NoiseInjection", input, pass, []);
    const rank = input.shape.length;
    const at = this.axis < 0 ? rank + this.axis : this.axis;
    if (rank < 2 || at < 0 || at >= rank) {
      throw new ShapeError(
        complaint(name, `an input of at least 2 axes with axis ${this.axis}`, `shape ${printShape(input.shape)}`),
      );
    }
    const output = Tensor.zeros(input.shape, input.dtype);
    const y = output.data;
    let scale: Float64Array;
    if (pass.mode === "inference") {
      scale = new Float64Array(input.size).fill(this.inference === "identity" ? 1 : (1 + this.largestScale) / 2);
      for (let i = 0; i < y.length; i++) y[i] = scale[i]! * input.data[i]!;
    } else {
      const { outer, channels, inner } = channelView(input.shape, at);
      const { sampleMeanSpread, sampleScaleStd } = this;
      const random = this.random.copy();
      const mu = Float64Array.from({ length: channels }, () => random.uniform(-this.meanSpread, this.meanSpread));
      const sigma = Float64Array.from({ length: channels }, () => random.uniform(1, this.largestScale));
      scale = new Float64Array(input.size);
      for (let o = 0, i = 0; o < outer; o++) {
        for (let j = 0; j < channels; j++) {
          for (const end = i + inner; i < end; i++) {
            // Without spread there is nothing to draw per value, only two numbers per unit.
            const shift =
              sampleMeanSpread === 0 ? mu[j]! : random.uniform(mu[j]! - sampleMeanSpread, mu[j]! + sampleMeanSpread);
            scale[i] = sampleScaleStd === 0 ? sigma[j]! : random.normal(sigma[j], sampleScaleStd);
            y[i] = scale[i]! * input.data[i]! + shift;
          }
        }
      }
      const { state } = random;
      if (pass.mode === "train") afterPass(pass, () => this.random.restore(state));
    }

    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      for (let i = 0; i < scale.length; i++) gradInput.data[i] = scale[i]! * gradOutput.data[i]!;
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}
