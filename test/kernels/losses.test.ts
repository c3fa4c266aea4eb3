/** Losses: computed by hand for both kernel sets, and the WebAssembly set and float32 against plain float64. */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import type { Kernels } from "../../src/kernels/types.js";
import { expectBits, expectClose } from "../support/close.js";
import { comparedCases, inDoubles, kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";

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

  // softmax([0, ln 2, ln 3]) = [1, 2, 3] / 6; softmax of equal logits is even
  const byHand = unwritten(dtype, 6);
  byHand.set([0, Math.log(2), Math.log(3), 7, 7, 7]);

  it.each([
    ["labels", { labels: Int32Array.of(2, 0) }, 0, [0, 0, 1, 1, 0, 0]],
    ["smoothed labels", { labels: Int32Array.of(2, 0) }, 0.3, [0.1, 0.1, 0.8, 0.8, 0.1, 0.1]],
    ["labels smoothed away", { labels: Int32Array.of(2, 0) }, 1, [1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3]],
    ["distributions", { probabilities: [0.5, 0.25, 0.25, 0, 0.5, 0.5] }, 0, [0.5, 0.25, 0.25, 0, 0.5, 0.5]],
    ["smoothed distributions", { probabilities: [1, 0, 0, 0, 0.5, 0.5] }, 0.6, [0.6, 0.2, 0.2, 0.2, 0.4, 0.4]],
    ["weights that do not sum to 1", { probabilities: [2, 1, 0, 0, 0, 3] }, 0, [2, 1, 0, 0, 0, 3]],
  ])("softmaxCrossEntropy by hand, %s", (_, given, labelSmoothing, t) => {
    const { labels, probabilities: numbers } = given as { labels?: Int32Array; probabilities?: number[] };
    const probabilities = numbers && unwritten(dtype, 6);
    probabilities?.set(numbers!);
    const dlogits = unwritten(dtype, 6);
    const loss = kernels.softmaxCrossEntropy({
      ...{ rows: 2, classes: 3, logits: byHand, labels, probabilities, labelSmoothing, dlogits },
    });
    const p = [1 / 6, 2 / 6, 3 / 6, 1 / 3, 1 / 3, 1 / 3];
    const losses = p.map((value, i) => -t[i]! * Math.log(value));
    expectClose("loss", [loss], [losses.reduce((sum, value) => sum + value) / 2], tolerance);
    const totals = [t[0]! + t[1]! + t[2]!, t[3]! + t[4]! + t[5]!];
    const expected = p.map((value, i) => (value * totals[i < 3 ? 0 : 1]! - t[i]!) / 2);
    expectClose("dlogits", [...dlogits, 1], [...expected, 1], tolerance);
  });

  it("meanSquaredError by hand: ((-2)² + 1² + 0² + 3²) / 4 = 3.5", () => {
    const [prediction, target] = [unwritten(dtype, 4), unwritten(dtype, 4)];
    prediction.set([1, 2, 3, 4]);
    target.set([3, 1, 3, 1]);
    const dprediction = unwritten(dtype, 4);
    expect(kernels.meanSquaredError({ prediction, target, dprediction })).toBe(3.5);
    expect([...dprediction]).toEqual([-1, 0.5, 0, 1.5]);
  });

  it("softmaxCrossEntropy keeps the digits of a small gradient at a sure answer", () => {
    const logits = unwritten(dtype, 4);
    logits.set([15, 0, 0, 0]);
    const dlogits = unwritten(dtype, 4);
    const args = { rows: 1, classes: 4, logits, labels: Int32Array.of(0), labelSmoothing: 0, dlogits };
    kernels.softmaxCrossEntropy(args);
    // 9e-7 to three digits: p in float32 less 1 would have one
    const others = 1 / (Math.exp(15) + 3);
    const expected = [-3 * others, others, others, others];
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
    // smoothing gives a share to the impossible classes
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

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it("softmaxCrossEntropy agrees with the plain set at sizes around the vector, whatever the target", () => {
    const random = new Random(1);
    sizes.forEach((classes, i) => {
      const rows = sizes[(i * 7 + 3) % sizes.length]!;
      const logits = randomFloats(random, dtype, rows * classes);
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
      const probabilities = distributions(random, dtype, rows, classes);
      for (const target of [{ labels }, { probabilities }]) {
        for (const labelSmoothing of [0, 0.1, 1]) {
          const args = { rows, classes, logits, ...target, labelSmoothing, dlogits: unwritten(dtype, rows * classes) };
          const expected = inDoubles(args);
          const expectedLoss = plainKernels.softmaxCrossEntropy(expected);
          const loss = kernels.softmaxCrossEntropy(args);
          const what = `[${rows}, ${classes}], ${Object.keys(target).join()}, smoothing ${labelSmoothing}`;
          // the gradient of one class is 0: an error of single terms p - t remains
          const scale = 1 / rows;
          expectClose(`loss of ${what}`, [loss, 1], [expectedLoss, 1], tolerance);
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
      const expected = inDoubles(args);
      const expectedLoss = plainKernels.softmaxCrossEntropy(expected);
      expectClose("loss", [kernels.softmaxCrossEntropy(args)], [expectedLoss], tolerance);
      expectClose("dlogits", args.dlogits, expected.dlogits, tolerance);
    }
  });

  it("meanSquaredError agrees with the plain set at sizes around the vector and beyond one piece", () => {
    const random = new Random(3);
    for (const size of [...sizes, 2 ** 17 + 5]) {
      const prediction = randomFloats(random, dtype, size);
      const target = randomFloats(random, dtype, size);
      const args = { prediction, target, dprediction: unwritten(dtype, size) };
      const expected = inDoubles(args);
      const expectedLoss = plainKernels.meanSquaredError(expected);
      expectClose(`loss of ${size}`, [kernels.meanSquaredError(args)], [expectedLoss], 1e-12);
      expectClose(`dprediction of ${size}`, args.dprediction, expected.dprediction, tolerance);
    }
  });

  /** Compares loss and gradient with the plain set in float64. */
  function expectAgreement(what: string, args: Parameters<Kernels["softmaxCrossEntropy"]>[0]): void {
    const expected = inDoubles(args);
    const expectedLoss = plainKernels.softmaxCrossEntropy(expected);
    const loss = kernels.softmaxCrossEntropy(args);
    if (Number.isFinite(expectedLoss)) expectClose(`loss of ${what}`, [loss, 1], [expectedLoss, 1], tolerance);
    else expect(loss, what).toBe(expectedLoss);
    expectClose(`dlogits of ${what}`, [...args.dlogits, 1], [...expected.dlogits, 1], tolerance);
  }

  it("softmaxCrossEntropy finds the largest logit at every place of rows of 1 to 17 classes", () => {
    for (let classes = 1; classes <= 17; classes++) {
      for (let at = 0; at < classes; at++) {
        // From a row before and after, so that no row starts at a multiple of a vector.
        const logits = unwritten(dtype, 3 * classes).fill(-1);
        for (let row = 0; row < 3; row++) logits[row * classes + ((at + row) % classes)] = 200;
        for (const label of [0, at, classes - 1]) {
          for (const labelSmoothing of [0, 0.2]) {
            const labels = Int32Array.of(label, label, label);
            const dlogits = unwritten(dtype, 3 * classes);
            const args = { rows: 3, classes, logits, labels, labelSmoothing, dlogits };
            expectAgreement(`${classes} classes, 200 at ${at}, label ${label}, ${labelSmoothing}`, args);
          }
        }
        const probabilities = unwritten(dtype, 3 * classes).fill(1 / classes);
        const dlogits = unwritten(dtype, 3 * classes);
        const args = { rows: 3, classes, logits, probabilities, labelSmoothing: 0, dlogits };
        expectAgreement(`${classes} classes, 200 at ${at}, even targets`, args);
      }
    }
  });

  it("softmaxCrossEntropy takes impossible classes: a logit of -Infinity adds nothing where its target is 0", () => {
    for (let classes = 2; classes <= 9; classes++) {
      for (let at = 0; at < classes; at++) {
        const logits = Float64Array.from({ length: 2 * classes }, (_, i) => (i * 7) % 5);
        logits[at] = -Infinity;
        logits[classes + ((at + 1) % classes)] = -Infinity;
        const targets = new Float64Array(2 * classes).fill(1 / (classes - 1));
        targets[at] = 0;
        targets[classes + ((at + 1) % classes)] = 0;
        const given = (values: Float64Array): Floats => {
          const floats = unwritten(dtype, values.length);
          floats.set(values);
          return floats;
        };
        const shared = { rows: 2, classes, logits: given(logits), labelSmoothing: 0 };
        const what = `${classes} classes, -Infinity at ${at}`;
        const dlogits = unwritten(dtype, 2 * classes);
        expectAgreement(what, { ...shared, probabilities: given(targets), dlogits });
        expect(
          Number.isFinite(kernels.softmaxCrossEntropy({ ...shared, probabilities: given(targets), dlogits })),
        ).toBe(true);
        expect(dlogits[at]).toBe(0);
        const labels = Int32Array.of((at + 1) % classes, at);
        expectAgreement(`${what}, labels`, { ...shared, labels, dlogits });
        // A target on an impossible class has an infinite loss.
        expectAgreement(`${what}, labels on it`, { ...shared, labels: Int32Array.of(at, at), dlogits });
        expectAgreement(`${what}, smoothed`, { ...shared, labels, labelSmoothing: 0.1, dlogits });
      }
    }
  });
});
