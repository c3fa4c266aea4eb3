/** Containers, parameters, and the guard of a backward pass. */
import {
  guardedForward,
  Parameter,
  parametersByPath,
  RunningStatistic,
  Sequential,
  statisticsByPath,
} from "../../src/index.js";
import { as, dense, gamma, pass, tensor, type Row } from "./row.js";

const unused = (): never => {
  throw new Error("the guard let something pass");
};

export const models: readonly Row[] = [
  [
    "TypeError",
    "Sequential: expected an array of at least one layer, got an object",
    () => new Sequential(as(dense())),
  ],
  ["TypeError", "Sequential: expected an array of at least one layer, got []", () => new Sequential([])],
  [
    "TypeError",
    "Sequential: expected a layer at place 1, with forward, parameters and statistics, got undefined",
    () => new Sequential([dense(), as(undefined)]),
  ],
  [
    "TypeError",
    "Sequential: expected a layer at place 0, with forward, parameters and statistics, got an object",
    () => new Sequential([as({ forward: () => 1 })]),
  ],
  [
    "TypeError",
    "Sequential: expected the input to be a Tensor, got [1]",
    () => new Sequential([dense()]).forward(as([1]), pass),
  ],
  [
    "TypeError",
    'Sequential: expected mode to be "train" or "probe" or "inference", got "training"',
    () => new Sequential([dense()]).forward(tensor(2, 3), as({ mode: "training" })),
  ],
  [
    "TypeError",
    "parametersByPath: expected a layer, with forward, parameters and statistics, got undefined",
    () => parametersByPath(as(undefined)),
  ],
  [
    "TypeError",
    "statisticsByPath: expected a layer, with forward, parameters and statistics, got an object",
    () => statisticsByPath(as({ forward: () => 1, parameters: [] })),
  ],
  [
    "TypeError",
    'parametersByPath: expected another path for everything in a model, got two of "weight" - name the layers inside that layer in its `children`',
    () =>
      parametersByPath({
        parameters: [...dense().parameters, ...dense().parameters],
        statistics: [],
        forward: as(() => 1),
      }),
  ],
  ["TypeError", "Parameter: expected name to be a string, got 1", () => new Parameter(as(1), "scale", tensor(3))],
  [
    "TypeError",
    'Parameter: expected role to be "weight" or "bias" or "scale" or "shift", got "gamma"',
    () => new Parameter("gamma", as("gamma"), tensor(3)),
  ],
  [
    "TypeError",
    'Parameter "gamma": expected value to be a Tensor, got Float32Array(1)',
    () => new Parameter("gamma", "scale", as(Float32Array.of(1))),
  ],
  [
    "TypeError",
    'Parameter "gamma": expected update to be given a function, got Float32Array(1)',
    () => gamma().update(as(Float32Array.of(1))),
  ],
  [
    "TypeError",
    "RunningStatistic: expected name to be a string, got null",
    () => new RunningStatistic(as(null), new Float64Array(1)),
  ],
  [
    "TypeError",
    'RunningStatistic "count": expected values to be a Float64Array, got Float32Array(1)',
    () => new RunningStatistic("count", as(new Float32Array(1))),
  ],
  [
    "TypeError",
    'RunningStatistic "count": expected least to be a number, got "0"',
    () => new RunningStatistic("count", new Float64Array(1), as("0")),
  ],
  [
    "TypeError",
    "Mine: expected gradOutput to be a Tensor, got [1, 2]",
    () => guardedForward("Mine", tensor(2), [], unused).backward(as([1, 2])),
  ],
  [
    "ShapeError",
    "Mine: expected gradOutput of shape [2], as the output is, got [3]",
    () => guardedForward("Mine", tensor(2), [], unused).backward(tensor(3)),
  ],
  [
    "TypeError",
    'Mine: expected gradOutput of dtype float32, got float64 - use gradOutput.cast("float32")',
    () => guardedForward("Mine", tensor(2), [], unused).backward(tensor(2).cast("float64")),
  ],
  [
    "RangeError",
    'Mine "3": expected gamma as it was in the forward pass, got changed values - call backward before the parameters are updated',
    () => {
      const parameter = gamma();
      const { backward } = guardedForward('Mine "3"', tensor(2), [parameter], unused);
      parameter.update((values) => values.fill(2));
      backward(tensor(2));
    },
  ],
];
