import { hessianTrace, hessianVectorProduct } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Objective } from "../../src/objective/objective.js";
import { distance, norm } from "../../src/objective/vector.js";
import { numbersOf } from "../golden/golden.js";
import { about, allAbout } from "../support/about.js";
import { goldenNetworks } from "../support/golden-probes.js";
import { absoluteValue, bowl, quadratic, turnedBowl, turnedMatrix } from "../support/objectives.js";

const at = (...values: number[]): Float64Array => Float64Array.of(...values);

describe("hessianVectorProduct", () => {
  it("multiplies with the matrix of a quadratic, whatever the length of the vector", async () => {
    const matrix = [
      [1, 2],
      [2, 3],
    ];
    for (const size of [1, 1e-6, 1e6]) {
      const vector = at(size, -size);
      const report = await hessianVectorProduct(quadratic(matrix, [5, 7]), at(0.3, -2), { vector });
      expect(report.product.map((value) => value / size)).toEqual(allAbout([-1, -1], 7));
      expect(report).toMatchObject({ probe: "hessianVectorProduct", evaluations: 6, note: null, parameters: 2 });
      expect(report.differenceStep).toBeCloseTo(2 ** -26 * (1 + norm(at(0.3, -2))), 18);
    }
  });

  it("gives 0 for 0, without an evaluation", async () => {
    const report = await hessianVectorProduct(bowl(1, 2), at(1, 1), { vector: at(0, 0) });
    expect(report).toMatchObject({ product: [0, 0], productError: 0, asymmetry: 0, note: null, evaluations: 0 });
  });

  it("shows a kink in its error estimate", async () => {
    // |x| at 1e-6: the gradient jumps by 2 within h, and the quotient says 1/h.
    const report = await hessianVectorProduct(absoluteValue, at(1e-6), { vector: at(1), differenceStep: 1e-3 });
    expect(report.product).toEqual([about(1000)]);
    expect(report.productError).toBeCloseTo(1000, 6);
    expect(report.note).toMatch(/^a product changes by a fraction of 1.00 when the step is halved/);
    // Per unit length of the vector.
    const long = await hessianVectorProduct(absoluteValue, at(1e-6), { vector: at(50), differenceStep: 1e-3 });
    expect([long.product, long.productError]).toEqual([[about(50_000, 4)], about(1000, 6)]);
  });

  it("measures the asymmetry of what is no Hessian, and has a note if it is above a thousandth", async () => {
    // The gradient of no loss, with derivative [[3, a], [-a, -1]]. For v = (1, 0), Hv = (3, -a) and u = (3, -a) / s.
    const turning =
      (a: number): Objective =>
      ([x, y]) => ({ loss: 0, gradient: at(3 * x! + a * y!, -a * x! - y!) });
    for (const [a, length, note] of [
      [0.2, 1, true],
      [0.2, 70, true],
      [0.01, 1, false],
    ] as const) {
      // prettier-ignore
      const s = Math.sqrt(9 + a * a);
      const report = await hessianVectorProduct(turning(a), at(0.1, 0.2), { vector: at(length, 0) });
      // <u, Hv> is s, and <v, Hu> = (9 - a^2) / s.
      expect(report.asymmetry).toBeCloseTo(s - (9 - a * a) / s, 6);
      expect(report.note === null).toBe(!note);
      if (note) expect(report.note).toMatch(/^the products are not symmetric \(0\.0266 against/);
    }
  });

  it("has no note for a flat direction, whose product is round-off", async () => {
    for (let seed = 1; seed < 9; seed++) {
      const random = new Random(seed);
      const point = at(random.normal(), random.normal(), random.normal());
      const flat = await hessianVectorProduct(turnedBowl([0, 0, 7], seed), point, { vector: at(1, 2, 3) });
      expect(flat.note).toBeNull();
      const { note } = await hessianVectorProduct(bowl(0, 0, 7), point, { vector: at(1, 1, 0) });
      expect(note).toBeNull();
    }
  });

  it.each(goldenNetworks)("multiplies with the gradient as in PyTorch: $id", async ({ objective, point, golden }) => {
    const { gradient } = await objective(point);
    const report = await hessianVectorProduct(objective, point, { vector: gradient });
    const expected = Float64Array.from(numbersOf(golden.curvature.hessianGradient));
    const error = distance(Float64Array.from(report.product), expected);
    expect(error / norm(expected)).toBeLessThan(1e-7);
    expect(error).toBeLessThan(20 * report.productError * norm(gradient));
  });

  it.each([
    [{ vector: at(1) }, "expected vector to have 2 values, got 1"],
    [{ vector: at(1, Infinity) }, "expected vector to be finite, got Infinity at coordinate 1"],
    [{ vector: [1, 2] as unknown as Float64Array }, "expected vector to be a Float64Array, got [1, 2]"],
    [{ vector: at(1, 2), differenceStep: 0 }, "expected differenceStep to be a finite number > 0, got 0"],
  ])("refuses %o", async (options, message) => {
    const promise = hessianVectorProduct(bowl(1, 2), at(1, 1), options);
    await expect(promise).rejects.toThrow(`hessianVectorProduct: ${message}`);
  });
});

describe("hessianTrace", () => {
  it("averages 8 and 0 for [[1, 2], [2, 3]]: the worked numbers", async () => {
    const objective = quadratic([
      [1, 2],
      [2, 3],
    ]);
    const report = await hessianTrace(objective, at(1, 1), { count: 400, random: new Random(1) });
    const eights = report.samples.filter((sample) => Math.abs(sample - 8) < 1e-6).length;
    const zeros = report.samples.filter((sample) => Math.abs(sample) < 1e-6).length;
    expect(eights + zeros).toBe(400);
    expect(report.trace).toBeCloseTo((8 * eights) / 400, 6);
    expect(Math.abs(report.trace - 4)).toBeLessThan(3 * report.standardError!);
    // Of one 8 and one 0 the mean is 4 and its standard error 4.
    const pair = await hessianTrace(objective, at(1, 1), { count: 2, random: new Random(3) });
    expect(pair.samples.toSorted((a, b) => a - b)).toEqual(allAbout([0, 8]));
    expect(pair.trace).toBeCloseTo(4, 6);
    expect(pair.standardError).toBeCloseTo(4, 6);
  });

  it("has no error for a diagonal Hessian", async () => {
    const report = await hessianTrace(bowl(3, 1, -5), at(1, 2, 3), { count: 5, random: new Random(3) });
    expect(report).toMatchObject({ probe: "hessianTrace", count: 5, evaluations: 20, reasons: {} });
    expect(report.trace).toBeCloseTo(-1, 6);
    expect(report.standardError).toBeCloseTo(0, 6);
  });

  it("has no standard error for one sample", async () => {
    const report = await hessianTrace(bowl(2, 2), at(1, 1), { count: 1, random: new Random(3) });
    expect(report.standardError).toBeNull();
    expect(report.reasons).toEqual({ standardError: "a single sample has no standard error" });
    expect(report.trace).toBeCloseTo(4, 6);
  });

  it("has a standard error that tells how far off it is", async () => {
    const eigenvalues = [9, 4, 1, 0, -2];
    const trace = eigenvalues.reduce((sum, value) => sum + value, 0);
    const objective = turnedBowl(eigenvalues, 8);
    // The variance of z'Hz is twice the sum of the squared off-diagonal entries.
    const matrix = turnedMatrix(eigenvalues, 8);
    const variance = matrix.reduce((sum, row, i) => sum + row.reduce((s, h, j) => s + (i === j ? 0 : 2 * h * h), 0), 0);
    const report = await hessianTrace(objective, at(1, 1, 1, 1, 1), { count: 500, random: new Random(6) });
    expect(report.standardError! / Math.sqrt(variance / 500)).toBeCloseTo(1, 1);
    expect(Math.abs(report.trace - trace)).toBeLessThan(3 * report.standardError!);
  });

  it.each(goldenNetworks)("comes near PyTorch's: $id", async ({ objective, point, golden }) => {
    const report = await hessianTrace(objective, point, { count: 200, random: new Random(1) });
    expect(Math.abs(report.trace - golden.curvature.trace)).toBeLessThan(4 * report.standardError!);
  });

  it("refuses no samples", async () => {
    const promise = hessianTrace(bowl(1), at(1), { count: 0, random: new Random(1) });
    await expect(promise).rejects.toThrow("hessianTrace: expected count to be a whole number of at least 1, got 0");
  });
});
