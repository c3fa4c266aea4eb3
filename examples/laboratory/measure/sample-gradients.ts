/** sampleGradients: how far the gradients of the samples in a batch cancel. */
import { softmaxCrossEntropy } from "batchnorm";
import { gradientCancellation } from "batchnorm/tools";
import type { Source } from "../data.js";
import { learnFor, prepare, type Setup } from "./training.js";

export interface SampleGradientsSetup extends Setup {
  /** Steps of training at which to measure, ascending. */
  readonly steps: readonly number[];
}

/** Returns |sum of the samples' gradients| / sum of their magnitudes for each step and hidden layer: the mean over its weights. */
export function sampleGradients(setup: SampleGradientsSetup, source: Source): Promise<number[][]> {
  const trainee = prepare(setup, source);
  let done = 0;
  const looks = setup.steps.map((step) => {
    learnFor(trainee, step - done);
    done = step;
    const { images: input, labels: target } = trainee.next();
    const { layers } = gradientCancellation(trainee.model, { input, target }, softmaxCrossEntropy, { mode: "probe" });
    return layers.slice(0, -1).map(({ mean }) => mean ?? NaN);
  });
  return Promise.resolve(looks);
}
