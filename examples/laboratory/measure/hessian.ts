/** hessian: extremes, trace and density of the Hessian's spectrum, before and during training. */
import { modelObjective, Random, softmaxCrossEntropy } from "batchnorm";
import { curvature, hessianTrace, spectralDensity } from "batchnorm/probes";
import type { Source } from "../data.js";
import { relu } from "../study.js";
import { DIFFERENCE_STEP } from "./difference-step.js";
import { learnFor, prepare } from "./training.js";

export interface HessianSetup {
  readonly network: "plain" | "batch norm";
  readonly hidden: number;
  readonly seed: number;
  /** Steps at which to measure. */
  readonly steps: readonly number[];
  /** Lanczos steps for the extreme eigenvalues. */
  readonly lanczosSteps: number;
}

export interface HessianLook {
  readonly largest: number;
  readonly smallest: number;
  /** largest x ||W||^2. */
  readonly scaleFree: number;
  /** Share of the squared gradient in the ten sharpest directions found. */
  readonly share: number;
  readonly trace: number;
  readonly density: readonly { readonly x: number; readonly y: number }[];
}

const IMAGES = 256;
const TOP = 10;
/** Number of points kept of the density. */
const POINTS = 200;

export async function hessian(setup: HessianSetup, source: Source): Promise<HessianLook[]> {
  const { network, hidden, seed, steps, lanczosSteps } = setup;
  const trainee = prepare({ network: relu(hidden, 32, network), learningRate: 0.05, batchSize: 64, seed }, source);
  const { images: input, labels: target } = trainee.probe(IMAGES);
  const looks: HessianLook[] = [];
  let done = 0;
  for (const step of steps) {
    learnFor(trainee, step - done);
    done = step;
    const random = new Random(seed).fork("directions");
    const made = modelObjective(trainee.model, { input, target }, softmaxCrossEntropy, { mode: "probe" });
    const { objective, point, groups } = made;
    const ends = await curvature(objective, point, {
      random: random.fork("ends"),
      steps: lanczosSteps,
      differenceStep: DIFFERENCE_STEP,
    });
    const { trace } = await hessianTrace(objective, point, {
      random: random.fork("trace"),
      count: 10,
      differenceStep: DIFFERENCE_STEP,
    });
    const shape = await spectralDensity(objective, point, {
      random: random.fork("density"),
      steps: Math.ceil(0.75 * lanczosSteps),
      starts: 2,
      differenceStep: DIFFERENCE_STEP,
    });
    const every = Math.ceil(shape.eigenvalues.length / POINTS);
    const weights = groups.filter(({ role }) => role === "weight");
    const squared = weights.reduce(
      (sum, { start, end }) => sum + point.subarray(start, end).reduce((total, value) => total + value ** 2, 0),
      0,
    );
    looks.push({
      largest: ends.largest.value,
      smallest: ends.smallest.value,
      scaleFree: ends.largest.value * squared,
      share: ends.gradientShare?.[Math.min(TOP, lanczosSteps) - 1] ?? NaN,
      trace,
      density: shape.eigenvalues.flatMap((x, i) => (i % every === 0 ? [{ x, y: shape.density[i]! }] : [])),
    });
  }
  return looks;
}
