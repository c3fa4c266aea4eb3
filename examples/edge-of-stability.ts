/** The edge of stability: under gradient descent, sharpness approaches 2 / learning rate, with and without batch norm. */
import {
  BatchNorm,
  Dense,
  type Layer,
  meanSquaredError,
  modelObjective,
  Random,
  Sequential,
  Tanh,
  Tensor,
} from "batchnorm";
import { curvature } from "batchnorm/probes";
import { loadDigits, pickDigits } from "./data/digits.js";

const IMAGES = 200;
const random = new Random(1);
const { images, labels } = pickDigits(
  loadDigits(),
  Array.from({ length: IMAGES }, (_, i) => i),
);
const target = Tensor.zeros([IMAGES, 10]);
for (const [row, label] of labels.entries()) target.data[row * 10 + label] = 1;

function build(withNorm: boolean): Sequential {
  const layers: Layer[] = [];
  for (const [i, inputs] of [64, 32].entries()) {
    layers.push(new Dense({ inputs, outputs: 32, bias: !withNorm, random: random.fork(`layer ${i}`) }));
    if (withNorm) layers.push(new BatchNorm({ features: 32 }));
    layers.push(new Tanh());
  }
  layers.push(new Dense({ inputs: 32, outputs: 10, random: random.fork("output") }));
  return new Sequential(layers);
}

for (const learningRate of [0.5, 2]) {
  for (const withNorm of [false, true]) {
    const batch = { input: images, target };
    const { objective, point } = modelObjective(build(withNorm), batch, meanSquaredError, { mode: "probe" });
    console.log(`\n${withNorm ? "batch norm" : "plain"}, learning rate ${learningRate}`);
    // Gradient descent on the objective itself: full batch, no momentum; the model stays unchanged.
    let x = point;
    for (let step = 0; step <= 800; step++) {
      const { loss, gradient } = await objective(x);
      if (!(loss < 100)) {
        console.log(`  step ${step}: diverged`);
        break;
      }
      if (step % 400 === 0) {
        const report = await curvature(objective, x, { random: new Random(2), steps: 12, learningRate });
        // Above 2, a step along the sharpest direction ends farther from the minimum than it started.
        const figure = report.sharpnessTimesLearningRate!.toFixed(2);
        console.log(`  step ${String(step).padStart(3)}: loss ${loss.toFixed(4)}, sharpness x learning rate ${figure}`);
      }
      x = x.map((value, i) => value - learningRate * gradient[i]!);
    }
  }
}

/* Prints
plain, learning rate 0.5
  step   0: loss 0.4281, sharpness x learning rate 4.12
  step 400: loss 0.0138, sharpness x learning rate 2.08
  step 800: loss 0.0091, sharpness x learning rate 2.00

batch norm, learning rate 0.5
  step   0: loss 0.8355, sharpness x learning rate 1.96
  step 400: loss 0.0068, sharpness x learning rate 0.95
  step 800: loss 0.0040, sharpness x learning rate 0.92

plain, learning rate 2
  step   0: loss 0.4281, sharpness x learning rate 16.50
  step 3: diverged

batch norm, learning rate 2
  step   0: loss 0.8355, sharpness x learning rate 7.85
  step 400: loss 0.0032, sharpness x learning rate 2.00
  step 800: loss 0.0016, sharpness x learning rate 1.94
*/
