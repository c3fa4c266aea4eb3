/** The tests of the tests: every wrong version of test/support/mutants.ts is rejected by the checks that the right one passes. */
import { describe, expect, it } from "vitest";
import { checkLayer } from "../../src/model/check-layer.js";
import { Random } from "../../src/core/random.js";
import type { Kernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { checkGradient, type GradientReport } from "../../src/objective/check-gradient.js";
import type { Objective } from "../../src/objective/objective.js";
import { Tensor } from "../../src/core/tensor.js";
import { meanSquaredError, softmaxCrossEntropy } from "../../src/training/losses.js";
import { layerCases, type LayerCase } from "../support/cases.js";
import { faultless, kernelMutants, layerMutants, type LossMutant, lossMutants } from "../support/mutants.js";
import { ordinary, settle } from "../support/samples.js";

/** The check that `every-layer.test.ts` makes of a row, with other kernels. */
function check(row: LayerCase, mode: "probe" | "inference", kernels: Kernels): Promise<GradientReport> {
  const random = new Random(1).fork(row.name);
  const layer = settle(row.make({ random: random.fork("layer"), dtype: "float64" }), row.shape, random);
  layer.forward(ordinary(row.shape, random), { mode, kernels }); // an earlier batch, for those that remember it
  return checkLayer(layer, ordinary(row.shape, random), { mode, random, kernels });
}

describe("wrong kernels", () => {
  it.each(kernelMutants)("$name", async ({ make, mode, shows }) => {
    const rows = layerCases.filter(shows);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      const report = await check(row, mode, make());
      expect(report.verdict, `${row.name}: ${report.text}`).toBe("differs");
    }
  });

  it("are rejected for their mistake, and pass without it", async () => {
    for (const row of layerCases.filter(faultless.shows)) {
      const report = await check(row, "probe", faultless.make());
      expect(report.verdict, `${row.name}: ${report.text}`).toBe("agrees");
    }
  });
});

describe("wrong losses", () => {
  const rows = 6;
  const classes = 4;
  const objectiveOf =
    (loss: LossMutant["loss"], kernels: Kernels): Objective =>
    (point) => {
      const output = new Tensor(point.slice(), [rows, classes]);
      const value =
        loss === "softmaxCrossEntropy"
          ? softmaxCrossEntropy(output, [0, 3, 1, 2, 2, 0], { labelSmoothing: 0.2, kernels })
          : meanSquaredError(output, Tensor.zeros([rows, classes], "float64"), { kernels });
      return { loss: value.loss, gradient: Float64Array.from(value.gradOutput.data) };
    };
  const point = Float64Array.from(ordinary([rows, classes], new Random(3)).data);
  const random = new Random(4);

  it.each(lossMutants)("$name", async ({ loss, kernels }) => {
    expect((await checkGradient(objectiveOf(loss, kernels), point, { random })).verdict).toBe("differs");
    expect((await checkGradient(objectiveOf(loss, plainKernels), point, { random })).verdict).toBe("agrees");
  });
});

describe("wrong layers", () => {
  it.each(layerMutants)("$name", async ({ make, shape = [6, 3] }) => {
    const random = new Random(5);
    const layer = settle(make({ inputs: 3, outputs: 3, random, dtype: "float64" }), shape, random);
    const report = await checkLayer(layer, ordinary(shape, random), { mode: "probe", random });
    expect(report.verdict, report.text).toBe("differs");
  });
});
