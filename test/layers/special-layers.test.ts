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
import {
  BatchRenorm,
  BatchRMSNorm,
  DynamicTanh,
  GhostBatchNorm,
  LpNorm,
  MeanOnlyNorm,
  NoiseInjection,
} from "batchnorm/variants";
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

describe("MeanOnlyNorm", () => {
  const make = (): MeanOnlyNorm => new MeanOnlyNorm({ features: 1, dtype: "float64" });

  it("subtracts the mean of the batch from output and gradient, and nothing else", () => {
    const layer = make();
    layer.beta!.update((values) => values.fill(10));
    const { output, backward } = layer.forward(column(1, 2, 2, 5), { mode: "probe" });
    expect(valuesOf(output)).toEqual(allAbout([8.5, 9.5, 9.5, 12.5], 14));
    const { gradInput, gradients } = backward(column(3, 0, 1, 0));
    expect(valuesOf(gradInput)).toEqual(allAbout([2, -1, 0, -1], 14));
    expect(gradients.get(layer.beta!)!.at(0)).toBe(4);
  });

  it("tracks the mean, which is a constant at inference", () => {
    const layer = make();
    train(layer, column(1, 2, 2, 5));
    train(layer, column(0, 1, 2, 9));
    const mean = 0.9 * 0.25 + 0.1 * 3;
    expect(layer.statistics.map(({ values }) => values[0])).toEqual(allAbout([mean, 2], 14));
    const { output, backward } = layer.forward(column(3), { mode: "inference" });
    expect(output.at(0, 0)).toBeCloseTo(3 - mean, 14);
    expect(backward(column(7)).gradInput.at(0, 0)).toBe(7);
  });

  it("is a batch norm without its division", () => {
    const x = Tensor.normal([6, 3, 4], { random: new Random(1), mean: 2, std: 3, dtype: "float64" });
    const options = { features: 3, axis: 1, dtype: "float64" } as const;
    const norm = new BatchNorm({ ...options, epsilon: 0 });
    const centered = new MeanOnlyNorm(options).forward(x, { mode: "train" }).output;
    const { output } = norm.forward(x, { mode: "train" });
    for (const [i, y] of valuesOf(centered).entries()) {
      const channel = Math.floor(i / 4) % 3;
      const [, variance] = norm.statistics;
      // The running variance is .9 + .1 times the unbiased one.
      const std = Math.sqrt(((variance!.values[channel]! - 0.9) / 0.1) * (23 / 24));
      expect(y).toBeCloseTo(output.data[i]! * std, 11);
    }
  });
});

describe("BatchRMSNorm", () => {
  const make = (options: object = {}): BatchRMSNorm =>
    new BatchRMSNorm({ features: 1, epsilon: 0, dtype: "float64", ...options });

  it("divides by the root mean square and subtracts nothing", () => {
    // mean square 9
    expect(train(make(), column(-1, 1, 5, 3))).toEqual(allAbout([-1 / 3, 1 / 3, 5 / 3, 1], 14));
    expect(train(make({ epsilon: 16 }), column(-1, 1, 5, 3))).toEqual(allAbout([-0.2, 0.2, 1, 0.6], 14));
    expect(train(make(), column(0, 0))).toEqual([0, 0]);
  });

  it("is a batch norm where the mean of the batch is 0, forward and backward", () => {
    const [x, dy] = [column(-3, 1, 2, 0), column(1, -2, 0.5, 3)];
    const [rms, norm] = [make({ epsilon: 0.5 }), new BatchNorm({ features: 1, epsilon: 0.5, dtype: "float64" })];
    for (const layer of [rms, norm]) {
      layer.gamma!.update((values) => values.fill(1.5));
      layer.beta!.update((values) => values.fill(-2));
    }
    const [a, b] = [rms.forward(x, { mode: "probe" }), norm.forward(x, { mode: "probe" })];
    expect(valuesOf(a.output)).toEqual(allAbout(valuesOf(b.output), 14));
    const [back, backNorm] = [a.backward(dy), b.backward(dy)];
    const mean = valuesOf(dy).reduce((sum, value) => sum + value, 0) / 4;
    // Batch norm also removes the mean of the gradient: gamma / s mean(dy).
    const removed = (1.5 / Math.sqrt(14 / 4 + 0.5)) * mean;
    expect(valuesOf(back.gradInput)).toEqual(allAbout(valuesOf(backNorm.gradInput).map((dx) => dx + removed), 14)); // prettier-ignore
    const grads = (of: typeof back): number[] => [...of.gradients.values()].flatMap(valuesOf);
    expect(grads(back)).toEqual(allAbout(grads(backNorm), 14));
  });

  it("does not change if its input is scaled, and its gradient is then orthogonal to the input", () => {
    const x = column(4, -1, 2, 7, 0.5);
    const dy = column(1, -2, 0.5, 3, -1);
    const { output, backward } = make().forward(x, { mode: "probe" });
    const { output: scaled } = make().forward(column(...valuesOf(x).map((value) => 1000 * value)), { mode: "probe" });
    expect(valuesOf(scaled)).toEqual(allAbout(valuesOf(output), 14));
    const dx = valuesOf(backward(dy).gradInput);
    expect(dx.reduce((sum, value, i) => sum + value * x.data[i]!, 0)).toBeCloseTo(0, 13);
    expect(Math.abs(dx.reduce((sum, value) => sum + value, 0))).toBeGreaterThan(0.1);
  });

  it("tracks the mean square for inference", () => {
    const layer = make({ epsilon: 0.25 });
    train(layer, column(-1, 1, 5, 3));
    train(layer, column(1, 2, 2, 5));
    const meanSquare = 0.81 + 0.09 * 9 + 0.1 * 8.5;
    expect(layer.statistics.map(({ values }) => values[0])).toEqual(allAbout([meanSquare, 2], 14));
    const { output, backward } = layer.forward(column(3), { mode: "inference" });
    const std = Math.sqrt(meanSquare + 0.25);
    expect(output.at(0, 0)).toBeCloseTo(3 / std, 14);
    expect(backward(column(7)).gradInput.at(0, 0)).toBeCloseTo(7 / std, 14);
  });

  it("keeps the digits of values far from 0", () => {
    const x = new Tensor(Float32Array.of(1e4, 1e4 + 1, 1e4 + 2), [3, 1]);
    const { output } = new BatchRMSNorm({ features: 1, epsilon: 0 }).forward(x, { mode: "probe" });
    const s = Math.sqrt((1e4 + 1) ** 2 + 2 / 3);
    expect([...output.data]).toEqual([...Float32Array.of(1e4 / s, (1e4 + 1) / s, (1e4 + 2) / s)]);
  });
});

describe("DynamicTanh", () => {
  it("is gamma tanh(alpha x) + beta, with the derivatives of that formula", () => {
    const layer = new DynamicTanh({ features: 2, dtype: "float64" });
    expect(layer.parameters.map(({ name, value }) => [name, value.toNested()])).toEqual([
      ["alpha", [0.5]],
      ["gamma", [1, 1]],
      ["beta", [0, 0]],
    ]);
    layer.alpha.update((values) => values.fill(0.8));
    layer.gamma.update((values) => values.set([2, -1]));
    layer.beta.update((values) => values.set([0.25, 3]));
    const x = [1, -2, 0.3, 0.7];
    const dy = [0.5, 1, -2, 3];
    const [gamma, beta] = [[2, -1], [0.25, 3]]; // prettier-ignore
    const { output, backward } = layer.forward(new Tensor(Float64Array.from(x), [2, 2]), { mode: "train" });
    expect(valuesOf(output)).toEqual(allAbout(x.map((v, i) => gamma[i % 2]! * Math.tanh(0.8 * v) + beta[i % 2]!), 14)); // prettier-ignore
    const { gradInput, gradients } = backward(new Tensor(Float64Array.from(dy), [2, 2]));
    // tanh' = 1 / cosh^2
    const inner = x.map((v, i) => (dy[i]! * gamma[i % 2]!) / Math.cosh(0.8 * v) ** 2);
    expect(valuesOf(gradInput)).toEqual(allAbout(inner.map((slope) => 0.8 * slope), 14)); // prettier-ignore
    expect([...gradients.values()].map(valuesOf)).toEqual([
      [about(inner.reduce((sum, slope, i) => sum + slope * x[i]!, 0), 14)],
      allAbout([0, 1].map((c) => dy[c]! * Math.tanh(0.8 * x[c]!) + dy[c + 2]! * Math.tanh(0.8 * x[c + 2]!)), 14),
      allAbout([-1.5, 4], 14),
    ]); // prettier-ignore
  });

  it("has one alpha, computes the same in every mode, and treats every value alone", () => {
    const layer = new DynamicTanh({ features: 3, alpha: 2, axis: -1, dtype: "float64" });
    const x = Tensor.normal([4, 5, 3], { random: new Random(1), dtype: "float64" });
    const [a, b, c] = (["train", "probe", "inference"] as const).map((mode) =>
      valuesOf(layer.forward(x, { mode }).output),
    );
    expect([a, b]).toEqual([c, c]);
    expect(a).toEqual(valuesOf(x).map((value) => about(Math.tanh(2 * value), 14)));
    expect([layer.alpha.value.shape, layer.statistics]).toEqual([[1], []]);
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
