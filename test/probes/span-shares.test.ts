/** spanShares: the part of a vector that lies in a span, against closed forms. */
import { spanShares } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { randomNormal, scaled } from "../../src/objective/vector.js";
import { allAbout } from "../support/about.js";

describe("the share of a vector in a span", () => {
  it("of one vector is the squared cosine", () => {
    const angles = [0, 0.3, 1, Math.PI / 2, 2, Math.PI];
    const { shares } = spanShares(
      angles.map((angle) => [Math.cos(angle), Math.sin(angle)]),
      [[3, 0]],
    );
    expect(shares).toEqual(allAbout(angles.map((angle) => Math.cos(angle) ** 2), 14)); // prettier-ignore
  });

  it("of vectors that are neither orthogonal nor of length 1 is that of the plane they span", () => {
    const report = spanShares([[1, 2, 2], [3, 4, 0]], [[1, 1, 0], [5, -2, 0]]); // prettier-ignore
    expect(report).toMatchObject({ probe: "spanShares", rank: 2, dimension: 3, reasons: {} });
    expect(report.shares).toEqual(allAbout([5 / 9, 1], 14));
    expect(report.chance).toBeCloseTo(2 / 3, 15);
  });

  it("does not depend on lengths and signs, however large or small", () => {
    const random = new Random(1);
    const [vectors, span] = [3, 4].map((count) => Array.from({ length: count }, () => randomNormal(9, random)));
    const { shares } = spanShares(vectors!, span!);
    for (const factor of [1e-300, -1, 1e300]) {
      const other = spanShares(vectors!.map((v) => scaled(1 / factor, v)), span!.map((v) => scaled(factor, v))); // prettier-ignore
      expect(other.shares).toEqual(allAbout(shares as number[], 12));
    }
    expect(spanShares([[1e308, 1e308, 1e308, 1e308]], [[1e308, 0, 0, 0]]).shares).toEqual(allAbout([0.25], 14));
  });

  it("sums to 1 over a space and its complement", () => {
    const random = new Random(2);
    const all = Array.from({ length: 6 }, () => randomNormal(6, random));
    const inside = all.slice(0, 2);
    // v minus its parts along two vectors, by the normal equations
    const gram = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const [a, b] = inside as [Float64Array, Float64Array];
    const determinant = gram(a, a) * gram(b, b) - gram(a, b) ** 2;
    for (const v of all.slice(2)) {
      const x = (gram(v, a) * gram(b, b) - gram(v, b) * gram(a, b)) / determinant;
      const y = (gram(v, b) * gram(a, a) - gram(v, a) * gram(a, b)) / determinant;
      const rest = v.map((value, i) => value - x * a[i]! - y * b[i]!);
      expect(spanShares([v], inside).shares[0]).toBeCloseTo(1 - gram(rest, rest) / gram(v, v), 12);
      expect(spanShares([rest], inside).shares[0]).toBeCloseTo(0, 14);
    }
  });

  it("averages to chance over random directions", () => {
    const random = new Random(3);
    const span = Array.from({ length: 5 }, () => randomNormal(50, random));
    const { shares, chance } = spanShares(Array.from({ length: 400 }, () => randomNormal(50, random)), span); // prettier-ignore
    expect(chance).toBe(0.1);
    const mean = shares.reduce<number>((sum, share) => sum + share!, 0) / shares.length;
    // The standard error is .04 / sqrt(400).
    expect(Math.abs(mean - chance)).toBeLessThan(0.008);
  });
});

describe("a span of dependent vectors", () => {
  it("has the rank of the independent ones, in whatever order", () => {
    const random = new Random(4);
    const [a, b] = [randomNormal(8, random), randomNormal(8, random)] as const;
    const sum = a.map((value, i) => 2 * value - 3 * b[i]!);
    const vectors = [randomNormal(8, random), a];
    const { shares } = spanShares(vectors, [a, b]);
    for (const span of [
      [a, b, sum],
      [sum, a, b],
      [a, a, sum, new Float64Array(8), scaled(1e-9, b), b],
    ]) {
      // prettier-ignore
      const report = spanShares(vectors, span);
      expect(report.rank).toBe(2);
      expect(report.shares).toEqual(allAbout(shares as number[], 12));
    }
  });

  it("loses a direction below 1e-10 of a vector, and keeps one above", () => {
    for (const [tilt, rank] of [
      [1e-11, 1],
      [1e-9, 2],
    ] as const) {
      // prettier-ignore
      const report = spanShares([[0, 1, 0]], [[1, 0, 0], [1, tilt, 0]]); // prettier-ignore
      expect([tilt, report.rank]).toEqual([tilt, rank]);
      expect(report.shares[0]).toBeCloseTo(rank - 1, 12);
    }
  });

  it("that is the whole space has a share of 1, never above", () => {
    const random = new Random(5);
    for (let trial = 0; trial < 50; trial++) {
      const { shares, rank } = spanShares([randomNormal(4, random)], Array.from({ length: 7 }, () => randomNormal(4, random))); // prettier-ignore
      expect(rank).toBe(4);
      expect(shares[0]).toBeLessThanOrEqual(1);
      expect(shares[0]).toBeCloseTo(1, 12);
    }
  });

  it("of zeros has rank 0, and a vector of 0 has no share", () => {
    expect(spanShares([[1, 2]], [[0, 0]])).toMatchObject({ rank: 0, chance: 0, shares: [0] });
    const report = spanShares([[1, 0], [0, 0]], [[1, 0]]); // prettier-ignore
    expect(report.shares).toEqual([1, null]);
    expect(report.reasons).toEqual({ "shares[1]": "the vector is 0" });
  });
});

it.each<[string, unknown, unknown, string]>([
  ["vectors of another length", [[1, 2]], [[1, 2, 3]], "ShapeError: spanShares: expected span[0] "],
  ["no span", [[1, 2]], [], "TypeError: spanShares: expected span to be an array of at least 1 vector"],
  [
    "one vector for a list",
    Float64Array.of(1, 2),
    [[1, 2]],
    "TypeError: spanShares: expected vectors to be an array of",
  ],
  ["a number for a vector", [1, 2], [[1, 2]], "TypeError: spanShares: expected vectors[0] to be an array of numbers"],
  ["a value that is not finite", [[1, NaN]], [[1, 2]], "RangeError: spanShares: expected vectors[0] to be finite"],
  ["an empty vector", [[]], [[]], "ShapeError: spanShares: expected vectors[0] to have at least 1 value"],
])("refuses %s", (_, vectors, span, message) => {
  let thrown = "";
  try {
    spanShares(vectors as number[][], span as number[][]);
  } catch (error) {
    thrown = String(error);
  }
  expect(thrown.slice(0, message.length)).toBe(message);
});
