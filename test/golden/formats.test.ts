/** Real files: weights that PyTorch, NumPy and the reference implementation of safetensors have saved, and PyTorch's outputs with them. */
import { readFileSync } from "node:fs";
import {
  AveragePool2d,
  BatchNorm,
  Conv2d,
  Dense,
  Dropout,
  type DType,
  Flatten,
  GlobalAveragePool,
  LayerNorm,
  LogSoftmax,
  MaxPool2d,
  type Mode,
  Random,
  ReLU,
  Residual,
  Sequential,
  Softmax,
  Tensor,
} from "batchnorm";
import {
  kerasDefaults,
  loadKeras,
  loadPyTorch,
  readNpy,
  readNpz,
  readSafetensors,
  readSafetensorsMetadata,
  type StoredArrays,
  toKeras,
  toPyTorch,
  writeSafetensors,
} from "batchnorm/formats";
import { foldBatchNorm } from "batchnorm/tools";
import { describe, expect, it } from "vitest";
import { float32 } from "../support/format-files.js";
import { network } from "../support/format-models.js";
import { expectRefusal } from "../support/refusal.js";
import { expectValues, toleranceOf } from "./golden.js";

type Outputs = Readonly<Record<"inference" | "train", readonly (readonly number[])[]>>;
interface Expected {
  readonly x: readonly (readonly number[])[];
  readonly "network-float64": Outputs & { readonly rows: readonly (readonly number[])[] };
  readonly "network-float32": Outputs & { readonly rows: readonly (readonly number[])[] };
  readonly arrays: Readonly<
    Record<string, { readonly shape: number[]; readonly dtype: string; readonly values: string[] }>
  >;
}

const folder = new URL("formats/", import.meta.url);
const file = (name: string): Uint8Array => readFileSync(new URL(name, folder));
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as Expected;
const arraysIn = (name: string): StoredArrays =>
  name.endsWith(".npz") ? readNpz(file(name)) : readSafetensors(file(name));

/** The largest difference from PyTorch's output, relative to its largest value. */
function error(
  model: Sequential,
  mode: Mode,
  from: keyof Omit<Expected, "x" | "arrays">,
  dtype: DType = "float64",
): number {
  const output = model.forward(Tensor.from(expected.x, { dtype }), { mode }).output;
  const golden = expected[from][mode === "inference" ? "inference" : "train"].flat();
  const largest = Math.max(...golden.map(Math.abs));
  expect(output.size).toBe(golden.length);
  return Math.max(...golden.map((value, i) => Math.abs(output.data[i]! - value))) / largest;
}

describe("PyTorch's files", () => {
  it.each([
    ["network-float64.safetensors", "network-float64", 5],
    ["network-float64.npz", "network-float64", 5],
    ["network-float32.safetensors", "network-float32", 5],
    ["network-float32.npz", "network-float32", 5],
    ["network-old.npz", "network-float64", 1],
    ["network-resaved.npz", "network-float64", 1],
  ] as const)("%s gives PyTorch's outputs", (name, from, batches) => {
    const model = network(new Random(1), "float64");
    loadPyTorch(model, arraysIn(name));
    expect(model.statistics[2]!.values[0]).toBe(batches);
    expect(error(model, "inference", from)).toBeLessThan(1e-12);
    expect(error(model, "probe", from)).toBeLessThan(1e-12);
  });

  it("give the same outputs in float32", () => {
    const model = network(new Random(1), "float32");
    loadPyTorch(model, arraysIn("network-float32.safetensors"));
    // nine layers, each of which rounds its output
    expect(error(model, "inference", "network-float32", "float32")).toBeLessThan(toleranceOf("float32").relative);
  });

  it("are found under a prefix", async () => {
    const model = network(new Random(1), "float64");
    await expectRefusal(() => loadPyTorch(model, arraysIn("network-module.npz")), 'TypeError: loadPyTorch: "0.weight"');
    loadPyTorch(model, arraysIn("network-module.npz"), { prefix: "module." });
    expect(error(model, "inference", "network-float64")).toBeLessThan(1e-12);
  });

  it("store each number where PyTorch does", () => {
    const model = network(new Random(1), "float64");
    loadPyTorch(model, arraysIn("network-float64.safetensors"));
    const rows = expected["network-float64"].rows;
    const weight = model.parameters[0]!.value;
    rows.forEach((row, output) => row.forEach((value, input) => expect(weight.at(input, output)).toBe(value)));
  });

  it("name the program that wrote them", () => {
    expect(readSafetensorsMetadata(file("network-float64.safetensors"))).toEqual({ format: "pt" });
  });
});

describe("weights in Keras's layout", () => {
  it.each(["keras-named.npz", "keras-ordered.npz"])("%s gives the same outputs", (name) => {
    const model = network(new Random(1), "float64");
    loadKeras(model, arraysIn(name));
    expect(error(model, "inference", "network-float64")).toBeLessThan(1e-12);
  });
});

describe("TensorFlow.js's weights", () => {
  const tfjs = JSON.parse(readFileSync(new URL("tfjs.json", folder), "utf8")) as {
    readonly wholeModel: readonly string[];
    readonly weights: readonly { readonly name: string; readonly shape: number[]; readonly values: number[] }[];
    readonly x: number[][];
    readonly inference: number[][];
    readonly train: number[][];
    readonly movingMean: number[];
    readonly movingVariance: number[];
  };
  const arrays = new Map(tfjs.weights.map(({ name, shape, values }) => [name, float32(shape, values)]));
  const norm = new BatchNorm({ features: 4, ...kerasDefaults });
  const random = new Random(1);
  const model = new Sequential([
    new Dense({ inputs: 3, outputs: 4, bias: false, random }),
    norm,
    new ReLU(),
    new Dense({ inputs: 4, outputs: 3, random }),
    new LayerNorm({ features: 3, epsilon: 1e-3 }),
    new Dense({ inputs: 3, outputs: 2, random }),
  ]);
  // both round to float32 after each of six layers
  const tolerance = toleranceOf("float32");

  it("give its outputs and update statistics as it does", () => {
    loadKeras(model, arrays);
    const x = Tensor.from(tfjs.x);
    expectValues("inference", model.forward(x, { mode: "inference" }).output.data, tfjs.inference.flat(), tolerance);
    expectValues("train", model.forward(x, { mode: "train" }).output.data, tfjs.train.flat(), tolerance);
    expectValues("running mean", norm.runningMean.values, tfjs.movingMean, tolerance);
    expectValues("running variance", norm.runningVariance.values, tfjs.movingVariance, tolerance);
  });

  it("are refused in the order that it returns for a whole model", async () => {
    const reordered = new Map(tfjs.wholeModel.map((name) => [name, arrays.get(name)!]));
    await expectRefusal(
      () => loadKeras(model, reordered),
      'TypeError: loadKeras: 3 | "1.runningMean" | "dense_Dense2/kernel" | cure',
    );
  });
});

describe("the reference implementation's file", () => {
  it("has the same contents as NumPy's file", () => {
    const arrays = arraysIn("reference.safetensors");
    for (const [name, array] of arraysIn("network-float32.npz")) expect(arrays.get(name)).toEqual(array);
    expect(arrays.get("wide")!.values).toEqual(Float64Array.of(0.1, 0.2));
    expect(arrays.get("mask")).toEqual({ shape: [2], dtype: "bool", values: Uint8Array.of(1, 0) });
  });

  it("is what writeSafetensors writes, byte for byte", () => {
    const bytes = file("reference.safetensors");
    expect(writeSafetensors(readSafetensors(bytes), readSafetensorsMetadata(bytes))).toEqual(new Uint8Array(bytes));
  });
});

describe("NumPy's files", () => {
  it("store every number of every dtype, in row-major order", () => {
    const arrays = readNpz(file("arrays.npz"));
    expect([...arrays.keys()]).toEqual(Object.keys(expected.arrays));
    for (const [name, { shape, dtype, values }] of Object.entries(expected.arrays)) {
      const array = arrays.get(name)!;
      expect([array.shape, array.dtype], name).toEqual([shape, dtype]);
      const parse = (text: string): number | bigint =>
        dtype === "int64"
          ? BigInt(text)
          : dtype === "bool"
            ? Number(text === "True")
            : text === "inf"
              ? Infinity
              : Number(text);
      expect([...array.values], name).toEqual(values.map(parse));
    }
  });

  it("are read in every version and order", () => {
    expect(readNpy(file("columns.npy"))).toEqual(readNpz(file("arrays.npz")).get("columns"));
    for (const version of [2, 3]) {
      expect(readNpy(file(`version-${version}.npy`))).toEqual({
        shape: [1, 2],
        dtype: "float64",
        values: Float64Array.of(1, 2),
      });
    }
  });

  const numbers = JSON.parse(readFileSync(new URL("numbers.json", folder), "utf8")) as Pick<Expected, "arrays">;
  const asNumber = (text: string): number =>
    text === "True"
      ? 1
      : text === "False"
        ? 0
        : text.endsWith("inf")
          ? Number(text.replace("inf", "Infinity"))
          : Number(text);

  it.each(["numbers.npz", "numbers-compressed.npz"])("hold every number in both byte orders: %s", (name) => {
    const arrays = readNpz(file(name));
    for (const [name, { shape, dtype, values }] of Object.entries(numbers.arrays)) {
      const array = arrays.get(name)!;
      expect([array.shape, array.dtype], name).toEqual([shape, dtype === "float16" ? "float32" : dtype]);
      expect([...array.values], name).toEqual(
        values.map((text) => (dtype.endsWith("int64") ? BigInt(text) : asNumber(text))),
      );
    }
    const long = arrays.get("long");
    if (long !== undefined) expect(long.values).toEqual(Int32Array.from({ length: 20000 }, (_, i) => i % 1000));
  });

  it("are read when compressed, in zip64, and from Python 2", () => {
    expect([...readNpz(file("compressed.npz"))]).toEqual([
      ["a", { shape: [3], dtype: "float64", values: new Float64Array(3) }],
    ]);
    expect([...readNpz(file("zip64.npz"))]).toEqual([
      ["a", { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) }],
      ["b", { shape: [1], dtype: "int16", values: Int16Array.of(3) }],
    ]);
    expect(readNpy(file("python2.npy"))).toEqual({ shape: [3], dtype: "float64", values: Float64Array.of(1, 2, 3) });
    expect(readNpy(file("big-endian.npy")).values).toEqual(Float64Array.of(1));
    expect(readNpy(file("float16.npy")).values).toEqual(Float32Array.of(1));
  });

  it("are read beside arrays of other kinds, which are refused with the cause", async () => {
    expect([...readNpz(file("foreign.npz"), { names: ["good"] })]).toEqual([
      ["good", { shape: [1], dtype: "float64", values: Float64Array.of(1.5) }],
    ]);
    const causes = {
      complex: "complex numbers",
      text: "text",
      bytes: "text",
      objects: "Python objects",
      records: "records",
      dates: "dates",
      "long double": '"<f16"',
    };
    for (const [name, cause] of Object.entries(causes)) {
      const refusal = `TypeError: readNpz: "${name}.npy": dtype | ${cause} | cure`;
      await expectRefusal(() => readNpz(file("foreign.npz"), { names: [name] }), refusal);
    }
    await expectRefusal(() => readNpy(file("objects.npy")), "TypeError: readNpy: Python objects | cure");
    await expectRefusal(() => readNpy(file("structured.npy")), "TypeError: readNpy: records | cure");
  });
});

describe("convolutional networks", () => {
  interface Golden {
    readonly x: Parameters<typeof Tensor.from>[0];
    readonly inference: readonly (readonly number[])[];
    readonly train: readonly (readonly number[])[];
  }
  const golden = JSON.parse(readFileSync(new URL("images.json", folder), "utf8")) as Readonly<
    Record<"small" | "resnet", Golden>
  >;
  const random = new Random(1);
  const conv = (inputs: number, outputs: number, options: object): Conv2d =>
    new Conv2d({ inputs, outputs, size: 3, random, dtype: "float64", ...options });
  const norm = (features: number): BatchNorm => new BatchNorm({ features, dtype: "float64" });

  const small = (): Sequential =>
    new Sequential([
      conv(2, 4, { padding: 1, bias: false }),
      norm(4),
      new ReLU(),
      new MaxPool2d({ size: 2 }),
      conv(4, 6, { size: [3, 2], stride: [2, 1], padding: [1, 0] }),
      norm(6),
      new ReLU(),
      new AveragePool2d({ size: 2, stride: 1, padding: 1 }),
      new Flatten(),
      new Dropout({ rate: 0.25, random }),
      new Dense({ inputs: 54, outputs: 3, random, dtype: "float64" }),
      new LogSoftmax(),
    ]);

  const block = (inputs: number, outputs: number, stride: number): Sequential =>
    new Sequential([
      new Residual({
        body: new Sequential([
          conv(inputs, outputs, { stride, padding: 1, bias: false }),
          norm(outputs),
          new ReLU(),
          conv(outputs, outputs, { padding: 1, bias: false }),
          norm(outputs),
        ]),
        projection:
          stride === 1
            ? undefined
            : new Sequential([conv(inputs, outputs, { size: 1, stride, bias: false }), norm(outputs)]),
      }),
      new ReLU(),
    ]);

  const resnet = (): Sequential =>
    new Sequential([
      conv(2, 4, { padding: 1, bias: false }),
      norm(4),
      new ReLU(),
      block(4, 4, 1),
      block(4, 6, 2),
      new GlobalAveragePool(),
      new Flatten(),
      new Dense({ inputs: 6, outputs: 3, random, dtype: "float64" }),
    ]);

  /** From the names of torchvision's blocks. */
  const inBlock: readonly (readonly [string, string])[] = [
    ["conv1", "0.body.0"],
    ["bn1", "0.body.1"],
    ["conv2", "0.body.3"],
    ["bn2", "0.body.4"],
    ["downsample", "0.projection"],
  ];
  const renamed = (arrays: StoredArrays): StoredArrays =>
    new Map(
      [...arrays].map(([name, array]) => {
        const here = inBlock.reduce((text, [theirs, ours]) => text.replace(`.${theirs}.`, `.${ours}.`), name);
        return [here, array] as const;
      }),
    );

  const expectOutput = (model: Sequential, x: Tensor, mode: Mode, rows: readonly (readonly number[])[]): void => {
    expectValues(mode, model.forward(x, { mode }).output.data, rows.flat(), { absolute: 0, relative: 1e-12 });
  };

  it("of PyTorch give PyTorch's outputs", () => {
    const model = small();
    loadPyTorch(model, arraysIn("images-small.npz"));
    expectOutput(model, Tensor.from(golden.small.x, { dtype: "float64" }), "inference", golden.small.inference);
  });

  it("of PyTorch with residual blocks, once their names are translated", () => {
    const model = resnet();
    loadPyTorch(model, renamed(arraysIn("images-resnet.npz")));
    const x = Tensor.from(golden.resnet.x, { dtype: "float64" });
    expectOutput(model, x, "inference", golden.resnet.inference);
    expectOutput(model, x, "probe", golden.resnet.train);
  });

  it("are saved as PyTorch would save them", () => {
    for (const [make, name] of [
      [small, "images-small.npz"],
      [resnet, "images-resnet.npz"],
    ] as const) {
      const arrays = renamed(arraysIn(name));
      const model = make();
      loadPyTorch(model, arrays);
      const saved = toPyTorch(model);
      expect([...saved.keys()].sort()).toEqual([...arrays.keys()].sort());
      for (const [key, { shape, values }] of arrays) {
        expect([saved.get(key)!.shape, [...saved.get(key)!.values]], key).toEqual([shape, [...values]]);
      }
    }
  });

  it("are folded to PyTorch's outputs", () => {
    const model = resnet();
    loadPyTorch(model, renamed(arraysIn("images-resnet.npz")));
    const x = Tensor.from(golden.resnet.x, { dtype: "float64" });
    const { model: folded, report } = foldBatchNorm(model, x);
    expect([report.folded.length, report.kept]).toEqual([6, []]);
    expectOutput(folded, x, "inference", golden.resnet.inference);
  });

  describe("of TensorFlow.js, channels last", () => {
    const tfjs = JSON.parse(readFileSync(new URL("tfjs-images.json", folder), "utf8")) as {
      readonly weights: readonly { readonly name: string; readonly shape: number[]; readonly values: number[] }[];
      readonly x: number[][][][];
      readonly inference: number[][];
    };
    const arrays = new Map(tfjs.weights.map(({ name, shape, values }) => [name, float32(shape, values)]));
    const make = (): Sequential =>
      new Sequential([
        new Conv2d({ inputs: 2, outputs: 4, size: [3, 2], padding: "same", bias: false, random }),
        new BatchNorm({ features: 4, ...kerasDefaults, axis: 1 }),
        new ReLU(),
        new MaxPool2d({ size: 2 }),
        new Conv2d({ inputs: 4, outputs: 5, size: 2, random }),
        new Flatten(),
        new BatchNorm({ features: 10, ...kerasDefaults }),
        new Dense({ inputs: 10, outputs: 3, random }),
        new Softmax(),
      ]);

    it("give its outputs on images with channels first", () => {
      const model = make();
      loadKeras(model, arrays);
      const x = Tensor.zeros([4, 2, 6, 5]);
      tfjs.x.forEach((image, n) =>
        image.forEach((row, h) =>
          row.forEach((pixel, w) => pixel.forEach((value, c) => (x.data[((n * 2 + c) * 6 + h) * 5 + w] = value))),
        ),
      );
      const { output } = model.forward(x, { mode: "inference" });
      expectValues("output", output.data, tfjs.inference.flat(), { absolute: 0, relative: 1e-6 });
    });

    it("are saved as they were loaded", () => {
      const model = make();
      loadKeras(model, arrays);
      const saved = [...toKeras(model).values()];
      [...arrays.values()].forEach(({ shape, values }, i) => {
        expect([saved[i]!.shape, [...saved[i]!.values]]).toEqual([shape, [...values]]);
      });
      const again = make();
      loadKeras(again, toKeras(model));
      expect([...again.parameters.map(({ value }) => [...value.data])]).toEqual(
        model.parameters.map(({ value }) => [...value.data]),
      );
    });

    it("refuse a kernel in PyTorch's order", async () => {
      const wrong = new Map(arrays);
      const [name] = arrays.keys();
      const stored = arrays.get(name!)!;
      wrong.set(name!, { ...stored, shape: [4, 2, 3, 2] });
      await expectRefusal(
        () => loadKeras(make(), wrong),
        `ShapeError: loadKeras: "${name!}" for "0.weight": [3, 2, 2, 4] | [4, 2, 3, 2]`,
      );
    });
  });
});
