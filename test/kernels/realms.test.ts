/** Arrays of another realm, such as an iframe or a vm context: their classes are others, their numbers are not. */
import vm from "node:vm";
import { describe, expect, it } from "vitest";
import { type Floats, isFloats, typedArrayName } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import type { Kernels } from "../../src/kernels/types.js";
import { expectBits } from "../support/close.js";
import { kernelCases, randomFloats, unwritten } from "../support/kernel-sets.js";
import { thrownBy } from "../support/throws.js";

const realm = vm.createContext({});
const foreignClasses = vm.runInContext("({ Float32Array, Float64Array, Int32Array })", realm) as Record<
  string,
  new (from: ArrayLike<number>) => Floats | Int32Array
>;

/** The same numbers in an array of the other realm; anything else as it is. */
function foreign(value: unknown): unknown {
  const name = typedArrayName(value);
  return name === undefined ? value : new foreignClasses[name]!(value as Floats);
}

const isArray = (value: unknown): value is Floats | Int32Array => typedArrayName(value) !== undefined;

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const random = new Random(1);
  const view = { outer: 13, channels: 11, inner: 2 };
  const size = 13 * 11 * 2;
  const numbers = (length: number): Floats => randomFloats(random, dtype, length);
  const empty = (length: number): Floats => unwritten(dtype, length);
  const doubles = (): Float64Array => Float64Array.from({ length: 11 }, () => 1 + random.uniform());
  const statistics = { mean: doubles(), variance: doubles(), rstd: doubles() };
  const affine = { gamma: numbers(11), beta: numbers(11) };
  const gradients = { dx: empty(size), dgamma: empty(11), dbeta: empty(11) };
  const product = {
    rows: 13,
    inner: 22,
    columns: 11,
    a: numbers(size),
    b: numbers(242),
    bias: numbers(11),
    out: empty(143),
  };
  // x [2, 13, 11, 1], and y [2, 13, 11, 1]
  const shape = {
    ...{ batch: 2, channels: 13, height: 11, width: 1, windowHeight: 3, windowWidth: 1, strideY: 1, strideX: 1 },
    ...{ top: 1, left: 0, outHeight: 11, outWidth: 1 },
  };
  const weights = { weight: numbers(507), bias: numbers(13), dweight: empty(507), dbias: empty(13) };
  const windows = { shape, outputs: 13, ...weights, x: numbers(size), dy: numbers(size) };
  const argmax = Int32Array.from({ length: size }, (_, i) => i % 11);
  const backward = { view, x: numbers(size), dy: numbers(size), ...affine, ...statistics, ...gradients };
  const pair = { x: numbers(size), y: empty(size), slope: 0.1 };
  const triple = { y: numbers(size), dy: numbers(size), dx: empty(size), slope: 0.1 };
  const labels = Int32Array.from({ length: 26 }, (_, row) => row % 11);
  const rates = { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 };
  const adam = { beta1: 0.9, beta2: 0.99, correction1: 0.1, correction2: 0.01, epsilon: 1e-8, decoupled: true };
  const positive = numbers(size).map(Math.abs);

  const calls: Readonly<Record<Exclude<keyof Kernels, "name">, object>> = {
    matmul: product,
    matmulTransposedA: product,
    matmulTransposedB: product,
    columnSums: { rows: 26, columns: 11, x: numbers(size), out: empty(11) },
    convolve2d: { ...windows, y: empty(size) },
    convolve2dGradInput: { ...windows, dx: empty(size) },
    convolve2dGradWeight: windows,
    maxPool2d: { shape, x: numbers(size), y: empty(size), argmax },
    maxPool2dGradient: { shape, dy: numbers(size), argmax, dx: empty(size) },
    moments: { view, x: numbers(size), ...statistics },
    batchNormForward: { view, x: numbers(size), ...affine, ...statistics, epsilon: 1e-5, y: empty(size) },
    batchNormBackward: backward,
    normalize: { view, x: numbers(size), ...affine, ...statistics, y: empty(size) },
    normalizeBackward: backward,
    relu: pair,
    reluBackward: triple,
    leakyRelu: pair,
    leakyReluBackward: triple,
    sigmoid: pair,
    sigmoidBackward: triple,
    tanh: pair,
    tanhBackward: triple,
    softmaxCrossEntropy: {
      rows: 26,
      classes: 11,
      logits: numbers(size),
      labels,
      labelSmoothing: 0.1,
      dlogits: empty(size),
    },
    meanSquaredError: { prediction: numbers(size), target: numbers(size), dprediction: empty(size) },
    sgd: { values: numbers(size), gradient: numbers(size), velocity: numbers(size), ...rates },
    adam: {
      values: numbers(size),
      gradient: numbers(size),
      firstMoment: numbers(size),
      secondMoment: positive,
      ...rates,
      ...adam,
    },
  };

  it.each(Object.keys(calls) as (keyof typeof calls)[])(
    "%s computes the same bits on arrays of another realm",
    (name) => {
      const run = (args: object): unknown => (kernels[name] as (args: object) => unknown)(args);
      const own = Object.entries(calls[name]).map(
        ([key, value]: [string, unknown]) => [key, isArray(value) ? value.slice() : value] as const,
      );
      const others = own.map(([key, value]) => [key, foreign(value)] as const);
      const half = own.map(
        ([key, value], i) => [key, i % 2 === 0 ? foreign(value) : isArray(value) ? value.slice() : value] as const,
      );
      expect(
        others.some(
          ([, value]) => isFloats(value) && !(value instanceof Float32Array) && !(value instanceof Float64Array),
        ),
      ).toBe(true);
      const result = run(Object.fromEntries(own));
      for (const entries of [others, half]) {
        expect(run(Object.fromEntries(entries))).toBe(result);
        entries.forEach(([key, value], i) => {
          if (isArray(value)) expectBits(key, value, own[i]![1] as Floats);
        });
      }
    },
  );

  it("refuses another dtype whatever the realm, and says which it is", () => {
    const other = foreign(dtype === "float32" ? new Float64Array(size) : new Float32Array(size));
    const thrown = thrownBy(() => {
      kernels.relu({ ...pair, y: other as Floats });
    });
    expect(thrown.startsWith("TypeError: relu: ")).toBe(true);
    expect(thrown).toContain(dtype === "float32" ? "Float32Array" : "Float64Array");
    expect(thrown).toContain(dtype === "float32" ? `Float64Array(${size})` : `Float32Array(${size})`);
    const integers = foreign(new Int32Array(size)) as Floats;
    expect(
      thrownBy(() => {
        kernels.relu({ ...pair, y: integers });
      }),
    ).toContain(`Int32Array(${size})`);
  });
});
