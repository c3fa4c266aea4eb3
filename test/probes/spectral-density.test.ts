import { spectralDensity, type SpectralDensityReport } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { numbersOf } from "../golden/golden.js";
import { about, allAbout } from "../support/about.js";
import { goldenNetworks } from "../support/golden-probes.js";
import { bowl, linear, turnedBowl } from "../support/objectives.js";

const ones = (length: number): Float64Array => new Float64Array(length).fill(1);

/** The density's integral, and its integral with the eigenvalue: the mean. */
function moments({ eigenvalues, density }: SpectralDensityReport): { mass: number; mean: number } {
  const spacing = eigenvalues[1]! - eigenvalues[0]!;
  const mass = density.reduce((sum, value) => sum + value * spacing, 0);
  return { mass, mean: density.reduce((sum, value, i) => sum + value * spacing * eigenvalues[i]!, 0) };
}

describe("spectralDensity", () => {
  it("integrates to 1 and has a Gaussian at each eigenvalue, weighted by its share of the start", async () => {
    const report = await spectralDensity(bowl(4, -1), ones(2), { random: new Random(1), starts: 1, width: 0.1 });
    expect(report).toMatchObject({ probe: "spectralDensity", steps: 2, starts: 1, width: 0.1, evaluations: 8 });
    const [{ values, weights }] = report.nodes as [SpectralDensityReport["nodes"][number]];
    expect(values).toEqual(allAbout([-1, 4]));
    expect(weights[0]! + weights[1]!).toBeCloseTo(1, 12);
    expect(moments(report)).toEqual({ mass: about(1, 8), mean: about(4 * weights[1]! - weights[0]!) });
    const peak = weights[1]! / (0.1 * Math.sqrt(2 * Math.PI));
    expect(Math.max(...report.density)).toBeCloseTo(Math.max(peak, peak * (weights[0]! / weights[1]!)), 2);
    expect(report.eigenvalues[0]).toBeCloseTo(-1.6, 6);
    expect(report.eigenvalues.at(-1)).toBeGreaterThan(4.6 - 1e-6);
  });

  it("weighs half of the eigenvalues with one half, over many starts", async () => {
    const objective = turnedBowl([5, 5, 5, -5, -5, -5], 3);
    const report = await spectralDensity(objective, ones(6), { random: new Random(2), starts: 300 });
    const share = report.nodes.reduce(
      (sum, { values, weights }) => sum + weights.reduce((all, weight, i) => all + (values[i]! > 0 ? weight : 0), 0),
      0,
    );
    expect(share / 300).toBeCloseTo(0.5, 1);
    expect(moments(report).mass).toBeCloseTo(1, 8);
    expect(report.width).toBeCloseTo(0.1, 6);
  });

  it("is one Gaussian where all eigenvalues agree", async () => {
    const sevens = await spectralDensity(bowl(7, 7, 7), ones(3), { random: new Random(1), width: 0.07 });
    expect(moments(sevens)).toEqual({ mass: about(1, 8), mean: about(7) });
    const zeros = await spectralDensity(linear(1, 2), ones(2), { random: new Random(1) });
    expect(zeros.width).toBe(0.01);
    expect(moments(zeros)).toEqual({ mass: about(1, 8), mean: about(0) });
    const single = await spectralDensity(bowl(-3), ones(1), { random: new Random(1) });
    expect(single.width).toBeCloseTo(0.03, 6);
    expect(moments(single)).toEqual({ mass: about(1, 8), mean: about(-3) });
  });

  it.each(goldenNetworks)("has the mean of PyTorch's spectrum: $id", async ({ objective, point, golden }) => {
    const report = await spectralDensity(objective, point, { random: new Random(1), steps: 20, starts: 20 });
    const eigenvalues = numbersOf(golden.curvature.eigenvalues);
    const mean = eigenvalues.reduce((sum, value) => sum + value, 0) / eigenvalues.length;
    const scatter = Math.sqrt(eigenvalues.reduce((sum, value) => sum + value * value, 0)) / eigenvalues.length;
    expect(Math.abs(moments(report).mean - mean)).toBeLessThan((4 * scatter) / Math.sqrt(20 / 2));
    expect(Math.min(...report.nodes.flatMap((node) => node.values))).toBeGreaterThan(eigenvalues[0]! - 1e-4);
    expect(Math.max(...report.nodes.flatMap((node) => node.values))).toBeLessThan(eigenvalues.at(-1)! + 1e-4);
  });

  it.each([
    [{ starts: 0 }, "expected starts to be a whole number of at least 1, got 0"],
    [{ steps: 1.5 }, "expected steps to be a whole number of at least 1, got 1.5"],
    [{ width: -1 }, "expected width to be a finite number > 0, got -1"],
    [{ random: 1 as unknown as Random }, "expected random to be a Random, got 1 - pass new Random(seed)"],
  ])("refuses %o", async (wrong, message) => {
    const promise = spectralDensity(bowl(1, 2), ones(2), { random: new Random(1), ...wrong });
    await expect(promise).rejects.toThrow(`spectralDensity: ${message}`);
  });

  it("refuses a width too narrow to plot", async () => {
    const promise = spectralDensity(bowl(0, 19_950), ones(2), { random: new Random(1), width: 1e-3 });
    await expect(promise).rejects.toThrow(
      /^spectralDensity: expected a width of at least [\d.]+ for this spectrum, got 0.001$/,
    );
  });
});
