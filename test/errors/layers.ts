/** The other layers that a network needs. */
import { Dense, GroupNorm, LayerNorm, LeakyReLU, ReLU, Sigmoid, Tanh } from "../../src/index.js";
import { as, dense, pass, random, tensor, type Row } from "./row.js";

export const layers: readonly Row[] = [
  ["TypeError: Dense: options | null", () => new Dense(as(null))],
  ["TypeError: Dense: inputs | undefined", () => new Dense(as({ outputs: 2 }))],
  ["RangeError: Dense: inputs | 1 | 0", () => new Dense({ inputs: 0, outputs: 2, random: random() })],
  ["RangeError: Dense: outputs | 1 | 2.5", () => new Dense({ inputs: 3, outputs: 2.5, random: random() })],
  ["TypeError: Dense: random | Random | undefined | cure", () => new Dense({ inputs: 3, outputs: 2 })],
  ["TypeError: Dense: bias | 0", () => new Dense({ inputs: 3, outputs: 2, bias: as(0), random: random() })],
  [
    'TypeError: Dense: dtype | "float32" | "float64" | "f"',
    () => new Dense({ inputs: 3, outputs: 2, dtype: as("f"), random: random() }),
  ],
  [
    'TypeError: Dense: initial | "glorot" | "he" | "zeros"',
    () => new Dense({ inputs: 3, outputs: 2, initial: as("zeros"), random: random() }),
  ],
  [
    'TypeError: Dense: initial | "glorot" | "he" | null',
    () => new Dense({ inputs: 3, outputs: 2, initial: as(null), random: random() }),
  ],
  [
    "TypeError: Dense: initial.weight | Tensor | [1]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: as([1]) } }),
  ],
  [
    "ShapeError: Dense: initial.weight | [3, 2] | [2, 3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(2, 3) } }),
  ],
  [
    "TypeError: Dense: initial.weight | float64 | float32 | cure",
    () => new Dense({ inputs: 3, outputs: 2, dtype: "float64", initial: { weight: tensor(3, 2) } }),
  ],
  [
    "ShapeError: Dense: initial.bias | [2] | [3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(3, 2), bias: tensor(3) } }),
  ],
  [
    "TypeError: Dense: initial.bias",
    () => new Dense({ inputs: 3, outputs: 2, bias: false, initial: { weight: tensor(3, 2), bias: tensor(2) } }),
  ],
  ["TypeError: Dense: input | Tensor | Float32Array(3)", () => dense().forward(as(Float32Array.of(1, 2, 3)), pass)],
  ["TypeError: LeakyReLU: options | null", () => new LeakyReLU(as(null))],
  ["RangeError: LeakyReLU: slope | (0, 1] | 0", () => new LeakyReLU({ slope: 0 })],
  ["RangeError: LeakyReLU: slope | (0, 1] | 1.5", () => new LeakyReLU({ slope: 1.5 })],
  ['TypeError: LeakyReLU: slope | "0.1"', () => new LeakyReLU({ slope: as("0.1") })],
  ["TypeError: LeakyReLU: input | Tensor | 1", () => new LeakyReLU().forward(as(1), pass)],
  ["TypeError: ReLU: input | Tensor | undefined", () => new ReLU().forward(as(undefined), pass)],
  ["TypeError: Sigmoid: input | Tensor | [1]", () => new Sigmoid().forward(as([1]), pass)],
  ['TypeError: Tanh.forward: pass | "train"', () => new Tanh().forward(tensor(2), as("train"))],
  ["TypeError: LayerNorm: options | undefined", () => new LayerNorm(as(undefined))],
  ["RangeError: LayerNorm: features | 1 | -3", () => new LayerNorm({ features: -3 })],
  ["RangeError: LayerNorm: epsilon | 0 | -1", () => new LayerNorm({ features: 3, epsilon: -1 })],
  ['TypeError: LayerNorm: scale | "yes"', () => new LayerNorm({ features: 3, scale: as("yes") })],
  ["TypeError: LayerNorm: center | 1", () => new LayerNorm({ features: 3, center: as(1) })],
  [
    'TypeError: LayerNorm: dtype | "float32" | "float64" | "int8"',
    () => new LayerNorm({ features: 3, dtype: as("int8") }),
  ],
  ["TypeError: LayerNorm: input | Tensor | 3", () => new LayerNorm({ features: 3 }).forward(as(3), pass)],
  ["TypeError: GroupNorm: groups | undefined", () => new GroupNorm(as({ features: 4 }))],
  ["RangeError: GroupNorm: groups | 1 | 0", () => new GroupNorm({ features: 4, groups: 0 })],
  ["RangeError: GroupNorm: 4 | 3", () => new GroupNorm({ features: 4, groups: 3 })],
  [
    "TypeError: GroupNorm: input | Tensor | object",
    () => new GroupNorm({ features: 4, groups: 2 }).forward(as({}), pass),
  ],
];
