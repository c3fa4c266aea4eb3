/** Checkpoints: a run that is stopped anywhere and resumed takes the same steps, bit by bit. */
import { describe, expect, it } from "vitest";
import {
  Adam,
  AdamW,
  Batcher,
  BatchNorm,
  checkpoint,
  type Checkpoint,
  Dense,
  type DType,
  type Optimizer,
  Parameter,
  Random,
  ReLU,
  restore,
  Sequential,
  SGD,
  softmaxCrossEntropy,
  Tensor,
} from "../../src/index.js";
import { NoiseInjection } from "../../src/variants/index.js";
import { memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { ordinary } from "../support/samples.js";

const optimizers = {
  SGD: (own: readonly Parameter[]) => new SGD(own, { learningRate: 0.05 }),
  "SGD with momentum": (own: readonly Parameter[]) => new SGD(own, { learningRate: 0.05, momentum: 0.9 }),
  Adam: (own: readonly Parameter[]) => new Adam(own, { learningRate: 0.01, weightDecay: 1e-3 }),
  AdamW: (own: readonly Parameter[]) => new AdamW(own, { learningRate: 0.01 }),
};

/** A run with everything that has a state: batch norm, noise twice, an optimizer, a Batcher, and a stream of the program. */
function start(optimize: (own: readonly Parameter[]) => Optimizer, dtype: DType = "float32") {
  const random = new Random(1);
  const model = new Sequential([
    new Dense({ inputs: 3, outputs: 6, random, dtype }),
    new NoiseInjection({ random }),
    new BatchNorm({ features: 6, dtype }),
    new ReLU(),
    new NoiseInjection({ random }),
    new Dense({ inputs: 6, outputs: 2, random, dtype }),
  ]);
  const input = ordinary([23, 3], new Random(2), dtype);
  const target = Array.from({ length: 23 }, (_, row) => row % 2);
  const batcher = new Batcher({ input, target, batchSize: 5, random });
  return { model, optimizer: optimize(model.parameters), batcher, random };
}

type Run = ReturnType<typeof start>;

/** Takes steps, each also with a draw of the program's own and a schedule, and returns the losses. */
function train({ model, optimizer, batcher, random }: Run, steps: number): number[] {
  const losses: number[] = [];
  while (losses.length < steps) {
    for (const { input, target } of batcher) {
      input.data[0]! += random.normal(0, 0.01);
      const { output, backward } = model.forward(input, { mode: "train" });
      const { loss, gradOutput } = softmaxCrossEntropy(output, target);
      optimizer.step(backward(gradOutput).gradients);
      optimizer.learningRate *= 0.9999;
      losses.push(loss);
      if (losses.length === steps) break;
    }
  }
  return losses;
}

const everything = (run: Run): string => JSON.stringify(checkpoint(run));

describe.each(Object.entries(optimizers))("a run of %s", (_, optimize) => {
  it.each([5, 7])("that is stopped after %i steps takes the same next 1,000 steps", (stop) => {
    const whole = start(optimize);
    train(whole, stop);
    const text = everything(whole);
    const clone = structuredClone(checkpoint(whole));
    // A run in the middle of an epoch goes on with the rest of it, as a resumed one does.
    restore(whole, JSON.parse(text) as Checkpoint);
    const losses = train(whole, 1000);

    for (const saved of [JSON.parse(text) as Checkpoint, clone]) {
      const resumed = start(optimize);
      train(resumed, 3);
      restore(resumed, saved);
      expect(everything(resumed)).toBe(text);
      expect(train(resumed, 1000)).toEqual(losses);
      expect(everything(resumed)).toBe(everything(whole));
    }
  });
});

it("a run without interruption takes the steps of one that is saved and resumed at each of them", () => {
  const losses = train(start(optimizers.Adam, "float64"), 13);
  const run = start(optimizers.Adam, "float64");
  let saved = everything(run);
  const resumed = losses.map(() => {
    const next = start(optimizers.Adam, "float64");
    restore(next, JSON.parse(saved) as Checkpoint);
    const [loss] = train(next, 1);
    saved = everything(next);
    return loss!;
  });
  expect(resumed).toEqual(losses);
});

describe("a checkpoint", () => {
  it("keeps -0, NaN, infinities and the smallest numbers", () => {
    const norm = new BatchNorm({ features: 5, dtype: "float64" });
    const numbers = [-0, NaN, Infinity, -Infinity, 5e-324];
    norm.beta!.update((values) => values.set(numbers));
    norm.runningMean.values.set(numbers);
    const optimizer = new SGD(norm.parameters, { learningRate: 1, momentum: 0.5 });
    optimizer.step(new Map([[norm.gamma!, new Tensor(Float64Array.from(numbers), [5])]]));
    const saved = JSON.parse(JSON.stringify(checkpoint({ model: norm, optimizer }))) as Checkpoint;
    const other = new BatchNorm({ features: 5, dtype: "float64" });
    const second = new SGD(other.parameters, { learningRate: 1, momentum: 0.5 });
    restore({ model: other, optimizer: second }, saved);
    expect([...other.beta!.value.data]).toEqual(numbers);
    expect([...other.runningMean.values]).toEqual(numbers);
    expect(second.memoryOf(other.gamma!)).toEqual(optimizer.memoryOf(norm.gamma!));
    expect(second.memoryOf(other.beta!)).toBeUndefined();
  });

  it("is a copy", () => {
    const run = start(optimizers.Adam);
    train(run, 2);
    const saved = checkpoint(run);
    const text = JSON.stringify(saved);
    train(run, 2);
    expect(JSON.stringify(saved)).toBe(text);
    restore(run, saved);
    train(run, 2);
    expect(JSON.stringify(saved)).toBe(text);
  });

  it("keeps a parameter that is named __proto__", () => {
    const create = (value: number) => {
      const parameter = new Parameter("__proto__", "weight", Tensor.from([value]));
      const model = { parameters: [parameter], statistics: [], forward: () => undefined as never };
      const optimizer = new Adam([parameter], { learningRate: 0.1 });
      optimizer.step(new Map([[parameter, Tensor.from([value])]]));
      return { model, optimizer };
    };
    const [saved, other] = [create(1), create(2)];
    restore(other, JSON.parse(JSON.stringify(checkpoint(saved))) as Checkpoint);
    expect(checkpoint(other)).toEqual(checkpoint(saved));
    expect(other.model.parameters[0]!.value.at(0)).toBe(saved.model.parameters[0]!.value.at(0));
  });
});

/** Replaces the value at a path of keys by another one; undefined deletes it. */
function spoil(saved: Checkpoint, path: string, value: unknown): void {
  const keys = path.split("/");
  let at = saved as unknown as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(at, keys.at(-1)!);
  else if (typeof value === "function") Object.defineProperty(at, keys.at(-1)!, { get: value as () => unknown });
  else at[keys.at(-1)!] = value;
}

describe("restore refuses, and has changed nothing then,", () => {
  it.each<[string, string, unknown, string]>([
    ["no checkpoint", "kind", undefined, "TypeError: restore: undefined | cure"],
    ["a later version", "version", 2, "TypeError: restore: 1 | 2 | cure"],
    ["a missing array", "arrays/2.gamma", undefined, 'TypeError: restore: "2.gamma" | cure'],
    ["another shape", "arrays/2.gamma/shape", [3], 'ShapeError: restore: "2.gamma": [6] | [3]'],
    ["another dtype", "arrays/2.gamma/dtype", "float64", 'TypeError: restore: "2.gamma": float32 | "float64"'],
    ["a word", "arrays/2.gamma/values/1", "one", 'TypeError: restore: "2.gamma": "one" | 1'],
    ["what is no float32", "arrays/2.gamma/values/1", 0.1, 'RangeError: restore: "2.gamma": float32 | 0.1 | 1'],
    ["a variance below 0", "arrays/2.runningVariance/values/0", -1, 'RangeError: restore: "2.runningVariance": 0 | -1'],
    ...([0.5, -1, 1e300, "NaN", "Infinity", "-Infinity"] as const).map((count): [string, string, unknown, string] => [
      `a count of ${count} batches`,
      "arrays/2.batchesTracked/values/0",
      count,
      `RangeError: restore: "2.batchesTracked": whole number | ${count} | 0`,
    ]),
    ["a missing stream", "streams/4.noise", undefined, 'TypeError: restore: "4.noise" | cure'],
    ["a stream of zeros", "streams/4.noise/words", [0, 0, 0, 0], "RangeError: Random.from: words"],
    ["no optimizer", "optimizer", null, "TypeError: restore: optimizer | cure"],
    ["another optimizer", "optimizer/kind", "SGD", 'TypeError: restore: Adam | "SGD"'],
    [
      "half a memory",
      "optimizer/memory/5.bias/arrays/secondMoment",
      undefined,
      'TypeError: restore: "5.bias": "secondMoment" | cure',
    ],
    ["memory without a parameter", "optimizer/memory/6.bias", {}, 'TypeError: restore: "6.bias"'],
    ["a learning rate below 0", "optimizer/learningRate", -1, "RangeError: restore: learningRate | -1"],
    ["a place beyond the epoch", "batcher/batch", 6, "RangeError: Batcher.restore: 5 | 6 | cure"],
    ["half a stream of the program", "random/key", [1], "TypeError: Random.from: key"],
    ["a getter", "arrays/5.bias/values/0", () => undefined, 'TypeError: restore: "5.bias": undefined | 0'],
  ])("%s", async (_, path, value, refusal) => {
    const run = start(optimizers.Adam);
    train(run, 2);
    const saved = JSON.parse(everything(run)) as Checkpoint;
    train(run, 2);
    const before = [everything(run), memoryOf(run.model)];
    spoil(saved, path, value);
    await expectRefusal(() => restore(run, saved), refusal);
    expect([everything(run), memoryOf(run.model)]).toEqual(before);
  });

  it("parts that were not saved, or are not given", async () => {
    const run = start(optimizers.Adam);
    const { model } = run;
    await expectRefusal(() => restore(run, checkpoint({ model })), "TypeError: restore: optimizer | cure");
    await expectRefusal(() => restore({ model }, checkpoint(run)), "TypeError: restore: optimizer | cure");
    await expectRefusal(() => checkpoint({} as never), "TypeError: checkpoint: model");
    await expectRefusal(
      () => checkpoint({ model, optimiser: 1 } as never),
      'TypeError: checkpoint: "optimiser" | cure',
    );
    const alien = new SGD([new Parameter("alien", "weight", Tensor.zeros([1]))], { learningRate: 1 });
    await expectRefusal(() => checkpoint({ model, optimizer: alien }), 'RangeError: checkpoint: SGD | "alien" | cure');
  });
});
