/** A gradient that is not finite in its first coordinate alone: no probe may overlook it. */
import { checkGradient, checkObjective, Random } from "batchnorm";
import { alongGradient, internalCovariateShift, lipschitzAlongTrajectory, lipschitzFromPairs } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import type { Objective } from "../../src/objective/objective.js";
import { bowl, groupsOf } from "../support/objectives.js";
import { probes } from "../support/probe-table.js";

const point = Float64Array.of(1, 2, -1, 0.5);
const groups = groupsOf(["0.weight", "weight", [1, 2]], ["1.weight", "weight", [1, 1]], ["2.bias", "bias", [1]]);

/** A bowl whose gradient is broken in one coordinate, from some evaluation on. */
const broken = (value: number, coordinate: number, from: number): Objective => {
  const smooth = bowl(1, 2, 3, 4);
  let calls = 0;
  return async (x) => {
    const { loss, gradient } = await smooth(x);
    if (calls++ >= from) gradient[coordinate] = value;
    return { loss, gradient };
  };
};

describe.each([NaN, Infinity, -Infinity])("%s", (value) => {
  it.each([0, 1, 3])(
    "in coordinate %i of the first gradient is refused by every probe that reads it",
    async (coordinate) => {
      for (const { name, run, lossesAlone = false } of probes) {
        if (lossesAlone || name === "lipschitzAlongTrajectory") continue;
        await expect(run(broken(value, coordinate, 0), point, groups), name).rejects.toThrow(
          `got ${value} at coordinate ${coordinate}`,
        );
      }
      for (const check of [checkGradient, checkObjective]) {
        const promise = check(broken(value, coordinate, 0), point, { random: new Random(1), groups });
        await expect(promise).rejects.toThrow(/expected a finite gradient at the point, got (NaN|-?Infinity) at /);
      }
    },
  );

  it.each([0, 3])("in coordinate %i further out is infinite change", async (coordinate) => {
    const further = (): Objective => broken(value, coordinate, 1);
    const { profile } = await alongGradient(further(), point, { stepSizes: [0.1] });
    expect(profile[0]).toMatchObject({ gradientChange: Infinity, gradNorm: Infinity, beta: Infinity });
    const pairs = await lipschitzFromPairs(further(), point, {
      count: 1,
      minRadius: 0.1,
      maxRadius: 1,
      random: new Random(1),
    });
    expect(pairs.gradient.maximum).toBe(Infinity);
    const along = await lipschitzAlongTrajectory(further(), [point, point.map((x) => x + 1)]);
    expect(along.gradient.maximum).toBe(Infinity);
    const start = await lipschitzAlongTrajectory(broken(value, coordinate, 0), [point, point.map((x) => x + 1)]);
    expect(start.gradient.maximum).toBe(Infinity);
    const shift = await internalCovariateShift(further(), point, { groups, learningRate: 0.1 });
    expect(shift.blocks.map((block) => block.all.difference)).toEqual([0, Infinity]);
  });

  it("in coordinate 0 beside the point is refused by the Hessian probes", async () => {
    for (const { name, run } of probes) {
      if (!["curvature", "spectralDensity", "hessianTrace", "hessianVectorProduct"].includes(name)) continue;
      await expect(run(broken(value, 0, 2), point, groups), name).rejects.toThrow(`got ${value} at coordinate 0`);
    }
  });
});
