import { Random } from "batchnorm";
import { maximumMeanDiscrepancy, type MmdOptions, parseReport, type Samples, stringifyReport } from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { about } from "../support/about.js";
import { plainNumber, withShuffled } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const rows = (...list: readonly (readonly number[])[]): Samples => ({
  shape: [list.length, list[0]!.length],
  data: list.flat(),
});
const value = fc.oneof(plainNumber(9), fc.integer({ min: -1, max: 1 }));
const twoColumns = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 9 });

/** By the definition, over all pairs. */
function byDefinition(
  a: readonly number[][],
  b: readonly number[][],
): { h: number | null; biased: number; unbiased: number } {
  const distance = (x: readonly number[], y: readonly number[]): number =>
    Math.sqrt(x.reduce((sum, xc, c) => sum + (xc - y[c]!) ** 2, 0));
  const pooled = [...a, ...b];
  const positive = pooled
    .flatMap((x, i) => pooled.slice(i + 1).map((y) => distance(x, y)))
    .filter((d) => d > 0)
    .sort((x, y) => x - y);
  const middle = (positive.length - 1) / 2;
  const h = positive.length === 0 ? null : (positive[Math.floor(middle)]! + positive[Math.ceil(middle)]!) / 2;
  const sum = (x: readonly number[][], y: readonly number[][]): number =>
    x.reduce(
      (s, u) => s + y.reduce((t, v) => t + (h === null ? 1 : Math.exp(-(distance(u, v) ** 2) / (2 * h * h))), 0),
      0,
    );
  const [n, m] = [a.length, b.length];
  const [xx, yy, xy] = [sum(a, a), sum(b, b), sum(a, b)];
  return {
    h,
    biased: xx / n ** 2 + yy / m ** 2 - (2 * xy) / (n * m),
    unbiased: (xx - n) / (n * (n - 1)) + (yy - m) / (m * (m - 1)) - (2 * xy) / (n * m),
  };
}

describe("maximumMeanDiscrepancy", () => {
  const a = rows([0, 0], [1, 0], [0, 2]);
  const b = rows([1, 1], [2, 2]);

  it("gives the worked figures", () => {
    expect(maximumMeanDiscrepancy(a, b)).toEqual({
      probe: "maximumMeanDiscrepancy",
      kinds: { mmd: "exact", mmdSquaredBiased: "exact", mmdSquaredUnbiased: "exact" },
      n: 3,
      m: 2,
      bandwidth: about(1.707107),
      bandwidthFrom: "median",
      mmd: about(0.658744),
      mmdSquaredBiased: about(0.433944),
      mmdSquaredUnbiased: about(0.152028),
      reasons: {},
    });
  });

  it("takes a bandwidth as it is given", () => {
    const d = maximumMeanDiscrepancy(a, b, { bandwidth: 0.5 });
    // k = exp(-2 d^2)
    const k = (...squares: number[]): number => squares.reduce((sum, square) => sum + Math.exp(-2 * square), 0);
    const biased = (3 + 2 * k(1, 4, 5)) / 9 + (2 + 2 * k(2)) / 4 - (2 * k(2, 8, 1, 5, 2, 4)) / 6;
    expect(d).toMatchObject({ bandwidth: 0.5, bandwidthFrom: "given", mmdSquaredBiased: about(biased, 14) });
    const narrow = maximumMeanDiscrepancy(a, b, { bandwidth: 1e-200 });
    expect(narrow.mmdSquaredBiased).toBeCloseTo(1 / 3 + 1 / 2, 14);
  });

  it("agrees with the definition", () => {
    fc.assert(
      fc.property(twoColumns, twoColumns, (x, y) => {
        const d = maximumMeanDiscrepancy(rows(...x), rows(...y));
        const wanted = byDefinition(x, y);
        expect(d.bandwidth).toEqual(wanted.h === null ? null : about(wanted.h, 12));
        expect(d.mmdSquaredBiased).toBeCloseTo(Math.max(0, wanted.biased), 12);
        const single = x.length === 1 || y.length === 1;
        expect(d.mmdSquaredUnbiased).toEqual(single ? null : about(wanted.unbiased, 12));
        expect(d.mmd ** 2).toBeCloseTo(d.mmdSquaredBiased, 14);
        expect(maximumMeanDiscrepancy(rows(...y), rows(...x)).mmdSquaredBiased).toBeCloseTo(d.mmdSquaredBiased, 14);
      }),
    );
  });

  it("gives exactly 0 for the same rows in any order", () => {
    const shuffled = withShuffled(twoColumns);
    fc.assert(
      fc.property(shuffled, ([x, y]) => {
        expect(maximumMeanDiscrepancy(rows(...x), rows(...y))).toMatchObject({ mmd: 0, mmdSquaredBiased: 0 });
      }),
    );
  });

  it("sees a dependence that no feature shows by itself", () => {
    const random = new Random(3);
    const pair = (sign: number): number[] => {
      const x = random.normal();
      return [x, sign * x + 0.1 * random.normal()];
    };
    const draw = (sign: number): Samples => rows(...Array.from({ length: 80 }, () => pair(sign)));
    const same = maximumMeanDiscrepancy(draw(1), draw(1));
    expect(maximumMeanDiscrepancy(draw(1), draw(-1)).mmd).toBeGreaterThan(4 * same.mmd);
  });

  it("has no bandwidth where all rows are equal", () => {
    expect(maximumMeanDiscrepancy(rows([7, 7], [7, 7]), rows([7, 7]))).toEqual({
      probe: "maximumMeanDiscrepancy",
      kinds: { mmd: "exact", mmdSquaredBiased: "exact", mmdSquaredUnbiased: "exact" },
      n: 2,
      m: 1,
      bandwidth: null,
      bandwidthFrom: "median",
      mmd: 0,
      mmdSquaredBiased: 0,
      mmdSquaredUnbiased: null,
      reasons: { bandwidth: "all rows are equal", mmdSquaredUnbiased: "a single row has no other row" },
    });
  });

  it("takes rows of any shape, leaves them alone, and reports plain JSON", () => {
    const data = Float32Array.of(0, 0, 1, 0, 0, 2);
    const report = maximumMeanDiscrepancy({ shape: [3, 1, 2], data }, { shape: [2, 1, 2], data: [1, 1, 2, 2] });
    expect(report).toEqual(maximumMeanDiscrepancy(a, b));
    expect(data).toEqual(Float32Array.of(0, 0, 1, 0, 0, 2));
    expect(parseReport(stringifyReport(report))).toEqual(report);
    const single = maximumMeanDiscrepancy({ shape: [3], data: [0, 1, 5] }, { shape: [2], data: [0, 2] });
    expect(single).toEqual(maximumMeanDiscrepancy(rows([0], [1], [5]), rows([0], [2])));
  });

  it.each<[Samples, Samples, MmdOptions, string]>([
    [
      a,
      rows([1]),
      {},
      "ShapeError: maximumMeanDiscrepancy: expected rows of shape [2] in b, as in a, got rows of shape [1]",
    ],
    [
      { shape: [0, 2], data: [] },
      b,
      {},
      "ShapeError: maximumMeanDiscrepancy: expected a to have at least 1 row, got shape [0, 2]",
    ],
    [a, rows([1, NaN]), {}, "RangeError: maximumMeanDiscrepancy: expected b to be finite, got NaN at 1"],
    [
      a,
      { shape: [2, 2], data: [1] },
      {},
      "ShapeError: maximumMeanDiscrepancy, b: expected 4 values for shape [2, 2], got 1",
    ],
    [a, b, { bandwidth: 0 }, "RangeError: maximumMeanDiscrepancy: expected bandwidth to be a finite number > 0, got 0"],
    [a, b, 3 as MmdOptions, "TypeError: maximumMeanDiscrepancy: expected options to be an object, got 3"],
  ])("refuses %j against %j with %j", (x, y, options, message) => {
    expect(thrownBy(() => maximumMeanDiscrepancy(x, y, options))).toBe(message);
  });
});
