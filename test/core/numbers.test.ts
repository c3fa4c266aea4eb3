/** exp of our own, beside the engine's: at every kind of argument, the ends of the range included. */
import { describe, expect, it } from "vitest";
import { exp, sigmoid } from "../../src/core/math.js";
import { Random } from "../../src/core/random.js";

const number = new Float64Array(1);
const bits = new BigInt64Array(number.buffer);

/** How many numbers lie between two positive ones. */
function distance(a: number, b: number): number {
  const code = (value: number): bigint => ((number[0] = value), bits[0]!);
  return Math.abs(Number(code(a) - code(b)));
}

describe("exp", () => {
  it.each([
    ["where the power of 2 is a normal number", -708, 709],
    ["near 0", -1, 1],
    ["where it nears infinity", 708, 709.782712893384],
    ["where it becomes subnormal", -745, -707],
  ])("is within 2 units of the engine's %s", (_, low, high) => {
    const random = new Random(1);
    for (let i = 0; i < 20_000; i++) {
      const x = random.uniform(low, high);
      expect(distance(exp(x), Math.exp(x)), String(x)).toBeLessThanOrEqual(2);
    }
  });

  it("has no seam where its parts meet", () => {
    for (const seam of [-708, 709]) {
      const [below, at, above] = [seam - 1e-9, seam, seam + 1e-9].map(exp) as [number, number, number];
      expect(below < at && at < above).toBe(true);
      expect(distance(at, Math.exp(seam))).toBeLessThanOrEqual(2);
    }
  });

  it("ends at 0 and at Infinity, and NaN stays NaN", () => {
    expect([-Infinity, -1e308, -746].map(exp)).toEqual([0, 0, 0]);
    expect([Infinity, 1e308, 709.79].map(exp)).toEqual([Infinity, Infinity, Infinity]);
    expect(distance(exp(709.782712893384), Math.exp(709.782712893384))).toBeLessThanOrEqual(2);
    expect(exp(-745.1332191019411)).toBe(5e-324);
    expect([exp(NaN), exp(0), exp(-0)]).toEqual([NaN, 1, 1]);
  });
});

it("sigmoid of -x is 1 - sigmoid(x), and its ends are exact", () => {
  for (const x of [0, 0.1, 1, 5, 20]) expect(sigmoid(-x)).toBeCloseTo(1 - sigmoid(x), 15);
  expect([-Infinity, -0, 0, Infinity, NaN].map(sigmoid)).toEqual([0, 0.5, 0.5, 1, NaN]);
});
