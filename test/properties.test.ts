/**
 * Properties of everything at once: random models, options, inputs and files. Whatever comes in, out comes a right answer or
 * one of the library's own errors, and whatever throws has changed nothing.
 */
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import {
  Adam,
  Batcher,
  BatchNorm,
  checkLayer,
  Dense,
  GroupNorm,
  type Layer,
  LayerNorm,
  LeakyReLU,
  loadStateDict,
  meanSquaredError,
  type Mode,
  Random,
  SGD,
  type StateDict,
  stateDict,
  Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm, NoiseInjection } from "batchnorm/variants";
import { compareModes, foldBatchNorm, gradientCancellation, inspect, recalibrate } from "batchnorm/tools";
import { loadKeras, loadPyTorch, readNpz, readSafetensors, toPyTorch, writeSafetensors } from "batchnorm/formats";
import { expectBits, memoryOf } from "./support/close.js";
import { damaged } from "./support/format-files.js";
import { drawn, everythingIn, network, numbersIn } from "./support/format-models.js";
import { kernelSets } from "./support/kernel-sets.js";
import { randomModel } from "./support/random-models.js";

// Hundreds of runs each, beside other work: no test here is about time.
vi.setConfig({ testTimeout: 120_000 });

/** `who: expected X, got Y`, of one of the three kinds: anything else that is thrown is a crash. */
const OWN =
  /^(TypeError|RangeError|ShapeError): [A-Z]?\w+(\.\w+)?( "[^"]*")?(: "[^"]*")?( for "[^"]*")?: expected [^]+, got [^]+$/;
const seeds = fc.nat({ max: 1e6 });

/** Runs a call; gives what it returned, or undefined when it threw an error of the library's own. */
function answerOf<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    expect(String(error)).toMatch(OWN);
    return undefined;
  }
}

const anything = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 1e-320, 1e308, 2 ** 53, NaN, Infinity, -Infinity, 0.5),
  fc.constantFrom(undefined, null, true, false, "", "float64", "probe", "__proto__", Symbol("s"), 3n),
  fc.constantFrom({}, [], [1, 2], new Map(), new Float32Array(2), () => 1, Object.create(null), new Date(NaN)),
);

function layersIn(model: Layer): Layer[] {
  return [model, ...[...(model.children?.values() ?? [])].flatMap(layersIn)];
}

describe("random models", () => {
  it.each(["probe", "inference"] as const)("have the gradient of their output in mode %s", async (mode) => {
    const verdicts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { model, input, random } = randomModel(seed);
        // BatchRenorm's gradient is on purpose not that of its output: it takes r and d as constants.
        fc.pre(mode === "inference" || !layersIn(model).some((layer) => layer instanceof BatchRenorm));
        const { verdict } = await checkLayer(model, input(9), { mode, random });
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        expect(verdict).not.toBe("differs");
      }),
      { seed: 1, numRuns: 60 },
    );
    // Near a kink or a feature that hardly varies, finite differences cannot tell; that must not be the rule.
    expect(verdicts.get("agrees")).toBeGreaterThan(45);
  });

  it("are restored from JSON and from a file", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [{ model }, { model: byJson }, { model: byFile }] = [
          randomModel(seed),
          randomModel(seed),
          randomModel(seed),
        ];
        drawn(model, new Random(seed));
        loadStateDict(byJson, JSON.parse(JSON.stringify(stateDict(model))) as StateDict);
        loadPyTorch(byFile, readSafetensors(writeSafetensors(toPyTorch(model))));
        numbersIn(model).forEach((numbers, i) => {
          expectBits("by JSON", numbersIn(byJson)[i]!, numbers);
          expectBits("by file", numbersIn(byFile)[i]!, numbers);
        });
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it("give the same output in inference for a row in a batch and alone", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { model, input } = randomModel(seed);
        const x = input(5);
        // By set: the default leaves small calls, as for a single row, to the plain kernels.
        for (const kernels of kernelSets) {
          const all = model.forward(x, { mode: "inference", kernels }).output;
          for (const row of [0, 3]) {
            const { output } = model.forward(x.rows([row]), { mode: "inference", kernels });
            expectBits("row", output.data, all.rows([row]).data);
          }
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it("are unchanged after a tool has refused or inspected their input", () => {
    const inputs = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      width: fc.integer({ min: 1, max: 5 }),
      bad: fc.constantFrom(0, NaN, Infinity, 1e300),
      dtype: fc.constantFrom("float32" as const, "float64" as const),
      right: fc.boolean(),
    });
    let answers = 0;
    fc.assert(
      fc.property(seeds, inputs, (seed, { rows, width, bad, dtype, right }) => {
        const { model, input } = randomModel(seed);
        const x = right ? input(rows) : Tensor.zeros([rows, width], dtype);
        if (bad !== 0) x.data[x.size >> 1] = bad;
        const before = memoryOf(model);
        for (const look of [compareModes, inspect, foldBatchNorm]) if (answerOf(() => look(model, x))) answers++;
        expect(memoryOf(model)).toEqual(before);
        if (answerOf(() => recalibrate(model, [x])) === undefined) expect(memoryOf(model)).toEqual(before);
      }),
      { seed: 4, numRuns: 150 },
    );
    expect(answers).toBeGreaterThan(100);
  });
});

describe("random options", () => {
  const random = (): Random => new Random(1);
  const makers: Readonly<Record<string, readonly [right: object, make: (options: never) => unknown]>> = {
    BatchNorm: [
      {
        features: 3,
        axis: 1,
        epsilon: 1e-5,
        momentum: 0.1,
        scale: true,
        center: true,
        varianceEstimator: "biased",
        dtype: "float32",
      },
      (options) => new BatchNorm(options),
    ],
    Dense: [
      { inputs: 3, outputs: 3, bias: true, initial: "he", random: random(), dtype: "float32" },
      (options) => new Dense(options),
    ],
    LayerNorm: [{ features: 3, epsilon: 1e-5, scale: true, center: true }, (options) => new LayerNorm(options)],
    GroupNorm: [{ groups: 1, features: 3, epsilon: 1e-5 }, (options) => new GroupNorm(options)],
    BatchRenorm: [{ features: 3, axis: 1, epsilon: 1e-5 }, (options) => new BatchRenorm(options)],
    GhostBatchNorm: [{ features: 3, groupSize: 2, axis: 1 }, (options) => new GhostBatchNorm(options)],
    LpNorm: [{ features: 3, p: 1, axis: 1, epsilon: 1e-5, momentum: 0.1 }, (options) => new LpNorm(options)],
    NoiseInjection: [
      { random: random(), axis: 1, meanSpread: 1, largestScale: 2 },
      (options) => new NoiseInjection(options),
    ],
    LeakyReLU: [{ slope: 0.1 }, (options) => new LeakyReLU(options)],
    SGD: [
      { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0, withoutDecay: ["bias"] },
      (options) => new SGD([], options),
    ],
    Adam: [{ learningRate: 0.1, beta1: 0.9, beta2: 0.9, epsilon: 0 }, (options) => new Adam([], options)],
    Batcher: [
      { input: Tensor.zeros([5, 2]), target: [1, 2, 3, 4, 5], batchSize: 2, random: random(), dropLast: true },
      (options) => new Batcher(options),
    ],
  };

  it.each(Object.entries(makers))("of %s create a working layer or are refused with a message", (_, [right, make]) => {
    const names = Object.keys(right);
    expect(() => make(right as never)).not.toThrow();
    let refused = 0;
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    const mode = fc.constantFrom<Mode>("train", "probe", "inference");
    const pass = fc.record({
      mode: fc.oneof({ weight: 4, arbitrary: mode }, anything),
      rowWeights: fc.option(anything, { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 2 }),
        shape,
        pass,
        (changes, sizes, how) => {
          const made = answerOf(() => make({ ...right, ...changes } as never));
          if (made === undefined) refused++;
          const layer = made as Layer | undefined;
          if (layer?.forward === undefined) return;
          const input = Tensor.filled(sizes, 1.5);
          const before = memoryOf(layer);
          const forward = answerOf(() => layer.forward(input, how as never));
          if (forward === undefined) expect(memoryOf(layer)).toEqual(before);
          else if (answerOf(() => forward.backward(forward.output)) !== undefined) {
            expect(forward.backward(forward.output).gradInput.shape).toEqual(input.shape);
          }
        },
      ),
      { seed: 5, numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  it("in place of any argument of a computing public function are refused with a message", () => {
    fc.assert(
      fc.property(anything, anything, anything, (a, b, c) => {
        const model = new BatchNorm({ features: 1 });
        const input = Tensor.zeros([2, 1]);
        for (const call of [
          () => Tensor.from(a as never, b as never),
          () => Tensor.zeros(a as never, b as never),
          () => new Random(a as never),
          () => compareModes(a as never, b as never, c as never),
          () => compareModes(model, input, c as never),
          () => recalibrate(a as never, b as never, c as never),
          () => recalibrate(model, b as never),
          () => foldBatchNorm(a as never, b as never, c as never),
          () => gradientCancellation(model, a as never, meanSquaredError, b as never),
          () => gradientCancellation(a as never, { input, target: input }, b as never, c as never),
          () => inspect(a as never, b as never, c as never),
          () => inspect(model, input, { optimizer: c as never }),
          () => loadStateDict(a as never, b as never),
          () => loadStateDict(model, b as never),
          () => loadPyTorch(model, b as never, c as never),
          () => loadKeras(model, b as never, c as never),
          () => readSafetensors(a as never),
          () => readNpz(a as never),
          () => meanSquaredError(a as never, b as never, c as never),
          () => model.freeze(a as never),
        ]) {
          answerOf(call);
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });
});

describe("damaged weights", () => {
  const file = (name: string): Uint8Array => readFileSync(new URL(`golden/formats/${name}`, import.meta.url));

  /** Loads all of it or nothing; a prototype stays as it was. */
  function allOrNothing(load: (model: Layer) => void): void {
    const model = drawn(network(new Random(1), "float64"), new Random(2));
    const before = everythingIn(model);
    if (answerOf(() => (load(model), true)) === undefined) expect(everythingIn(model)).toEqual(before);
    else expect(numbersIn(model).every((numbers) => numbers.every((value) => Number.isFinite(value)))).toBe(true);
    expect(Object.keys(Object.prototype)).toEqual([]);
  }

  it.each([
    ["network-float64.safetensors", (bytes: Uint8Array, model: Layer) => loadPyTorch(model, readSafetensors(bytes))],
    ["network-float64.npz", (bytes: Uint8Array, model: Layer) => loadPyTorch(model, readNpz(bytes))],
    ["keras-ordered.npz", (bytes: Uint8Array, model: Layer) => loadKeras(model, readNpz(bytes), { cast: true })],
  ])("in %s are loaded completely or not at all", (name, load) => {
    const bytes = file(name);
    fc.assert(
      fc.property(damaged(bytes), (broken) => allOrNothing((model) => load(broken, model))),
      { seed: 7, numRuns: 300 },
    );
  });

  it("in a JSON state are loaded completely or not at all", () => {
    const state = stateDict(drawn(network(new Random(1), "float64"), new Random(3)));
    const paths = Object.keys(state);
    const change = fc.record({
      path: fc.constantFrom(...paths, "__proto__", "constructor"),
      part: fc.constantFrom("shape", "dtype", "values", "all"),
      value: anything,
    });
    let loaded = 0;
    fc.assert(
      fc.property(fc.array(change, { maxLength: 2 }), (changes) => {
        const broken: Record<string, unknown> = { ...state };
        for (const { path, part, value } of changes) {
          const entry = { ...(state[path] ?? {}), [part]: value as unknown };
          Object.defineProperty(broken, path, {
            value: part === "all" ? (value as unknown) : entry,
            enumerable: true,
            configurable: true,
          });
        }
        allOrNothing((model) => {
          loadStateDict(model, broken as StateDict);
          loaded++;
        });
      }),
      { seed: 8, numRuns: 300 },
    );
    expect(loaded).toBeGreaterThan(20);
  });

  it("with __proto__ as an own key, as JSON.parse creates it, are refused", () => {
    const text = JSON.stringify(stateDict(new BatchNorm({ features: 1 })));
    const state = JSON.parse(text.replace("{", '{"__proto__":{"polluted":true},')) as StateDict;
    expect(() => loadStateDict(new BatchNorm({ features: 1 }), state)).toThrow('an unknown "__proto__"');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
