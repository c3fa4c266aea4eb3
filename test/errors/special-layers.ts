/** The layers for experiments; as BatchNorm where they are made of one. */
import { BatchRenorm, GhostBatchNorm, LpNorm, NoiseInjection } from "../../src/variants/index.js";
import { as, pass, random, tensor, type Row } from "./row.js";

export const specialLayers: readonly Row[] = [
  ["TypeError", "BatchRenorm: expected options to be an object, got undefined", () => new BatchRenorm(as(undefined))],
  [
    "RangeError",
    "BatchRenorm: expected largestScale to be a finite number >= 1, got 0.5",
    () => new BatchRenorm({ features: 3, largestScale: 0.5 }),
  ],
  [
    "RangeError",
    "BatchRenorm: expected largestShift to be a finite number >= 0, got -1",
    () => new BatchRenorm({ features: 3, largestShift: -1 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 0",
    () => new BatchRenorm({ features: 0 }),
  ],
  [
    "ShapeError",
    "BatchRenorm: expected 3 features on axis 1 of the input, got shape [4, 5]",
    () => new BatchRenorm({ features: 3 }).forward(tensor(4, 5), pass),
  ],
  [
    "RangeError",
    'BatchRenorm: expected at least 2 values per feature in mode "probe", got input shape [1, 3] - use a larger batch, or mode "inference"',
    () => new BatchRenorm({ features: 3 }).forward(tensor(1, 3), pass),
  ],
  [
    "TypeError",
    "BatchRenorm: expected a pass without row weights, got 4 - use a BatchNorm",
    () => new BatchRenorm({ features: 3 }).forward(tensor(4, 3), { ...pass, rowWeights: [1, 1, 1, 0] }),
  ],
  [
    "TypeError",
    "GhostBatchNorm: expected options to be an object, got undefined",
    () => new GhostBatchNorm(as(undefined)),
  ],
  [
    "RangeError",
    "GhostBatchNorm: expected groupSize to be a whole number of at least 2, got 1",
    () => new GhostBatchNorm({ features: 3, groupSize: 1 }),
  ],
  [
    "TypeError",
    "GhostBatchNorm: expected groupSize to be a number, got undefined",
    () => new GhostBatchNorm(as({ features: 3 })),
  ],
  [
    "ShapeError",
    "GhostBatchNorm: expected the features on another axis than the rows, axis 0, got axis 0",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: 0 }).forward(tensor(4, 3), pass),
  ],
  [
    "ShapeError",
    "GhostBatchNorm: expected the features on another axis than the rows, axis 0, got axis -2",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: -2 }).forward(tensor(4, 3), pass),
  ],
  [
    "RangeError",
    'GhostBatchNorm: expected at least 2 values per feature in mode "probe", got input shape [1, 3] - use a larger batch, or mode "inference"',
    () => new GhostBatchNorm({ features: 3, groupSize: 2 }).forward(tensor(1, 3), pass),
  ],
  ["TypeError", "LpNorm: expected options to be an object, got undefined", () => new LpNorm(as(undefined))],
  [
    "RangeError",
    "LpNorm: expected features to be a whole number of at least 1, got 0",
    () => new LpNorm({ features: 0, p: 2 }),
  ],
  ["RangeError", "LpNorm: expected p to be 1, 2 or Infinity, got 3", () => new LpNorm({ features: 3, p: 3 })],
  [
    "TypeError",
    "LpNorm: expected rowWeights to be an object, got null",
    () => new LpNorm({ features: 1, p: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(null) }),
  ],
  [
    "RangeError",
    "LpNorm: expected axis to be a whole number, got 0.5",
    () => new LpNorm({ features: 3, p: 2, axis: 0.5 }),
  ],
  [
    "RangeError",
    "LpNorm: expected epsilon to be a finite number >= 0, got -1",
    () => new LpNorm({ features: 3, p: 2, epsilon: -1 }),
  ],
  ["RangeError", "LpNorm: expected momentum in [0, 1], got 2", () => new LpNorm({ features: 3, p: 2, momentum: 2 })],
  [
    "TypeError",
    'LpNorm: expected dtype to be "float32" or "float64", got "f"',
    () => new LpNorm({ features: 3, p: 2, dtype: as("f") }),
  ],
  [
    "RangeError",
    'LpNorm: expected running statistics in mode "inference", got none, as no batch was tracked - run a batch in mode "train", or load statistics',
    () => new LpNorm({ features: 3, p: 2 }).forward(tensor(4, 3), { mode: "inference" }),
  ],
  [
    "TypeError",
    "NoiseInjection: expected options to be an object, got undefined",
    () => new NoiseInjection(as(undefined)),
  ],
  [
    "TypeError",
    "NoiseInjection: expected random to be a Random, got undefined - pass new Random(seed)",
    () => new NoiseInjection(as({})),
  ],
  [
    "RangeError",
    "NoiseInjection: expected axis to be a whole number, got 0.5",
    () => new NoiseInjection({ random: random(), axis: 0.5 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected meanSpread to be a finite number >= 0, got -1",
    () => new NoiseInjection({ random: random(), meanSpread: -1 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected largestScale to be a finite number >= 1, got 0.5",
    () => new NoiseInjection({ random: random(), largestScale: 0.5 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected sampleMeanSpread to be a finite number >= 0, got NaN",
    () => new NoiseInjection({ random: random(), sampleMeanSpread: NaN }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected sampleScaleStd to be a finite number >= 0, got -0.1",
    () => new NoiseInjection({ random: random(), sampleScaleStd: -0.1 }),
  ],
  [
    "TypeError",
    'NoiseInjection: expected inference to be "expectation" or "identity", got "off"',
    () => new NoiseInjection({ random: random(), inference: as("off") }),
  ],
  [
    "ShapeError",
    "NoiseInjection: expected an input with an axis 1, got shape [3]",
    () => new NoiseInjection({ random: random() }).forward(tensor(3), pass),
  ],
];
