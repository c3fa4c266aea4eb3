/** Smoothness: how the loss and its gradient change along the gradient, with and without batch norm. */
import {
  BatchNorm,
  Dense,
  type Layer,
  modelObjective,
  Random,
  ReLU,
  Sequential,
  SGD,
  softmaxCrossEntropy,
} from "batchnorm";
import { alongGradient, stepSizesAround } from "batchnorm/probes";
import { batchesOf, loadDigits } from "./data/digits.js";

const LEARNING_RATE = 0.1;
const MULTIPLES = [0.01, 0.1, 1, 2, 4];
const random = new Random(1);
const digits = loadDigits();

function build(withNorm: boolean): Sequential {
  const layers: Layer[] = [];
  for (let i = 0; i < 8; i++) {
    const sizes = { inputs: i === 0 ? 64 : 48, outputs: 48 };
    layers.push(new Dense({ ...sizes, bias: !withNorm, initial: "he", random: random.fork(`layer ${i}`) }));
    if (withNorm) layers.push(new BatchNorm({ features: 48 }));
    layers.push(new ReLU());
  }
  layers.push(new Dense({ inputs: 48, outputs: 10, random: random.fork("output") }));
  return new Sequential(layers);
}

for (const withNorm of [false, true]) {
  const model = build(withNorm);
  const optimizer = new SGD(model.parameters, { learningRate: LEARNING_RATE });
  const batches = batchesOf(digits, 64, random.fork("batches"));
  for (let step = 0; step < 30; step++) {
    const { images, labels } = batches.next().value;
    const { output, backward } = model.forward(images, { mode: "train" });
    optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
  }

  // The probe evaluates in double precision, with batch statistics, and leaves the model unchanged.
  const { images, labels } = batches.next().value;
  const batch = { input: images, target: labels };
  const { objective, point } = modelObjective(model, batch, softmaxCrossEntropy, { mode: "probe" });
  const stepSizes = stepSizesAround(LEARNING_RATE, MULTIPLES);
  const report = await alongGradient(objective, point, { stepSizes });

  // Gain: actual / predicted decrease. 1: as the slope predicts; 0: no decrease; negative: the loss increased.
  console.log(`\n${withNorm ? "batch norm" : "plain"}, loss ${report.loss.toFixed(2)}`);
  console.log("  learning rates     loss     gain   gradient change   beta x learning rate");
  report.profile.forEach(({ loss, gain, relativeGradientChange, beta }, i) => {
    const figures = [loss, gain!, relativeGradientChange!, beta! * LEARNING_RATE].map((figure) => figure.toFixed(1));
    const [l, g, c, b] = figures as [string, string, string, string];
    console.log(
      `  ${String(MULTIPLES[i]).padStart(14)}${l.padStart(9)}${g.padStart(9)}${c.padStart(18)}${b.padStart(23)}`,
    );
  });
}

/* Prints
plain, loss 1.87
  learning rates     loss     gain   gradient change   beta x learning rate
            0.01      1.9      1.0               0.0                    2.9
             0.1      1.8      0.9               0.2                    2.4
               1      1.7      0.3               1.5                    1.5
               2      1.8      0.0               1.8                    0.9
               4      2.4     -0.2               2.6                    0.6

batch norm, loss 0.85
  learning rates     loss     gain   gradient change   beta x learning rate
            0.01      0.8      1.0               0.1                    6.3
             0.1      0.8      0.9               0.3                    2.6
               1      0.7      0.6               0.8                    0.8
               2      0.6      0.4               1.0                    0.5
               4      0.5      0.3               1.1                    0.3
*/
