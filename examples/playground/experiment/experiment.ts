/** The experiment: two networks that start from the same weights, train on the same batches, and are measured on the way. */
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

/** Accuracy, hidden values and running statistics are measured each time that many steps are done. */
export const MEASURE_EVERY = 10;
/** The landscape too, which costs as much as about twenty steps; covariate shift in the middle between two landscapes. */
export const PROBE_EVERY = 40;
const PROBE_SAMPLES = 256;
/** A batch loss above this, or none that is finite, ends a network's training as diverged. */
export const DIVERGED_LOSS = 1000;
/** Of the digits, so many are shown. */
export const SHOWN_DIGITS = 24;

/** What one step brings: losses always, measurements now and then. One of each for each network; null once it has diverged. */
export interface StepRecord {
  readonly step: number;
  /** Of the batch that this step trained on. */
  readonly losses: readonly (number | null)[];
  readonly accuracies?: readonly (number | null)[];
  readonly distributions?: readonly (readonly (Distribution | null)[] | null)[];
  readonly running?: readonly (readonly RunningAgainstBatch[])[];
  readonly landscapes?: readonly (Landscape | null)[];
  readonly shifts?: readonly (readonly LayerShift[] | null)[];
}

/** What a network makes of the plane or of the digits. */
export type View = { readonly plane: Plane } | { readonly guesses: Guesses };

interface Trainee {
  readonly kind: Kind;
  readonly network: Network;
  /** Like the network, to answer with the statistics of one batch: see `freezeStatistics`. */
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

  /** How many steps are done. */
  get step(): number {
    return this.#step;
  }

  /** For each network the step at which its loss showed that it had diverged, or null. */
  get divergedAt(): readonly (number | null)[] {
    return this.#trainees.map(({ divergedAt }) => divergedAt);
  }

  get rates(): readonly RateChange[] {
    return this.#rates;
  }

  /** Another learning rate from the next step on. */
  setRate(rate: number): void {
    this.#rates = withRate(this.#rates, this.#step, rate);
  }

  /** Another way to predict, or another place of the test data; training does not notice. */
  setTest(predict: Prediction, shift: number): void {
    this.#predict = predict;
    this.#test = moved(this.task.test, shift);
  }

  /** The test data where it is now. */
  get test(): Samples {
    return this.#test;
  }

  /** Trains both networks on one batch, and measures what is due. */
  async advance(): Promise<StepRecord> {
    const step = this.#step;
    const rate = rateAt(this.#rates, step);
    const batch = this.#batch;
    const due = step % MEASURE_EVERY === 0;
    const landscapeDue = step % PROBE_EVERY === 0;
    const shiftDue = step % PROBE_EVERY === PROBE_EVERY / 2;
    const landscapes = landscapeDue && (await this.#each(({ network }) => landscapeOf(network, batch, rate)));
    const shifts = shiftDue && (await this.#each(({ network }) => layerShifts(network, batch, rate)));
    const losses = this.#trainees.map((trainee) => trainOn(trainee, batch, rate, step));
    this.#batch = this.#batches.next().value as Samples;
    this.#step++;
    return {
      step,
      losses,
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

  /** What both networks make of the plane or the digits as they are. */
  views(): (View | null)[] {
    return this.#trainees.map((trainee): View | null => {
      if (trainee.divergedAt !== null || this.#step === 0) return null;
      const network = this.#answering(trainee);
      return this.task.classes === 2
        ? { plane: planeOf(network) }
        : { guesses: guessesOf(network, this.#test, SHOWN_DIGITS) };
    });
  }

  /** The numbers of one unit on the batch to come. */
  unitOf(side: number, layer: number, unit: number): UnitNumbers | null {
    const { network, divergedAt } = this.#trainees[side]!;
    return divergedAt === null ? unitNumbers(network, this.#batch, layer, unit) : null;
  }

  /** Accuracy on the test data, as things stand. */
  accuracies(): (number | null)[] {
    return this.#trainees.map((trainee) =>
      trainee.divergedAt !== null || this.#step === 0 ? null : this.#accuracyOf(trainee),
    );
  }

  #accuracyOf({ network }: Trainee): number {
    return accuracyFor(network, this.#test, this.#predict === "batch" ? this.#batchSize : null);
  }

  /** The network itself or, to predict with the statistics of a batch, its double with those of some batch of the test data. */
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

/** Yields batches without end, each epoch in a new order. */
function* batchesOf({ inputs, labels }: Samples, batchSize: number, random: Random): Generator<Samples, never> {
  const batcher = new Batcher({ input: inputs, target: labels, batchSize, random, dropLast: true });
  for (;;) for (const { input, target } of batcher) yield { inputs: input, labels: target };
}

function firstOf({ inputs, labels }: Samples, count: number): Samples {
  const rows = Array.from({ length: Math.min(count, labels.length) }, (_, row) => row);
  return { inputs: inputs.rows(rows), labels: labels.slice(0, rows.length) };
}
