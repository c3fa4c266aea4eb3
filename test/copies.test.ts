/**
 * A value is asked for what it has, never for its class: models and arrays from the other copy of the library (CommonJS beside ESM),
 * from another realm, from behind a reactive proxy, from another thread. Runs on what `npm run build` made.
 */
import { createRequire } from "node:module";
import { createContext, runInContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { markRaw, reactive } from "@vue/reactivity";
import type * as mainEntry from "batchnorm";
import type { Layer, Tensor } from "batchnorm";
import type * as formatsEntry from "batchnorm/formats";
import type * as kernelsEntry from "batchnorm/kernels";
import type * as probesEntry from "batchnorm/probes";
import type * as toolsEntry from "batchnorm/tools";
import type * as variantsEntry from "batchnorm/variants";
import { describe, expect, it } from "vitest";

type Main = typeof mainEntry;

/** All entries of one copy. */
interface Copy {
  readonly main: Main;
  readonly formats: typeof formatsEntry;
  readonly kernels: typeof kernelsEntry;
  readonly probes: typeof probesEntry;
  readonly tools: typeof toolsEntry;
  readonly variants: typeof variantsEntry;
}

const built = (path: string): string => new URL(`../dist/${path}.js`, import.meta.url).href;
const load = async (path: string): Promise<unknown> => import(/* @vite-ignore */ built(path));
const require = createRequire(import.meta.url);
const names = ["formats", "kernels", "probes", "tools", "variants"] as const;

const fromImport = {
  main: await load("index"),
  ...Object.fromEntries(await Promise.all(names.map(async (name) => [name, await load(name)] as const))),
} as Copy;
const fromRequire = {
  main: require("../dist/cjs/index.js") as unknown,
  ...Object.fromEntries(names.map((name) => [name, require(`../dist/cjs/${name}.js`) as unknown])),
} as Copy;

const labels = Array.from({ length: 32 }, (_, i) => i % 2);

/** A small classifier of one copy; the bias before batch norm is what `inspect` must find. */
function makeModel({ BatchNorm, Dense, Random, ReLU, Sequential }: Main): mainEntry.Sequential {
  const random = new Random(1);
  return new Sequential([
    new Dense({ inputs: 3, outputs: 4, random }),
    new BatchNorm({ features: 4 }),
    new ReLU(),
    new Dense({ inputs: 4, outputs: 2, random }),
  ]);
}

const makeInput = ({ Random, Tensor }: Main): Tensor =>
  Tensor.normal([32, 3], { random: new Random(2), mean: 0.5, std: 2 });

/** Trains a model for some steps with the functions of one copy. */
function train(model: Layer, { SGD, softmaxCrossEntropy }: Main, input: Tensor, parameters = model.parameters): void {
  const optimizer = new SGD(parameters, { learningRate: 0.1, momentum: 0.9 });
  for (let step = 0; step < 5; step++) {
    const { output, backward } = model.forward(input, { mode: "train" });
    optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
  }
}

/** A model that has trained with one copy alone, and all that its numbers are. */
function trained(copy: Copy): { readonly model: mainEntry.Sequential; readonly state: mainEntry.StateDict } {
  const model = makeModel(copy.main);
  train(model, copy.main, makeInput(copy.main));
  return { model, state: copy.main.stateDict(model) };
}

/** What every function that takes a model must do with it, whoever made it. */
async function expectFullService(model: Layer, { main, formats, tools }: Copy): Promise<void> {
  const input = makeInput(main);
  const { objective, point, groups } = main.modelObjective(model, { input, target: labels }, main.softmaxCrossEntropy, {
    mode: "probe",
  });
  const random = new main.Random(3);
  expect((await main.checkObjective(objective, point, { random, groups })).verdict).toBe("agrees");
  expect(
    (await main.checkLayer(model.children!.get("1")!, makeFeatures(main), { mode: "probe", random })).verdict,
  ).toBe("agrees");
  expect(tools.inspect(model, input).findings.map(({ kind, path }) => [kind, path])).toContainEqual([
    "redundant bias",
    "0",
  ]);
  expect(tools.compareModes(model, input).layers.map(({ path }) => path)).toEqual(["1"]);
  const { model: folded, report } = tools.foldBatchNorm(model, input);
  expect(folded.parameters).toHaveLength(4);
  expect(report.largestDifference).toBeLessThan(1e-5);
  expect([...formats.toPyTorch(model).keys()]).toContain("1.running_mean");
  expect([...main.parametersByPath(model).keys()]).toContain("1.gamma");
  expect(() => new main.SGD(model.parameters, { learningRate: 0.1 })).not.toThrow();
}

const makeFeatures = ({ Random, Tensor }: Main): Tensor =>
  Tensor.normal([8, 4], { random: new Random(4), mean: 0.5, std: 2 });

describe.each([
  ["require", "import", fromRequire, fromImport],
  ["import", "require", fromImport, fromRequire],
])("a model from %s with functions from %s", (_, __, maker, user) => {
  it("is an instance of another copy", () => {
    expect(maker.main.BatchNorm).not.toBe(user.main.BatchNorm);
  });

  it("trains to the same bits as with its own functions", () => {
    const model = makeModel(maker.main);
    train(model, user.main, makeInput(user.main));
    expect(user.main.stateDict(model)).toEqual(trained(maker).state);
  });

  it("is accepted by every function with a model argument", async () => {
    await expectFullService(trained(maker).model, user);
  });

  it("loads a state of the other copy and is recalibrated by it", () => {
    const model = makeModel(maker.main);
    user.main.loadStateDict(model, trained(user).state);
    expect(maker.main.stateDict(model)).toEqual(trained(maker).state);
    const { layers } = user.tools.recalibrate(model, [makeInput(user.main)]);
    expect(layers.map(({ path }) => path)).toEqual(["1"]);
  });

  it("works in a container of the other copy", () => {
    const { BatchNorm, Sequential } = user.main;
    const { GhostBatchNorm } = maker.variants;
    const inner = new GhostBatchNorm({ features: 2, groupSize: 8 });
    const model = new Sequential([makeModel(maker.main), inner, new BatchNorm({ features: 2 })]);
    train(model, maker.main, makeInput(user.main));
    expect(Object.keys(user.main.stateDict(model))).toContain("0.1.gamma");
  });

  it("throws errors that the other copy recognizes", () => {
    const { ShapeError, Tensor } = user.main;
    const mistake = (): unknown => makeModel(maker.main).forward(Tensor.zeros([4, 5]), { mode: "inference" });
    expect(mistake).toThrow(ShapeError);
    expect(mistake).toThrow(maker.main.ShapeError);
    expect(new maker.main.ShapeError("x")).toBeInstanceOf(user.kernels.ShapeError);
    expect(new RangeError("x")).not.toBeInstanceOf(ShapeError);
    class Own extends ShapeError {}
    expect(new ShapeError("x")).not.toBeInstanceOf(Own);
    expect(new Own("x")).toBeInstanceOf(ShapeError);
  });

  it("runs on kernels of the other copy", () => {
    const kernels = user.main.wasmKernels();
    const input = makeInput(user.main);
    const output = (set: mainEntry.Kernels): unknown => [
      ...makeModel(maker.main).forward(input, { mode: "train", kernels: set }).output.data,
    ];
    expect(output(kernels)).toEqual(output(maker.main.wasmKernels()));
  });
});

describe("arrays of another realm", () => {
  const context = createContext({});
  const foreign = (text: string): never => runInContext(text, context) as never;
  const { main, formats, kernels, probes } = fromImport;
  const { BatchNorm, meanSquaredError, softmaxCrossEntropy, Tensor } = main;

  it("have their own classes", () => {
    expect((foreign("Float32Array.of(1)") as unknown) instanceof Float32Array).toBe(false);
  });

  it.each(["Float32Array", "Float64Array"])("of %s make a tensor with their dtype and memory", (name) => {
    const values: Float32Array = foreign(`${name}.of(1, 7, 9, 15)`);
    const dtype = name === "Float32Array" ? "float32" : "float64";
    const tensor = new Tensor(values, [4, 1]);
    expect(tensor.data).toBe(values);
    expect(tensor.dtype).toBe(dtype);
    expect(Tensor.from(values).dtype).toBe(dtype);
    const norm = new BatchNorm({ features: 1, dtype });
    const { output, backward } = norm.forward(tensor, { mode: "train" });
    const own = new BatchNorm({ features: 1, dtype }).forward(Tensor.from([[1], [7], [9], [15]], { dtype }), {
      mode: "train",
    });
    expect([...output.data]).toEqual([...own.output.data]);
    expect(output.dtype).toBe(dtype);
    const gradient = new Tensor(foreign(`${name}.of(1, 0, 0, 2)`), [4, 1]);
    expect([...backward(gradient).gradInput.data]).toEqual([
      ...own.backward(Tensor.from([[1], [0], [0], [2]], { dtype })).gradInput.data,
    ]);
  });

  it("are accepted as nested numbers, shapes, labels, row weights and targets", () => {
    expect(Tensor.from(foreign("[[1, 2], [3, 4]]")).shape).toEqual([2, 2]);
    expect(Tensor.zeros(foreign("[2, 3]")).size).toBe(6);
    const logits = Tensor.from([
      [1, 2],
      [3, 1],
    ]);
    for (const list of ["[1, 0]", "Int32Array.of(1, 0)", "Uint8Array.of(1, 0)"]) {
      expect(softmaxCrossEntropy(logits, foreign(list)).loss).toBe(softmaxCrossEntropy(logits, [1, 0]).loss);
    }
    const target = new Tensor(foreign("Float32Array.of(1, 0, 0, 1)"), [2, 2]);
    expect(meanSquaredError(logits, target).loss).toBe(3.25);
    const weights = { rowWeights: foreign("Float32Array.of(1, 1)") as Float32Array };
    const weighted = new BatchNorm({ features: 2 }).forward(logits, { mode: "train", ...weights });
    expect(weighted.output.shape).toEqual([2, 2]);
  });

  it("work with both kernel sets", () => {
    for (const set of [kernels.plainKernels, kernels.wasmKernels()]) {
      const y: Float32Array = foreign("new Float32Array(256)");
      set.relu({ x: foreign("new Float32Array(256).fill(-1).fill(2, 0, 3)"), y });
      expect([...y.subarray(0, 5)]).toEqual([2, 2, 2, 0, 0]);
      const out: Float64Array = foreign("new Float64Array(4)");
      const [a, b] = [foreign("Float64Array.of(1, 2, 3, 4)"), foreign("Float64Array.of(1, 0, 0, 2)")];
      set.matmul({ rows: 2, inner: 2, columns: 2, a, b, out });
      expect([...out]).toEqual([1, 4, 3, 8]);
    }
  });

  it("are accepted as samples, states, bytes and stored arrays", () => {
    const samples = [foreign("Float64Array.of(1, 2, 3)"), foreign("Float64Array.of(2, 3, 4)")] as const;
    expect(probes.compareSamples(...samples).meanShift).toBeCloseTo(1);
    const model = makeModel(main);
    main.loadStateDict(model, foreign(`(${JSON.stringify(trained(fromImport).state)})`));
    expect(main.stateDict(model)).toEqual(trained(fromImport).state);
    const stored: formatsEntry.StoredArrays = foreign(
      `new Map([["a", { shape: [2], dtype: "float32", values: Float32Array.of(1, 2) }]])`,
    );
    const bytes = formats.writeSafetensors(stored);
    const copy: Uint8Array = foreign(`new Uint8Array([${bytes.join()}])`);
    expect(formats.readSafetensors(copy).get("a")).toEqual({
      ...{ shape: [2], dtype: "float32", values: Float32Array.of(1, 2) },
    });
  });

  it("that a kernel cannot use are refused, and the error names the class", () => {
    expect(() => new Tensor(foreign("Int8Array.of(1, 2)"), [2])).toThrow(TypeError);
    expect(() => new Tensor(foreign("Int8Array.of(1, 2)"), [2])).toThrow(/Int8Array\(2\).*Tensor\.from/);
  });
});

describe("a model behind Vue's reactive proxy", () => {
  const { main } = fromImport;

  it("is a proxy at every depth", () => {
    const raw = makeModel(main);
    const model = reactive(raw) as unknown as mainEntry.Sequential;
    expect(model).not.toBe(raw);
    expect(model.parameters[0]).not.toBe(raw.parameters[0]);
  });

  it("trains to the same bits as without the proxy", () => {
    const model = reactive(makeModel(main)) as unknown as Layer;
    train(model, main, makeInput(main));
    expect(main.stateDict(model)).toEqual(trained(fromImport).state);
  });

  it("is accepted by every function with a model argument", async () => {
    await expectFullService(reactive(trained(fromImport).model) as unknown as Layer, fromImport);
  });

  it.each(["the optimizer", "the model"])("trains, or throws with a remedy, when only %s is given proxies", (who) => {
    const raw = makeModel(main);
    const proxied = reactive(raw) as unknown as Layer;
    const [model, parameters] = who === "the model" ? [proxied, raw.parameters] : [raw, proxied.parameters];
    let message = "";
    try {
      train(model, main, makeInput(main), parameters);
    } catch (error) {
      message = (error as Error).message;
    }
    if (message === "") expect(main.stateDict(raw)).toEqual(trained(fromImport).state);
    else expect(message).toContain("markRaw");
  });

  it("is not proxied once it is marked raw", () => {
    const raw = markRaw(makeModel(main));
    expect(reactive({ model: raw }).model).toBe(raw);
  });

  it("has tensors and random streams that work as without the proxy", () => {
    const { Random, Tensor } = main;
    const random = reactive(new Random(1)) as unknown as mainEntry.Random;
    expect(random.uniform()).toBe(new Random(1).uniform());
    expect(reactive(new Random(1)).fork("a").uniform()).toBe(new Random(1).fork("a").uniform());
    const tensor = reactive(Tensor.from([[1, 2]]));
    expect(tensor.at(0, 1)).toBe(2);
    expect(tensor.reshape([2]).shape).toEqual([2]);
    const target = reactive(Tensor.from([[0, 0]]));
    expect(main.meanSquaredError(tensor, target).loss).toBe(2.5);
  });
});

describe("a tensor from a worker", () => {
  const { main } = fromImport;

  /** What `postMessage` makes of a tensor of a worker. */
  async function sent(): Promise<Tensor> {
    const script = `
      const { Tensor } = require(${JSON.stringify(require.resolve("../dist/cjs/index.js"))});
      require("node:worker_threads").parentPort.postMessage(Tensor.from([[1, 2, 3], [4, 5, 7]]));`;
    const worker = new Worker(script, { eval: true });
    return new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  }

  it("is refused with a remedy that works", async () => {
    const clone = await sent();
    const model = makeModel(main);
    const batch = { input: clone, target: [0, 1] };
    const uses: Readonly<Record<string, () => unknown>> = {
      ...{
        forward: () => model.forward(clone, { mode: "train" }),
        batch: () => new main.Batcher({ ...batch, ...how }),
      },
      ...{ loss: () => main.softmaxCrossEntropy(clone, [0, 1]), target: () => main.meanSquaredError(real, clone) },
      ...{
        tool: () => fromImport.tools.inspect(model, clone),
        parameter: () => new main.Parameter("a", "weight", clone),
      },
      objective: () => main.modelObjective(model, batch, main.softmaxCrossEntropy, { mode: "probe" }),
    };
    const how = { batchSize: 1, random: new main.Random(1) };
    const real = new main.Tensor(clone.data, clone.shape);
    for (const [name, use] of Object.entries(uses)) {
      expect(use, name).toThrow(TypeError);
      expect(use, name).toThrow("new Tensor(t.data, t.shape)");
    }
    await expect((async () => main.checkLayer(model, clone, { mode: "probe", random: how.random }))()).rejects.toThrow(
      "new Tensor(t.data, t.shape)",
    );
    expect(model.forward(real, { mode: "train" }).output.shape).toEqual([2, 2]);
  });
});
