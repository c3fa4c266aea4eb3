import { mergeMoments, momentsOf, momentStatistics, noMoments } from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { about } from "../support/about.js";
import { Random } from "../../src/core/random.js";
import { expectClose } from "../support/close.js";
import { plainNumber } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const numbers = (minLength: number): fc.Arbitrary<number[]> => fc.array(plainNumber(1e3), { minLength, maxLength: 40 });
const list = ({ count, mean, m2, m3, m4 }: ReturnType<typeof momentsOf>): number[] => [count, mean, m2, m3, m4];

/** The sums as their definition says, about the mean; slow, and right. */
function byDefinition(values: readonly number[]): number[] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const sum = (k: number): number => values.reduce((total, x) => total + (x - mean) ** k, 0);
  return [values.length, mean, sum(2), sum(3), sum(4)];
}

/** What the sums of such values may be off by: round-off of their own size. */
function expectSums(actual: readonly number[], expected: readonly number[], spread: number): void {
  const n = expected[0]!;
  expect(actual[0]).toBe(n);
  expect(Math.abs(actual[1]! - expected[1]!)).toBeLessThanOrEqual(1e-13 * spread);
  for (const k of [2, 3, 4]) {
    expect(Math.abs(actual[k]! - expected[k]!), `M${k}`).toBeLessThanOrEqual(1e-12 * n * spread ** k);
  }
}

describe("momentsOf", () => {
  it("gives the worked sums", () => {
    expect(momentsOf([1, 2, 2, 5])).toEqual({ count: 4, mean: 2.5, m2: 9, m3: 12, m4: 44.25 });
  });

  it("agrees with the definition", () => {
    fc.assert(
      fc.property(numbers(1), (values) => {
        expectSums(list(momentsOf(values)), byDefinition(values), 1e3);
      }),
    );
  });

  it.each([0, 1, -3.7, 1e-300, 1e300, 0.1])("finds exactly no spread in %d, %d, %d", (value) => {
    for (const count of [1, 2, 3, 7, 100]) {
      expect(momentsOf(new Array<number>(count).fill(value))).toEqual({ count, mean: value, m2: 0, m3: 0, m4: 0 });
    }
  });

  it("keeps its digits where the mean is 1e8 times the standard deviation", () => {
    const random = new Random(3);
    // multiples of 2^-20, so that 1e8 + x is exact and both samples have the same central sums
    const x = Array.from({ length: 2000 }, () => Math.round(random.normal() * 2 ** 20) / 2 ** 20);
    const near = momentStatistics(momentsOf(x));
    const far = momentStatistics(momentsOf(x.map((value) => 1e8 + value)));
    expectClose("variance", [far.variance!], [near.variance!], 1e-14);
    expect(far.skewness).toBeCloseTo(near.skewness!, 13);
    expect(far.kurtosisExcess).toBeCloseTo(near.kurtosisExcess!, 13);
  });

  it("finds the mean of many values to its last digits", () => {
    const random = new Random(5);
    const x = Array.from({ length: 100_000 }, () => random.normal());
    // Neumaier's sum, which keeps what each addition rounds away
    let sum = 0;
    let rest = 0;
    for (const value of x) {
      const next = sum + value;
      rest += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
    }
    expect(Math.abs(momentsOf(x).mean - (sum + rest) / x.length)).toBeLessThan(5e-16);
  });

  it("knows the spread of neighbors, whose mean is no number of double precision", () => {
    const step = 2 ** -52;
    const { m2, m3, m4 } = momentsOf([1, 1, 1 + step]);
    // about 1 + step/3: deviations -1/3, -1/3, 2/3 of a step
    expectClose("sums", [m2 / step ** 2, m3 / step ** 3, m4 / step ** 4], [2 / 3, 2 / 9, 2 / 9], 1e-14);
  });

  it("keeps its digits in a stream of blocks at 1e8", () => {
    const random = new Random(4);
    const x = Array.from({ length: 100 }, () => Array.from({ length: 50 }, () => 1e8 + random.normal()));
    const stream = momentStatistics(x.reduce((sums, block) => mergeMoments(sums, momentsOf(block)), noMoments));
    const whole = momentStatistics(momentsOf(x.flat().map((value) => value - 1e8)));
    expectClose("variance", [stream.variance!], [whole.variance!], 1e-8);
    expect(stream.skewness).toBeCloseTo(whole.skewness!, 7);
    expect(stream.kurtosisExcess).toBeCloseTo(whole.kurtosisExcess!, 7);
  });

  it("leaves its argument alone and takes any list", () => {
    const values = Object.freeze([1, 2, 2, 5]);
    expect(momentsOf(values)).toEqual(momentsOf(Float32Array.of(1, 2, 2, 5)));
  });

  it.each([
    [[1, NaN], "RangeError: momentsOf: expected values to be finite, got NaN at 1"],
    [[Infinity], "RangeError: momentsOf: expected values to be finite, got Infinity at 0"],
    [["1"], 'TypeError: momentsOf: expected values to hold numbers, got "1" at 0'],
    [3, "TypeError: momentsOf: expected values to be an array of numbers, got 3"],
    [null, "TypeError: momentsOf: expected values to be an array of numbers, got null"],
  ])("refuses %j", (values, message) => {
    expect(thrownBy(() => momentsOf(values as number[]))).toBe(message);
  });
});

describe("mergeMoments", () => {
  it("gives the sums of both samples", () => {
    fc.assert(
      fc.property(numbers(0), numbers(1), (a, b) => {
        const merged = mergeMoments(momentsOf(a), momentsOf(b));
        expectSums(list(merged), list(momentsOf([...a, ...b])), 1e3);
      }),
    );
  });

  it("does not care for the order, nor for the parts", () => {
    fc.assert(
      fc.property(numbers(1), numbers(1), numbers(1), (a, b, c) => {
        const [x, y, z] = [momentsOf(a), momentsOf(b), momentsOf(c)];
        const whole = list(mergeMoments(mergeMoments(x, y), z));
        expectSums(list(mergeMoments(x, mergeMoments(z, y))), whole, 1e3);
      }),
    );
  });

  it("takes values one by one", () => {
    const stream = [1, 2, 2, 5].reduce((sums, x) => mergeMoments(sums, momentsOf([x])), noMoments);
    expectClose("sums", list(stream), [4, 2.5, 9, 12, 44.25], 1e-15);
  });

  it("adds nothing for nothing", () => {
    const some = momentsOf([1, 2]);
    expect(mergeMoments(noMoments, some)).toEqual(some);
    expect(mergeMoments(some, noMoments)).toEqual(some);
    expect(momentsOf([])).toEqual(noMoments);
  });
});

describe("momentStatistics", () => {
  it("gives the worked figures", () => {
    expect(momentStatistics(momentsOf([1, 2, 2, 5]))).toEqual({
      count: 4,
      mean: 2.5,
      variance: 2.25,
      varianceUnbiased: 3,
      std: 1.5,
      skewness: about(0.888889),
      skewnessUnbiased: about(1.539601),
      kurtosisExcess: about(-0.814815),
      kurtosisPearson: about(2.185185),
      kurtosisExcessUnbiased: about(2.888889),
      reasons: {},
    });
  });

  it("says what is not defined, and why", () => {
    expect(momentStatistics(noMoments)).toEqual({
      count: 0,
      ...nulls("mean", "variance", "varianceUnbiased", "std", ...shape),
      reasons: reasons("no finite values", "mean", "variance", "varianceUnbiased", "std", ...shape),
    });
    expect(momentStatistics(momentsOf([7]))).toEqual({
      ...{ count: 1, mean: 7, variance: 0, std: 0 },
      ...nulls("varianceUnbiased", ...shape),
      reasons: {
        ...reasons("the variance is 0", "skewness", "kurtosisExcess", "kurtosisPearson"),
        varianceUnbiased: "fewer than 2 finite values",
        skewnessUnbiased: "fewer than 3 finite values",
        kurtosisExcessUnbiased: "fewer than 4 finite values",
      },
    });
    expect(momentStatistics(momentsOf([1, 2, 4])).reasons).toEqual({
      kurtosisExcessUnbiased: "fewer than 4 finite values",
    });
    expect(momentStatistics(momentsOf([3, 3, 3, 3]))).toMatchObject({
      ...{ mean: 3, variance: 0, varianceUnbiased: 0, std: 0 },
      ...nulls(...shape),
      reasons: reasons("the variance is 0", ...shape),
    });
  });

  it("says when a figure leaves double precision", () => {
    const { kurtosisExcess, skewness, variance, reasons } = momentStatistics(momentsOf([1e100, 2e100, 2e100, 5e100]));
    expect({ skewness, kurtosisExcess }).toEqual({ skewness: about(0.888889), kurtosisExcess: null });
    expect(variance! / 1e200).toBeCloseTo(2.25, 12);
    expect(reasons.kurtosisExcess).toBe("beyond double precision");
  });

  it("gives no skewness or kurtosis whose digits underflow has taken", () => {
    const scaled = (scale: number): unknown => momentStatistics(momentsOf([1, 2, 2, 5].map((x) => x * scale)));
    for (const scale of [1e-70, 1e70]) {
      expect(scaled(scale)).toMatchObject({ skewness: about(0.888889), kurtosisExcess: about(-0.814815), reasons: {} });
    }
    expect(scaled(1e-80)).toMatchObject({
      ...{ skewness: about(0.888889), kurtosisExcess: null },
      ...{ reasons: { kurtosisExcess: "beyond double precision" } },
    });
    expect(scaled(1e-100)).toMatchObject({ skewness: null, kurtosisExcess: null });
  });
});

const shape = ["skewness", "skewnessUnbiased", "kurtosisExcess", "kurtosisPearson", "kurtosisExcessUnbiased"];
const nulls = (...names: string[]): Record<string, null> => Object.fromEntries(names.map((name) => [name, null]));
const reasons = (reason: string, ...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, reason]));
