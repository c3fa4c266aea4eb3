/** Training: trains one network and takes all measurements along the way. */
import { Batcher, defaultKernels, type Layer, Random, type Sequential, SGD, softmaxCrossEntropy } from "batchnorm";
import { accuracyOf, type LabeledImages } from "../data/fashion.js";
import { type Look, lookAlongGradient } from "../demo/landscape.js";
import type { ImageSet } from "./data.js";
import {
  BATCH_SIZE,
  DIVERGED_LOSS,
  type Job,
  LEARNING_RATE,
  PROBE_EVERY,
  TEST_EVERY,
  TEST_IMAGES,
} from "./experiment.js";
import { buildNetwork } from "./networks.js";

/** The measurements of one training run. Plain data that can be sent between threads. */
export interface Run extends Job {
  /** The kernel set used. */
  readonly kernels: string;
  readonly parameters: number;
  /** The number of steps after which training diverged, or null if it did not. Nothing is measured afterwards. */
  readonly divergedAt: number | null;
  /** losses[i] is the loss on the batch of step i + 1. */
  readonly losses: readonly number[];
  /** Accuracy on the test images in inference mode, by number of steps done. */
  readonly accuracies: readonly { readonly step: number; readonly accuracy: number }[];
  readonly looks: readonly Look[];
  /** The median time of a training step, without measurements. */
  readonly millisecondsPerStep: number;
  /** The first convolution, before and after training. */
  readonly filters: { readonly before: readonly Filter[]; readonly after: readonly Filter[] };
}

/** The weights of a 3x3 filter: channel by channel, row by row. */
export type Filter = readonly number[];

/** Trains one network; `onStep` is called with the number of steps done. */
export async function train(job: Job, set: ImageSet, onStep: (done: number) => void): Promise<Run> {
  const { facts, train, test } = set;
  const random = new Random(job.seed);
  const batches = endless({ input: train.images, target: train.labels, random: random.fork("batches") });
  const model = buildNetwork(job.architecture, job.network, facts.channels, random.fork("weights"));
  const optimizer = new SGD(model.parameters, { learningRate: LEARNING_RATE });
  const before = filtersOf(model);

  let divergedAt: number | null = null;
  const losses: number[] = [];
  const times: number[] = [];
  const accuracies = new Map<number, number>();
  const looks: Look[] = [];

  for (let step = 0; step < job.steps; step++) {
    const { input, target } = batches.next().value;
    if (step % PROBE_EVERY === 0) {
      looks.push(await lookAlongGradient(model, { images: input, labels: target }, LEARNING_RATE, step, "float32"));
    }
    const start = performance.now();
    const { output, backward } = model.forward(input, { mode: "train" });
    const { loss, gradOutput } = softmaxCrossEntropy(output, target);
    losses.push(loss);
    if (!(loss <= DIVERGED_LOSS)) {
      divergedAt = step;
      accuracies.set(step, testAccuracy(model, test, TEST_IMAGES));
      break;
    }
    optimizer.step(backward(gradOutput).gradients);
    times.push(performance.now() - start);

    const done = step + 1;
    if (done === job.steps) accuracies.set(done, testAccuracy(model, test, test.labels.length));
    else if (done % TEST_EVERY === 0) accuracies.set(done, testAccuracy(model, test, TEST_IMAGES));
    onStep(done);
  }

  return {
    ...job,
    kernels: defaultKernels().name,
    parameters: model.parameters.reduce((sum, { value }) => sum + value.data.length, 0),
    divergedAt,
    losses,
    accuracies: Array.from(accuracies, ([step, accuracy]) => ({ step, accuracy })),
    looks,
    millisecondsPerStep: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN,
    filters: { before, after: filtersOf(model) },
  };
}

type Batches = Batcher<readonly number[]>;
type TrainingBatch = Batches extends Iterable<infer Item> ? Item : never;

/** Yields batches epoch by epoch, without end. */
function* endless(data: {
  input: LabeledImages["images"];
  target: readonly number[];
  random: Random;
}): Generator<TrainingBatch, never> {
  const batcher: Batches = new Batcher({ ...data, batchSize: BATCH_SIZE, dropLast: true });
  for (;;) yield* batcher;
}

/** On the first images, in parts: 1000 images at once would need ten times the memory of a training step. */
function testAccuracy(model: Sequential, { images, labels }: LabeledImages, most: number): number {
  const part = 100;
  const count = Math.min(most, labels.length);
  let right = 0;
  for (let start = 0; start < count; start += part) {
    const rows = Array.from({ length: Math.min(part, count - start) }, (_, i) => start + i);
    const expected = rows.map((row) => labels[row]!);
    right += expected.length * accuracyOf(model.predict(images.rows(rows)), expected);
  }
  return Math.round(right) / count;
}

function filtersOf({ parameters }: Layer): Filter[] {
  const weight = parameters[0]!.value;
  const size = weight.data.length / weight.shape[0]!;
  return Array.from({ length: weight.shape[0]! }, (_, i) => [...weight.data.subarray(i * size, (i + 1) * size)]);
}
