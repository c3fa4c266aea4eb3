/** ShiftOverTraining with row weights: masked rows and positions are not compared, whatever they hold. */
import { Random, Tensor } from "batchnorm";
import { type RowWeights, type Samples, ShiftOverTraining, type ShiftOverTrainingReport } from "batchnorm/probes";
import { describe, expect, it } from "vitest";

const normals = (count: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.normal());
};

/** The report of four passes: each sample with its weights. */
function reportOf(passes: readonly Samples[], rowWeights: RowWeights | undefined, axis = 1): ShiftOverTrainingReport {
  const shift = new ShiftOverTraining({ places: { a: "linear" }, axis });
  const options = { rowWeights };
  shift.start(options)("a", passes[0]!);
  shift.before(1, options)("a", passes[1]!);
  shift.after(1, options)("a", passes[2]!);
  shift.secondBatch(1, options)("a", passes[3]!);
  return shift.report();
}

describe.each([NaN, Infinity, 7])("masked rows that hold %s", (junk) => {
  it("give the report of the other rows", () => {
    const rows = [1, 2, 3, 4].map((seed) => normals(10, seed));
    const kept = rows.map((data): Samples => ({ shape: [5, 2], data }));
    const padded = rows.map((data): Samples => {
      const withJunk = [...data.slice(0, 2), junk, junk, ...data.slice(2), junk, junk];
      return { shape: [7, 2], data: withJunk };
    });
    expect(reportOf(padded, [1, 0, 1, 1, 1, 1, 0])).toEqual(reportOf(kept, undefined));
    expect(reportOf(kept, [1, 1, 1, 1, 1])).toEqual(reportOf(kept, undefined));
  });

  it("may be positions: halves are still made of whole rows", () => {
    // 3 rows of 2 positions; (0, 1) and all of row 1 are padding
    const mask = Tensor.from([[1, 0], [0, 0], [1, 1]]); // prettier-ignore
    const passes = [1, 2, 3, 4].map((seed): Samples => {
      const [a, b, c] = normals(3, seed);
      return { shape: [3, 1, 2], data: [a!, junk, junk, junk, b!, c!] };
    });
    const [record] = reportOf(passes, mask).records;
    expect(record!.rows).toBe(2);
    // Row 0 against row 2: one value against two.
    const [a, b, c] = normals(3, 3);
    const { splitHalfFloor, stepShift } = record!;
    expect(splitHalfFloor!.rows).toEqual([1, 1]);
    expect(splitHalfFloor!.absoluteMeanShift.perUnit[0]).toBeCloseTo(Math.abs((b! + c!) / 2 - a!), 14);
    const mean = (seed: number): number => normals(3, seed).reduce((sum, value) => sum + value, 0) / 3;
    expect(stepShift!.absoluteMeanShift.perUnit[0]).toBeCloseTo(Math.abs(mean(3) - mean(2)), 14);
    const last = passes.map(({ data }): Samples => ({ shape: [3, 2, 1], data }));
    expect(reportOf(last, mask, -1).records).toEqual(reportOf(passes, mask).records);
  });
});

it("all rows masked: no shift, and the reason", () => {
  const passes = [1, 2, 3, 4].map((seed): Samples => ({ shape: [2, 1], data: normals(2, seed) }));
  const [record] = reportOf(passes, [0, 0]).records;
  expect(record).toMatchObject({ rows: 0, stepShift: null, totalShift: null, splitHalfFloor: null });
  expect(record!.reasons["stepShift"]).toBe("too few rows: 0 and 0");
});

it.each<[unknown, string]>([
  [[1, 0.5], "expected row weights of 0 and 1, got 0.5 - fractional weights are not supported"],
  [[1], "expected rowWeights of shape [2] or of more axes of [2], got shape [1]"],
])("refuses the row weights %j", (rowWeights, message) => {
  const shift = new ShiftOverTraining({ places: { a: "linear" } });
  const observe = shift.start({ rowWeights: rowWeights as RowWeights });
  expect(() => observe("a", { shape: [2, 1], data: [1, 2] })).toThrow(`ShiftOverTraining.start "a": ${message}`);
});

it("refuses a misspelled option in every pass", () => {
  const shift = new ShiftOverTraining({ places: { a: "linear" } });
  const wrong = { rowWeight: [1] } as object;
  expect(() => shift.start(wrong)).toThrow(/^ShiftOverTraining.start: .*did you mean rowWeights\?$/);
  expect(() => shift.before(1, wrong)).toThrow(/^ShiftOverTraining.before: .*did you mean rowWeights\?$/);
  expect(() => shift.after(1, wrong)).toThrow(/^ShiftOverTraining.after: .*did you mean rowWeights\?$/);
  expect(() => shift.secondBatch(1, wrong)).toThrow(/^ShiftOverTraining.secondBatch: .*did you mean rowWeights\?$/);
});
