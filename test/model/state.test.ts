/** Saved state: exact through JSON, and whole or not at all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  Dense,
  loadStateDict,
  Parameter,
  Random,
  Sequential,
  type StateDict,
  stateDict,
  Tensor,
} from "../../src/index.js";
import { expectBits, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { randomModel } from "../support/random-models.js";
import { ordinary, settle } from "../support/samples.js";
import "../support/numbers.js";

describe("a state", () => {
  it("survives JSON exactly, whatever the model and the numbers", () => {
    fc.assert(
      fc.property(fc.nat(), fc.infiniteStream(fc.double({ noNaN: true, noDefaultInfinity: true })), (seed, numbers) => {
        const { model, input } = randomModel(seed);
        for (const parameter of model.parameters)
          parameter.update((values) => values.set(Array.from(values, () => (numbers.next().value as number) + 0)));
        const saved = JSON.stringify(stateDict(model));
        const other = randomModel(seed).model;
        loadStateDict(other, JSON.parse(saved) as StateDict);
        expect(JSON.stringify(stateDict(other))).toBe(saved);
        model.parameters.forEach((one, i) => expectBits(one.name, other.parameters[i]!.value.data, one.value.data));
        model.statistics.forEach((one, i) => expectBits(one.name, other.statistics[i]!.values, one.values));
        const x = input(4);
        const [before, after] = [model, other].map((either) => either.forward(x, { mode: "inference" }).output.data);
        expectBits("output", after!, before!);
      }),
    );
  });

  it("is a copy, and so is what is loaded", () => {
    const norm = settle(new BatchNorm({ features: 2 }), [5, 2], new Random(1), "float32");
    const state = stateDict(norm);
    const before = JSON.stringify(state);
    norm.forward(ordinary([5, 2], new Random(2), "float32"), { mode: "train" });
    norm.gamma!.update((values) => values.fill(7));
    expect(JSON.stringify(state)).toBe(before);
    loadStateDict(norm, state);
    (state["gamma"]!.values as number[]).fill(9);
    expect(JSON.stringify(stateDict(norm))).toBe(before);
  });

  it("keeps a parameter that is named __proto__", () => {
    const layer = (value: number) => {
      const parameters = [new Parameter("__proto__", "weight", Tensor.from([value]))];
      return { parameters, statistics: [], forward: () => undefined as never };
    };
    const [saved, other] = [layer(3), layer(0)];
    expect(Object.keys(stateDict(saved))).toEqual(["__proto__"]);
    loadStateDict(other, JSON.parse(JSON.stringify(stateDict(saved))) as StateDict);
    expect(other.parameters[0]!.value.at(0)).toBe(3);
  });

  it("has 0 for -0, as JSON does", () => {
    const norm = new BatchNorm({ features: 1 });
    norm.beta!.update((values) => values.fill(-0));
    expect(stateDict(norm)["beta"]!.values).toEqual([0]);
  });

  it("moves the versions of the parameters: a backward from before is refused", () => {
    const norm = new BatchNorm({ features: 2 });
    const x = ordinary([5, 2], new Random(1), "float32");
    const { output, backward } = norm.forward(x, { mode: "probe" });
    loadStateDict(norm, stateDict(norm));
    expect(() => backward(output)).toThrow(/gamma.*changed/);
  });
});

describe("loadStateDict refuses, and has loaded nothing then,", () => {
  const model = (): Sequential =>
    settle(
      new Sequential([new Dense({ inputs: 3, outputs: 2, random: new Random(1) }), new BatchNorm({ features: 2 })]),
      [5, 3],
      new Random(2),
      "float32",
    );
  type Entries = Record<string, { shape: number[]; dtype: string; values: number[] }>;

  it.each<[string, string, (state: Entries) => unknown]>([
    [
      "a missing entry",
      `TypeError: loadStateDict: "1.runningVariance" | cure`,
      (state) => delete state["1.runningVariance"],
    ],
    [
      "unknown and missing entries, all of them named",
      `TypeError: loadStateDict: "1.gamma" | "1.weight" | "2.bias" | cure`,
      (state) => {
        state["1.weight"] = state["1.gamma"]!;
        state["2.bias"] = state["1.gamma"]!;
        delete state["1.gamma"];
      },
    ],
    [
      "another shape",
      'ShapeError: loadStateDict: "0.weight": [3, 2] | [2, 3]',
      (state) => (state["0.weight"]!.shape = [2, 3]),
    ],
    [
      "another number of values",
      'ShapeError: loadStateDict: "1.beta": 2 | 3',
      (state) => state["1.beta"]!.values.push(1),
    ],
    [
      "another dtype",
      'TypeError: loadStateDict: "1.gamma": float32 | "float64"',
      (state) => (state["1.gamma"]!.dtype = "float64"),
    ],
    ["what is no entry", 'TypeError: loadStateDict: "1.gamma": 1', (state) => (state["1.gamma"] = 1 as never)],
    [
      "an entry without values",
      'TypeError: loadStateDict: "1.gamma": shape',
      (state) => (state["1.gamma"] = { shape: [2], dtype: "float32" } as never),
    ],
    [
      "NaN",
      'RangeError: loadStateDict: "1.runningMean": NaN | 1',
      (state) => (state["1.runningMean"]!.values[1] = NaN),
    ],
    [
      "null, which is what JSON makes of NaN",
      'RangeError: loadStateDict: "0.bias": null | 0',
      (state) => (state["0.bias"]!.values[0] = null as never),
    ],
    [
      "a number that float32 cannot hold",
      'RangeError: loadStateDict: "0.weight": float32 | 1e+39 | 5',
      (state) => (state["0.weight"]!.values[5] = 1e39),
    ],
    [
      "a negative variance",
      'RangeError: loadStateDict: "1.runningVariance": 0 | -0.001',
      (state) => (state["1.runningVariance"]!.values[0] = -1e-3),
    ],
    [
      "a negative count",
      'RangeError: loadStateDict: "1.batchesTracked": 0 | -1',
      (state) => (state["1.batchesTracked"]!.values[0] = -1),
    ],
    ...[0.5, -0.5, 1e300, 2 ** 53].map((count): [string, string, (state: Entries) => unknown] => [
      `a count of ${count} batches`,
      `RangeError: loadStateDict: "1.batchesTracked": 0 | ${count}`,
      (state) => (state["1.batchesTracked"]!.values[0] = count),
    ]),
    [
      "a count that is NaN",
      'RangeError: loadStateDict: "1.batchesTracked": NaN | 0',
      (state) => (state["1.batchesTracked"]!.values[0] = NaN),
    ],
  ])("%s", async (_, refusal, spoil) => {
    const target = model();
    const state = JSON.parse(JSON.stringify(stateDict(target))) as Entries;
    for (const entry of Object.values(state)) entry.values = entry.values.map((value) => value + 1);
    spoil(state);
    const before = memoryOf(target);
    await expectRefusal(() => loadStateDict(target, state as never), refusal);
    expect(memoryOf(target)).toEqual(before);
  });

  it("values that change their answer once they have been checked", () => {
    const target = model();
    const state = JSON.parse(JSON.stringify(stateDict(target))) as Entries;
    let reads = 0;
    Object.defineProperty(state["1.gamma"]!.values, 0, { enumerable: true, get: () => (reads++ === 0 ? 7 : NaN) });
    let answers = 0;
    const { beta } = { beta: state["1.beta"]! };
    const get = (): unknown => (answers++ === 0 ? beta : { ...beta, values: [NaN, NaN] });
    Object.defineProperty(state, "1.beta", { enumerable: true, get });
    loadStateDict(target, state as never);
    expect([reads, answers]).toEqual([1, 1]);
    expect(stateDict(target)["1.gamma"]!.values[0]).toBe(7);
  });

  it("a model whose own memory was detached, before the first entry is loaded", async () => {
    const target = model();
    const state = stateDict(target);
    const [weight, , , beta] = target.parameters;
    const { version } = weight!;
    structuredClone(beta!.value.data.buffer, { transfer: [beta!.value.data.buffer] });
    await expectRefusal(() => loadStateDict(target, state), 'ShapeError: loadStateDict: "1.beta": 2 | transferred');
    expect(weight!.version).toBe(version);
  });

  it("entries that only a prototype has", async () => {
    const target = new BatchNorm({ features: 1 });
    const state = Object.create(stateDict(target)) as StateDict;
    const facts = 'loadStateDict: "gamma" | "beta" | "runningMean" | "runningVariance" | "batchesTracked" | cure';
    await expectRefusal(() => loadStateDict(target, state), `TypeError: ${facts}`);
  });
});
