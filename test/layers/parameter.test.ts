/** Parameter: versions that tell of every change, and values that are lent for a piece of work and no longer. */
import { expectRefusal } from "../support/refusal.js";
import { describe, expect, it } from "vitest";
import { BatchNorm, checkLayer, Dense, Parameter, Random, Sequential, Tensor } from "../../src/index.js";
import { memoryOf } from "../support/close.js";
import { anyGradient, ordinary, settle } from "../support/samples.js";

const make = (...values: number[]): Parameter => new Parameter("gamma", "scale", Tensor.from(values));

describe("a version", () => {
  it("changes with every update, even one that throws, and is never reused", () => {
    const [one, two] = [make(1, 2), make(3, 4)];
    const seen = new Set([one.version, two.version]);
    for (const parameter of [one, two, one]) {
      parameter.update((values) => values.fill(5));
      seen.add(parameter.version);
    }
    expect(() =>
      one.update((values) => {
        values[0] = 6;
        throw new Error("half-way");
      }),
    ).toThrow("half-way");
    seen.add(one.version);
    expect(seen.size).toBe(6);
    expect([...one.value.data]).toEqual([6, 5]);
  });
});

describe("holding", () => {
  it("substitutes values of any shape and dtype during a call, and restores values and version", () => {
    const parameter = make(1, 2);
    const [own, version] = [parameter.value, parameter.version];
    const lent = Tensor.from([7, 8], { dtype: "float64" });
    const inside = Parameter.holding(new Map([[parameter, lent]]), () => {
      expect(parameter.value).toBe(lent);
      expect(parameter.version).not.toBe(version);
      parameter.update((values) => (values[0] = 9));
      return parameter.value.at(0);
    });
    expect(inside).toBe(9);
    expect(parameter.value).toBe(own);
    expect([...own.data]).toEqual([1, 2]);
    expect(parameter.version).toBe(version);
  });

  it("restores them if the call throws or is nested", () => {
    const parameter = make(1);
    const [own, version] = [parameter.value, parameter.version];
    const lend = <T>(value: number, work: () => T): T =>
      Parameter.holding(new Map([[parameter, Tensor.from([value])]]), work);
    expect(() =>
      lend(2, () => {
        lend(3, () => expect(parameter.value.at(0)).toBe(3));
        expect(parameter.value.at(0)).toBe(2);
        throw new Error("broken");
      }),
    ).toThrow("broken");
    expect([parameter.value, parameter.version]).toEqual([own, version]);
  });

  it("refuses asynchronous work, which would see its own values again after the first await", async () => {
    const parameter = make(1);
    const [own, version] = [parameter.value, parameter.version];
    const lent = new Map([[parameter, Tensor.from([2])]]);
    for (const work of [
      () => Promise.resolve(1),
      () => Promise.reject(new Error("nobody handles this")),
      () => ({ then: () => undefined }),
    ]) {
      await expectRefusal(() => Parameter.holding<unknown>(lent, work), "TypeError: Parameter.holding: promise | cure");
      expect([parameter.value, parameter.version]).toEqual([own, version]);
    }
  });
});

describe("checkLayer", () => {
  it("leaves a model unchanged and its pending passes valid", async () => {
    const random = new Random(1);
    const layers = [new Dense({ inputs: 3, outputs: 4, random }), new BatchNorm({ features: 4 })];
    const model = settle(new Sequential(layers), [6, 3], random, "float32");
    const x = ordinary([6, 3], random, "float32");
    const { output, backward } = model.forward(x, { mode: "train" });
    const before = memoryOf(model);
    const dy = anyGradient(output, random);
    const expected = model.forward(x, { mode: "probe" }).backward(dy).gradInput.data.slice();
    for (const mode of ["probe", "inference"] as const) {
      const report = await checkLayer(model, x, { mode, random });
      expect(report.verdict, report.text).toBe("agrees");
      expect(memoryOf(model)).toEqual(before);
    }
    expect(backward(dy).gradInput.data).toEqual(expected);
  });
});
