/**
 * Writes tfjs-images.json: a trained convolutional network of TensorFlow.js, channels last as in Keras, and what it computes.
 *
 *     npm install --no-save @tensorflow/tfjs@4.22.0
 *     node test/golden/formats/make_tfjs_images.mjs
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";

await tf.setBackend("cpu");
const kernelInitializer = (seed) => tf.initializers.glorotUniform({ seed });
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({
      filters: 4,
      kernelSize: [3, 2],
      padding: "same",
      useBias: false,
      inputShape: [6, 5, 2],
      kernelInitializer: kernelInitializer(1),
    }),
    tf.layers.batchNormalization(),
    tf.layers.reLU(),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.conv2d({ filters: 5, kernelSize: 2, kernelInitializer: kernelInitializer(2) }),
    tf.layers.flatten(),
    tf.layers.batchNormalization(),
    tf.layers.dense({ units: 3, kernelInitializer: kernelInitializer(3) }),
    tf.layers.softmax(),
  ],
});
model.compile({ optimizer: tf.train.sgd(0.1), loss: "categoricalCrossentropy" });
const inputs = tf.randomNormal([32, 6, 5, 2], 0.5, 2, "float32", 4);
const targets = tf.oneHot(tf.randomUniform([32], 0, 3, "int32", 5), 3);
await model.fit(inputs, targets, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 });

const weights = [];
for (const layer of model.layers) {
  for (const weight of layer.weights) {
    const { name, shape } = weight;
    weights.push({ name, shape, values: [...(await weight.read().data())] });
  }
}
const x = tf.randomNormal([4, 6, 5, 2], 0.5, 2, "float32", 6);
const golden = {
  source: { tfjs: tf.version.tfjs, script: "make_tfjs_images.mjs" },
  weights,
  x: await x.array(),
  inference: await model.predict(x).array(),
};
writeFileSync(join(import.meta.dirname, "tfjs-images.json"), `${JSON.stringify(golden)}\n`);
