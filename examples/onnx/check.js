// Trains a network, exports it as trained and folded, and checks that onnxruntime computes the same outputs.
import {
  BatchNorm,
  Dense,
  LayerNorm,
  LeakyReLU,
  meanSquaredError,
  Random,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  Tanh,
  Tensor,
} from "batchnorm";
import { foldBatchNorm } from "batchnorm/tools";
import * as ort from "onnxruntime-web";
import { toOnnx } from "./to-onnx.js";

const random = new Random(1);
const dense = (inputs, outputs, bias = true) => new Dense({ inputs, outputs, bias, random });
const model = new Sequential([
  dense(5, 16, false),
  new BatchNorm({ features: 16, epsilon: 1e-3 }),
  new ReLU(),
  new Sequential([dense(16, 8), new LayerNorm({ features: 8 }), new Tanh()]),
  dense(8, 8),
  new BatchNorm({ features: 8, scale: false }),
  new LeakyReLU(),
  dense(8, 3),
  new Sigmoid(),
]);
const optimizer = new SGD(model.parameters, { learningRate: 0.5 });
const target = Tensor.uniform([64, 3], { random });
for (let step = 0; step < 50; step++) {
  const { output, backward } = model.forward(Tensor.normal([64, 5], { random, mean: 2 }), { mode: "train" });
  optimizer.step(backward(meanSquaredError(output, target).gradOutput).gradients);
}

const input = Tensor.normal([10, 5], { random, mean: 2, std: 3 });
const expected = model.forward(input, { mode: "inference" }).output;
for (const [name, network] of [
  ["as trained", model],
  ["folded", foldBatchNorm(model, input).model],
]) {
  const file = toOnnx(network, 5);
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  const feeds = { input: new ort.Tensor("float32", input.data, input.shape) };
  const { data } = Object.values(await session.run(feeds))[0];
  const difference = Math.max(...expected.data.map((value, i) => Math.abs(value - data[i])));
  console.log(`${name.padEnd(10)} ${file.length} bytes, largest difference ${difference.toExponential(1)}`);
  if (!(difference < 1e-5) || data.length !== expected.size) process.exitCode = 1;
}
