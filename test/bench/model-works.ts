/** Whole models: training steps, evaluations, and loss with gradient, as a user writes them. */
import {
  BatchNorm,
  Dense,
  type Kernels,
  type Layer,
  meanSquaredError,
  Random,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import type { Work } from "./kernel-works.js";

/** Widths from input to output, and what stands between the dense layers. */
export interface Net {
  readonly name: string;
  readonly widths: readonly number[];
  readonly norm: boolean;
  readonly activation?: "sigmoid" | "relu";
  readonly batch: number;
}

/** The network of Ioffe & Szegedy's section 4.1. */
export const mnistNet: Net = {
  name: "784-100-100-100-10, sigmoid, batch norm, batch 60",
  widths: [784, 100, 100, 100, 10],
  norm: true,
  activation: "sigmoid",
  batch: 60,
};

export const wideNet: Net = {
  name: "784-512-512-512-10, ReLU, batch norm, batch 128",
  widths: [784, 512, 512, 512, 10],
  norm: true,
  activation: "relu",
  batch: 128,
};

/** As in a page that trains while one looks on. */
export const tinyNet: Net = {
  name: "2-32-32-1, ReLU, batch norm, batch 32",
  widths: [2, 32, 32, 1],
  norm: true,
  activation: "relu",
  batch: 32,
};

/** The deep linear network of Santurkar et al. */
export const deepLinearNet: Net = {
  name: "25 linear layers of 64, batch 1000",
  widths: new Array<number>(26).fill(64),
  norm: false,
  batch: 1000,
};

export const deepNormalizedNet: Net = {
  ...deepLinearNet,
  name: "25 linear layers of 64 with batch norm, batch 1000",
  norm: true,
};

function build({ widths, norm, activation }: Net, random: Random): Sequential {
  const layers = widths.slice(1).flatMap((outputs, i): readonly Layer[] => {
    const dense = new Dense({ inputs: widths[i]!, outputs, random });
    if (i === widths.length - 2) return [dense];
    return [
      dense,
      ...(norm ? [new BatchNorm({ features: outputs })] : []),
      ...(activation === "relu" ? [new ReLU()] : activation === "sigmoid" ? [new Sigmoid()] : []),
    ];
  });
  return new Sequential(layers);
}

/** A net with its data: labels for ten outputs, else a target like the output. */
export interface Prepared {
  readonly model: Sequential;
  readonly input: Tensor;
  readonly target: Tensor | readonly number[];
  readonly lossOf: (output: Tensor) => { readonly loss: number; readonly gradOutput: Tensor };
}

/** The same net gives the same data. */
export function prepare(net: Net, kernels?: Kernels): Prepared {
  const random = new Random(1).fork(net.name);
  const [inputs, outputs] = [net.widths[0]!, net.widths.at(-1)!];
  const model = build(net, random);
  const input = Tensor.normal([net.batch, inputs], { random });
  if (outputs === 10) {
    const labels = Array.from({ length: net.batch }, () => random.integer(outputs));
    return { model, input, target: labels, lossOf: (output) => softmaxCrossEntropy(output, labels, { kernels }) };
  }
  const target = Tensor.normal([net.batch, outputs], { random });
  return { model, input, target, lossOf: (output) => meanSquaredError(output, target, { kernels }) };
}

/** Forward, backward and the optimizer's step; what is compared is the loss of the first one. */
export function trainingWork(net: Net): Work {
  return {
    name: `training step, ${net.name}`,
    dtype: "float32",
    tolerance: 1e-4,
    prepare: (kernels) => {
      const { model, input, lossOf } = prepare(net, kernels);
      const optimizer = new SGD(model.parameters, { learningRate: 1e-3, kernels });
      return () => {
        const { output, backward } = model.forward(input, { mode: "train", kernels });
        const { loss, gradOutput } = lossOf(output);
        optimizer.step(backward(gradOutput).gradients);
        return [loss];
      };
    },
  };
}

/** The output in inference mode. */
export function evaluationWork(net: Net): Work {
  return {
    name: `evaluation, ${net.name}`,
    dtype: "float32",
    tolerance: 1e-4,
    prepare: (kernels) => {
      const { model, input } = prepare(net, kernels);
      model.forward(input, { mode: "train", kernels });
      return () => model.forward(input, { mode: "inference", kernels }).output.data;
    },
  };
}

/** Loss and gradient in probe mode: what every probe asks for, again and again. */
export function gradientWork(net: Net): Work {
  return {
    name: `loss and gradient, ${net.name}`,
    dtype: "float32",
    tolerance: 1e-2,
    prepare: (kernels) => {
      const { model, input, lossOf } = prepare(net, kernels);
      return () => {
        const { output, backward } = model.forward(input, { mode: "probe", kernels });
        const { gradOutput } = lossOf(output);
        return backward(gradOutput).gradients.get(model.parameters[0]!)!.data;
      };
    },
  };
}
