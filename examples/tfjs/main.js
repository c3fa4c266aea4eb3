/** Runs the same probes on three objectives: a TensorFlow.js model, the same network in this library, and a handwritten function. */
import * as tf from "@tensorflow/tfjs";
import {
  BatchNorm,
  checkObjective,
  Dense,
  modelObjective,
  Random,
  Sequential,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "batchnorm";
import { alongGradient, curvature, internalCovariateShift } from "batchnorm/probes";
import { tfjsObjective } from "./tfjs-objective.js";

const ROWS = 64;
const LEARNING_RATE = 0.5;
await tf.setBackend("cpu");

// Points in the plane; the label is 1 if both coordinates have the same sign.
const random = new Random(1);
const x = Tensor.normal([ROWS, 2], { random, dtype: "float64" });
const labels = Array.from({ length: ROWS }, (_, i) => (x.at(i, 0) * x.at(i, 1) > 0 ? 1 : 0));

// 1. TensorFlow.js
const seed = (/** @type {number} */ seed) => tf.initializers.glorotUniform({ seed });
const theirs = tf.sequential({
  layers: [
    tf.layers.dense({ units: 8, useBias: false, inputShape: [2], kernelInitializer: seed(1) }),
    tf.layers.batchNormalization({ epsilon: 1e-5 }),
    tf.layers.activation({ activation: "tanh" }),
    tf.layers.dense({ units: 2, kernelInitializer: seed(2) }),
  ],
});
const inputs = tf.tensor2d(Array.from(x.data), [ROWS, 2]);
const targets = tf.oneHot(tf.tensor1d(labels, "int32"), 2);
const tfjs = tfjsObjective(theirs, inputs, (output) => tf.losses.softmaxCrossEntropy(targets, output));

// 2. The same network in this library. Its parameters have the same order, so both can be evaluated at the same point.
const ours = new Sequential([
  new Dense({ inputs: 2, outputs: 8, bias: false, random }),
  new BatchNorm({ features: 8 }),
  new Tanh(),
  new Dense({ inputs: 8, outputs: 2, random }),
]);
const here = modelObjective(ours, { input: x, target: labels }, softmaxCrossEntropy, { mode: "probe" });

// 3. By hand: logistic regression on the product of the coordinates.
/** @type {import("batchnorm").Objective} */
const byHand = (point) => {
  const [weight = 0, bias = 0] = point;
  let [loss, dWeight, dBias] = [0, 0, 0];
  labels.forEach((label, i) => {
    const feature = x.at(i, 0) * x.at(i, 1);
    const p = 1 / (1 + Math.exp(-(weight * feature + bias)));
    loss -= Math.log(label === 1 ? p : 1 - p) / ROWS;
    dWeight += ((p - label) * feature) / ROWS;
    dBias += (p - label) / ROWS;
  });
  return { loss, gradient: Float64Array.of(dWeight, dBias) };
};
/** @type {import("batchnorm").Group[]} */
const byHandGroups = [
  { name: "weight", role: "weight", shape: [1, 1], start: 0, end: 1 },
  { name: "bias", role: "bias", shape: [1], start: 1, end: 2 },
];

/** @type {[string, import("batchnorm").Objective, Float64Array, readonly import("batchnorm").Group[]][]} */
const objectives = [
  ["TensorFlow.js", tfjs.objective, tfjs.point, tfjs.groups],
  ["batchnorm", here.objective, tfjs.point, here.groups],
  ["by hand", byHand, Float64Array.of(0.5, 0), byHandGroups],
];
for (const [name, objective, point, groups] of objectives) {
  const { verdict } = await checkObjective(objective, point, { random: new Random(2), groups });
  const along = await alongGradient(objective, point, { stepSizes: [LEARNING_RATE, 4 * LEARNING_RATE] });
  const shift = await internalCovariateShift(objective, point, { groups, learningRate: LEARNING_RATE });
  const { sharpness } = await curvature(objective, point, { random: new Random(3), steps: 10 });
  console.log(`${name}: loss ${along.loss.toFixed(4)}, checkObjective: ${verdict}`);
  console.log(`  gain at 1 and 4 learning rates   ${along.profile.map(({ gain }) => gain?.toFixed(4)).join("   ")}`);
  console.log(`  sharpness                        ${sharpness.toFixed(2)}`);
  for (const { members, weight } of shift.blocks) {
    console.log(`  ${members.join(" ")}: relative change of the gradient ${weight?.relativeDifference?.toFixed(4)}`);
  }
}

/* Prints
TensorFlow.js: loss 1.3709, checkObjective: agrees
  gain at 1 and 4 learning rates   0.8774   0.3436
  sharpness                        1.26
  dense_Dense1.kernel batch_normalization_BatchNormalization1.gamma batch_normalization_BatchNormalization1.beta: relative change of the gradient 0.0000
  dense_Dense2.kernel dense_Dense2.bias: relative change of the gradient 0.2218
batchnorm: loss 1.3709, checkObjective: agrees
  gain at 1 and 4 learning rates   0.8774   0.3436
  sharpness                        1.26
  0.weight 1.gamma 1.beta: relative change of the gradient 0.0000
  3.weight 3.bias: relative change of the gradient 0.2218
by hand: loss 0.5775, checkObjective: agrees
  gain at 1 and 4 learning rates   0.9572   0.8398
  sharpness                        0.24
  weight bias: relative change of the gradient 0.0000
*/
