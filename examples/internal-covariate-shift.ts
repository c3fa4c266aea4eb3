/** Internal covariate shift: how a layer's gradient changes when the layers below it are updated (Santurkar et al. 2018). */
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
import { internalCovariateShift } from "batchnorm/probes";
import { batchesOf, loadDigits } from "./data/digits.js";

const random = new Random(1);
const digits = loadDigits();

function build(withNorm: boolean): Sequential {
  const layers: Layer[] = [];
  for (let i = 0; i < 6; i++) {
    const sizes = { inputs: i === 0 ? 64 : 32, outputs: 32 };
    layers.push(new Dense({ ...sizes, bias: !withNorm, initial: "he", random: random.fork(`layer ${i}`) }));
    if (withNorm) layers.push(new BatchNorm({ features: 32 }));
    layers.push(new ReLU());
  }
  layers.push(new Dense({ inputs: 32, outputs: 10, random: random.fork("output") }));
  return new Sequential(layers);
}

for (const learningRate of [0.01, 0.1]) {
  for (const withNorm of [false, true]) {
    const model = build(withNorm);
    const optimizer = new SGD(model.parameters, { learningRate });
    const batches = batchesOf(digits, 64, random.fork("batches"));
    for (let step = 0; step < 30; step++) {
      const { images, labels } = batches.next().value;
      const { output, backward } = model.forward(images, { mode: "train" });
      optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
    }

    // Both gradients are on one batch: G before the layers below have taken a step, G' afterwards.
    const { images, labels } = batches.next().value;
    const batch = { input: images, target: labels };
    const { objective, point, groups } = modelObjective(model, batch, softmaxCrossEntropy, { mode: "probe" });
    const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate });

    console.log(`\n${withNorm ? "batch norm" : "plain"}, learning rate ${learningRate}`);
    console.log(`  layer                 ${blocks.map((_, i) => String(i + 1).padStart(7)).join("")}`);
    for (const [name, figure] of [
      ["||G - G'|| / ||G||", "relativeDifference"] as const,
      ["cosine of G and G'", "cosine"] as const,
    ]) {
      const figures = blocks.map(({ weight }) => weight![figure]!.toFixed(2).padStart(7));
      console.log(`  ${name.padEnd(22)}${figures.join("")}`);
    }
  }
}

/* Prints
plain, learning rate 0.01
  layer                       1      2      3      4      5      6      7
  ||G - G'|| / ||G||       0.00   0.14   0.15   0.10   0.13   0.09   0.03
  cosine of G and G'       1.00   0.99   0.99   1.00   0.99   1.00   1.00

batch norm, learning rate 0.01
  layer                       1      2      3      4      5      6      7
  ||G - G'|| / ||G||       0.00   0.35   0.31   0.27   0.24   0.12   0.05
  cosine of G and G'       1.00   0.94   0.95   0.96   0.97   0.99   1.00

plain, learning rate 0.1
  layer                       1      2      3      4      5      6      7
  ||G - G'|| / ||G||       0.00   0.87   0.87   1.03   1.23   1.32   1.44
  cosine of G and G'       1.00   0.51   0.52   0.20   0.10  -0.05  -0.05

batch norm, learning rate 0.1
  layer                       1      2      3      4      5      6      7
  ||G - G'|| / ||G||       0.00   0.54   0.56   0.45   0.45   0.38   0.22
  cosine of G and G'       1.00   0.85   0.83   0.89   0.89   0.92   0.98
*/
