import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  addScaled,
  angleBetween,
  distance,
  dot,
  isFiniteVector,
  norm,
  randomDirection,
  randomNormal,
  randomSigns,
  scaled,
} from "../../src/objective/vector.js";

const of = (...values: number[]): Float64Array => Float64Array.of(...values);

describe("the angle between two vectors", () => {
  it("is that of a turn in the plane, to round-off, whatever the lengths", () => {
    const angles = [0, 1e-12, 1e-5, 0.01, 0.3, 1, Math.PI / 2, 2, 3, Math.PI - 1e-6, Math.PI];
    for (const angle of angles) {
      for (const [a, b] of [
        [1, 1],
        [1e-200, 1e200],
        [3, 1e-9],
      ] as const) {
        // prettier-ignore
        const found = angleBetween(of(a, 0), of(b * Math.cos(angle), b * Math.sin(angle)));
        expect(Math.abs(found - angle)).toBeLessThanOrEqual(Math.max(4e-16 * angle, 3e-16));
      }
    }
  });

  it("agrees with the arc cosine between random vectors", () => {
    const random = new Random(1);
    for (let i = 0; i < 50; i++) {
      const [a, b] = [randomNormal(7, random), randomNormal(7, random)];
      expect(angleBetween(a, b)).toBeCloseTo(Math.acos(dot(a, b) / norm(a) / norm(b)), 13);
    }
  });
});

describe("vector arithmetic", () => {
  it("has the values of the definitions", () => {
    expect(dot(of(1, 2, 3), of(4, -5, 6))).toBe(12);
    expect(norm(of(3, 4))).toBe(5);
    expect(distance(of(1, 1), of(4, 5))).toBe(5);
    expect(addScaled(of(1, 2), -0.5, of(4, 8))).toEqual(of(-1, -2));
    expect(scaled(3, of(1, -2))).toEqual(of(3, -6));
  });

  it("leaves its arguments as they were", () => {
    const a = of(1, 2);
    const b = of(3, 4);
    dot(a, b);
    norm(a);
    distance(a, b);
    addScaled(a, 2, b);
    scaled(2, a);
    expect([a, b]).toEqual([of(1, 2), of(3, 4)]);
  });

  it.each([1e-300, 1e-200, 1, 1e200, 1e307])("measures (3, 4) * %s", (size) => {
    expect(norm(of(3 * size, 4 * size)) / (5 * size)).toBeCloseTo(1, 14);
  });

  it("has a norm for zeros, infinities and NaN", () => {
    expect(norm(of())).toBe(0);
    expect(norm(of(0, 0))).toBe(0);
    expect(norm(of(1, -Infinity))).toBe(Infinity);
    expect(norm(of(1, NaN))).toBeNaN();
    expect(isFiniteVector(of(1, 2))).toBe(true);
    expect(isFiniteVector(of(1, NaN))).toBe(false);
    expect(isFiniteVector(of(-Infinity, 1))).toBe(false);
  });

  it("refuses vectors of different lengths", () => {
    expect(() => dot(of(1), of(1, 2))).toThrow("dot: expected b to have 1 values, got 2");
    expect(() => addScaled(of(1, 2), 1, of(1))).toThrow("addScaled: expected b to have 2 values, got 1");
    expect(() => distance(of(1, 2), of(1))).toThrow("addScaled: expected b to have 2 values, got 1");
  });
});

describe("random vectors", () => {
  it("are the same for the same seed", () => {
    for (const draw of [randomNormal, randomDirection, randomSigns]) {
      expect(draw(5, new Random(7))).toEqual(draw(5, new Random(7)));
      expect(draw(5, new Random(7))).not.toEqual(draw(5, new Random(8)));
    }
  });

  it("have the mean and the variance of their distribution", () => {
    for (const draw of [randomNormal, randomSigns]) {
      const values = draw(10_000, new Random(1));
      expect(dot(values, new Float64Array(10_000).fill(1e-4))).toBeCloseTo(0, 1);
      expect(dot(values, values) / 10_000).toBeCloseTo(1, 1);
    }
    expect(randomSigns(100, new Random(1)).every((sign) => Math.abs(sign) === 1)).toBe(true);
  });

  it("point every way alike", () => {
    const random = new Random(2);
    const directions = Array.from({ length: 4000 }, () => randomDirection(2, random));
    for (const direction of directions) expect(norm(direction)).toBeCloseTo(1, 14);
    // The share within 30 degrees of an axis: two thirds of the circle. Directions from a square would favor the diagonals.
    const nearAxis = directions.filter((d) => Math.min(Math.abs(d[0]!), Math.abs(d[1]!)) < 0.5).length;
    expect(nearAxis / 4000).toBeCloseTo(2 / 3, 1);
  });
});

it("signs are +1 where the next bits of the stream are below one half", () => {
  const bits = new Random(7);
  const expected = Array.from({ length: 64 }, () => (bits.bits() < 2 ** 31 ? 1 : -1));
  expect([...randomSigns(64, new Random(7))]).toEqual(expected);
  expect(new Set(expected)).toEqual(new Set([1, -1]));
});
