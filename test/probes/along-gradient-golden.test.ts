/** The profile along the gradient of whole networks, against PyTorch. */
import { alongGradient, type Extreme, stepSizesAround } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { goldenNetworks } from "../support/golden-probes.js";

describe("alongGradient as in PyTorch", () => {
  it.each(goldenNetworks)("$id", async ({ objective, point, golden }) => {
    const { learningRate, profile, ...figures } = golden.alongTheGradient;
    const report = await alongGradient(objective, point, { stepSizes: stepSizesAround(learningRate) });
    expect(report.mode).toBe(golden.mode);
    expect(report.evaluations).toBe(7);
    profile.forEach(({ eta, ...expected }, i) => {
      const { stepSize, ...found } = report.profile[i]!;
      expect(stepSize).toBeCloseTo(eta!, 15);
      for (const [name, value] of Object.entries(expected)) {
        expect(found, name).toHaveProperty(name, expect.closeTo(value, 8));
      }
    });
    expect(Object.keys(figures)).toHaveLength(7);
    for (const [name, value] of Object.entries(figures)) {
      const figure = report[name as keyof typeof report] as number | Extreme;
      expect(typeof figure === "number" ? figure : figure.value, name).toBeCloseTo(value, 8);
    }
  });
});
