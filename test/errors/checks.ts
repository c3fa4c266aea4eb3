/** The checks of a function from a point to a loss and its gradient. */
import { checkGradient, checkObjective, type Evaluation, meanObjective, type Objective } from "../../src/index.js";
import { as, random, type Row } from "./row.js";

const bowl: Objective = (x) => ({ loss: x[0]! ** 2, gradient: x.map((value) => 2 * value) });
const one = Float64Array.of(1);

export const checks: readonly Row[] = [
  ["TypeError: checkGradient: objective | 1", () => checkGradient(as(1), one, { random: random() })],
  ["TypeError: checkGradient: point | Float64Array | [1]", () => checkGradient(bowl, as([1]), { random: random() })],
  [
    "TypeError: checkGradient: point | Float64Array | Float32Array(1)",
    () => checkGradient(bowl, as(Float32Array.of(1)), { random: random() }),
  ],
  ["RangeError: checkGradient: point | 1 | 0", () => checkGradient(bowl, new Float64Array(0), { random: random() })],
  ["RangeError: checkGradient: NaN | 1", () => checkGradient(bowl, Float64Array.of(1, NaN), { random: random() })],
  ["TypeError: checkGradient: options | undefined", () => checkGradient(bowl, one, as(undefined))],
  ["TypeError: checkGradient: random | Random | undefined | cure", () => checkGradient(bowl, one, as({}))],
  ["RangeError: checkGradient: step | 0", () => checkGradient(bowl, one, { random: random(), step: 0 })],
  [
    "RangeError: checkGradient: tolerance | 0 | -1",
    () => checkGradient(bowl, one, { random: random(), tolerance: -1 }),
  ],
  [
    "RangeError: checkGradient: coordinatesPerGroup | 1 | 0",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 0 }),
  ],
  [
    "RangeError: checkGradient: coordinatesPerGroup | 1 | 1.5",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 1.5 }),
  ],
  ["TypeError: checkGradient: groups | []", () => checkGradient(bowl, one, { random: random(), groups: [] })],
  ["TypeError: checkGradient: groups | object", () => checkGradient(bowl, one, { random: random(), groups: as({}) })],
  ["TypeError: checkGradient: 1", () => checkGradient(bowl, one, { random: random(), groups: [as(1)] })],
  [
    'ShapeError: checkGradient: 1 | "w" | 2',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 2 })] }),
  ],
  [
    'RangeError: checkGradient: "w" | 1 | 0',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 0 })] }),
  ],
  [
    'TypeError: checkGradient: dtype | "float32" | "float64" | "half"',
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { dtype: as("half") }),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError: checkGradient: Float64Array | undefined",
    () =>
      checkGradient(
        as(() => undefined),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError: checkGradient: Float64Array | 3",
    () =>
      checkGradient(
        as(() => 3),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError: checkGradient: Float64Array | object",
    () =>
      checkGradient(
        as(() => ({ loss: 1, gradient: [1] })),
        one,
        { random: random() },
      ),
  ],
  [
    "ShapeError: checkGradient: gradient | 1 | 2",
    () => checkGradient(() => ({ loss: 1, gradient: new Float64Array(2) }), one, { random: random() }),
  ],
  [
    "TypeError: checkGradient: lossOnly | object",
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { lossOnly: as(() => ({})) }),
        one,
        { random: random() },
      ),
  ],
  [
    "RangeError: checkGradient: NaN",
    () => checkGradient(() => ({ loss: NaN, gradient: one }), one, { random: random() }),
  ],
  [
    "RangeError: checkGradient: NaN | point[1]",
    () =>
      checkGradient((): Evaluation => ({ loss: 1, gradient: Float64Array.of(1, NaN) }), Float64Array.of(1, 2), {
        random: random(),
      }),
  ],
  [
    "RangeError: checkGradient: Infinity | 1.beta[0]",
    () =>
      checkGradient(() => ({ loss: 1, gradient: Float64Array.of(1, Infinity) }), Float64Array.of(1, 2), {
        random: random(),
        groups: [as({ name: "a", start: 0, end: 1 }), as({ name: "1.beta", start: 1, end: 2 })],
      }),
  ],
  ["TypeError: meanObjective: array | 1 | undefined", () => meanObjective(as(undefined))],
  ["TypeError: meanObjective: array | 1 | []", () => meanObjective([])],
  ["TypeError: meanObjective: objectives[1] | function | 7", () => meanObjective([bowl, as(7)])],
  ["TypeError: checkObjective: objective | undefined", () => checkObjective(as(undefined), one, { random: random() })],
  ["TypeError: checkObjective: point | Float64Array | 1", () => checkObjective(bowl, as(1), { random: random() })],
  ["TypeError: checkObjective: options | undefined", () => checkObjective(bowl, one, as(undefined))],
  ["TypeError: checkObjective: random | Random | undefined | cure", () => checkObjective(bowl, one, as({}))],
  [
    "TypeError: checkObjective: Float64Array | null",
    () =>
      checkObjective(
        as(() => null),
        one,
        { random: random() },
      ),
  ],
];
