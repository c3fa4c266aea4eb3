import {
  BatchNorm,
  Dense,
  GroupNorm,
  type Layer,
  LayerNorm,
  Parameter,
  Random,
  RMSNorm,
  Sequential,
  Tensor,
} from "batchnorm";
import { loadPyTorch, readSafetensors, type StoredArray, toPyTorch, writeSafetensors } from "batchnorm/formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { float32, float64 } from "../support/format-files.js";
import { drawn, everythingIn, modelKinds, network, numbersIn } from "../support/format-models.js";
import { expectRefusal } from "../support/refusal.js";

const count = (value: bigint): StoredArray => ({ shape: [], dtype: "int64", values: BigInt64Array.of(value) });

/** A BatchNorm of one feature as PyTorch saves it, some arrays replaced or, with undefined, left out. */
function batchNormState(changes: Readonly<Record<string, StoredArray | undefined>> = {}): Map<string, StoredArray> {
  const one = (value: number): StoredArray => float32([1], [value]);
  const state = {
    weight: one(2),
    bias: one(-1),
    running_mean: one(3),
    running_var: one(4),
    num_batches_tracked: count(7n),
  };
  const entries = Object.entries({ ...state, ...changes });
  return new Map(entries.filter((entry): entry is [string, StoredArray] => entry[1] !== undefined));
}

describe("loadPyTorch", () => {
  it("loads the weight of an RMSNorm, also over several axes", () => {
    const norm = new RMSNorm({ features: 4 });
    loadPyTorch(norm, new Map([["weight", float32([2, 2], [1, 2, 3, 4])]]));
    expect([...norm.gamma!.value.data]).toEqual([1, 2, 3, 4]);
    expect([...toPyTorch(norm).keys()]).toEqual(["weight"]);
  });

  it("turns a weight from [outputs, inputs] to [inputs, outputs]", () => {
    const dense = new Dense({ inputs: 3, outputs: 2, random: new Random(1) });
    loadPyTorch(
      dense,
      new Map([
        ["weight", float32([2, 3], [1, 2, 3, 4, 5, 6])],
        ["bias", float32([2], [7, 8])],
      ]),
    );
    expect(dense.weight.value.toNested()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(dense.bias!.value.toNested()).toEqual([7, 8]);
  });

  it("brings a batch norm's arrays to their names", () => {
    const norm = new BatchNorm({ features: 1 });
    loadPyTorch(norm, batchNormState());
    expect([norm.gamma!.value.data, norm.beta!.value.data]).toEqual([Float32Array.of(2), Float32Array.of(-1)]);
    expect([norm.runningMean, norm.runningVariance, norm.batchesTracked].map(({ values }) => values[0])).toEqual([
      3, 4, 7,
    ]);
  });

  it("brings LayerNorm's and GroupNorm's arrays to their names", () => {
    for (const norm of [new LayerNorm({ features: 2 }), new GroupNorm({ groups: 1, features: 2 })]) {
      loadPyTorch(
        norm,
        new Map([
          ["weight", float32([2], [3, 4])],
          ["bias", float32([2], [5, 6])],
        ]),
      );
      expect(norm.gamma!.value.data).toEqual(Float32Array.of(3, 4));
      expect(norm.beta!.value.data).toEqual(Float32Array.of(5, 6));
    }
  });

  it("takes statistics without a count, or with a forgotten one, as those of one batch", () => {
    const tracked = (changes: Readonly<Record<string, StoredArray | undefined>>): number => {
      const norm = new BatchNorm({ features: 1 });
      loadPyTorch(norm, batchNormState(changes));
      return norm.batchesTracked.values[0]!;
    };
    expect(tracked({ num_batches_tracked: undefined })).toBe(1);
    expect(tracked({ num_batches_tracked: count(0n) })).toBe(1);
    expect(tracked({ num_batches_tracked: count(0n), running_mean: float32([1], [0]) })).toBe(1);
    expect(tracked({ num_batches_tracked: count(0n), running_var: float32([1], [1]) })).toBe(1);
    // Those of a new layer were counted right.
    expect(
      tracked({ num_batches_tracked: count(0n), running_mean: float32([1], [0]), running_var: float32([1], [1]) }),
    ).toBe(0);
    expect(tracked({ num_batches_tracked: { shape: [], dtype: "int32", values: Int32Array.of(3) } })).toBe(3);
  });

  it("judges each layer's count by its own statistics", () => {
    const model = new Sequential([new BatchNorm({ features: 1 }), new BatchNorm({ features: 1 })]);
    const state = new Map<string, StoredArray>();
    for (const [name, array] of batchNormState({ num_batches_tracked: count(0n) })) state.set(`0.${name}`, array);
    for (const [name, array] of toPyTorch(new BatchNorm({ features: 1 }))) state.set(`1.${name}`, array);
    loadPyTorch(model, state);
    expect(model.statistics.filter(({ name }) => name === "batchesTracked").map(({ values }) => values[0])).toEqual([
      1, 0,
    ]);
  });

  it("finds names behind a prefix and passes over the others", () => {
    const norm = new BatchNorm({ features: 1 });
    const file = new Map([...batchNormState()].map(([name, array]) => [`encoder.1.${name}`, array]));
    file.set("decoder.weight", float32([1], [0]));
    loadPyTorch(norm, file, { prefix: "encoder.1." });
    expect(norm.runningMean.values[0]).toBe(3);
  });

  it("widens float32 exactly, and rounds float64 where it is told to", () => {
    const wide = new BatchNorm({ features: 1, dtype: "float64" });
    loadPyTorch(wide, batchNormState({ weight: float32([1], [0.1]) }));
    expect(wide.gamma!.value.data).toEqual(Float64Array.of(Math.fround(0.1)));
    const narrow = new BatchNorm({ features: 1 });
    loadPyTorch(narrow, batchNormState({ weight: float64([1], [0.1]), running_mean: float64([1], [0.1]) }), {
      cast: true,
    });
    expect(narrow.gamma!.value.data).toEqual(Float32Array.of(0.1));
    expect(narrow.runningMean.values).toEqual(Float64Array.of(0.1));
  });

  const tooMany = float32([2], [1, 2]);
  it.each<[string, Readonly<Record<string, StoredArray | undefined>>, object, string]>([
    ["a missing array", { running_var: undefined }, {}, `TypeError: loadPyTorch: "running_var" | cure`],
    [
      "missing and unknown arrays",
      { weight: undefined, moving_mean: tooMany, __proto__x: tooMany },
      {},
      `TypeError: loadPyTorch: "weight" | "moving_mean" | "__proto__x" | cure`,
    ],
    [
      "a prefix that no name has",
      {},
      { prefix: "module." },
      `TypeError: loadPyTorch: "module.weight" | "module.bias" | "module.running_mean" | "module.running_var" | cure`,
    ],
    ["another shape", { bias: tooMany }, {}, 'ShapeError: loadPyTorch: "bias": [1] | [2]'],
    [
      "whole numbers",
      { bias: { shape: [1], dtype: "int32", values: Int32Array.of(1) } },
      {},
      'TypeError: loadPyTorch: "bias": float32 | float64 | int32',
    ],
    [
      "float64 for float32",
      { bias: float64([1], [1]) },
      {},
      'TypeError: loadPyTorch: "bias": float32 | float64 | cure',
    ],
    [
      "float64 that float32 cannot hold",
      { bias: float64([1], [1e39]) },
      { cast: true },
      'RangeError: loadPyTorch: "bias": float32 | 1e+39 | 0',
    ],
    ["NaN", { weight: float32([1], [NaN]) }, {}, 'RangeError: loadPyTorch: "weight": NaN | 0'],
    ["a negative variance", { running_var: float32([1], [-1]) }, {}, 'RangeError: loadPyTorch: "running_var": 0 | -1'],
    [
      "a negative count",
      { num_batches_tracked: count(-1n) },
      {},
      'RangeError: loadPyTorch: "num_batches_tracked": 0 | -1n',
    ],
    [
      "a count that is no whole number",
      { num_batches_tracked: float32([], [1.5]) },
      {},
      'RangeError: loadPyTorch: "num_batches_tracked": 0 | 1.5',
    ],
    ...[0.5, -1, NaN, Infinity, 1e300].map((value): [string, Record<string, StoredArray>, object, string] => [
      `a count of ${value} in float64`,
      { num_batches_tracked: float64([], [value]) },
      {},
      `RangeError: loadPyTorch: "num_batches_tracked": whole number | ${value}`,
    ]),
    [
      "a count beyond 2^53",
      { num_batches_tracked: count(2n ** 53n + 1n) },
      {},
      'RangeError: loadPyTorch: "num_batches_tracked": 9007199254740993n',
    ],
    [
      "a count that is true or false",
      { num_batches_tracked: { shape: [], dtype: "bool", values: Uint8Array.of(1) } },
      {},
      'TypeError: loadPyTorch: "num_batches_tracked": int64 | bool',
    ],
    [
      "several counts",
      { num_batches_tracked: { shape: [2], dtype: "int64", values: BigInt64Array.of(1n, 2n) } },
      {},
      'ShapeError: loadPyTorch: "num_batches_tracked": [] | [2]',
    ],
    [
      "values that are no array",
      { weight: { shape: [1], dtype: "float32", values: [1] } as never },
      {},
      'TypeError: loadPyTorch: "weight": Float32Array | float32 | [1]',
    ],
    ["a prefix that is no text", {}, { prefix: 1 }, "TypeError: loadPyTorch: prefix | 1"],
    ["a partial that is no answer", {}, { partial: 1 }, "TypeError: loadPyTorch: partial | 1"],
    [
      "a file that fits nowhere",
      {},
      { partial: true, prefix: "encoder." },
      'TypeError: loadPyTorch: only "weight" | cure',
    ],
    ["a cast that is no answer", {}, { cast: "yes" }, 'TypeError: loadPyTorch: cast | "yes"'],
    ["an unknown option", {}, { prefx: "a." }, 'TypeError: loadPyTorch: "prefx" | prefix | cure'],
    ["options that are none", {}, null as never, "TypeError: loadPyTorch: options | null"],
  ])("refuses %s, and then has changed nothing", async (_, changes, options, message) => {
    const norm = drawn(new BatchNorm({ features: 1 }), new Random(1));
    const before = everythingIn(norm);
    await expectRefusal(() => loadPyTorch(norm, batchNormState(changes), options), message);
    expect(everythingIn(norm)).toEqual(before);
  });

  it("takes every count that PyTorch takes", () => {
    const counts: readonly StoredArray[] = [
      float32([], [7]),
      float32([1], [7]),
      float64([], [7]),
      { shape: [1], dtype: "int64", values: BigInt64Array.of(7n) },
      { shape: [], dtype: "uint8", values: Uint8Array.of(7) },
    ];
    for (const num_batches_tracked of counts) {
      const norm = new BatchNorm({ features: 1 });
      loadPyTorch(norm, batchNormState({ num_batches_tracked }));
      expect(norm.batchesTracked.values[0]).toBe(7);
    }
  });

  it("turns only a weight that a Dense multiplies with", async () => {
    const embedding = (shape: readonly [number, number]): Layer => {
      const parameters = [new Parameter("weight", "weight", Tensor.zeros(shape))];
      return { parameters, statistics: [], forward: (input) => ({ output: input, backward: () => null as never }) };
    };
    const square = embedding([2, 2]);
    loadPyTorch(square, new Map([["weight", float32([2, 2], [1, 2, 3, 4])]]));
    expect([...square.parameters[0]!.value.data]).toEqual([1, 2, 3, 4]);
    expect(toPyTorch(square).get("weight")!.values).toEqual(Float32Array.of(1, 2, 3, 4));
    class MaskedDense extends Dense {
      override forward(...args: Parameters<Dense["forward"]>): ReturnType<Dense["forward"]> {
        return super.forward(...args);
      }
    }
    const dense = new MaskedDense({ inputs: 2, outputs: 2, bias: false, random: new Random(1) });
    loadPyTorch(dense, new Map([["weight", float32([2, 2], [1, 2, 3, 4])]]));
    expect([...dense.weight.value.data]).toEqual([1, 3, 2, 4]);
    await expectRefusal(
      () => loadPyTorch(embedding([2, 3]), new Map([["weight", float32([3, 2], [1, 2, 3, 4, 5, 6])]])),
      'ShapeError: loadPyTorch: "weight": [2, 3] | [3, 2] | cure',
    );
  });

  describe("of a layer that is used twice", () => {
    const twice = (): { readonly model: Sequential; readonly dense: Dense } => {
      const dense = new Dense({ inputs: 2, outputs: 2, bias: false, random: new Random(1) });
      return {
        model: new Sequential([dense, new BatchNorm({ features: 2, scale: false, center: false }), dense]),
        dense,
      };
    };
    const weight = float32([2, 2], [1, 2, 3, 4]);
    const others = [...toPyTorch(twice().model)].filter(([name]) => name.startsWith("1."));

    it("writes and takes both names, and either alone", () => {
      expect([...toPyTorch(twice().model).keys()].filter((name) => name.endsWith("weight"))).toEqual([
        "0.weight",
        "2.weight",
      ]);
      for (const names of [["0.weight", "2.weight"], ["0.weight"], ["2.weight"]]) {
        const { model, dense } = twice();
        const report = loadPyTorch(model, new Map([...others, ...names.map((name) => [name, weight] as const)]));
        expect([...dense.weight.value.data]).toEqual([1, 3, 2, 4]);
        expect(report.loaded.filter((name) => name.endsWith("weight"))).toEqual(names);
      }
    });

    it("refuses different numbers under the two names", async () => {
      const { model } = twice();
      const before = everythingIn(model);
      const state = new Map([...others, ["0.weight", weight], ["2.weight", float32([2, 2], [1, 2, 5, 4])]] as const);
      await expectRefusal(
        () => loadPyTorch(model, state),
        'RangeError: loadPyTorch: "2.weight": "0.weight" | 3 | 5 | cure',
      );
      await expectRefusal(() => loadPyTorch(model, new Map(others)), 'TypeError: loadPyTorch: "0.weight" | cure');
      expect(everythingIn(model)).toEqual(before);
    });

    it("finds parameters that two layers share", () => {
      const shared = new Parameter("alpha", "scale", Tensor.from([1, 2]));
      const layer = (): Layer => ({
        parameters: [shared],
        statistics: [],
        forward: (input) => ({ output: input, backward: () => null as never }),
      });
      const model = new Sequential([layer(), layer()]);
      expect([...toPyTorch(model).keys()]).toEqual(["0.alpha", "1.alpha"]);
      loadPyTorch(model, new Map([["1.alpha", float32([2], [3, 4])]]));
      expect([...shared.value.data]).toEqual([3, 4]);
    });
  });

  it("loads a LayerNorm of several axes into one over the flattened features", async () => {
    const state = new Map([
      ["weight", float32([2, 3], [1, 2, 3, 4, 5, 6])],
      ["bias", float32([2, 3], [0, 0, 0, 0, 0, 7])],
    ]);
    const norm = new LayerNorm({ features: 6 });
    loadPyTorch(norm, state);
    expect([...norm.gamma!.value.data, norm.beta!.value.data[5]]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const facts = 'ShapeError: loadPyTorch: "weight": [3] | [2, 3] | cure';
    await expectRefusal(() => loadPyTorch(new LayerNorm({ features: 3 }), state), facts);
    await expectRefusal(
      () => loadPyTorch(new GroupNorm({ groups: 1, features: 6 }), state),
      'ShapeError: loadPyTorch: "weight": [6] | [2, 3]',
    );
  });

  describe("with partial: true", () => {
    const backbone = (outputs: number): Sequential =>
      new Sequential([
        new Dense({ inputs: 2, outputs: 3, random: new Random(1) }),
        new BatchNorm({ features: 3 }),
        new Dense({ inputs: 3, outputs, random: new Random(2) }),
      ]);

    it("loads all but a head of another size, and reports both", async () => {
      const saved = drawn(backbone(5), new Random(3));
      const model = drawn(backbone(4), new Random(4));
      const before = numbersIn(model);
      await expectRefusal(
        () => loadPyTorch(model, toPyTorch(saved)),
        'ShapeError: loadPyTorch: "2.weight": [4, 3] | [5, 3]',
      );
      const report = loadPyTorch(model, toPyTorch(saved), { partial: true });
      expect(report).toEqual({
        loaded: [
          "0.weight",
          "0.bias",
          "1.weight",
          "1.bias",
          "1.running_mean",
          "1.running_var",
          "1.num_batches_tracked",
        ],
        missing: [],
        mismatched: ["2.weight", "2.bias"],
        unused: [],
      });
      expect(numbersIn(model).slice(0, 4)).toEqual(numbersIn(saved).slice(0, 4));
      expect(numbersIn(model).slice(4, 6)).toEqual(before.slice(4, 6));
      expect(numbersIn(model).slice(6)).toEqual(numbersIn(saved).slice(6));
    });

    it("reports what the file lacks and what it has besides, and keeps the count of a norm that it lacks", () => {
      const model = drawn(backbone(4), new Random(4));
      const tracked = model.statistics.map(({ values }) => values.slice());
      const file = new Map([
        ["a.0.bias", float32([3], [1, 2, 3])],
        ["b.0.bias", float32([3], [4, 5, 6])],
        ["a.fc.bias", float32([1], [0])],
      ]);
      expect(loadPyTorch(model, file, { partial: true, prefix: "a." })).toEqual({
        loaded: ["a.0.bias"],
        missing: [
          "a.0.weight",
          "a.1.weight",
          "a.1.bias",
          "a.1.running_mean",
          "a.1.running_var",
          "a.2.weight",
          "a.2.bias",
        ],
        mismatched: [],
        unused: ["b.0.bias", "a.fc.bias"],
      });
      expect(model.statistics.map(({ values }) => values)).toEqual(tracked);
    });

    it("still refuses other dtypes and numbers that are not finite", async () => {
      const model = drawn(backbone(4), new Random(4));
      const before = everythingIn(model);
      for (const [wrong, refusal] of [
        [float64([3], [1, 2, 3]), 'TypeError: loadPyTorch: "0.bias": float32 | float64 | cure'],
        [float32([3], [1, NaN, 3]), 'RangeError: loadPyTorch: "0.bias": NaN | 1'],
      ] as const) {
        await expectRefusal(() => loadPyTorch(model, new Map([["0.bias", wrong]]), { partial: true }), refusal);
      }
      expect(everythingIn(model)).toEqual(before);
    });
  });

  it("reports what it loaded without any option", () => {
    const report = loadPyTorch(new BatchNorm({ features: 1 }), batchNormState());
    expect(report).toEqual({ loaded: [...batchNormState().keys()], missing: [], mismatched: [], unused: [] });
  });

  it("takes a parameter of any name", () => {
    const parameter = new Parameter("__proto__", "scale", Tensor.zeros([1]));
    const layer: Layer = {
      parameters: [parameter],
      statistics: [],
      forward: (input) => ({ output: input, backward: () => null as never }),
    };
    loadPyTorch(layer, new Map([["__proto__", float32([1], [5])]]));
    expect(parameter.value.data[0]).toBe(5);
    expect(readSafetensors(writeSafetensors(toPyTorch(layer))).get("__proto__")!.values).toEqual(Float32Array.of(5));
  });

  it("moves a large matrix in less time than a list of its numbers takes", () => {
    const initial = { weight: Tensor.zeros([2000, 2000]) };
    const dense = new Dense({ inputs: 2000, outputs: 2000, bias: false, initial });
    const values = Float32Array.from({ length: 4_000_000 }, (_, i) => i);
    const state = new Map<string, StoredArray>([["weight", { shape: [2000, 2000], dtype: "float32", values }]]);
    const time = (work: () => unknown): number => {
      const times = [1, 2, 3].map(() => {
        const start = performance.now();
        work();
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    const list = time(() => Array.from(values, Math.fround));
    expect(time(() => loadPyTorch(dense, state))).toBeLessThan(list);
    expect(dense.weight.value.at(1, 0)).toBe(1);
    const back = toPyTorch(dense).get("weight")!.values;
    expect(Buffer.compare(new Uint8Array(back.buffer), new Uint8Array(values.buffer))).toBe(0);
  });

  it("reads each property of a hand-built array once", () => {
    let reads = 0;
    const good = float32([1], [5]);
    const array = {
      ...good,
      get values() {
        return reads++ === 0 ? good.values : Float32Array.of(NaN);
      },
    } as StoredArray;
    const norm = new LayerNorm({ features: 1, center: false });
    loadPyTorch(norm, new Map([["weight", array]]));
    expect(norm.gamma!.value.data[0]).toBe(5);
  });

  it("refuses a model whose memory was transferred, before anything moves", async () => {
    const norm = new LayerNorm({ features: 2 });
    structuredClone(norm.beta!.value.data.buffer, { transfer: [norm.beta!.value.data.buffer] });
    const state = new Map([
      ["weight", float32([2], [3, 4])],
      ["bias", float32([2], [5, 6])],
    ]);
    await expectRefusal(() => loadPyTorch(norm, state), 'ShapeError: loadPyTorch: "bias": 2 | 0 | cure');
    expect([...norm.gamma!.value.data]).toEqual([1, 1]);
  });

  it("refuses a weight that stands the other way round", async () => {
    const dense = new Dense({ inputs: 3, outputs: 2, bias: false, random: new Random(1) });
    await expectRefusal(
      () => loadPyTorch(dense, new Map([["weight", float32([3, 2], [1, 2, 3, 4, 5, 6])]])),
      'ShapeError: loadPyTorch: "weight": [2, 3] | [3, 2]',
    );
  });

  it("refuses what is no model", async () => {
    await expectRefusal(() => loadPyTorch(undefined as never, new Map()), "TypeError: loadPyTorch: undefined");
    await expectRefusal(() => toPyTorch(undefined as never), "TypeError: toPyTorch: undefined");
  });

  it("refuses an object in place of a map", async () => {
    await expectRefusal(
      () => loadPyTorch(new BatchNorm({ features: 1 }), Object.fromEntries(batchNormState()) as never),
      "TypeError: loadPyTorch: Map | cure",
    );
  });

  it("changes nothing in a large model when any one of its arrays is wrong", () => {
    const wrong: Readonly<Record<string, (array: StoredArray) => StoredArray | undefined>> = {
      missing: () => undefined,
      longer: (array) => float64([...array.shape, 2], new Array<number>(array.values.length * 2).fill(1)),
      infinite: ({ shape, values }) => float64(shape, new Array<number>(values.length).fill(Infinity)),
      text: ({ shape, values }) => ({ shape, dtype: "uint8", values: new Uint8Array(values.length) }),
    };
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(wrong)), fc.nat(), (kind, place) => {
        const model = drawn(network(new Random(1), "float64"), new Random(2));
        const before = everythingIn(model);
        const state = new Map(toPyTorch(drawn(network(new Random(1), "float64"), new Random(3))));
        const names = [...state.keys()].filter((name) => !name.endsWith("num_batches_tracked"));
        const name = names[place % names.length]!;
        const array = wrong[kind]!(state.get(name)!);
        if (array === undefined) state.delete(name);
        else state.set(name, array);
        expect(() => loadPyTorch(model, state)).toThrow(/^load\w+: /);
        expect(everythingIn(model)).toEqual(before);
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});

describe("toPyTorch", () => {
  it("gives PyTorch's names, layer by layer, and its shapes and dtypes", () => {
    const arrays = [...toPyTorch(network(new Random(1), "float32"))];
    expect(arrays.map(([name, { shape, dtype }]) => `${name} ${dtype} [${shape.join()}]`)).toEqual([
      "0.weight float32 [6,3]",
      "1.weight float32 [6]",
      "1.bias float32 [6]",
      "1.running_mean float64 [6]",
      "1.running_var float64 [6]",
      "1.num_batches_tracked int64 []",
      "3.weight float32 [4,6]",
      "3.bias float32 [4]",
      "4.weight float32 [4]",
      "4.bias float32 [4]",
      "6.weight float32 [5,4]",
      "6.bias float32 [5]",
      "7.weight float32 [5]",
      "7.bias float32 [5]",
      "8.weight float32 [2,5]",
      "8.bias float32 [2]",
    ]);
  });

  it.each(Object.entries(modelKinds))("is undone by loadPyTorch, through a file, to the bit: %s", (_, make) => {
    for (const dtype of ["float32", "float64"] as const) {
      const model = drawn(make(new Random(1), dtype), new Random(2));
      model.parameters[0]?.update((values) => void (values[0] = -0));
      const other = make(new Random(3), dtype);
      loadPyTorch(other, readSafetensors(writeSafetensors(toPyTorch(model))));
      expect(numbersIn(other)).toEqual(numbersIn(model));
    }
  });

  it("is undone for a model that has seen no batch", () => {
    const norm = new BatchNorm({ features: 2 });
    const other = drawn(new BatchNorm({ features: 2 }), new Random(1));
    loadPyTorch(other, toPyTorch(norm));
    expect(numbersIn(other)).toEqual(numbersIn(norm));
  });

  it("gives copies", () => {
    const norm = new BatchNorm({ features: 1 });
    const arrays = toPyTorch(norm);
    for (const name of ["weight", "bias", "running_mean", "running_var"]) arrays.get(name)!.values.fill(9 as never);
    expect(norm.gamma!.value.data[0]).toBe(1);
    expect(norm.runningMean.values[0]).toBe(0);
  });

  it("refuses two arrays of one name, and a count that is no whole number", async () => {
    const parameters = ["gamma", "weight"].map((name) => new Parameter(name, "scale", Tensor.zeros([1])));
    const odd: Layer = {
      parameters,
      statistics: [],
      forward: (input) => new LayerNorm({ features: 1 }).forward(input, { mode: "train" }),
    };
    const facts = '"0.weight" | "0.gamma" | cure';
    await expectRefusal(() => toPyTorch(new Sequential([odd])), `TypeError: toPyTorch: ${facts}`);
    await expectRefusal(() => loadPyTorch(new Sequential([odd]), new Map()), `TypeError: loadPyTorch: ${facts}`);
    const norm = new BatchNorm({ features: 1 });
    norm.batchesTracked.values[0] = 0.5;
    await expectRefusal(() => toPyTorch(norm), 'RangeError: toPyTorch: "batchesTracked": 0.5');
  });
});
