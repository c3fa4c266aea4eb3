/** rotation: the angle by which the weights before a BatchNorm layer turn at each step. */
import { WeightRotation } from "batchnorm/probes";
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
  /** The root mean square angle per step that theory predicts for the equilibrium, in radians. */
  readonly predicted: number;
  /** For each layer, the root mean square angle in each part of the training. Infinite after divergence. */
  readonly over: readonly (readonly number[])[];
  /** For each layer, the root mean square angle and the median angle in the last fifth. */
  readonly rms: readonly number[];
  readonly median: readonly number[];
  readonly accuracy: number;
}

/** The number of consecutive parts of the training, unless it has fewer steps. */
export const PARTS = 50;

export function rotation(
  { seed, learningRate, weightDecay, momentum, steps }: RotationSetup,
  source: Source,
  onStep: (done: number) => void,
): Promise<Rotation> {
  const network = relu(3, 64, "batch norm");
  const trainee = prepare({ network, learningRate, momentum, weightDecay, batchSize: 64, seed }, source);
  const weights = weightsBeforeNorm(trainee);
  const probe = new WeightRotation({ learningRate, weightDecay, momentum });
  const record = (step: number): void =>
    probe.record(step, Object.fromEntries(weights.map(({ value }, layer) => [`layer ${layer + 1}`, value.data])));
  record(0);
  for (let step = 1; step <= steps && learnFor(trainee, 1); step++) {
    record(step);
    onStep(step);
  }
  const report = probe.report();
  const angles = report.weights.map((layer) =>
    Array.from({ length: steps }, (_, step) => layer.angles[step + 1] ?? Infinity),
  );
  const parts = Math.min(PARTS, steps);
  const partOf = (layer: readonly number[], part: number): number[] =>
    layer.slice(Math.floor((part * steps) / parts), Math.floor(((part + 1) * steps) / parts));
  const last = angles.map((layer) => layer.slice(Math.floor(0.8 * steps)));
  return Promise.resolve({
    predicted: report.equilibriumAngle!,
    over: angles.map((layer) => Array.from({ length: parts }, (_, part) => rootMeanSquare(partOf(layer, part)))),
    rms: last.map(rootMeanSquare),
    median: last.map(median),
    accuracy: trainee.testAccuracy(),
  });
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
}
