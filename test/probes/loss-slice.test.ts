import { filterNormalizedDirection, lossPlane, lossSlice } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Group, Objective } from "../../src/objective/objective.js";
import { norm } from "../../src/objective/vector.js";
import { about, allAbout } from "../support/about.js";
import { bowl, cliff, groupsOf } from "../support/objectives.js";

const at = (...values: number[]): Float64Array => Float64Array.of(...values);

describe("lossSlice", () => {
  it("is L(x + s d)", async () => {
    const coefficients = [-2, -1, 0, 0.5, 3];
    const report = await lossSlice(bowl(1, 9), at(3, 1), { direction: at(1, -1), coefficients });
    expect(report.loss).toEqual(coefficients.map((s) => about(((3 + s) ** 2 + 9 * (1 - s) ** 2) / 2, 12)));
    expect(report).toMatchObject({ probe: "lossSlice", lossAtPoint: 9, coefficients, evaluations: 6, parameters: 2 });
    expect(report.direction).toEqual({ norm: Math.SQRT2, source: "given", vectors: null, randomState: null });
  });

  it("asks for losses alone where the objective has them", async () => {
    let gradients = 0;
    const objective: Objective = Object.assign(
      (x: Float64Array) => {
        gradients++;
        return { loss: x[0]!, gradient: at(1) };
      },
      { lossOnly: (x: Float64Array) => x[0]! ** 2 },
    );
    const report = await lossSlice(objective, at(1), { direction: at(1), coefficients: [1, 2] });
    expect(report.loss).toEqual([4, 9]);
    expect(report.evaluations).toBe(3);
    const plane = await lossPlane(objective, at(1), {
      directions: [at(1), at(2)],
      coefficients: [[1], [1]],
    });
    expect(plane.loss).toEqual([[16]]);
    expect(gradients).toBe(0);
  });

  it("says how a filter-normalized direction was drawn", async () => {
    const groups = groupsOf(["0.weight", "weight", [2, 1]]);
    const direction = filterNormalizedDirection(at(3, 4), groups, { random: new Random(5) });
    const report = await lossSlice(bowl(1, 1), at(3, 4), { direction, coefficients: [1] });
    expect(report.direction).toEqual({
      norm: about(5, 12),
      source: "filter-normalized",
      vectors: "ignore",
      randomState: new Random(5).state,
    });
    const again = filterNormalizedDirection(at(3, 4), groups, { random: Random.from(report.direction.randomState!) });
    expect(again).toEqual(direction);
  });

  it("takes a lost loss as data", async () => {
    const report = await lossSlice(cliff(NaN), at(1), { direction: at(1), coefficients: [1, 10, 1e308] });
    expect(report.loss).toEqual([2, Infinity, Infinity]);
    const beyond = await lossSlice(cliff(NaN), at(1), { direction: at(1e10), coefficients: [1e308] });
    expect(beyond).toMatchObject({ loss: [Infinity], evaluations: 1 });
  });

  it.each([
    [{ direction: at(1) }, "expected direction to have 2 values, got 1"],
    [{ direction: at(1, NaN) }, "expected direction to be finite, got NaN at coordinate 1"],
    [
      { direction: [1, 2] },
      "expected direction to be a direction, got [1, 2] - pass a Float64Array or what filterNormalizedDirection returns",
    ],
    [{ coefficients: [] }, "expected at least 1 number in coefficients, got 0"],
    [{ coefficients: [0, Infinity] }, "expected coefficients[1] to be a finite number, got Infinity"],
    [{ coefficients: 3 }, "expected coefficients to be an array of numbers, got 3"],
  ])("refuses %o", async (wrong, message) => {
    const options = { direction: at(1, 1), coefficients: [1], ...wrong } as Parameters<typeof lossSlice>[2];
    await expect(lossSlice(bowl(1, 1), at(1, 1), options)).rejects.toThrow(`lossSlice: ${message}`);
  });
});

describe("lossPlane", () => {
  const options = {
    directions: [at(1, 0), at(1, 1)],
    coefficients: [
      [-1, 0, 2],
      [0, 1],
    ],
  } as const;

  it("is L(x + s d1 + t d2): rows of t, columns of s", async () => {
    const report = await lossPlane(bowl(1, 9), at(3, 1), options);
    expect(report.loss).toEqual([0, 1].map((t) => [-1, 0, 2].map((s) => ((3 + s + t) ** 2 + 9 * (1 + t) ** 2) / 2)));
    expect(report).toMatchObject({ probe: "lossPlane", lossAtPoint: 9, evaluations: 7, reasons: {} });
    expect(report.cosine).toBeCloseTo(Math.SQRT1_2, 12);
    expect(report.directions.map((direction) => direction.norm)).toEqual([1, Math.SQRT2]);
  });

  it("has no angle to a direction that is 0", async () => {
    const report = await lossPlane(bowl(1, 9), at(3, 1), { ...options, directions: [at(0, 0), at(1, 0)] });
    expect(report).toMatchObject({ cosine: null, reasons: { cosine: "a direction is 0" } });
  });

  it.each([
    [{ directions: [at(1, 0)] }, "expected directions to be an array of 2, got [Float64Array(2)]"],
    [{ directions: [at(1, 0), at(1)] }, "expected directions[1] to have 2 values, got 1"],
    [{ coefficients: [1, 2] }, "expected coefficients[0] to be an array of numbers, got 1"],
    [{ coefficients: [[1], []] }, "expected at least 1 number in coefficients[1], got 0"],
  ])("refuses %o", async (wrong, message) => {
    const all = { ...options, ...wrong } as unknown as Parameters<typeof lossPlane>[2];
    await expect(lossPlane(bowl(1, 1), at(1, 1), all)).rejects.toThrow(`lossPlane: ${message}`);
  });
});

describe("filterNormalizedDirection", () => {
  const groups = groupsOf(
    ["0.weight", "weight", [3, 2]],
    ["0.bias", "bias", [2]],
    ["1.gamma", "scale", [2]],
    ["1.beta", "shift", [2]],
  );
  // The columns of the weight have norms 3 and 0.
  const point = at(1, 0, 2, 0, -2, 0, 7, 8, 1, 1, 0.5, -0.5);

  it("gives each output's filter, a column, the norm of its weights", () => {
    const { values } = filterNormalizedDirection(point, groups, { random: new Random(1) });
    expect(norm(at(values[0]!, values[2]!, values[4]!))).toBeCloseTo(3, 12);
    expect([values[1], values[3], values[5]]).toEqual(allAbout([0, 0, 0], 15));
    expect(Array.from(values.subarray(6))).toEqual([0, 0, 0, 0, 0, 0]);
    // Not a multiple of the weights themselves.
    expect(values[0]! / values[2]!).not.toBeCloseTo(0.5, 3);
  });

  it("copies vectors where that is asked for", () => {
    const { values, vectors } = filterNormalizedDirection(point, groups, { random: new Random(1), vectors: "copy" });
    expect(vectors).toBe("copy");
    expect(values.subarray(6)).toEqual(point.subarray(6));
  });

  it("takes all but the last axis of a kernel as one filter, and leaves what no group names", () => {
    const kernel = groupsOf(["0.weight", "weight", [2, 2, 2]]);
    const weights = at(1, 0, 1, 2, 1, 0, 1, 0, 9);
    const { values } = filterNormalizedDirection(weights, kernel, { random: new Random(1) });
    expect(norm(at(values[0]!, values[2]!, values[4]!, values[6]!))).toBeCloseTo(2, 12);
    expect(norm(at(values[1]!, values[3]!, values[5]!, values[7]!))).toBeCloseTo(2, 12);
    expect(values[8]).toBe(0);
  });

  it("takes the weights of an output channel of a convolution as one filter", () => {
    const kernel = [{ ...groupsOf(["0.weight", "weight", [2, 2, 1, 1]])[0]!, outputAxis: 0 }];
    const { values } = filterNormalizedDirection(at(3, 4, 0, 2), kernel, { random: new Random(1) });
    expect([norm(values.subarray(0, 2)), norm(values.subarray(2))]).toEqual(allAbout([5, 2], 12));
    expect(() =>
      filterNormalizedDirection(at(1, 2, 3, 4), [{ ...kernel[0]!, outputAxis: 4 }], { random: new Random(1) }),
    ).toThrow("filterNormalizedDirection: expected groups[0] to have an outputAxis of its shape, got 4");
  });

  it("draws uniformly over the directions of a filter", () => {
    const random = new Random(2);
    const pair = groupsOf(["0.weight", "weight", [2, 1]]);
    const draws = Array.from({ length: 2000 }, () => filterNormalizedDirection(at(3, 4), pair, { random }).values);
    const mean = draws.reduce((sum, values) => sum + values[0]! * values[1]!, 0) / 2000;
    expect(mean / 25).toBeCloseTo(0, 1);
    expect(draws.reduce((sum, values) => sum + values[0]! ** 2, 0) / 2000 / 25).toBeCloseTo(0.5, 1);
  });

  it.each([
    [
      { random: new Random(1), vectors: "keep" as "copy" },
      groups,
      'expected vectors to be "ignore" or "copy", got "keep"',
    ],
    [{ random: 1 as unknown as Random }, groups, "expected random to be a Random, got 1 - pass new Random(seed)"],
    [
      { random: new Random(1) },
      [{ ...groups[0], shape: [2, 2] }] as Group[],
      "expected groups[0] to have a shape of 6 values, got [2, 2]",
    ],
  ])("refuses %o", (options, given, message) => {
    expect(() => filterNormalizedDirection(point, given, options)).toThrow(`filterNormalizedDirection: ${message}`);
  });
});
