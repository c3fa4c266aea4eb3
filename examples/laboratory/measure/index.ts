/** The measurements that a worker thread can make. */
import type { Source } from "../data.js";
import { deepLinear } from "./deep-linear.js";
import { edge } from "./edge.js";
import { batchStatistics, oneStep, shiftedInputs, subsets } from "./evaluations.js";
import { growingRate } from "./growing-rate.js";
import { hessian } from "./hessian.js";
import { invariance, leastSquares } from "./invariance.js";
import { normalizations } from "./normalizations.js";
import { residualShares, residualTraining } from "./residual.js";
import { rotation } from "./rotation.js";
import { sampleGradients } from "./sample-gradients.js";
import { sampleVariance } from "./sample-variance.js";
import { signals } from "./signals.js";
import { theorem } from "./theorem.js";
import { train } from "./train.js";

const MEASUREMENTS = {
  train,
  edge,
  theorem,
  invariance,
  leastSquares,
  signals,
  oneStep,
  shiftedInputs,
  batchStatistics,
  subsets,
  hessian,
  deepLinear,
  sampleVariance,
  growingRate,
  rotation,
  residualShares,
  residualTraining,
  normalizations,
  sampleGradients,
};

export type Measurements = typeof MEASUREMENTS;

/** A measurement to make, by name, with its input. */
export interface Job {
  readonly name: keyof Measurements;
  readonly input: unknown;
}

type Measurement = (input: unknown, source: Source, onStep: (done: number) => void) => Promise<unknown>;

/** Makes a measurement; `onStep` is called with the number of steps done. */
export function measure({ name, input }: Job, source: Source, onStep: (done: number) => void): Promise<unknown> {
  // The type `Ask` ensures that the input belongs to the name.
  return (MEASUREMENTS[name] as Measurement)(input, source, onStep);
}
