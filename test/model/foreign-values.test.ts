/**
 * Values that are the library's own in all but their class: models of a second copy of it (`require` beside `import`), models
 * behind a proxy (Vue, MobX), arrays and maps of another realm (jsdom, an iframe), and structured clones.
 */
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import {
  Adam,
  Batcher,
  checkGradient,
  checkLayer,
  type Gradients,
  type Layer,
  loadStateDict,
  meanSquaredError,
  modelObjective,
  Parameter,
  parametersByPath,
  Random,
  SGD,
  softmaxCrossEntropy,
  stateDict,
  statisticsByPath,
  Tensor,
} from "batchnorm";
import {
  loadPyTorch,
  readSafetensors,
  type StoredArrays,
  toKeras,
  toPyTorch,
  writeSafetensors,
} from "batchnorm/formats";
import { compareModes, foldBatchNorm, inspect, recalibrate } from "batchnorm/tools";
import * as own from "batchnorm";
import { expectBits } from "../support/close.js";

type Library = typeof import("batchnorm");

/** A second copy of the library, whose classes are other classes. */
vi.resetModules();
const copy = await import("batchnorm");

function modelOf({ BatchNorm, Dense, Random: OwnRandom, Sequential, Tanh }: Library): Layer {
  const random = new OwnRandom(1);
  return new Sequential([
    new Dense({ inputs: 3, outputs: 4, random }),
    new BatchNorm({ features: 4 }),
    new Sequential([new Tanh(), new Dense({ inputs: 4, outputs: 2, random })]),
  ]);
}

/** Wraps each object that is read through it, and each member of a map, as Vue's `reactive` does. */
function reactive<T extends object>(target: T): T {
  const proxies = new WeakMap<object, object>();
  const wrap = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
      return value;
    const known = proxies.get(value);
    if (known !== undefined) return known;
    const proxy = new Proxy(value, {
      get(from, key, receiver) {
        if (!(from instanceof Map)) return wrap(Reflect.get(from, key, receiver));
        const member: unknown = Reflect.get(from, key, from);
        if (key === Symbol.iterator || key === "entries") {
          return () => [...from].map(([name, one]) => [wrap(name), wrap(one)])[Symbol.iterator]();
        }
        if (key === "values") return () => [...from.values()].map(wrap)[Symbol.iterator]();
        return typeof member === "function" ? (member.bind(from) as unknown) : member;
      },
    });
    proxies.set(value, proxy);
    return proxy;
  };
  return wrap(target) as T;
}

describe.each([
  ["of a second copy of the library", (model: Layer) => model, copy],
  ["behind a proxy", (model: Layer) => reactive(model), own],
])("a model %s", (_, wrap, library) => {
  const make = (): Layer => wrap(modelOf(library));
  const input = (): Tensor => Tensor.normal([32, 3], { random: new Random(2), mean: 0.5 });
  const target = Tensor.normal([32, 2], { random: new Random(3) });
  const trained = (): Layer => {
    const model = make();
    for (let step = 0; step < 60; step++) model.forward(input(), { mode: "train" });
    return model;
  };

  it("has paths, a state and weights to export", () => {
    const model = trained();
    expect([...parametersByPath(model).keys()]).toEqual([
      "0.weight",
      "0.bias",
      "1.gamma",
      "1.beta",
      "2.1.weight",
      "2.1.bias",
    ]);
    expect([...statisticsByPath(model).keys()]).toEqual(["1.runningMean", "1.runningVariance", "1.batchesTracked"]);
    const other = make();
    loadStateDict(other, stateDict(model));
    expect(stateDict(other)).toEqual(stateDict(model));
    loadPyTorch(other, readSafetensors(writeSafetensors(toPyTorch(model))));
    expect(toKeras(other)).toEqual(toKeras(model));
  });

  it.each([
    ["SGD", SGD],
    ["Adam", Adam],
  ])("is trained by %s", (__, Optimizer) => {
    const model = make();
    const optimizer = new Optimizer(model.parameters, { learningRate: 0.05 });
    const losses = Array.from({ length: 20 }, () => {
      const { output, backward } = model.forward(input(), { mode: "train" });
      const { loss, gradOutput } = meanSquaredError(output, target);
      optimizer.step(backward(gradOutput).gradients);
      return loss;
    });
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  it("is checked by checkLayer and as an objective", async () => {
    const random = new Random(4);
    expect((await checkLayer(make(), input(), { mode: "probe", random })).verdict).toBe("agrees");
    const { objective, point, groups } = modelObjective(make(), { input: input(), target }, meanSquaredError, {
      mode: "probe",
    });
    expect((await checkGradient(objective, point, { random, groups })).verdict).toBe("agrees");
  });

  it("is folded, inspected, compared and recalibrated", () => {
    const model = trained();
    const { report } = foldBatchNorm(model, input());
    expect(report.folded).toEqual([{ path: "1", into: "0", side: "preceding" }]);
    expect(report.largestDifference).toBeLessThan(1e-5);
    const optimizer = new SGD(model.parameters, { learningRate: 0.1, weightDecay: 0.01 });
    const { findings } = inspect(model, input(), { optimizer });
    expect(findings.map(({ kind }) => kind)).toEqual(["redundant bias", "weight decay on scale or shift"]);
    expect(compareModes(model, input()).layers.map(({ path, verdict }) => [path, verdict])).toEqual([["1", "fits"]]);
    expect(recalibrate(model, [input()]).layers.map(({ path }) => path)).toEqual(["1"]);
  });
});

describe("of another realm", () => {
  const realm = runInNewContext("({ Array, Float32Array, Float64Array, Int32Array, Map, Uint8Array })") as {
    Float32Array: Float32ArrayConstructor;
    Float64Array: Float64ArrayConstructor;
    Int32Array: Int32ArrayConstructor;
    Map: MapConstructor;
    Uint8Array: Uint8ArrayConstructor;
  };

  it("a map of gradients moves parameters", () => {
    const weight = new Parameter("weight", "weight", Tensor.from([1]));
    const gradients: Gradients = new realm.Map([[weight, Tensor.from([2])]]);
    new SGD([weight], { learningRate: 0.25 }).step(gradients);
    expect(weight.value.at(0)).toBe(0.5);
  });

  it("arrays are written, and bytes are read", () => {
    const arrays: StoredArrays = new realm.Map([
      ["x", { shape: [2], dtype: "float32", values: realm.Float32Array.of(1, 2) }],
    ]);
    const file = realm.Uint8Array.from(writeSafetensors(arrays));
    expectBits("x", readSafetensors(file).get("x")!.values as Float32Array, [1, 2]);
  });

  it("points, labels and rows are taken", () => {
    const { objective, point } = modelObjective(
      modelOf(copy),
      { input: Tensor.normal([8, 3], { random: new Random(1) }), target: realm.Int32Array.of(0, 1, 0, 1, 1, 1, 0, 0) },
      softmaxCrossEntropy,
      { mode: "probe" },
    );
    expect(objective(realm.Float64Array.from(point))).toEqual(objective(point));
    const target = realm.Int32Array.of(3, 4);
    expect([...new Batcher({ input: Tensor.zeros([2, 1]), target, batchSize: 2 })][0]!.target).toEqual([3, 4]);
  });
});

it("structured clones of what is saved can be loaded", () => {
  const [model, other] = [modelOf(copy), modelOf(copy)];
  const { data } = model.parameters[0]!.value;
  data[0] = 7;
  loadStateDict(other, structuredClone(stateDict(model)));
  expect(other.parameters[0]!.value.data[0]).toBe(7);
  data[0] = 8;
  loadPyTorch(other, structuredClone(toPyTorch(model)));
  expect(other.parameters[0]!.value.data[0]).toBe(8);
});
