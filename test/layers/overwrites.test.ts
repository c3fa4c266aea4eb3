/** A buffer that was reused between the passes is noticed: whole or in part, whatever the data look like. */
import { describe, expect, it } from "vitest";
import { Random, Tensor } from "batchnorm";
import { watch } from "../../src/layers/overwrites.js";

const random = new Random(1);
type Fill = (values: Float32Array, batch: number) => void;

/** Data as models get them; two batches differ, and so do the parts of them that are compared. */
const kinds: Readonly<Record<string, Fill>> = {
  "ordinary numbers": (values) => values.forEach((_, i) => (values[i] = random.normal())),
  "the same numbers, rotated": (values, batch) =>
    values.forEach((_, i) => (values[i] = (i + 7 * batch) % values.length)),
  "a constant": (values, batch) => values.fill(batch),
  "zeros, then numbers": (values, batch) => values.fill(0).forEach((_, i) => (values[i] = batch * random.normal())),
  "numbers, then NaN": (values, batch) => values.forEach((_, i) => (values[i] = batch === 0 ? i : NaN)),
  "0 and 1": (values) => values.forEach((_, i) => (values[i] = random.integer(2))),
  "one of 10 categories in each row": (values) => {
    values.fill(0);
    for (let row = 0; row + 10 <= values.length; row += 10) values[row + random.integer(10)] = 1;
  },
  "strokes on black": (values) =>
    values.fill(0).forEach((_, i) => (values[i] = random.uniform() < 0.1 ? random.uniform() : 0)),
  "strokes on white": (values) =>
    values.fill(1).forEach((_, i) => (values[i] = random.uniform() < 0.1 ? random.uniform() : 1)),
  "9 constant columns beside a varying one": (values) =>
    values.forEach((_, i) => (values[i] = i % 10 === 3 ? random.normal() : i % 10)),
};

describe.each(Object.keys(kinds))("%s", (kind) => {
  const fill = kinds[kind]!;

  it.each([100, 1000, 4096, 100_000])("%i values", (length) => {
    for (let trial = 0; trial < 20; trial++) {
      const tensor = Tensor.zeros([length]);
      const values = tensor.data as Float32Array;
      fill(values, 0);
      const expectUnchanged = watch("Dense", "the input", tensor);
      expect(expectUnchanged).not.toThrow();
      const before = values.slice();
      const next = new Float32Array(length);
      fill(next, 1);
      // All of it, then each third.
      const parts = [0, 1, 2].map((third) => [Math.floor((third * length) / 3), Math.ceil(((third + 1) * length) / 3)]);
      for (const [from, to] of [[0, length], ...parts] as [number, number][]) {
        values.set(next.subarray(from, to), from);
        expect(expectUnchanged, `${from} to ${to}`).toThrow(
          /^Dense: expected the input to be unchanged since the forward pass, got overwritten values - write the next batch/,
        );
        values.set(before);
        expect(expectUnchanged).not.toThrow();
      }
    }
  });
});

it("notices every single value of a small tensor", () => {
  const tensor = Tensor.normal([8, 8], { random });
  const expectUnchanged = watch("Dense", "the input", tensor);
  for (let i = 0; i < tensor.size; i++) {
    const value = tensor.data[i]!;
    tensor.data[i] = -value;
    expect(expectUnchanged, `${i}`).toThrow(/overwritten/);
    tensor.data[i] = value;
  }
});

it("takes -0 and 0 as the same, and NaN as itself", () => {
  const tensor = Tensor.from([0, NaN, 1]);
  const expectUnchanged = watch("Dense", "the input", tensor);
  tensor.data[0] = -0;
  tensor.data[1] = NaN;
  expect(expectUnchanged).not.toThrow();
});
