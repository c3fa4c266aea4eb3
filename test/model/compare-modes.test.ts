/** compareModes: every figure by value, the right culprit, the right diagnosis, no false alarm, no trace. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchNorm, Dense, type Layer, type Loss, meanSquaredError, Random, ReLU, Sequential, Tensor } from "batchnorm";
import { GhostBatchNorm } from "batchnorm/variants";
import { compareModes, type CompareModesOptions, recalibrate } from "batchnorm/tools";
import { expectClose, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { randomModel } from "../support/random-models.js";
import { ordinary, settle } from "../support/samples.js";

const float64 = { dtype: "float64" } as const;

/** A batch norm whose running statistics are these. */
function withStatistics(mean: readonly number[], variance: readonly number[], options: object = {}): BatchNorm {
  const norm = new BatchNorm({ features: mean.length, epsilon: 0, ...float64, ...options });
  norm.runningMean.values.set(mean);
  norm.runningVariance.values.set(variance);
  norm.batchesTracked.values[0] = 1000;
  return norm;
}

function scaling(by: number): Layer {
  return new Dense({
    inputs: 1,
    outputs: 1,
    bias: false,
    initial: { weight: Tensor.from([[by]], float64) },
    ...float64,
  });
}

/** The loss is the mean of the outputs. */
const meanOutput: Loss<number> = (output) => ({
  loss: Array.from(output.data).reduce((sum, y) => sum + y, 0) / output.size,
  gradOutput: output,
});

describe("one batch norm", () => {
  // means 2 and 20, variances 2 and 50 (unbiased), 1 and 25 (biased)
  const input = Tensor.from(
    [
      [1, 15],
      [3, 25],
    ],
    float64,
  );

  it.each([
    ["unbiased", [2, 50]],
    ["biased", [1, 25]],
  ] as const)("is compared by mean and %s variance, with epsilon", (varianceEstimator, [first, second]) => {
    const norm = withStatistics([5, 20], [3.75, 9.75], { epsilon: 0.25, varianceEstimator });
    const [layer] = compareModes(norm, input).layers;
    expectClose("meanShift", layer!.meanShift, [-3 / 2, 0], 1e-15);
    expectClose(
      "ratio",
      layer!.logVarianceRatio,
      [Math.log((first + 0.25) / 4), Math.log((second + 0.25) / 10)],
      1e-14,
    );
    expect(layer).toMatchObject({ path: "", valuesPerFeature: 2, batchesTracked: 1000, lossDifference: null });
  });

  it("gives the difference of its outputs", () => {
    const norm = withStatistics([0, 10], [4, 100], { varianceEstimator: "biased" });
    const report = compareModes(norm, input);
    // batch: ±1 everywhere; inference: 0.5 and 1.5, 0.5 and 1.5
    const difference = Math.sqrt((2 * 1.5 ** 2 + 2 * 0.5 ** 2) / 4);
    expectClose("output", [report.output.difference, report.output.size], [difference, 1], 1e-15);
    expect(report.layers[0]!.output).toEqual(report.output);
    expect(report).toMatchObject({ tool: "compareModes", rows: 2, passes: 2, loss: null });
  });

  it("gives the loss in both modes", () => {
    const norm = withStatistics([0, 10], [4, 100], { varianceEstimator: "biased" });
    const report = compareModes(norm, input, { loss: meanOutput, target: 0 });
    expect(report.loss).toEqual({ batch: 0, inference: 1, difference: 1 });
    expect(report.layers[0]!.lossDifference).toBe(1);
    expect(report.passes).toBe(3);
  });
});

describe("a model", () => {
  it("is compared by what enters each layer with the statistics of the batch", () => {
    const stale = withStatistics([7], [9]);
    const fine = withStatistics([0], [100]);
    const model = new Sequential([stale, scaling(10), fine]);
    const input = Tensor.from([[-3], [-1], [1], [3]], float64); // variance 5, or 20 / 3 unbiased
    const { layers } = compareModes(model, input);
    expect(layers.map(({ path }) => path)).toEqual(["0", "2"]);
    expectClose(
      "first",
      [layers[0]!.meanShift[0]!, layers[0]!.logVarianceRatio[0]!],
      [-7 / 3, Math.log(20 / 27)],
      1e-14,
    );
    // what enters the second one has mean 0 and variance 100, however stale the first
    expectClose("second", [layers[1]!.meanShift[0]!, layers[1]!.logVarianceRatio[0]!], [0, Math.log(4 / 3)], 1e-14);
    // its output differs all the same, since in inference the first one's differs
    expect(layers[1]!.output.difference).toBeGreaterThan(2);
  });

  it("names the layer that the loss suffers from, though a batch norm behind it would hide that", () => {
    const random = new Random(1);
    const [stale, fine] = [withStatistics([50, 50], [1, 1]), withStatistics([0, 0], [1, 1])];
    const model = new Sequential([stale, fine, new Dense({ inputs: 2, outputs: 2, random, ...float64 })]);
    const input = Tensor.normal([200, 2], { random, ...float64 });
    const target = model.forward(input, { mode: "probe" }).output;
    const report = compareModes(model, input, { loss: meanSquaredError, target });
    expect(report.layers[0]!.lossDifference).toBeGreaterThan(100);
    expect(Math.abs(report.layers[1]!.lossDifference!)).toBeLessThan(0.1);
    expect(report.finding).toContain('1 of 2 batch norms do not fit this batch; "0": the batch\'s mean of feature');
  });

  it("splits the difference of the losses among its batch norms, and is left as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const { model, input, random } = randomModel(seed);
        const batch = input(8);
        for (const parameter of model.parameters) parameter.trainable = random.uniform() < 0.5;
        const trainable = model.parameters.map((parameter) => parameter.trainable);
        const before = memoryOf(model);
        const { output } = model.forward(batch, { mode: "probe" });
        const target = ordinary(output.shape, random);
        const report = compareModes(model, batch, { loss: meanSquaredError, target });
        const inference = model.forward(batch, { mode: "inference" }).output;
        const [own, other] = [meanSquaredError(output, target).loss, meanSquaredError(inference, target).loss];
        expect(report.loss).toEqual({ batch: own, inference: other, difference: other - own });
        const sum = report.layers.reduce((total, { lossDifference }) => total + lossDifference!, 0);
        expect(Math.abs(sum - (other - own))).toBeLessThan(1e-9 * Math.max(own, other));
        expect(report.passes).toBe(2 + report.layers.length);
        expect(memoryOf(model)).toEqual(before);
        expect(model.parameters.map((parameter) => parameter.trainable)).toEqual(trainable);
        expect(JSON.parse(JSON.stringify(report))).toEqual(report);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("counts a batch norm at two places at its last", () => {
    const norm = withStatistics([1], [4]);
    const model = new Sequential([norm, scaling(3), norm]);
    const input = Tensor.from([[0], [1], [5]], float64);
    const { layers, loss, passes } = compareModes(model, input, { loss: meanOutput, target: 0 });
    expect(layers.map(({ path }) => path)).toEqual(["0", "2"]);
    expect(layers[0]!.lossDifference).toBe(0);
    expect(layers[1]!.lossDifference).toBeCloseTo(loss!.difference, 12);
    expect(passes).toBe(3);
  });

  it.each([1, 2, 3, 4])("is left as it was when the loss throws at call %i", (call) => {
    const norms = [withStatistics([1], [4]), withStatistics([0], [1])];
    norms[1]!.freeze({ normalization: false, updates: true, parameters: false });
    norms[0]!.gamma!.trainable = false;
    const model = new Sequential([...norms, new ReLU()]);
    const frozen = norms.map((norm) => norm.frozen);
    const before = memoryOf(model);
    let calls = 0;
    const loss: Loss<number> = (output, target) => {
      if (++calls === call) throw new Error("no loss");
      return meanOutput(output, target);
    };
    expect(() => compareModes(model, Tensor.from([[0], [1], [5]], float64), { loss, target: 0 })).toThrow("no loss");
    expect(norms.map((norm) => norm.frozen)).toEqual(frozen);
    expect(model.parameters.map((parameter) => parameter.trainable)).toEqual([false, true, true, true]);
    expect(memoryOf(model)).toEqual(before);
  });
});

describe("the verdict", () => {
  const random = new Random(2);

  it.each([4, 16, 64, 1024])("is no false alarm on batches of %i from the source of the statistics", (rows) => {
    for (const [mean, std] of [
      [0, 1],
      [100, 0.01],
    ] as const) {
      const norm = withStatistics(Array<number>(50).fill(mean), Array<number>(50).fill(std * std), { features: 50 });
      const off = Array.from({ length: 20 }, () => {
        const input = Tensor.normal([rows, 50], { random, mean, std, ...float64 });
        return compareModes(norm, input).layers[0]!.featuresOff;
      });
      // of 1000 features
      expect(off.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(3);
    }
  });

  it("sees a mean or a variance that is off", () => {
    const input = Tensor.normal([256, 2], { random, ...float64 });
    const verdicts = [
      withStatistics([0, 0], [1, 1]),
      withStatistics([0, 0.5], [1, 1]),
      withStatistics([0, 0], [1, 3]),
      withStatistics([0, 0], [1, 0.3]),
    ].map((norm) => compareModes(norm, input).layers.map(({ verdict, featuresOff }) => [verdict, featuresOff]));
    expect(verdicts).toEqual([[["fits", 0]], [["off", 1]], [["off", 1]], [["off", 1]]]);
  });

  it('is "same" where both modes normalize alike', () => {
    const frozen = withStatistics([3], [1]);
    frozen.freeze();
    const model = new Sequential([frozen, new BatchNorm({ features: 1, trackRunningStatistics: false, ...float64 })]);
    const input = Tensor.normal([9, 1], { random, ...float64 });
    const report = compareModes(model, input, { loss: meanOutput, target: 0 });
    expect(report.layers.map(({ verdict, lossDifference }) => [verdict, lossDifference])).toEqual([
      ["same", 0],
      ["same", 0],
    ]);
    expect(report.layers[1]).toMatchObject({ meanShift: [], logVarianceRatio: [], featuresOff: 0 });
    expect(report.layers.map(({ finding }) => finding)).toEqual([
      "normalizes with its running statistics (it is frozen) in both modes",
      "normalizes with the batch (it keeps no running statistics) in both modes",
    ]);
    expect(report.output.difference).toBe(0);
    expect(report.finding).toMatch(
      /^no layer normalizes differently in the two modes; the outputs differ by 0% of their size; the loss is /,
    );
  });
});

describe("the finding", () => {
  const x = Tensor.from([[5], [7], [9], [11]], float64); // mean 8, unbiased variance 20 / 3

  it("is that training has not run long enough, where the initial statistics are still there", () => {
    const norm = new BatchNorm({ features: 1, momentum: 0.01, ...float64 });
    for (let step = 0; step < 20; step++) norm.forward(x, { mode: "train" });
    expect(compareModes(norm, x).layers[0]!.finding).toBe(
      "the batch's mean of feature 0 is 4.6 running standard deviations off the running mean, " +
        "the batch's variance of feature 0 is 3.3 times the running one; " +
        "the initial values 0 and 1 still make up 82% of the running statistics (20 batches at momentum 0.01): " +
        "train longer, raise the momentum, or recalibrate(model, batches)",
    );
    const once = new BatchNorm({ features: 1, ...float64 });
    once.forward(x, { mode: "train" });
    expect(compareModes(once, x).finding).toContain(
      "the initial values 0 and 1 still make up 90% of the running statistics (1 batch at momentum 0.1)",
    );
  });

  it("is not, where they were recalibrated or loaded and the batch is of another kind", () => {
    const norm = new BatchNorm({ features: 1, ...float64 });
    recalibrate(norm, [x]);
    const far = Tensor.from([[105], [107], [109], [111]], float64);
    expect(compareModes(norm, far).finding).toBe(
      "the outputs differ by 3873% of their size; the batch's mean of feature 0 is 39 running standard deviations off the running mean; " +
        "the weights have changed since, or this batch differs from those in training; if the model is meant for such batches, use recalibrate(model, batches)",
    );
    // A running variance below the share of the initial 1 cannot come from an average that began there.
    const narrow = withStatistics([3], [1e-4], { momentum: 0.1 });
    narrow.batchesTracked.values[0] = 2;
    expect(compareModes(narrow, x).finding).toContain("the weights have changed since");
  });

  it("is the momentum of another library, where it is above a half", () => {
    const norm = new BatchNorm({ features: 1, momentum: 0.99, ...float64 });
    for (const value of [100, 0, 50]) {
      norm.forward(Tensor.from([[value - 1], [value], [value + 1]], float64), { mode: "train" });
    }
    expect(compareModes(norm, x).finding).toContain(
      "at momentum 0.99 the running statistics are mostly those of the last batches (Keras's 0.99 is 0.01 here): lower the momentum, or use recalibrate(model, batches)",
    );
  });

  it("counts the features that are off", () => {
    const norm = withStatistics([0, 9, -9], [1, 1, 1]);
    const input = Tensor.normal([64, 3], { random: new Random(3), ...float64 });
    expect(compareModes(norm, input).finding).toMatch(
      /the batch's mean of feature [12] is (8|9)(\.\d)? running .* mean, 2 features are off; the weights/,
    );
  });

  it("is that all fits, and that a small batch cannot say more", () => {
    const norm = new BatchNorm({ features: 1, ...float64 });
    recalibrate(norm, [x]);
    expect(compareModes(norm, x).finding).toBe(
      "all running statistics fit this batch; the outputs differ by 13% of their size; " +
        "the mean of 4 values per feature is known to 0.5 standard deviations: compare on a larger batch",
    );
    const many = Tensor.normal([400, 1], { random: new Random(4), ...float64 });
    recalibrate(norm, [many]);
    expect(compareModes(norm, many, { loss: meanSquaredError, target: many }).finding).toMatch(
      /^all running statistics fit this batch; the outputs differ by 0\.\d+% of their size; the loss is 0\.\d+ with the batch's statistics and 0\.\d+ in inference$/,
    );
  });
});

describe("refusals", () => {
  const norm = withStatistics([0], [1]);
  const x = Tensor.from([[1], [2]], float64);
  const untracked = new BatchNorm({ features: 1, ...float64 });
  it.each<[string, unknown, unknown, unknown, string]>([
    [
      "an unknown option",
      new BatchNorm({ features: 1 }),
      Tensor.from([[1]]),
      { lost: 1 },
      'TypeError: compareModes: "lost" | loss | cure',
    ],
    ["no model", null, x, {}, "TypeError: compareModes: parameters | null"],
    ["no Tensor", norm, [1, 2], {}, "TypeError: compareModes: input | Tensor | [1, 2]"],
    ["options that are none", norm, x, 1, "TypeError: compareModes: options | 1"],
    ["a loss alone", norm, x, { loss: meanOutput }, "TypeError: compareModes: a loss and a target | got a loss alone"],
    ["a target alone", norm, x, { target: 1 }, "TypeError: compareModes: a loss and a target | got a target alone"],
    ["a loss that is none", norm, x, { loss: 2, target: 1 }, "TypeError: compareModes: loss | 2"],
    ["a batch of one", norm, x.rows([0]), {}, 'RangeError: BatchNorm: 2 | "probe" | input | [1, 1] | cure'],
    [
      "statistics that were never gathered",
      new Sequential([untracked]),
      x,
      {},
      'RangeError: BatchNorm "0": "inference" | cure',
    ],
    ["NaN", norm, Tensor.from([[1], [NaN]], float64), {}, 'RangeError: compareModes: "" | NaN | 0 | cure'],
  ])("of %s", async (_, model, input, options, refusal) => {
    const work = (): unknown => compareModes(model as Layer, input as Tensor, options as CompareModesOptions<number>);
    await expectRefusal(work, refusal);
  });
});

it("sees through a layer built around a batch norm", () => {
  const ghost = settle(new GhostBatchNorm({ features: 2, groupSize: 3, ...float64 }), [9, 2], new Random(5));
  const plain = withStatistics([...ghost.norm.runningMean.values], [...ghost.norm.runningVariance.values], {
    epsilon: 1e-5,
  });
  const input = ordinary([9, 2], new Random(6));
  const [one, two] = [compareModes(ghost, input).layers[0]!, compareModes(plain, input).layers[0]!];
  expect(one.meanShift).toEqual(two.meanShift);
  expect(one.logVarianceRatio).toEqual(two.logVarianceRatio);
});
