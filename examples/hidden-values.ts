/** Hidden values: how the percentiles of a hidden unit change during training, with and without batch norm. */
import { BatchNorm, Dense, type Layer, Random, Sequential, SGD, Sigmoid, softmaxCrossEntropy } from "batchnorm";
import { ActivationRecorder } from "batchnorm/probes";
import { batchesOf, loadDigits } from "./data/digits.js";

const random = new Random(1);
const digits = loadDigits();
// The same images every time: on a new batch, the percentiles would differ even if no weight had changed.
const watched = digits.images.rows(Array.from({ length: 256 }, (_, i) => i));

/** Builds three hidden layers; `path` is the layer whose output enters the last sigmoid. */
function build(withNorm: boolean): { model: Sequential; path: string } {
  const layers: Layer[] = [];
  for (let i = 0; i < 3; i++) {
    layers.push(new Dense({ inputs: 64, outputs: 64, bias: !withNorm, random: random.fork(`layer ${i}`) }));
    if (withNorm) layers.push(new BatchNorm({ features: 64 }));
    layers.push(new Sigmoid());
  }
  const path = String(layers.length - 2);
  layers.push(new Dense({ inputs: 64, outputs: 10, random: random.fork("output") }));
  return { model: new Sequential(layers), path };
}

for (const withNorm of [false, true]) {
  const { model, path } = build(withNorm);
  const optimizer = new SGD(model.parameters, { learningRate: 1 });
  const batches = batchesOf(digits, 64, random.fork("batches"));
  const recorder = new ActivationRecorder({ paths: [path], every: 100 });
  for (let step = 0; step <= 300; step++) {
    const observe = recorder.at(step); // undefined except at every 100th step
    if (observe !== undefined) model.forward(watched, { mode: "probe", observe });
    const { images, labels } = batches.next().value;
    const { output, backward } = model.forward(images, { mode: "train" });
    optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
  }

  // One unit, as in figure 1 of Ioffe & Szegedy 2015. After batch norm, its mean is beta and its std is gamma.
  console.log(`\n${withNorm ? "batch norm" : "plain"}, unit 0 of layer 3:   15%     50%     85%`);
  for (const { step, features } of recorder.records) {
    const percentiles = features!.quantiles.map((level) => level[0]!.toFixed(1).padStart(8));
    console.log(`  step ${String(step).padEnd(18)}${percentiles.join("")}`);
  }
}

/* Prints
plain, unit 0 of layer 3:   15%     50%     85%
  step 0                     -0.2    -0.2    -0.2
  step 100                   -1.7    -1.6    -1.6
  step 200                   -1.3    -1.1    -1.0
  step 300                   -2.5    -0.7     0.4

batch norm, unit 0 of layer 3:   15%     50%     85%
  step 0                     -1.2     0.1     1.0
  step 100                   -1.7    -0.3     1.8
  step 200                   -1.9    -0.1     1.9
  step 300                   -2.0    -0.1     1.9
*/
