/** The notes of the Hessian probes are of all products, not of the first alone. */
import { curvature, hessianTrace, hessianVectorProduct, spectralDensity } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Objective } from "../../src/objective/objective.js";
import { productNote } from "../../src/probes/curvature/hessian.js";
import { bowl } from "../support/objectives.js";

const point = Float64Array.of(1, 1);
const STEP = 1e-3;

/** A bowl with a kink across x_0 = x_1 at a distance; notes whether an evaluation has crossed it. */
function kinked(distance: number): { objective: Objective; crossed: () => boolean } {
  let crossings = 0;
  const smooth = bowl(1, 3);
  const objective: Objective = async (x) => {
    const { loss, gradient } = await smooth(x);
    const beyond = (x[0]! - x[1]!) / Math.SQRT2 - distance;
    if (beyond <= 0) return { loss, gradient };
    crossings++;
    return { loss: loss + beyond, gradient: Float64Array.of(gradient[0]! + Math.SQRT1_2, gradient[1]! - Math.SQRT1_2) };
  };
  return { objective, crossed: () => crossings > 0 };
}

const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

describe.each([
  [
    "hessianTrace",
    (o: Objective, random: Random) => hessianTrace(o, point, { random, count: 2, differenceStep: STEP }),
  ],
  [
    "hessianTrace",
    (o: Objective, random: Random) => hessianTrace(o, point, { random, count: 8, differenceStep: STEP }),
  ],
  [
    "spectralDensity",
    (o: Objective, random: Random) => spectralDensity(o, point, { random, steps: 1, starts: 3, differenceStep: STEP }),
  ],
  [
    "spectralDensity",
    (o: Objective, random: Random) => spectralDensity(o, point, { random, steps: 1, starts: 8, differenceStep: STEP }),
  ],
  ["curvature", (o: Objective, random: Random) => curvature(o, point, { random, steps: 1, differenceStep: STEP })],
  ["curvature", (o: Objective, random: Random) => curvature(o, point, { random, steps: 2, differenceStep: STEP })],
] as const)("%s", (_, probe) => {
  // prettier-ignore
  it("has a note if any of its products crosses a kink, and none if none does", async () => {
    const outcomes = new Set<string>();
    for (const seed of SEEDS) {
      for (const distance of [0.1, 0.9, 0.999, 1.1].map((part) => part * STEP)) {
        const { objective, crossed } = kinked(distance);
        const report = await probe(objective, new Random(seed));
        outcomes.add(`${report.note === null ? "no note" : "note"}, ${crossed() ? "a kink" : "no kink"}`);
        // Of 1 / (2 h) and more.
        if (crossed()) expect(report.productError).toBeGreaterThan(0.4);
        else expect(report.productError).toBeLessThan(1e-6);
      }
    }
    expect([...outcomes].sort()).toEqual(["no note, no kink", "note, a kink"]);
  });
});

it("the error and the asymmetry have the same unit in all of them, that of an eigenvalue", async () => {
  const errors = async (scale: number): Promise<number[]> => {
    // Central differences of 4 s x^3 are off by 4 s h^2, of which h/2 leaves a quarter.
    const quartic: Objective = ([x]) => ({ loss: scale * x! ** 4, gradient: Float64Array.of(4 * scale * x! ** 3) });
    const at = Float64Array.of(2);
    const options = { differenceStep: 0.1, random: new Random(1) };
    const reports = [
      await curvature(quartic, at, options),
      await spectralDensity(quartic, at, options),
      await hessianTrace(quartic, at, { ...options, count: 2 }),
      await hessianVectorProduct(quartic, at, { differenceStep: 0.1, vector: Float64Array.of(-3) }),
    ];
    for (const { note, asymmetry } of reports) {
      expect(note).toBeNull();
      expect(asymmetry / scale).toBeLessThan(1e-10);
    }
    return reports.map(({ productError }) => productError / scale);
  };
  for (const scale of [1e-6, 1, 1e6]) {
    for (const error of await errors(scale)) expect(error).toBeCloseTo(3 * 0.01, 8);
  }
});

it("the note of a single product that is far off names it, whichever of eight it is", async () => {
  for (let bad = 0; bad < 8; bad++) {
    const smooth = bowl(1, 2, 3, 4);
    const samples: number[] = [];
    let evaluation = 0;
    const counted: Objective = async (x) => {
      const { loss, gradient } = await smooth(x);
      // Four evaluations per product: at h and at h/2, to both sides.
      if (Math.floor(evaluation++ / 4) === bad && evaluation % 4 === 1) gradient[0]! += 1;
      return { loss, gradient };
    };
    const report = await hessianTrace(counted, new Float64Array(4).fill(1), { count: 8, random: new Random(1) });
    samples.push(...report.samples);
    expect(report.evaluations).toBe(32);
    expect([bad, report.note]).toEqual([bad, expect.stringMatching(/./)]);
    expect(samples.findIndex((sample) => Math.abs(sample - 10) > 1e-3)).toBe(bad);
  }
});

it("a flat direction, whose product is round-off, is no reason for a note", async () => {
  for (const seed of SEEDS.slice(0, 8)) {
    const options = { random: new Random(seed), steps: 5 };
    const report = await curvature(bowl(0, 0, 0, 0, 7), Float64Array.of(0.3, 1, -2, 0.7, 0.1), options);
    expect(report.note).toBeNull();
    expect(report.productError).toBeLessThan(1e-6);
  }
});

it("many products are checked in eight places, the first and the last third among them", async () => {
  const at = Float64Array.from({ length: 40 }, (_, i) => 1 + i / 40);
  const eigenvalues = Array.from(at, (_, i) => i + 1);
  const trace = await hessianTrace(bowl(...eigenvalues), at, { random: new Random(1), count: 100 });
  expect(trace.evaluations).toBe(2 * 100 + 2 * 8);
  const ends = await curvature(bowl(...eigenvalues), at, { random: new Random(1), steps: 20 });
  expect(ends.evaluations).toBe(1 + 2 * 20 + 2 * 8 + 4);
  const density = await spectralDensity(bowl(...eigenvalues), at, { random: new Random(1), steps: 10, starts: 3 });
  expect(density.evaluations).toBe(2 * 30 + 2 * 8);
});

it("notes begin above a tenth of change and a thousandth of asymmetry, whatever the scale", () => {
  for (const scale of [1e-9, 1, 1e9]) {
    expect(productNote(0, 0.1, scale, STEP)).toBeNull();
    expect(productNote(0, 0.101, scale, STEP)).toMatch(/^a product changes by a fraction of 0.101 /);
    expect(productNote(0.001 * scale, 0, scale, STEP)).toBeNull();
    expect(productNote(0.00101 * scale, 0, scale, STEP)).toMatch(/^the products are not symmetric /);
  }
  // A Hessian of 0 has products that are round-off alone.
  expect(productNote(0, 1, 0, STEP)).toBeNull();
  expect(productNote(1e-300, 0, 0, STEP)).toMatch(/not symmetric/);
});

it("the asymmetry of a trace is that of directions of length 1", async () => {
  // The gradient of no loss, whose derivative is [[3, 0.2], [-0.2, -3]].
  const turning: Objective = ([x, y]) => ({
    loss: 1.5 * (x! * x! - y! * y!),
    gradient: Float64Array.of(3 * x! + 0.2 * y!, -0.2 * x! - 3 * y!),
  });
  const { asymmetry } = await hessianTrace(turning, point, { random: new Random(1), count: 20 });
  expect(asymmetry).toBeCloseTo(0.4, 6);
});
