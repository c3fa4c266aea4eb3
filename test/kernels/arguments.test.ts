/** Both kernel sets refuse the same calls in the same words, and write nothing then. */
import { describe, expect, it } from "vitest";
import type { Kernels } from "../../src/kernels/types.js";
import { kernelSets } from "../support/kernel-sets.js";
import { thrownBy } from "../support/throws.js";

const floats = (length: number): Float32Array => new Float32Array(length).fill(7);
const doubles = (length: number): Float64Array => new Float64Array(length).fill(7);

const product = { rows: 2, inner: 3, columns: 4, a: floats(6), b: floats(12), out: floats(8) };
const view = { outer: 2, channels: 3, inner: 1 };
const statistics = { mean: doubles(3), rstd: doubles(3) };
const forward = { view, x: floats(6), epsilon: 1e-5, y: floats(6), ...statistics, variance: doubles(3) };
const backward = { view, x: floats(6), dy: floats(6), dx: floats(6), ...statistics };
const pair = { x: floats(5), y: floats(5) };
const triple = { y: floats(5), dy: floats(5), dx: floats(5) };
const entropy = {
  ...{ rows: 2, classes: 3, logits: floats(6), labels: Int32Array.of(0, 2), labelSmoothing: 0, dlogits: floats(6) },
};
const error = { prediction: floats(4), target: floats(4), dprediction: floats(4) };
const rates = { learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 };
const step = { values: floats(4), gradient: floats(4), ...rates };
const moments = { firstMoment: floats(4), secondMoment: floats(4), beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const adam = { ...step, ...moments, correction1: 0.1, correction2: 0.001, decoupled: false };

/** The kernel, its arguments, the whole of what it throws. */
const refusals: readonly (readonly [keyof Kernels, object, string])[] = [
  ["matmul", { ...product, rows: 0 }, "RangeError: matmul: expected rows to be a whole number of at least 1, got 0"],
  [
    "matmul",
    { ...product, inner: 2.5 },
    "RangeError: matmul: expected inner to be a whole number of at least 1, got 2.5",
  ],
  ["matmul", { ...product, columns: "4" }, 'TypeError: matmul: expected columns to be a number, got "4"'],
  ["matmul", { ...product, a: floats(5) }, "ShapeError: matmul: expected a to have 6 values, got 5"],
  [
    "matmul",
    { ...product, b: doubles(12) },
    "TypeError: matmul: expected b to be a Float32Array as the other arrays are, got Float64Array(12)",
  ],
  ["matmul", { ...product, bias: floats(3) }, "ShapeError: matmul: expected bias to have 4 values, got 3"],
  [
    "matmulTransposedA",
    { ...product, b: floats(8) },
    "ShapeError: matmulTransposedA: expected b to have 12 values, got 8",
  ],
  [
    "matmulTransposedB",
    { ...product, out: [1, 2] },
    "TypeError: matmulTransposedB: expected out to be a Float32Array or a Float64Array, got [1, 2]",
  ],
  [
    "columnSums",
    { rows: 2, columns: 3, x: floats(6), out: floats(2) },
    "ShapeError: columnSums: expected out to have 3 values, got 2",
  ],
  [
    "columnSums",
    { rows: 0, columns: 3, x: floats(0), out: floats(3) },
    "RangeError: columnSums: expected rows to be a whole number of at least 1, got 0",
  ],
  [
    "batchNormForward",
    { ...forward, view: { ...view, outer: 0 } },
    "RangeError: batchNormForward: expected view.outer to be a whole number of at least 1, got 0",
  ],
  [
    "batchNormForward",
    { ...forward, gamma: floats(2) },
    "ShapeError: batchNormForward: expected gamma to have 3 values, got 2",
  ],
  [
    "batchNormForward",
    { ...forward, variance: floats(3) },
    "TypeError: batchNormForward: expected variance to be a Float64Array, whatever the dtype of x, got Float32Array(3)",
  ],
  ["normalize", { ...forward, y: floats(5) }, "ShapeError: normalize: expected y to have 6 values, got 5"],
  ["normalize", { ...forward, rstd: doubles(4) }, "ShapeError: normalize: expected rstd to have 3 values, got 4"],
  [
    "batchNormBackward",
    { ...backward, dy: floats(7) },
    "ShapeError: batchNormBackward: expected dy to have 6 values, got 7",
  ],
  [
    "batchNormBackward",
    { ...backward, dgamma: doubles(3) },
    "TypeError: batchNormBackward: expected dgamma to be a Float32Array as the other arrays are, got Float64Array(3)",
  ],
  [
    "normalizeBackward",
    { ...backward, dbeta: floats(6) },
    "ShapeError: normalizeBackward: expected dbeta to have 3 values, got 6",
  ],
  ["relu", { ...pair, y: floats(4) }, "ShapeError: relu: expected y to have 5 values, got 4"],
  ["reluBackward", { ...triple, dx: floats(4) }, "ShapeError: reluBackward: expected dx to have 5 values, got 4"],
  ["leakyRelu", { ...pair, slope: 0 }, "RangeError: leakyRelu: expected slope to be a finite number > 0, got 0"],
  ["leakyRelu", pair, "TypeError: leakyRelu: expected slope to be a number, got undefined"],
  [
    "leakyReluBackward",
    { ...triple, slope: NaN },
    "RangeError: leakyReluBackward: expected slope to be a finite number > 0, got NaN",
  ],
  [
    "sigmoid",
    { ...pair, y: doubles(5) },
    "TypeError: sigmoid: expected y to be a Float32Array as the other arrays are, got Float64Array(5)",
  ],
  ["sigmoidBackward", { ...triple, dy: floats(1) }, "ShapeError: sigmoidBackward: expected dy to have 5 values, got 1"],
  ["tanh", { ...pair, x: "abcde" }, 'TypeError: tanh: expected x to be a Float32Array or a Float64Array, got "abcde"'],
  ["tanhBackward", { ...triple, dx: floats(6) }, "ShapeError: tanhBackward: expected dx to have 5 values, got 6"],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: undefined },
    "TypeError: softmaxCrossEntropy: expected either labels or probabilities, got neither",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, probabilities: floats(6) },
    "TypeError: softmaxCrossEntropy: expected either labels or probabilities, got both",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: Int32Array.of(0, 3) },
    "RangeError: softmaxCrossEntropy: expected labels in 0..2, got 3 in row 1",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, labelSmoothing: 1.5 },
    "RangeError: softmaxCrossEntropy: expected labelSmoothing in [0, 1], got 1.5",
  ],
  [
    "meanSquaredError",
    { ...error, target: floats(3) },
    "ShapeError: meanSquaredError: expected target to have 4 values, got 3",
  ],
  ["sgd", { ...step, velocity: floats(3) }, "ShapeError: sgd: expected velocity to have 4 values, got 3"],
  ["adam", { ...adam, secondMoment: floats(5) }, "ShapeError: adam: expected secondMoment to have 4 values, got 5"],
];

describe.each(kernelSets)("$name", (kernels) => {
  it.each(refusals)("%s refuses %o", (name, args, message) => {
    const before = JSON.stringify(args);
    expect(thrownBy(() => (kernels[name] as (args: object) => void)(args))).toBe(message);
    expect(JSON.stringify(args)).toBe(before);
  });
});

it("every kernel is in the table", () => {
  const named = new Set(refusals.map(([name]) => name));
  expect(Object.keys(kernelSets[1]!).filter((name) => name !== "name" && !named.has(name as keyof Kernels))).toEqual(
    [],
  );
});

it("both sets have the same kernels", () => {
  expect(Object.keys(kernelSets[0]!).sort()).toEqual(Object.keys(kernelSets[1]!).sort());
});
