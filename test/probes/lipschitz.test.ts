import { lipschitzAlongTrajectory, lipschitzFromPairs } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { norm } from "../../src/objective/vector.js";
import { about, allAbout } from "../support/about.js";
import { absoluteValue, bowl, cliff, linear, turnedBowl } from "../support/objectives.js";

const at = (...values: number[]): Float64Array => Float64Array.of(...values);

describe("lipschitzFromPairs", () => {
  const options = { count: 200, minRadius: 0.001, maxRadius: 10 };

  it("finds the curvature along each direction of a quadratic, and no more than the largest", async () => {
    const eigenvalues = [7, 3, 0.5, -2];
    const report = await lipschitzFromPairs(turnedBowl(eigenvalues, 1), at(1, 2, -1, 0.5), {
      ...options,
      random: new Random(3),
    });
    expect(report).toMatchObject({ probe: "lipschitzFromPairs", evaluations: 201, skipped: 0, reasons: {} });
    expect(report.pairs).toHaveLength(200);
    for (const { gradientQuotient } of report.pairs) {
      expect(gradientQuotient).toBeGreaterThan(0.5 - 1e-9);
      expect(gradientQuotient).toBeLessThan(7 + 1e-9);
    }
    expect(report.gradient.maximum).toBeGreaterThan(6.5);
    expect(report.gradient.median).toBeLessThan(report.gradient.quantile90!);
    expect(report.kinds).toMatchObject({ maximum: "lower bound", median: "estimate" });
  });

  it("has the quotients of a linear loss: its slope along the direction, and none of the gradient", async () => {
    const report = await lipschitzFromPairs(linear(3, -4), at(1, 1), { ...options, random: new Random(1) });
    expect(report.gradient).toMatchObject({ median: 0, quantile90: 0, maximum: 0 });
    expect(report.loss.maximum).toBeLessThanOrEqual(5 + 1e-9);
    expect(report.loss.maximum).toBeGreaterThan(4.9);
  });

  it("spreads the radii evenly over the orders of magnitude", async () => {
    const report = await lipschitzFromPairs(bowl(1, 1, 1), at(3, 4, 0), {
      count: 3000,
      minRadius: 0.01,
      maxRadius: 10,
      random: new Random(5),
    });
    const distances = report.pairs.map((pair) => pair.distance);
    expect(Math.min(...distances)).toBeGreaterThan(0.01 - 1e-9);
    expect(Math.max(...distances)).toBeLessThan(10 + 1e-9);
    for (const edge of [0.1, 1]) {
      const share = distances.filter((distance) => distance < edge).length / 3000;
      expect(share).toBeCloseTo((Math.log10(edge) + 2) / 3, 1);
    }
    expect(report.pairs.every((pair) => Math.abs(pair.relativeDistance! - pair.distance / 5) < 1e-12)).toBe(true);
  });

  it("places its maximum", async () => {
    // Beyond |x| = 10 the loss is lost: the longest pairs are infinite, which is data.
    const report = await lipschitzFromPairs(cliff(NaN), at(0), { ...options, maxRadius: 20, random: new Random(2) });
    expect(report.loss.maximum).toBe(Infinity);
    expect(report.gradient.maximum).toBe(Infinity);
    expect(report.gradient.distanceAtMaximum).toBeGreaterThan(10);
    expect(report.gradient.median).toBeCloseTo(1, 12);
    expect(report.reasons).toEqual({ relativeDistance: "the point is 0" });
    expect(report.pairs[0]!.relativeDistance).toBeNull();
  });

  it("says which pairs it drew: the state draws them again", async () => {
    const random = new Random(9);
    random.uniform();
    const first = await lipschitzFromPairs(absoluteValue, at(1, 1), { ...options, random });
    const again = await lipschitzFromPairs(absoluteValue, at(1, 1), {
      ...options,
      random: Random.from(first.randomState),
    });
    expect(again).toEqual(first);
    const others = await lipschitzFromPairs(absoluteValue, at(1, 1), { ...options, random });
    expect(others.pairs).not.toEqual(first.pairs);
  });

  it("leaves out pairs that coincide because the radius is below a last place", async () => {
    const report = await lipschitzFromPairs(bowl(1), at(1e9), {
      count: 3,
      minRadius: 1e-12,
      maxRadius: 1e-12,
      random: new Random(1),
    });
    expect(report).toMatchObject({ pairs: [], skipped: 3, evaluations: 4 });
    expect(report.gradient).toEqual({ median: null, quantile90: null, maximum: null, distanceAtMaximum: null });
    const why = "the points of every pair coincide";
    expect(report.reasons).toEqual({ loss: why, gradient: why });
  });

  it.each([
    [{ count: 0 }, "expected count to be a whole number of at least 1, got 0"],
    [{ minRadius: 0 }, "expected minRadius to be a finite number > 0, got 0"],
    [{ maxRadius: 0.0001 }, "expected maxRadius to be a finite number >= 0.001, got 0.0001"],
    [{ random: 7 as unknown as Random }, "expected random to be a Random, got 7 - pass new Random(seed)"],
  ])("refuses %o", async (wrong, message) => {
    const promise = lipschitzFromPairs(bowl(1), at(1), { ...options, random: new Random(1), ...wrong });
    await expect(promise).rejects.toThrow(`lipschitzFromPairs: ${message}`);
  });
});

describe("lipschitzAlongTrajectory", () => {
  it("gives the worked pair: 4.5 and 9", async () => {
    const report = await lipschitzAlongTrajectory(bowl(1, 9), [at(0, 0), at(0, 1)]);
    expect(report.pairs).toEqual([{ distance: 1, relativeDistance: null, lossQuotient: 4.5, gradientQuotient: 9 }]);
    expect(report.loss).toEqual({ median: 4.5, quantile90: 4.5, maximum: 4.5, distanceAtMaximum: 1 });
    expect(report).toMatchObject({ probe: "lipschitzAlongTrajectory", evaluations: 2, skipped: 0, parameters: 2 });
  });

  it("compares each point with the one before", async () => {
    const path = [at(3, 1), at(2, 1), at(2, 1), at(2, -1), at(2, 3)];
    const report = await lipschitzAlongTrajectory(bowl(1, 9), path);
    expect(report).toMatchObject({ skipped: 1, evaluations: 5 });
    expect(report.pairs.map((pair) => pair.distance)).toEqual([1, 2, 4]);
    expect(report.pairs.map((pair) => pair.lossQuotient)).toEqual([2.5, 0, 9]);
    expect(report.pairs.map((pair) => pair.gradientQuotient)).toEqual([1, 9, 9]);
    expect(report.pairs.map((pair) => pair.relativeDistance)).toEqual(
      allAbout([1 / norm(at(3, 1)), 2 / norm(at(2, 1)), 4 / norm(at(2, -1))], 12),
    );
    expect(report.loss).toEqual({ median: 2.5, quantile90: about(7.7, 12), maximum: 9, distanceAtMaximum: 4 });
  });

  it("keeps the gradient of the point before when the objective hands out one array", async () => {
    const shared = new Float64Array(1);
    const report = await lipschitzAlongTrajectory(
      ([x]) => {
        shared[0] = 2 * x!;
        return { loss: x! * x!, gradient: shared };
      },
      [at(0), at(1)],
    );
    expect(report.gradient.maximum).toBe(2);
  });

  it("takes a lost point as data", async () => {
    const report = await lipschitzAlongTrajectory(cliff(Infinity), [at(1), at(11), at(12), at(2), at(3)]);
    expect(report.pairs.map((pair) => pair.lossQuotient)).toEqual([Infinity, Infinity, Infinity, 2.5]);
    expect(report.pairs.map((pair) => pair.gradientQuotient)).toEqual([Infinity, Infinity, Infinity, 1]);
  });

  it.each([
    [[at(1)], "expected at least 2 points, got 1"],
    ["path", 'expected points to be an array of Float64Arrays, got "path"'],
    [[at(1), at(1, 2)], "expected points[1] to have 1 values, got 2"],
    [[at(1), at(NaN)], "expected points[1] to be finite, got NaN at coordinate 0"],
    [[at(NaN), at(1)], "expected a finite point, got NaN at coordinate 0"],
    [[[1], [2]], "expected the point to be a Float64Array, got [1]"],
  ])("refuses %o", async (points, message) => {
    const promise = lipschitzAlongTrajectory(bowl(1), points as Float64Array[]);
    await expect(promise).rejects.toThrow(`lipschitzAlongTrajectory: ${message}`);
  });
});
