/** DynamicTanh: an elementwise layer, without statistics, that is used in place of a normalization layer. */

import type { DType } from "../core/dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "../layers/contract.js";
import { beginForward, guardedForward } from "../layers/forward.js";
import { zeroGradients } from "../layers/gradients.js";
import { featureView } from "../layers/guards.js";
import { Parameter, type RunningStatistic } from "../layers/parameter.js";
import { predict, type PredictOptions } from "../layers/predict.js";

/** Options for `DynamicTanh`. Only `features` is required. */
export interface DynamicTanhOptions {
  /** C, the length of the feature axis. */
  readonly features: number;
  /** The initial value of alpha. Default: 0.5, as in the paper. */
  readonly alpha?: number | undefined;
  /** The feature axis; -1 is the last. Default: 1. */
  readonly axis?: number | undefined;
  /** The dtype of alpha, gamma and beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

const dynamicTanhRules = {
  features: { kind: "count" },
  alpha: { kind: "number", low: 0, withoutLow: true, default: 0.5 },
  axis: { kind: "integer", default: 1 },
  dtype: dtypeRule,
} as const satisfies OptionRules<DynamicTanhOptions>;

/**
 * Dynamic tanh (DyT): squashes every value with a tanh of learned steepness, then scales and shifts it per feature.
 *
 *     y = gamma tanh(alpha x) + beta
 *
 * alpha is one learned number for the whole layer. No value depends on another, so there are no statistics of a batch.
 *
 * - **Shapes**: x, y [N, C], [N, C, ...], or features last with `axis: -1` · alpha [1] · gamma, beta [C]
 * - **Modes**: identical in every mode
 * - **Numerics**: uses the library's own exp, so the results are bit-identical in every engine. Sums in double precision
 * - **Cost**: two passes over x forward, one over x and dy backward; stores tanh(alpha x) in double
 *   precision
 * - **Source**: Zhu, Chen, He, LeCun & Liu 2025 (arXiv:2503.10622)
 *
 * @throws {ShapeError} if the length of the feature axis is not `features`
 * @throws {RangeError} if alpha is not above 0
 * @example
 * const layer = new DynamicTanh({ features: 2 });
 * layer.forward(Tensor.from([[0, 100]]), { mode: "inference" }).output.toNested();   // => [[0, 1]]
 */
export class DynamicTanh implements Layer {
  readonly features: number;
  readonly axis: number;
  /** [1] */
  readonly alpha: Parameter;
  /** [C], starts at 1. */
  readonly gamma: Parameter;
  /** [C], starts at 0. */
  readonly beta: Parameter;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer with gamma = 1 and beta = 0. */
  constructor(options: DynamicTanhOptions) {
    const { features, alpha, axis, dtype } = readOptions("DynamicTanh", options, dynamicTanhRules);
    this.features = features;
    this.axis = axis;
    this.alpha = new Parameter("alpha", "scale", Tensor.filled([1], alpha, dtype));
    this.gamma = new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype));
    this.beta = new Parameter("beta", "shift", Tensor.zeros([features], dtype));
    this.parameters = [this.alpha, this.gamma, this.beta];
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("DynamicTanh", input, pass, this.parameters);
    const { features } = this;
    const { outer, inner } = featureView(name, input, this.axis, features);
    const x = input.data;
    const alpha = this.alpha.value.data[0]!;
    const gamma = this.gamma.value.data;
    const beta = this.beta.value.data;
    // In double precision, because the terms of the gradient of alpha cancel.
    const t = new Float64Array(input.size);
    for (let i = 0; i < t.length; i++) t[i] = alpha * x[i]!;
    kernels.tanh({ x: t, y: t });
    const output = Tensor.zeros(input.shape, input.dtype);
    const y = output.data;
    for (let o = 0, i = 0; o < outer; o++) {
      for (let c = 0; c < features; c++) {
        for (const end = i + inner; i < end; i++) y[i] = gamma[c]! * t[i]! + beta[c]!;
      }
    }

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const dx = gradInput.data;
      const dy = gradOutput.data;
      const sumDy = new Float64Array(features);
      const sumDyTanh = new Float64Array(features);
      let dalpha = 0;
      for (let o = 0, i = 0; o < outer; o++) {
        for (let c = 0; c < features; c++) {
          for (const end = i + inner; i < end; i++) {
            sumDy[c]! += dy[i]!;
            sumDyTanh[c]! += dy[i]! * t[i]!;
            // The gradient with respect to alpha x
            const through = dy[i]! * gamma[c]! * (1 - t[i]! * t[i]!);
            dalpha += through * x[i]!;
            dx[i] = through * alpha;
          }
        }
      }
      const gradients = zeroGradients(this.parameters);
      gradients.get(this.alpha)!.data[0] = dalpha;
      gradients.get(this.gamma)!.data.set(sumDyTanh);
      gradients.get(this.beta)!.data.set(sumDy);
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}
