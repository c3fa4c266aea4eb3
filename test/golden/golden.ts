/** Reads the golden files and compares with them. */
import { readFileSync } from "node:fs";
import {
  AveragePool2d,
  BatchNorm,
  Conv2d,
  Dense,
  type DType,
  ELU,
  Flatten,
  type Floats,
  GELU,
  GlobalAveragePool,
  GroupNorm,
  type Layer,
  LayerNorm,
  LeakyReLU,
  loadStateDict,
  LogSoftmax,
  MaxPool2d,
  Random,
  ReLU,
  RMSNorm,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  stateDict,
  Tanh,
  Tensor,
} from "batchnorm";
import { expect } from "vitest";
import { tolerances } from "../../src/core/dtype.js";

/** Each of them must give the golden values. */
export { kernelSets } from "../support/kernel-sets.js";

/** A number in a golden file: JSON has no word for the ones that are not finite. */
export type GoldenNumber = number | "NaN" | "Infinity" | "-Infinity";

export interface GoldenTensor {
  readonly dtype: DType | "int32" | "int64";
  readonly shape: readonly number[];
  readonly data: readonly GoldenNumber[];
}

export type GoldenTensors = Readonly<Record<string, GoldenTensor>>;

/** The bound of a comparison: |actual - expected| <= absolute + relative max|expected|, everywhere. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** The cases of a file of this folder. */
export function readCases(file: string): readonly unknown[] {
  return (JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as { cases: readonly unknown[] }).cases;
}

/** The numbers of a tensor of a golden file. */
export function numbersOf(golden: GoldenTensor): number[] {
  return golden.data.map(Number);
}

/** A tensor of the library, of the dtype that the file says unless another is asked for. */
export function tensorOf(
  golden: GoldenTensor,
  dtype: DType = golden.dtype === "float32" ? "float32" : "float64",
): Tensor {
  const numbers = numbersOf(golden);
  const data: Floats = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
  return new Tensor(data, golden.shape);
}

/** A layer as a golden file describes it. Initial values are drawn, so that loading others is what the test sees. */
export function buildLayer(kind: string, options: object, dtype: DType = "float64"): Layer {
  const all = { ...options, dtype };
  switch (kind) {
    case "Dense":
      return new Dense({ ...all, random: new Random(1) } as unknown as ConstructorParameters<typeof Dense>[0]);
    case "BatchNorm":
      return new BatchNorm(all as unknown as ConstructorParameters<typeof BatchNorm>[0]);
    case "LayerNorm":
      return new LayerNorm(all as unknown as ConstructorParameters<typeof LayerNorm>[0]);
    case "GroupNorm":
      return new GroupNorm(all as unknown as ConstructorParameters<typeof GroupNorm>[0]);
    case "Conv2d":
      return new Conv2d({ ...all, random: new Random(1) } as unknown as ConstructorParameters<typeof Conv2d>[0]);
    case "MaxPool2d":
      return new MaxPool2d(options as ConstructorParameters<typeof MaxPool2d>[0]);
    case "AveragePool2d":
      return new AveragePool2d(options as ConstructorParameters<typeof AveragePool2d>[0]);
    case "GlobalAveragePool":
      return new GlobalAveragePool();
    case "Flatten":
      return new Flatten();
    case "Softmax":
      return new Softmax(options);
    case "LogSoftmax":
      return new LogSoftmax(options);
    case "LeakyReLU":
      return new LeakyReLU(options);
    case "RMSNorm":
      return new RMSNorm(all as unknown as ConstructorParameters<typeof RMSNorm>[0]);
    case "SiLU":
      return new SiLU();
    case "GELU":
      return new GELU(options);
    case "ELU":
      return new ELU(options);
    case "Softplus":
      return new Softplus();
    case "ReLU":
      return new ReLU();
    case "Sigmoid":
      return new Sigmoid();
    case "Tanh":
      return new Tanh();
    default:
      throw new TypeError(`no layer of kind ${kind}`);
  }
}

/** One line of a golden network's `layers`. */
export interface GoldenLayer {
  readonly layer: string;
  readonly options: object;
}

/** A network as a golden file describes it. */
export function buildNetwork(layers: readonly GoldenLayer[]): Sequential {
  return new Sequential(layers.map(({ layer, options }) => buildLayer(layer, options)));
}

/** Loads some entries of a state, by path; the others stay. A bare number is a count of batches. */
export function load(layer: Layer, entries: Readonly<Record<string, GoldenTensor | number>>): void {
  const state = { ...stateDict(layer) };
  for (const [path, entry] of Object.entries(entries)) {
    const { dtype } = state[path]!;
    const { shape, data } = typeof entry === "number" ? { shape: [1], data: [entry] } : entry;
    state[path] = { dtype, shape, values: data.map(Number) };
  }
  loadStateDict(layer, state);
}

/** The tolerance of the library's own table for a dtype. `factor` widens it where a reason is given. */
export function toleranceOf(dtype: DType, factor = 1): Tolerance {
  return { absolute: 0, relative: factor * tolerances[dtype].parity };
}

/** Requires the shape and, normwise, the values of a golden tensor. */
export function expectTensor(what: string, actual: Tensor, expected: GoldenTensor, tolerance: Tolerance): void {
  expect(actual.shape, `shape of ${what}`).toEqual(expected.shape);
  expectValues(what, actual.data, expected, tolerance);
}

/** Requires, normwise, the values of a golden tensor. NaN never passes. */
export function expectValues(
  what: string,
  actual: ArrayLike<number>,
  expected: GoldenTensor | readonly number[],
  { absolute, relative }: Tolerance,
): void {
  const numbers = "data" in expected ? numbersOf(expected) : expected;
  expect(actual.length, `number of values of ${what}`).toBe(numbers.length);
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = numbers.reduce((most, value, i) => {
    const difference = Math.abs(actual[i]! - value);
    return Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }, 0);
  expect(worst, `largest difference in ${what}`).toBeLessThanOrEqual(absolute + relative * largest);
}
