import { gradientNorms, signalPropagation } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Objective } from "../../src/objective/objective.js";
import { allAbout } from "../support/about.js";
import { bowl, groupsOf } from "../support/objectives.js";

describe("signalPropagation", () => {
  it("gives the worked numbers, whatever the scale", () => {
    for (const size of [1, 1e-100, 1e100]) {
      const report = signalPropagation({ shape: [3, 2], data: [1, 0, 1, 1, 0, 2].map((value) => value * size) });
      expect(report.effectiveRank).toBeCloseTo(1.580645, 6);
      expect(report.entropicRank).toBeCloseTo(1.740025, 6);
      expect(report.meanAbsoluteCosine).toBeCloseTo(0.471405, 6);
      expect(report).toMatchObject({ probe: "signalPropagation", rows: 3, width: 2, zeroRows: 0, reasons: {} });
    }
  });

  it("finds the same ranks from either side: as many rows as columns or more", () => {
    const random = new Random(1);
    const rows = Array.from({ length: 4 }, () => Array.from({ length: 7 }, () => random.normal()));
    const wide = signalPropagation({ shape: [4, 7], data: rows.flat() });
    const tall = signalPropagation({ shape: [7, 4], data: rows[0]!.flatMap((_, j) => rows.map((row) => row[j]!)) });
    expect(tall.effectiveRank).toBeCloseTo(wide.effectiveRank!, 12);
    expect(tall.entropicRank).toBeCloseTo(wide.entropicRank!, 12);
    expect(wide.entropicRank).toBeGreaterThan(wide.effectiveRank!);
    expect(wide.entropicRank).toBeLessThan(4);
  });

  it("is 1 where all samples agree up to size and sign", () => {
    const report = signalPropagation({ shape: [4, 2], data: [1, 2, -2, -4, 3, 6, 0.5, 1] });
    expect(report.effectiveRank).toBeCloseTo(1, 12);
    expect(report.entropicRank).toBeCloseTo(1, 12);
    expect(report.meanAbsoluteCosine).toBeCloseTo(1, 12);
  });

  it("is the number of samples where they are orthogonal and equally large", () => {
    const report = signalPropagation({ shape: [3, 2, 2], data: [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1] });
    expect(report.effectiveRank).toBeCloseTo(3, 12);
    expect(report.entropicRank).toBeCloseTo(3, 12);
    expect(report.meanAbsoluteCosine).toBe(0);
  });

  it("does not center", () => {
    const report = signalPropagation({ shape: [2, 2], data: [10, 11, 11, 10] });
    expect(report.effectiveRank).toBeCloseTo(1.0045, 3);
  });

  it("leaves rows of zeros out of the cosines and counts them", () => {
    const report = signalPropagation({ shape: [3, 2], data: [0, 0, 1, 0, 1, 1] });
    expect(report.zeroRows).toBe(1);
    expect(report.meanAbsoluteCosine).toBeCloseTo(Math.SQRT1_2, 12);
    const one = signalPropagation({ shape: [1, 2], data: [1, 0] });
    expect(one).toMatchObject({ effectiveRank: 1, meanAbsoluteCosine: null });
    expect(one.reasons).toEqual({ meanAbsoluteCosine: "fewer than 2 samples differ from 0" });
  });

  it("says nothing where all is 0", () => {
    const report = signalPropagation({ shape: [2, 2], data: [0, 0, 0, 0] });
    const why = "all values are 0";
    expect(report).toMatchObject({ effectiveRank: null, entropicRank: null, meanAbsoluteCosine: null, zeroRows: 2 });
    expect(report.reasons).toEqual({ effectiveRank: why, entropicRank: why, meanAbsoluteCosine: why });
  });

  it.each([
    [{ shape: [0, 2], data: [] }, "signalPropagation: expected the samples to have at least 1 value, got 0"],
    [{ shape: [1, 2], data: [1, NaN] }, "signalPropagation: expected the samples to be finite, got NaN at 1"],
    [{ shape: [2, 2], data: [1, 2] }, "signalPropagation: expected 4 values for shape [2, 2], got 2"],
  ])("refuses %o", (samples, message) => {
    expect(() => signalPropagation(samples)).toThrow(message);
  });
});

describe("gradientNorms", () => {
  it("gives the norm of the whole gradient and of each group", async () => {
    const groups = groupsOf(["0.weight", "weight", [2, 1]], ["1.gamma", "scale", [1]]);
    const report = await gradientNorms(bowl(3, 4, 12), Float64Array.of(1, 1, 1), { groups });
    expect(report).toMatchObject({ probe: "gradientNorms", loss: 9.5, gradNorm: 13, evaluations: 1 });
    expect(report.groups).toEqual([
      { name: "0.weight", role: "weight", norm: 5, energy: 25 },
      { name: "1.gamma", role: "scale", norm: 12, energy: 144 },
    ]);
    expect(report.growth).toBeNull();
    const reason = "fewer than 2 weights lie between the two at each end, or one has no gradient";
    expect(report.reasons).toEqual({ growth: reason });
  });

  it("fits the growth towards the input through the weights in the middle", async () => {
    // Energies of the weights, the ends far off the line of 1.5 a layer; biases do not count.
    const energies = [1e9, 1e-9, 1.5 ** 3, 1.5 ** 2, 1.5, 1, 1e6, 1e-6];
    const objective: Objective = (x) => ({
      loss: 1,
      gradient: x.map((_, i) => (i % 2 === 0 ? Math.sqrt(energies[i / 2]!) : 1000)),
    });
    const groups = groupsOf(
      ...energies.flatMap((_, i) => [[`${i}.weight`, "weight", [1, 1]] as const, [`${i}.bias`, "bias", [1]] as const]),
    );
    const report = await gradientNorms(objective, new Float64Array(16), { groups });
    expect(report.growth).toBeCloseTo(1.5, 12);
    expect(report.groups.filter((group) => group.role === "weight").map((group) => group.energy / 1e9)).toEqual(
      allAbout(
        energies.map((energy) => energy / 1e9),
        12,
      ),
    );
    energies[3] = 0;
    expect((await gradientNorms(objective, new Float64Array(16), { groups })).growth).toBeNull();
  });

  it("leaves out two weights at each end, no more: the growth of two in the middle is the ratio of their energies", async () => {
    const growthOf = async (energies: readonly number[]): Promise<number | null> => {
      const objective: Objective = (x) => ({ loss: 1, gradient: x.map((_, i) => Math.sqrt(energies[i]!)) });
      const groups = groupsOf(...energies.map((_, i) => [`${i}.weight`, "weight", [1, 1]] as const));
      return (await gradientNorms(objective, new Float64Array(energies.length), { groups })).growth;
    };
    expect(await growthOf([1e9, 1e-9, 12, 4, 1e6, 1e-6])).toBeCloseTo(3, 12);
    expect(await growthOf([1e9, 1e-9, 12, 1e6, 1e-6])).toBeNull();
    // Off a line: the slope through ln of 1, 1, 1, 2 is 1.5 ln 2 / 5.
    expect(await growthOf([1e9, 1e-9, 1, 1, 1, 2, 1e6, 1e-6])).toBeCloseTo(2 ** -0.3, 12);
  });

  it("refuses groups outside the point", async () => {
    const groups = groupsOf(["0.weight", "weight", [2, 1]]);
    await expect(gradientNorms(bowl(1), Float64Array.of(1), { groups })).rejects.toThrow(
      "gradientNorms: expected groups[0] to end within the point's 1 coordinates, got 2",
    );
  });
});
