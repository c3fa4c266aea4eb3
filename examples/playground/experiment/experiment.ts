/** The experiment: two networks that start from the same weights, train on the same batches, and are measured along the way. */
import { Batcher, defaultKernels, Random, SGD, softmaxCrossEntropy } from "batchnorm";
import { makeTask, moved, type Samples, type Task } from "./data.js";
import {
  type Distribution,
  distributionsOf,
  type Landscape,
  landscapeOf,
  type LayerShift,
  layerShifts,
  type RunningAgainstBatch,
  runningAgainstBatch,
} from "./measure.js";
import { buildNetwork, type Network } from "./network.js";
import { accuracyFor, batchRows, freezeStatistics, type Guesses, guessesOf, type Plane, planeOf } from "./predict.js";
import { type Kind, type Prediction, rateAt, type RateChange, type Settings, withRate } from "./settings.js";
import { type UnitNumbers, unitNumbers } from "./unit.js";

/** Steps between measurements of accuracy, hidden values and running statistics. */
export const MEASURE_EVERY = 10;
/** Steps between landscape probes, which cost about as much as 20 steps; covariate shift is measured halfway between two of them. */
export const PROBE_EVERY = 40;
const PROBE_SAMPLES = 256;
/** A network stops as diverged if its batch loss exceeds this or is not finite. */
export const DIVERGED_LOSS = 1000;
/** Number of digits shown. */
export const SHOWN_DIGITS = 24;

/** Results of one step: always the losses, sometimes measurements. One value per network, or null after it has diverged. */
export interface StepRecord {
  readonly step: number;
  /** Losses on the batch that this step trained on. */
  readonly losses: readonly (number | null)[];
  readonly accuracies?: readonly (number | null)[];
  readonly distributions?: readonly (readonly (Distribution | null)[] | null)[];
  readonly running?: readonly (readonly RunningAgainstBatch[])[];
  readonly landscapes?: readonly (Landscape | null)[];
  readonly shifts?: readonly (readonly LayerShift[] | null)[];
}

/** Predictions of a network over the plane or for the digits. */
export type View = { readonly plane: Plane } | { readonly guesses: Guesses };

interface Trainee {
  readonly kind: Kind;
  readonly network: Network;
  /** A copy of the network, for predictions with the statistics of one batch: see `freezeStatistics`. */
  readonly frozen: Network;
  readonly optimizer: SGD;
  divergedAt: number | null;
}

/** Two networks in training. */
export class Experiment {
  readonly task: Task;
  readonly kernels: string = defaultKernels().name;
  readonly #trainees: readonly Trainee[];
  readonly #batches: Iterator<Samples>;
  readonly #probed: Samples;
  readonly #batchSize: number;
  #batch: Samples;
  #rates: readonly RateChange[];
  #predict: Prediction;
  #test: Samples;
  #step = 0;

  constructor(settings: Settings) {
    const random = new Random(settings.seed);
    this.task = makeTask(settings.data, settings.noise, random.fork("data"));
    const { train, test, features: inputs, classes: outputs } = this.task;
    this.#batchSize = settings.batchSize;
    this.#rates = settings.rates;
    this.#predict = settings.predict;
    this.#test = moved(test, settings.shift);
    this.#batches = batchesOf(train, settings.batchSize, random.fork("batches"));
    this.#batch = this.#batches.next().value as Samples;
    this.#probed = firstOf(train, PROBE_SAMPLES);
    this.#trainees = [settings.left, settings.right].map((kind) => {
      const how = { ...settings, kind, inputs, outputs };
      const network = buildNetwork(how, random.fork("weights"));
      const frozen = buildNetwork({ ...how, momentum: 1, varianceEstimator: "biased" }, random.fork("weights"));
      const optimizer = new SGD(network.model.parameters, { learningRate: rateAt(settings.rates, 0) });
      return { kind, network, frozen, optimizer, divergedAt: null };
    });
  }

  /** Number of steps done. */
  get step(): number {
    return this.#step;
  }

  /** For each network, the step at which it diverged, or null. */
  get divergedAt(): readonly (number | null)[] {
    return this.#trainees.map(({ divergedAt }) => divergedAt);
  }

  get rates(): readonly RateChange[] {
    return this.#rates;
  }

  /** Changes the learning rate from the next step on. */
  setRate(rate: number): void {
    this.#rates = withRate(this.#rates, this.#step, rate);
  }

  /** Changes how predictions are made and how far the test data is shifted; does not affect training. */
  setTest(predict: Prediction, shift: number): void {
    this.#predict = predict;
    this.#test = moved(this.task.test, shift);
  }

  /** The test data with its current shift. */
  get test(): Samples {
    return this.#test;
  }

  /** Takes the measurements that are due, and trains both networks on one batch. */
  async advance(): Promise<StepRecord> {
    const step = this.#step;
    const rate = rateAt(this.#rates, step);
    const batch = this.#batch;
    const due = step % MEASURE_EVERY === 0;
    const landscapeDue = step % PROBE_EVERY === 0;
    const shiftDue = step % PROBE_EVERY === PROBE_EVERY / 2;
    const landscapes = landscapeDue && (await this.#each(({ network }) => landscapeOf(network, batch, rate)));
    const shifts = shiftDue && (await this.#each(({ network }) => layerShifts(network, batch, rate)));
    return {
      ...this.train(),
      ...(due && {
        accuracies: await this.#each((trainee) => this.#accuracyOf(trainee)),
        distributions: await this.#each(({ network }) => distributionsOf(network, this.#probed.inputs)),
        running: this.#trainees.map(({ network, divergedAt }) =>
          divergedAt === null ? runningAgainstBatch(network, batch.inputs) : [],
        ),
      }),
      ...(landscapes && { landscapes }),
      ...(shifts && { shifts }),
    };
  }

  /** Trains both networks on one batch. Measuring leaves no trace, so this has the same effect as `advance`. */
  train(): StepRecord {
    const step = this.#step;
    const rate = rateAt(this.#rates, step);
    const losses = this.#trainees.map((trainee) => trainOn(trainee, this.#batch, rate, step));
    this.#batch = this.#batches.next().value as Samples;
    this.#step++;
    return { step, losses };
  }

  /** Returns the current predictions of both networks over the plane or for the digits. */
  views(): (View | null)[] {
    return this.#trainees.map((trainee): View | null => {
      if (trainee.divergedAt !== null || this.#step === 0) return null;
      const network = this.#answering(trainee);
      return this.task.classes === 2
        ? { plane: planeOf(network) }
        : { guesses: guessesOf(network, this.#test, SHOWN_DIGITS) };
    });
  }

  /** Returns the numbers of one unit on the next batch. */
  unitOf(side: number, layer: number, unit: number): UnitNumbers | null {
    const { network, divergedAt } = this.#trainees[side]!;
    return divergedAt === null ? unitNumbers(network, this.#batch, layer, unit) : null;
  }

  /** Returns the current accuracies on the test data. */
  accuracies(): (number | null)[] {
    return this.#trainees.map((trainee) =>
      trainee.divergedAt !== null || this.#step === 0 ? null : this.#accuracyOf(trainee),
    );
  }

  #accuracyOf({ network }: Trainee): number {
    return accuracyFor(network, this.#test, this.#predict === "batch" ? this.#batchSize : null);
  }

  /** Returns the network itself or, for predictions with batch statistics, its copy with the statistics of a test batch. */
  #answering({ network, frozen }: Trainee): Network {
    if (this.#predict === "inference") return network;
    const batches = batchRows(this.#test.labels.length, this.#batchSize);
    freezeStatistics(network, frozen, this.#test.inputs.rows(batches[this.#step % batches.length]!));
    return frozen;
  }

  async #each<T>(measure: (trainee: Trainee) => T | Promise<T>): Promise<(T | null)[]> {
    const found: (T | null)[] = [];
    for (const trainee of this.#trainees) found.push(trainee.divergedAt === null ? await measure(trainee) : null);
    return found;
  }
}

/** Takes one step of gradient descent; returns the loss before it, or null if the network has already diverged. */
function trainOn(trainee: Trainee, { inputs, labels }: Samples, rate: number, step: number): number | null {
  if (trainee.divergedAt !== null) return null;
  const { output, backward } = trainee.network.model.forward(inputs, { mode: "train" });
  const { loss, gradOutput } = softmaxCrossEntropy(output, labels);
  if (!(loss <= DIVERGED_LOSS)) {
    trainee.divergedAt = step;
    return null;
  }
  trainee.optimizer.learningRate = rate;
  trainee.optimizer.step(backward(gradOutput).gradients);
  return loss;
}

/** Yields batches endlessly, each epoch in a new order. */
function* batchesOf({ inputs, labels }: Samples, batchSize: number, random: Random): Generator<Samples, never> {
  const batcher = new Batcher({ input: inputs, target: labels, batchSize, random, dropLast: true });
  for (;;) for (const { input, target } of batcher) yield { inputs: input, labels: target };
}

function firstOf({ inputs, labels }: Samples, count: number): Samples {
  const rows = Array.from({ length: Math.min(count, labels.length) }, (_, row) => row);
  return { inputs: inputs.rows(rows), labels: labels.slice(0, rows.length) };
}
