/** The layers that the claims need, by value: worked numbers, closed forms, running statistics, the distribution of noise. */
import {
  BatchNorm,
  type Layer,
  meanSquaredError,
  modelObjective,
  Random,
  Sequential,
  ShapeError,
  Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm, NoiseInjection } from "batchnorm/variants";
import { momentsOf, momentStatistics } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { about, allAbout } from "../support/about.js";

const column = (...values: number[]): Tensor => new Tensor(Float64Array.from(values), [values.length, 1]);
const valuesOf = (tensor: Tensor): number[] => [...tensor.data];
const train = (layer: Layer, x: Tensor): number[] => valuesOf(layer.forward(x, { mode: "train" }).output);

describe("LpNorm", () => {
  const make = (p: number, epsilon = 0): LpNorm => new LpNorm({ features: 1, p, epsilon, dtype: "float64" });

  it.each([
    [1, [-0.6, -0.2, -0.2, 1]],
    [2, [-0.514496, -0.171499, -0.171499, 0.857493]],
    [Infinity, [-0.3, -0.1, -0.1, 0.5]],
  ])("gives the worked numbers for p = %s", (p, expected) => {
    expect(train(make(p), column(1, 2, 2, 5))).toEqual(allAbout(expected));
  });

  it.each([
    [1, 2.5],
    [2, 3],
    [Infinity, 5],
  ])("computes the norm of the uncentered absolute values, for p = %s", (p, norm) => {
    const centered = [-4.5, -0.5, 1.5, 3.5];
    expect(train(make(p), column(-5, -1, 1, 3))).toEqual(
      allAbout(
        centered.map((value) => value / norm),
        14,
      ),
    );
  });

  it("adds epsilon to the norm, for p = 2 under the root", () => {
    const last = (p: number): number => train(make(p, 0.5), column(1, 2, 2, 5))[3]!;
    expect([last(1), last(2), last(Infinity)]).toEqual(allAbout([2.5 / 3, 2.5 / 3, 2.5 / 5.5], 14));
  });

  it("propagates the gradient of the maximum to the first of several equal maxima", () => {
    const { backward } = make(Infinity).forward(column(1, 3, -3), { mode: "probe" });
    // mean 1/3, s 3, xhat 2/9, 8/9, -10/9. Through y_0 = (x_0 - mean) / s: 1/s, for all -1/(3 s), and -xhat_0 / s for x_1.
    expect(valuesOf(backward(column(1, 0, 0)).gradInput)).toEqual(allAbout([2 / 9, -1 / 9 - 2 / 27, -1 / 9], 14));
  });

  it.each([
    [1, 2.5, 2],
    [2, Math.sqrt(8.5), Math.sqrt(5)],
    [Infinity, 5, 3],
  ])("tracks mean and norm for inference, for p = %s", (p, first, second) => {
    const layer = make(p, 0.25);
    train(layer, column(1, 2, 2, 5));
    train(layer, column(-3, -1, 1, 3));
    const [mean, norm] = [0.9 * 0.1 * 2.5, 0.81 + 0.09 * first + 0.1 * second];
    expect(layer.statistics.map(({ values }) => values[0])).toEqual(allAbout([mean, norm, 2], 14));
    const { output } = layer.forward(column(3), { mode: "inference" });
    expect(output.at(0, 0)).toBeCloseTo((3 - mean) / (p === 2 ? Math.sqrt(norm ** 2 + 0.25) : norm + 0.25), 14);
  });
});

describe("GhostBatchNorm", () => {
  const make = (options: object = {}): GhostBatchNorm =>
    new GhostBatchNorm({ features: 1, groupSize: 2, epsilon: 0, dtype: "float64", ...options });

  it("gives the worked numbers", () => {
    expect(train(make(), column(1, 2, 2, 5))).toEqual(allAbout([-1, 1, -1, 1], 14));
  });

  it("is a batch norm per group, where a remaining row joins the group before it", () => {
    const rows = [1, 2, 2, 5, 8, -1, 4];
    const alone = (...group: number[]): number[] =>
      train(new BatchNorm({ features: 1, epsilon: 0, dtype: "float64" }), column(...group));
    expect(train(make(), column(...rows))).toEqual([...alone(1, 2), ...alone(2, 5), ...alone(8, -1, 4)]);
    expect(train(make({ groupSize: 4 }), column(...rows))).toEqual([...alone(1, 2, 2, 5), ...alone(8, -1, 4)]);
    expect(train(make({ groupSize: 9 }), column(...rows))).toEqual(alone(...rows));
  });

  it.each([
    ["unbiased", [2.5, (0.5 + 4.5) / 2], [3.6, 0.4 * 0.5 + 0.6 * 9]],
    ["biased", [2.5, (0.25 + 2.25) / 2], [3.6, 0.4 * 0.25 + 0.6 * 6]],
  ] as const)("tracks means and %s variances of the groups, weighted by their rows, once per pass", (...row) => {
    const [varianceEstimator, first, second] = row;
    const layer = make({ varianceEstimator });
    train(layer, column(1, 2, 2, 5));
    train(layer, column(1, 2, 2, 5, 8)); // groups (1, 2) and (2, 5, 8)
    const [mean, variance] = [0, 1].map((i) => 0.81 * i + 0.09 * first[i]! + 0.1 * second[i]!);
    expect(layer.statistics.map(({ values }) => values[0])).toEqual(allAbout([mean!, variance!, 2], 14));
    const { output } = layer.forward(column(3), { mode: "inference" });
    expect(output.at(0, 0)).toBeCloseTo((3 - mean!) / Math.sqrt(variance!), 14);
  });
});

describe("BatchRenorm", () => {
  const make = (options: object = {}): BatchRenorm => {
    const layer = new BatchRenorm({ features: 1, epsilon: 0, dtype: "float64", ...options });
    layer.norm.runningMean.values[0] = 2;
    layer.norm.batchesTracked.values[0] = 1;
    return layer;
  };

  it("gives the worked numbers, which equal those of inference if not clipped", () => {
    expect(train(make(), column(1, 2, 2, 5))).toEqual(allAbout([-1, 0, 0, 3], 14));
    expect(valuesOf(make().forward(column(1, 2, 2, 5), { mode: "inference" }).output)).toEqual([-1, 0, 0, 3]);
    expect(train(make({ largestScale: 1.2, largestShift: 0.3 }), column(1, 2, 2, 5))).toEqual(
      allAbout([-0.9, -0.1, -0.1, 2.3], 14),
    );
  });

  it("has a gamma of 1 and a beta of 0 if it learns none", () => {
    const layer = make({ scale: false, center: false });
    const { output, backward } = layer.forward(column(1, 2, 2, 5), { mode: "train" });
    expect(valuesOf(output)).toEqual(allAbout([-1, 0, 0, 3], 14));
    const learned = make().forward(column(1, 2, 2, 5), { mode: "train" });
    const [own, other] = [backward, learned.backward].map((run) => valuesOf(run(column(1, -2, 3, 0.5)).gradInput));
    expect(own).toEqual(other);
  });

  it("also clips from below", () => {
    // sigma_B / sigma = 0.15 and (mean_B - mean) / sigma = -4.85, against 1/1.2 and -0.3
    const layer = make({ largestScale: 1.2, largestShift: 0.3 });
    expect(train(layer, column(-3, -2.7))).toEqual(allAbout([-1 / 1.2 - 0.3, 1 / 1.2 - 0.3], 14));
  });

  it("has no correction if running variance and epsilon are 0", () => {
    const layer = make();
    layer.norm.runningVariance.values[0] = 0;
    expect(valuesOf(layer.forward(column(1, 3), { mode: "probe" }).output)).toEqual([-1, 1]);
  });

  it("corrects by the statistics before the pass, then updates them", () => {
    const layer = make();
    train(layer, column(1, 2, 2, 5));
    expect(layer.statistics.map(({ values }) => values[0])).toEqual(allAbout([2.05, 0.9 + 0.1 * 3, 2], 14));
    expect(train(layer, column(1, 3))).toEqual(
      allAbout(
        [-1.05, 0.95].map((off) => off / Math.sqrt(1.2)),
        14,
      ),
    );
  });
});

describe("NoiseInjection", () => {
  const UNITS = 2000;
  const ROWS = 50;
  const zeros = Tensor.zeros([ROWS, UNITS], "float64");
  const ones = Tensor.filled([ROWS, UNITS], 1, "float64");

  /** The shifts m and the scales s of one pass, unit by unit: y at x = 0 is m, y at x = 1 is s + m. */
  function drawOf(layer: NoiseInjection): { m: number[][]; s: number[][] } {
    const at0 = layer.forward(zeros, { mode: "probe" }).output.data;
    const at1 = layer.forward(ones, { mode: "probe" }).output.data;
    const byUnit = (value: (i: number) => number): number[][] =>
      Array.from({ length: UNITS }, (_, j) => Array.from({ length: ROWS }, (_unused, row) => value(row * UNITS + j)));
    return { m: byUnit((i) => at0[i]!), s: byUnit((i) => at1[i]! - at0[i]!) };
  }
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  /** Mean, variance and excess kurtosis. */
  const shapeOf = (values: readonly number[]): [number, number, number] => {
    const { mean, variance, kurtosisExcess } = momentStatistics(momentsOf(values));
    return [mean!, variance!, kurtosisExcess!];
  };

  it("has the distribution of the paper: per unit and step, and per sample around it", () => {
    const { m, s } = drawOf(new NoiseInjection({ random: new Random(5) }));
    // mu ~ U(-.5, .5): mean 0, variance 1/12, excess -1.2; the mean over 50 samples adds a variance of 0.1²/3/50
    const mu = shapeOf(m.map(meanOf));
    expect(mu).toEqual([about(0, 1), about(1 / 12, 1.8), about(-1.2, 0.6)]);
    // sigma ~ U(1, 1.25): mean 1.125, variance 1/192; the mean over 50 samples adds 0.1²/50
    const sigma = shapeOf(s.map(meanOf));
    expect(sigma).toEqual([about(1.125, 1.8), about(1 / 192 + 0.0002, 3), expect.any(Number)]);
    expect(sigma[2]).toBeLessThan(-0.8);
    // m ~ U(mu ± .1): variance 0.1²/3, excess -1.2. s ~ N(sigma, .1): variance 0.01, excess 0. Biased estimates: 49/50.
    const within = (groups: readonly number[][]): number[] =>
      groups.flatMap((values) => values.map((value) => value - meanOf(values)));
    expect(shapeOf(within(m))).toEqual([about(0), about((0.01 / 3) * 0.98, 3.8), about(-1.2, 0.8)]);
    expect(shapeOf(within(s))).toEqual([about(0), about(0.01 * 0.98, 3.5), about(0, 0.8)]);
    // The bounds of the uniform ones.
    expect(Math.max(...m.flat())).toBeLessThan(0.6);
    expect(Math.min(...m.flat())).toBeGreaterThan(-0.6);
    for (const values of m) expect(Math.max(...values) - Math.min(...values)).toBeLessThan(0.2);
  });

  it("takes its four constants from the options", () => {
    const options = { meanSpread: 2, largestScale: 3, sampleMeanSpread: 0.5, sampleScaleStd: 0.2 };
    const { m, s } = drawOf(new NoiseInjection({ random: new Random(5), ...options }));
    expect(shapeOf(m.map(meanOf))[1] / (4 / 3)).toBeCloseTo(1, 1);
    expect(shapeOf(s.map(meanOf))[1] / (1 / 3)).toBeCloseTo(1, 0.8);
    expect(meanOf(m.map((values) => shapeOf(values)[1])) / ((0.25 / 3) * 0.98)).toBeCloseTo(1, 1.3);
    expect(meanOf(s.map((values) => shapeOf(values)[1])) / (0.04 * 0.98)).toBeCloseTo(1, 1.3);
    const drift = drawOf(new NoiseInjection({ random: new Random(5), sampleMeanSpread: 0, sampleScaleStd: 0 }));
    for (const values of [...drift.m, ...drift.s])
      expect(Math.max(...values) - Math.min(...values)).toBeLessThan(1e-12);
  });

  it("changes per unit and step", () => {
    const layer = new NoiseInjection({ random: new Random(5) });
    const first = drawOf(layer).m.map(meanOf);
    train(layer, zeros);
    const second = drawOf(layer).m.map(meanOf);
    const correlation = meanOf(first.map((value, j) => value * second[j]!)) * 12;
    expect(Math.abs(correlation)).toBeLessThan(0.2);
  });

  it("draws in probe what the next train pass will draw, however often", () => {
    const layer = new NoiseInjection({ random: new Random(5) });
    const x = Tensor.normal([6, 3], { random: new Random(6) });
    const probe = (): number[] => valuesOf(layer.forward(x, { mode: "probe" }).output);
    const foreseen = probe();
    layer.forward(x, { mode: "inference" });
    expect(probe()).toEqual(foreseen);
    expect(train(layer, x)).toEqual(foreseen);
    const next = probe();
    expect(next.filter((value, i) => value === foreseen[i])).toEqual([]);
    expect(train(layer, x)).toEqual(next);
  });

  it("gives an objective the noise of the next step without affecting that step", async () => {
    const x = Tensor.normal([6, 3], { random: new Random(6), dtype: "float64" });
    const build = (): Sequential =>
      new Sequential([new BatchNorm({ features: 3, dtype: "float64" }), new NoiseInjection({ random: new Random(5) })]);
    const [looked, untouched] = [build(), build()];
    const batch = { input: x, target: Tensor.zeros([6, 3], "float64") };
    const { objective, point } = modelObjective(looked, batch, meanSquaredError, { mode: "probe" });
    const { loss } = await objective(point);
    expect((await objective(point)).loss).toBe(loss);
    const { output } = looked.forward(x, { mode: "train" });
    expect(meanSquaredError(output, batch.target).loss).toBeCloseTo(loss, 14);
    expect(valuesOf(output)).toEqual(train(untouched, x));
  });

  it("restores its stream if a later layer throws", () => {
    const noise = new NoiseInjection({ random: new Random(5) });
    const model = new Sequential([noise, new BatchNorm({ features: 4 })]);
    const x = Tensor.normal([6, 3], { random: new Random(6) });
    const before = valuesOf(noise.forward(x, { mode: "probe" }).output);
    expect(() => model.forward(x, { mode: "train" })).toThrow(ShapeError);
    expect(valuesOf(noise.forward(x, { mode: "probe" }).output)).toEqual(before);
  });

  it("is the expectation of its noise in inference", () => {
    const layer = new NoiseInjection({ random: new Random(5), largestScale: 1.5 });
    const x = column(-2, 4);
    expect(valuesOf(layer.forward(x, { mode: "inference" }).output)).toEqual([-2.5, 5]);
    const draws = Array.from({ length: 4000 }, () => train(layer, x));
    expect([0, 1].map((row) => meanOf(draws.map((y) => y[row]!)))).toEqual([about(-2.5, 1.2), about(5, 1.2)]);
    const identity = new NoiseInjection({ random: new Random(5), inference: "identity" });
    expect(valuesOf(identity.forward(x, { mode: "inference" }).output)).toEqual([-2, 4]);
  });

  it("differs between two layers created from one stream", () => {
    const random = new Random(5);
    const [a, b] = [new NoiseInjection({ random }), new NoiseInjection({ random })].map((layer) => drawOf(layer).m);
    expect(a!.filter((values, j) => values[0] === b![j]![0])).toHaveLength(0);
  });
});

describe("the edges of the special layers", () => {
  it.each([2, -3])("NoiseInjection refuses an axis that the input does not have (%i)", (axis) => {
    const noise = new NoiseInjection({ random: new Random(1), axis });
    expect(() => noise.forward(column(1, 2), { mode: "train" })).toThrow(ShapeError);
  });

  it("LpNorm divides by a norm of exactly 1", () => {
    const norm = new LpNorm({ features: 1, p: Infinity, epsilon: 0, dtype: "float64" });
    expect(train(norm, column(-1, 1, 0.5, -0.5))).toEqual([-1, 1, 0.5, -0.5]);
  });

  it("GhostBatchNorm keeps a batch of one row as one group", () => {
    const ghost = new GhostBatchNorm({ features: 1, groupSize: 2, epsilon: 0, dtype: "float64" });
    const x = new Tensor(Float64Array.of(1, 3), [1, 1, 2]);
    expect(train(ghost, x)).toEqual([-1, 1]);
  });
});
