/** Training: a network with its data, trained step by step. */
import { type Layer, Random, SGD, softmaxCrossEntropy, type Tensor } from "batchnorm";
import { accuracyOf, batchesOf, type Digits, pickDigits } from "../../data/digits.js";
import type { Source } from "../data.js";
import { type Built, buildNetwork, calibrate, type NetworkSpec } from "../networks.js";

/** Options for training with SGD at a constant learning rate on the cross-entropy. */
export interface Schedule {
  readonly learningRate: number;
  /** Default: 0. */
  readonly momentum?: number | undefined;
  /** Weight decay, applied to weights only. Default: 0. */
  readonly weightDecay?: number | undefined;
  readonly batchSize: number;
  /** Fixes the split, initial weights, batch order and noise, the same for all networks compared. */
  readonly seed: number;
}

/** Options for training a network. */
export interface Setup extends Schedule {
  readonly network: NetworkSpec;
}

/** Results of one training step. */
export interface Learned {
  /** Loss on the batch before the step; if it is not finite, the step is skipped. */
  readonly loss: number;
  /** Accuracy on the batch, in the training pass. */
  readonly accuracy: number;
}

/** A network with its data and optimizer. */
export interface Trainee extends Built {
  readonly data: { readonly train: Digits; readonly test: Digits };
  /** Returns training images for probing, from the start of the training set. */
  probe(count: number, from?: number): Digits;
  next(): Digits;
  learn(batch: Digits): Learned;
  /** Returns the accuracy on the test images in inference mode. */
  testAccuracy(): number;
}

/** Chance accuracy, assigned to diverged networks. */
export const CHANCE = 0.1;

/** Splits the data and builds the network, without training it. */
export function prepare(setup: Setup, source: Source): Trainee {
  const { network } = setup;
  const trainee = prepareModel(setup, source, (random) => buildNetwork(network, source.shape, 10, random));
  const { data } = trainee;
  calibrate(
    network,
    trainee,
    batchesOf(data.train, setup.batchSize, new Random(setup.seed).fork("batches")).next().value.images,
  );
  return trainee;
}

/** Like `prepare`, for a model built by a function that receives the random stream of the weights. */
export function prepareModel(
  { learningRate, momentum, weightDecay, batchSize, seed }: Schedule,
  source: Source,
  build: (random: Random) => Built,
): Trainee {
  const random = new Random(seed);
  const data = source.split(random.fork("split"));
  const batches = batchesOf(data.train, batchSize, random.fork("batches"));
  const built = build(random.fork("weights"));
  const { model } = built;
  const withoutDecay = ["bias", "scale", "shift"] as const;
  const optimizer = new SGD(model.parameters, { learningRate, momentum, weightDecay, withoutDecay });
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

/** Returns the accuracy of a model with its running statistics. */
export function inferenceAccuracy(model: Layer, { images, labels }: Digits): number {
  let right = 0;
  for (let start = 0; start < labels.length; start += PART) {
    const rows = Array.from({ length: Math.min(PART, labels.length - start) }, (_, i) => start + i);
    const part = pickDigits({ images, labels }, rows);
    right += rows.length * accuracyOf(model.forward(part.images, { mode: "inference" }).output, part.labels);
  }
  return Math.round(right) / labels.length;
}

/** Images tested at a time: all of them at once would take much more memory than a training step. */
const PART = 128;

/** Trains for a number of steps; returns whether the loss stayed finite. */
export function learnFor(trainee: Trainee, steps: number): boolean {
  for (let step = 0; step < steps; step++) if (!Number.isFinite(trainee.learn(trainee.next()).loss)) return false;
  return true;
}

/** Returns the images in batches, for `recalibrate`. */
export function imageBatches({ images }: Digits, size: number): Tensor[] {
  const rows = images.shape[0]!;
  return Array.from({ length: Math.floor(rows / size) }, (_, i) =>
    images.rows(Array.from({ length: size }, (_, j) => i * size + j)),
  );
}
