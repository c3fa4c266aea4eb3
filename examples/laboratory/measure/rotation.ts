/** rotation: the angle by which the weights before a BatchNorm layer turn at each step. */
import type { Source } from "../data.js";
import { median } from "../../shared/spread.js";
import { weightsBeforeNorm } from "../networks.js";
import { relu } from "../study.js";
import { learnFor, prepare } from "./training.js";

export interface RotationSetup {
  readonly seed: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly steps: number;
}

export interface Rotation {
  /** For each layer, the root mean square angle in each part of the training. Infinite after divergence. */
  readonly over: readonly (readonly number[])[];
  /** For each layer, the root mean square angle and the median angle in the last fifth. */
  readonly rms: readonly number[];
  readonly median: readonly number[];
  readonly accuracy: number;
}

/** The number of consecutive parts of the training, unless it has fewer steps. */
export const PARTS = 50;

/** Returns the root mean square angle per step in equilibrium that theory predicts, in radians. */
export function predictedAngle({ learningRate, weightDecay, momentum }: Omit<RotationSetup, "seed" | "steps">): number {
  return Math.sqrt((2 * learningRate * weightDecay) / (1 + momentum));
}

export function rotation(
  { seed, learningRate, weightDecay, momentum, steps }: RotationSetup,
  source: Source,
  onStep: (done: number) => void,
): Promise<Rotation> {
  const network = relu(3, 64, "batch norm");
  const trainee = prepare({ network, learningRate, momentum, weightDecay, batchSize: 64, seed }, source);
  const weights = weightsBeforeNorm(trainee);
  const angles = weights.map((): number[] => []);
  for (let step = 0; step < steps; step++) {
    const before = weights.map(({ value }) => value.copy().data);
    const stays = learnFor(trainee, 1);
    weights.forEach(({ value }, layer) =>
      angles[layer]!.push(stays ? angleBetween(before[layer]!, value.data) : Infinity),
    );
    onStep(step + 1);
  }
  const last = angles.map((layer) => layer.slice(Math.floor(0.8 * steps)));
  const parts = Math.min(PARTS, steps);
  const partOf = (layer: readonly number[], part: number): number[] =>
    layer.slice(Math.floor((part * steps) / parts), Math.floor(((part + 1) * steps) / parts));
  return Promise.resolve({
    over: angles.map((layer) => Array.from({ length: parts }, (_, part) => rootMeanSquare(partOf(layer, part)))),
    rms: last.map(rootMeanSquare),
    median: last.map(median),
    accuracy: trainee.testAccuracy(),
  });
}

/** Returns the angle between two vectors in radians: 2 asin(|a/|a| - b/|b|| / 2), which is accurate for small angles. */
export function angleBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [aa, bb] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  const [lengthOfA, lengthOfB] = [Math.sqrt(aa), Math.sqrt(bb)];
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! / lengthOfA - b[i]! / lengthOfB) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(squares) / 2));
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
}
