/** Both kernel sets refuse the same calls with the same errors, and write nothing then. */
import { describe, expect, it } from "vitest";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { reciprocalStd } from "../../src/kernels/plain/batch-norm.js";
import type { Kernels } from "../../src/kernels/types.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { kernelSets } from "../support/kernel-sets.js";
import { expectRefusal } from "../support/refusal.js";
import { thrownBy } from "../support/throws.js";

const floats = (length: number): Float32Array => new Float32Array(length).fill(7);
const doubles = (length: number): Float64Array => new Float64Array(length).fill(7);

const product = { rows: 2, inner: 3, columns: 4, a: floats(6), b: floats(12), out: floats(8) };
const view = { outer: 2, channels: 3, inner: 1 };
const shape = {
  ...{ batch: 2, channels: 1, height: 2, width: 3, windowHeight: 2, windowWidth: 2, strideY: 1, strideX: 1 },
  ...{ top: 0, left: 0, outHeight: 1, outWidth: 2 },
};
const convolution = { shape, outputs: 3, x: floats(12), weight: floats(12), y: floats(12) };
const inputGradient = { shape, outputs: 3, dy: floats(12), weight: floats(12), dx: floats(12) };
const weightGradient = { shape, outputs: 3, x: floats(12), dy: floats(12), dweight: floats(12) };
const pooling = { shape, x: floats(12), y: floats(4), argmax: new Int32Array(4) };
const poolingGradient = { shape, dy: floats(4), argmax: Int32Array.of(0, 1, 2, 5), dx: floats(12) };
const statistics = { mean: doubles(3), rstd: doubles(3) };
const channelMoments = { view, x: floats(6), mean: doubles(3), variance: doubles(3) };
const forward = { view, x: floats(6), epsilon: 1e-5, y: floats(6), ...statistics, variance: doubles(3) };
const backward = { view, x: floats(6), dy: floats(6), dx: floats(6), ...statistics };
const pair = { x: floats(5), y: floats(5) };
const triple = { y: floats(5), dy: floats(5), dx: floats(5) };
const entropy = {
  ...{ rows: 2, classes: 3, logits: floats(6), labels: Int32Array.of(0, 2), labelSmoothing: 0, dlogits: floats(6) },
};
const error = { prediction: floats(4), target: floats(4), dprediction: floats(4) };
const rates = { learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 };
const step = { values: floats(4), gradient: floats(4), velocity: floats(4), ...rates };
const moments = { firstMoment: floats(4), secondMoment: floats(4), beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const adam = {
  values: floats(4),
  gradient: floats(4),
  ...{ learningRate: 0.1, weightDecay: 0 },
  ...moments,
  correction1: 0.1,
  correction2: 0.001,
  decoupled: false,
};

/** An array whose memory belongs to another thread now. */
function transferred(): Float32Array {
  const array = new Float32Array(6);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

/** The kernel, its arguments, and what it throws in the form of `expectRefusal`. */
const refusals: readonly (readonly [keyof Kernels, object, string])[] = [
  ["matmul", { ...product, rows: 0 }, "RangeError: matmul: rows | 1 | 0"],
  ["matmul", { ...product, inner: 2.5 }, "RangeError: matmul: inner | 1 | 2.5"],
  ["matmul", { ...product, columns: "4" }, 'TypeError: matmul: columns | "4"'],
  ["matmul", { ...product, a: floats(5) }, "ShapeError: matmul: a | 6 | 5"],
  ["matmul", { ...product, b: doubles(12) }, "TypeError: matmul: b | Float32Array | Float64Array(12)"],
  ["matmul", { ...product, bias: floats(3) }, "ShapeError: matmul: bias | 4 | 3"],
  ["matmulTransposedA", { ...product, b: floats(8) }, "ShapeError: matmulTransposedA: b | 12 | 8"],
  [
    "matmulTransposedB",
    { ...product, out: [1, 2] },
    "TypeError: matmulTransposedB: out | Float32Array | Float64Array | [1, 2]",
  ],
  ["columnSums", { rows: 2, columns: 3, x: floats(6), out: floats(2) }, "ShapeError: columnSums: out | 3 | 2"],
  ["columnSums", { rows: 0, columns: 3, x: floats(0), out: floats(3) }, "RangeError: columnSums: rows | 1 | 0"],
  ["convolve2d", { ...convolution, shape: 3 }, "TypeError: convolve2d: shape | an object | 3"],
  ["convolve2d", { ...convolution, shape: { ...shape, batch: 0 } }, "RangeError: convolve2d: shape.batch | 1 | 0"],
  ["convolve2d", { ...convolution, shape: { ...shape, strideX: 0 } }, "RangeError: convolve2d: shape.strideX | 1 | 0"],
  ["convolve2d", { ...convolution, shape: { ...shape, top: -1 } }, "RangeError: convolve2d: shape.top | 0 | -1"],
  ["convolve2d", { ...convolution, shape: { ...shape, left: "1" } }, 'TypeError: convolve2d: shape.left | "1"'],
  [
    "convolve2d",
    { ...convolution, shape: { ...shape, strideX: 2 ** 28 } },
    "RangeError: convolve2d: strides | padding | 268435456 | 536870912",
  ],
  ["convolve2d", { ...convolution, shape: { ...shape, height: 3 } }, "ShapeError: convolve2d: x | 18 | 12"],
  ["convolve2d", { ...convolution, shape: { ...shape, windowWidth: 3 } }, "ShapeError: convolve2d: weight | 18 | 12"],
  ["convolve2d", { ...convolution, shape: { ...shape, outHeight: 2 } }, "ShapeError: convolve2d: y | 24 | 12"],
  ["convolve2d", { ...convolution, outputs: 0 }, "RangeError: convolve2d: outputs | 1 | 0"],
  [
    "convolve2d",
    { ...convolution, weight: doubles(12) },
    "TypeError: convolve2d: weight | Float32Array | Float64Array(12)",
  ],
  ["convolve2d", { ...convolution, bias: floats(2) }, "ShapeError: convolve2d: bias | 3 | 2"],
  ["convolve2dGradInput", { ...inputGradient, dy: floats(8) }, "ShapeError: convolve2dGradInput: dy | 12 | 8"],
  ["convolve2dGradInput", { ...inputGradient, dx: floats(4) }, "ShapeError: convolve2dGradInput: dx | 12 | 4"],
  ["convolve2dGradInput", { ...inputGradient, weight: floats(4) }, "ShapeError: convolve2dGradInput: weight | 12 | 4"],
  ["convolve2dGradInput", { ...inputGradient, outputs: 1.5 }, "RangeError: convolve2dGradInput: outputs | 1.5"],
  ["convolve2dGradWeight", { ...weightGradient, x: floats(2) }, "ShapeError: convolve2dGradWeight: x | 12 | 2"],
  ["convolve2dGradWeight", { ...weightGradient, dy: floats(2) }, "ShapeError: convolve2dGradWeight: dy | 12 | 2"],
  [
    "convolve2dGradWeight",
    { ...weightGradient, dweight: floats(4) },
    "ShapeError: convolve2dGradWeight: dweight | 12 | 4",
  ],
  [
    "convolve2dGradWeight",
    { ...weightGradient, dbias: doubles(3) },
    "TypeError: convolve2dGradWeight: dbias | Float32Array | Float64Array(3)",
  ],
  ["convolve2dGradWeight", { ...weightGradient, outputs: 4 }, "ShapeError: convolve2dGradWeight: dy | 16 | 12"],
  ["maxPool2d", { ...pooling, x: floats(3) }, "ShapeError: maxPool2d: x | 12 | 3"],
  ["maxPool2d", { ...pooling, y: floats(3) }, "ShapeError: maxPool2d: y | 4 | 3"],
  ["maxPool2d", { ...pooling, argmax: floats(4) }, "TypeError: maxPool2d: argmax | Int32Array | Float32Array(4)"],
  ["maxPool2d", { ...pooling, argmax: new Int32Array(3) }, "ShapeError: maxPool2d: argmax | 4 | 3"],
  ...[{ top: 2 }, { left: 2 }, { outHeight: 3, outWidth: 1 }, { outWidth: 4 }, { strideX: 3 }].map(
    (change) =>
      [
        "maxPool2d",
        { ...pooling, shape: { ...shape, ...change } },
        "RangeError: maxPool2d: a pixel of the 2 x 3 image | windows of 2 x 2 | cure",
      ] as const,
  ),
  ["maxPool2dGradient", { ...poolingGradient, dy: floats(3) }, "ShapeError: maxPool2dGradient: dy | 4 | 3"],
  ["maxPool2dGradient", { ...poolingGradient, dx: floats(6) }, "ShapeError: maxPool2dGradient: dx | 12 | 6"],
  [
    "maxPool2dGradient",
    { ...poolingGradient, argmax: [0, 1, 2, 3] },
    "TypeError: maxPool2dGradient: argmax | Int32Array | [0, 1, 2, 3]",
  ],
  [
    "maxPool2dGradient",
    { ...poolingGradient, argmax: Int32Array.of(0, 1, 6, 3) },
    "RangeError: maxPool2dGradient: argmax | 0..5 | 6 at 2 | cure",
  ],
  [
    "maxPool2dGradient",
    { ...poolingGradient, argmax: Int32Array.of(0, 1, 2, -1) },
    "RangeError: maxPool2dGradient: argmax | 0..5 | -1 at 3 | cure",
  ],
  ["moments", { ...channelMoments, view: { ...view, inner: 0 } }, "RangeError: moments: view.inner | 1 | 0"],
  ["moments", { ...channelMoments, x: floats(5) }, "ShapeError: moments: x | 6 | 5"],
  ["moments", { ...channelMoments, x: [1, 2] }, "TypeError: moments: x | Float32Array | Float64Array | [1, 2]"],
  ["moments", { ...channelMoments, mean: floats(3) }, "TypeError: moments: mean | Float64Array | Float32Array(3)"],
  ["moments", { ...channelMoments, variance: doubles(2) }, "ShapeError: moments: variance | 3 | 2"],
  ["batchNormForward", { ...forward, view: { ...view, outer: 0 } }, "RangeError: batchNormForward: view.outer | 1 | 0"],
  ["batchNormForward", { ...forward, gamma: floats(2) }, "ShapeError: batchNormForward: gamma | 3 | 2"],
  [
    "batchNormForward",
    { ...forward, variance: floats(3) },
    "TypeError: batchNormForward: variance | Float64Array | Float32Array(3)",
  ],
  ["normalize", { ...forward, y: floats(5) }, "ShapeError: normalize: y | 6 | 5"],
  ["normalize", { ...forward, rstd: doubles(4) }, "ShapeError: normalize: rstd | 3 | 4"],
  ["batchNormBackward", { ...backward, dy: floats(7) }, "ShapeError: batchNormBackward: dy | 6 | 7"],
  [
    "batchNormBackward",
    { ...backward, dgamma: doubles(3) },
    "TypeError: batchNormBackward: dgamma | Float32Array | Float64Array(3)",
  ],
  ["normalizeBackward", { ...backward, dbeta: floats(6) }, "ShapeError: normalizeBackward: dbeta | 3 | 6"],
  ["relu", { ...pair, y: floats(4) }, "ShapeError: relu: y | 5 | 4"],
  ["reluBackward", { ...triple, dx: floats(4) }, "ShapeError: reluBackward: dx | 5 | 4"],
  ["leakyRelu", { ...pair, slope: 0 }, "RangeError: leakyRelu: slope | 0"],
  ["leakyRelu", pair, "TypeError: leakyRelu: slope | undefined"],
  ["leakyReluBackward", { ...triple, slope: NaN }, "RangeError: leakyReluBackward: slope | 0 | NaN"],
  ["sigmoid", { ...pair, y: doubles(5) }, "TypeError: sigmoid: y | Float32Array | Float64Array(5)"],
  ["sigmoidBackward", { ...triple, dy: floats(1) }, "ShapeError: sigmoidBackward: dy | 5 | 1"],
  ["tanh", { ...pair, x: "abcde" }, 'TypeError: tanh: x | Float32Array | Float64Array | "abcde"'],
  ["tanhBackward", { ...triple, dx: floats(6) }, "ShapeError: tanhBackward: dx | 5 | 6"],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: undefined },
    "TypeError: softmaxCrossEntropy: labels | probabilities | neither",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, probabilities: floats(6) },
    "TypeError: softmaxCrossEntropy: labels | probabilities | both",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: Int32Array.of(0, 3) },
    "RangeError: softmaxCrossEntropy: labels | 0..2 | 3 | 1",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, labelSmoothing: 1.5 },
    "RangeError: softmaxCrossEntropy: labelSmoothing | [0, 1] | 1.5",
  ],
  ["meanSquaredError", { ...error, target: floats(3) }, "ShapeError: meanSquaredError: target | 4 | 3"],
  ["sgd", { ...step, velocity: floats(3) }, "ShapeError: sgd: velocity | 4 | 3"],
  ["sgd", { ...step, velocity: undefined }, "TypeError: sgd: velocity | momentum | 0.9 | none | cure"],
  ["sgd", { ...step, learningRate: NaN }, "RangeError: sgd: learningRate | NaN"],
  ["sgd", { ...step, momentum: Infinity }, "RangeError: sgd: momentum | Infinity"],
  ["sgd", { ...step, weightDecay: "0" }, 'TypeError: sgd: weightDecay | "0"'],
  ["adam", { ...adam, correction1: 0 }, "RangeError: adam: correction1 | 0"],
  ["adam", { ...adam, correction2: 0 }, "RangeError: adam: correction2 | 0"],
  ["adam", { ...adam, epsilon: NaN }, "RangeError: adam: epsilon | NaN"],
  ["batchNormForward", { ...forward, epsilon: -1 }, "RangeError: batchNormForward: epsilon | 0 | -1"],
  ["batchNormForward", { ...forward, epsilon: NaN }, "RangeError: batchNormForward: epsilon | 0 | NaN"],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: [0, 1] },
    "TypeError: softmaxCrossEntropy: labels | Int32Array | [0, 1] | cure",
  ],
  ["softmaxCrossEntropy", { ...entropy, labels: Int32Array.of(0) }, "ShapeError: softmaxCrossEntropy: labels | 2 | 1"],
  [
    "softmaxCrossEntropy",
    { ...entropy, labels: Int32Array.of(0, -1) },
    "RangeError: softmaxCrossEntropy: labels | 0..2 | -1 | 1",
  ],
  [
    "softmaxCrossEntropy",
    { ...entropy, labelSmoothing: NaN },
    "RangeError: softmaxCrossEntropy: labelSmoothing | [0, 1] | NaN",
  ],
  ["relu", { x: transferred(), y: transferred() }, "ShapeError: relu: x | Float32Array | transferred"],
  ["moments", { ...channelMoments, x: transferred() }, "ShapeError: moments: x | Float32Array | transferred"],
  ["adam", { ...adam, secondMoment: floats(5) }, "ShapeError: adam: secondMoment | 4 | 5"],
];

describe.each(kernelSets)("$name", (kernels) => {
  it.each(refusals)("%s refuses %o", async (name, args, refusal) => {
    const before = JSON.stringify(args);
    await expectRefusal(() => (kernels[name] as (args: object) => void)(args), refusal);
    expect(JSON.stringify(args)).toBe(before);
  });
});

/** Arguments of each kernel that it takes, and the keys that may be left out. */
const complete: Readonly<Record<Exclude<keyof Kernels, "name">, readonly [args: object, optional: readonly string[]]>> =
  {
    matmul: [{ ...product, bias: floats(4) }, ["bias"]],
    matmulTransposedA: [{ ...product, bias: floats(4) }, ["bias"]],
    matmulTransposedB: [{ ...product, bias: floats(4) }, ["bias"]],
    columnSums: [{ rows: 2, columns: 3, x: floats(6), out: floats(3) }, []],
    convolve2d: [{ ...convolution, bias: floats(3) }, ["bias"]],
    convolve2dGradInput: [inputGradient, []],
    convolve2dGradWeight: [{ ...weightGradient, dbias: floats(3) }, ["dbias"]],
    maxPool2d: [pooling, []],
    maxPool2dGradient: [poolingGradient, []],
    moments: [channelMoments, []],
    batchNormForward: [{ ...forward, gamma: floats(3), beta: floats(3) }, ["gamma", "beta"]],
    batchNormBackward: [
      { ...backward, gamma: floats(3), dgamma: floats(3), dbeta: floats(3) },
      ["gamma", "dgamma", "dbeta"],
    ],
    normalize: [
      { view, x: floats(6), y: floats(6), ...statistics, gamma: floats(3), beta: floats(3) },
      ["gamma", "beta"],
    ],
    normalizeBackward: [
      { ...backward, gamma: floats(3), dgamma: floats(3), dbeta: floats(3) },
      ["gamma", "dgamma", "dbeta"],
    ],
    relu: [pair, []],
    reluBackward: [triple, []],
    leakyRelu: [{ ...pair, slope: 0.1 }, []],
    leakyReluBackward: [{ ...triple, slope: 0.1 }, []],
    sigmoid: [pair, []],
    sigmoidBackward: [triple, []],
    tanh: [pair, []],
    tanhBackward: [triple, []],
    softmaxCrossEntropy: [entropy, []],
    meanSquaredError: [error, []],
    sgd: [{ ...step, momentum: 0 }, ["velocity"]],
    adam: [adam, []],
  };

/** What no key may be. */
const hostile: readonly unknown[] = [
  ...[null, NaN, -1, Infinity, "3", 3n, Symbol("s"), {}, [], [1, 2], () => 1, new Float32Array(1), new Int16Array(6)],
  ...[
    new BigInt64Array(6),
    Object.create(null) as unknown,
    transferred(),
    Object.setPrototypeOf(new Float32Array(6), null) as unknown,
  ],
];

describe.each([...kernelSets, wasmKernels()])("a kernel of the $name set", (kernels) => {
  const call = (name: string, args: unknown) => () => {
    (kernels as unknown as Record<string, (args: unknown) => unknown>)[name]!(args);
  };

  describe.each(Object.entries(complete))("%s", (name, [args, optional]) => {
    const copy = (): Record<string, unknown> => structuredClone(args) as Record<string, unknown>;

    it("takes complete arguments, and does without the optional ones", () => {
      expect(call(name, copy())).not.toThrow();
      for (const key of optional) expect(call(name, { ...copy(), [key]: undefined })).not.toThrow();
    });

    it.each(Object.keys(args).filter((key) => !optional.includes(key)))("requires %s", async (key) => {
      const rest = Object.fromEntries(Object.entries(copy()).filter(([other]) => other !== key));
      await expectRefusal(call(name, rest), `TypeError: ${name}: ${key}`);
    });

    it("requires arguments", async () => {
      for (const value of [undefined, null, 1, "x"])
        await expectRefusal(call(name, value), `TypeError: ${name}: arguments`);
    });

    it("refuses what does not belong there by name, and writes nothing then", () => {
      for (const key of Object.keys(args)) {
        for (const value of hostile) {
          const given: Record<string, unknown> = { ...copy(), [key]: value };
          const before = JSON.stringify({ ...given, [key]: 0 });
          const message = thrownBy(call(name, given));
          if (message === "nothing was thrown") continue; // a number that is fine there, as -1 for a rate
          expect(message).toMatch(new RegExp(`^(Type|Range|Shape)Error: ${name}: expected .*, got `));
          expect(JSON.stringify({ ...given, [key]: 0 })).toBe(before);
        }
      }
    });
  });
});

it("the list of complete arguments has every kernel", () => {
  expect(["name", ...Object.keys(complete)].sort()).toEqual(Object.keys(plainKernels).sort());
});

describe("reciprocalStd", () => {
  const args = { variance: doubles(3), epsilon: 0, rstd: doubles(3) };

  it.each(Object.keys(args))("requires %s", async (key) => {
    await expectRefusal(() => {
      reciprocalStd({ ...args, [key]: undefined });
    }, `TypeError: reciprocalStd: ${key}`);
  });
});

it.each(refusals)("all sets refuse %s of %o with the same error", (name, args) => {
  const thrown = kernelSets.map((kernels) => thrownBy(() => (kernels[name] as (args: object) => void)(args)));
  expect(new Set(thrown).size).toBe(1);
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
