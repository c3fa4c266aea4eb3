/** Internal covariate shift of whole networks at three learning rates, against PyTorch. */
import { internalCovariateShift } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { goldenNetworks } from "../support/golden-probes.js";

describe("internalCovariateShift as in PyTorch", () => {
  it.each(goldenNetworks)("$id", async ({ objective, point, groups, golden }) => {
    for (const { learningRate, blocks } of golden.internalCovariateShift) {
      const report = await internalCovariateShift(objective, point, { groups, learningRate });
      expect(report.blocks.map((block) => block.name)).toEqual(blocks.map((block) => block.name));
      blocks.forEach(({ lossPrime, groups: measured }, i) => {
        const found = report.blocks[i]!;
        expect(found.lossPrime).toBeCloseTo(lossPrime, 10);
        for (const name of ["weight", "linear", "all"] as const) {
          for (const [figure, value] of Object.entries<number>({ ...measured[name]! })) {
            expect(found[name], `${name} of block ${i}`).toHaveProperty(figure, expect.closeTo(value, 10));
          }
        }
      });
    }
  });
});
