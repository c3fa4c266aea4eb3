/** The running statistics of BatchNorm by value: after every batch, what the formula says, computed here in plain loops. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { BatchNorm, type BatchNormOptions } from "../../src/layers/batch-norm.js";
import { Sequential } from "../../src/layers/sequential.js";
import type { Shape } from "../../src/core/shape.js";
import { Tensor } from "../../src/core/tensor.js";
import { layouts } from "../support/cases.js";
import { expectBits, furthest, memoryOf } from "../support/close.js";
import { faultlessStatistics, statisticsMutants } from "../support/mutants.js";
import { anyGradient, ordinary } from "../support/samples.js";

interface Moments {
  readonly mean: number[];
  /** Divided by M. */
  readonly variance: number[];
  readonly m: number;
}

/** Mean and variance of each feature, index by index. */
function momentsOf(x: Tensor, axis: number): Moments {
  const at = axis < 0 ? x.shape.length + axis : axis;
  const inner = x.shape.slice(at + 1).reduce((product, size) => product * size, 1);
  const columns = Array.from({ length: x.shape[at]! }, (_, c) =>
    Array.from(x.data).filter((_value, i) => Math.floor(i / inner) % x.shape[at]! === c),
  );
  const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = columns.map(average);
  return {
    mean,
    variance: columns.map((column, c) => average(column.map((v) => (v - mean[c]!) ** 2))),
    m: columns[0]!.length,
  };
}

/** running_k = (1-m)^k start + m Σ_i (1-m)^(k-i) batch_i, or at null the average of the batches. */
function closedForm(start: number, batches: readonly number[], momentum: number | null): number {
  const k = batches.length;
  if (momentum === null) return batches.reduce((sum, value) => sum + value, 0) / k;
  return batches.reduce(
    (sum, value, i) => sum + momentum * (1 - momentum) ** (k - 1 - i) * value,
    (1 - momentum) ** k * start,
  );
}

const situations: readonly { readonly options: Partial<BatchNormOptions>; readonly shapes: readonly Shape[] }[] = [
  ...[0.1, 0.01, 0.75, 0, 1, null].flatMap((momentum) =>
    (["unbiased", "biased"] as const).map((varianceEstimator) => ({
      options: { momentum, varianceEstimator },
      shapes: [7, 5, 2, 11, 8].map((rows) => [rows, 3]),
    })),
  ),
  { options: {}, shapes: [7, 5].map((rows) => [rows, 3]) },
  ...layouts.map(({ shape, axis }) => ({
    options: { features: shape.at(axis)!, axis },
    shapes: [shape, [shape[0]! + 2, ...shape.slice(1)], shape],
  })),
];

/** Everything that the running statistics of a batch norm should do and do not do; nothing when all is right. */
function findings(make: (options: BatchNormOptions) => BatchNorm): string[] {
  const found: string[] = [];
  for (const [number, { options, shapes }] of situations.entries()) {
    const random = new Random(1 + number);
    const norm = make({ features: 3, dtype: "float64", ...options });
    const { momentum, axis, features } = norm;
    const batches: Moments[] = [];
    const check = (when: string): void => {
      const k = batches.length;
      const correction = ({ m }: Moments): number => (options.varianceEstimator === "biased" ? 1 : m / (m - 1));
      const expected = Array.from({ length: features }, (_, c) => ({
        mean:
          k === 0
            ? 0
            : closedForm(
                0,
                batches.map(({ mean }) => mean[c]!),
                momentum,
              ),
        variance:
          k === 0
            ? 1
            : closedForm(
                1,
                batches.map((b) => correction(b) * b.variance[c]!),
                momentum,
              ),
      }));
      const compare = (what: string, actual: Float64Array, values: readonly number[]): void => {
        const { off, at } = furthest(actual, values);
        if (off > 1e-12)
          found.push(`${JSON.stringify(options)}, ${when}: ${what}[${at}] is ${actual[at]}, not ${values[at]}`);
      };
      compare(
        "runningMean",
        norm.runningMean.values,
        expected.map(({ mean }) => mean),
      );
      compare(
        "runningVariance",
        norm.runningVariance.values,
        expected.map(({ variance }) => variance),
      );
      compare("batchesTracked", norm.batchesTracked.values, [k]);
    };
    check("at first");
    for (const shape of shapes) {
      const x = ordinary(shape, random);
      norm.forward(x, { mode: "probe" });
      check(`after a probe and ${batches.length} batches`);
      norm.forward(x, { mode: "train" });
      batches.push(momentsOf(x, axis));
      check(`after ${batches.length} batches`);
      const { output } = norm.forward(x, { mode: "inference" });
      check(`after inference and ${batches.length} batches`);
      // what inference gives is made of the running statistics alone
      const inner = x.shape
        .slice(axis < 0 ? x.shape.length + axis + 1 : axis + 1)
        .reduce((product, size) => product * size, 1);
      const normalized = x.data.map((value, i) => {
        const c = Math.floor(i / inner) % features;
        return (value - norm.runningMean.values[c]!) / Math.sqrt(norm.runningVariance.values[c]! + norm.epsilon);
      });
      if (furthest(output.data, normalized).off > 1e-12)
        found.push(`${JSON.stringify(options)}: inference by other statistics`);
      // and what training gives, of the batch alone
      const batch = batches.at(-1)!;
      const fromBatch = x.data.map((value, i) => {
        const c = Math.floor(i / inner) % features;
        return (value - batch.mean[c]!) / Math.sqrt(batch.variance[c]! + norm.epsilon);
      });
      const probe = norm.forward(x, { mode: "probe" }).output;
      if (furthest(probe.data, fromBatch).off > 1e-12)
        found.push(`${JSON.stringify(options)}: probe by other statistics`);
    }
  }
  return found;
}

describe("running statistics", () => {
  it("have the closed form after every batch: any momentum, either estimator, all layouts, growing and shrinking batches", () => {
    expect(findings((options) => new BatchNorm(options))).toEqual([]);
  });

  it.each(statisticsMutants)("would fail with $name", ({ make }) => {
    // some are found out, others break down on the way
    expect(() => expect(findings(make)).toEqual([])).toThrow();
  });

  it("would pass with an equivalent implementation", () => {
    expect(findings(faultlessStatistics.make)).toEqual([]);
  });

  it("match a small example worked by hand", () => {
    const norm = new BatchNorm({ features: 2 });
    norm.forward(
      Tensor.from([
        [1, 10],
        [2, 20],
        [4, 40],
        [5, 50],
      ]),
      { mode: "train" },
    );
    // means 3 and 30; sums of squares 10 and 1000, over 3
    expect([...norm.runningMean.values]).toEqual([0.1 * 3, 0.1 * 30]);
    expect([...norm.runningVariance.values]).toEqual([0.9 + 0.1 * (10 / 3), 0.9 + 0.1 * (1000 / 3)]);
    norm.forward(
      Tensor.from([
        [2, 1],
        [4, 1],
      ]),
      { mode: "train" },
    );
    expect(norm.runningMean.values[0]).toBeCloseTo(0.9 * 0.3 + 0.1 * 3, 15);
    expect(norm.runningVariance.values[1]).toBeCloseTo(0.9 * (0.9 + 100 / 3) + 0, 13);
    expect([...norm.batchesTracked.values]).toEqual([2]);
  });

  it("are computed in double precision from float32 inputs", () => {
    const norm = new BatchNorm({ features: 1, momentum: 1, varianceEstimator: "biased" });
    const x = Tensor.from([[16777216], [16777218], [16777220]]);
    norm.forward(x, { mode: "train" });
    expect(norm.runningMean.values[0]).toBe(16777218);
    expect(norm.runningVariance.values[0]).toBeCloseTo(8 / 3, 12);
  });

  it("stay at the statistics of a constant stream, where inference equals training", () => {
    const random = new Random(3);
    const x = ordinary([16, 4], random);
    const norm = new BatchNorm({ features: 4, dtype: "float64", varianceEstimator: "biased", momentum: 0.5 });
    for (let step = 0; step < 60; step++) norm.forward(x, { mode: "train" });
    const trained = norm.forward(x, { mode: "probe" }).output.data;
    const { off } = furthest(norm.forward(x, { mode: "inference" }).output.data, trained);
    expect(off).toBeLessThan(1e-14);
  });

  it("are not changed by a probe, inference or backward pass", () => {
    const random = new Random(4);
    const norm = new BatchNorm({ features: 3 });
    norm.forward(ordinary([5, 3], random, "float32"), { mode: "train" });
    const before = memoryOf(norm);
    for (const mode of ["probe", "inference"] as const) {
      const { output, backward } = norm.forward(ordinary([6, 3], random, "float32"), { mode });
      backward(anyGradient(output, random));
      expect(memoryOf(norm)).toEqual(before);
    }
    const { output, backward } = norm.forward(ordinary([6, 3], random, "float32"), { mode: "train" });
    const after = memoryOf(norm);
    expect(after).not.toEqual(before);
    backward(anyGradient(output, random));
    backward(anyGradient(output, random));
    expect(memoryOf(norm)).toEqual(after);
  });

  it("are not kept without tracking, so that every mode uses batch statistics", () => {
    const random = new Random(5);
    const norm = new BatchNorm({ features: 3, trackRunningStatistics: false });
    const x = ordinary([6, 3], random, "float32");
    expect(norm.statistics).toEqual([]);
    const outputs = (["train", "probe", "inference"] as const).map((mode) => norm.forward(x, { mode }).output.data);
    expectBits("train", outputs[0]!, outputs[1]!);
    expectBits("inference", outputs[2]!, outputs[1]!);
    expect([...norm.runningMean.values, ...norm.runningVariance.values, ...norm.batchesTracked.values]).toEqual([
      0, 0, 0, 1, 1, 1, 0,
    ]);
  });

  it("are updated once per use, in order, for a layer used twice in a model", () => {
    const random = new Random(6);
    const norm = new BatchNorm({ features: 2, dtype: "float64", momentum: 0.5 });
    const x = ordinary([8, 2], random);
    const { output: once } = norm.forward(x, { mode: "probe" });
    new Sequential([norm, norm]).forward(x, { mode: "train" });
    const first = momentsOf(x, 1);
    const second = momentsOf(once, 1);
    for (let c = 0; c < 2; c++) {
      expect(norm.runningMean.values[c]).toBeCloseTo(closedForm(0, [first.mean[c]!, second.mean[c]!], 0.5), 12);
      const variances = [(first.variance[c]! * 8) / 7, (second.variance[c]! * 8) / 7];
      expect(norm.runningVariance.values[c]).toBeCloseTo(closedForm(1, variances, 0.5), 12);
    }
    expect(norm.batchesTracked.values[0]).toBe(2);
  });
});

describe("the momentum of a batch norm", () => {
  it("may be changed between passes", () => {
    const norm = new BatchNorm({ features: 1, momentum: 0.5 });
    norm.forward(Tensor.from([[1], [3]]), { mode: "train" });
    norm.momentum = null;
    norm.forward(Tensor.from([[5], [7]]), { mode: "train" });
    expect(norm.runningMean.values[0]).toBe((1 + 6) / 2);
  });

  it.each([99, -0.1, NaN, "0.1"])("may not be %s", (value) => {
    const norm = new BatchNorm({ features: 1 });
    expect(() => (norm.momentum = value as number)).toThrow(/^BatchNorm: expected momentum/);
    expect(norm.momentum).toBe(0.1);
  });
});

describe("values whose variance overflows", () => {
  it.each([
    [0, undefined],
    [1, undefined],
    [0, [1, 1, 1]],
    [1, [1, 1, 1]],
  ])("are refused instead of becoming beta (feature %i, row weights %s)", (feature, rowWeights) => {
    const norm = new BatchNorm({ features: 2, dtype: "float64" });
    const rows = [1e200, -1e200, 0].map((huge, n) => (feature === 0 ? [huge, n] : [n, huge]));
    const x = Tensor.from(rows, { dtype: "float64" });
    expect(() => norm.forward(x, { mode: "train", rowWeights })).toThrow(RangeError);
    expect(() => norm.forward(x, { mode: "train", rowWeights })).toThrow(new RegExp(`feature ${feature} - `));
    expect(norm.batchesTracked.values[0]).toBe(0);
  });
});

describe("tracking statistics by hand", () => {
  it.each([
    ["arrays of anything", ["a"], [null]],
    ["another length", new Float64Array(2), new Float64Array(2)],
    ["single precision", new Float32Array(1), new Float32Array(1)],
  ])("refuses %s, and tracks nothing", (_, mean, variance) => {
    const norm = new BatchNorm({ features: 1 });
    expect(() => norm.track(mean as Float64Array, variance as Float64Array)).toThrow(/^BatchNorm.track: expected mean/);
    expect(norm.batchesTracked.values[0]).toBe(0);
  });
});
