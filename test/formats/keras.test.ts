import { BatchNorm, Dense, Random, Sequential, statisticsByPath } from "batchnorm";
import {
  kerasDefaults,
  loadKeras,
  readSafetensors,
  type StoredArray,
  toKeras,
  writeSafetensors,
} from "batchnorm/formats";
import { describe, expect, it } from "vitest";
import { float32, float64 } from "../support/format-files.js";
import { drawn, everythingIn, modelKinds, network } from "../support/format-models.js";
import { expectRefusal } from "../support/refusal.js";

const model = (): Sequential =>
  new Sequential([
    new Dense({ inputs: 2, outputs: 1, random: new Random(1) }),
    new BatchNorm({ features: 1, ...kerasDefaults }),
  ]);

const weights: readonly (readonly [string, StoredArray])[] = [
  ["dense_3/kernel", float32([2, 1], [1, 2])],
  ["dense_3/bias", float32([1], [3])],
  ["batch_normalization_7/gamma", float32([1], [4])],
  ["batch_normalization_7/beta", float32([1], [5])],
  ["batch_normalization_7/moving_mean", float32([1], [6])],
  ["batch_normalization_7/moving_variance", float32([1], [7])],
];

describe("loadKeras", () => {
  it.each<[string, (name: string, index: number) => string]>([
    ["Keras 3", (name) => `sequential/${name}`],
    ["Keras 2", (name) => `${name}:0`],
    ["TensorFlow.js", (name) => name.replace("dense_3", "dense_Dense1")],
    ["np.savez of a list", (_, index) => `arr_${index}`],
  ])("loads by order, under the names of %s", (_, rename) => {
    const loaded = model();
    loadKeras(loaded, new Map(weights.map(([name, array], index) => [rename(name, index), array])));
    expect(loaded.parameters.map(({ value }) => [...value.data])).toEqual([[1, 2], [3], [4], [5]]);
    expect([...statisticsByPath(loaded)].map(([path, { values }]) => [path, ...values])).toEqual([
      ["1.runningMean", 6],
      ["1.runningVariance", 7],
      ["1.batchesTracked", 1],
    ]);
  });

  it("rounds float64 only where it is told to", () => {
    const wide = new Map(weights).set("dense_3/bias", float64([1], [0.1]));
    const loaded = model();
    loadKeras(loaded, wide, { cast: true });
    expect(loaded.parameters[1]!.value.data).toEqual(Float32Array.of(0.1));
  });

  const with_ = (name: string, array: StoredArray): Map<string, StoredArray> => new Map(weights).set(name, array);
  const variance = "batch_normalization_7/moving_variance";
  it.each<[string, ReadonlyMap<string, StoredArray>, string]>([
    ["too few arrays", new Map(weights.slice(1)), "TypeError: loadKeras: 6 | 5 | cure"],
    ["too many", with_("more", float32([1], [0])), "TypeError: loadKeras: 6 | 7 | cure"],
    [
      "beta before gamma",
      new Map([0, 1, 3, 2, 4, 5].map((i) => weights[i]!)),
      'TypeError: loadKeras: gamma | 2 | "1.gamma" | "batch_normalization_7/beta" | cure',
    ],
    [
      "another shape",
      with_("dense_3/kernel", float32([1, 2], [1, 2])),
      'ShapeError: loadKeras: "dense_3/kernel" for "0.weight": [2, 1] | [1, 2]',
    ],
    [
      "float64 for float32",
      with_("dense_3/bias", float64([1], [1])),
      'TypeError: loadKeras: "dense_3/bias" for "0.bias": float32 | float64 | cure',
    ],
    [
      "whole numbers",
      with_("dense_3/bias", { shape: [1], dtype: "uint8", values: Uint8Array.of(1) }),
      'TypeError: loadKeras: "dense_3/bias" for "0.bias": float32 | float64 | uint8',
    ],
    [
      "a negative variance, as a wrong order often gives",
      with_(variance, float32([1], [-1])),
      'RangeError: loadKeras: "batch_normalization_7/moving_variance" for "1.runningVariance": 0 | -1',
    ],
    ["a list", [...weights] as never, "TypeError: loadKeras: Map | cure"],
  ])("refuses %s, and then has changed nothing", async (_, arrays, message) => {
    const loaded = drawn(model(), new Random(1));
    const before = everythingIn(loaded);
    await expectRefusal(() => loadKeras(loaded, arrays), message);
    expect(everythingIn(loaded)).toEqual(before);
  });

  it("goes by toKeras's names in any order, as after writeSafetensors", () => {
    const saved = drawn(model(), new Random(5));
    const arrays = toKeras(saved);
    const orders = [
      readSafetensors(writeSafetensors(arrays)),
      new Map([...arrays].sort()),
      new Map([...arrays].reverse()),
    ];
    for (const file of orders) {
      const loaded = model();
      const report = loadKeras(loaded, file);
      expect(toKeras(loaded)).toEqual(arrays);
      expect(new Set(report.loaded)).toEqual(new Set(arrays.keys()));
    }
  });

  it("goes by the numbers of unnamed arrays, whatever their order", () => {
    const norms = (): Sequential => new Sequential([1, 2, 3].map(() => new BatchNorm({ features: 1 })));
    const arrays = new Map(Array.from({ length: 12 }, (_, i) => [`arr_${i}`, float32([1], [i + 1])] as const));
    const loaded = norms();
    loadKeras(loaded, new Map([...arrays].sort()));
    expect([...toKeras(loaded).values()].map(({ values }) => values[0])).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
  });

  const dense = (): Dense => new Dense({ inputs: 1, outputs: 1, bias: false, random: new Random(1) });
  it.each([
    ["model/dense", "_", "/kernel"],
    ["block", "", "/conv/kernel:0"],
  ])("refuses an order that is the alphabet's and not the layers': %s%s10%s", async (stem, mark, word) => {
    const names = Array.from({ length: 12 }, (_, i) => `${stem}${i === 0 ? "" : `${mark}${i}`}${word}`);
    const arrays = new Map(names.map((name, i) => [name, float32([1, 1], [i])]));
    const loaded = new Sequential(names.map(dense));
    loadKeras(loaded, arrays);
    expect(loaded.parameters.map(({ value }) => value.data[0])).toEqual(names.map((_, i) => i));
    const before = everythingIn(loaded);
    await expectRefusal(
      () => loadKeras(loaded, new Map([...arrays].sort(([a], [b]) => (a < b ? -1 : 1)))),
      `TypeError: loadKeras: "${names[11]!}" | "${names[2]!}" | cure`,
    );
    expect(everythingIn(loaded)).toEqual(before);
  });

  it("takes numbers that go down where the order is not the alphabet's", () => {
    const names = ["dense_3/kernel", "dense_1/kernel", "dense_2/kernel"];
    const loaded = new Sequential(names.map(dense));
    loadKeras(loaded, new Map(names.map((name, i) => [name, float32([1, 1], [i])])));
    expect(loaded.parameters.map(({ value }) => value.data[0])).toEqual([0, 1, 2]);
  });

  it("refuses names that do not say where an array belongs", async () => {
    for (const names of [
      ["a", "b"],
      ["arr_0", "arr_2"],
      ["arr_1", "arr_2"],
      ["x_0", "y_1"],
      ["arr_0", "arr_00"],
      ["arr_0", "arr_99999999999"],
    ]) {
      const arrays = new Map(names.map((name) => [name, float32([1, 1], [1])]));
      const loaded = new Sequential([dense(), dense()]);
      await expectRefusal(() => loadKeras(loaded, arrays), `TypeError: loadKeras: kernel | 0 | "${names[0]!}" | cure`);
    }
    const gamma = new Map([["gamma:0", float32([1, 1], [1])]]);
    await expectRefusal(() => loadKeras(dense(), gamma), 'TypeError: loadKeras: kernel | 0 | "gamma:0" | cure');
  });

  it("loads a part by toKeras's names, and reports what it left", async () => {
    const saved = drawn(model(), new Random(5));
    const file = new Map(toKeras(saved));
    file.delete("1/gamma");
    file.set("0/kernel", float32([3, 1], [1, 2, 3])).set("2/kernel", float32([1], [1]));
    const loaded = drawn(model(), new Random(6));
    const before = toKeras(loaded);
    expect(loadKeras(loaded, file, { partial: true })).toEqual({
      loaded: ["0/bias", "1/beta", "1/moving_mean", "1/moving_variance"],
      missing: ["1/gamma"],
      mismatched: ["0/kernel"],
      unused: ["2/kernel"],
    });
    const after = toKeras(loaded);
    expect(after.get("1/moving_mean")).toEqual(file.get("1/moving_mean"));
    for (const name of ["0/kernel", "1/gamma"]) expect(after.get(name)).toEqual(before.get(name));
    await expectRefusal(
      () => loadKeras(loaded, new Map(weights), { partial: true }),
      'TypeError: loadKeras: none | "dense_3/kernel" | cure',
    );
    await expectRefusal(() => loadKeras(loaded, new Map(), { partial: true }), "TypeError: loadKeras: no array | cure");
  });

  it("refuses TensorFlow.js's order of a whole model, which puts all running statistics last", async () => {
    const two = new Sequential([new BatchNorm({ features: 1 }), new BatchNorm({ features: 1 })]);
    const words = ["gamma", "beta", "moving_mean", "moving_variance"];
    const layerByLayer = ["a", "b"].flatMap((layer) => words.map((word) => `${layer}/${word}`));
    const statisticsLast = [...layerByLayer].sort(
      (x, y) => Number(x.includes("moving")) - Number(y.includes("moving")),
    );
    const arrays = (names: readonly string[]): Map<string, StoredArray> =>
      new Map(names.map((name) => [name, float32([1], [1])]));
    loadKeras(two, arrays(layerByLayer));
    await expectRefusal(
      () => loadKeras(two, arrays(statisticsLast)),
      'TypeError: loadKeras: 2 | "0.runningMean" | "b/gamma" | cure',
    );
  });

  it("refuses what is no model", async () => {
    await expectRefusal(() => loadKeras(undefined as never, new Map()), "TypeError: loadKeras: undefined");
    await expectRefusal(() => toKeras(undefined as never), "TypeError: toKeras: undefined");
  });

  it("refuses options that are none", async () => {
    await expectRefusal(
      () => loadKeras(model(), new Map(weights), { cast: 1 as never }),
      "TypeError: loadKeras: cast | 1",
    );
    await expectRefusal(
      () => loadKeras(model(), new Map(weights), { casts: true } as never),
      'TypeError: loadKeras: "casts" | cast | cure',
    );
  });
});

describe("toKeras", () => {
  it("gives Keras's names in Keras's order, kernels as they are, no counts", () => {
    const arrays = [...toKeras(network(new Random(1), "float32"))];
    expect(arrays.slice(0, 7).map(([name, { shape, dtype }]) => `${name} ${dtype} [${shape.join()}]`)).toEqual([
      "0/kernel float32 [3,6]",
      "1/gamma float32 [6]",
      "1/beta float32 [6]",
      "1/moving_mean float64 [6]",
      "1/moving_variance float64 [6]",
      "3/kernel float32 [6,4]",
      "3/bias float32 [4]",
    ]);
    expect([...toKeras(new Sequential([model()])).keys()][0]).toBe("0/0/kernel");
  });

  it.each(Object.entries(modelKinds))("is undone by loadKeras but for the counts, to the bit: %s", (_, make) => {
    for (const dtype of ["float32", "float64"] as const) {
      const saved = drawn(make(new Random(1), dtype), new Random(2));
      const other = make(new Random(3), dtype);
      loadKeras(other, toKeras(saved));
      for (const { name, values } of saved.statistics) if (name === "batchesTracked") values.fill(1);
      expect([...other.parameters].map(({ value }) => value.data)).toEqual(
        saved.parameters.map(({ value }) => value.data),
      );
      expect(other.statistics.map(({ values }) => values)).toEqual(saved.statistics.map(({ values }) => values));
    }
  });

  it("gives copies, which a file holds by name", () => {
    const saved = drawn(model(), new Random(1));
    const arrays = toKeras(saved);
    const back = readSafetensors(writeSafetensors(arrays));
    for (const [name, array] of arrays) {
      expect(back.get(name)).toEqual(array);
      array.values.fill(9 as never);
    }
    expect(saved.parameters[0]!.value.data).not.toContain(9);
  });
});

describe("kerasDefaults", () => {
  it("are BatchNormalization's, in the words of BatchNorm", () => {
    const { axis, epsilon, momentum, varianceEstimator } = new BatchNorm({ features: 2, ...kerasDefaults });
    // Keras: axis=-1, momentum=0.99, epsilon=0.001, moving variance of the biased batch variance
    expect({ axis, epsilon, momentum, varianceEstimator }).toEqual({
      axis: -1,
      epsilon: 1e-3,
      momentum: 0.01,
      varianceEstimator: "biased",
    });
  });
});
