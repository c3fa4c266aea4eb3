/** The checks of a function from a point to a loss and its gradient. */
import { checkGradient, checkObjective, type Evaluation, type Objective } from "../../src/index.js";
import { as, random, type Row } from "./row.js";

const bowl: Objective = (x) => ({ loss: x[0]! ** 2, gradient: x.map((value) => 2 * value) });
const one = Float64Array.of(1);

export const checks: readonly Row[] = [
  [
    "TypeError",
    "checkGradient: expected the objective to be a function of a point, got 1",
    () => checkGradient(as(1), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected the point to be a Float64Array, got [1]",
    () => checkGradient(bowl, as([1]), { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected the point to be a Float64Array, got Float32Array(1)",
    () => checkGradient(bowl, as(Float32Array.of(1)), { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected the length of the point to be a whole number of at least 1, got 0",
    () => checkGradient(bowl, new Float64Array(0), { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite point, got NaN at coordinate 1",
    () => checkGradient(bowl, Float64Array.of(1, NaN), { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected options to be an object, got undefined",
    () => checkGradient(bowl, one, as(undefined)),
  ],
  [
    "TypeError",
    "checkGradient: expected random to be a Random, got undefined - pass new Random(seed)",
    () => checkGradient(bowl, one, as({})),
  ],
  [
    "RangeError",
    "checkGradient: expected step to be a finite number > 0, got 0",
    () => checkGradient(bowl, one, { random: random(), step: 0 }),
  ],
  [
    "RangeError",
    "checkGradient: expected tolerance to be a finite number > 0, got -1",
    () => checkGradient(bowl, one, { random: random(), tolerance: -1 }),
  ],
  [
    "RangeError",
    "checkGradient: expected coordinatesPerGroup to be a whole number of at least 1, got 0",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 0 }),
  ],
  [
    "RangeError",
    "checkGradient: expected coordinatesPerGroup to be a whole number of at least 1, got 1.5",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 1.5 }),
  ],
  [
    "TypeError",
    "checkGradient: expected groups to be an array of at least one, got []",
    () => checkGradient(bowl, one, { random: random(), groups: [] }),
  ],
  [
    "TypeError",
    "checkGradient: expected groups to be an array of at least one, got an object",
    () => checkGradient(bowl, one, { random: random(), groups: as({}) }),
  ],
  [
    "TypeError",
    "checkGradient: expected every group to be an object, got 1",
    () => checkGradient(bowl, one, { random: random(), groups: [as(1)] }),
  ],
  [
    "ShapeError",
    'checkGradient: expected groups within the 1 coordinates of the point, got "w" up to 2',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 2 })] }),
  ],
  [
    "RangeError",
    'checkGradient: expected end of group "w" to be a whole number of at least 1, got 0',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 0 })] }),
  ],
  [
    "TypeError",
    'checkGradient: expected the objective\'s dtype to be "float32" or "float64", got "half"',
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { dtype: as("half") }),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got undefined",
    () =>
      checkGradient(
        as(() => undefined),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got 3",
    () =>
      checkGradient(
        as(() => 3),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got an object",
    () =>
      checkGradient(
        as(() => ({ loss: 1, gradient: [1] })),
        one,
        { random: random() },
      ),
  ],
  [
    "ShapeError",
    "checkGradient: expected the objective's gradient to have 1 values, got 2",
    () => checkGradient(() => ({ loss: 1, gradient: new Float64Array(2) }), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective whose lossOnly gives a number, got an object",
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { lossOnly: as(() => ({})) }),
        one,
        { random: random() },
      ),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite loss at the point, got NaN",
    () => checkGradient(() => ({ loss: NaN, gradient: one }), one, { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite gradient at the point, got NaN at point[1]",
    () =>
      checkGradient((): Evaluation => ({ loss: 1, gradient: Float64Array.of(1, NaN) }), Float64Array.of(1, 2), {
        random: random(),
      }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite gradient at the point, got Infinity at 1.beta[0]",
    () =>
      checkGradient(() => ({ loss: 1, gradient: Float64Array.of(1, Infinity) }), Float64Array.of(1, 2), {
        random: random(),
        groups: [as({ name: "a", start: 0, end: 1 }), as({ name: "1.beta", start: 1, end: 2 })],
      }),
  ],
  [
    "TypeError",
    "checkObjective: expected the objective to be a function of a point, got undefined",
    () => checkObjective(as(undefined), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkObjective: expected the point to be a Float64Array, got 1",
    () => checkObjective(bowl, as(1), { random: random() }),
  ],
  [
    "TypeError",
    "checkObjective: expected options to be an object, got undefined",
    () => checkObjective(bowl, one, as(undefined)),
  ],
  [
    "TypeError",
    "checkObjective: expected random to be a Random, got undefined - pass new Random(seed)",
    () => checkObjective(bowl, one, as({})),
  ],
  [
    "TypeError",
    "checkObjective: expected an objective that gives { loss: number, gradient: Float64Array }, got null",
    () =>
      checkObjective(
        as(() => null),
        one,
        { random: random() },
      ),
  ],
];
