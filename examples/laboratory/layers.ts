/** Layers that only the claims need: batch norm with parts removed, and the scalar of SkipInit. */
import {
  BatchNorm,
  beginForward,
  channelView,
  type Forward,
  guardedForward,
  type Layer,
  Parameter,
  type Pass,
  type RunningStatistic,
  Tensor,
} from "batchnorm";

/**
 * Batch norm whose backward pass treats the mean and variance as constants: the outputs of batch norm with a wrong gradient.
 *
 *     y = gamma (x - mean) rstd + beta      dx = gamma rstd dy
 */
export class StopGradientNorm implements Layer {
  readonly #norm: BatchNorm;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  constructor({ features }: { readonly features: number }) {
    this.#norm = new BatchNorm({ features });
    this.parameters = this.#norm.parameters;
    this.statistics = this.#norm.statistics;
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = this.#norm.forward(input, pass);
    if (pass.mode === "inference") return { output, backward };
    const { name, kernels } = beginForward("StopGradientNorm", input, pass, this.parameters);
    const { features, epsilon } = this.#norm;
    const gamma = this.#norm.gamma!;
    const beta = this.#norm.beta!;
    const zeros = (): Float64Array => new Float64Array(features);
    const [mean, variance, rstd] = [zeros(), zeros(), zeros()];
    const x = input.data;
    const view = channelView(input.shape, 1);
    const [scale, shift] = [gamma.value.data, beta.value.data];
    const y = Tensor.zeros(input.shape, input.dtype).data;
    kernels.batchNormForward({ view, x, gamma: scale, beta: shift, epsilon, mean, variance, rstd, y });
    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const gradients = new Map([gamma, beta].map((parameter) => [parameter, Tensor.zeros([features], input.dtype)]));
      const [dy, dx] = [gradOutput.data, gradInput.data];
      const [dgamma, dbeta] = [gradients.get(gamma)!.data, gradients.get(beta)!.data];
      kernels.normalizeBackward({ view, x, dy, gamma: scale, mean, rstd, dx, dgamma, dbeta });
      return { gradInput, gradients };
    });
  }
}

/**
 * Divides by the standard deviation of the batch, without subtracting the mean. Every mode uses the statistics of the batch.
 *
 *     y = x rstd,  rstd = 1 / sqrt(variance + epsilon)      dx = rstd dy - rstd^3 (x - mean) mean(x dy)
 *
 * - **Shapes**: x, y [N, C]
 */
export class DeviationOnlyNorm implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly #features: number;

  constructor({ features }: { readonly features: number }) {
    this.#features = features;
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("DeviationOnlyNorm", input, pass, this.parameters);
    const features = this.#features;
    const view = channelView(input.shape, 1);
    const x = input.data;
    const zeros = (): Float64Array => new Float64Array(features);
    const [mean, variance, nothing] = [zeros(), zeros(), zeros()];
    kernels.moments({ view, x, mean, variance });
    const rstd = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
    const output = Tensor.zeros(input.shape, input.dtype);
    kernels.normalize({ view, x, mean: nothing, rstd, y: output.data });
    return guardedForward(name, output, this.parameters, [input], ({ data: dy }) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      const dx = gradInput.data;
      const along = Tensor.zeros([features], input.dtype).data; // rstd times the sum of x dy
      kernels.normalizeBackward({ view, x, dy, mean: nothing, rstd, dx, dgamma: along });
      const rows = x.length / features;
      for (let i = 0; i < x.length; i++) {
        const c = i % features;
        dx[i]! -= rstd[c]! ** 2 * (x[i]! - mean[c]!) * (along[c]! / rows);
      }
      return { gradInput, gradients: new Map() };
    });
  }
}

/**
 * Multiplies its input by one learned number that starts at 0.
 *
 *     y = alpha x      dalpha = Σ dy x      dx = alpha dy
 *
 * At the end of a residual branch, it makes the block the identity at the start of training.
 *
 * - **Shapes**: x, y of any shape · alpha [1]
 * - **Source**: SkipInit, De & Smith 2020 (arXiv:2002.10444)
 */
export class SkipInit implements Layer {
  readonly alpha = new Parameter("alpha", "scale", Tensor.zeros([1]));
  readonly parameters = [this.alpha];
  readonly statistics = [];

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("SkipInit", input, pass, this.parameters);
    const alpha = this.alpha.value.data[0]!;
    const times = ({ data }: Tensor): Tensor => {
      const product = Tensor.zeros(input.shape, input.dtype);
      for (let i = 0; i < data.length; i++) product.data[i] = alpha * data[i]!;
      return product;
    };
    return guardedForward(name, times(input), this.parameters, [input], (gradOutput) => {
      const [x, dy] = [input.data, gradOutput.data];
      let dalpha = 0;
      for (let i = 0; i < x.length; i++) dalpha += dy[i]! * x[i]!;
      const gradients = new Map([[this.alpha, Tensor.from([dalpha], { dtype: input.dtype })]]);
      return { gradInput: times(gradOutput), gradients };
    });
  }
}

const EPSILON = 1e-5;
