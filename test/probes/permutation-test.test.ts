import { Random } from "batchnorm";
import {
  benjaminiHochberg,
  compareSamples,
  maximumMeanDiscrepancy,
  mmdTest,
  parseReport,
  permutationTest,
  type PermutationTestOptions,
  type PermutationTestReport,
  type Samples,
  stringifyReport,
  type TestStatistic,
} from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { about, allAbout } from "../support/about.js";
import { plainNumber } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const rows = (...list: readonly (readonly number[])[]): Samples => ({
  shape: [list.length, list[0]!.length],
  data: list.flat(),
});
const normal = (random: Random, n: number, features: number, mean = 0): Samples =>
  rows(...Array.from({ length: n }, () => Array.from({ length: features }, () => random.normal(mean))));
const statistics: readonly TestStatistic[] = [
  "wasserstein1",
  "kolmogorovSmirnov",
  "energyDistance",
  "absoluteMeanShift",
];

/** All ways to take n of the list, by recursion. */
function choices<T>(list: readonly T[], n: number): T[][] {
  if (n === 0) return [[]];
  if (list.length < n) return [];
  const [first, ...rest] = list as [T, ...T[]];
  return [...choices(rest, n - 1).map((some) => [first, ...some]), ...choices(rest, n)];
}

/** The exact p-value of each feature by trying all splits of the rows. */
function exactly(a: readonly number[][], b: readonly number[][], statistic: TestStatistic): number[] {
  const all = [...a, ...b];
  const splits = choices(
    all.map((_, i) => i),
    a.length,
  );
  const column = (chosen: (i: number) => boolean, c: number): number[] =>
    all.filter((_, i) => chosen(i)).map((row) => row[c]!);
  const distance = (inA: readonly number[], c: number): number =>
    compareSamples(
      column((i) => inA.includes(i), c),
      column((i) => !inA.includes(i), c),
    )[statistic]!;
  const first = a.map((_, i) => i);
  return a[0]!.map((_, c) => {
    const observed = distance(first, c);
    return splits.filter((inA) => distance(inA, c) >= observed * (1 - 1e-9) - 1e-13).length / splits.length;
  });
}

describe("permutationTest", () => {
  it("gives the worked p-value over all splits", async () => {
    const report = await permutationTest(
      { shape: [4], data: [1, 2, 2, 5] },
      { shape: [3], data: [0, 2, 4] },
      { permutations: "all" },
    );
    expect(report).toEqual({
      probe: "permutationTest",
      kinds: { observed: "exact", pValues: "exact", pValuesAdjusted: "exact", pValuesFamilywise: "exact" },
      statistic: "wasserstein1",
      axis: 1,
      n: 4,
      m: 3,
      features: 1,
      observed: [about(0.833333)],
      pValues: [32 / 35],
      pValuesAdjusted: [32 / 35],
      pValuesFamilywise: [32 / 35],
      permutations: 35,
      exhaustive: true,
      smallestPValue: 1 / 35,
      randomState: null,
      note: null,
    });
  });

  it.each(statistics)("measures and counts as by hand: %s", async (statistic) => {
    const value = fc.oneof(plainNumber(9), fc.integer({ min: -2, max: 2 }));
    const some = fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(some, some, async (a, b) => {
        const report = await permutationTest(rows(...a), rows(...b), { permutations: "all", statistic });
        [0, 1].forEach((c) => {
          const distance = compareSamples(
            a.map((row) => row[c]!),
            b.map((row) => row[c]!),
          )[statistic]!;
          expect(report.observed[c]).toBeCloseTo(distance, 10);
        });
        expect(report.pValues).toEqual(allAbout(exactly(a, b, statistic), 12));
      }),
      { numRuns: 30 },
    );
  });

  it("draws random permutations whose p-values are near the exact ones", async () => {
    const random = new Random(1);
    const [a, b] = [normal(random, 6, 3), normal(random, 6, 3, 0.8)];
    const exact = await permutationTest(a, b, { permutations: "all" });
    const drawn = await permutationTest(a, b, { permutations: 4000, random });
    expect(exact.permutations).toBe(924);
    drawn.pValues.forEach((p, c) => expect(Math.abs(p - exact.pValues[c]!)).toBeLessThan(0.03));
    drawn.pValuesFamilywise.forEach((p, c) => expect(Math.abs(p - exact.pValuesFamilywise[c]!)).toBeLessThan(0.03));
    expect(drawn).toMatchObject({ exhaustive: false, kinds: { pValues: "estimate" }, smallestPValue: 1 / 4001 });
  });

  it("counts the samples as they are as one of the permutations", async () => {
    const far = await permutationTest(normal(new Random(1), 30, 1), normal(new Random(2), 30, 1, 9), {
      permutations: 99,
      random: new Random(3),
    });
    expect(far.pValues).toEqual([0.01]);
    const same = await permutationTest(rows([7], [7]), rows([7]), { permutations: 9, random: new Random(3) });
    expect(same).toMatchObject({ observed: [0], pValues: [1], pValuesFamilywise: [1] });
  });

  it("finds as much by chance as it says", async () => {
    let found = 0;
    for (let trial = 0; trial < 200; trial++) {
      const random = new Random(trial);
      const { pValues } = await permutationTest(normal(random, 8, 1), normal(random, 8, 1), {
        permutations: 19,
        random,
      });
      if (pValues[0]! <= 0.1) found++;
    }
    // 20 of 200 expected, standard deviation 4.2
    expect(found).toBeGreaterThan(7);
    expect(found).toBeLessThan(33);
  });

  it("moves whole rows: features that are copies of each other are found together", async () => {
    const random = new Random(4);
    const column = (n: number, mean: number): number[] => Array.from({ length: n }, () => random.normal(mean));
    const copies = (values: readonly number[]): Samples => rows(...values.map((x) => [x, 2 * x + 1, -x, x]));
    const [x, y] = [column(12, 0), column(12, 0.7)];
    const report = await permutationTest(copies(x), copies(y), { permutations: 199, random: new Random(5) });
    const alone = await permutationTest(rows(...x.map((v) => [v])), rows(...y.map((v) => [v])), {
      permutations: 199,
      random: new Random(5),
    });
    // In units of their own spread all four are one feature: their largest is each of them.
    for (const p of [...report.pValues, ...report.pValuesFamilywise]) expect(p).toBe(alone.pValues[0]);
    expect(report.observed[1]).toBeCloseTo(2 * report.observed[0]!, 12);
  });

  it("weighs features by their spread: the largest of all is not that of the largest unit", async () => {
    const random = new Random(6);
    const draw = (mean: number): Samples =>
      rows(...Array.from({ length: 20 }, () => [random.normal(mean), 1e6 * random.normal()]));
    const [a, b] = [draw(0), draw(2)];
    for (const statistic of statistics) {
      const report = await permutationTest(a, b, { permutations: 199, random, statistic });
      expect(report.pValuesFamilywise[0]).toBe(0.005);
      expect(report.pValuesFamilywise[1]).toBeGreaterThan(0.2);
    }
  });

  it.each(statistics)("gives p-values that know no unit and no origin: %s", async (statistic) => {
    const random = new Random(14);
    // multiples of 2^-20, so that 1e8 + x is exact
    const draw = (n: number): number[][] =>
      Array.from({ length: n }, () => [0, 1, 2].map((c) => Math.round(random.normal(c / 3) * 2 ** 20) / 2 ** 20));
    const [a, b] = [draw(9), draw(11)];
    const test = async (change: (x: number, c: number) => number): Promise<PermutationTestReport> => {
      const changed = (list: readonly number[][]): Samples => rows(...list.map((row) => row.map(change)));
      return permutationTest(changed(a), changed(b), { permutations: 99, random: new Random(1), statistic });
    };
    const plain = await test((x) => x);
    const moved = await test((x) => x + 1e8);
    const scaled = await test((x, c) => (c === 1 ? x * 2 ** 20 : x));
    for (const { pValues, pValuesFamilywise } of [moved, scaled]) {
      expect({ pValues, pValuesFamilywise }).toEqual({
        pValues: plain.pValues,
        pValuesFamilywise: plain.pValuesFamilywise,
      });
    }
    expect(moved.observed).toEqual(allAbout(plain.observed, 13));
  });

  it("adjusts for the number of features, and says when there are too few permutations for it", async () => {
    const random = new Random(7);
    const [a, b] = [normal(random, 10, 3), normal(random, 10, 3, 1)];
    const report = await permutationTest(a, b, { permutations: 58, random });
    expect(report.pValuesAdjusted).toEqual(benjaminiHochberg(report.pValues));
    expect(report.note).toBe(
      "no lone feature among 3 can be found at level 0.05 with 58 permutations: use at least 59",
    );
    expect((await permutationTest(a, b, { permutations: 59, random })).note).toBeNull();
    expect((await permutationTest(rows([1, 2], [2, 1]), rows([3, 4], [4, 3]), { permutations: "all" })).note).toBe(
      "no lone feature among 2 can be found at level 0.05: there are only 6 splits of the rows",
    );
    expect((await permutationTest(rows([1], [2]), rows([3]), { permutations: 18, random })).note).toBe(
      "no difference can be found at level 0.05 with 18 permutations: use at least 19",
    );
  });

  it("is blind where the same rows come before and after an update", async () => {
    // An exact shift of every value, which there is nothing to doubt about, of 256 rows.
    const random = new Random(8);
    const units = 60;
    const x = normal(random, 256, units);
    for (const [shift, median] of [
      [0.01, 1],
      [0.05, 0.99],
      [0.1, 0.55],
    ] as const) {
      const moved = { shape: x.shape, data: Array.from(x.data, (value) => value + shift) };
      const { pValues } = await permutationTest(x, moved, { permutations: 99, random });
      const middle = [...pValues].sort((p, q) => p - q)[units / 2]!;
      expect(Math.abs(middle - median), `shift ${shift}`).toBeLessThan(0.06);
    }
  });

  it("finds features on any axis, with all their values of a row together", async () => {
    const random = new Random(9);
    const a = Array.from({ length: 4 * 3 * 5 }, () => random.normal());
    const b = Array.from({ length: 6 * 3 * 5 }, (_, i) => random.normal(i % 3));
    // [N, 3, 5] and the same values as [N, 5, 3]
    const turned = (values: readonly number[]): number[] =>
      values.map((_, at) => values[15 * Math.floor(at / 15) + 5 * (at % 3) + Math.floor((at % 15) / 3)]!);
    const options = (axis: number): PermutationTestOptions => ({ permutations: 99, random: new Random(1), axis });
    const first = await permutationTest({ shape: [4, 3, 5], data: a }, { shape: [6, 3, 5], data: b }, options(1));
    const last = await permutationTest(
      { shape: [4, 5, 3], data: turned(a) },
      { shape: [6, 5, 3], data: turned(b) },
      options(-1),
    );
    expect({ ...last, axis: 1 }).toEqual(first);
    const feature = (values: readonly number[], c: number): number[] =>
      values.filter((_, at) => Math.floor(at / 5) % 3 === c);
    expect(first.observed).toEqual(
      allAbout(
        [0, 1, 2].map((c) => compareSamples(feature(a, c), feature(b, c)).wasserstein1),
        12,
      ),
    );
    expect(first.features).toBe(3);
  });

  it("gives the same report from the same stream, and says where it stood", async () => {
    const random = new Random(10);
    const [a, b] = [normal(random, 9, 2), normal(random, 7, 2)];
    const one = await permutationTest(a, b, { permutations: 50, random: new Random(1) });
    expect(await permutationTest(a, b, { permutations: 50, random: new Random(1) })).toEqual(one);
    expect(await permutationTest(a, b, { permutations: 50, random: Random.from(one.randomState!) })).toEqual(one);
    expect(one.randomState).toEqual(new Random(1).state);
    expect(parseReport(stringifyReport(one))).toEqual(one);
    const defaults = await permutationTest(a, b, { random });
    expect(defaults.permutations).toBe(999);
  });

  it("leaves its samples alone", async () => {
    const data = Float32Array.of(3, 1, 2);
    await permutationTest({ shape: [3], data }, { shape: [1], data: [0] }, { permutations: "all" });
    expect(data).toEqual(Float32Array.of(3, 1, 2));
  });

  it("tells its progress and waits for the answer", async () => {
    const random = new Random(11);
    const [a, b] = [normal(random, 5, 1), normal(random, 5, 1)];
    for (const [permutations, times] of [
      [7, 7],
      [1000, 100],
      [1050, 96],
    ] as const) {
      const told: number[] = [];
      let waiting = 0;
      const onProgress = async (done: number, total: number): Promise<void> => {
        waiting++;
        expect([waiting, total]).toEqual([1, permutations]);
        await Promise.resolve();
        waiting--;
        told.push(done);
      };
      await permutationTest(a, b, { permutations, random, onProgress });
      expect(told.length).toBe(times);
      expect(told.at(-1)).toBe(permutations);
    }
  });

  it("stops when its signal says so", async () => {
    const signal = { aborted: false, reason: undefined as unknown };
    const options: PermutationTestOptions = {
      ...{ permutations: 20, random: new Random(1), signal },
      onProgress: (done) => {
        if (done === 3) signal.aborted = true;
      },
    };
    const run = (): Promise<unknown> => permutationTest(rows([1], [2]), rows([3]), options);
    await expect(run()).rejects.toThrow(new Error("permutationTest: aborted by its signal"));
    const reason = new Error("enough");
    signal.reason = reason;
    await expect(run()).rejects.toBe(reason);
  });

  it.each<[Samples, Samples, unknown, string]>([
    [rows([1]), rows([2]), undefined, "TypeError: permutationTest: expected options to be an object, got undefined"],
    [
      rows([1]),
      rows([2]),
      {},
      "TypeError: permutationTest: expected random to be a Random, got undefined - pass new Random(seed)",
    ],
    [
      rows([1]),
      rows([2]),
      { permutations: "all", statistic: "mmd" },
      'TypeError: permutationTest: expected statistic to be "wasserstein1" or "kolmogorovSmirnov" or "energyDistance" or "absoluteMeanShift", got "mmd"',
    ],
    [
      rows([1]),
      rows([2]),
      { permutations: 0, random: new Random(1) },
      "RangeError: permutationTest: expected permutations to be a whole number of at least 1, got 0",
    ],
    [
      rows([1]),
      rows([2]),
      { permutations: "some", random: new Random(1) },
      'TypeError: permutationTest: expected permutations to be a number, got "some"',
    ],
    [
      normal(new Random(1), 12, 1),
      normal(new Random(1), 12, 1),
      { permutations: "all" },
      'RangeError: permutationTest: expected at most 1000000 splits for permutations "all", got 12 and 12 rows - draw random permutations',
    ],
    [
      rows([1, 2]),
      rows([2]),
      { permutations: "all" },
      "ShapeError: permutationTest: expected rows of shape [2] in b, as in a, got rows of shape [1]",
    ],
    [
      rows([1]),
      rows([NaN]),
      { permutations: "all" },
      "RangeError: permutationTest: expected b to be finite, got NaN at 0",
    ],
    [
      rows([1]),
      rows([2]),
      { axis: 0 },
      "RangeError: permutationTest: expected axis to be other than 0, which counts the rows, got 0",
    ],
    [
      rows([1]),
      rows([2]),
      { axis: 2, permutations: "all" },
      "ShapeError: permutationTest: expected features on axis 2, after the rows, got shape [2, 1] - axis 1 is for [N, C] and [N, C, ...], axis -1 for channels-last samples",
    ],
  ])("refuses %j against %j with %j", async (a, b, options, message) => {
    const error: unknown = await permutationTest(a, b, options as PermutationTestOptions).catch(
      (reason: unknown) => reason,
    );
    expect(String(error)).toBe(message);
  });
});

describe("mmdTest", () => {
  const a = rows([0, 0], [1, 0], [0, 2]);
  const b = rows([1, 1], [2, 2]);

  it("tries all splits", async () => {
    const pooled = [
      [0, 0],
      [1, 0],
      [0, 2],
      [1, 1],
      [2, 2],
    ];
    const { bandwidth, mmdSquaredBiased } = maximumMeanDiscrepancy(a, b);
    const reaching = choices([0, 1, 2, 3, 4], 3).filter((chosen) => {
      const x = pooled.filter((_, i) => chosen.includes(i));
      const y = pooled.filter((_, i) => !chosen.includes(i));
      return (
        maximumMeanDiscrepancy(rows(...x), rows(...y), { bandwidth: bandwidth! }).mmdSquaredBiased >=
        mmdSquaredBiased - 1e-12
      );
    });
    expect(await mmdTest(a, b, { permutations: "all" })).toEqual({
      probe: "mmdTest",
      kinds: { observed: "exact", pValue: "exact" },
      n: 3,
      m: 2,
      bandwidth: about(1.707107),
      bandwidthFrom: "median",
      observed: about(0.433944),
      pValue: reaching.length / 10,
      permutations: 10,
      exhaustive: true,
      smallestPValue: 0.1,
      randomState: null,
      note: "no difference can be found at level 0.05: there are only 10 splits of the rows",
    });
  });

  it("finds a dependence that no feature shows by itself", async () => {
    const random = new Random(13);
    const pair = (sign: number): number[] => {
      const x = random.normal();
      return [x, sign * x + 0.1 * random.normal()];
    };
    const draw = (sign: number): Samples => rows(...Array.from({ length: 40 }, () => pair(sign)));
    const [x, y] = [draw(1), draw(-1)];
    const joint = await mmdTest(x, y, { permutations: 199, random });
    const single = await permutationTest(x, y, { permutations: 199, random });
    expect(joint.pValue).toBe(0.005);
    expect(Math.min(...single.pValues)).toBeGreaterThan(0.05);
    expect((await mmdTest(x, draw(1), { permutations: 199, random })).pValue).toBeGreaterThan(0.05);
  });

  it("says how it was made", async () => {
    const report = await mmdTest(a, b, { permutations: 30, random: new Random(1), bandwidth: 2 });
    expect(report).toMatchObject({
      bandwidth: 2,
      bandwidthFrom: "given",
      exhaustive: false,
      kinds: { pValue: "estimate" },
    });
    expect(await mmdTest(a, b, { permutations: 30, random: Random.from(report.randomState!), bandwidth: 2 })).toEqual(
      report,
    );
    expect(parseReport(stringifyReport(report))).toEqual(report);
  });

  it("finds nothing where all rows are equal", async () => {
    const report = await mmdTest(rows([7], [7]), rows([7], [7]), { permutations: "all" });
    expect(report).toMatchObject({ observed: 0, pValue: 1, bandwidth: null });
  });

  it("refuses what it cannot use", async () => {
    const error: unknown = await mmdTest(a, b, {}).catch((reason: unknown) => reason);
    expect(String(error)).toBe(
      "TypeError: mmdTest: expected random to be a Random, got undefined - pass new Random(seed)",
    );
  });
});

describe("benjaminiHochberg", () => {
  it("gives the worked values", () => {
    expect(benjaminiHochberg([0.001, 0.02, 0.03, 0.2, 0.5])).toEqual(allAbout([0.005, 0.05, 0.05, 0.25, 0.5], 15));
    expect(benjaminiHochberg([])).toEqual([]);
    expect(benjaminiHochberg([0.3])).toEqual([0.3]);
  });

  it("agrees with the definition, in any order", () => {
    const p = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.05, 1));
    fc.assert(
      fc.property(fc.array(p, { minLength: 1, maxLength: 20 }), (pValues) => {
        const sorted = [...pValues].sort((x, y) => x - y);
        const wanted = pValues.map((own) => {
          const candidates = sorted.map((value, j) => ({ value, adjusted: (value * sorted.length) / (j + 1) }));
          return Math.min(...candidates.filter(({ value }) => value >= own).map(({ adjusted }) => adjusted));
        });
        const adjusted = benjaminiHochberg(Object.freeze(pValues));
        expect(adjusted).toEqual(allAbout(wanted, 14));
        adjusted.forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual(pValues[i]!);
          expect(value).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it("leaves the largest p-value exactly as it is", () => {
    for (let i = 1; i < 100; i++) {
      const same = new Array<number>(49).fill(i / 100);
      expect(benjaminiHochberg(same)).toEqual(same);
    }
  });

  it.each([
    [[0.1, 1.1], "RangeError: benjaminiHochberg: expected each p-value in [0, 1], got 1.1"],
    [[NaN], "RangeError: benjaminiHochberg: expected pValues to be finite, got NaN at 0"],
  ])("refuses %j", (pValues, message) => {
    expect(thrownBy(() => benjaminiHochberg(pValues))).toBe(message);
  });
});
