/** Optimizer steps: computed by hand for both kernel sets, and the WebAssembly set and float32 against plain float64. */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { expectBits, expectClose } from "../support/close.js";
import { comparedCases, inDoubles, kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";

function floats(dtype: DType, ...values: readonly number[]): Floats {
  const array = unwritten(dtype, values.length);
  array.set(values);
  return array;
}

describe.each(kernelCases)("by hand, $name", ({ kernels, dtype }) => {
  const plain = { learningRate: 0.5, momentum: 0, nesterov: false, weightDecay: 0 };

  // g = gradient + weightDecay values, v = momentum v + g; all numbers are exact in float32
  it.each([
    ["no momentum: 4 - 0.5 * 2 and -2 - 0.5 * 2", plain, undefined, [3, -3]],
    [
      "weight decay: g = 2 + 0.25 * 4 = 3 and 2 - 0.25 * 2 = 1.5",
      { ...plain, weightDecay: 0.25 },
      undefined,
      [2.5, -2.75],
    ],
    ["momentum: v = 0.5 * 8 + 2 = 6 and -0.5 * 4 + 2 = 0", { ...plain, momentum: 0.5 }, [6, 0], [1, -2]],
    [
      "Nesterov: steps 2 + 0.5 * 6 = 5 and 2 + 0.5 * 0 = 2",
      { ...plain, momentum: 0.5, nesterov: true },
      [6, 0],
      [1.5, -3],
    ],
  ] as const)("sgd with %s", (_, rates, velocityAfter, after) => {
    const values = floats(dtype, 4, -2);
    const gradient = floats(dtype, 2, 2);
    const velocity = velocityAfter && floats(dtype, 8, -4);
    kernels.sgd({ values, gradient, velocity, ...rates });
    expect([...values]).toEqual(after);
    if (velocity) expect([...velocity]).toEqual(velocityAfter);
  });

  const rates = { learningRate: 0.5, beta1: 0.5, beta2: 0.75, correction1: 0.5, correction2: 0.25, epsilon: 1 };

  // From moments 0 at step 1: m / correction1 = g and v / correction2 = g², so the step is learningRate g / (|g| + epsilon).
  it.each([
    [
      "Adam: steps 0.5 * 3 / (3 + 1) and 0.5 * -1 / (1 + 1)",
      { weightDecay: 0, decoupled: false },
      [3, -1],
      [1.5, -0.5],
      [2.25, 0.25],
      [3.625, 4.25],
    ],
    [
      "AdamW: 4 (1 - 0.5 * 0.5) = 3 before the same steps",
      { weightDecay: 0.5, decoupled: true },
      [3, -1],
      [1.5, -0.5],
      [2.25, 0.25],
      [2.625, 3.25],
    ],
    [
      "Adam with weight decay: g = 1 + 0.5 * 4 = 3 and -3 + 2 = -1",
      { weightDecay: 0.5, decoupled: false },
      [1, -3],
      [1.5, -0.5],
      [2.25, 0.25],
      [3.625, 4.25],
    ],
  ] as const)("the first step of %s", (_, decay, gradient, m, v, after) => {
    const values = floats(dtype, 4, 4);
    const [firstMoment, secondMoment] = [floats(dtype, 0, 0), floats(dtype, 0, 0)];
    kernels.adam({ values, gradient: floats(dtype, ...gradient), firstMoment, secondMoment, ...rates, ...decay });
    expect([...firstMoment]).toEqual(m);
    expect([...secondMoment]).toEqual(v);
    expect([...values]).toEqual(after);
  });

  it("adam moves both moments from where they are, and corrects them", () => {
    const values = floats(dtype, 1);
    const [firstMoment, secondMoment] = [floats(dtype, 3), floats(dtype, 9)];
    const corrections = { correction1: 0.75, correction2: 0.5 };
    kernels.adam({
      ...{ values, gradient: floats(dtype, 1), firstMoment, secondMoment, ...rates, ...corrections, epsilon: 0.25 },
      ...{ beta2: 0.875, weightDecay: 0, decoupled: false },
    });
    // m = 0.5 * 3 + 0.5 * 1 = 2, v = 0.875 * 9 + 0.125 * 1 = 8, sqrt(8 / 0.5) = 4: the step is 0.5 (2 / 0.75) / 4.25
    expect([...firstMoment, ...secondMoment]).toEqual([2, 8]);
    expectClose("values", values, [1 - (0.5 * (2 / 0.75)) / 4.25], tolerances[dtype].parity);
  });
});

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it.each([
    { momentum: 0, nesterov: false, weightDecay: 0 },
    { momentum: 0, nesterov: false, weightDecay: 0.3 },
    { momentum: 0.9, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: true, weightDecay: 0.3 },
  ])("sgd agrees with the plain set: %o", (options) => {
    const random = new Random(1);
    for (const size of [...sizes, ...(options.weightDecay === 0 ? [] : [2 ** 17 + 5])]) {
      const values = randomFloats(random, dtype, size);
      const gradient = randomFloats(random, dtype, size);
      const velocity = options.momentum === 0 ? undefined : randomFloats(random, dtype, size);
      const args = { values, gradient, velocity, learningRate: 0.1, ...options };
      const expected = inDoubles(args);
      plainKernels.sgd(expected);
      const before = gradient.slice();
      kernels.sgd(args);
      expectClose(`values of ${size}`, values, expected.values, tolerance);
      if (velocity !== undefined) expectClose(`velocity of ${size}`, velocity, expected.velocity!, tolerance);
      expectBits("gradient", gradient, before);
    }
  });

  it.each([
    { weightDecay: 0, decoupled: false },
    { weightDecay: 0.3, decoupled: false },
    { weightDecay: 0.3, decoupled: true },
  ])("adam agrees with the plain set: %o", (options) => {
    const random = new Random(2);
    const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const corrections = { correction1: 1 - 0.9 ** 3, correction2: 1 - 0.999 ** 3 };
    for (const size of [...sizes, ...(options.weightDecay === 0 ? [] : [2 ** 17 + 5])]) {
      const values = randomFloats(random, dtype, size);
      const gradient = randomFloats(random, dtype, size);
      const firstMoment = randomFloats(random, dtype, size);
      const secondMoment = randomFloats(random, dtype, size).map((value) => value * value);
      const args = { values, gradient, firstMoment, secondMoment, ...rates, ...corrections, ...options };
      const expected = inDoubles(args);
      plainKernels.adam(expected);
      const before = gradient.slice();
      kernels.adam(args);
      expectClose(`values of ${size}`, values, expected.values, 2 * tolerance);
      expectClose(`first moment of ${size}`, firstMoment, expected.firstMoment, tolerance);
      expectClose(`second moment of ${size}`, secondMoment, expected.secondMoment, tolerance);
      expectBits("gradient", gradient, before);
    }
  });
});
