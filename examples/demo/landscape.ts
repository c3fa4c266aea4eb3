/** The landscape: what loss and gradient are along the way that the next step takes, and beyond. */
import { modelObjective, type Sequential, softmaxCrossEntropy } from "batchnorm";
import { alongGradient, type AlongGradientReport, stepSizesAround } from "batchnorm/probes";
import type { Digits } from "../data/digits.js";
import { BAND, DISTANCES } from "./experiment.js";

/** A look along the gradient when so many steps were done, on the batch of the step to come. */
export interface Look extends Pick<AlongGradientReport, "loss" | "gradNorm" | "profile"> {
  readonly step: number;
}

/** Looks around; leaves the model as it is. */
export async function lookAlongGradient(
  model: Sequential,
  batch: Digits,
  learningRate: number,
  step: number,
): Promise<Look> {
  const samples = { input: batch.images, target: batch.labels };
  const { objective, point } = modelObjective(model, samples, softmaxCrossEntropy, { mode: "probe" });
  const stepSizes = stepSizesAround(learningRate, DISTANCES);
  const { loss, gradNorm, profile } = await alongGradient(objective, point, { stepSizes });
  return { step, loss, gradNorm, profile };
}

/** The least and the largest of something. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Of the loss over the distances of the band. */
export function lossBand(look: Look): Range {
  return rangeOf(inBand(look).map(({ loss }) => loss));
}

/** Of ||g(y) - g|| / ||g|| over the distances of the band: 0 where the gradient stays, 2 where it turns back on itself. */
export function gradientChangeBand(look: Look): Range {
  return rangeOf(inBand(look).map(({ relativeGradientChange }) => relativeGradientChange ?? NaN));
}

/** beta times the learning rate at each distance: 2 is the most that plain gradient descent stands on a quadratic. */
export function betaProfile({ profile }: Look, learningRate: number): number[] {
  return profile.map(({ beta }) => (beta ?? NaN) * learningRate);
}

function inBand({ profile }: Look): Look["profile"] {
  return profile.filter((_, i) => BAND.includes(DISTANCES[i]!));
}

function rangeOf(values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) };
}
