/** oneStep, shiftedInputs, batchStatistics, subsets: training runs, each with its own evaluation. */
import { type Layer, parametersByPath, Random, softmaxCrossEntropy, Tensor } from "batchnorm";
import { recalibrate } from "batchnorm/tools";
import { accuracyOf, type Digits, pickDigits } from "../../data/digits.js";
import type { Source } from "../data.js";
import type { Network } from "../networks.js";
import { relu } from "../study.js";
import { CHANCE, imageBatches, inferenceAccuracy, learnFor, prepare, type Trainee } from "./training.js";

export interface OneStep {
  readonly lossRatio: number;
  /** The standard deviation of each layer's pre-activations. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Takes one step and measures its effect on the pre-activations. */
export function oneStep(
  setup: { readonly network: "plain" | "batch norm"; readonly seed: number; readonly learningRate: number },
  source: Source,
): Promise<OneStep> {
  const trainee = prepare({ ...setup, network: relu(8, 48, setup.network), batchSize: 64 }, source);
  const batch = trainee.next();
  const measure = (): { loss: number; stds: number[] } => {
    const places = new Set(trainee.hidden.map(({ preActivation }) => preActivation));
    const stds: number[] = [];
    const { output } = trainee.model.forward(batch.images, {
      mode: "probe",
      observe: (path, { data }) => {
        if (places.has(path)) stds.push(stdOf(data));
      },
    });
    return { loss: softmaxCrossEntropy(output, batch.labels).loss, stds };
  };
  const before = measure();
  trainee.learn(batch);
  const after = measure();
  return Promise.resolve({ lossRatio: after.loss / before.loss, before: before.stds, after: after.stds });
}

function stdOf(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
}

/** Changes to the images. Pixels are in [0, 1]; x is the column as a fraction of the width. */
const CHANGES: Readonly<Record<string, (pixel: number, x: number, noise: number) => number>> = {
  unchanged: (pixel) => pixel,
  "offset +0.5": (pixel) => pixel + 0.5,
  "0.5 x + 0.25": (pixel) => 0.5 * pixel + 0.25,
  "contrast 0.5": (pixel) => 0.5 * pixel,
  "contrast 2": (pixel) => 2 * pixel,
  "offset ramp, 0 to 0.5": (pixel, x) => pixel + 0.5 * x,
  "gain ramp, 0.5 to 1.5": (pixel, x) => pixel * (0.5 + x),
  "noise 0.2": (pixel, _x, noise) => pixel + 0.2 * noise,
};

export interface ShiftedInputs {
  /** The names of the changes, in order; all are applied to the same images. */
  readonly changes: readonly string[];
  readonly plain: readonly number[];
  readonly running: readonly number[];
  readonly batch: readonly number[];
  /** Accuracy of batch norm with the statistics of 32 images of one class. */
  readonly oneClass: number;
}

const NORMALIZED_TOGETHER = 128;

/** Trains both networks on unchanged images and tests them on changed ones. */
export function shiftedInputs(
  { seed, steps }: { readonly seed: number; readonly steps: number },
  source: Source,
): Promise<ShiftedInputs> {
  const trained = (network: "plain" | "batch norm"): Trainee => {
    const trainee = prepare({ network: relu(3, 64, network), learningRate: 0.1, batchSize: 64, seed }, source);
    learnFor(trainee, steps);
    return trainee;
  };
  const [plain, norm] = [trained("plain"), trained("batch norm")];
  const { test } = norm.data;
  const whole = Math.floor(test.labels.length / NORMALIZED_TOGETHER) * NORMALIZED_TOGETHER;
  const used = pickDigits(
    test,
    Array.from({ length: whole }, (_, i) => i),
  );
  const side = Math.sqrt(source.shape[0]!);
  const changed = Object.values(CHANGES).map((change) => {
    const random = new Random(seed).fork("pixel noise");
    const data = used.images.data.map((pixel, i) => change(pixel, (i % side) / (side - 1), random.normal()));
    return { images: new Tensor(data, used.images.shape), labels: used.labels };
  });
  const shows = norm.data.test.labels[0]!;
  const same = norm.data.test.labels.flatMap((label, row) => (label === shows ? [row] : [])).slice(0, 32);
  return Promise.resolve({
    changes: Object.keys(CHANGES),
    plain: changed.map((images) => inferenceAccuracy(plain.model, images)),
    running: changed.map((images) => inferenceAccuracy(norm.model, images)),
    batch: changed.map((images) => inBatches(norm.model, images)),
    oneClass: batchAccuracy(norm.model, pickDigits(test, same)),
  });
}

function inBatches(model: Layer, { images, labels }: Digits): number {
  const parts = imageBatches({ images, labels }, NORMALIZED_TOGETHER);
  const accuracies = parts.map((part, i) =>
    batchAccuracy(model, {
      images: part,
      labels: labels.slice(i * NORMALIZED_TOGETHER, (i + 1) * NORMALIZED_TOGETHER),
    }),
  );
  return accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
}

/** Returns the accuracy of a model that normalizes the images with their own statistics. */
export function batchAccuracy(model: Layer, { images, labels }: Digits): number {
  return accuracyOf(model.forward(images, { mode: "probe" }).output, labels);
}

export interface BatchStatistics {
  readonly running: number;
  readonly recalibrated: number;
  /** Accuracy on the training images, after recalibration. */
  readonly train: number;
}

/** Trains 6x64; compares running statistics with those of the whole training set. */
export function batchStatistics(
  setup: {
    readonly network: Network;
    readonly seed: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly steps: number;
  },
  source: Source,
): Promise<BatchStatistics> {
  const trainee = prepare({ ...setup, network: relu(6, 64, setup.network) }, source);
  if (!learnFor(trainee, setup.steps)) return Promise.resolve({ running: CHANCE, recalibrated: CHANCE, train: CHANCE });
  const { train } = trainee.data;
  const running = trainee.testAccuracy();
  if (trainee.model.statistics.length > 0) recalibrate(trainee.model, imageBatches(train, 128));
  return Promise.resolve({
    running,
    recalibrated: trainee.testAccuracy(),
    train: inferenceAccuracy(trainee.model, train),
  });
}

export type Subset = "gamma and beta" | "output layer" | "random weights" | "all";

export interface SubsetTrained {
  /** Accuracy on the test images, normalized with their own statistics. */
  readonly accuracy: number;
  /** The share of |gamma| < 0.01. */
  readonly disabled: number;
  readonly trained: number;
}

/** Trains some of the parameters of a network and leaves the others at their random initial values. */
export function subsets(
  setup: { readonly hidden: number; readonly subset: Subset; readonly seed: number; readonly steps: number },
  source: Source,
): Promise<SubsetTrained> {
  const { hidden, subset, seed, steps } = setup;
  const learningRate = subset === "all" ? 0.3 : 1;
  const trainee = prepare({ network: relu(hidden, 64, "batch norm"), learningRate, batchSize: 64, seed }, source);
  const parameters = [...parametersByPath(trainee.model).values()];
  const output = parameters.slice(-2);
  const ofNorms = parameters.filter(({ role }) => role === "scale" || role === "shift");
  const count = ofNorms.reduce((sum, { value }) => sum + value.size, 0);
  const chosen =
    subset === "gamma and beta"
      ? ofNorms
      : subset === "output layer"
        ? output
        : parameters.filter(({ role }) => subset === "all" || role === "weight");
  for (const parameter of parameters) parameter.trainable = chosen.includes(parameter);

  const masks =
    subset === "random weights"
      ? drawWeights(
          chosen.map(({ value }) => value.size),
          count,
          new Random(seed).fork("chosen"),
        )
      : undefined;
  for (let step = 0; step < steps; step++) {
    const before = masks && chosen.map(({ value }) => value.copy().data);
    if (!Number.isFinite(trainee.learn(trainee.next()).loss))
      return Promise.resolve({ accuracy: CHANCE, disabled: 0, trained: count });
    // Weights that were not chosen are restored.
    chosen.forEach((parameter, i) => {
      if (masks !== undefined) {
        parameter.update((values) => {
          for (let j = 0; j < values.length; j++) if (masks[i]![j] === 0) values[j] = before![i]![j]!;
        });
      }
    });
  }
  const gammas = parameters.filter(({ role }) => role === "scale").flatMap(({ value }) => [...value.data]);
  return Promise.resolve({
    accuracy: batchAccuracy(trainee.model, trainee.data.test),
    disabled: gammas.filter((gamma) => Math.abs(gamma) < 0.01).length / gammas.length,
    trained: masks === undefined ? chosen.reduce((sum, { value }) => sum + value.size, 0) : count,
  });
}

/** Returns one mask per matrix, with `count` ones in total. */
function drawWeights(sizes: readonly number[], count: number, random: Random): Uint8Array[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const all = new Uint8Array(total);
  for (const place of random.permutation(total).subarray(0, count)) all[place] = 1;
  let end = 0;
  return sizes.map((size) => all.subarray(end, (end += size)));
}
