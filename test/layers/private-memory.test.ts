/** What stays inside a Sequential lives in the memory of the kernels, is overwritten and given back: nobody outside may notice. */
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  BatchNorm,
  Dense,
  Flatten,
  type Forward,
  type Layer,
  LeakyReLU,
  meanSquaredError,
  modelObjective,
  type Pass,
  plainKernels,
  Random,
  ReLU,
  Residual,
  Sequential,
  ShapeError,
  Sigmoid,
  Softmax,
  Tanh,
  Tensor,
  wasmKernels,
} from "batchnorm";
import { GhostBatchNorm } from "batchnorm/variants";
import type { Floats } from "../../src/core/dtype.js";
import { residenceOf } from "../../src/kernels/residence.js";
import { expectBits, gradientsByPath } from "../support/close.js";
import { kernelSets } from "../support/kernel-sets.js";

const features = 5;
const random = new Random(1);
const dense = (): Layer => new Dense({ inputs: features, outputs: features, random });
const norm = (): Layer => new BatchNorm({ features });

/** A layer of somebody else who writes into what comes in, into what went out, and keeps both. */
class Scribbler implements Layer {
  readonly parameters = [];
  readonly statistics = [];
  readonly held: Tensor[] = [];

  forward(input: Tensor, pass: Pass): Forward {
    const inner = new Tanh().forward(input, pass);
    input.data.fill(7);
    const output = inner.output.copy();
    this.held.push(output);
    return {
      output,
      backward: (gradOutput) => {
        const backward = inner.backward(gradOutput);
        gradOutput.data.fill(9);
        this.held.push(backward.gradInput);
        return backward;
      },
    };
  }
}

/** A class derived from one of the library's own may keep what it gets, and does. */
class OtherReLU extends ReLU {
  readonly held: Tensor[] = [];

  override forward(input: Tensor, pass: Pass): Forward {
    const forward = super.forward(input, pass);
    this.held.push(input, forward.output);
    return forward;
  }
}

/** A layer of somebody else who keeps what goes through and, as nobody else may hold it, would notice a later change. */
class Keeper implements Layer {
  readonly parameters = [];
  readonly statistics = [];
  readonly kept: Tensor[] = [];

  forward(input: Tensor, pass: Pass): Forward {
    const inner = new Tanh().forward(input, pass);
    const copies = [input, inner.output].map((tensor) => [tensor, tensor.copy()] as const);
    return {
      output: inner.output,
      backward: (gradOutput) => {
        for (const [tensor, copy] of copies) expectBits("what was kept", tensor.data, copy.data);
        for (const { data } of [input, inner.output, gradOutput]) expect(data.buffer.byteLength).toBe(data.byteLength);
        return inner.backward(gradOutput);
      },
    };
  }
}

const chainOf = (...layers: Layer[]): Sequential => new Sequential(layers);
const around = (body: Layer, projection?: Layer): Residual => new Residual({ body, projection });

const rows: readonly (readonly [string, () => Layer[]])[] = [
  ["a usual net", () => [dense(), norm(), new ReLU(), dense(), norm(), new Sigmoid(), dense()]],
  ["activations in a row", () => [new Tanh(), new Sigmoid(), new ReLU(), new LeakyReLU(), new Tanh()]],
  ["dense layers in a row", () => [dense(), dense(), dense()]],
  ["an activation after each", () => [dense(), new ReLU(), norm(), new Tanh(), norm(), norm(), new LeakyReLU()]],
  ["a layer twice", () => [dense(), new ReLU(), dense()].flatMap((layer) => [layer, layer])],
  ["a Sequential inside", () => [dense(), new Sequential([norm(), new ReLU(), dense()]), new Tanh(), dense()]],
  ["a layer with layers of its own", () => [dense(), new GhostBatchNorm({ features, groupSize: 4 }), new ReLU()]],
  ["residuals", () => [dense(), around(chainOf(dense(), norm(), new ReLU(), dense())), new ReLU(), dense()]],
  ["residuals in a row", () => [dense(), around(dense()), around(norm()), around(dense(), dense()), new Tanh()]],
  [
    "residuals around what computes in place",
    () => [
      dense(),
      around(new ReLU()),
      around(chainOf(new Flatten(), new Tanh()), new Sigmoid()),
      around(new Softmax(), new Flatten()),
      dense(),
    ],
  ],
  ["residuals inside residuals", () => [norm(), around(chainOf(around(new Tanh(), norm()), dense())), new ReLU()]],
  ["a residual first and last", () => [around(chainOf(dense(), new ReLU(), norm()), new Tanh())]],
  ["a residual around another one's layer", () => [dense(), around(new Keeper()), around(dense(), new Keeper())]],
  ["another one's layer first in a Sequential", () => [dense(), chainOf(new Keeper(), new ReLU()), new ReLU()]],
  ["flattened", () => [dense(), new Flatten(), norm(), new ReLU(), new Flatten(), new Flatten()]],
  ["a class derived from a layer", () => [dense(), new OtherReLU(), dense(), new ReLU(), dense()]],
];

const numbersOf = (
  model: Sequential,
  { output, backward }: Forward,
  gradOutput: Tensor,
): [string, ArrayLike<number>][] => {
  const { gradInput, gradients } = backward(gradOutput);
  return [
    ["output", output.data.slice()],
    ["gradInput", gradInput.data.slice()],
    ...[...gradientsByPath(model, gradients)].map(([path, values]): [string, ArrayLike<number>] => [
      path,
      Array.from(values),
    ]),
  ];
};

// The public set is the one that has a memory of its own.
const sets = [...kernelSets, wasmKernels()].map((kernels) => ({
  kernels,
  resident: residenceOf(kernels) !== undefined,
}));

describe.each(sets)("on $kernels.name kernels, resident: $resident", ({ kernels }) => {
  const cases = [8, 600].flatMap((batch) => rows.map(([name, layers]) => ({ batch, name, layers })));
  describe.each(cases)("$name, batch $batch", ({ batch, layers }) => {
    it("gives the same bits with an observer, which receives copies", () => {
      const model = new Sequential(layers());
      const input = Tensor.normal([batch, features], { random });
      const gradOutput = Tensor.normal([batch, features], { random });
      const [sent, sentBack] = [input.copy(), gradOutput.copy()];
      const seen: Tensor[] = [];
      const observe = (path: string, output: Tensor): void => {
        if (!path.includes(".")) seen.push(output);
      };
      const observed = model.forward(input, { mode: "probe", kernels, observe });
      const before = seen.map((tensor) => tensor.data.slice());
      const expected = numbersOf(model, observed, gradOutput.copy());
      for (const [i, tensor] of seen.entries()) expectBits(`what was observed of ${i}`, tensor.data, before[i]!);

      const forward = model.forward(input, { mode: "probe", kernels });
      const other = model.forward(Tensor.normal([batch, features], { random }), { mode: "probe", kernels });
      other.backward(gradOutput.copy());
      const actual = numbersOf(model, forward, gradOutput.copy());
      for (const [j, [name, values]] of expected.entries()) expectBits(name, actual[j]![1], values);
      expectBits("input", input.data, sent.data);
      expectBits("gradOutput", gradOutput.data, sentBack.data);
    });

    it("evaluates an objective with the same bits, whatever was evaluated before", async () => {
      const model = new Sequential(layers());
      const input = Tensor.normal([batch, features], { random });
      const target = Tensor.normal([batch, features], { random });
      model.forward(input, { mode: "train", kernels }).backward(input);
      for (const mode of ["probe", "inference"] as const) {
        const observed = model.forward(input, { mode, kernels, observe: () => undefined });
        const { loss, gradOutput } = meanSquaredError(observed.output, target, { kernels });
        const expected = gradientsByPath(model, observed.backward(gradOutput).gradients);
        const options = { mode, kernels, dtype: "float32" } as const;
        const { objective, point, groups } = modelObjective(model, { input, target }, meanSquaredError, options);
        const first = await objective(point);
        await objective(point.map((value) => value + 1));
        expect(await objective.lossOnly!(point)).toBe(loss);
        for (const evaluation of [first, await objective(point)]) {
          expect(evaluation.loss).toBe(loss);
          for (const { name, start, end } of groups) {
            expectBits(name, evaluation.gradient.subarray(start, end), expected.get(name)!);
          }
        }
      }
    });

    it("predicts the same bits", () => {
      const model = new Sequential(layers());
      const input = Tensor.normal([batch, features], { random });
      model.forward(input, { mode: "train", kernels }).backward(input);
      const observed = model.forward(input, { mode: "inference", kernels, observe: () => undefined });
      for (let i = 0; i < 2; i++) expectBits("output", model.predict(input, { kernels }).data, observed.output.data);
    });
  });
});

it("notices a third-party layer that writes over its input, which the layer before it reads in its backward pass", () => {
  const model = new Sequential([dense(), new ReLU(), new Scribbler(), new ReLU(), dense()]);
  const { output, backward } = model.forward(Tensor.normal([8, features], { random }), { mode: "probe" });
  expect(() => backward(output.copy())).toThrow(/^ReLU "1": expected the output to be unchanged .* overwritten values/);
  expect(() => backward(output.copy())).toThrow(/^Sequential: .* called once/);
});

/** The tensors that each call of a layer class gets while work runs. */
function inputsOf(layer: { readonly prototype: Layer }, work: () => void): Tensor[] {
  const spy = vi.spyOn(layer.prototype, "forward");
  work();
  const inputs = spy.mock.calls.map(([input]) => input);
  spy.mockRestore();
  return inputs;
}

/** Whether an array lies in the memory of the kernels, which is far larger than any array here. */
const isResident = ({ data }: { readonly data: Floats }): boolean => data.buffer.byteLength > 2 ** 24;

it("keeps in the memory of the kernels what only the next layer receives", () => {
  const input = Tensor.normal([8, features], { random });
  const chain = (): Layer[] => [dense(), new Tanh(), dense()];
  const passes: readonly (readonly [string, Layer[], Partial<Pass>, boolean])[] = [
    ["private", chain(), {}, true],
    ["inside a Sequential inside", [dense(), new Sequential(chain()), dense()], {}, true],
    ["passed into a Sequential inside", [dense(), new Sequential([new Tanh()]), dense()], {}, true],
    ["with an observer", chain(), { observe: () => undefined }, false],
    ["with kernels of a user's own", chain(), { kernels: { ...wasmKernels() } }, false],
    ["in inference, where a backward pass hardly ever follows", chain(), { mode: "inference" }, false],
    ["with the plain kernels", chain(), { kernels: plainKernels }, false],
    ["after a derived class", [new OtherReLU(), new Tanh()], {}, false],
  ];
  for (const [name, layers, pass, resident] of passes) {
    const model = new Sequential(layers);
    model.forward(input, { mode: "train" }).backward(input);
    const inputs = inputsOf(Tanh, () => void model.forward(input, { mode: "probe", ...pass }).backward(input));
    expect(inputs.map(isResident), name).toContain(resident);
    expect(inputs.map(isResident), name).not.toContain(!resident);
  }
});

it("keeps the gradients of parameters there only while an objective is evaluated", async () => {
  const kernels = wasmKernels();
  const model = new Sequential([dense(), new Tanh(), dense()]);
  const input = Tensor.normal([64, features], { random });
  const pass = { mode: "probe", kernels } as const;
  const { objective, point } = modelObjective(model, { input, target: input }, meanSquaredError, pass);
  const residentGradients = async (work: () => unknown): Promise<boolean[]> => {
    const spies = [vi.spyOn(kernels, "matmulTransposedA"), vi.spyOn(kernels, "columnSums")];
    await work();
    const outputs = spies.flatMap((spy) => spy.mock.calls.map(([{ out }]) => isResident({ data: out })));
    for (const spy of spies) spy.mockRestore();
    return outputs;
  };
  expect(await residentGradients(() => objective(point))).toEqual([true, true, true, true]);
  expect(await residentGradients(() => model.forward(input, pass).backward(input))).toEqual(Array(4).fill(false));
  expect(await residentGradients(() => objective.lossOnly!(point))).toEqual([]);
});

it("computes in place what nobody reads any more, and nothing else", () => {
  const kernels = wasmKernels();
  const input = Tensor.normal([64, features], { random });
  const model = new Sequential([dense(), new Tanh(), norm(), new Sigmoid(), new Tanh(), dense()]);
  const names = [
    "tanh",
    "sigmoid",
    "batchNormForward",
    "tanhBackward",
    "sigmoidBackward",
    "batchNormBackward",
  ] as const;
  const spies = names.map((name) => vi.spyOn(kernels, name));
  model.forward(input, { mode: "train", kernels }).backward(input);
  const calls = Object.fromEntries(names.map((name, i) => [name, spies[i]!.mock.calls.map(([args]) => args)]));
  for (const spy of spies) spy.mockRestore();
  const inPlace = (name: (typeof names)[number]): boolean[] =>
    calls[name]!.map((args) => ("dx" in args ? args.dy === args.dx : "y" in args && args.x === args.y));
  // The second Tanh would write over what Sigmoid reads in its backward pass, BatchNorm over what it reads itself.
  expect(inPlace("tanh")).toEqual([true, false]);
  expect(inPlace("sigmoid")).toEqual([true]);
  expect(inPlace("batchNormForward")).toEqual([false]);
  expect(inPlace("tanhBackward")).toEqual([true, true]);
  expect(inPlace("sigmoidBackward")).toEqual([true]);
  expect(inPlace("batchNormBackward")).toEqual([true]);
});

describe("the memory of a run", () => {
  const chain = (): Sequential => new Sequential([dense(), norm(), new Tanh(), norm(), new ReLU(), dense()]);
  const input = Tensor.normal([64, features], { random });
  /** The addresses of the tensors that go from layer to layer: the same ones again if all was given back before. */
  const addresses = (work: () => void): number[] => inputsOf(Tanh, work).map(({ data }) => data.byteOffset);

  it.each(rows)("is given back whole: %s", (name, layers) => {
    const residence = residenceOf(wasmKernels())!;
    /** The first address, if nothing is out. */
    const lowest = (): number => {
      const array = residence.take("float32", 16)!;
      residence.give(array);
      return array.byteOffset;
    };
    const before = lowest();
    const model = new Sequential(layers());
    const { output, backward } = model.forward(input, { mode: "train" });
    if (name !== "a layer with layers of its own") expect(lowest()).not.toBe(before);
    backward(output);
    expect(lowest()).toBe(before);
    model.predict(input);
    expect(lowest()).toBe(before);
  });

  it.each(rows)("is given back after an evaluation of an objective, and one that throws: %s", async (_, layers) => {
    const model = new Sequential(layers());
    let isBroken = false;
    const loss: typeof meanSquaredError = (output, target, options) => {
      if (isBroken) throw new Error("a broken loss");
      return meanSquaredError(output, target, options);
    };
    const { objective, point } = modelObjective(model, { input, target: input }, loss, { mode: "probe" });
    const residence = residenceOf(wasmKernels())!;
    const give = vi.spyOn(residence, "give");
    const take = vi.spyOn(residence, "take");
    await objective(point);
    await objective.lossOnly!(point);
    isBroken = true;
    expect(() => objective(point)).toThrow("a broken loss");
    const taken = take.mock.results.map(({ value }) => value as Floats);
    expect(taken.length).toBeGreaterThan(0);
    expect(new Set(give.mock.calls.map(([array]) => array))).toEqual(new Set(taken));
    expect(give.mock.calls.length).toBe(taken.length);
    give.mockRestore();
    take.mockRestore();
  });

  it("is given back after the backward pass, after a forward pass that throws, and after a prediction", () => {
    const model = chain();
    const run = (): void => {
      const { output, backward } = model.forward(input, { mode: "train" });
      backward(output);
    };
    run();
    const expected = addresses(run);
    const broken = new Sequential([...model.children.values(), new Dense({ inputs: 7, outputs: 1, random })]);
    expect(() => broken.forward(input, { mode: "train" })).toThrow(ShapeError);
    expect(addresses(run)).toEqual(expected);
    model.predict(input);
    expect(() => broken.predict(input)).toThrow(ShapeError);
    expect(addresses(run)).toEqual(expected);
  });

  it("is given back when a backward pass throws half-way", () => {
    const model = chain();
    const run = (): void => void model.forward(input, { mode: "train" }).backward(input);
    run();
    const expected = addresses(run);
    const x = input.copy();
    const { output, backward } = model.forward(x, { mode: "train" });
    x.data.fill(0);
    expect(() => backward(output)).toThrow(/overwritten values/);
    expect(addresses(run)).toEqual(expected);
  });

  it("stays with a forward pass that waits, and one whose gradient was refused", () => {
    const model = chain();
    const gradOutput = Tensor.normal([64, features], { random });
    const expected = model.forward(input, { mode: "probe" }).backward(gradOutput).gradInput.data;
    const waiting = model.forward(input, { mode: "probe" });
    for (let i = 0; i < 3; i++) model.forward(gradOutput, { mode: "probe" }).backward(input);
    expect(() => waiting.backward(Tensor.zeros([1, 1]))).toThrow(ShapeError);
    expectBits("gradInput", waiting.backward(gradOutput).gradInput.data, expected);
  });

  it("is no longer needed by an input gradient that is read late", () => {
    const model = chain();
    const gradOutput = Tensor.normal([64, features], { random });
    const expected = model.forward(input, { mode: "probe" }).backward(gradOutput).gradInput.data;
    const late = model.forward(input, { mode: "probe" }).backward(gradOutput);
    const nested = new Sequential([model, new Tanh()]).forward(input, { mode: "probe" });
    const lateToo = nested.backward(gradOutput);
    for (let i = 0; i < 3; i++) model.forward(gradOutput, { mode: "probe" }).backward(input);
    expectBits("gradInput", late.gradInput.data, expected);
    const { gradInput } = new Sequential([model, new Tanh()]).forward(input, { mode: "probe" }).backward(gradOutput);
    expectBits("gradInput of the outer container", lateToo.gradInput.data, gradInput.data);
  });

  it("falls back to the heap while there is no room, then grows, with the same bits", () => {
    const wide = (): Sequential =>
      new Sequential(Array.from({ length: 6 }, () => [new BatchNorm({ features: 256 }), new ReLU()]).flat());
    const large = Tensor.normal([4096, 256], { random });
    const model = wide();
    const resident: boolean[][] = [];
    const bits: Float64Array[] = [];
    for (let step = 0; step < 3; step++) {
      const inputs = inputsOf(BatchNorm, () => {
        const { output, backward } = model.forward(large, { mode: "probe" });
        bits.push(Float64Array.from(output.data), Float64Array.from(backward(large).gradInput.data));
      });
      resident.push(inputs.slice(1).map(isResident));
    }
    expect(resident[2]).toEqual([true, true, true, true, true]);
    const observed = model.forward(large, { mode: "probe", observe: () => undefined });
    const gradInput = observed.backward(large).gradInput.data;
    for (let step = 0; step < 3; step++) {
      expectBits(`output ${step}`, bits[2 * step]!, observed.output.data);
      expectBits(`gradInput ${step}`, bits[2 * step + 1]!, gradInput);
    }
  });
});

describe("the memory of a run whose backward pass is collected without having run", () => {
  /** A registry whose objects are collected when the test says so. */
  class Registry {
    static readonly all: Registry[] = [];
    readonly waiting = new Map<unknown, { readonly object: WeakKey; readonly held: unknown }>();

    constructor(private readonly collected: (held: unknown) => void) {
      Registry.all.push(this);
    }

    register(object: WeakKey, held: unknown, token: unknown): void {
      this.waiting.set(token, { object, held });
    }

    unregister(token: unknown): void {
      this.waiting.delete(token);
    }

    collect(): void {
      for (const { held } of this.waiting.values()) this.collected(held);
      this.waiting.clear();
    }
  }

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("is given back then, and not before", async () => {
    vi.resetModules();
    vi.stubGlobal("FinalizationRegistry", Registry);
    const fresh = await import("batchnorm");
    const layers = (): Layer[] => [1, 2, 3].map(() => new fresh.Dense({ inputs: 3, outputs: 3, random }));
    const model = new fresh.Sequential(layers());
    const input = fresh.Tensor.normal([50, 3], { random });
    const addresses: number[] = [];
    const run = (pass: Partial<Pass> = {}): Forward => {
      const spy = vi.spyOn(fresh.Dense.prototype, "forward");
      const forward = model.forward(input, { mode: "train", ...pass });
      addresses.push(spy.mock.calls[1]![0].data.byteOffset);
      spy.mockRestore();
      return forward;
    };
    const waiting = run();
    run();
    expect(addresses[1], "still taken").not.toBe(addresses[0]);
    const [registry, another] = Registry.all;
    expect(another).toBeUndefined();
    expect([...registry!.waiting.values()].map(({ object }) => object)).toContain(waiting.backward);
    expect(registry!.waiting.size).toBe(2);
    registry!.collect();
    run();
    expect(addresses[2], "given back").toBe(addresses[0]);

    registry!.collect();
    const done = run();
    done.backward(input);
    expect(registry!.waiting.size, "given back by the backward pass").toBe(0);
    for (const pass of [
      { kernels: fresh.plainKernels },
      { mode: "inference" },
      { observe: () => undefined },
    ] as const) {
      run(pass);
      expect(registry!.waiting.size, "nothing to give back").toBe(0);
    }
  });
});

it("returns no arrays that share memory, so that transferring one to a worker detaches no other", () => {
  for (const [name, layers] of rows) {
    const model = new Sequential(layers());
    const input = Tensor.normal([8, features], { random });
    for (const observing of [false, true]) {
      const held: Tensor[] = [];
      const observe = (_: string, output: Tensor, entering: Tensor): void => void held.push(output, entering);
      const { output, backward } = model.forward(input, { mode: "train", ...(observing ? { observe } : {}) });
      const { gradInput, gradients } = backward(Tensor.normal(output.shape, { random }));
      held.push(output, gradInput, ...gradients.values());
      for (const { data } of held) expect(data.buffer.byteLength, name).toBe(data.byteLength);
    }
  }
});
