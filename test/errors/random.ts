/** The generator. */
import { Random } from "../../src/index.js";
import { as, random, type Row } from "./row.js";

export const randoms: readonly Row[] = [
  ["TypeError", 'Random: expected seed to be a number, got "seed"', () => new Random(as("seed"))],
  ["TypeError", "Random: expected seed to be a number, got undefined", () => new Random(as(undefined))],
  ["RangeError", "Random: expected seed to be a whole number, got 0.5", () => new Random(0.5)],
  ["RangeError", "Random: expected seed to be a finite number, got NaN", () => new Random(NaN)],
  ["RangeError", "Random: expected seed to be a whole number, got 1152921504606847000", () => new Random(2 ** 60)],
  ["RangeError", "Random.uniform: expected high to be a finite number >= 1, got 0", () => random().uniform(1, 0)],
  ["RangeError", "Random.uniform: expected low to be a finite number, got NaN", () => random().uniform(NaN)],
  [
    "RangeError",
    "Random.uniform: expected high - low to be a finite number >= 0, got Infinity",
    () => random().uniform(-1e308, 1e308),
  ],
  ["TypeError", 'Random.uniform: expected high to be a number, got "1"', () => random().uniform(0, as("1"))],
  ["RangeError", "Random.normal: expected std to be a finite number >= 0, got -1", () => random().normal(0, -1)],
  ["RangeError", "Random.normal: expected mean to be a finite number, got Infinity", () => random().normal(Infinity)],
  ["RangeError", "Random.integer: expected bound to be a whole number of at least 1, got 0", () => random().integer(0)],
  [
    "RangeError",
    "Random.integer: expected bound in [1, 4294967296], got 4294967297",
    () => random().integer(2 ** 32 + 1),
  ],
  ["TypeError", "Random.integer: expected bound to be a number, got undefined", () => random().integer(as(undefined))],
  [
    "RangeError",
    "Random.permutation: expected length to be a whole number of at least 0, got -1",
    () => random().permutation(-1),
  ],
  ["TypeError", "Random.fork: expected label to be a string, got 1", () => random().fork(as(1))],
  ["TypeError", "Random.from: expected state to be an object, got undefined", () => Random.from(as(undefined))],
  [
    "TypeError",
    "Random.from: expected words to be four 32-bit words, got undefined",
    () => Random.from(as({ key: [1, 2, 3, 4] })),
  ],
  [
    "TypeError",
    "Random.from: expected key to be four 32-bit words, got [1, 2, 3]",
    () => Random.from({ key: [1, 2, 3], words: [1, 2, 3, 4] }),
  ],
  [
    "TypeError",
    "Random.from: expected words to be four 32-bit words, got [1, 2, 3, 4294967296]",
    () => Random.from({ key: [1, 2, 3, 4], words: [1, 2, 3, 2 ** 32] }),
  ],
  [
    "RangeError",
    "Random.from: expected words not to be all zeros, got [0, 0, 0, 0]",
    () => Random.from({ key: [1, 2, 3, 4], words: [0, 0, 0, 0] }),
  ],
  ["TypeError", "Random.from: expected key to be four 32-bit words, got undefined", () => random().restore(as({}))],
];
