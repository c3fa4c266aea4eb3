import { BatchNorm, defaultKernels, SGD, Tensor } from "batchnorm";
import { reciprocalStd } from "batchnorm/kernels";
import { opaque } from "../kernel-works.js";
import type { Run } from "../measure.js";
import { prepare as prepareNet } from "../model-works.js";
import type { NetPeerWork, NormPeerWork, PeerWork } from "./works.js";

/** This library: whole layers and models as its users write them, products and inference on its kernels. */
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
      return inference(work);
    case "batchNorm":
      return batchNorm(work);
    case "training":
    case "gradient":
      return net(work);
  }
}

function inference(work: NormPeerWork): Run {
  const [outer, channels, ...rest] = work.shape as readonly [number, number, ...number[]];
  const args = opaque({
    ...work,
    view: { outer, channels, inner: rest.reduce((product, length) => product * length, 1) },
    mean: Float64Array.from(work.mean),
    variance: Float64Array.from(work.variance),
    rstd: new Float64Array(channels),
    y: new Float32Array(work.x.length),
  });
  return () => {
    reciprocalStd(args);
    defaultKernels().normalize(args);
    return args.y;
  };
}

function batchNorm(work: NormPeerWork): Run {
  const layer = new BatchNorm({ features: work.shape[1]!, epsilon: work.epsilon });
  layer.gamma?.update((values) => values.set(work.gamma));
  layer.beta?.update((values) => values.set(work.beta));
  const input = new Tensor(work.x, work.shape);
  const gradOutput = new Tensor(work.dy, work.shape);
  return () => layer.forward(input, { mode: "train" }).backward(gradOutput).gradInput.data;
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
