/** A signal is noticed while a synchronous objective is probed, because the event loop gets its turns. */
import { describe, expect, it, vi } from "vitest";
import { Random } from "../../src/core/random.js";
import { checkGradient } from "../../src/objective/check-gradient.js";
import { checkObjective } from "../../src/objective/check-objective.js";
import type { Objective, ProbeOptions } from "../../src/objective/objective.js";
import * as probes from "../../src/probes/index.js";

const COORDINATES = 3000;

function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Each evaluation takes about a millisecond and answers at once. */
const objective: Objective = Object.assign(
  (x: Float64Array) => {
    spin(1);
    return { loss: x.reduce((sum, value) => sum + Math.sin(value), 0), gradient: x.map(Math.cos) };
  },
  { mode: "probe" },
);
const point = (): Float64Array => new Float64Array(COORDINATES).map((_, i) => Math.sin(i));
const many = Array.from({ length: 2000 }, (_, i) => (i + 1) / 2000);
const rows = (seed: number, count: number): { shape: number[]; data: Float64Array } => {
  const random = new Random(seed);
  return { shape: [count, 8], data: new Float64Array(8 * count).map(() => random.normal()) };
};

/** Each would run for two seconds or more. */
const LONG: Readonly<Record<string, (options: ProbeOptions) => Promise<unknown>>> = {
  checkGradient: (o) =>
    checkGradient(objective, point(), { ...o, random: new Random(1), coordinatesPerGroup: Infinity }),
  checkObjective: (o) =>
    checkObjective(objective, point(), { ...o, random: new Random(1), coordinatesPerGroup: Infinity }),
  alongGradient: (o) => probes.alongGradient(objective, point(), { ...o, stepSizes: many }),
  lossSlice: (o) => probes.lossSlice(objective, point(), { ...o, direction: point(), coefficients: many }),
  hessianTrace: (o) => probes.hessianTrace(objective, point(), { ...o, random: new Random(1), count: 1000 }),
  lipschitzFromPairs: (o) =>
    probes.lipschitzFromPairs(objective, point(), {
      ...o,
      random: new Random(1),
      count: 2000,
      minRadius: 0.1,
      maxRadius: 1,
    }),
  permutationTest: (o) =>
    probes.permutationTest(rows(1, 500), rows(2, 500), { ...o, random: new Random(1), permutations: 1e4 }),
  mmdTest: (o) => probes.mmdTest(rows(1, 400), rows(2, 400), { ...o, random: new Random(1), permutations: 5000 }),
};

describe.each(Object.entries(LONG))("%s", (_, run) => {
  it("notices a signal that a timer aborts", async () => {
    // Without turns of the event loop the timer would fire after the probe has finished, and the promise would be fulfilled.
    await expect(run({ signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it.each(["enough", 7, { stopped: true }])("throws the reason as it is: %j", async (reason) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 5);
    await expect(run({ signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("hosts without a task queue", () => {
  it.each([["MessageChannel"], ["MessageChannel", "setTimeout"]])("do without %s", async (...missing) => {
    const kept = missing.map((name) => [name, Reflect.get(globalThis, name) as unknown] as const);
    for (const name of missing) Reflect.deleteProperty(globalThis, name);
    try {
      const options = { random: new Random(1), coordinatesPerGroup: 10 };
      expect((await checkGradient(objective, point(), options)).verdict).toBe("agrees");
    } finally {
      for (const [name, value] of kept) Reflect.set(globalThis, name, value);
    }
  });
});

describe("turns of the event loop", () => {
  const { MessageChannel: Channel } = globalThis;
  /** The number of turns that a check takes while the clock shows the given times. */
  const turnsOf = async (clock: () => number): Promise<number> => {
    let turns = 0;
    class Counted extends Channel {
      constructor() {
        super();
        turns++;
      }
    }
    const now = vi.spyOn(Date, "now").mockImplementation(clock);
    globalThis.MessageChannel = Counted;
    try {
      const quick: Objective = (x) => ({ loss: x[0]! ** 2, gradient: Float64Array.of(2 * x[0]!) });
      await checkGradient(quick, Float64Array.of(1), { random: new Random(1) });
    } finally {
      globalThis.MessageChannel = Channel;
      now.mockRestore();
    }
    return turns;
  };

  it("are taken after 16 ms, or if the clock was set back, and not before", async () => {
    expect(await turnsOf(() => 1e12)).toBe(0);
    let time = 1e12;
    expect(await turnsOf(() => (time += 3))).toBeLessThanOrEqual(2);
    // One per evaluation: 1 gradient, and 4 losses along the direction and for the coordinate.
    expect(await turnsOf(() => (time += 16))).toBe(9);
    expect(await turnsOf(() => (time -= 1))).toBe(9);
    time = 1e12;
    const moments = [0, 15, 15, 15, 15, 15, 15, 15, 15, 16].values();
    expect(await turnsOf(() => 1e12 + (moments.next().value ?? 16))).toBe(1);
  });
});
