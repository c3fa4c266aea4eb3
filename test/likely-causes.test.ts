/** Messages that name the likely cause of a common mistake, in full: the cure is what a newcomer reads. */
import {
  BatchNorm,
  checkpoint,
  Dense,
  GroupNorm,
  LayerNorm,
  loadStateDict,
  Random,
  restore,
  RMSNorm,
  Sequential,
  stateDict,
  Tensor,
} from "batchnorm";
import { loadPyTorch, readNpz, readSafetensors, type StoredArrays, toPyTorch } from "batchnorm/formats";
import { describe, expect, it } from "vitest";
import { utf8, zipFile } from "./support/format-files.js";

const as = (value: unknown): never => value as never;

/** What comes after the dash. */
function cureOf(work: () => unknown): string | undefined {
  let message = "nothing was thrown";
  try {
    work();
  } catch (error) {
    message = String(error);
  }
  expect(message).toMatch(/^(Type|Shape|Range)Error: .*: expected .*, got /s);
  expect(message.length).toBeLessThan(1500);
  return / - (.*)$/s.exec(message)?.[1];
}

const build = (): Sequential =>
  new Sequential([
    new Dense({ inputs: 2, outputs: 3, random: new Random(1) }),
    new BatchNorm({ features: 3 }),
    new Dense({ inputs: 3, outputs: 1, random: new Random(2) }),
  ]);
const x = Tensor.normal([4, 2], { random: new Random(3) });

describe("options", () => {
  it.each<[string, () => unknown, string | undefined]>([
    ["a number", () => new BatchNorm(as(64)), "pass { features: 64 }"],
    ["a number of inputs", () => new Dense(as(4)), "pass { inputs: 4 }"],
    ["a text", () => new BatchNorm(as("64")), undefined],
  ])("given as %s", (_, work, cure) => expect(cureOf(work)).toBe(cure));
});

describe("a pass", () => {
  const forward = (pass: unknown) => () => build().forward(x, as(pass));
  it.each([
    ["train", 'pass an object, as in { mode: "train" }'],
    ["eval", 'pass an object, as in { mode: "inference" }'],
    ["probe", 'pass an object, as in { mode: "probe" }'],
    [undefined, 'pass an object, as in { mode: "train" }'],
    [true, 'pass an object, as in { mode: "train" }'],
    [{ mode: "eval" }, 'use "inference"'],
    [{ mode: "test" }, 'use "inference"'],
    [{ mode: "predict" }, 'use "inference"'],
    [{ mode: "training" }, 'use "train"'],
    [{ mode: "Probe" }, 'use "probe"'],
    [{ mode: "sideways" }, undefined],
    [{}, undefined],
  ])("%j", (pass, cure) => {
    expect(cureOf(forward(pass))).toBe(cure);
    expect(cureOf(() => new BatchNorm({ features: 2 }).forward(x, as(pass)))).toBe(cure);
  });
});

describe("features on another axis", () => {
  const forward = (layer: BatchNorm | GroupNorm | LayerNorm | RMSNorm, ...shape: number[]) =>
    cureOf(() => layer.forward(Tensor.zeros(shape), { mode: "probe" }));

  it("are found, unless the layer has no such option, or it is the axis of the rows", () => {
    const norm = new BatchNorm({ features: 3 });
    expect(forward(norm, 2, 8, 8, 3)).toBe("pass axis: -1");
    expect(forward(norm, 2, 8, 3, 8)).toBe("pass axis: 2");
    expect(forward(norm, 3, 8)).toBeUndefined();
    expect(forward(norm, 8, 5)).toBeUndefined();
    expect(forward(new BatchNorm({ features: 3, axis: -1 }), 2, 3, 8, 8)).toBe("pass axis: 1");
    expect(forward(new GroupNorm({ features: 4, groups: 2 }), 2, 8, 4)).toBe("pass axis: -1");
    expect(forward(new LayerNorm({ features: 3 }), 2, 3, 8)).toBeUndefined();
    expect(forward(new RMSNorm({ features: 3 }), 2, 3, 8)).toBeUndefined();
  });
});

describe("JSON.stringify", () => {
  it("refuses a model instead of losing its values, and saves its state", () => {
    const model = build();
    for (const value of [model, model.layers[0], new BatchNorm({ features: 2 }), model.parameters, model.statistics]) {
      expect(cureOf(() => JSON.stringify(value))).toBe("pass stateDict(model) to JSON.stringify instead");
    }
    expect(cureOf(() => JSON.stringify({ model }))).toContain("stateDict(model)");
    const other = build();
    model.parameters[0]!.update((values) => values.fill(0.1));
    loadStateDict(other, JSON.parse(JSON.stringify(stateDict(model))) as ReturnType<typeof stateDict>);
    expect(stateDict(other)).toEqual(stateDict(model));
  });
});

describe("saved text", () => {
  it("has to be parsed, and is not printed", () => {
    const text = `${JSON.stringify(stateDict(build()))}${" ".repeat(5e6)}`;
    expect(cureOf(() => loadStateDict(build(), as(text)))).toBe("parse it with JSON.parse");
    const run = { model: build() };
    expect(cureOf(() => restore(run, as(JSON.stringify(checkpoint(run)))))).toBe("parse it with JSON.parse");
    expect(cureOf(() => loadPyTorch(build(), as(text)))).toBe("read the file with readSafetensors or readNpz");
    expect(cureOf(() => loadPyTorch(build(), as(utf8(text))))).toBe("read the file with readSafetensors or readNpz");
    for (const work of [() => new BatchNorm(as(text)), () => Tensor.from(as(text)), () => new Sequential(as(text))]) {
      cureOf(work);
    }
  });
});

describe("a .pt file", () => {
  it("is recognized as a pickle, in both of its formats", () => {
    const cure = "save the weights in Python with safetensors.torch.save_file(model.state_dict(), path)";
    const file = zipFile([
      { name: "model/data.pkl", content: utf8("\u0080\u0002") },
      { name: "model/data/0", content: utf8("0000") },
    ]);
    const old = Uint8Array.of(0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20);
    for (const bytes of [file, old]) {
      for (const read of [readNpz, readSafetensors]) expect(cureOf(() => read(bytes))).toBe(cure);
    }
  });
});

describe("names of arrays", () => {
  const named = (rename: (name: string) => string): StoredArrays =>
    new Map([...toPyTorch(build())].map(([name, array]) => [rename(name), array]));
  const load = (arrays: StoredArrays, options = {}) => cureOf(() => loadPyTorch(build(), arrays, options));

  it("show the prefix that is there", () => {
    const wrapped = named((name) => `module.${name}`);
    for (const options of [{}, { prefix: "encoder." }, { prefix: "module" }, { prefix: "encoder.", partial: true }]) {
      expect(load(wrapped, options)).toBe('pass prefix: "module."');
    }
    expect(load(named(String), { prefix: "module." })).toBe("leave out the prefix");
    const others = named((name) => `${name.startsWith("0") ? "encoder" : "decoder"}.layer.${name}`);
    const cure = 'no name begins with that prefix, only with "encoder.", "decoder."';
    expect(load(others, { prefix: "backbone." })).toBe(cure);
  });

  it("of a class show what to rename", () => {
    const fields: Readonly<Record<string, string>> = { 0: "fc1", 1: "bn1", 2: "fc2" };
    const cure = 'rename the keys of the Map from "fc1", "bn1", "fc2" to the model\'s "0", "1", "2"';
    expect(load(named((name) => name.replace(/^\d/, (path) => fields[path]!)))).toBe(cure);
  });

  it("that match in part leave the choice", () => {
    const partly = new Map([...named(String)].filter(([name]) => !name.startsWith("2")));
    expect(load(partly)).toContain("partial: true");
  });
});
