import {
  compareSamples,
  energyDistance,
  gaussianDistances,
  kolmogorovSmirnov,
  momentsOf,
  noMoments,
  parseReport,
  stringifyReport,
  wasserstein1,
} from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { about } from "../support/about.js";
import { plainNumber, withShuffled } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const value = fc.oneof(plainNumber(50), fc.integer({ min: -3, max: 3 }));
const sample = fc.array(value, { minLength: 1, maxLength: 25 });

/** The distances as their definitions say, by all pairs and all values; slow, and right. */
function byDefinition(a: readonly number[], b: readonly number[]): Record<string, number> {
  const z = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const part = (values: readonly number[], at: number): number => values.filter((v) => v <= at).length / values.length;
  const difference = z.map((at) => Math.abs(part(a, at) - part(b, at)));
  const pairs = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, u) => sum + y.reduce((inner, v) => inner + Math.abs(u - v), 0), 0) / (x.length * y.length);
  return {
    wasserstein1: z.slice(1).reduce((sum, next, k) => sum + difference[k]! * (next - z[k]!), 0),
    kolmogorovSmirnov: Math.max(...difference),
    energyDistanceSquared: 2 * pairs(a, b) - pairs(a, a) - pairs(b, b),
  };
}

describe("compareSamples", () => {
  it("gives the worked figures", () => {
    expect(compareSamples([1, 2, 2, 5], [0, 2, 4])).toEqual({
      probe: "compareSamples",
      kinds: expect.objectContaining({ wasserstein1: "exact", klGaussAB: "exact" }) as unknown,
      n: 4,
      m: 3,
      wasserstein1: about(0.833333),
      wasserstein1Relative: about(0.531494),
      wasserstein2: null,
      kolmogorovSmirnov: about(0.333333),
      energyDistance: about(0.62361),
      energyDistanceSquared: about(0.388889),
      meanShift: -0.5,
      absoluteMeanShift: 0.5,
      stdRatio: about(1.088662),
      wasserstein2GaussSquared: about(0.267687),
      klGaussAB: about(0.0537),
      klGaussBA: about(0.063199),
      klGaussSymmetric: about(0.116898),
      klGaussABUnbiased: about(0.050091),
      reasons: { wasserstein2: "the sizes differ: 4 and 3" },
    });
    expect(compareSamples([0, 1, 3], [5, 6, 8])).toMatchObject({ wasserstein1: 5, wasserstein2: 5, meanShift: 5 });
  });

  it("agrees with the definitions, ties and unequal sizes included", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const got = compareSamples(a, b);
        const wanted = byDefinition(a, b);
        expect(got.wasserstein1).toBeCloseTo(wanted.wasserstein1!, 10);
        expect(got.kolmogorovSmirnov).toBeCloseTo(wanted.kolmogorovSmirnov!, 14);
        expect(got.energyDistanceSquared).toBeCloseTo(wanted.energyDistanceSquared!, 10);
        expect(got.energyDistance ** 2).toBeCloseTo(got.energyDistanceSquared, 10);
      }),
    );
  });

  it("pairs samples of one size in order of size", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 25 }), (pairs) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)].map((list) => list.sort((x, y) => x - y));
        const moved = a!.map((x, i) => Math.abs(x - b![i]!));
        const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
        const got = compareSamples(a!, b!);
        expect(got.wasserstein1).toBeCloseTo(mean(moved), 10);
        expect(got.wasserstein2).toBeCloseTo(Math.sqrt(mean(moved.map((d) => d * d))), 10);
      }),
    );
  });

  it("gives exactly 0 for identical, permuted and repeated samples", () => {
    const shuffled = withShuffled(sample);
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 4 }), ([a, other], times) => {
        const spread = a.some((x) => x !== a[0]);
        expect(compareSamples(a, other)).toMatchObject({
          ...{ wasserstein1: 0, wasserstein1Relative: 0, wasserstein2: 0, kolmogorovSmirnov: 0 },
          ...{ energyDistance: 0, energyDistanceSquared: 0, meanShift: 0, absoluteMeanShift: 0 },
          ...{ wasserstein2GaussSquared: 0, stdRatio: spread ? 1 : null },
          ...{ klGaussAB: spread ? 0 : null, klGaussBA: spread ? 0 : null, klGaussSymmetric: spread ? 0 : null },
        });
        const repeated = Array.from({ length: times }, () => other).flat();
        const { wasserstein1, kolmogorovSmirnov, energyDistance } = compareSamples(a, repeated);
        expect({ wasserstein1, kolmogorovSmirnov, energyDistance }).toEqual({
          ...{ wasserstein1: 0, kolmogorovSmirnov: 0, energyDistance: 0 },
        });
      }),
    );
  });

  it("is the same from b to a, or turns round, as its name says", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const [there, back] = [compareSamples(a, b), compareSamples(b, a)];
        expect(back).toMatchObject({
          wasserstein1: there.wasserstein1,
          wasserstein1Relative: there.wasserstein1Relative,
          wasserstein2: there.wasserstein2,
          kolmogorovSmirnov: there.kolmogorovSmirnov,
          energyDistance: there.energyDistance,
          absoluteMeanShift: there.absoluteMeanShift,
          wasserstein2GaussSquared: there.wasserstein2GaussSquared,
          klGaussAB: there.klGaussBA,
          klGaussBA: there.klGaussAB,
          klGaussSymmetric: there.klGaussSymmetric,
        });
        expect(back.meanShift).toBe(0 - there.meanShift!);
      }),
    );
  });

  it("keeps to its bounds", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const d = compareSamples(a, b);
        expect(d.kolmogorovSmirnov).toBeGreaterThanOrEqual(0);
        expect(d.kolmogorovSmirnov).toBeLessThanOrEqual(1);
        expect(d.wasserstein1).toBeGreaterThanOrEqual(d.absoluteMeanShift! * (1 - 1e-12) - 1e-12);
        expect(d.energyDistanceSquared).toBeLessThanOrEqual(2 * d.wasserstein1 * (1 + 1e-12));
        for (const kl of [d.klGaussAB, d.klGaussBA]) expect(kl ?? 0).toBeGreaterThanOrEqual(0);
        expect(Object.values(d)).not.toContain(NaN);
      }),
    );
  });

  it("has no KL below 0 where two samples are all but equal", () => {
    for (let k = 1; k < 1000; k++) {
      const a = [0, k, 3 * k];
      const { klGaussAB, klGaussBA } = compareSamples(
        a,
        a.map((x) => x * (1 + 2 ** -40)),
      );
      expect(Math.min(klGaussAB!, klGaussBA!)).toBeGreaterThanOrEqual(0);
    }
  });

  it("scales with its unit", () => {
    fc.assert(
      fc.property(sample, sample, fc.constantFrom(2, 0.125, 64), (a, b, k) => {
        const [d, scaled] = [
          compareSamples(a, b),
          compareSamples(
            a.map((x) => x * k),
            b.map((x) => x * k),
          ),
        ];
        expect(scaled.wasserstein1).toBe(k * d.wasserstein1);
        expect(scaled.energyDistanceSquared).toBe(k * d.energyDistanceSquared);
        expect(scaled).toMatchObject({ kolmogorovSmirnov: d.kolmogorovSmirnov, stdRatio: d.stdRatio });
        if (d.wasserstein1Relative !== null)
          expect(scaled.wasserstein1Relative).toBeCloseTo(d.wasserstein1Relative, 12);
      }),
    );
  });

  it("finds the known distance of normal samples", () => {
    const random = new Random(2);
    const draw = (mean: number, std: number): Float64Array =>
      Float64Array.from({ length: 20000 }, () => random.normal(mean, std));
    const d = compareSamples(draw(0, 1), draw(1, 1));
    // W1 = 1, max |F - G| = 2 Phi(1/2) - 1, KL = 1/2
    expect(d.wasserstein1).toBeCloseTo(1, 1);
    expect(Math.abs(d.kolmogorovSmirnov - 0.3829)).toBeLessThan(0.02);
    expect(Math.abs(d.klGaussAB! - 0.5)).toBeLessThan(0.03);
    // KL(N(0,1) || N(0,2^2)) = ln 2 - 3/8; W1 = sqrt(2/pi)
    const wide = compareSamples(draw(0, 1), draw(0, 2));
    expect(Math.abs(wide.klGaussAB! - 0.318147)).toBeLessThan(0.02);
    expect(Math.abs(wide.wasserstein1 - 0.797885)).toBeLessThan(0.03);
  });

  it("compares constants", () => {
    const [some, other] = [compareSamples([2, 2], [5, 5, 5]), compareSamples([3], [3, 3])];
    expect(some).toMatchObject({
      ...{ wasserstein1: 3, kolmogorovSmirnov: 1, energyDistance: about(Math.sqrt(6), 14), meanShift: 3 },
      ...{ wasserstein1Relative: null, klGaussAB: null, klGaussBA: null, klGaussSymmetric: null, stdRatio: null },
      ...{ wasserstein2GaussSquared: 9, wasserstein2: null },
    });
    expect(some.reasons).toEqual({
      wasserstein1Relative: "both variances are 0",
      wasserstein2: "the sizes differ: 2 and 3",
      stdRatio: "the variance of a is 0",
      klGaussAB: "the variance of a and b is 0",
      klGaussBA: "the variance of a and b is 0",
      klGaussSymmetric: "the variance of a and b is 0",
      klGaussABUnbiased: "the variance of a and b is 0",
    });
    expect(other).toMatchObject({ wasserstein1: 0, wasserstein1Relative: 0, kolmogorovSmirnov: 0, klGaussAB: null });
    expect(other.reasons.klGaussABUnbiased).toBe("fewer than 2 values have no unbiased variance");
    expect(compareSamples([0, 4], [5, 5])).toMatchObject({
      stdRatio: 0,
      klGaussAB: null,
      wasserstein1Relative: 3 / Math.SQRT2,
    });
    expect(compareSamples([5, 5], [0, 4])).toMatchObject({ stdRatio: null, klGaussBA: null });
  });

  it("lets infinity be a value, and NaN never come", () => {
    const d = compareSamples([0, 1e-150], [0, 1e150]);
    expect(d).toMatchObject({ klGaussBA: Infinity, klGaussSymmetric: Infinity });
    expect(Number.isFinite(d.klGaussAB)).toBe(true);
    const far = compareSamples([-1.7e308, 1.7e308], [1, 2]);
    expect(far.meanShift).toBeNull();
    expect(far.reasons.meanShift).toBe("beyond double precision");
    for (const report of [d, far]) {
      expect(Object.values(report)).not.toContain(NaN);
      expect(parseReport(stringifyReport(report))).toEqual(report);
    }
  });

  it("leaves its arguments alone and gives the same again", () => {
    const [a, b] = [Float32Array.of(5, 2, 1, 2), [4, 0, 2]];
    const first = compareSamples(a, b);
    expect([a, b]).toEqual([Float32Array.of(5, 2, 1, 2), [4, 0, 2]]);
    expect(compareSamples(a, b)).toEqual(first);
    expect(compareSamples([1, 2, 2, 5], Float64Array.of(0, 2, 4))).toEqual(first);
  });

  it("has each first distance by itself", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const d = compareSamples(a, b);
        expect(wasserstein1(a, b)).toBe(d.wasserstein1);
        expect(kolmogorovSmirnov(a, b)).toBe(d.kolmogorovSmirnov);
        expect(energyDistance(a, b)).toBe(d.energyDistance);
      }),
    );
  });

  it.each<[unknown, unknown, string]>([
    [[], [1], "ShapeError: compareSamples: expected a to have at least 1 value, got 0"],
    [[1], [], "ShapeError: compareSamples: expected b to have at least 1 value, got 0"],
    [[1, NaN], [1], "RangeError: compareSamples: expected a to be finite, got NaN at 1"],
    [[1], [-Infinity], "RangeError: compareSamples: expected b to be finite, got -Infinity at 0"],
    [{ shape: [1], data: [1] }, [1], "TypeError: compareSamples: expected a to be an array of numbers, got an object"],
  ])("refuses %j against %j", (a, b, message) => {
    expect(thrownBy(() => compareSamples(a as number[], b as number[]))).toBe(message);
  });

  it("is named in the errors of its parts", () => {
    for (const distance of [wasserstein1, kolmogorovSmirnov, energyDistance]) {
      expect(thrownBy(() => distance([1], [NaN]))).toBe(
        `RangeError: ${distance.name}: expected b to be finite, got NaN at 0`,
      );
    }
  });
});

describe("gaussianDistances", () => {
  it("needs the moments alone", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const d = gaussianDistances(momentsOf(a), momentsOf(b));
        const whole = compareSamples(a, b);
        expect(d.meanShift).toBeCloseTo(whole.meanShift!, 10);
        expect(d.wasserstein2GaussSquared).toBeCloseTo(whole.wasserstein2GaussSquared!, 8);
      }),
    );
  });

  it("refuses nothing at all", () => {
    const message = "RangeError: gaussianDistances: expected b to have at least 1 value, got 0";
    expect(thrownBy(() => gaussianDistances(momentsOf([1]), noMoments))).toBe(message);
    expect(thrownBy(() => gaussianDistances(noMoments, momentsOf([1])))).toBe(message.replace(" b ", " a "));
  });
});
