/** Small CNN: a convolutional network that learns Fashion-MNIST, with batch norm after each convolution. */
import {
  accuracy,
  Batcher,
  BatchNorm,
  Conv2d,
  Dense,
  Flatten,
  MaxPool2d,
  Random,
  ReLU,
  Sequential,
  SGD,
  softmaxCrossEntropy,
} from "batchnorm";
import { readFashion } from "./data/fashion-file.js";

const EPOCHS = 5;
const random = new Random(1);
const { train, test } = await readFashion();

// [N, 1, 32, 32] -> [N, 8, 16, 16] -> [N, 16, 8, 8] -> [N, 10]
const model = new Sequential([
  new Conv2d({ inputs: 1, outputs: 8, size: 3, padding: 1, bias: false, initial: "he", random }),
  new BatchNorm({ features: 8 }),
  new ReLU(),
  new MaxPool2d({ size: 2 }),
  new Conv2d({ inputs: 8, outputs: 16, size: 3, padding: 1, bias: false, initial: "he", random }),
  new BatchNorm({ features: 16 }),
  new ReLU(),
  new MaxPool2d({ size: 2 }),
  new Flatten(),
  new Dense({ inputs: 16 * 8 * 8, outputs: 10, random }),
]);

const optimizer = new SGD(model.parameters, { learningRate: 0.02, momentum: 0.9 });
const batches = new Batcher({ input: train.images, target: train.labels, batchSize: 64, random });
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  for (const { input, target } of batches) {
    const { output, backward } = model.forward(input, { mode: "train" });
    const { gradOutput } = softmaxCrossEntropy(output, target);
    optimizer.step(backward(gradOutput).gradients);
  }
  const right = accuracy(model.predict(test.images), test.labels);
  console.log(`epoch ${epoch}: test accuracy ${right.toFixed(2)}`);
}

/* Prints
epoch 1: test accuracy 0.77
epoch 2: test accuracy 0.82
epoch 3: test accuracy 0.85
epoch 4: test accuracy 0.87
epoch 5: test accuracy 0.86
*/
