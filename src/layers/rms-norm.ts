/** RMSNorm: normalization of each sample by its root mean square. */

import type { DType } from "../core/dtype.js";
import { complaint } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { zeroGradients } from "./gradients.js";
import { featureView } from "./guards.js";
import { Parameter, type RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, outputOverRead, registerOwn } from "./private-memory.js";

/** Options for `RMSNorm`. Only `features` is required. */
export interface RMSNormOptions {
  /** C, the length of the normalized axis. */
  readonly features: number;
  /** Added to the mean square. Default: 1e-5 (PyTorch: the distance from 1 to the next number of the dtype). May be 0. */
  readonly epsilon?: number | undefined;
  /** Learn a per-feature scale, gamma. Default: true. */
  readonly scale?: boolean | undefined;
  /** The dtype of gamma. Default: "float32". */
  readonly dtype?: DType | undefined;
}

const rmsNormRules = {
  features: { kind: "count" },
  epsilon: { kind: "number", low: 0, default: 1e-5 },
  scale: { kind: "boolean", default: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<RMSNormOptions>;

/**
 * Root mean square normalization: divides each sample by the root mean square of its features, the last axis. This is layer
 * normalization without subtracting the mean and without a shift.
 *
 *     xhat = x / sqrt(mean(x²) + epsilon), over the last axis      y = gamma xhat
 *
 * - **Shapes**: x, y [..., C] · gamma [C]
 * - **Modes**: the same in all three: samples do not interact
 * - **Numerics**: in double precision, then rounded; with epsilon 0, a sample of zeros stays 0
 * - **Cost**: two passes forward, two backward, which read x; in TypeScript, on any kernel set
 * - **Source**: Zhang & Sennrich 2019 (arXiv:1910.07467)
 *
 * @throws {ShapeError} if the last axis is not `features` long
 * @throws {RangeError} if the mean square of a sample overflows (values beyond about 1e154)
 * @example
 * const norm = new RMSNorm({ features: 2, epsilon: 0 });
 * norm.forward(Tensor.from([[1, 7], [20, -20]]), { mode: "inference" }).output.toNested();   // => about [[0.2, 1.4], [1, -1]]
 */
export class RMSNorm implements Layer {
  readonly features: number;
  readonly epsilon: number;
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer with gamma = 1. */
  constructor(options: RMSNormOptions) {
    const { features, epsilon, scale, dtype } = readOptions("RMSNorm", options, rmsNormRules);
    this.features = features;
    this.epsilon = epsilon;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.parameters = this.gamma === undefined ? [] : [this.gamma];
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("RMSNorm", input, pass, this.parameters);
    const { features, epsilon } = this;
    const { outer: rows } = featureView(name, input, -1, features, false);
    const gamma = this.gamma?.value.data;
    const x = input.data;

    const meanSquare = new Float64Array(rows);
    for (let row = 0, i = 0; row < rows; row++) {
      let sum = 0;
      for (let c = 0; c < features; c++, i++) sum += x[i]! * x[i]!;
      meanSquare[row] = sum / features;
    }
    const infinite = meanSquare.indexOf(Infinity); // its 1 / Infinity would turn the sample into zeros
    if (infinite >= 0) {
      const got = `an infinite mean square in row ${infinite}`;
      throw new RangeError(complaint(name, "values whose squares float64 can hold", got, "scale down the input"));
    }
    const rstd = meanSquare.map((square) => (square + epsilon === 0 ? 0 : 1 / Math.sqrt(square + epsilon)));
    const output = outputOverRead(input, pass);
    for (let row = 0, i = 0; row < rows; row++) {
      for (let c = 0; c < features; c++, i++) output.data[i] = x[i]! * rstd[row]! * (gamma ? gamma[c]! : 1);
    }

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = gradientInPlace(gradOutput, input);
      const gradients = zeroGradients(this.parameters);
      const dgamma = new Float64Array(features);
      const dy = gradOutput.data;
      for (let row = 0; row < rows; row++) {
        const start = row * features;
        const scale = rstd[row]!;
        let sum = 0; // of dxhat xhat
        for (let c = 0; c < features; c++) {
          const dyXhat = dy[start + c]! * x[start + c]! * scale;
          dgamma[c]! += dyXhat;
          sum += dyXhat * (gamma ? gamma[c]! : 1);
        }
        for (let c = 0; c < features; c++) {
          const dxhat = dy[start + c]! * (gamma ? gamma[c]! : 1);
          gradInput.data[start + c] = scale * (dxhat - (x[start + c]! * scale * sum) / features);
        }
      }
      if (this.gamma) gradients.get(this.gamma)!.data.set(dgamma);
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}
