/** The losses: closed forms, and what is true of them whatever the numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkGradient,
  type Evaluation,
  meanSquaredError,
  Random,
  rowLosses,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  Tensor,
} from "../../src/index.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelSets } from "../support/kernel-sets.js";
import { expectRefusal } from "../support/refusal.js";
import { ordinary } from "../support/samples.js";
import "../support/numbers.js";

const problems = fc.record({
  rows: fc.integer({ min: 1, max: 6 }),
  classes: fc.integer({ min: 1, max: 7 }),
  labelSmoothing: fc.constantFrom(0, 0.1, 0.5, 1),
  seed: fc.nat(),
});

function make({ rows, classes, seed }: { rows: number; classes: number; seed: number }): {
  logits: Tensor;
  labels: number[];
} {
  const random = new Random(seed);
  return {
    logits: ordinary([rows, classes], random),
    labels: Array.from({ length: rows }, () => random.integer(classes)),
  };
}

/** Distributions with all their weight on the labels. */
function oneHot(labels: readonly number[], classes: number): Tensor {
  const target = Tensor.zeros([labels.length, classes], "float64");
  labels.forEach((label, row) => (target.data[row * classes + label] = 1));
  return target;
}

describe("softmaxCrossEntropy", () => {
  it("is ln K for a uniform guess, whatever the target, and ln(1 + e^-d) for two classes d apart", () => {
    for (const classes of [2, 5, 10]) {
      const logits = Tensor.filled([3, classes], 7, "float64");
      for (const labelSmoothing of [0, 0.2])
        expect(softmaxCrossEntropy(logits, [0, 1, 1], { labelSmoothing }).loss).toBeCloseTo(Math.log(classes), 14);
    }
    const { loss, gradOutput } = softmaxCrossEntropy(Tensor.from([[3, 1]], { dtype: "float64" }), [0]);
    expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-2)), 15);
    const wrong = Math.exp(-2) / (1 + Math.exp(-2));
    expectClose("gradOutput", gradOutput.data, [-wrong, wrong], 4e-15);
  });

  it("takes labels and the distributions that they stand for alike; smoothing is a smoothed distribution", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { classes, labelSmoothing } = problem;
        const { logits, labels } = make(problem);
        const byLabels = softmaxCrossEntropy(logits, labels, { labelSmoothing });
        const target = oneHot(labels, classes);
        const smooth = new Tensor(
          target.data.map((t) => (1 - labelSmoothing) * t + labelSmoothing / classes),
          target.shape,
        );
        for (const other of [
          softmaxCrossEntropy(logits, target, { labelSmoothing }),
          softmaxCrossEntropy(logits, smooth),
          softmaxCrossEntropy(logits, Int32Array.from(labels), { labelSmoothing }),
        ]) {
          expectClose("loss", [other.loss, 1], [byLabels.loss, 1], 1e-14);
          expectClose("gradOutput", [...other.gradOutput.data, 1], [...byLabels.gradOutput.data, 1], 1e-14);
        }
      }),
    );
  });

  it("does not see a constant added to a row, and its gradient sums to 0 in every row", () => {
    fc.assert(
      fc.property(problems, fc.double({ min: -50, max: 50, noNaN: true }), (problem, shift) => {
        const { logits, labels } = make(problem);
        const { labelSmoothing, classes, rows } = problem;
        const shifted = new Tensor(
          logits.data.map((value, i) => value + shift * (1 + Math.floor(i / classes))),
          logits.shape,
        );
        const [before, after] = [logits, shifted].map((x) => softmaxCrossEntropy(x, labels, { labelSmoothing }));
        expectClose("loss", [after!.loss, 1], [before!.loss, 1], 1e-12);
        for (let row = 0; row < rows; row++) {
          const part = before!.gradOutput.data.subarray(row * classes, (row + 1) * classes);
          expect(Array.from(part).reduce((total, value) => total + value, 0)).toBeCloseTo(0, 14);
        }
      }),
    );
  });

  it.each(kernelSets)("does not overflow or vanish far from 0, on $name kernels", (kernels) => {
    for (const far of [-1e4, 1e4]) {
      const logits = Tensor.from([[far + 1, far]], { dtype: "float64" });
      const { loss, gradOutput } = softmaxCrossEntropy(logits, [1], { kernels });
      expect(loss).toBeCloseTo(1 + Math.log(1 + Math.exp(-1)), 11);
      expect(gradOutput.at(0, 0)).toBeCloseTo(1 / (1 + Math.exp(-1)), 11);
    }
  });

  it.each(kernelSets)(
    "has the gradient of its loss where the target does not sum to 1, on $name kernels",
    async (kernels) => {
      const target = new Tensor(Float64Array.of(0.2, 1.3, 0, 0, 0, 0, 2, 0.1, 0.4), [3, 3]);
      const objective = (point: Float64Array): Evaluation => {
        const { loss, gradOutput } = softmaxCrossEntropy(new Tensor(point.slice(), [3, 3]), target, {
          labelSmoothing: 0.1,
          kernels,
        });
        return { loss, gradient: Float64Array.from(gradOutput.data) };
      };
      const point = Float64Array.from(ordinary([3, 3], new Random(3)).data);
      const report = await checkGradient(objective, point, { random: new Random(4), coordinatesPerGroup: Infinity });
      expect(report.verdict, report.text).toBe("agrees");
    },
  );

  it("is a mean over the rows: a batch twice over has the same loss and half the gradient", () => {
    const { logits, labels } = make({ rows: 3, classes: 4, seed: 1 });
    const twice = logits.rows([0, 1, 2, 0, 1, 2]);
    const [once, both] = [softmaxCrossEntropy(logits, labels), softmaxCrossEntropy(twice, [...labels, ...labels])];
    expect(both.loss).toBeCloseTo(once.loss, 14);
    expectClose(
      "gradOutput",
      both.gradOutput.rows([0, 1, 2]).data,
      once.gradOutput.data.map((value) => value / 2),
      1e-15,
    );
  });
});

describe("meanSquaredError", () => {
  it("is the mean over all values, with gradient 2 (output - target) / size", () => {
    const output = Tensor.from([
      [1, 2],
      [3, 4],
    ]);
    const { loss, gradOutput } = meanSquaredError(output, Tensor.filled([2, 2], 2));
    expect(loss).toBe((1 + 0 + 1 + 4) / 4);
    expect(gradOutput.toNested()).toEqual([
      [-0.5, 0],
      [0.5, 1],
    ]);
    expect(gradOutput.dtype).toBe("float32");
  });
});

describe("both", () => {
  it("leave output and target as they were", () => {
    const { logits } = make({ rows: 3, classes: 4, seed: 2 });
    const target = oneHot([0, 3, 1], 4);
    const before = [logits.data.slice(), target.data.slice()];
    softmaxCrossEntropy(logits, target, { labelSmoothing: 0.1 });
    meanSquaredError(logits, target);
    expect([logits.data, target.data]).toEqual(before);
  });
});

describe.each(kernelSets)("row weights, on $name kernels,", (kernels) => {
  const random = new Random(3);
  const output = ordinary([6, 3], random);
  const target = ordinary([6, 3], random);
  const labels = [0, 1, 2, 0, 1, 2];

  it("of 0 ignore a row, whatever it and its label hold", () => {
    const weights = [1, 0, 1, 1, 0, 1];
    const kept = [0, 2, 3, 5];
    for (const dtype of ["float32", "float64"] as const) {
      const dirty = output.cast(dtype);
      const dirtyTarget = target.cast(dtype);
      for (const row of [1, 4]) {
        dirty.data.fill(row === 1 ? NaN : Infinity, 3 * row, 3 * row + 3);
        dirtyTarget.data.fill(NaN, 3 * row, 3 * row + 3);
      }
      const ignored = [0, -100, 2, 0, NaN, 2];
      const clean = output.cast(dtype).rows(kept);
      const subset = kept.map((row) => labels[row]!);
      for (const rowWeights of [weights, new Tensor(Float64Array.from(weights), [6])]) {
        const options = { rowWeights, kernels, labelSmoothing: 0.1 };
        const own = softmaxCrossEntropy(dirty, ignored, options);
        const expected = softmaxCrossEntropy(clean, subset, { kernels, labelSmoothing: 0.1 });
        expect(own.loss).toBe(expected.loss);
        expectBits("gradient", own.gradOutput.rows(kept).data, expected.gradOutput.data);
        expectBits("gradient of ignored rows", own.gradOutput.rows([1, 4]).data, new Float64Array(6));
        const squares = meanSquaredError(dirty, dirtyTarget, { rowWeights, kernels });
        const mean = meanSquaredError(clean, target.cast(dtype).rows(kept), { kernels });
        expectClose("loss", [squares.loss], [mean.loss], 1e-14);
        expectClose("gradient", squares.gradOutput.rows(kept).data, mean.gradOutput.data, 1e-6);
        expectBits("gradient of ignored rows", squares.gradOutput.rows([1, 4]).data, new Float64Array(6));
      }
      const probabilities = Tensor.filled([6, 3], 1 / 3, dtype);
      probabilities.data.fill(-1, 3, 6);
      const spread = softmaxCrossEntropy(dirty, probabilities, { rowWeights: weights, kernels });
      const even = softmaxCrossEntropy(clean, probabilities.rows(kept), { kernels });
      expect(spread.loss).toBe(even.loss);
    }
  });

  it("make the loss Σ w l / Σ w, whatever their scale, and the gradient that of this loss", async () => {
    const weights = [1, 0.5, 2, 0, 0.25, 3];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const losses = [
      (from: Tensor, rows: number[], rowWeights?: number[]) =>
        softmaxCrossEntropy(
          from.rows(rows),
          rows.map((row) => labels[row]!),
          { kernels, rowWeights, labelSmoothing: 0.2 },
        ),
      (from: Tensor, rows: number[], rowWeights?: number[]) =>
        softmaxCrossEntropy(from.rows(rows), Tensor.filled([rows.length, 3], 0.4, "float64"), { kernels, rowWeights }),
      (from: Tensor, rows: number[], rowWeights?: number[]) =>
        meanSquaredError(from.rows(rows), target.rows(rows), { kernels, rowWeights }),
    ];
    for (const loss of losses) {
      const mean = labels.map((_, row) => weights[row]! * loss(output, [row]).loss).reduce((a, b) => a + b) / total;
      for (const scale of [1, 1e-200, 1e200]) {
        const scaled = weights.map((weight) => scale * weight);
        expect(loss(output, [0, 1, 2, 3, 4, 5], scaled).loss).toBeCloseTo(mean, 12);
      }
      const objective = (point: Float64Array): Evaluation => {
        const value = loss(new Tensor(point.slice(), [6, 3]), [0, 1, 2, 3, 4, 5], weights);
        return { loss: value.loss, gradient: Float64Array.from(value.gradOutput.data) };
      };
      const report = await checkGradient(objective, Float64Array.from(output.data), { random });
      expect(report.verdict, report.text).toBe("agrees");
    }
  });

  it("of 1 change nothing", () => {
    const rowWeights = new Float64Array(6).fill(1);
    const plain = softmaxCrossEntropy(output, labels, { kernels });
    const weighted = softmaxCrossEntropy(output, labels, { kernels, rowWeights });
    expect(weighted.loss).toBe(plain.loss);
    expectBits("gradient", weighted.gradOutput.data, plain.gradOutput.data);
  });

  it("have as many axes as are masked", () => {
    const sequences = output.reshape([2, 3, 3]);
    const mask = Tensor.from([
      [1, 1, 0],
      [1, 0, 0],
    ]);
    const masked = meanSquaredError(sequences, target.reshape([2, 3, 3]), { rowWeights: mask, kernels });
    expect(masked.loss).toBeCloseTo(meanSquaredError(output.rows([0, 1, 3]), target.rows([0, 1, 3])).loss, 13);
    const flat = softmaxCrossEntropy(output, labels, { rowWeights: mask, kernels });
    expect(flat.loss).toBe(softmaxCrossEntropy(output.rows([0, 1, 3]), [0, 1, 0], { kernels }).loss);
  });

  it.each<[string, number[], string]>([
    ["too few", [1, 1], "ShapeError: *: rowWeights | [6] | [2]"],
    ["negative ones", [1, 1, -1, 1, 1, 1], "RangeError: *: row weights | -1 | 2"],
    ["NaN", [1, 1, NaN, 1, 1, 1], "RangeError: *: row weights | NaN | 2"],
    ["none above 0", [0, 0, 0, 0, 0, 0], "RangeError: *: weight | 0 | cure"],
  ])("are refused: %s", async (_, rowWeights, refusal) => {
    await expectRefusal(() => softmaxCrossEntropy(output, labels, { rowWeights, kernels }), refusal);
    await expectRefusal(() => meanSquaredError(output, target, { rowWeights, kernels }), refusal);
  });
});

describe("a label of -100", () => {
  it("is refused without row weights, which are the cure", async () => {
    const refusal = "RangeError: softmaxCrossEntropy: labels | -100 | 1 | cure";
    await expectRefusal(() => softmaxCrossEntropy(ordinary([2, 3], new Random(1)), [0, -100]), refusal);
  });
});

describe("sigmoidCrossEntropy", () => {
  const logits = ordinary([6, 3], new Random(4));
  const target = Tensor.uniform([6, 3], { random: new Random(5), dtype: "float64" });

  it("is ln 2 for a uniform guess and ln(1 + e^-x) for a label of 1, exact where the probability rounds to 1", () => {
    expect(sigmoidCrossEntropy(Tensor.zeros([3, 2]), Tensor.filled([3, 2], 0.3)).loss).toBeCloseTo(Math.log(2), 15);
    const { loss, gradOutput } = sigmoidCrossEntropy(Tensor.from([[60]], { dtype: "float64" }), [1]);
    expect(loss / Math.exp(-60)).toBeCloseTo(1, 14);
    expect(gradOutput.at(0, 0)).toBe(0); // sigmoid(60) rounds to 1
    expect(sigmoidCrossEntropy(Tensor.from([1000, -1000]), [0, 0]).loss).toBe(500);
  });

  it("of one logit x is the cross-entropy of softmax over [0, x]", () => {
    const column = Tensor.from([[-2], [0.5], [3]], { dtype: "float64" });
    const both = Tensor.from(
      [...column.data].map((x) => [0, x]),
      { dtype: "float64" },
    );
    const one = sigmoidCrossEntropy(column, [1, 0, 1]);
    const two = softmaxCrossEntropy(both, [1, 0, 1]);
    expect(one.loss).toBeCloseTo(two.loss, 14);
    expectClose(
      "gradient",
      one.gradOutput.data,
      [1, 3, 5].map((i) => two.gradOutput.data[i]!),
      1e-14,
    );
  });

  it.each([undefined, [1, 0, 2, 0.5, 1, 3]])(
    "has the gradient of its loss, with row weights %j",
    async (rowWeights) => {
      const objective = (point: Float64Array): Evaluation => {
        const value = sigmoidCrossEntropy(new Tensor(point.slice(), [6, 3]), target, { rowWeights });
        return { loss: value.loss, gradient: Float64Array.from(value.gradOutput.data) };
      };
      const report = await checkGradient(objective, Float64Array.from(logits.data), { random: new Random(6) });
      expect(report.verdict, report.text).toBe("agrees");
    },
  );

  it("with weights of 0 and 1 is that of the other rows, whatever the ignored ones hold", () => {
    const rowWeights = [1, 0, 1, 1, 0, 1];
    const kept = [0, 2, 3, 5];
    const dirty = logits.copy();
    dirty.data.fill(NaN, 3, 6);
    const wild = target.copy();
    wild.data.fill(-100, 12, 15);
    const masked = sigmoidCrossEntropy(dirty, wild, { rowWeights });
    const smaller = sigmoidCrossEntropy(logits.rows(kept), target.rows(kept));
    expect(masked.loss).toBe(smaller.loss);
    expectBits("gradient", masked.gradOutput.rows(kept).data, smaller.gradOutput.data);
    expect([...masked.gradOutput.rows([1, 4]).data]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("rowLosses", () => {
  it("are losses of which that of the batch is the mean, for every loss and target", () => {
    const output = ordinary([4, 3], new Random(1));
    const other = Tensor.uniform([4, 3], { random: new Random(2), dtype: "float64" });
    const mean = (losses: Float64Array): number => losses.reduce((a, b) => a + b) / 4;
    expect(mean(rowLosses(meanSquaredError, output, other))).toBeCloseTo(meanSquaredError(output, other).loss, 14);
    expect(mean(rowLosses(sigmoidCrossEntropy, output, other))).toBeCloseTo(
      sigmoidCrossEntropy(output, other).loss,
      14,
    );
    const options = { labelSmoothing: 0.1 };
    const labels = Int32Array.of(2, 0, 1, 1);
    const rows = rowLosses(softmaxCrossEntropy, output, labels, options);
    expect(mean(rows)).toBeCloseTo(softmaxCrossEntropy(output, labels, options).loss, 14);
    expect(rows[2]).toBe(softmaxCrossEntropy(output.rows([2]), [1], options).loss);
  });
});
