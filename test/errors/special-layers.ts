/** The layers for experiments; as BatchNorm where they are made of one. */
import {
  BatchRenorm,
  BatchRMSNorm,
  DynamicTanh,
  GhostBatchNorm,
  LpNorm,
  MeanOnlyNorm,
  NoiseInjection,
} from "../../src/variants/index.js";
import { Tensor } from "../../src/index.js";
import { as, pass, random, tensor, type Row } from "./row.js";

export const specialLayers: readonly Row[] = [
  ["TypeError: BatchRenorm: options | undefined", () => new BatchRenorm(as(undefined))],
  ["RangeError: BatchRenorm: largestScale | 1 | 0.5", () => new BatchRenorm({ features: 3, largestScale: 0.5 })],
  ["RangeError: BatchRenorm: largestShift | 0 | -1", () => new BatchRenorm({ features: 3, largestShift: -1 })],
  ["RangeError: BatchRenorm: features | 1 | 0", () => new BatchRenorm({ features: 0 })],
  ["ShapeError: BatchRenorm: 3 | 1 | [4, 5]", () => new BatchRenorm({ features: 3 }).forward(tensor(4, 5), pass)],
  [
    'RangeError: BatchRenorm: 2 | "probe" | [1, 3] | cure',
    () => new BatchRenorm({ features: 3 }).forward(tensor(1, 3), pass),
  ],
  [
    "TypeError: BatchRenorm: row weights | [1, 1, 1, 0] | cure",
    () => new BatchRenorm({ features: 3 }).forward(tensor(4, 3), { ...pass, rowWeights: [1, 1, 1, 0] }),
  ],
  ["TypeError: GhostBatchNorm: options | undefined", () => new GhostBatchNorm(as(undefined))],
  ["RangeError: GhostBatchNorm: groupSize | 2 | 1", () => new GhostBatchNorm({ features: 3, groupSize: 1 })],
  ["TypeError: GhostBatchNorm: groupSize | undefined", () => new GhostBatchNorm(as({ features: 3 }))],
  [
    "ShapeError: GhostBatchNorm: axis | 0",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: 0 }).forward(tensor(4, 3), pass),
  ],
  [
    "ShapeError: GhostBatchNorm: 0 | -2",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: -2 }).forward(tensor(4, 3), pass),
  ],
  [
    'RangeError: GhostBatchNorm: 2 | "probe" | [1, 3] | cure',
    () => new GhostBatchNorm({ features: 3, groupSize: 2 }).forward(tensor(1, 3), pass),
  ],
  ["TypeError: LpNorm: options | undefined", () => new LpNorm(as(undefined))],
  ["RangeError: LpNorm: features | 1 | 0", () => new LpNorm({ features: 0, p: 2 })],
  ["RangeError: LpNorm: p | 1 | 2 | Infinity | 3", () => new LpNorm({ features: 3, p: 3 })],
  [
    "TypeError: LpNorm: row weights | null",
    () => new LpNorm({ features: 1, p: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(null) }),
  ],
  ["RangeError: LpNorm: axis | 0.5", () => new LpNorm({ features: 3, p: 2, axis: 0.5 })],
  ["RangeError: LpNorm: epsilon | 0 | -1", () => new LpNorm({ features: 3, p: 2, epsilon: -1 })],
  ["RangeError: LpNorm: momentum | [0, 1] | 2", () => new LpNorm({ features: 3, p: 2, momentum: 2 })],
  ['TypeError: LpNorm: dtype | "float32" | "float64" | "f"', () => new LpNorm({ features: 3, p: 2, dtype: as("f") })],
  [
    'RangeError: LpNorm: "inference" | none | cure',
    () => new LpNorm({ features: 3, p: 2 }).forward(tensor(4, 3), { mode: "inference" }),
  ],
  ["TypeError: MeanOnlyNorm: options | undefined", () => new MeanOnlyNorm(as(undefined))],
  ["RangeError: MeanOnlyNorm: features | 1 | 0", () => new MeanOnlyNorm({ features: 0 })],
  ["RangeError: MeanOnlyNorm: axis | 0.5", () => new MeanOnlyNorm({ features: 3, axis: 0.5 })],
  ["RangeError: MeanOnlyNorm: momentum | [0, 1] | -1", () => new MeanOnlyNorm({ features: 3, momentum: -1 })],
  ["TypeError: MeanOnlyNorm: center | 1", () => new MeanOnlyNorm({ features: 3, center: as(1) })],
  [
    'TypeError: MeanOnlyNorm: dtype | "float32" | "float64" | "f"',
    () => new MeanOnlyNorm({ features: 3, dtype: as("f") }),
  ],
  [
    "TypeError: MeanOnlyNorm: row weights | [1, 1, 1, 0] | cure",
    () => new MeanOnlyNorm({ features: 3 }).forward(tensor(4, 3), { ...pass, rowWeights: [1, 1, 1, 0] }),
  ],
  ["TypeError: BatchRMSNorm: options | undefined", () => new BatchRMSNorm(as(undefined))],
  ["RangeError: BatchRMSNorm: features | 1 | 0", () => new BatchRMSNorm({ features: 0 })],
  ["RangeError: BatchRMSNorm: axis | 0.5", () => new BatchRMSNorm({ features: 3, axis: 0.5 })],
  ["RangeError: BatchRMSNorm: epsilon | 0 | -1", () => new BatchRMSNorm({ features: 3, epsilon: -1 })],
  ["RangeError: BatchRMSNorm: momentum | [0, 1] | 2", () => new BatchRMSNorm({ features: 3, momentum: 2 })],
  ["TypeError: BatchRMSNorm: scale | 1", () => new BatchRMSNorm({ features: 3, scale: as(1) })],
  ["TypeError: BatchRMSNorm: center | 1", () => new BatchRMSNorm({ features: 3, center: as(1) })],
  [
    'TypeError: BatchRMSNorm: dtype | "float32" | "float64" | "f"',
    () => new BatchRMSNorm({ features: 3, dtype: as("f") }),
  ],
  [
    "TypeError: BatchRMSNorm: row weights | [1, 1, 1, 0] | cure",
    () => new BatchRMSNorm({ features: 3 }).forward(tensor(4, 3), { ...pass, rowWeights: [1, 1, 1, 0] }),
  ],
  [
    "RangeError: BatchRMSNorm: float64 | feature 1 | cure",
    () =>
      new BatchRMSNorm({ features: 2, dtype: "float64" }).forward(
        Tensor.from(
          [
            [1, 1e200],
            [2, 1],
          ],
          { dtype: "float64" },
        ),
        pass,
      ),
  ],
  ["TypeError: DynamicTanh: options | undefined", () => new DynamicTanh(as(undefined))],
  ["RangeError: DynamicTanh: features | 1 | 0", () => new DynamicTanh({ features: 0 })],
  ["RangeError: DynamicTanh: alpha | 0 | 0", () => new DynamicTanh({ features: 3, alpha: 0 })],
  ["RangeError: DynamicTanh: alpha | NaN", () => new DynamicTanh({ features: 3, alpha: NaN })],
  ["RangeError: DynamicTanh: axis | 0.5", () => new DynamicTanh({ features: 3, axis: 0.5 })],
  [
    'TypeError: DynamicTanh: dtype | "float32" | "float64" | "f"',
    () => new DynamicTanh({ features: 3, dtype: as("f") }),
  ],
  ["TypeError: NoiseInjection: options | undefined", () => new NoiseInjection(as(undefined))],
  ["TypeError: NoiseInjection: random | Random | undefined | cure", () => new NoiseInjection(as({}))],
  ["RangeError: NoiseInjection: axis | 0.5", () => new NoiseInjection({ random: random(), axis: 0.5 })],
  ["RangeError: NoiseInjection: meanSpread | 0 | -1", () => new NoiseInjection({ random: random(), meanSpread: -1 })],
  [
    "RangeError: NoiseInjection: largestScale | 1 | 0.5",
    () => new NoiseInjection({ random: random(), largestScale: 0.5 }),
  ],
  [
    "RangeError: NoiseInjection: sampleMeanSpread | 0 | NaN",
    () => new NoiseInjection({ random: random(), sampleMeanSpread: NaN }),
  ],
  [
    "RangeError: NoiseInjection: sampleScaleStd | 0 | -0.1",
    () => new NoiseInjection({ random: random(), sampleScaleStd: -0.1 }),
  ],
  [
    'TypeError: NoiseInjection: inference | "expectation" | "identity" | "off"',
    () => new NoiseInjection({ random: random(), inference: as("off") }),
  ],
  ["ShapeError: NoiseInjection: 1 | [3]", () => new NoiseInjection({ random: random() }).forward(tensor(3), pass)],
];
