import { histogramOf, histogramQuantile, mergeHistograms, quantilesOf } from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainNumber } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const value = fc.oneof(plainNumber(5), fc.integer({ min: -5, max: 5 }));
const values = fc.array(value, { maxLength: 60 });
const edges = fc
  .uniqueArray(fc.integer({ min: -4, max: 4 }), { minLength: 2, maxLength: 9 })
  .map((list) => list.sort((a, b) => a - b));

describe("histogramOf", () => {
  it("gives the worked counts", () => {
    expect(histogramOf([1, 2, 2, 5], [0, 2, 4, 6])).toEqual({
      edges: [0, 2, 4, 6],
      counts: [1, 2, 1],
      below: 0,
      above: 0,
    });
    expect(histogramOf([0, 2, 4], [0, 2, 4, 6]).counts).toEqual([1, 1, 1]);
  });

  it("closes the last cell alone, and counts what lies outside", () => {
    const counted = histogramOf([-0.1, 0, 1, 1, 2, 3, 3.1, 9], [0, 1, 2, 3]);
    expect(counted).toEqual({ edges: [0, 1, 2, 3], counts: [1, 2, 2], below: 1, above: 2 });
  });

  it("counts each value once, where the definition puts it", () => {
    fc.assert(
      fc.property(values, edges, (x, e) => {
        const { counts, below, above } = histogramOf(x, e);
        const last = e.length - 2;
        const expected = counts.map((_, k) => {
          return x.filter((v) => v >= e[k]! && (v < e[k + 1]! || (k === last && v === e[k + 1]))).length;
        });
        expect(counts).toEqual(expected);
        expect(below).toBe(x.filter((v) => v < e[0]!).length);
        expect(above).toBe(x.filter((v) => v > e[last + 1]!).length);
      }),
    );
  });

  it.each([
    [[1], [0], "ShapeError: histogramOf: expected edges to have at least 2 values, got 1"],
    [[1], [0, 0], "RangeError: histogramOf: expected ascending edges, got 0 and then 0 at 1"],
    [[1], [0, 2, 1], "RangeError: histogramOf: expected ascending edges, got 2 and then 1 at 2"],
    [[1], [0, Infinity], "RangeError: histogramOf: expected edges to be finite, got Infinity at 1"],
    [[NaN], [0, 1], "RangeError: histogramOf: expected values to be finite, got NaN at 0"],
  ])("refuses %j on %j", (x, e, message) => {
    expect(thrownBy(() => histogramOf(x, e))).toBe(message);
  });
});

describe("mergeHistograms", () => {
  it("counts both samples", () => {
    fc.assert(
      fc.property(values, values, edges, (a, b, e) => {
        expect(mergeHistograms(histogramOf(a, e), histogramOf(b, e))).toEqual(histogramOf([...a, ...b], e));
      }),
    );
  });

  it("refuses other edges", () => {
    const merge = (): unknown => mergeHistograms(histogramOf([1], [0, 1]), histogramOf([1], [0, 2]));
    const message =
      "ShapeError: mergeHistograms: expected b with the edges of a, [0, 1], got [0, 2] - choose the edges before counting";
    expect(thrownBy(merge)).toBe(message);
  });
});

describe("histogramQuantile", () => {
  const counted = histogramOf([-1, 0.5, 1.5, 1.5, 1.5, 9], [0, 1, 2, 3]);

  it("lays the values of a cell evenly into it", () => {
    expect(histogramQuantile(counted, 0.5)).toBeCloseTo(1 + 1 / 3, 14);
    expect(histogramQuantile(counted, 2 / 6)).toBe(1);
    expect(histogramQuantile(counted, 5 / 6)).toBe(2);
    expect(histogramQuantile(counted, 1 / 6)).toBe(0);
  });

  it("does not know what lies outside the edges", () => {
    expect(histogramQuantile(counted, 0.1)).toBeNull();
    expect(histogramQuantile(counted, 0.9)).toBeNull();
    expect(histogramQuantile(histogramOf([], [0, 1]), 0.5)).toBeNull();
  });

  it("skips empty cells", () => {
    const gap = histogramOf([0.5, 3.5], [0, 1, 2, 3, 4]);
    expect(histogramQuantile(gap, 0)).toBe(0);
    expect(histogramQuantile(gap, 0.5)).toBe(1);
    expect(histogramQuantile(gap, 0.75)).toBe(3.5);
    expect(histogramQuantile(gap, 1)).toBe(4);
    expect(histogramQuantile(histogramOf([2.5], [0, 1, 2, 3]), 0)).toBe(2);
  });

  it("is off by at most a cell where many values lie close together", () => {
    const x = Array.from({ length: 1000 }, (_, i) => (i / 999) ** 2);
    const fine = histogramOf(
      x,
      Array.from({ length: 51 }, (_, k) => k / 50),
    );
    for (const level of [0.05, 0.15, 0.5, 0.85, 0.95]) {
      expect(Math.abs(histogramQuantile(fine, level)! - quantilesOf(x, [level])[0]!)).toBeLessThan(0.02);
    }
  });

  it.each([
    [1.5, "RangeError: histogramQuantile: expected level in [0, 1], got 1.5"],
    [NaN, "RangeError: histogramQuantile: expected level in [0, 1], got NaN"],
  ])("refuses level %d", (level, message) => {
    expect(thrownBy(() => histogramQuantile(counted, level))).toBe(message);
  });
});
