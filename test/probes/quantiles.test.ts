import { quantilesOf } from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { allAbout } from "../support/about.js";
import { plainNumber, withShuffled } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

/** Type 7 from a sorted copy. */
function bySorting(values: readonly number[], levels: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return levels.map((level) => {
    const h = (sorted.length - 1) * level;
    const low = sorted[Math.floor(h)]!;
    const high = sorted[Math.ceil(h)]!;
    return low + (h - Math.floor(h)) * (high - low);
  });
}

const levels = [0, 0.05, 0.15, 0.5, 0.5, 0.85, 0.999, 1];

describe("quantilesOf", () => {
  it("gives the worked quantiles", () => {
    expect(quantilesOf([1, 2, 2, 5], [0.15, 0.5, 0.85])).toEqual(allAbout([1.45, 2, 3.65], 12));
    expect(quantilesOf([7], [0, 0.3, 1])).toEqual([7, 7, 7]);
    expect(quantilesOf([4, 2], [])).toEqual([]);
  });

  it.each([
    ["doubles", plainNumber(10)],
    ["many ties", fc.integer({ min: -2, max: 2 })],
  ])("agrees with sorting: %s", (_, value) => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (values) => {
        expect(quantilesOf(values, levels)).toEqual(allAbout(bySorting(values, levels), 13));
      }),
    );
  });

  it("gives the same bits for the same values in any order", () => {
    const value = fc.oneof(plainNumber(1), fc.constantFrom(0, -0, 0.5));
    const shuffled = withShuffled(fc.array(value, { minLength: 1, maxLength: 60 }));
    fc.assert(
      fc.property(shuffled, ([values, others]) => {
        const [a, b] = [quantilesOf(values, levels), quantilesOf(others, levels)];
        expect(a.every((quantile, i) => Object.is(quantile, b[i]))).toBe(true);
      }),
    );
  });

  it("rises with the level, also between two values that are hard to interpolate", () => {
    const rising = Array.from({ length: 101 }, (_, i) => i / 100);
    const quantiles = quantilesOf([0.1, 0.1 + 2 ** -56, 0.3, 1 / 3], rising);
    expect(quantiles).toEqual([...quantiles].sort((a, b) => a - b));
    expect([quantiles[0], quantiles[100]]).toEqual([0.1, 1 / 3]);
  });

  it("finds its way through orders made to mislead the median of three", () => {
    const n = 3000;
    const rising = Array.from({ length: n }, (_, i) => i);
    const organPipe = rising.map((i) => Math.min(i, n - i));
    const sawtooth = rising.map((i) => i % 37);
    for (const values of [rising, [...rising].reverse(), organPipe, sawtooth, medianOfThreeKiller(n)]) {
      expect(quantilesOf(values, levels)).toEqual(allAbout(bySorting(values, levels), 10));
    }
  });

  it("leaves its argument alone", () => {
    const random = new Random(1);
    const values = Float32Array.from({ length: 50 }, () => random.normal());
    const copy = values.slice();
    quantilesOf(values, levels);
    expect(values).toEqual(copy);
  });

  it.each([
    [[], [0.5], "ShapeError: quantilesOf: expected values to have at least 1 value, got 0"],
    [[NaN], [0.5], "RangeError: quantilesOf: expected values to be finite, got NaN at 0"],
    [[1], [1.5], "RangeError: quantilesOf: expected each quantile level in [0, 1], got 1.5"],
    [[1], [NaN], "RangeError: quantilesOf: expected each quantile level in [0, 1], got NaN"],
    [[1], ["a"], 'TypeError: quantilesOf: expected each quantile level to be a number, got "a"'],
    [[1], [0.5, 0.2], "RangeError: quantilesOf: expected ascending quantile levels, got [0.5, 0.2]"],
    [[1], 0.5, "TypeError: quantilesOf: expected the quantile levels to be an array, got 0.5"],
  ])("refuses %j at %j", (values, some, message) => {
    expect(thrownBy(() => quantilesOf(values, some as number[]))).toBe(message);
  });
});

/** Musser's sequence: the middle, first and last value are always among the smallest that are left. */
function medianOfThreeKiller(n: number): number[] {
  const half = n / 2;
  const values: number[] = [];
  for (let i = 1; i <= half; i++) {
    values[i - 1] = i % 2 === 1 ? i : half + i - 1;
    values[half + i - 1] = 2 * i;
  }
  return values;
}
