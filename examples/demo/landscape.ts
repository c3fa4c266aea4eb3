/** The landscape: loss and gradient along the direction of the next step, up to that step and beyond it. */
import { type DType, modelObjective, type Sequential, softmaxCrossEntropy } from "batchnorm";
import { alongGradient, type AlongGradientReport, stepSizesAround } from "batchnorm/probes";
import type { Digits } from "../data/digits.js";
import { BAND, DISTANCES } from "./experiment.js";

/** Results of a probe along the gradient, on the batch of the next step. */
export interface Look extends Pick<AlongGradientReport, "loss" | "gradNorm" | "profile"> {
  readonly step: number;
}

/** Probes loss and gradient along the gradient; leaves the model unchanged. */
export async function lookAlongGradient(
  model: Sequential,
  batch: Digits,
  learningRate: number,
  step: number,
  dtype: DType = "float64",
): Promise<Look> {
  const samples = { input: batch.images, target: batch.labels };
  const { objective, point } = modelObjective(model, samples, softmaxCrossEntropy, { mode: "probe", dtype });
  const stepSizes = stepSizesAround(learningRate, DISTANCES);
  const { loss, gradNorm, profile } = await alongGradient(objective, point, { stepSizes });
  return { step, loss, gradNorm, profile };
}

/** Minimum and maximum. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Returns the range of the loss over the distances of the band. */
export function lossBand(look: Look): Range {
  return rangeOf(inBand(look).map(({ loss }) => loss));
}

/** Returns the range of ||g(y) - g|| / ||g|| over the band: 0 if the gradient stays the same, 2 if it reverses. */
export function gradientChangeBand(look: Look): Range {
  return rangeOf(inBand(look).map(({ relativeGradientChange }) => relativeGradientChange ?? NaN));
}

/** Returns beta times the learning rate at each distance. Above 2, gradient descent on a quadratic diverges. */
export function betaProfile({ profile }: Look, learningRate: number): number[] {
  return profile.map(({ beta }) => (beta ?? NaN) * learningRate);
}

function inBand({ profile }: Look): Look["profile"] {
  return profile.filter((_, i) => BAND.includes(DISTANCES[i]!));
}

function rangeOf(values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) };
}
