/** Probes that wait, and probes of much data: nothing of the caller's is read again, and nothing overflows. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { Tensor } from "../../src/core/tensor.js";
import { BatchNorm, Dense, type Layer, meanSquaredError, ReLU, Sequential } from "../../src/index.js";
import { modelObjective } from "../../src/model/objective.js";
import type { Objective } from "../../src/objective/objective.js";
import * as probes from "../../src/probes/index.js";
import { signalPropagation } from "../../src/probes/values/signal-propagation.js";
import { bowl } from "../support/objectives.js";

const inner = bowl(1, 2, 5);
const waiting: Objective = async (x) => {
  await Promise.resolve();
  return inner(x);
};
const point = (): Float64Array => Float64Array.of(1, -2, 0.5);
const rows = (seed: number): { shape: number[]; data: number[] } => {
  const random = new Random(seed);
  return { shape: [6, 2], data: Array.from({ length: 12 }, () => random.normal()) };
};

type Drawing = (random: Random) => Promise<{ readonly randomState: ReturnType<Random["copy"]>["state"] | null }>;
const DRAWING: Readonly<Record<string, Drawing>> = {
  lipschitzFromPairs: (random) =>
    probes.lipschitzFromPairs(waiting, point(), { random, count: 5, minRadius: 0.1, maxRadius: 1 }),
  hessianTrace: (random) => probes.hessianTrace(waiting, point(), { random, count: 4 }),
  curvature: (random) => probes.curvature(waiting, point(), { random, steps: 2 }),
  spectralDensity: (random) => probes.spectralDensity(waiting, point(), { random, steps: 2, starts: 3 }),
  permutationTest: (random) =>
    probes.permutationTest(rows(1), rows(2), { random, permutations: 200, onProgress: () => Promise.resolve() }),
  mmdTest: (random) =>
    probes.mmdTest(rows(1), rows(2), { random, permutations: 200, onProgress: () => Promise.resolve() }),
};

it.each(Object.entries(DRAWING))("two calls of %s on one stream replay from their reports", async (_, run) => {
  const random = new Random(3);
  const reports = await Promise.all([run(random), run(random)]);
  expect(reports[0].randomState).not.toEqual(reports[1].randomState);
  for (const report of reports) expect(await run(Random.from(report.randomState!))).toEqual(report);
});

it("groups and step sizes may change while a probe waits", async () => {
  const groups = [{ name: "a", role: "weight" as const, shape: [3], start: 0, end: 3 }];
  const stepSizes = [0.1, 0.2];
  const along = probes.alongGradient(waiting, point(), { groups, stepSizes });
  const norms = probes.gradientNorms(waiting, point(), { groups });
  const shift = probes.internalCovariateShift(waiting, point(), { groups, learningRate: 0.1 });
  groups[0]!.end = 1;
  groups[0]!.name = "b";
  groups[0]!.shape[0] = 1;
  stepSizes.fill(7);
  expect((await along).stepSizes).toEqual([0.1, 0.2]);
  expect((await along).groups).toEqual([{ name: "a", start: 0, end: 3 }]);
  expect((await norms).groups).toMatchObject([{ name: "a", norm: (await norms).gradNorm }]);
  expect((await shift).blocks).toMatchObject([{ members: ["a"] }]);
});

it("200,000 step sizes do not overflow the stack", async () => {
  const stepSizes = Array.from({ length: 200_000 }, (_, i) => (i + 1) / 1e6);
  const report = await probes.alongGradient(inner, point(), { stepSizes });
  expect(report.profile).toHaveLength(200_000);
  expect(report.lossRange).toBeGreaterThan(0);
});

describe("40,000 rows", () => {
  const many = { shape: [20_000, 1], data: new Float64Array(20_000).map((_, i) => i) };

  it("are more than the maximum mean discrepancy has room for, and it names what it would need", async () => {
    const message = /: expected .*2147483648 bytes, got 20000 and 20000 rows, which need 12799680000 bytes - /;
    expect(() => probes.maximumMeanDiscrepancy(many, many)).toThrow(message);
    await expect(probes.mmdTest(many, many, { random: new Random(1) })).rejects.toThrow(RangeError);
    await expect(probes.mmdTest(many, many, { random: new Random(1) })).rejects.toThrow(message);
  });
});

describe("products that are not those of a Hessian", () => {
  /** ReLU after a BatchNorm, in float32: the gradient jumps within the difference step, and its round-off is large. */
  const rough = (dtype: "float32" | "float64"): ReturnType<typeof modelObjective> => {
    const random = new Random(1);
    const layers: Layer[] = [];
    for (const inputs of [4, 32, 32]) {
      layers.push(new Dense({ inputs, outputs: 32, random }), new BatchNorm({ features: 32 }), new ReLU());
    }
    const model = new Sequential([...layers, new Dense({ inputs: 32, outputs: 2, random })]);
    const batch = { input: Tensor.normal([128, 4], { random }), target: Tensor.normal([128, 2], { random }) };
    return modelObjective(model, batch, meanSquaredError, { mode: "probe", dtype });
  };

  it("are named by every probe that multiplies by it", async () => {
    const { objective, point: at } = rough("float32");
    const random = new Random(1);
    const vector = new Float64Array(at.length).map(() => random.normal());
    const reports = [
      await probes.hessianTrace(objective, at, { random, count: 5 }),
      await probes.curvature(objective, at, { random, steps: 10 }),
      await probes.spectralDensity(objective, at, { random, steps: 10, starts: 2 }),
      await probes.hessianVectorProduct(objective, at, { vector }),
    ];
    for (const { probe, note } of reports) expect(note, probe).toMatch(/difference step/);
  });

  it("are not suspected where they are right", async () => {
    const { objective, point: at } = rough("float64");
    const random = new Random(1);
    expect((await probes.hessianTrace(objective, at, { random, count: 5 })).note).toBeNull();
    const { note, trace } = await probes.hessianTrace(inner, point(), { random, count: 1 });
    expect([note, trace.toFixed(4)]).toEqual([null, "8.0000"]);
    expect((await probes.hessianVectorProduct(inner, point(), { vector: point() })).note).toBeNull();
  });
});

it.each([1e-300, 1e-200, 1e77, 1e100, 1e200, 1e300])("signalPropagation of values around %g", (size) => {
  const random = new Random(1);
  const data = Float64Array.from({ length: 30 }, () => random.normal());
  const ofOne = signalPropagation({ shape: [6, 5], data });
  const scaled = signalPropagation({ shape: [6, 5], data: data.map((value) => size * value) });
  expect(scaled.effectiveRank).toBeCloseTo(ofOne.effectiveRank!, 10);
  expect(scaled.entropicRank).toBeCloseTo(ofOne.entropicRank!, 10);
  expect(scaled.meanAbsoluteCosine).toBeCloseTo(ofOne.meanAbsoluteCosine!, 10);
});

describe("signalPropagation of values of all sizes at once", () => {
  const { MAX_VALUE } = Number;
  it("keeps the direction of a small sample beside a large one", () => {
    for (const size of [1e-300, 1e-200, 1e-77, 1, 1e77, 1e200, 1e300]) {
      for (const other of [1e-300, 1, 1e300]) {
        // (3, 4) and (1, 0): cosine 3 / 5
        const report = signalPropagation({ shape: [2, 2], data: [3 * size, 4 * size, other, 0] });
        expect(report).toMatchObject({ zeroRows: 0, reasons: {} });
        const negative = signalPropagation({ shape: [2, 2], data: [-3 * size, -4 * size, -other, 0] });
        expect(negative).toEqual(report);
        expect(report.meanAbsoluteCosine).toBeCloseTo(0.6, 14);
        expect(report.effectiveRank).toBeGreaterThanOrEqual(1 - 1e-12);
        expect(report.entropicRank).toBeLessThanOrEqual(2 + 1e-12);
      }
    }
  });

  it("takes the largest numbers there are", () => {
    const report = signalPropagation({ shape: [3, 3], data: [MAX_VALUE, 0, 0, 0, -MAX_VALUE, 0, 0, 0, MAX_VALUE] });
    expect(report.effectiveRank).toBeCloseTo(3, 12);
    expect(report.entropicRank).toBeCloseTo(3, 12);
    expect(report.meanAbsoluteCosine).toBe(0);
  });
});
