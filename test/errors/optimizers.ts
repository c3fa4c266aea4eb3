/** Optimizers and saved state. */
import { Adam, AdamW, BatchNorm, loadStateDict, SGD, stateDict } from "../../src/index.js";
import { as, dense, gamma, tensor, type Row } from "./row.js";

export const optimizers: readonly Row[] = [
  [
    "TypeError",
    "SGD: expected parameters to be a list, got undefined - pass model.parameters",
    () => new SGD(as(undefined), { learningRate: 1 }),
  ],
  [
    "TypeError",
    "SGD: expected parameters to be a list, got an object - pass model.parameters",
    () => new SGD(as(gamma()), { learningRate: 1 }),
  ],
  ["TypeError", "SGD: expected parameters only, got an object", () => new SGD([as(tensor(2))], { learningRate: 1 })],
  [
    "TypeError",
    "SGD: expected parameters only, got an object",
    () => new SGD(as(new BatchNorm({ features: 2 }).statistics), { learningRate: 1 }),
  ],
  ["TypeError", "SGD: expected options to be an object, got undefined", () => new SGD([gamma()], as(undefined))],
  ["TypeError", "SGD: expected learningRate to be a number, got undefined", () => new SGD([gamma()], as({}))],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got -1",
    () => new SGD([gamma()], { learningRate: -1 }),
  ],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got NaN",
    () => new SGD([gamma()], { learningRate: NaN }),
  ],
  [
    "RangeError",
    "SGD: expected weightDecay to be a finite number >= 0, got -1",
    () => new SGD([gamma()], { learningRate: 1, weightDecay: -1 }),
  ],
  [
    "TypeError",
    'SGD: expected withoutDecay to be a list of roles, got "bias"',
    () => new SGD([gamma()], { learningRate: 1, withoutDecay: as("bias") }),
  ],
  [
    "TypeError",
    'SGD: expected withoutDecay to be "weight" or "bias" or "scale" or "shift", got "gamma"',
    () => new SGD([gamma()], { learningRate: 1, withoutDecay: [as("gamma")] }),
  ],
  ["RangeError", "SGD: expected momentum in [0, 1), got 1", () => new SGD([gamma()], { learningRate: 1, momentum: 1 })],
  [
    "RangeError",
    "SGD: expected momentum in [0, 1), got -0.1",
    () => new SGD([gamma()], { learningRate: 1, momentum: -0.1 }),
  ],
  [
    "TypeError",
    "SGD: expected nesterov to be true or false, got 1",
    () => new SGD([gamma()], { learningRate: 1, momentum: 0.9, nesterov: as(1) }),
  ],
  [
    "RangeError",
    "SGD: expected momentum > 0 with nesterov, got 0",
    () => new SGD([gamma()], { learningRate: 1, nesterov: true }),
  ],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got -1",
    () => (new SGD([gamma()], { learningRate: 1 }).learningRate = -1),
  ],
  [
    "TypeError",
    "SGD: expected a Map of gradients, got undefined - pass what backward returns as `gradients`",
    () => new SGD([gamma()], { learningRate: 1 }).step(as(undefined)),
  ],
  [
    "TypeError",
    "Adam: expected parameters to be a list, got 1 - pass model.parameters",
    () => new Adam(as(1), { learningRate: 1 }),
  ],
  [
    "RangeError",
    "Adam: expected learningRate to be a finite number >= 0, got Infinity",
    () => new Adam([gamma()], { learningRate: Infinity }),
  ],
  ["RangeError", "Adam: expected beta1 in [0, 1), got 1", () => new Adam([gamma()], { learningRate: 1, beta1: 1 })],
  [
    "RangeError",
    "Adam: expected beta2 in [0, 1), got -0.1",
    () => new Adam([gamma()], { learningRate: 1, beta2: -0.1 }),
  ],
  [
    "RangeError",
    "Adam: expected epsilon to be a finite number >= 0, got -1",
    () => new Adam([gamma()], { learningRate: 1, epsilon: -1 }),
  ],
  [
    "RangeError",
    "Adam: expected learningRate to be a finite number >= 0, got NaN",
    () => (new Adam([gamma()], { learningRate: 1 }).learningRate = NaN),
  ],
  [
    "RangeError",
    "AdamW: expected beta1 in [0, 1), got 1.5",
    () => new AdamW([gamma()], { learningRate: 1, beta1: 1.5 }),
  ],
  [
    "RangeError",
    "AdamW: expected weightDecay to be a finite number >= 0, got NaN",
    () => new AdamW([gamma()], { learningRate: 1, weightDecay: NaN }),
  ],
  ["TypeError", "AdamW: expected options to be an object, got null", () => new AdamW([gamma()], as(null))],
  [
    "TypeError",
    "stateDict: expected a layer, with forward, parameters and statistics, got undefined",
    () => stateDict(as(undefined)),
  ],
  [
    "TypeError",
    "loadStateDict: expected a layer, with forward, parameters and statistics, got an object",
    () => loadStateDict(as({}), {}),
  ],
  [
    "TypeError",
    "loadStateDict: expected the state to be an object, got undefined",
    () => loadStateDict(dense(), as(undefined)),
  ],
];
