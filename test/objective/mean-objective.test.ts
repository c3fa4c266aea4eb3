/** meanObjective: the mean of objectives, against sums by hand and the loss of the whole batch. */
import {
  BatchNorm,
  checkObjective,
  Dense,
  meanObjective,
  modelObjective,
  Random,
  Sequential,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "batchnorm";
import { curvature } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import type { Objective } from "../../src/objective/objective.js";
import { allAbout } from "../support/about.js";
import { bowl, linear } from "../support/objectives.js";
import { ordinary, settle } from "../support/samples.js";

const ROWS = 8;

function build(): Sequential {
  const random = new Random(1);
  return settle(
    new Sequential([
      new Dense({ inputs: 3, outputs: 4, bias: false, random, dtype: "float64" }),
      new BatchNorm({ features: 4, dtype: "float64" }),
      new Tanh(),
      new Dense({ inputs: 4, outputs: 2, random, dtype: "float64" }),
    ]),
    [ROWS, 3],
    random,
    "float64",
  );
}

const batches = [2, 3, 4].map((seed) => ({
  input: ordinary([ROWS, 3], new Random(seed), "float64"),
  target: [0, 1, 1, 0, 1, 0, 0, 1].map((label, i) => (i === seed ? 1 - label : label)),
}));

describe("the mean of quadratics", () => {
  it("has the mean loss, gradient and Hessian", async () => {
    const mean = meanObjective([bowl(1, 2), bowl(3, -6), linear(6, 9)]);
    const { loss, gradient } = await mean(Float64Array.of(1, 2));
    expect(loss).toBeCloseTo((4.5 - 10.5 + 24) / 3, 12);
    expect([...gradient]).toEqual(allAbout([(1 + 3 + 6) / 3, (4 - 12 + 9) / 3], 14));
    const report = await curvature(mean, Float64Array.of(1, 2), { random: new Random(1) });
    expect(report.ritzValues).toEqual(allAbout([4 / 3, -4 / 3]));
    // Its own evaluations are counted, not those of its parts.
    expect(report.evaluations).toBe(13);
  });

  it("of one is that one", async () => {
    const point = Float64Array.of(0.3, -7);
    expect(await meanObjective([bowl(1, 2)])(point)).toEqual(await bowl(1, 2)(point));
  });
});

describe("the mean over batches of a model", () => {
  it("in mode inference is the loss of all rows together", async () => {
    const model = build();
    const parts = batches.map((batch) => modelObjective(model, batch, softmaxCrossEntropy, { mode: "inference" }));
    const mean = meanObjective(parts.map(({ objective }) => objective));
    const input = Tensor.from(batches.flatMap((batch) => batch.input.toNested() as number[][]), { dtype: "float64" }); // prettier-ignore
    const target = batches.flatMap((batch) => batch.target);
    const { objective, point } = modelObjective(model, { input, target }, softmaxCrossEntropy, { mode: "inference" });
    const [a, b] = [await mean(point), await objective(point)];
    expect(a.loss).toBeCloseTo(b.loss, 13);
    expect([...a.gradient]).toEqual(allAbout([...b.gradient], 13));
    expect(await mean.lossOnly!(point)).toBe(a.loss);
    expect(mean.mode).toBe("inference");
  });

  it("in mode probe uses each batch's own statistics", async () => {
    const model = build();
    const parts = batches.map((batch) => modelObjective(model, batch, softmaxCrossEntropy, { mode: "probe" }));
    const mean = meanObjective(parts.map(({ objective }) => objective));
    const { point } = parts[0]!;
    const losses = batches.map(
      ({ input, target }) => softmaxCrossEntropy(model.forward(input, { mode: "probe" }).output, target).loss,
    );
    expect((await mean(point)).loss).toBeCloseTo((losses[0]! + losses[1]! + losses[2]!) / 3, 14);
    const report = await checkObjective(mean, point, { random: new Random(4), groups: parts[0]!.groups });
    expect(report.verdict, report.gradient.text).toBe("agrees");
  });
});

describe("its labels", () => {
  const labeled = (labels: Pick<Objective, "mode" | "dtype">): Objective => Object.assign(linear(1), labels);

  it("are the mode that all have, and the lower precision", () => {
    const of = (...objectives: Objective[]): unknown[] => {
      const { mode, dtype } = meanObjective(objectives);
      return [mode, dtype];
    };
    const [probe, other] = [labeled({ mode: "probe", dtype: "float64" }), labeled({ mode: "inference" })];
    expect(of(probe, probe)).toEqual(["probe", "float64"]);
    expect(of(probe, other)).toEqual([undefined, "float64"]);
    expect(of(linear(1), linear(1))).toEqual([undefined, "float64"]);
    expect(of(linear(1), labeled({ dtype: "float32" }))).toEqual([undefined, "float32"]);
  });
});

it("uses lossOnly where an objective has it, and asynchronous objectives", async () => {
  const cheap = Object.assign((): never => {
    throw new Error("the gradient is not needed");
  }, { lossOnly: () => 5 }); // prettier-ignore
  const slow: Objective = async (point) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { loss: 1, gradient: point.slice() };
  };
  expect(await meanObjective([cheap, slow]).lossOnly!(Float64Array.of(2))).toBe(3);
  expect(await meanObjective([slow, slow])(Float64Array.of(2))).toEqual({ loss: 1, gradient: Float64Array.of(2) });
});

it("refuses a part that returns no evaluation, by name", async () => {
  const wrong = (() => ({ loss: 1, gradient: new Float64Array(3) })) as Objective;
  await expect(meanObjective([linear(1), wrong])(Float64Array.of(1))).rejects.toThrow("meanObjective: expected the objective's gradient"); // prettier-ignore
});
