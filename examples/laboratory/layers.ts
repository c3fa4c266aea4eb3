/** Layers that only the claims need: batch norm with parts removed. */
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

  constructor({ features, dtype = "float32" }: { readonly features: number; readonly dtype?: "float32" | "float64"; readonly center?: boolean }) {
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
 * Divides by the standard deviation of the batch without subtracting the mean. It has no parameters and no running statistics, so
 * every mode uses those of the batch.
 *
 *     y = x rstd,  rstd = 1 / sqrt(variance + epsilon)      dx = rstd dy - rstd^3 (x - mean) mean(x dy)
 *
 * - **Shapes**: x, y [N, C]
 */
export class DeviationOnlyNorm implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("DeviationOnlyNorm", input, pass, this.parameters);
    const [rows, features] = input.shape as [number, number];
    const x = input.data;
    const output = Tensor.zeros(input.shape, input.dtype);
    const mean = columnMeans(input);
    const rstd = new Float64Array(features);
    for (let c = 0; c < features; c++) {
      let squares = 0;
      for (let i = c; i < x.length; i += features) squares += (x[i]! - mean[c]!) ** 2;
      rstd[c] = 1 / Math.sqrt(squares / rows + EPSILON);
      for (let i = c; i < x.length; i += features) output.data[i] = x[i]! * rstd[c]!;
    }
    return guardedForward(name, output, this.parameters, [input], ({ data: dy }) => {
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      for (let c = 0; c < features; c++) {
        let along = 0;
        for (let i = c; i < x.length; i += features) along += (x[i]! * dy[i]!) / rows;
        const r = rstd[c]!;
        for (let i = c; i < x.length; i += features) {
          gradInput.data[i] = r * dy[i]! - r ** 3 * (x[i]! - mean[c]!) * along;
        }
      }
      return { gradInput, gradients: new Map() };
    });
  }
}

const EPSILON = 1e-5;

function columnMeans({ shape, data }: Tensor): Float64Array {
  const [rows, features] = shape as [number, number];
  const means = new Float64Array(features);
  data.forEach((value, i) => (means[i % features]! += value / rows));
  return means;
}

// Stand-ins.
export class BatchRMSNorm implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  constructor(_: { readonly features: number; readonly scale: boolean }) {}
  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("BatchRMSNorm", input, pass, this.parameters);
    const features = input.shape[1]!;
    const x = input.data;
    const like = (values: (value: number, i: number) => number): Tensor => new Tensor(x.map(values), input.shape);
    const rstd = columnMeans(like((value) => value ** 2)).map((value) => 1 / Math.sqrt(value + EPSILON));
    const output = like((value, i) => value * rstd[i % features]!);
    return guardedForward(name, output, this.parameters, [input], ({ data: dy }) => {
      const along = columnMeans(like((value, i) => value * dy[i]!));
      const gradInput = like((value, i) => {
        const c = i % features;
        return rstd[c]! * dy[i]! - rstd[c]! ** 3 * value * along[c]!;
      });
      return { gradInput, gradients: new Map() };
    });
  }
}
export class DynamicTanh implements Layer {
  readonly alpha: Parameter; readonly gamma: Parameter; readonly beta: Parameter;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];
  constructor({ features }: { readonly features: number }) {
    this.alpha = new Parameter("alpha", "scale", Tensor.from([0.5]));
    this.gamma = new Parameter("gamma", "scale", Tensor.from(Array.from({ length: features }, () => 1)));
    this.beta = new Parameter("beta", "shift", Tensor.zeros([features]));
    this.parameters = [this.alpha, this.gamma, this.beta];
  }
  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("DynamicTanh", input, pass, this.parameters);
    const features = input.shape[1]!;
    const a = this.alpha.value.data[0]!;
    const [g, b] = [this.gamma.value.data, this.beta.value.data];
    const t = input.data.map((v) => Math.tanh(a * v));
    const output = new Tensor(t.map((v, i) => g[i % features]! * v + b[i % features]!), input.shape);
    return guardedForward(name, output, this.parameters, [input], ({ data: dy }) => {
      const zeros = (n: number) => Tensor.zeros([n], input.dtype);
      const [da, dg, db] = [zeros(1), zeros(features), zeros(features)];
      const dx = input.data.map((v, i) => {
        const c = i % features;
        dg.data[c]! += dy[i]! * t[i]!;
        db.data[c]! += dy[i]!;
        const s = dy[i]! * g[c]! * (1 - t[i]! ** 2);
        da.data[0]! += s * v;
        return s * a;
      });
      return { gradInput: new Tensor(dx, input.shape), gradients: new Map([[this.alpha, da], [this.gamma, dg], [this.beta, db]]) };
    });
  }
}
