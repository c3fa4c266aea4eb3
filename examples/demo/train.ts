/** Training: trains one network and takes all measurements along the way. */
import { defaultKernels, Random, type Sequential, SGD, softmaxCrossEntropy } from "batchnorm";
import { ActivationRecorder } from "batchnorm/probes";
import { accuracyOf, batchesOf, type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { BATCH_SIZE, DIVERGED_LOSS, type Job, PROBE_EVERY, PROBE_IMAGES, TEST_EVERY } from "./experiment.js";
import { type Look, lookAlongGradient } from "./landscape.js";
import { type Movement, movementOf } from "./movement.js";
import { buildNetwork } from "./network.js";

/** The measurements of one training run. Plain data that can be sent between threads. */
export interface Run extends Job {
  /** The kernel set used. */
  readonly kernels: string;
  /** The number of steps after which training diverged, or null if it did not. Nothing is measured afterwards. */
  readonly divergedAt: number | null;
  /** losses[i] is the loss on the batch of step i + 1. */
  readonly losses: readonly number[];
  /** Accuracy on the test images in inference mode, by number of steps done. */
  readonly accuracies: readonly { readonly step: number; readonly accuracy: number }[];
  /** Change of the values in each hidden layer. */
  readonly layers: readonly { readonly preActivation: Movement; readonly output: Movement }[];
  readonly looks: readonly Look[];
}

/** Trains one network; `onStep` is called with the number of steps done. */
export async function train(job: Job, onStep: (done: number) => void): Promise<Run> {
  const random = new Random(job.seed);
  const digits = splitDigits(loadDigits(), random.fork("split"));
  const batches = batchesOf(digits.train, BATCH_SIZE, random.fork("batches"));
  const probeImages = digits.train.images.rows(Array.from({ length: PROBE_IMAGES }, (_, i) => i));
  const { model, hidden } = buildNetwork(job.activation, job.network, random.fork("weights"));
  const optimizer = new SGD(model.parameters, { learningRate: job.learningRate });
  const paths = hidden.flatMap(({ preActivation, output }) => [preActivation, output]);
  const recorder = new ActivationRecorder({ paths });

  let divergedAt: number | null = null;
  const losses: number[] = [];
  const accuracies = new Map<number, number>();
  const looks: Look[] = [];
  const test = (step: number): void => void accuracies.set(step, testAccuracy(model, digits.test));
  const record = (step: number): void => void model.forward(probeImages, { mode: "probe", observe: recorder.at(step) });

  record(0);
  for (let step = 0; step < job.steps; step++) {
    const batch = batches.next().value;
    const { output, backward } = model.forward(batch.images, { mode: "train" });
    const { loss, gradOutput } = softmaxCrossEntropy(output, batch.labels);
    losses.push(loss);
    if (!(loss <= DIVERGED_LOSS)) {
      divergedAt = step;
      test(step);
      break;
    }
    if (step % PROBE_EVERY === 0) looks.push(await lookAlongGradient(model, batch, job.learningRate, step));
    optimizer.step(backward(gradOutput).gradients);

    const done = step + 1;
    if (done % TEST_EVERY === 0 || done === job.steps) test(done);
    if (done % PROBE_EVERY === 0 || done === job.steps) record(done);
    onStep(done);
  }

  const movementAt = (path: string): Movement => movementOf(recorder.records.filter((record) => record.path === path));
  return {
    ...job,
    kernels: defaultKernels().name,
    divergedAt,
    losses,
    accuracies: Array.from(accuracies, ([step, accuracy]) => ({ step, accuracy })),
    layers: hidden.map(({ preActivation, output }) => ({
      preActivation: movementAt(preActivation),
      output: movementAt(output),
    })),
    looks,
  };
}

function testAccuracy(model: Sequential, test: Digits): number {
  return accuracyOf(model.forward(test.images, { mode: "inference" }).output, test.labels);
}
