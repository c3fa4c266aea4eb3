/** Properties that sampled mutants of the probes broke without being noticed. */
import { checkGradient, Random } from "batchnorm";
import { compareHistograms, histogramOf, spectralDensity } from "batchnorm/probes";
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
