/** train: trains one network and takes the measurements that several claims share. */
import {
  type Group,
  loadStateDict,
  modelObjective,
  type Objective,
  Random,
  softmaxCrossEntropy,
  stateDict,
} from "batchnorm";
import { recalibrate } from "batchnorm/tools";
import { alongGradient, internalCovariateShift, quantilesOf, stepSizesAround } from "batchnorm/probes";
import type { Digits } from "../../data/digits.js";
import type { Source } from "../data.js";
import { buildNetwork } from "../networks.js";
import { CHANCE, imageBatches, inferenceAccuracy, prepare, type Setup, type Trainee } from "./training.js";
import { blocksAround } from "./blocks.js";
import { type OutputShift, type OutputShiftLook, pushOutputs, UNREACHED } from "./output-shift.js";
import { columnsOf, meanOf, type Moved, PROBE_IMAGES, Watcher } from "./watcher.js";

/** A training run and its measurements; omitted measurements are not taken. */
export interface Training extends Setup {
  readonly steps: number;
  /** Steps between test accuracies; the final one is always measured. */
  readonly testEvery?: number | undefined;
  /** Probes loss and gradient along the gradient at these steps; distances in learning rates. */
  readonly landscape?: { readonly at: readonly number[]; readonly distances: readonly number[] } | undefined;
  /** Measures how much the hidden values shift, in one step and since step 0. */
  readonly shift?: { readonly every: number; readonly floor: boolean } | undefined;
  /** Measures internal covariate shift by definition 2.1 of Santurkar et al. 2018. */
  readonly covariateShift?: CovariateShiftPlan | undefined;
  /** Records the 15th, 50th and 85th percentiles of the input of the last hidden activation. */
  readonly percentiles?: { readonly every: number } | undefined;
  /** Measures the test accuracy of a noisy network with three replacements for the noise at inference. */
  readonly noiseAtInference?: boolean | undefined;
  /** Pushes the means of the outputs; ascending steps, each counted after the step. */
  readonly outputShift?: readonly OutputShiftLook[] | undefined;
}

/** When to measure internal covariate shift, and on which layers with weights. */
export interface CovariateShiftPlan {
  readonly every: number;
  readonly until: number;
  /** Counted from 0. Default: all but the first. */
  readonly layers?: readonly number[] | undefined;
}

/** Results of the probe along the gradient at one step. */
export interface Look {
  readonly step: number;
  readonly loss: number;
  /** Minimum and maximum of the loss over 0.5 to 4 learning rates. */
  readonly low: number;
  readonly high: number;
  /** The largest relative change of the gradient over the same distances. */
  readonly change: number;
  /** beta x learning rate at each distance. */
  readonly beta: readonly number[];
  /** Actual / predicted decrease of the loss at one learning rate. */
  readonly gain: number;
}

/** Results of a training run; plain data that can be sent between threads. */
export interface Trained {
  /** The number of steps after which the loss was not finite, or null. */
  readonly divergedAt: number | null;
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
  readonly tests: readonly { readonly step: number; readonly accuracy: number }[];
  readonly looks: readonly Look[];
  readonly moved: readonly Moved[];
  readonly covariateShift: readonly { readonly step: number; readonly relative: number; readonly cosine: number }[];
  /** The three percentiles of each unit, at each recorded step. */
  readonly percentiles: readonly { readonly step: number; readonly units: readonly (readonly number[])[] }[];
  readonly noiseAtInference: {
    readonly identity: number;
    readonly expectation: number;
    readonly recalibrated: number;
  } | null;
  /** One for each requested measurement. */
  readonly outputShift: readonly OutputShift[];
}

/** The distances of figure 4 of Santurkar et al. 2018, in learning rates. */
export const BAND: readonly number[] = [0.5, 1, 2, 4];

/** Trains one network; `onStep` is called with the number of steps done. */
export async function train(setup: Training, source: Source, onStep: (done: number) => void): Promise<Trained> {
  const trainee = prepare(setup, source);
  const { landscape, shift, covariateShift, percentiles } = setup;
  const watcher = shift === undefined ? undefined : new Watcher(trainee, shift.floor);
  const out = {
    divergedAt: null as number | null,
    losses: [] as number[],
    accuracies: [] as number[],
    tests: [] as { step: number; accuracy: number }[],
    looks: [] as Look[],
    covariateShift: [] as { step: number; relative: number; cosine: number }[],
    percentiles: [] as { step: number; units: number[][] }[],
    outputShift: [] as OutputShift[],
  };
  const recordPercentiles = (step: number): void => void out.percentiles.push({ step, units: lastInputs(trainee) });
  if (percentiles !== undefined) recordPercentiles(0);

  for (let step = 0; step < setup.steps; step++) {
    const batch = trainee.next();
    const looked = landscape?.at.includes(step) === true;
    const shifted = covariateShift !== undefined && step % covariateShift.every === 0 && step <= covariateShift.until;
    // Before the training pass, so that a layer with noise draws the same values for the probe as for the step.
    const stand = looked || shifted ? await standOf(setup, trainee, batch) : null;
    if (stand !== null) {
      const { learningRate } = setup;
      if (looked) out.looks.push({ step, ...(await lookAround(stand, learningRate, landscape.distances)) });
      if (shifted)
        out.covariateShift.push({ step, ...(await gradientShift(stand, learningRate, covariateShift.layers)) });
    }
    const watched = shift !== undefined && step % shift.every === 0;
    if (watched) watcher!.before();
    const { loss, accuracy } = trainee.learn(batch);
    if (!Number.isFinite(loss)) {
      out.divergedAt = step;
      break;
    }
    out.losses.push(loss);
    out.accuracies.push(accuracy);
    if (watched) watcher!.after(step + 1);

    const done = step + 1;
    if (setup.testEvery !== undefined && done % setup.testEvery === 0 && done < setup.steps) {
      out.tests.push({ step: done, accuracy: trainee.testAccuracy() });
    }
    if (percentiles !== undefined && done % percentiles.every === 0) recordPercentiles(done);
    for (const look of setup.outputShift ?? []) {
      if (look.step === done) out.outputShift.push(await pushOutputs(trainee, look, setup.seed));
    }
    onStep(done);
  }
  const diverged = out.divergedAt !== null;
  out.tests.push({ step: setup.steps, accuracy: diverged ? CHANCE : trainee.testAccuracy() });
  while (out.outputShift.length < (setup.outputShift?.length ?? 0)) out.outputShift.push(UNREACHED);
  const withNoise = setup.noiseAtInference === true;
  return {
    ...out,
    moved: watcher?.moved ?? [],
    noiseAtInference: withNoise && !diverged ? readingsOfNoise(setup, trainee, source) : null,
  };
}

/** The objective and the current parameters of a network. */
interface Stand {
  readonly objective: Objective;
  readonly point: Float64Array;
  readonly groups: readonly Group[];
}

/** Returns the state of a network on one batch, or null if loss or gradient are not finite. */
async function standOf({ network }: Setup, { model }: Trainee, { images, labels }: Digits): Promise<Stand | null> {
  const batch = { input: images, target: labels };
  // Convolutions in double precision take twice as long, and the changes measured on a VGG are far above single precision.
  const options = { mode: "probe", dtype: "vgg" in network ? "float32" : "float64" } as const;
  const { objective, point, groups } = modelObjective(model, batch, softmaxCrossEntropy, options);
  const here = await objective(point);
  if (!Number.isFinite(here.loss) || !here.gradient.every(Number.isFinite)) return null;
  // Every probe begins by evaluating this point.
  const known: Objective = (at) => (at.every((value, i) => value === point[i]) ? here : objective(at));
  return { objective: known, point, groups };
}

/** Probes loss and gradient along the gradient. */
async function lookAround(
  { objective, point }: Stand,
  learningRate: number,
  distances: readonly number[],
): Promise<Omit<Look, "step">> {
  const { loss, profile } = await alongGradient(objective, point, {
    stepSizes: stepSizesAround(learningRate, distances),
  });
  const band = profile.filter((_, i) => BAND.includes(distances[i]!));
  const losses = band.map((each) => each.loss);
  return {
    loss,
    low: Math.min(...losses),
    high: Math.max(...losses),
    change: Math.max(...band.map((each) => each.relativeGradientChange ?? NaN)),
    beta: profile.map((each) => (each.beta ?? NaN) * learningRate),
    gain: profile[distances.indexOf(1)]!.gain ?? NaN,
  };
}

/** Returns the means over the weights of the layers, where defined. */
async function gradientShift(
  { objective, point, groups }: Stand,
  learningRate: number,
  layers: readonly number[] | undefined,
): Promise<{ readonly relative: number; readonly cosine: number }> {
  const chosen = layers && blocksAround(groups, layers);
  const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate, blocks: chosen?.blocks });
  const measured = (chosen ? chosen.places.map((place) => blocks[place]!) : blocks.slice(1)).map(
    ({ weight }) => weight!,
  );
  return {
    relative: meanOf(measured.map(({ relativeDifference }) => relativeDifference)),
    cosine: meanOf(measured.map(({ cosine }) => cosine)),
  };
}

/** Returns the three percentiles of each input of the last hidden activation. */
function lastInputs(trainee: Trainee): number[][] {
  const path = trainee.hidden.at(-1)!.preActivation;
  let units: number[][] = [];
  trainee.model.forward(trainee.probe(PROBE_IMAGES).images, {
    mode: "probe",
    observe: (at, output) => {
      // A network about to diverge no longer has percentiles.
      if (at !== path || !output.data.every(Number.isFinite)) return;
      units = columnsOf(output).map((column) => quantilesOf(column, [0.15, 0.5, 0.85]));
    },
  });
  return units;
}

/** Returns the test accuracy of a trained network with each of the three replacements for the noise at inference. */
function readingsOfNoise(setup: Training, trainee: Trainee, source: Source): Trained["noiseAtInference"] {
  const { train: training, test } = trainee.data;
  const random = new Random(setup.seed);
  const { model } = buildNetwork({ ...setup.network, noise: "identity" }, source.shape, 10, random);
  loadStateDict(model, stateDict(trainee.model));
  const identity = inferenceAccuracy(model, test);
  recalibrate(model, imageBatches(training, setup.batchSize));
  return { identity, expectation: trainee.testAccuracy(), recalibrated: inferenceAccuracy(model, test) };
}
