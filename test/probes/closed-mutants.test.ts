/** Properties that sampled mutants of the probes broke without being noticed. */
import { checkGradient, Random } from "batchnorm";
import { compareHistograms, histogramOf, histogramQuantile, spectralDensity } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { gradientChange } from "../../src/probes/landscape/gradient-change.js";
import type { Objective } from "../../src/objective/objective.js";
import { bowl } from "../support/objectives.js";

it.each([1e-200, 1e-170, 1, 1e170, 1e200])("a gradient change does not depend on scale and sign: %g", (scale) => {
  const whole = [{ start: 0, end: 2 }];
  for (const sign of [1, -1]) {
    const [g, other] = [[3, 4], [4, 3]].map((values) => Float64Array.from(values, (value) => sign * scale * value)); // prettier-ignore
    const change = gradientChange(g!, other!, whole, 5 * scale);
    expect(change.cosine).toBeCloseTo(24 / 25, 14);
    expect(change.relativeDifference).toBeCloseTo(Math.SQRT2 / 5, 14);
    expect(change.normG / scale).toBeCloseTo(5, 13);
    expect(change.difference / scale).toBeCloseTo(Math.SQRT2, 13);
  }
});

it("a spectral density has four starts by default", async () => {
  const report = await spectralDensity(bowl(1, 2), Float64Array.of(1, 1), { random: new Random(1) });
  expect([report.starts, report.nodes.length]).toEqual([4, 4]);
});

it("the floor of a histogram distance is noted however little it contributes, and not where it contributes nothing", () => {
  const edges = [0, 1, 2];
  const many = (first: number, second: number): ReturnType<typeof histogramOf> =>
    histogramOf([...new Array<number>(first).fill(0.5), ...new Array<number>(second).fill(1.5)], edges);
  const little = compareHistograms(many(2000, 1), many(2000, 0));
  expect(little.psiFromFloor).toBeGreaterThan(0);
  expect(little.psiFromFloor).toBeLessThan(0.01);
  expect(little.note).toContain("0.0001");
  expect(compareHistograms(many(3, 1), many(2, 2)).note).toBeNull();
});

describe("a kink", () => {
  it.each([1, -1])("that opens to either side is undecided: %i |x|", async (sign) => {
    const kink: Objective = (x) => ({ loss: sign * Math.abs(x[0]!), gradient: Float64Array.of(1) });
    const { verdict } = await checkGradient(kink, Float64Array.of(0), { random: new Random(1) });
    expect(verdict).toBe("undecided");
  });
});

it("a spectral density reports the asymmetry of a matrix, which in the plane is the same from every start", async () => {
  const turning: Objective = ([x, y]) => ({
    loss: 0,
    gradient: Float64Array.of(2 * x! + 0.25 * y!, 3 * y! - 0.25 * x!),
  });
  const report = await spectralDensity(turning, Float64Array.of(1, 1), { random: new Random(1) });
  expect(report.asymmetry).toBeCloseTo(0.5, 6);
  const symmetric = await spectralDensity(bowl(2, 3), Float64Array.of(1, 1), { random: new Random(1) });
  expect(symmetric.asymmetry).toBeLessThan(1e-6);
});

it.each([0, 1])("a coordinate beside which the loss is not finite is worse than one at a kink: %i", async (broken) => {
  const objective: Objective = (x) => ({
    loss: x[broken] === 0 ? 100 * Math.abs(x[1 - broken]!) : NaN,
    gradient: Float64Array.from(x, (_, i) => (i === broken ? 1 : 100)),
  });
  const { worst, coordinates } = await checkGradient(objective, Float64Array.of(0, 0), { random: new Random(1) });
  expect(coordinates.map(({ verdict }) => verdict)).toEqual(["undecided", "undecided"]);
  expect(worst.numeric).toBeNull();
  expect(worst.name).toBe(coordinates.find(({ numeric }) => numeric === null)!.name);
});

it.each(["edges", "counts", "below", "above"] as const)("a histogram without its %s is refused", (part) => {
  const rest = { ...histogramOf([1, 2, 3], [0, 2, 4]), [part]: undefined };
  expect(() => histogramQuantile(rest, 0.5)).toThrow(/to be a histogram/);
});

it("a histogram has one cell fewer than edges", () => {
  const { counts, ...rest } = histogramOf([1, 2, 3], [0, 2, 4]);
  expect(() => histogramQuantile({ ...rest, counts: [...counts, 0] }, 0.5)).toThrow(TypeError);
});
