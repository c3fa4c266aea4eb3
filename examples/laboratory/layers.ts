/** Layers that only the claims need: batch norm with parts removed, and the scalar of SkipInit. */
import {
  afterPass,
  BatchNorm,
  beginForward,
  channelView,
  type Forward,
  guardedForward,
  type Layer,
  Parameter,
  type Pass,
  RunningStatistic,
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
 * Subtracts the batch mean without dividing.
 *
 *     y = x - mean + beta      dx = dy - mean(dy)
 *
 * - **Shapes**: x, y [N, C] · beta [C]
 * - **Source**: mean-only batch normalization, Salimans & Kingma 2016 (arXiv:1602.07868)
 */
export class MeanOnlyNorm implements Layer {
  readonly beta: Parameter;
  readonly runningMean: RunningStatistic;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  constructor({ features, dtype = "float32" }: { readonly features: number; readonly dtype?: "float32" | "float64" }) {
    this.beta = new Parameter("beta", "shift", Tensor.zeros([features], dtype));
    this.runningMean = new RunningStatistic("runningMean", new Float64Array(features));
    this.parameters = [this.beta];
    this.statistics = [this.runningMean];
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("MeanOnlyNorm", input, pass, this.parameters);
    const [rows, features] = input.shape as [number, number];
    const running = this.runningMean.values;
    const mean = pass.mode === "inference" ? running : columnMeans(input);
    if (pass.mode === "train") {
      afterPass(pass, () => mean.forEach((value, c) => (running[c] = 0.9 * running[c]! + 0.1 * value)));
    }
    const beta = this.beta.value.data;
    const output = new Tensor(
      input.data.map((value, i) => value - mean[i % features]! + beta[i % features]!),
      input.shape,
    );
    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const meanDy = columnMeans(gradOutput);
      const centered = pass.mode === "inference" ? meanDy.map(() => 0) : meanDy;
      const gradInput = new Tensor(
        gradOutput.data.map((dy, i) => dy - centered[i % features]!),
        input.shape,
      );
      const dbeta = Tensor.from(
        meanDy.map((value) => value * rows),
        { dtype: input.dtype },
      );
      return { gradInput, gradients: new Map([[this.beta, dbeta]]) };
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

function columnMeans({ shape, data }: Tensor): Float64Array {
  const [rows, features] = shape as [number, number];
  const means = new Float64Array(features);
  data.forEach((value, i) => (means[i % features]! += value / rows));
  return means;
}
