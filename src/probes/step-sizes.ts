/** Step sizes: how far a probe goes along the gradient, as multiples of the gradient. */

import { complaint, expectNumber, show } from "../core/errors.js";

/**
 * Step sizes around a learning rate: by default .01, .1, .5, 1, 2 and 4 times it.
 *
 * @example
 * stepSizesAround(0.5); // => [0.005, 0.05, 0.25, 0.5, 1, 2]
 */
export function stepSizesAround(
  learningRate: number,
  multiples: readonly number[] = [0.01, 0.1, 0.5, 1, 2, 4],
): number[] {
  expectNumber("stepSizesAround", "learningRate", learningRate, { low: 0, withoutLow: true });
  return multiples.map((multiple) => multiple * learningRate);
}

/** Requires at least one step size, each above 0. */
export function expectStepSizes(who: string, stepSizes: unknown): asserts stepSizes is readonly number[] {
  if (!Array.isArray(stepSizes)) {
    throw new TypeError(
      complaint(who, "stepSizes to be an array of numbers", show(stepSizes), "use stepSizesAround(0.1)"),
    );
  }
  if (stepSizes.length === 0) throw new RangeError(complaint(who, "at least 1 step size", "0"));
  stepSizes.forEach((stepSize, i) => {
    expectNumber(who, `stepSizes[${i}]`, stepSize, { low: 0, withoutLow: true });
  });
}
