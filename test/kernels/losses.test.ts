/** Losses of both kernel sets against the reference. */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";
import * as reference from "../support/reference.js";

/** Rows that sum to 1. */
function distributions(random: Random, dtype: DType, rows: number, classes: number): Floats {
  const values = unwritten(dtype, rows * classes).map(() => random.uniform());
  for (let row = 0; row < rows; row++) {
    const part = values.subarray(row * classes, (row + 1) * classes);
    let total = 0;
    for (const value of part) total += value;
    part.forEach((value, i) => (part[i] = value / total));
  }
  return values;
}

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it("softmaxCrossEntropy agrees with the reference at sizes around the vector, whatever the target", () => {
    const random = new Random(1);
    sizes.forEach((classes, i) => {
      const rows = sizes[(i * 7 + 3) % sizes.length]!;
      const logits = randomFloats(random, dtype, rows * classes);
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
      const probabilities = distributions(random, dtype, rows, classes);
      for (const target of [{ labels }, { probabilities }]) {
        for (const labelSmoothing of [0, 0.1, 1]) {
          const args = { rows, classes, logits, ...target, labelSmoothing, dlogits: unwritten(dtype, rows * classes) };
          const loss = kernels.softmaxCrossEntropy(args);
          const expected = reference.softmaxCrossEntropy(args);
          const what = `[${rows}, ${classes}], ${Object.keys(target).join()}, smoothing ${labelSmoothing}`;
          // the gradient of one class is 0: an error of single terms p - t remains
          const scale = 1 / rows;
          expectClose(`loss of ${what}`, [loss, 1], [expected.loss, 1], tolerance);
          expectClose(`dlogits of ${what}`, [...args.dlogits, scale], [...expected.dlogits, scale], tolerance);
        }
      }
    });
  });

  it("softmaxCrossEntropy works through more rows than a piece holds, and through a row that is larger", () => {
    for (const [rows, classes] of [
      [1500, 100],
      [2, 2 ** 17 + 3],
    ] as const) {
      const random = new Random(2);
      const logits = randomFloats(random, dtype, rows * classes);
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
      const args = { rows, classes, logits, labels, labelSmoothing: 0.1, dlogits: unwritten(dtype, rows * classes) };
      const expected = reference.softmaxCrossEntropy(args);
      expectClose("loss", [kernels.softmaxCrossEntropy(args)], [expected.loss], tolerance);
      expectClose("dlogits", args.dlogits, expected.dlogits, tolerance);
    }
  });

  it("softmaxCrossEntropy keeps the digits of a small gradient at a sure answer", () => {
    const logits = unwritten(dtype, 4);
    logits.set([15, 0, 0, 0]);
    const dlogits = unwritten(dtype, 4);
    const args = { rows: 1, classes: 4, logits, labels: Int32Array.of(0), labelSmoothing: 0, dlogits };
    kernels.softmaxCrossEntropy(args);
    // 9e-7 to three digits: p in float32 less 1 would have one
    const expected = reference.softmaxCrossEntropy(args).dlogits;
    expectClose("dlogits", [...dlogits, 1e-3], [...expected, 1e-3], tolerance);
    expect(dlogits[0]).toBeLessThan(0);
  });

  it("softmaxCrossEntropy neither overflows nor takes 0 times infinity for a loss", () => {
    const logits = unwritten(dtype, 10);
    logits.set([1e30, 0, -1e30, 1, 1, 3, -Infinity, 3, -Infinity, -Infinity]);
    const args = { rows: 2, classes: 5, logits, labels: Int32Array.of(0, 2), labelSmoothing: 0 };
    const dlogits = unwritten(dtype, 10);
    const loss = kernels.softmaxCrossEntropy({ ...args, dlogits });
    expect(loss).toBeCloseTo(Math.log(2) / 2, 6);
    expectClose("dlogits", dlogits, [0, 0, 0, 0, 0, 0.25, 0, -0.25, 0, 0], tolerance);
    // smoothing asks for a share of the impossible classes
    expect(kernels.softmaxCrossEntropy({ ...args, labelSmoothing: 0.1, dlogits })).toBe(Infinity);
  });

  it("softmaxCrossEntropy gives NaN for a NaN, and keeps it in its row of the gradient", () => {
    for (let at = 0; at < 9; at++) {
      const logits = unwritten(dtype, 18).fill(1);
      logits[at] = NaN;
      const dlogits = unwritten(dtype, 18);
      const loss = kernels.softmaxCrossEntropy({
        ...{ rows: 2, classes: 9, logits, labels: Int32Array.of(0, 8), labelSmoothing: 0, dlogits },
      });
      expect(loss).toBe(NaN);
      expect([...dlogits.subarray(0, 9)].every(Number.isNaN)).toBe(true);
      expect([...dlogits.subarray(9)].some(Number.isNaN)).toBe(false);
    }
  });

  it("meanSquaredError agrees with the reference at sizes around the vector and beyond one piece", () => {
    const random = new Random(3);
    for (const size of [...sizes, 2 ** 17 + 5]) {
      const prediction = randomFloats(random, dtype, size);
      const target = randomFloats(random, dtype, size);
      const dprediction = unwritten(dtype, size);
      const loss = kernels.meanSquaredError({ prediction, target, dprediction });
      const difference = Array.from(prediction, (value, i) => value - target[i]!);
      const expected = difference.reduce((sum, d) => sum + d * d, 0) / size;
      expectClose(`loss of ${size}`, [loss], [expected], 1e-12);
      expectClose(
        `dprediction of ${size}`,
        dprediction,
        difference.map((d) => (2 * d) / size),
        tolerance,
      );
    }
  });

  it("leaves what is only read as it was", () => {
    const random = new Random(4);
    const logits = randomFloats(random, dtype, 12);
    const probabilities = distributions(random, dtype, 3, 4);
    const before = [logits.slice(), probabilities.slice()];
    const dlogits = unwritten(dtype, 12);
    kernels.softmaxCrossEntropy({ rows: 3, classes: 4, logits, probabilities, labelSmoothing: 0.2, dlogits });
    kernels.meanSquaredError({ prediction: logits, target: probabilities, dprediction: dlogits });
    expectBits("logits", logits, before[0]!);
    expectBits("probabilities", probabilities, before[1]!);
  });
});
