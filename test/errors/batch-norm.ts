/** BatchNorm: what its constructor, a pass and its other methods refuse. Shapes stand in support/cases.ts. */
import { BatchNorm } from "../../src/index.js";
import { as, pass, tensor, type Row } from "./row.js";

export const batchNorms: readonly Row[] = [
  ["TypeError: BatchNorm: options | undefined", () => new BatchNorm(as(undefined))],
  ["TypeError: BatchNorm: features | undefined", () => new BatchNorm(as({}))],
  ["TypeError: BatchNorm: axis | []", () => new BatchNorm({ features: 1, axis: as([]) })],
  ["TypeError: BatchNorm.freeze: options | null", () => new BatchNorm({ features: 1 }).freeze(as(null))],
  [
    "TypeError: BatchNorm: rowWeights | 0",
    () => new BatchNorm({ features: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(0) }),
  ],
  ["RangeError: BatchNorm: features | 1 | 0", () => new BatchNorm({ features: 0 })],
  ["RangeError: BatchNorm: features | 1 | 2.5", () => new BatchNorm({ features: 2.5 })],
  ["RangeError: BatchNorm: features | 1 | NaN", () => new BatchNorm({ features: NaN })],
  ["RangeError: BatchNorm: axis | 0.5", () => new BatchNorm({ features: 3, axis: 0.5 })],
  ["RangeError: BatchNorm: epsilon | 0 | -0.00001", () => new BatchNorm({ features: 3, epsilon: -1e-5 })],
  ["RangeError: BatchNorm: epsilon | 0 | NaN", () => new BatchNorm({ features: 3, epsilon: NaN })],
  ["TypeError: BatchNorm: epsilon | null", () => new BatchNorm({ features: 3, epsilon: as(null) })],
  ["RangeError: BatchNorm: momentum | [0, 1] | 5", () => new BatchNorm({ features: 3, momentum: 5 })],
  ["RangeError: BatchNorm: momentum | [0, 1] | -0.1", () => new BatchNorm({ features: 3, momentum: -0.1 })],
  ["RangeError: BatchNorm: momentum | [0, 1] | NaN", () => new BatchNorm({ features: 3, momentum: NaN })],
  ['TypeError: BatchNorm: momentum | "0.1"', () => new BatchNorm({ features: 3, momentum: as("0.1") })],
  ["TypeError: BatchNorm: scale | 1", () => new BatchNorm({ features: 3, scale: as(1) })],
  ['TypeError: BatchNorm: center | "no"', () => new BatchNorm({ features: 3, center: as("no") })],
  [
    "TypeError: BatchNorm: trackRunningStatistics | null",
    () => new BatchNorm({ features: 3, trackRunningStatistics: as(null) }),
  ],
  [
    'TypeError: BatchNorm: varianceEstimator | "unbiased" | "biased" | "sample"',
    () => new BatchNorm({ features: 3, varianceEstimator: as("sample") }),
  ],
  [
    'TypeError: BatchNorm: dtype | "float32" | "float64" | "float16"',
    () => new BatchNorm({ features: 3, dtype: as("float16") }),
  ],
  [
    "TypeError: BatchNorm: input | Tensor | [an array of 3]",
    () => new BatchNorm({ features: 3 }).forward(as([[1, 2, 3]]), pass),
  ],
  [
    "TypeError: BatchNorm: input | Tensor | object",
    () => new BatchNorm({ features: 3 }).forward(as({ shape: [4, 3], data: new Float32Array(12) }), pass),
  ],
  [
    "TypeError: BatchNorm.forward: pass | undefined",
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as(undefined)),
  ],
  [
    'TypeError: BatchNorm: mode | "train" | "probe" | "inference" | undefined',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as({})),
  ],
  [
    'TypeError: BatchNorm "2.0": mode | "train" | "probe" | "inference" | "eval"',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), { mode: as("eval"), path: "2.0" }),
  ],
  [
    "RangeError: BatchNorm.freeze: trackRunningStatistics | false",
    () => new BatchNorm({ features: 3, trackRunningStatistics: false }).freeze(),
  ],
  ["TypeError: BatchNorm.freeze: updates | 1", () => new BatchNorm({ features: 3 }).freeze({ updates: as(1) })],
  [
    "ShapeError: BatchNorm.track: mean | 3 | 2",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(2), new Float64Array(3)),
  ],
  [
    "ShapeError: BatchNorm.track: variance | 3 | 4",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(3), new Float64Array(4)),
  ],
];
