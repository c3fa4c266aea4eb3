/** The checks report where their random stream was, so that each can be repeated, also if others used the stream meanwhile. */
import { BatchNorm, checkGradient, checkLayer, checkObjective, Random } from "batchnorm";
import { describe, expect, it } from "vitest";
import type { Objective } from "../../src/objective/objective.js";
import { ordinary } from "../support/samples.js";

const point = Float64Array.of(0.5, -1, 2, 0.1, 0.2, 0.3, 1.4);
const groups = [
  { name: "a", role: "weight", shape: [5], start: 0, end: 5 },
  { name: "b", role: "bias", shape: [2], start: 5, end: 7 },
] as const;
const waiting: Objective = async (x) => {
  await Promise.resolve();
  return { loss: x.reduce((sum, v) => sum + Math.sin(v), 0), gradient: x.map(Math.cos) };
};

describe.each([
  ["checkGradient", (random: Random) => checkGradient(waiting, point, { random, groups })],
  ["checkGradient without groups", (random: Random) => checkGradient(waiting, point, { random })],
  ["checkObjective", (random: Random) => checkObjective(waiting, point, { random, groups })],
  ["checkObjective without groups", (random: Random) => checkObjective(waiting, point, { random })],
  [
    "checkLayer",
    (random: Random) =>
      checkLayer(new BatchNorm({ features: 3 }), ordinary([6, 3], new Random(1)), { mode: "probe", random }),
  ],
])("%s", (_, check) => {
  // prettier-ignore
  it("repeats from its report", async () => {
    const random = new Random(3);
    random.normal();
    const before = random.state;
    const report = await check(random);
    expect(report.randomState).toEqual(before);
    expect(random.state).not.toEqual(before);
    expect(await check(Random.from(report.randomState))).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("repeats from its report where two calls and the caller share a stream", async () => {
    const random = new Random(3);
    const promises = [check(random), check(random)];
    random.normal();
    const reports = await Promise.all(promises);
    expect(reports[0]!.randomState).not.toEqual(reports[1]!.randomState);
    for (const report of reports) expect(await check(Random.from(report.randomState))).toEqual(report);
  });
});
