/** The functions of core/math and core/special against correctly rounded values. */
import { describe, expect, it } from "vitest";
import { exp, log, sigmoid, tanh } from "../../src/core/math.js";
import { cosPi, erfc, expm1, log1p } from "../../src/core/special.js";
import { type GoldenNumber, readCases } from "./golden.js";

interface SpecialCase {
  readonly id: string;
  readonly x: readonly GoldenNumber[];
  readonly y: readonly GoldenNumber[];
}

/** How many doubles lie between two doubles of one sign: the error in units in the last place. */
function unitsBetween(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const bits = (value: number): bigint => new BigInt64Array(Float64Array.of(value).buffer)[0]!;
  if (Number.isNaN(a) || Number.isNaN(b) || bits(a) < 0n !== bits(b) < 0n) return Infinity;
  const distance = bits(a) - bits(b);
  return Number(distance < 0n ? -distance : distance);
}

describe("special functions are within their documented units in the last place", () => {
  const cases = new Map((readCases("special.json") as readonly SpecialCase[]).map((one) => [one.id, one]));

  it.each([
    ["exp", exp, 1],
    ["log", log, 1],
    ["tanh", tanh, 2],
    ["sigmoid", sigmoid, 2],
    ["expm1", expm1, 4],
    ["log1p", log1p, 2],
    ["cosPi", cosPi, 2],
  ] as const)("%s", (name, compute, promised) => {
    const { x, y } = cases.get(name)!;
    const off = x
      .map((value, i) => ({ x: Number(value), expected: Number(y[i]), got: compute(Number(value)) }))
      .map((row) => ({ ...row, units: unitsBetween(row.got, row.expected) }))
      .filter((row) => row.units > promised);
    expect(off).toEqual([]);
    expect(x.length).toBeGreaterThan(200);
  });

  it("erfc, whose error grows with the rounding of x²", () => {
    const { x, y } = cases.get("erfc")!;
    const off = x.map(Number).flatMap((value, i) => {
      const units = unitsBetween(erfc(value), Number(y[i]));
      return units > 4 + 2 * Math.min(value * value, 1000) ? [{ value, units }] : [];
    });
    expect(off).toEqual([]);
    expect(x.length).toBeGreaterThan(200);
  });

  it("covers every function of the file", () => {
    expect([...cases.keys()]).toEqual(["exp", "log", "tanh", "sigmoid", "expm1", "log1p", "cosPi", "erfc"]);
  });
});
