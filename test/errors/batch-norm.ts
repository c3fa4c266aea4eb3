/** BatchNorm: what its constructor, a pass and its other methods refuse. Shapes stand in support/cases.ts. */
import { BatchNorm } from "../../src/index.js";
import { as, pass, tensor, type Row } from "./row.js";

export const batchNorms: readonly Row[] = [
  ["TypeError", "BatchNorm: expected options to be an object, got undefined", () => new BatchNorm(as(undefined))],
  ["TypeError", "BatchNorm: expected features to be a number, got undefined", () => new BatchNorm(as({}))],
  ["TypeError", "BatchNorm: expected axis to be a number, got []", () => new BatchNorm({ features: 1, axis: as([]) })],
  [
    "TypeError",
    "BatchNorm.freeze: expected options to be an object, got null",
    () => new BatchNorm({ features: 1 }).freeze(as(null)),
  ],
  [
    "TypeError",
    "BatchNorm: expected rowWeights to be an object, got 0",
    () => new BatchNorm({ features: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(0) }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 0",
    () => new BatchNorm({ features: 0 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 2.5",
    () => new BatchNorm({ features: 2.5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got NaN",
    () => new BatchNorm({ features: NaN }),
  ],
  [
    "RangeError",
    "BatchNorm: expected axis to be a whole number, got 0.5",
    () => new BatchNorm({ features: 3, axis: 0.5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected epsilon to be a finite number >= 0, got -0.00001",
    () => new BatchNorm({ features: 3, epsilon: -1e-5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected epsilon to be a finite number >= 0, got NaN",
    () => new BatchNorm({ features: 3, epsilon: NaN }),
  ],
  [
    "TypeError",
    "BatchNorm: expected epsilon to be a number, got null",
    () => new BatchNorm({ features: 3, epsilon: as(null) }),
  ],
  ["RangeError", "BatchNorm: expected momentum in [0, 1], got 5", () => new BatchNorm({ features: 3, momentum: 5 })],
  [
    "RangeError",
    "BatchNorm: expected momentum in [0, 1], got -0.1",
    () => new BatchNorm({ features: 3, momentum: -0.1 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected momentum in [0, 1], got NaN",
    () => new BatchNorm({ features: 3, momentum: NaN }),
  ],
  [
    "TypeError",
    'BatchNorm: expected momentum to be a number, got "0.1"',
    () => new BatchNorm({ features: 3, momentum: as("0.1") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected scale to be true or false, got 1",
    () => new BatchNorm({ features: 3, scale: as(1) }),
  ],
  [
    "TypeError",
    'BatchNorm: expected center to be true or false, got "no"',
    () => new BatchNorm({ features: 3, center: as("no") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected trackRunningStatistics to be true or false, got null",
    () => new BatchNorm({ features: 3, trackRunningStatistics: as(null) }),
  ],
  [
    "TypeError",
    'BatchNorm: expected varianceEstimator to be "unbiased" or "biased", got "sample"',
    () => new BatchNorm({ features: 3, varianceEstimator: as("sample") }),
  ],
  [
    "TypeError",
    'BatchNorm: expected dtype to be "float32" or "float64", got "float16"',
    () => new BatchNorm({ features: 3, dtype: as("float16") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected the input to be a Tensor, got [an array of 3]",
    () => new BatchNorm({ features: 3 }).forward(as([[1, 2, 3]]), pass),
  ],
  [
    "TypeError",
    "BatchNorm: expected the input to be a Tensor, got an object",
    () => new BatchNorm({ features: 3 }).forward(as({ shape: [4, 3], data: new Float32Array(12) }), pass),
  ],
  [
    "TypeError",
    "BatchNorm.forward: expected the pass to be an object, got undefined",
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as(undefined)),
  ],
  [
    "TypeError",
    'BatchNorm: expected mode to be "train" or "probe" or "inference", got undefined',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as({})),
  ],
  [
    "TypeError",
    'BatchNorm "2.0": expected mode to be "train" or "probe" or "inference", got "eval"',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), { mode: as("eval"), path: "2.0" }),
  ],
  [
    "RangeError",
    "BatchNorm.freeze: expected running statistics to normalize with, got trackRunningStatistics: false",
    () => new BatchNorm({ features: 3, trackRunningStatistics: false }).freeze(),
  ],
  [
    "TypeError",
    "BatchNorm.freeze: expected updates to be true or false, got 1",
    () => new BatchNorm({ features: 3 }).freeze({ updates: as(1) }),
  ],
  [
    "ShapeError",
    "BatchNorm.track: expected mean to have 3 values, got 2",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(2), new Float64Array(3)),
  ],
  [
    "ShapeError",
    "BatchNorm.track: expected variance to have 3 values, got 4",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(3), new Float64Array(4)),
  ],
];
