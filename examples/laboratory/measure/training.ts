/** Training: a network with its data, ready to learn, step by step. */
import { type Layer, Random, SGD, softmaxCrossEntropy, type Tensor } from "batchnorm";
import { accuracyOf, batchesOf, type Digits, pickDigits } from "../../data/digits.js";
import type { Source } from "../data.js";
import { type Built, buildNetwork, calibrate, type NetworkSpec } from "../networks.js";

/** How a network is trained: plain SGD at a constant rate on the cross-entropy. */
export interface Setup {
  readonly network: NetworkSpec;
  readonly learningRate: number;
  readonly batchSize: number;
  /** Fixes split, initial weights, batch order and noise: the same for every network of a comparison. */
  readonly seed: number;
}

/** What one step came to. */
export interface Learned {
  /** Of the batch, before the step; the step is not made when it is not finite. */
  readonly loss: number;
  /** On the batch, in the training pass. */
  readonly accuracy: number;
}

/** A network that learns. */
export interface Trainee extends Built {
  readonly data: { readonly train: Digits; readonly test: Digits };
  /** The first images of the training set: where everything inside the network is looked at. */
  probe(count: number, from?: number): Digits;
  next(): Digits;
  learn(batch: Digits): Learned;
  /** In inference mode, on the test images. */
  testAccuracy(): number;
}

/** An accuracy of chance: what a diverged network is given. */
export const CHANCE = 0.1;

/** Splits the data, builds the network; nothing is learned yet. */
export function prepare({ network, learningRate, batchSize, seed }: Setup, source: Source): Trainee {
  const random = new Random(seed);
  const data = source.split(random.fork("split"));
  const batches = batchesOf(data.train, batchSize, random.fork("batches"));
  const built = buildNetwork(network, source.side ** 2, 10, random.fork("weights"));
  const { model } = built;
  calibrate(network, built, batchesOf(data.train, batchSize, random.fork("batches")).next().value.images);
  const optimizer = new SGD(model.parameters, { learningRate });
  return {
    ...built,
    data,
    probe: (count, from = 0) =>
      pickDigits(
        data.train,
        Array.from({ length: count }, (_, i) => (from + i) % data.train.labels.length),
      ),
    next: () => batches.next().value,
    learn: (batch) => {
      const { output, backward } = model.forward(batch.images, { mode: "train" });
      const { loss, gradOutput } = softmaxCrossEntropy(output, batch.labels);
      if (Number.isFinite(loss)) optimizer.step(backward(gradOutput).gradients);
      return { loss, accuracy: accuracyOf(output, batch.labels) };
    },
    testAccuracy: () => inferenceAccuracy(model, data.test),
  };
}

/** The part of some images that a model gets right with its running statistics. */
export function inferenceAccuracy(model: Layer, { images, labels }: Digits): number {
  return accuracyOf(model.forward(images, { mode: "inference" }).output, labels);
}

/** Learns so many steps; tells whether the loss stayed finite. */
export function learnFor(trainee: Trainee, steps: number): boolean {
  for (let step = 0; step < steps; step++) if (!Number.isFinite(trainee.learn(trainee.next()).loss)) return false;
  return true;
}

/** Pixels in rows of a batch: what `recalibrate` takes. */
export function imageBatches({ images }: Digits, size: number): Tensor[] {
  const rows = images.shape[0]!;
  return Array.from({ length: Math.floor(rows / size) }, (_, i) =>
    images.rows(Array.from({ length: size }, (_, j) => i * size + j)),
  );
}
