/** Row weights: batch statistics in which rows count as much as they should, and the gradient through them. */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  checkLayer,
  Dense,
  type Forward,
  type Layer,
  type Mode,
  type Pass,
  Random,
  Sequential,
  SGD,
  type Shape,
  Tanh,
  Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm } from "batchnorm/variants";
import { expectBits, expectClose, memoryOf } from "../support/close.js";
import { layouts } from "../support/cases.js";
import { expectRefusal } from "../support/refusal.js";
import { anyGradient, ordinary, settle } from "../support/samples.js";

/** Every index of a shape, the last axis fastest. */
function indicesOf(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (lists, length) => lists.flatMap((list) => Array.from({ length }, (_, i) => [...list, i])),
    [[]],
  );
}

/** Mean and variance of each feature, straight from the definition: index by index. */
function weightedStatistics(
  x: Tensor,
  axis: number,
  weights: readonly number[],
): { mean: number[]; variance: number[] } {
  const at = axis < 0 ? x.shape.length + axis : axis;
  const places = indicesOf(x.shape).filter((index) => weights[index[0]!]! > 0);
  const perFeature = Array.from({ length: x.shape[at]! }, (_, feature) => {
    const own = places.filter((index) => index[at] === feature);
    const total = own.reduce((sum, index) => sum + weights[index[0]!]!, 0);
    const mean = own.reduce((sum, index) => sum + weights[index[0]!]! * x.at(...index), 0) / total;
    const variance = own.reduce((sum, index) => sum + weights[index[0]!]! * (x.at(...index) - mean) ** 2, 0) / total;
    return { mean, variance };
  });
  return { mean: perFeature.map(({ mean }) => mean), variance: perFeature.map(({ variance }) => variance) };
}

/** A layer that hands its own row weights to every pass. */
class Weighted implements Layer {
  readonly parameters;
  readonly statistics;
  constructor(
    readonly layer: Layer,
    readonly rowWeights: ArrayLike<number>,
  ) {
    this.parameters = layer.parameters;
    this.statistics = layer.statistics;
  }
  forward(input: Tensor, pass: Pass): Forward {
    return this.layer.forward(input, { ...pass, rowWeights: this.rowWeights });
  }
}

/** Weights of some sizes, one of them 0. */
function someWeights(rows: number, random: Random): number[] {
  return Array.from({ length: rows }, (_, row) => (row === 1 ? 0 : random.uniform(0.1, 3)));
}

const cases = layouts.map(({ name, shape, axis }) => {
  // enough rows that some may have no weight
  return { name, shape: [Math.max(shape[0]!, 5), ...shape.slice(1)], axis, features: shape.at(axis)! };
});

describe.each(cases)("row weights of $name", ({ shape, axis, features }) => {
  const random = new Random(1).fork(shape.join());
  const input = ordinary(shape, random);
  const gradOutput = anyGradient(input, random);
  const weights = someWeights(shape[0]!, random);
  const make = (): BatchNorm => settle(new BatchNorm({ features, axis, dtype: "float64" }), shape, new Random(2));
  const featureOf = (index: readonly number[]): number => index.at(axis)!;

  it.each(["train", "probe"] as const)("normalize with the weighted statistics in mode %s", (mode) => {
    const norm = make();
    const { mean, variance } = weightedStatistics(input, axis, weights);
    const expected = indicesOf(shape).map((index) => {
      const c = featureOf(index);
      const xhat = (input.at(...index) - mean[c]!) / Math.sqrt(variance[c]! + norm.epsilon);
      return norm.gamma!.value.at(c) * xhat + norm.beta!.value.at(c);
    });
    expectClose("output", norm.forward(input, { mode, rowWeights: weights }).output.data, expected, 1e-13);
  });

  it.each([true, false])("have the right derivative (through the whole layer: %s)", async (affine) => {
    const norm = affine ? make() : new BatchNorm({ features, axis, scale: false, center: false, dtype: "float64" });
    const layer = new Weighted(norm, weights);
    const report = await checkLayer(layer, input, { mode: "probe", random, coordinatesPerGroup: 8 });
    expect(report.verdict, report.text).toBe("agrees");
  });

  it("that are all equal have no effect", () => {
    for (const size of [1, 0.3]) {
      const [weighted, plain] = [make(), make()];
      const rowWeights = new Float32Array(shape[0]!).fill(size);
      const one = weighted.forward(input, { mode: "train", rowWeights });
      const two = plain.forward(input, { mode: "train" });
      expectClose("output", one.output.data, two.output.data, 1e-13);
      const [backOne, backTwo] = [one.backward(gradOutput), two.backward(gradOutput)];
      expectClose("gradInput", backOne.gradInput.data, backTwo.gradInput.data, 1e-12);
      for (const [place, parameter] of plain.parameters.entries()) {
        const own = backOne.gradients.get(weighted.parameters[place]!)!;
        expectClose(parameter.name, own.data, backTwo.gradients.get(parameter)!.data, 1e-12);
      }
      for (const [place, { name, values }] of plain.statistics.entries()) {
        expectClose(name, weighted.statistics[place]!.values, values, 1e-13);
      }
    }
  });

  it("of 0 leave out a row as if it were not in the batch", () => {
    const kept = Array.from(weights.keys()).filter((row) => row % 2 === 1);
    const mask = weights.map((_, row) => (row % 2 === 1 ? 1 : 0));
    const [masked, plain] = [make(), make()];
    // what does not count may be anything, also nothing at all
    const junk = input.copy();
    junk.data.forEach((_, i) => {
      const row = Math.floor(i / (input.size / shape[0]!));
      if (row % 2 === 0) junk.data[i] = [NaN, Infinity, 1e30][i % 3]!;
    });
    const one = masked.forward(junk, { mode: "train", rowWeights: mask });
    const two = plain.forward(input.rows(kept), { mode: "train" });
    expectClose("output", one.output.rows(kept).data, two.output.data, 1e-13);
    for (const [place, { name, values }] of plain.statistics.entries()) {
      expectClose(name, masked.statistics[place]!.values, values, 1e-13);
    }
    // A loss that ignores the masked rows sends zeros there; then they get none either, and the others theirs.
    const sent = gradOutput.copy();
    sent.data.forEach((_, i) => {
      if (Math.floor(i / (input.size / shape[0]!)) % 2 === 0) sent.data[i] = 0;
    });
    const backOne = make().forward(input, { mode: "probe", rowWeights: mask }).backward(sent);
    const backTwo = two.backward(sent.rows(kept));
    expectClose("gradInput", backOne.gradInput.rows(kept).data, backTwo.gradInput.data, 1e-12);
    const dropped = Array.from(weights.keys()).filter((row) => row % 2 === 0);
    expectBits(
      "gradInput of the masked",
      backOne.gradInput.rows(dropped).data.map(Math.abs),
      Array(dropped.length * (input.size / shape[0]!)).fill(0),
    );
  });

  it("that are integers count a row that many times", () => {
    const others = Array.from({ length: shape[0]! - 1 }, (_, i) => i + 1);
    const rowWeights = [3, ...others.map(() => 1)];
    const one = make().forward(input, { mode: "probe", rowWeights });
    const two = make().forward(input.rows([...others, 0, 0, 0]), { mode: "probe" });
    expectClose("output", one.output.rows([...others, 0, 0, 0]).data, two.output.data, 1e-13);
  });
});

describe("running statistics", () => {
  const x = Tensor.from([[1], [2], [4], [9]], { dtype: "float64" });
  const rowWeights = [1, 2, 1, 0];
  // W = 4, mean = (1 + 4 + 4) / 4, variance = (1.25² + 2 0.25² + 1.75²) / 4; worth 4² / (1 + 4 + 1) values
  const mean = 2.25;
  const variance = (1.5625 + 0.125 + 3.0625) / 4;
  const values = 16 / 6;

  it.each([
    ["unbiased", (variance * values) / (values - 1)],
    ["biased", variance],
  ] as const)("take the weighted mean and the %s weighted variance", (varianceEstimator, expected) => {
    const norm = new BatchNorm({ features: 1, momentum: 1, varianceEstimator, dtype: "float64" });
    norm.forward(x, { mode: "train", rowWeights });
    expectClose("runningMean", norm.runningMean.values, [mean], 1e-15);
    expectClose("runningVariance", norm.runningVariance.values, [expected], 1e-15);
  });

  it("estimate the variance of the source without bias for any weights", () => {
    const random = new Random(3);
    const norm = new BatchNorm({ features: 64, momentum: null, dtype: "float64" });
    for (let batch = 0; batch < 400; batch++) {
      const weights = Array.from({ length: 5 }, () => random.uniform(0.2, 2));
      norm.forward(Tensor.normal([5, 64], { random, std: 3, dtype: "float64" }), {
        mode: "train",
        rowWeights: weights,
      });
    }
    const average = norm.runningVariance.values.reduce((sum, value) => sum + value, 0) / 64;
    // 25,600 variances of some 4 degrees of freedom: a standard error of 0.4 %; without the correction it would be 7.1
    expect(average).toBeGreaterThan(9 * 0.98);
    expect(average).toBeLessThan(9 * 1.02);
  });

  it("of a constant feature are its value and exactly 0", () => {
    const norm = new BatchNorm({ features: 1, momentum: 1, epsilon: 0 });
    const { output } = norm.forward(Tensor.filled([3, 1], 0.1), { mode: "train", rowWeights: [0.3, 0.7, 0.1] });
    expectBits("runningMean", norm.runningMean.values, [Math.fround(0.1)]);
    expectBits("runningVariance", norm.runningVariance.values, [0]);
    expectBits("output", output.data, [0, 0, 0]);
  });

  it("stay accurate if the mean is much larger than the standard deviation", () => {
    const norm = new BatchNorm({ features: 1, momentum: 1, varianceEstimator: "biased", dtype: "float64" });
    const far = Tensor.from([[1e8 + 1], [1e8 + 2], [1e8 + 4], [NaN]], { dtype: "float64" });
    norm.forward(far, { mode: "train", rowWeights });
    expectClose("runningVariance", norm.runningVariance.values, [variance], 1e-13);
  });
});

describe("inside a model", () => {
  it("reach every batch norm, so that a masked training step equals the step without the masked rows", () => {
    const make = (): Sequential => {
      const random = new Random(4);
      const layers = [
        new Dense({ inputs: 3, outputs: 4, bias: false, random, dtype: "float64" }),
        new BatchNorm({ features: 4, dtype: "float64" }),
        new Tanh(),
        new Sequential([
          new Dense({ inputs: 4, outputs: 3, bias: false, random, dtype: "float64" }),
          new BatchNorm({ features: 3, dtype: "float64" }),
        ]),
      ];
      return new Sequential(layers);
    };
    const random = new Random(5);
    const input = ordinary([6, 3], random);
    const kept = [0, 1, 3, 5];
    const rowWeights = [1, 1, 0, 1, 0, 1];
    const [masked, plain] = [make(), make()];
    const gradOutput = anyGradient(input, random);
    for (const row of [2, 4]) gradOutput.data.fill(0, row * 3, row * 3 + 3);
    for (let step = 0; step < 3; step++) {
      const one = masked.forward(input, { mode: "train", rowWeights }).backward(gradOutput);
      const two = plain.forward(input.rows(kept), { mode: "train" }).backward(gradOutput.rows(kept));
      new SGD(masked.parameters, { learningRate: 0.1 }).step(one.gradients);
      new SGD(plain.parameters, { learningRate: 0.1 }).step(two.gradients);
    }
    for (const [place, { name, value }] of plain.parameters.entries()) {
      expectClose(name, masked.parameters[place]!.value.data, value.data, 1e-9);
    }
    for (const [place, { name, values }] of plain.statistics.entries()) {
      expectClose(name, masked.statistics[place]!.values, values, 1e-9);
    }
  });

  it("have no effect in inference", () => {
    const norm = settle(new BatchNorm({ features: 3, dtype: "float64" }), [4, 3], new Random(6));
    const input = ordinary([4, 3], new Random(7));
    const { output } = norm.forward(input, { mode: "inference" });
    expectBits("output", norm.forward(input, { mode: "inference", rowWeights: [0, 0, 0, 1] }).output.data, output.data);
  });
});

describe("refusals", () => {
  const input = ordinary([4, 3], new Random(8), "float32");

  it.each([
    ["too few", [1, 1, 1], 'ShapeError: BatchNorm "0": rowWeights | 4 | 3'],
    ["none", [], 'ShapeError: BatchNorm "0": rowWeights | 4 | 0'],
    ["a negative one", [1, 1, -0.5, 1], 'RangeError: BatchNorm "0": -0.5 | 2'],
    ["NaN", [NaN, 1, 1, 1], 'RangeError: BatchNorm "0": NaN | 0'],
    ["an infinite one", [1, Infinity, 1, 1], 'RangeError: BatchNorm "0": Infinity | 1'],
    ["all 0", [0, 0, 0, 0], `RangeError: BatchNorm "0": 2 | "MODE" | [4, 3] | 0 | cure`],
    ["one row left", [0, 5, 0, 0], `RangeError: BatchNorm "0": 2 | "MODE" | [4, 3] | 1 | cure`],
    ["one row that outweighs all", [9, 1, 1, 0], `RangeError: BatchNorm "0": 2 | "MODE" | [4, 3] | 1.46 | cure`],
  ])("of %s", async (_, rowWeights, refusal) => {
    const model = new Sequential([new BatchNorm({ features: 3 })]);
    const before = memoryOf(model);
    for (const mode of ["train", "probe"] as const) {
      await expectRefusal(() => model.forward(input, { mode, rowWeights }), refusal.replace("MODE", mode));
    }
    expect(memoryOf(model)).toEqual(before);
  });

  it("are about the number of values, not rows, if one row is left", () => {
    const norm = new BatchNorm({ features: 3, dtype: "float64" });
    const images = ordinary([2, 3, 4], new Random(9));
    const alone = norm.forward(images.rows([1]), { mode: "probe" }).output;
    const { output } = norm.forward(images, { mode: "probe", rowWeights: [0, 1] });
    expectClose("output", output.rows([1]).data, alone.data, 1e-13);
  });

  it("of features on the axis of the rows", async () => {
    const norm = new BatchNorm({ features: 4, axis: 0 });
    await expectRefusal(
      () => norm.forward(input, { mode: "train", rowWeights: [1, 1, 1, 1] }),
      "ShapeError: BatchNorm: axis | 0",
    );
  });

  it.each<[string, Layer]>([
    ["GhostBatchNorm", new GhostBatchNorm({ features: 3, groupSize: 2 })],
    ["BatchRenorm", new BatchRenorm({ features: 3 })],
    ["LpNorm", new LpNorm({ features: 3, p: 1 })],
  ])("of %s, which would have to ignore them", async (kind, layer) => {
    const before = memoryOf(layer);
    for (const mode of ["train", "probe"] as const satisfies Mode[]) {
      await expectRefusal(
        () => layer.forward(input, { mode, path: "2", rowWeights: [1, 1, 1, 0] }),
        `TypeError: ${kind} "2": [1, 1, 1, 0] | cure`,
      );
    }
    expect(memoryOf(layer)).toEqual(before);
  });
});

describe("a row of weight 0 whose gradient is 0", () => {
  it("may contain anything, including NaN, without affecting any gradient", () => {
    const norm = new BatchNorm({ features: 1, epsilon: 0, dtype: "float64" });
    const x = Tensor.from([[1], [7], [9], [15], [NaN]], { dtype: "float64" });
    const dy = Tensor.from([[1], [2], [3], [5], [0]], { dtype: "float64" });
    const { backward } = norm.forward(x, { mode: "train", rowWeights: [1, 1, 1, 1, 0] });
    const { gradInput, gradients } = backward(dy);
    // mean 8, variance 25, so xhat = (x - 8) / 5; sum dy = 11, sum dy xhat = 5.8
    const expected = [-1.4, -0.2, 0.2, 1.4].map((xhat, n) => (dy.at(n, 0) - (11 + xhat * 5.8) / 4) / 5);
    expectClose("gradInput", gradInput.data, [...expected, 0], 1e-14);
    expectClose("gamma", gradients.get(norm.gamma!)!.data, [5.8], 1e-14);
    expectClose("beta", gradients.get(norm.beta!)!.data, [11], 1e-15);
    expectClose("running mean", norm.runningMean.values, [0.8], 1e-15);
  });
});

describe("a mask by position", () => {
  const random = new Random(7);
  const shape = [3, 2, 4]; // [N, C, L]
  const x = Tensor.normal(shape, { random, mean: 2, std: 3, dtype: "float64" });
  const lengths = [4, 1, 2];
  const mask = Tensor.from(
    lengths.map((length) => [0, 1, 2, 3].map((position) => (position < length ? 1 : 0))),
    { dtype: "float64" },
  );
  /** The same numbers with the features last. */
  const turned = Tensor.from(
    [0, 1, 2].map((n) => [0, 1, 2, 3].map((l) => [0, 1].map((c) => x.at(n, c, l)))),
    { dtype: "float64" },
  );

  it("gives the statistics of the unmasked positions in both layouts", () => {
    const counted = lengths.flatMap((length, n) => Array.from({ length }, (_, l) => [x.at(n, 0, l), x.at(n, 1, l)]));
    const alone = new BatchNorm({ features: 2, dtype: "float64" });
    alone.forward(Tensor.from(counted, { dtype: "float64" }), { mode: "train" });
    for (const [input, axis] of [[x, 1] as const, [turned, -1] as const]) {
      const norm = new BatchNorm({ features: 2, axis, dtype: "float64" });
      norm.forward(input, { mode: "train", rowWeights: mask });
      expectClose("mean", norm.runningMean.values, alone.runningMean.values, 1e-14);
      expectClose("variance", norm.runningVariance.values, alone.runningVariance.values, 1e-14);
    }
  });

  it("has a backward pass that is the derivative of its forward pass", async () => {
    for (const [input, axis] of [[x, 1] as const, [turned, -1] as const]) {
      const norm = settle(new BatchNorm({ features: 2, axis, dtype: "float64" }), input.shape, new Random(8));
      const report = await checkLayer(new Weighted(norm, mask as unknown as ArrayLike<number>), input, {
        mode: "probe",
        random: new Random(9),
        coordinatesPerGroup: 24,
      });
      expect(report.verdict).toBe("agrees");
    }
  });

  it("equals row weights if all positions of a row have the same weight", () => {
    const norm = (): BatchNorm => new BatchNorm({ features: 2, dtype: "float64" });
    const byRow = norm().forward(x, { mode: "probe", rowWeights: [1, 0, 2] }).output;
    const byPosition = Tensor.from(
      [1, 0, 2].map((weight) => [weight, weight, weight, weight]),
      { dtype: "float64" },
    );
    expectBits("output", norm().forward(x, { mode: "probe", rowWeights: byPosition }).output.data, byRow.data);
  });

  it("of another shape is refused with both shapes", () => {
    const norm = new BatchNorm({ features: 2, dtype: "float64" });
    const wrong = Tensor.filled([3, 3], 1, "float64");
    expect(() => norm.forward(x, { mode: "train", rowWeights: wrong })).toThrow(/\[3, 4\].*\[3, 3\]/);
  });
});

describe("the scale of row weights", () => {
  it.each([1e-170, 1e155, 5e-324, 1e308])("does not matter (%s)", (scale) => {
    const x = Tensor.from([[1], [2], [4]], { dtype: "float64" });
    const norm = (): BatchNorm => new BatchNorm({ features: 1, dtype: "float64" });
    const one = norm().forward(x, { mode: "probe", rowWeights: [1, 0, 1] }).output;
    const other = norm().forward(x, { mode: "probe", rowWeights: [scale, 0, scale] }).output;
    expectBits("output", other.data, one.data);
  });
});
