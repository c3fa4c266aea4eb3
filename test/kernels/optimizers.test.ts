/** Optimizer steps of both kernel sets against the reference. */
import { describe, it } from "vitest";
import { tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelCases, randomFloats, sizes } from "../support/kernel-sets.js";
import * as reference from "../support/reference.js";

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it.each([
    { momentum: 0, nesterov: false, weightDecay: 0 },
    { momentum: 0, nesterov: false, weightDecay: 0.3 },
    { momentum: 0.9, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: true, weightDecay: 0.3 },
  ])("sgd agrees with the reference: %o", (options) => {
    const random = new Random(1);
    for (const size of [...sizes, ...(options.weightDecay === 0 ? [] : [2 ** 17 + 5])]) {
      const values = randomFloats(random, dtype, size);
      const gradient = randomFloats(random, dtype, size);
      const velocity = options.momentum === 0 ? undefined : randomFloats(random, dtype, size);
      const args = { values, gradient, velocity, learningRate: 0.1, ...options };
      const expected = reference.sgd(args);
      const before = gradient.slice();
      kernels.sgd(args);
      expectClose(`values of ${size}`, values, expected.values, tolerance);
      if (velocity !== undefined) expectClose(`velocity of ${size}`, velocity, expected.velocity, tolerance);
      expectBits("gradient", gradient, before);
    }
  });

  it.each([
    { weightDecay: 0, decoupled: false },
    { weightDecay: 0.3, decoupled: false },
    { weightDecay: 0.3, decoupled: true },
  ])("adam agrees with the reference: %o", (options) => {
    const random = new Random(2);
    const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const corrections = { correction1: 1 - 0.9 ** 3, correction2: 1 - 0.999 ** 3 };
    for (const size of [...sizes, ...(options.weightDecay === 0 ? [] : [2 ** 17 + 5])]) {
      const values = randomFloats(random, dtype, size);
      const gradient = randomFloats(random, dtype, size);
      const firstMoment = randomFloats(random, dtype, size);
      const secondMoment = randomFloats(random, dtype, size).map((value) => value * value);
      const args = { values, gradient, firstMoment, secondMoment, ...rates, ...corrections, ...options };
      const expected = reference.adam(args);
      const before = gradient.slice();
      kernels.adam(args);
      expectClose(`values of ${size}`, values, expected.values, 2 * tolerance);
      expectClose(`first moment of ${size}`, firstMoment, expected.firstMoment, tolerance);
      expectClose(`second moment of ${size}`, secondMoment, expected.secondMoment, tolerance);
      expectBits("gradient", gradient, before);
    }
  });
});
