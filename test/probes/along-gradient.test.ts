import { alongGradient, type AlongGradientReport, stepSizesAround } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import type { Objective } from "../../src/objective/objective.js";
import { about, allAbout } from "../support/about.js";
import { absoluteValue, bowl, cliff, linear } from "../support/objectives.js";

const at = (...values: number[]): Float64Array => Float64Array.of(...values);
const column = (report: AlongGradientReport, name: keyof AlongGradientReport["profile"][number]): unknown[] =>
  report.profile.map((step) => step[name]);
describe("alongGradient on the bowl (x^2 + 9 y^2)/2 at (3, 1)", () => {
  it("gives the worked profile", async () => {
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.05, 0.1, 0.2, 0.4] });
    expect(report.loss).toBe(9);
    expect(report.gradNorm).toBeCloseTo(9.486833, 6);
    expect(report.evaluations).toBe(5);
    expect(column(report, "stepSize")).toEqual([0.05, 0.1, 0.2, 0.4]);
    expect(column(report, "distance")).toEqual(allAbout([0.474342, 0.948683, 1.897367, 3.794733]));
    expect(column(report, "loss")).toEqual(allAbout([5.4225, 3.69, 5.76, 32.04]));
    expect(column(report, "gradNorm")).toEqual(allAbout([5.71183, 2.84605, 7.589466, 23.469129]));
    expect(column(report, "gradientChange")).toEqual(allAbout([4.052777, 8.105554, 16.211107, 32.422215]));
    expect(column(report, "relativeGradientChange")).toEqual(allAbout([0.4272002, 0.8544004, 1.7088007, 3.4176015]));
    expect(column(report, "gradientCosine")).toEqual(allAbout([0.979937, 0.6, -0.8, -0.921635]));
    expect(column(report, "beta")).toEqual(allAbout([8.544004, 8.544004, 8.544004, 8.544004]));
    expect(column(report, "lossSlope")).toEqual(allAbout([7.542032, 5.597231, 1.70763, 6.071573]));
    expect(column(report, "gain")).toEqual(allAbout([0.795, 0.59, 0.18, -0.64]));
    expect(column(report, "reasons")).toEqual([{}, {}, {}, {}]);
  });

  it("takes the extremes from it, each with its place", async () => {
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.05, 0.1, 0.2, 0.4] });
    expect(report.lossRange).toBeCloseTo(28.35, 12);
    expect(report.lossRangeWithOrigin).toBeCloseTo(28.35, 12);
    expect(report.maxLossChange).toEqual({ value: about(23.04, 12), stepSize: 0.4, note: null });
    expect(report.gradientChangeMin).toEqual({ value: about(4.052777, 6), stepSize: 0.05, note: null });
    expect(report.gradientChangeMax).toEqual({ value: about(32.422215, 6), stepSize: 0.4, note: null });
    expect(report.lossSlopeMax).toMatchObject({ stepSize: 0.05, note: null });
    // Every step of a quadratic has the same beta, so the maximum lies nowhere.
    const note = "4 step sizes agree within 1e-6";
    expect(report.betaMax).toEqual({ value: about(8.544004, 6), stepSize: null, note });
  });

  it("includes x in the range with origin alone", async () => {
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.05, 0.1] });
    expect(report.lossRange).toBeCloseTo(1.7325, 12);
    expect(report.lossRangeWithOrigin).toBeCloseTo(5.31, 12);
  });

  it("takes the steps in the order given", async () => {
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.4, 0.05] });
    expect(column(report, "loss")).toEqual(allAbout([32.04, 5.4225]));
    expect(report.lossSlopeMax.stepSize).toBe(0.05);
  });

  it("says what kind of figure each is", async () => {
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.1] });
    expect(report.kinds).toMatchObject({ profile: "exact", betaMax: "lower bound", gradientChangeMin: "upper bound" });
    expect(report).toMatchObject({ probe: "alongGradient", dtype: "float64", mode: null, parameters: 2, groups: null });
  });
});

describe("alongGradient", () => {
  it("has gain 1 - eta g'Hg/(2 g'g) and beta ||Hg||/||g|| on any quadratic", async () => {
    const report = await alongGradient(bowl(2, -3, 0.5), at(1, 2, -1), { stepSizes: stepSizesAround(0.3) });
    // g = (2, -6, -0.5), Hg = (4, 18, -0.25)
    const [gg, gHg, HgHg] = [40.25, 8 - 108 + 0.125, 340.0625];
    for (const step of report.profile) {
      expect(step.gain).toBeCloseTo(1 - (step.stepSize * gHg) / (2 * gg), 12);
      expect(step.beta).toBeCloseTo(Math.sqrt(HgHg / gg), 12);
    }
  });

  it("finds no change of gradient and full gain in a linear loss", async () => {
    const report = await alongGradient(linear(3, -4), at(1, 2), { stepSizes: [0.1, 1] });
    expect(column(report, "gradientChange")).toEqual([0, 0]);
    expect(column(report, "beta")).toEqual([0, 0]);
    expect(column(report, "gradientCosine")).toEqual([1, 1]);
    expect(column(report, "gain")).toEqual(allAbout([1, 1], 12));
    expect(column(report, "lossSlope")).toEqual(allAbout([5, 5], 12));
    expect(report.lossRange).toBeCloseTo(22.5, 12);
  });

  it("warns where the maximum of beta is that of the grid", async () => {
    // The gradient of |x| jumps once the step has passed 0, and then stays: beta is 2 / eta from there on.
    const report = await alongGradient(absoluteValue, at(0.01), { stepSizes: [0.1, 0.2, 0.4] });
    expect(column(report, "beta")).toEqual(allAbout([20, 10, 5], 12));
    expect(report.betaMax.stepSize).toBe(0.1);
    expect(report.betaMax.note).toBe(
      "at the grid's edge, 1/(smallest step) is its typical value after a saturating change of gradient",
    );
    const wider = await alongGradient(absoluteValue, at(0.15), { stepSizes: [0.1, 0.2, 0.4] });
    expect(wider.betaMax).toEqual({ value: about(10, 12), stepSize: 0.2, note: null });
  });

  it("moves and compares only the groups that it is given", async () => {
    const groups = [{ name: "1.weight", start: 1, end: 2 }];
    const report = await alongGradient(bowl(1, 9), at(3, 1), { stepSizes: [0.1], groups });
    expect(report.groups).toEqual(groups);
    expect(report.gradNorm).toBe(9);
    expect(report.profile[0]).toMatchObject({
      loss: about(4.545, 12),
      gradNorm: about(0.9, 12),
      gradientChange: about(8.1, 12),
      beta: about(9, 12),
      gain: about(0.55, 12),
    });
  });

  it("stays where it is when the gradient is 0, and says so", async () => {
    const report = await alongGradient(bowl(1, 9), at(0, 0), { stepSizes: [0.1, 1] });
    const why = "the gradient is 0, so every step has length 0";
    expect(report.profile[1]).toEqual({
      stepSize: 1,
      distance: 0,
      loss: 0,
      gradNorm: 0,
      gradientChange: 0,
      relativeGradientChange: null,
      gradientCosine: null,
      beta: null,
      lossSlope: null,
      gain: null,
      reasons: { relativeGradientChange: why, gradientCosine: why, beta: why, lossSlope: why, gain: why },
    });
    expect(report.lossRange).toBe(0);
    expect(report.betaMax).toEqual({ value: null, stepSize: null, note: "not defined at any step size" });
  });

  it("has no cosine where a step ends in the minimum", async () => {
    const report = await alongGradient(bowl(2, 2), at(1, 1), { stepSizes: [0.5] });
    expect(report.profile[0]).toMatchObject({ gradNorm: 0, relativeGradientChange: 1, gradientCosine: null });
    expect(report.profile[0]!.reasons).toEqual({
      gradientCosine:
        "the gradient at the other point is 0 or round-off: below 1e-12 of the norm of the whole gradient",
    });
  });

  it.each([NaN, Infinity, -Infinity])("reports a loss that became %d as a diverged one", async (lost) => {
    const report = await alongGradient(cliff(lost), at(4), { stepSizes: [0.5, 4, 5] });
    expect(column(report, "loss")).toEqual([2, Infinity, Infinity]);
    expect(report.profile[1]).toEqual({
      stepSize: 4,
      distance: 16,
      loss: Infinity,
      gradNorm: Infinity,
      gradientChange: Infinity,
      relativeGradientChange: Infinity,
      gradientCosine: null,
      beta: Infinity,
      lossSlope: Infinity,
      gain: -Infinity,
      reasons: { gradientCosine: "the gradient at the other point is not finite" },
    });
    expect(report.lossRange).toBe(Infinity);
    expect(report.lossRangeWithOrigin).toBe(Infinity);
    expect(report.betaMax).toEqual({ value: Infinity, stepSize: null, note: "2 step sizes agree within 1e-6" });
    expect(report.gradientChangeMin).toMatchObject({ value: 2, stepSize: 0.5, note: null });
    const all = await alongGradient(cliff(lost), at(4), { stepSizes: [4, 5] });
    expect(all.lossRange).toBe(Infinity);
  });

  it("keeps a finite loss whose gradient is not", async () => {
    const objective: Objective = ([x]) => ({ loss: x!, gradient: Float64Array.of(x! > 0 ? 1 : NaN) });
    const report = await alongGradient(objective, at(1), { stepSizes: [2] });
    expect(report.profile[0]).toMatchObject({
      loss: -1,
      gain: 1,
      beta: Infinity,
      gradNorm: Infinity,
      gradientCosine: null,
    });
  });

  it("does not evaluate a point that is itself beyond the range of numbers", async () => {
    const seen: number[] = [];
    const objective: Objective = ([x]) => {
      seen.push(x!);
      return { loss: 1, gradient: Float64Array.of(1e200) };
    };
    const report = await alongGradient(objective, at(1), { stepSizes: [1e200] });
    expect(report.profile[0]).toMatchObject({ loss: Infinity, gain: -Infinity, beta: Infinity });
    expect(seen).toEqual([1]);
    expect(report.evaluations).toBe(1);
  });

  it.each([1e-200, 1e200])("measures a gradient of size %s as any other", async (size) => {
    const objective: Objective = ([x, y]) => ({
      loss: size * (x! * x! + 9 * y! * y!) * 0.5,
      gradient: Float64Array.of(size * x!, 9 * size * y!),
    });
    const [step] = (await alongGradient(objective, at(3, 1), { stepSizes: [0.1 / size] })).profile;
    expect(step!.gradientCosine).toBeCloseTo(0.6, 10);
    expect(step!.gain).toBeCloseTo(0.59, 10);
    expect(step!.beta! / size).toBeCloseTo(8.544004, 6);
  });

  it("keeps its gradient when the objective hands out the same array each time", async () => {
    const shared = new Float64Array(2);
    const objective: Objective = ([x, y]) => {
      shared.set([x!, 9 * y!]);
      return { loss: (x! * x! + 9 * y! * y!) / 2, gradient: shared };
    };
    const report = await alongGradient(objective, at(3, 1), { stepSizes: [0.1] });
    expect(report.profile[0]!.gradientChange).toBeCloseTo(8.105554, 6);
  });

  it("starts from the point as it was when called", async () => {
    const point = at(3, 1);
    const promise = alongGradient((x) => Promise.resolve(bowl(1, 9)(x)), point, { stepSizes: [0.1] });
    point.fill(100);
    expect((await promise).loss).toBe(9);
  });
});

describe("alongGradient refuses", () => {
  const stepSizes = [0.1];
  it.each([
    [undefined, "alongGradient: expected the option stepSizes, got none"],
    [0.1, "alongGradient: expected stepSizes to be an array of numbers, got 0.1 - use stepSizesAround(0.1)"],
    [[], "alongGradient: expected at least 1 number in stepSizes, got 0"],
    [[0.1, 0], "alongGradient: expected stepSizes[1] to be a finite number > 0, got 0"],
    [[Infinity], "alongGradient: expected stepSizes[0] to be a finite number > 0, got Infinity"],
    [["1"], 'alongGradient: expected stepSizes[0] to be a number, got "1"'],
  ])("step sizes %o", async (sizes, message) => {
    await expect(alongGradient(bowl(1), at(1), { stepSizes: sizes as unknown as number[] })).rejects.toThrow(message);
  });

  it.each([
    [[], "alongGradient: expected at least 1 group, got 0"],
    [[{ start: 0, end: 3 }], "alongGradient: expected groups[0] to end within the point's 2 coordinates, got 3"],
    [[{ start: 1, end: 0 }], "alongGradient: expected groups[0].end to be a whole number of at least 1, got 0"],
    [
      [
        { start: 0, end: 2 },
        { start: 1, end: 2 },
      ],
      "alongGradient: expected groups that do not overlap, got coordinate 1 in two of them",
    ],
    ["all", 'alongGradient: expected groups to be an array of { start, end }, got "all"'],
    [[null], "alongGradient: expected groups[0].start to be a number, got undefined"],
  ])("groups %o", async (groups, message) => {
    const options = { stepSizes, groups: groups as { start: number; end: number }[] };
    await expect(alongGradient(bowl(1, 1), at(1, 1), options)).rejects.toThrow(message);
  });

  it("a learning rate that leads nowhere", () => {
    expect(() => stepSizesAround(0)).toThrow("stepSizesAround: expected learningRate to be a finite number > 0, got 0");
  });
});

it("stepSizesAround multiplies a learning rate", () => {
  expect(stepSizesAround(0.5)).toEqual([0.005, 0.05, 0.25, 0.5, 1, 2]);
  expect(stepSizesAround(0.5, [1, 3])).toEqual([0.5, 1.5]);
});
