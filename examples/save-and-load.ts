/** Save and load: a trained model as JSON, including the running statistics that inference needs. */
import {
  BatchNorm,
  Dense,
  loadStateDict,
  Random,
  ReLU,
  Sequential,
  SGD,
  softmaxCrossEntropy,
  type StateDict,
  stateDict,
} from "batchnorm";
import { accuracyOf, batchesOf, loadDigits, splitDigits } from "./data/digits.js";

/** Builds the model. Only its state is saved, so loading starts with a newly built model, from any seed. */
function build(seed: number): Sequential {
  const random = new Random(seed);
  return new Sequential([
    new Dense({ inputs: 64, outputs: 32, bias: false, initial: "he", random }),
    new BatchNorm({ features: 32 }),
    new ReLU(),
    new Dense({ inputs: 32, outputs: 10, random }),
  ]);
}

const random = new Random(1);
const { train, test } = splitDigits(loadDigits(), random.fork("split"));
const batches = batchesOf(train, 64, random.fork("batches"));
const model = build(1);
const optimizer = new SGD(model.parameters, { learningRate: 0.2, momentum: 0.9 });
for (let step = 0; step < 100; step++) {
  const { images, labels } = batches.next().value;
  const { output, backward } = model.forward(images, { mode: "train" });
  optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
}

const text = JSON.stringify(stateDict(model));
const loaded = build(2);
loadStateDict(loaded, JSON.parse(text) as StateDict);
console.log(`entries: ${Object.keys(stateDict(loaded)).join(", ")}`);

const outputs = [model, loaded].map((each) => each.forward(test.images, { mode: "inference" }).output);
const same = outputs[0]!.data.every((value, i) => Object.is(value, outputs[1]!.data[i]));
console.log(`test accuracy ${accuracyOf(outputs[1]!, test.labels).toFixed(2)}; outputs identical: ${same}`);

// A state that does not match is rejected as a whole. Here a running statistic is missing.
const entries = Object.entries(stateDict(model)).filter(([path]) => path !== "1.runningVariance");
try {
  loadStateDict(loaded, Object.fromEntries(entries));
} catch (error) {
  console.log(String(error));
}

/* Prints
entries: 0.weight, 1.gamma, 1.beta, 3.weight, 3.bias, 1.runningMean, 1.runningVariance, 1.batchesTracked
test accuracy 0.97; outputs identical: true
TypeError: loadStateDict: expected exactly the model's entries, got no "1.runningVariance" - build the model as it was when saved
*/
