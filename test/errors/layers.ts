/** The other layers that a network needs. */
import { Dense, GroupNorm, LayerNorm, LeakyReLU, ReLU, Sigmoid, Tanh } from "../../src/index.js";
import { as, dense, pass, random, tensor, type Row } from "./row.js";

export const layers: readonly Row[] = [
  ["TypeError", "Dense: expected options to be an object, got null", () => new Dense(as(null))],
  ["TypeError", "Dense: expected inputs to be a number, got undefined", () => new Dense(as({ outputs: 2 }))],
  [
    "RangeError",
    "Dense: expected inputs to be a whole number of at least 1, got 0",
    () => new Dense({ inputs: 0, outputs: 2, random: random() }),
  ],
  [
    "RangeError",
    "Dense: expected outputs to be a whole number of at least 1, got 2.5",
    () => new Dense({ inputs: 3, outputs: 2.5, random: random() }),
  ],
  [
    "TypeError",
    "Dense: expected random to be a Random, got undefined - pass new Random(seed)",
    () => new Dense({ inputs: 3, outputs: 2 }),
  ],
  [
    "TypeError",
    "Dense: expected bias to be true or false, got 0",
    () => new Dense({ inputs: 3, outputs: 2, bias: as(0), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected dtype to be "float32" or "float64", got "f"',
    () => new Dense({ inputs: 3, outputs: 2, dtype: as("f"), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected initial to be "glorot" or "he", got "zeros"',
    () => new Dense({ inputs: 3, outputs: 2, initial: as("zeros"), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected initial to be "glorot" or "he", got null',
    () => new Dense({ inputs: 3, outputs: 2, initial: as(null), random: random() }),
  ],
  [
    "TypeError",
    "Dense: expected initial.weight to be a Tensor, got [1]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: as([1]) } }),
  ],
  [
    "ShapeError",
    "Dense: expected initial.weight of shape [3, 2], got [2, 3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(2, 3) } }),
  ],
  [
    "TypeError",
    'Dense: expected initial.weight of dtype float64, got float32 - cast it, or say dtype: "float32"',
    () => new Dense({ inputs: 3, outputs: 2, dtype: "float64", initial: { weight: tensor(3, 2) } }),
  ],
  [
    "ShapeError",
    "Dense: expected initial.bias of shape [2], got [3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(3, 2), bias: tensor(3) } }),
  ],
  [
    "TypeError",
    "Dense: expected no initial.bias with bias: false, got one",
    () => new Dense({ inputs: 3, outputs: 2, bias: false, initial: { weight: tensor(3, 2), bias: tensor(2) } }),
  ],
  [
    "TypeError",
    "Dense: expected the input to be a Tensor, got Float32Array(3)",
    () => dense().forward(as(Float32Array.of(1, 2, 3)), pass),
  ],
  ["TypeError", "LeakyReLU: expected options to be an object, got null", () => new LeakyReLU(as(null))],
  ["RangeError", "LeakyReLU: expected slope in (0, 1], got 0", () => new LeakyReLU({ slope: 0 })],
  ["RangeError", "LeakyReLU: expected slope in (0, 1], got 1.5", () => new LeakyReLU({ slope: 1.5 })],
  ["TypeError", 'LeakyReLU: expected slope to be a number, got "0.1"', () => new LeakyReLU({ slope: as("0.1") })],
  ["TypeError", "LeakyReLU: expected the input to be a Tensor, got 1", () => new LeakyReLU().forward(as(1), pass)],
  [
    "TypeError",
    "ReLU: expected the input to be a Tensor, got undefined",
    () => new ReLU().forward(as(undefined), pass),
  ],
  ["TypeError", "Sigmoid: expected the input to be a Tensor, got [1]", () => new Sigmoid().forward(as([1]), pass)],
  [
    "TypeError",
    'Tanh.forward: expected the pass to be an object, got "train"',
    () => new Tanh().forward(tensor(2), as("train")),
  ],
  ["TypeError", "LayerNorm: expected options to be an object, got undefined", () => new LayerNorm(as(undefined))],
  [
    "RangeError",
    "LayerNorm: expected features to be a whole number of at least 1, got -3",
    () => new LayerNorm({ features: -3 }),
  ],
  [
    "RangeError",
    "LayerNorm: expected epsilon to be a finite number >= 0, got -1",
    () => new LayerNorm({ features: 3, epsilon: -1 }),
  ],
  [
    "TypeError",
    'LayerNorm: expected scale to be true or false, got "yes"',
    () => new LayerNorm({ features: 3, scale: as("yes") }),
  ],
  [
    "TypeError",
    "LayerNorm: expected center to be true or false, got 1",
    () => new LayerNorm({ features: 3, center: as(1) }),
  ],
  [
    "TypeError",
    'LayerNorm: expected dtype to be "float32" or "float64", got "int8"',
    () => new LayerNorm({ features: 3, dtype: as("int8") }),
  ],
  [
    "TypeError",
    "LayerNorm: expected the input to be a Tensor, got 3",
    () => new LayerNorm({ features: 3 }).forward(as(3), pass),
  ],
  ["TypeError", "GroupNorm: expected groups to be a number, got undefined", () => new GroupNorm(as({ features: 4 }))],
  [
    "RangeError",
    "GroupNorm: expected groups to be a whole number of at least 1, got 0",
    () => new GroupNorm({ features: 4, groups: 0 }),
  ],
  [
    "RangeError",
    "GroupNorm: expected groups that divide the 4 features, got 3",
    () => new GroupNorm({ features: 4, groups: 3 }),
  ],
  [
    "TypeError",
    "GroupNorm: expected the input to be a Tensor, got an object",
    () => new GroupNorm({ features: 4, groups: 2 }).forward(as({}), pass),
  ],
];
