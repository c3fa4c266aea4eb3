import {
  BatchNorm,
  Conv2d,
  defaultKernels,
  loadStateDict,
  Random,
  ReLU,
  Sequential,
  SGD,
  softmaxCrossEntropy,
  stateDict,
  Tensor,
} from "batchnorm";
import { buildLayers } from "../../../examples/images/networks.js";
import { opaque } from "../kernel-works.js";
import type { Run } from "../measure.js";
import { prepare as prepareNet } from "../model-works.js";
import type { ConvolutionPeerWork, ImagePeerWork, NetPeerWork, NormPeerWork, PeerWork } from "./works.js";

/** This library: whole layers and models as its users write them, products on its kernels. */
export function prepare(work: PeerWork): Run {
  switch (work.kind) {
    case "matmul": {
      const args = opaque({ ...work, out: new Float32Array(work.rows * work.columns) });
      return () => {
        defaultKernels().matmul(args);
        return args.out;
      };
    }
    case "inference":
    case "into":
      return inference(work);
    case "batchNorm":
    case "stack":
      return training(work);
    case "training":
    case "gradient":
      return net(work);
    case "images":
      return images(work);
    case "convolution":
      return convolution(work);
  }
}

function images({ net: { layers, batch }, parameters, input, labels, learningRate }: ImagePeerWork): Run {
  const model = buildLayers(layers, new Random(1));
  for (const [i, parameter] of model.parameters.entries()) parameter.update((own) => own.set(parameters[i]!.values));
  const optimizer = new SGD(model.parameters, { learningRate });
  const x = new Tensor(input, [batch, 1, 32, 32]);
  return () => {
    const { output, backward } = model.forward(x, { mode: "train" });
    const { loss, gradOutput } = softmaxCrossEntropy(output, labels);
    optimizer.step(backward(gradOutput).gradients);
    return [loss];
  };
}

function convolution({ shape, outputs, x, weight, dy }: ConvolutionPeerWork): Run {
  const [batch, inputs, height, width] = shape;
  const initial = { weight: new Tensor(weight, [outputs, inputs, 3, 3]) };
  const layer = new Conv2d({ inputs, outputs, size: 3, padding: 1, bias: false, initial });
  const input = new Tensor(x, shape);
  const gradOutput = new Tensor(dy, [batch, outputs, height, width]);
  return () => layer.forward(input, { mode: "train" }).backward(gradOutput).gradInput.data;
}

function inference(work: NormPeerWork): Run {
  const layer = normOf(work);
  const state = stateDict(layer);
  loadStateDict(layer, {
    ...state,
    runningMean: { ...state["runningMean"]!, values: [...work.mean] },
    runningVariance: { ...state["runningVariance"]!, values: [...work.variance] },
    batchesTracked: { ...state["batchesTracked"]!, values: [1] },
  });
  const input = new Tensor(work.x, work.shape);
  const into = work.kind === "into" ? Tensor.zeros(work.shape) : undefined;
  return () => layer.predict(input, { into }).data;
}

function training(work: NormPeerWork): Run {
  const layers = Array.from({ length: work.layers }, () => [normOf(work), new ReLU()]);
  const model = work.kind === "stack" ? new Sequential(layers.flat()) : normOf(work);
  const input = new Tensor(work.x, work.shape);
  const gradOutput = new Tensor(work.dy, work.shape);
  return () => model.forward(input, { mode: "train" }).backward(gradOutput).gradInput.data;
}

function normOf(work: NormPeerWork): BatchNorm {
  const layer = new BatchNorm({ features: work.shape[1]!, epsilon: work.epsilon });
  layer.gamma?.update((values) => values.set(work.gamma));
  layer.beta?.update((values) => values.set(work.beta));
  return layer;
}

function net({ kind, net: description, learningRate }: NetPeerWork): Run {
  const { model, input, lossOf } = prepareNet(description);
  const optimizer = new SGD(model.parameters, { learningRate });
  return () => {
    const { output, backward } = model.forward(input, { mode: kind === "training" ? "train" : "probe" });
    const { loss, gradOutput } = lossOf(output);
    const { gradients } = backward(gradOutput);
    if (kind === "gradient") return gradients.get(model.parameters[0]!)!.data;
    optimizer.step(gradients);
    return [loss];
  };
}
