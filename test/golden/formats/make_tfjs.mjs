/**
 * Writes tfjs.json: a trained TensorFlow.js model's weights under its own names, and what it computes with them.
 *
 *     npm install --no-save @tensorflow/tfjs@4.22.0
 *     node test/golden/formats/make_tfjs.mjs
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";

await tf.setBackend("cpu");
const kernelInitializer = (seed) => tf.initializers.glorotUniform({ seed });
const model = tf.sequential({
  layers: [
    tf.layers.dense({ units: 4, inputShape: [3], useBias: false, kernelInitializer: kernelInitializer(1) }),
    tf.layers.batchNormalization(),
    tf.layers.reLU(),
    tf.layers.dense({ units: 3, kernelInitializer: kernelInitializer(2) }),
    tf.layers.layerNormalization(),
    tf.layers.dense({ units: 2, kernelInitializer: kernelInitializer(3) }),
  ],
});
model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
const inputs = tf.randomNormal([32, 3], 0.5, 2, "float32", 4);
const targets = tf.randomNormal([32, 2], 0, 1, "float32", 5);
await model.fit(inputs, targets, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 });

const weights = [];
for (const layer of model.layers) {
  for (const weight of layer.weights) {
    const { name, shape } = weight;
    weights.push({ name, shape, values: [...(await weight.read().data())] });
  }
}
const x = tf.randomNormal([7, 3], 0.5, 2, "float32", 6);
const rows = (tensor) => tensor.array();
const golden = {
  source: { tfjs: tf.version.tfjs, script: "make_tfjs.mjs" },
  // As model.getWeights() orders them: all running statistics last.
  wholeModel: model.weights.map(({ name }) => name),
  weights,
  x: await rows(x),
  inference: await rows(model.predict(x)),
  // This moves the running statistics by the batch x.
  train: await rows(model.apply(x, { training: true })),
  movingMean: await rows(model.layers[1].weights[2].read()),
  movingVariance: await rows(model.layers[1].weights[3].read()),
};
writeFileSync(join(import.meta.dirname, "tfjs.json"), `${JSON.stringify(golden)}\n`);
