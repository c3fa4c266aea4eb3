/** Optimizers and saved state. */
import { Adam, AdamW, BatchNorm, loadStateDict, SGD, stateDict } from "../../src/index.js";
import { as, dense, gamma, tensor, type Row } from "./row.js";

export const optimizers: readonly Row[] = [
  ["TypeError: SGD: parameters | undefined | cure", () => new SGD(as(undefined), { learningRate: 1 })],
  ["TypeError: SGD: parameters | object | cure", () => new SGD(as(gamma()), { learningRate: 1 })],
  ["TypeError: SGD: object", () => new SGD([as(tensor(2))], { learningRate: 1 })],
  ["TypeError: SGD: object", () => new SGD(as(new BatchNorm({ features: 2 }).statistics), { learningRate: 1 })],
  ["TypeError: SGD: options | undefined", () => new SGD([gamma()], as(undefined))],
  ["TypeError: SGD: learningRate | undefined", () => new SGD([gamma()], as({}))],
  ["RangeError: SGD: learningRate | 0 | -1", () => new SGD([gamma()], { learningRate: -1 })],
  ["RangeError: SGD: learningRate | 0 | NaN", () => new SGD([gamma()], { learningRate: NaN })],
  ["RangeError: SGD: weightDecay | 0 | -1", () => new SGD([gamma()], { learningRate: 1, weightDecay: -1 })],
  ['TypeError: SGD: withoutDecay | "bias"', () => new SGD([gamma()], { learningRate: 1, withoutDecay: as("bias") })],
  [
    'TypeError: SGD: withoutDecay | "weight" | "bias" | "scale" | "shift" | "gamma"',
    () => new SGD([gamma()], { learningRate: 1, withoutDecay: [as("gamma")] }),
  ],
  ["RangeError: SGD: momentum | [0, 1) | 1", () => new SGD([gamma()], { learningRate: 1, momentum: 1 })],
  ["RangeError: SGD: momentum | [0, 1) | -0.1", () => new SGD([gamma()], { learningRate: 1, momentum: -0.1 })],
  ["TypeError: SGD: nesterov | 1", () => new SGD([gamma()], { learningRate: 1, momentum: 0.9, nesterov: as(1) })],
  ["RangeError: SGD: momentum | 0", () => new SGD([gamma()], { learningRate: 1, nesterov: true })],
  ["RangeError: SGD: learningRate | 0 | -1", () => (new SGD([gamma()], { learningRate: 1 }).learningRate = -1)],
  ["TypeError: SGD: undefined | cure", () => new SGD([gamma()], { learningRate: 1 }).step(as(undefined))],
  ["TypeError: Adam: parameters | 1 | cure", () => new Adam(as(1), { learningRate: 1 })],
  ["RangeError: Adam: learningRate | 0 | Infinity", () => new Adam([gamma()], { learningRate: Infinity })],
  ["RangeError: Adam: beta1 | [0, 1) | 1", () => new Adam([gamma()], { learningRate: 1, beta1: 1 })],
  ["RangeError: Adam: beta2 | [0, 1) | -0.1", () => new Adam([gamma()], { learningRate: 1, beta2: -0.1 })],
  ["RangeError: Adam: epsilon | 0 | -1", () => new Adam([gamma()], { learningRate: 1, epsilon: -1 })],
  ["RangeError: Adam: learningRate | 0 | NaN", () => (new Adam([gamma()], { learningRate: 1 }).learningRate = NaN)],
  ["RangeError: AdamW: beta1 | [0, 1) | 1.5", () => new AdamW([gamma()], { learningRate: 1, beta1: 1.5 })],
  ["RangeError: AdamW: weightDecay | 0 | NaN", () => new AdamW([gamma()], { learningRate: 1, weightDecay: NaN })],
  ["TypeError: AdamW: options | null", () => new AdamW([gamma()], as(null))],
  ...([SGD, Adam, AdamW] as const).flatMap((Optimizer): Row[] => {
    const run = (kernels: unknown) => () => new Optimizer([gamma()], { learningRate: 1, kernels: as(kernels) });
    return [
      [`TypeError: ${Optimizer.name}: kernels | null`, run(null)],
      [`TypeError: ${Optimizer.name}: kernels | true`, run(true)],
      [`TypeError: ${Optimizer.name}: kernels | name | none | cure`, run([])],
      [`TypeError: ${Optimizer.name}: kernels | name | keys sgd, adam | cure`, run({ sgd: 1, adam: 1 })],
    ];
  }),
  ["TypeError: stateDict: undefined", () => stateDict(as(undefined))],
  ["TypeError: loadStateDict: object", () => loadStateDict(as({}), {})],
  ["TypeError: loadStateDict: state | undefined", () => loadStateDict(dense(), as(undefined))],
];
