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
      () => loadKeras(loaded, new Map([["a", float32([1], [1])]]), { partial: true }),
      'TypeError: loadKeras: none | "a" | cure',
    );
    await expectRefusal(() => loadKeras(loaded, new Map(), { partial: true }), "TypeError: loadKeras: no array | cure");
  });

  it.each<[string, (name: string) => string]>([
    ["the mark of Keras 2", (name) => `${name}:0`],
    ["the name of the model", (name) => `sequential_4/${name}`],
  ])("goes by toKeras's names with %s, in any order, and in part", (_, rename) => {
    const saved = drawn(model(), new Random(5));
    const arrays = toKeras(saved);
    const file = new Map([...arrays].reverse().map(([name, array]) => [rename(name), array]));
    for (const options of [{}, { partial: true }]) {
      const loaded = model();
      const report = loadKeras(loaded, file, options);
      expect(toKeras(loaded)).toEqual(arrays);
      expect(report.loaded).toEqual([...arrays.keys()].map(rename));
      expect([report.missing, report.unused]).toEqual([[], []]);
    }
    file.delete(rename("1/beta"));
    file.set(rename("9/beta"), float32([1], [1]));
    const { missing, unused } = loadKeras(model(), file, { partial: true });
    expect({ missing, unused }).toEqual({ missing: ["1/beta"], unused: [rename("9/beta")] });
  });

  it("refuses names of its layers that order alone would tell apart", async () => {
    const norms = (): Sequential => new Sequential([1, 2].map(() => new BatchNorm({ features: 1 })));
    const words = ["gamma", "beta", "moving_mean", "moving_variance"];
    for (const [first, second] of [
      ["encoder", "head"],
      ["head", "encoder"],
      ["model/encoder", "model/head_1"],
    ] as const) {
      const kernels = new Map([first, second].map((name) => [`${name}/kernel`, float32([1, 1], [1])]));
      const ofNorms = [first, second].flatMap((name) => words.map((word) => `${name}/${word}`));
      for (const [loaded, file] of [
        [new Sequential([dense(), dense()]), kernels],
        [norms(), new Map(ofNorms.map((name) => [name, float32([1], [1])]))],
      ] as const) {
        const before = everythingIn(loaded);
        await expectRefusal(() => loadKeras(loaded, file), `TypeError: loadKeras: "${first}" | "${second}" | cure`);
        expect(everythingIn(loaded)).toEqual(before);
      }
      // The cure: names that say that the order is meant.
      const loaded = new Sequential([dense(), dense()]);
      loadKeras(loaded, new Map([...kernels.values()].map((array, i) => [`arr_${i}`, array])));
      expect(loaded.parameters.map(({ value }) => value.data[0])).toEqual([1, 1]);
    }
  });

  it("takes names of its layers where the arrays themselves tell these apart", () => {
    const wide = new Sequential([
      new Dense({ inputs: 1, outputs: 2, random: new Random(1) }),
      new BatchNorm({ features: 2 }),
    ]);
    const names = [
      "encoder/kernel",
      "encoder/bias",
      "norm/gamma",
      "norm/beta",
      "norm/moving_mean",
      "norm/moving_variance",
    ];
    const file = names.map((name, i) => [name, float32(i === 0 ? [1, 2] : [2], [i + 1, i + 1.5])] as const);
    loadKeras(wide, new Map(file));
    expect([...toKeras(wide).values()].map(({ values }) => values[0])).toEqual([1, 2, 3, 4, 5, 6]);
    const two = new Sequential([
      new Dense({ inputs: 3, outputs: 2, bias: false, random: new Random(1) }),
      new Dense({ inputs: 2, outputs: 3, bias: false, random: new Random(1) }),
    ]);
    const kernels = [float32([3, 2], [1, 2, 3, 4, 5, 6]), float32([2, 3], [7, 8, 9, 10, 11, 12])] as const;
    loadKeras(
      two,
      new Map([
        ["head/kernel", kernels[0]],
        ["base/kernel", kernels[1]],
      ]),
    );
    expect(two.parameters.map(({ value }) => value.data[0])).toEqual([1, 7]);
  });

  it("refuses a layer of which the arrays have different names", async () => {
    const file = new Map(weights.map(([name, array]) => [name.replace("_7/beta", "_8/beta"), array]));
    await expectRefusal(
      () => loadKeras(model(), file),
      'TypeError: loadKeras: "1" | "batch_normalization_7/gamma" | "batch_normalization_8/beta" | cure',
    );
  });

  describe("loads a part by Keras's names", () => {
    /** Dense, BatchNorm, Dense, BatchNorm, Dense; the last one is the head. */
    const classifier = (classes: number): Sequential => {
      const dense = (inputs: number, outputs: number): Dense => new Dense({ inputs, outputs, random: new Random(1) });
      const norm = (): BatchNorm => new BatchNorm({ features: 2, ...kerasDefaults });
      return new Sequential([dense(2, 2), norm(), dense(2, 2), norm(), dense(2, classes)]);
    };
    const kerasNames = ["dense_4", "batch_normalization_2", "dense_5", "batch_normalization_3", "dense_6"];
    const file = (from: Sequential, rename = (layer: string) => `functional/${layer}`): Map<string, StoredArray> =>
      new Map(
        [...toKeras(from)].map(([name, array]) => {
          const [layer, word] = name.split("/");
          return [`${rename(kerasNames[Number(layer)]!)}/${word}`, array];
        }),
      );

    it("all but a head of another shape", () => {
      const saved = drawn(classifier(10), new Random(5));
      const loaded = drawn(classifier(3), new Random(6));
      const head = toKeras(loaded).get("4/kernel");
      const report = loadKeras(loaded, file(saved), { partial: true });
      expect(report.mismatched).toEqual(["functional/dense_6/kernel", "functional/dense_6/bias"]);
      expect([report.loaded.length, report.missing, report.unused]).toEqual([12, [], []]);
      for (const [name, array] of toKeras(saved))
        if (!name.startsWith("4")) expect(toKeras(loaded).get(name)).toEqual(array);
      expect(toKeras(loaded).get("4/kernel")).toEqual(head);
    });

    it("whatever the order of the file, as far as the alphabet has the order of the numbers", async () => {
      const saved = drawn(classifier(3), new Random(5));
      const loaded = classifier(3);
      loadKeras(loaded, new Map([...file(saved)].sort()), { partial: true });
      expect(toKeras(loaded)).toEqual(toKeras(saved));
      const wide = new Sequential(Array.from({ length: 11 }, () => dense()));
      const names = wide.parameters.map((_, i) => `dense${i === 0 ? "" : `_${i}`}/kernel`);
      const sorted = [...names].sort().map((name) => [name, float32([1, 1], [names.indexOf(name)])] as const);
      await expectRefusal(
        () => loadKeras(wide, new Map(sorted), { partial: true }),
        'TypeError: loadKeras: "dense_10/kernel" | "dense_2/kernel" | cure',
      );
      loadKeras(wide, new Map(names.map((name, i) => [name, float32([1, 1], [i])])), { partial: true });
      expect(wide.parameters.map(({ value }) => value.data[0])).toEqual(names.map((_, i) => i));
    });

    it("without the kinds of layers that the file lacks, and those that the model lacks", () => {
      const saved = drawn(classifier(3), new Random(5));
      const onlyDense = new Map([...file(saved)].filter(([name]) => name.includes("dense")));
      const { loaded, missing, unused } = loadKeras(classifier(3), onlyDense, { partial: true });
      expect(loaded).toEqual([...onlyDense.keys()]);
      expect(missing).toEqual(
        [1, 3].flatMap((i) => ["gamma", "beta", "moving_mean", "moving_variance"].map((word) => `${i}/${word}`)),
      );
      expect(unused).toEqual([]);
      const norms = new Sequential([1, 2].map(() => new BatchNorm({ features: 2 })));
      expect(loadKeras(norms, file(saved), { partial: true }).unused).toEqual([...onlyDense.keys()]);
    });

    it("but not where file and numbers differ in order", async () => {
      const saved = drawn(classifier(3), new Random(5));
      const reversed = new Map([...file(saved)].reverse());
      await expectRefusal(
        () => loadKeras(classifier(3), reversed, { partial: true }),
        'TypeError: loadKeras: "functional/dense_6" | "functional/dense_5" | cure',
      );
      const two = new Sequential([dense(), dense()]);
      const kernels = ["dense_1", "dense"].map((name) => [`${name}/kernel`, float32([1, 1], [1])] as const);
      await expectRefusal(
        () => loadKeras(two, new Map(kernels), { partial: true }),
        'TypeError: loadKeras: "dense_1" | "dense" | cure',
      );
      expect(loadKeras(two, new Map([...kernels].reverse()), { partial: true }).loaded).toEqual([
        "dense/kernel",
        "dense_1/kernel",
      ]);
    });

    it("but not where these do not say which layer is which", async () => {
      const saved = drawn(classifier(3), new Random(5));
      const loaded = drawn(classifier(3), new Random(6));
      const before = everythingIn(loaded);
      const custom = file(saved, (layer) => layer.replace("dense_5", "middle"));
      await expectRefusal(
        () => loadKeras(loaded, custom, { partial: true }),
        'TypeError: loadKeras: "dense_4" | "middle" | cure',
      );
      const fewer = new Map([...file(saved)].filter(([name]) => !name.includes("dense_4")));
      await expectRefusal(
        () => loadKeras(loaded, fewer, { partial: true }),
        "TypeError: loadKeras: 3 | kernel | 2 | cure",
      );
      expect(everythingIn(loaded)).toEqual(before);
    });
  });

  it("loads a single array by toKeras's name in part, among names that say nothing", () => {
    const loaded = drawn(model(), new Random(6));
    const file = new Map([
      ["x/gamma", float32([1], [8])],
      ["1/gamma", float32([1], [9])],
    ]);
    const { loaded: names, unused } = loadKeras(loaded, file, { partial: true });
    expect({ names, unused }).toEqual({ names: ["1/gamma"], unused: ["x/gamma"] });
    expect(toKeras(loaded).get("1/gamma")).toEqual(file.get("1/gamma"));
  });

  it("refuses TensorFlow.js's order of a whole model, which puts all running statistics last", async () => {
    const two = new Sequential([new BatchNorm({ features: 1 }), new BatchNorm({ features: 1 })]);
    const words = ["gamma", "beta", "moving_mean", "moving_variance"];
    const layerByLayer = ["bn", "bn_1"].flatMap((layer) => words.map((word) => `${layer}/${word}`));
    const statisticsLast = [...layerByLayer].sort(
      (x, y) => Number(x.includes("moving")) - Number(y.includes("moving")),
    );
    const arrays = (names: readonly string[]): Map<string, StoredArray> =>
      new Map(names.map((name) => [name, float32([1], [1])]));
    loadKeras(two, arrays(layerByLayer));
    await expectRefusal(
      () => loadKeras(two, arrays(statisticsLast)),
      'TypeError: loadKeras: 2 | "0.runningMean" | "bn_1/gamma" | cure',
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
