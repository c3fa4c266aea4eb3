/** The generator. */
import { Random } from "../../src/index.js";
import { as, random, type Row } from "./row.js";

export const randoms: readonly Row[] = [
  ['TypeError: Random: seed | "seed"', () => new Random(as("seed"))],
  ["TypeError: Random: seed | undefined", () => new Random(as(undefined))],
  ["RangeError: Random: seed | 0.5", () => new Random(0.5)],
  ["RangeError: Random: seed | NaN", () => new Random(NaN)],
  ["RangeError: Random: seed | 1152921504606847000", () => new Random(2 ** 60)],
  ["RangeError: Random.uniform: high | 1 | 0", () => random().uniform(1, 0)],
  ["RangeError: Random.uniform: low | NaN", () => random().uniform(NaN)],
  ["RangeError: Random.uniform: low | 0 | Infinity", () => random().uniform(-1e308, 1e308)],
  ['TypeError: Random.uniform: high | "1"', () => random().uniform(0, as("1"))],
  ["RangeError: Random.normal: std | 0 | -1", () => random().normal(0, -1)],
  ["RangeError: Random.normal: mean | Infinity", () => random().normal(Infinity)],
  ["RangeError: Random.integer: bound | 1 | 0", () => random().integer(0)],
  ["RangeError: Random.integer: bound | [1, 4294967296] | 4294967297", () => random().integer(2 ** 32 + 1)],
  ["TypeError: Random.integer: bound | undefined", () => random().integer(as(undefined))],
  ["RangeError: Random.permutation: length | 0 | -1", () => random().permutation(-1)],
  ["TypeError: Random.fork: label | 1", () => random().fork(as(1))],
  ["TypeError: Random.from: state | undefined", () => Random.from(as(undefined))],
  ["TypeError: Random.from: words | 32-bit | undefined", () => Random.from(as({ key: [1, 2, 3, 4] }))],
  ["TypeError: Random.from: key | 32-bit | [1, 2, 3]", () => Random.from({ key: [1, 2, 3], words: [1, 2, 3, 4] })],
  [
    "TypeError: Random.from: words | 32-bit | [1, 2, 3, 4294967296]",
    () => Random.from({ key: [1, 2, 3, 4], words: [1, 2, 3, 2 ** 32] }),
  ],
  ["RangeError: Random.from: not | [0, 0, 0, 0]", () => Random.from({ key: [1, 2, 3, 4], words: [0, 0, 0, 0] })],
  ["TypeError: Random.from: key | 32-bit | undefined", () => random().restore(as({}))],
  ["RangeError: Random.permutation: length | 4294967296 | 10000000000", () => random().permutation(1e10)],
  ["TypeError: Random.from: key | undefined", () => Random.from({ key: holes(), words: [1, 2, 3, 4] })],
];

/** Four words, of which the third is missing. */
function holes(): number[] {
  const words = new Array<number>(4);
  for (const at of [0, 1, 3]) words[at] = 1;
  return words;
}
