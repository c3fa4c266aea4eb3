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
  ["TypeError: Sequential: object", () => new Sequential(as(dense()))],
  ["TypeError: Sequential: []", () => new Sequential([])],
  ["TypeError: Sequential: 1 | undefined", () => new Sequential([dense(), as(undefined)])],
  ["TypeError: Sequential: 0 | object", () => new Sequential([as({ forward: () => 1 })])],
  ["TypeError: Sequential: input | Tensor | [1]", () => new Sequential([dense()]).forward(as([1]), pass)],
  [
    'TypeError: Sequential: mode | "train" | "probe" | "inference" | "training"',
    () => new Sequential([dense()]).forward(tensor(2, 3), as({ mode: "training" })),
  ],
  ["TypeError: parametersByPath: undefined", () => parametersByPath(as(undefined))],
  ["TypeError: statisticsByPath: object", () => statisticsByPath(as({ forward: () => 1, parameters: [] }))],
  [
    'TypeError: parametersByPath: "weight" | cure',
    () =>
      parametersByPath({
        parameters: [...dense().parameters, ...dense().parameters],
        statistics: [],
        forward: as(() => 1),
      }),
  ],
  ["TypeError: Parameter: name | 1", () => new Parameter(as(1), "scale", tensor(3))],
  [
    'TypeError: Parameter: role | "weight" | "bias" | "scale" | "shift" | "gamma"',
    () => new Parameter("gamma", as("gamma"), tensor(3)),
  ],
  [
    'TypeError: Parameter "gamma": Tensor | Float32Array(1)',
    () => new Parameter("gamma", "scale", as(Float32Array.of(1))),
  ],
  ['TypeError: Parameter "gamma": update | Float32Array(1)', () => gamma().update(as(Float32Array.of(1)))],
  ["TypeError: RunningStatistic: name | null", () => new RunningStatistic(as(null), new Float64Array(1))],
  [
    'TypeError: RunningStatistic "count": Float64Array | Float32Array(1)',
    () => new RunningStatistic("count", as(new Float32Array(1))),
  ],
  ['TypeError: RunningStatistic "count": "0"', () => new RunningStatistic("count", new Float64Array(1), as("0"))],
  [
    "TypeError: Mine: gradOutput | Tensor | [1, 2]",
    () => guardedForward("Mine", tensor(2), [], [], unused).backward(as([1, 2])),
  ],
  [
    "ShapeError: Mine: gradOutput | [2] | [3]",
    () => guardedForward("Mine", tensor(2), [], [], unused).backward(tensor(3)),
  ],
  [
    "TypeError: Mine: gradOutput | float32 | float64 | cure",
    () => guardedForward("Mine", tensor(2), [], [], unused).backward(tensor(2).cast("float64")),
  ],
  [
    'RangeError: Mine "3": gamma | cure',
    () => {
      const parameter = gamma();
      const { backward } = guardedForward('Mine "3"', tensor(2), [parameter], [], unused);
      parameter.update((values) => values.fill(2));
      backward(tensor(2));
    },
  ],
];
