/** train: one network from its first step to its last, with everything that several claims look at on the way. */
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
import { columnsOf, meanOf, type Moved, PROBE_IMAGES, Watcher } from "./watcher.js";

/** A training, and what to look at; what is not named is not looked at. */
export interface Training extends Setup {
  readonly steps: number;
  /** Test accuracy after so many steps each; always at the end. */
  readonly testEvery?: number | undefined;
  /** Loss and gradient along the gradient, when so many steps are done; distances in learning rates. */
  readonly landscape?: { readonly at: readonly number[]; readonly distances: readonly number[] } | undefined;
  /** How far the hidden values move, in one step and since the start. */
  readonly shift?: { readonly every: number; readonly floor: boolean } | undefined;
  /** Definition 2.1 of Santurkar et al. 2018. */
  readonly covariateShift?: { readonly every: number; readonly until: number } | undefined;
  /** The 15th, 50th and 85th percentile of what the last hidden activation gets. */
  readonly percentiles?: { readonly every: number } | undefined;
  /** The test accuracy of a noisy network with three readings of noise at inference. */
  readonly noiseAtInference?: boolean | undefined;
}

/** What was seen along the gradient at one step. */
export interface Look {
  readonly step: number;
  readonly loss: number;
  /** Of the loss over 0.5 to 4 learning rates. */
  readonly low: number;
  readonly high: number;
  /** The largest relative change of the gradient there. */
  readonly change: number;
  /** beta x learning rate at each distance. */
  readonly beta: readonly number[];
  /** One learning rate away. */
  readonly gain: number;
}

/** Plain data, so that it can leave its thread. */
export interface Trained {
  /** After how many steps the loss was not finite, or null. */
  readonly divergedAt: number | null;
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
  readonly tests: readonly { readonly step: number; readonly accuracy: number }[];
  readonly looks: readonly Look[];
  readonly moved: readonly Moved[];
  readonly covariateShift: readonly { readonly step: number; readonly relative: number; readonly cosine: number }[];
  /** [unit] at each recorded step: the three percentiles. */
  readonly percentiles: readonly { readonly step: number; readonly units: readonly (readonly number[])[] }[];
  readonly noiseAtInference: {
    readonly identity: number;
    readonly expectation: number;
    readonly recalibrated: number;
  } | null;
}

/** The distances of figure 4 of Santurkar et al. 2018, in learning rates. */
export const BAND: readonly number[] = [0.5, 1, 2, 4];

/** Trains one network; `onStep` is told how many steps are done. */
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
  };
  const recordPercentiles = (step: number): void => void out.percentiles.push({ step, units: lastInputs(trainee) });
  if (percentiles !== undefined) recordPercentiles(0);

  for (let step = 0; step < setup.steps; step++) {
    const batch = trainee.next();
    const looked = landscape?.at.includes(step) === true;
    const shifted = covariateShift !== undefined && step % covariateShift.every === 0 && step <= covariateShift.until;
    // Before the training pass: a layer with noise then draws for the look what it will draw for the step.
    const stand = looked || shifted ? await standOf(trainee, batch) : null;
    if (stand !== null) {
      const { learningRate } = setup;
      if (looked) out.looks.push({ step, ...(await lookAround(stand, learningRate, landscape.distances)) });
      if (shifted) out.covariateShift.push({ step, ...(await gradientShift(stand, learningRate)) });
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
    onStep(done);
  }
  const diverged = out.divergedAt !== null;
  out.tests.push({ step: setup.steps, accuracy: diverged ? CHANCE : trainee.testAccuracy() });
  const asked = setup.noiseAtInference === true;
  return {
    ...out,
    moved: watcher?.moved ?? [],
    noiseAtInference: asked && !diverged ? readingsOfNoise(setup, trainee, source) : null,
  };
}

/** Where a network stands, as the probes see it. */
interface Stand {
  readonly objective: Objective;
  readonly point: Float64Array;
  readonly groups: readonly Group[];
}

/** Of one batch; nothing where loss or gradient are no longer finite. */
async function standOf({ model }: Trainee, { images, labels }: Digits): Promise<Stand | null> {
  const batch = { input: images, target: labels };
  const { objective, point, groups } = modelObjective(model, batch, softmaxCrossEntropy, { mode: "probe" });
  const here = await objective(point);
  if (!Number.isFinite(here.loss) || !here.gradient.every(Number.isFinite)) return null;
  // Every probe begins by asking for this point.
  const known: Objective = (at) => (at.every((value, i) => value === point[i]) ? here : objective(at));
  return { objective: known, point, groups };
}

/** Along the gradient. */
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

/** Of the weights of blocks 2 to the last: means of what is defined. */
async function gradientShift(
  { objective, point, groups }: Stand,
  learningRate: number,
): Promise<{ readonly relative: number; readonly cosine: number }> {
  const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate });
  const above = blocks.slice(1).map((block) => block.weight!);
  return {
    relative: meanOf(above.map(({ relativeDifference }) => relativeDifference)),
    cosine: meanOf(above.map(({ cosine }) => cosine)),
  };
}

/** The three percentiles of every unit that the last hidden activation gets. */
function lastInputs(trainee: Trainee): number[][] {
  const path = trainee.hidden.at(-1)!.preActivation;
  let units: number[][] = [];
  trainee.model.forward(trainee.probe(PROBE_IMAGES).images, {
    mode: "probe",
    observe: (at, output) => {
      // A network about to diverge has no percentiles any more.
      if (at !== path || !output.data.every(Number.isFinite)) return;
      units = columnsOf(output).map((column) => quantilesOf(column, [0.15, 0.5, 0.85]));
    },
  });
  return units;
}

/** The same trained network, with three readings of what its noise is at inference. */
function readingsOfNoise(setup: Training, trainee: Trainee, source: Source): Trained["noiseAtInference"] {
  const { train: training, test } = trainee.data;
  const random = new Random(setup.seed);
  const { model } = buildNetwork({ ...setup.network, noise: "identity" }, source.side ** 2, 10, random);
  loadStateDict(model, stateDict(trainee.model));
  const identity = inferenceAccuracy(model, test);
  recalibrate(model, imageBatches(training, setup.batchSize));
  return { identity, expectation: trainee.testAccuracy(), recalibrated: inferenceAccuracy(model, test) };
}
