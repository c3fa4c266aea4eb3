/** Freezing: each switch does what it says, alone and with the others, and nothing but `unfreeze` undoes it. */
import { describe, expect, it } from "vitest";
import {
  Adam,
  BatchNorm,
  checkLayer,
  Dense,
  type Kernels,
  type Layer,
  loadStateDict,
  type Mode,
  type Pass,
  plainKernels,
  Random,
  Sequential,
  SGD,
  stateDict,
  type Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm } from "batchnorm/variants";
import { expectBits, expectClose, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { anyGradient, ordinary, settle } from "../support/samples.js";

const SHAPE = [9, 3];
const flags = [false, true];
const switches = flags.flatMap((normalization) =>
  flags.flatMap((updates) => flags.map((parameters) => ({ normalization, updates, parameters }))),
);

/** Two batch norms with the same numbers, of which one is to be frozen, and a batch that is not like those before it. */
function twins(): { frozen: BatchNorm; free: BatchNorm; input: Tensor; gradOutput: Tensor } {
  const [frozen, free] = [0, 1].map(() => {
    return settle(new BatchNorm({ features: 3, dtype: "float64" }), SHAPE, new Random(3));
  }) as [BatchNorm, BatchNorm];
  const random = new Random(4);
  const input = ordinary(SHAPE, random);
  return { frozen, free, input, gradOutput: anyGradient(input, random) };
}

function expectSame(
  actual: BatchNorm,
  expected: BatchNorm,
  input: Tensor,
  gradOutput: Tensor,
  modes: [Mode, Mode],
): void {
  const one = actual.forward(input, { mode: modes[0] });
  const two = expected.forward(input, { mode: modes[1] });
  expectBits("output", one.output.data, two.output.data);
  const [backOne, backTwo] = [one.backward(gradOutput), two.backward(gradOutput)];
  expectBits("gradInput", backOne.gradInput.data, backTwo.gradInput.data);
  expectBits(
    "gradient of gamma",
    backOne.gradients.get(actual.gamma!)!.data,
    backTwo.gradients.get(expected.gamma!)!.data,
  );
  expectBits(
    "gradient of beta",
    backOne.gradients.get(actual.beta!)!.data,
    backTwo.gradients.get(expected.beta!)!.data,
  );
}

describe.each(switches)(
  "freeze($normalization, $updates, $parameters) of normalization, updates, parameters",
  (options) => {
    it("normalizes as documented, forward and backward", () => {
      const { frozen, free, input, gradOutput } = twins();
      frozen.freeze(options);
      expectSame(frozen, free, input, gradOutput, ["probe", options.normalization ? "inference" : "probe"]);
      expectSame(frozen, free, input, gradOutput, ["inference", "inference"]);
      // last, since a training pass may move what the others read
      expectSame(frozen, twins().free, input, gradOutput, ["train", options.normalization ? "inference" : "probe"]);
    });

    it("updates the running statistics only in train, unless they are frozen", () => {
      const { frozen, free, input } = twins();
      frozen.freeze(options);
      const before = memoryOf(frozen);
      for (const mode of ["probe", "inference"] as const) frozen.forward(input, { mode });
      expect(memoryOf(frozen)).toEqual(before);
      frozen.forward(input, { mode: "train" });
      if (options.updates) expect(memoryOf(frozen)).toEqual(before);
      else {
        free.forward(input, { mode: "train" });
        for (const [place, statistic] of free.statistics.entries()) {
          expectBits(statistic.name, frozen.statistics[place]!.values, statistic.values);
        }
        expect(frozen.batchesTracked.values[0]).toBe(3);
      }
    });

    it("lets an optimizer move gamma and beta, unless they are frozen", () => {
      const { frozen, free, input, gradOutput } = twins();
      frozen.freeze(options);
      for (const Optimizer of [SGD, Adam]) {
        const optimizer = new Optimizer(frozen.parameters, { learningRate: 0.1, weightDecay: 0.1 });
        optimizer.step(frozen.forward(input, { mode: "probe" }).backward(gradOutput).gradients);
      }
      const moved = frozen.parameters.map(
        (parameter, place) => parameter.value.at(0) !== free.parameters[place]!.value.at(0),
      );
      expect(moved).toEqual([!options.parameters, !options.parameters]);
    });

    it("has the derivative of its forward pass", async () => {
      const { frozen, input } = twins();
      frozen.freeze(options);
      const report = await checkLayer(frozen, input, { mode: "probe", random: new Random(5) });
      expect(report.verdict, report.text).toBe("agrees");
    });

    it("reports what is frozen, and can be unfrozen", () => {
      const { frozen, free, input, gradOutput } = twins();
      frozen.freeze(options);
      expect(frozen.frozen).toEqual(options);
      expect(frozen.parameters.map((parameter) => parameter.trainable)).toEqual([
        !options.parameters,
        !options.parameters,
      ]);
      frozen.unfreeze();
      expect(frozen.frozen).toEqual({ normalization: false, updates: false, parameters: false });
      expect(frozen.parameters.map((parameter) => parameter.trainable)).toEqual([true, true]);
      expectSame(frozen, free, input, gradOutput, ["train", "train"]);
      expectBits("runningMean", frozen.runningMean.values, free.runningMean.values);
    });
  },
);

describe("a frozen layer", () => {
  /** Dense, BatchNorm, Dense, with statistics; the batch norm is frozen whole. */
  function model(): { model: Layer; norm: BatchNorm } {
    const random = new Random(6);
    const norm = new BatchNorm({ features: 4, dtype: "float64" });
    const layers = [
      new Dense({ inputs: 3, outputs: 4, random, dtype: "float64" }),
      new Sequential([norm]),
      new Dense({ inputs: 4, outputs: 2, random, dtype: "float64" }),
    ];
    const whole = settle(new Sequential(layers), [8, 3], random);
    norm.freeze();
    return { model: whole, norm };
  }

  it("stays frozen inside a model that trains, through passes, steps and loading", () => {
    const { model: whole, norm } = model();
    const random = new Random(7);
    const before = memoryOf(norm);
    const saved = stateDict(whole);
    const optimizer = new SGD(whole.parameters, { learningRate: 0.1, momentum: 0.9, weightDecay: 0.1 });
    for (let step = 0; step < 5; step++) {
      const { output, backward } = whole.forward(ordinary([8, 3], random), { mode: "train" });
      optimizer.step(backward(anyGradient(output, random)).gradients);
    }
    expect(memoryOf(norm)).toEqual(before);
    expect(memoryOf(whole)).not.toEqual(memoryOf(model().model));

    loadStateDict(whole, saved);
    const loaded = memoryOf(norm);
    whole.forward(ordinary([8, 3], random), { mode: "train" });
    expect(memoryOf(norm)).toEqual(loaded);
    expect(norm.frozen).toEqual({ normalization: true, updates: true, parameters: true });
  });

  it("normalizes a batch of one in train, since it uses running statistics", () => {
    const { model: whole } = model();
    const one = ordinary([1, 3], new Random(8));
    expectBits(
      "output",
      whole.forward(one, { mode: "train" }).output.data,
      whole.forward(one, { mode: "inference" }).output.data,
    );
  });

  it("ignores row weights that it does not need", () => {
    const { norm } = model();
    const input = ordinary([5, 4], new Random(9));
    const pass: Pass = { mode: "train", rowWeights: [1, 0, 1, 0, 1] };
    expectBits("output", norm.forward(input, pass).output.data, norm.forward(input, { mode: "inference" }).output.data);
  });

  it("tracks weighted statistics if only the normalization is frozen", () => {
    const { norm } = model();
    norm.freeze({ updates: false });
    const input = ordinary([5, 4], new Random(9));
    const gradOutput = anyGradient(input, new Random(12));
    const masked = norm.forward(input, { mode: "train", rowWeights: [1, 1, 0, 1, 0] });
    const running = model().norm.forward(input, { mode: "inference" });
    expectBits("output", masked.output.data, running.output.data);
    expectBits("gradInput", masked.backward(gradOutput).gradInput.data, running.backward(gradOutput).gradInput.data);
    const { norm: other } = model();
    other.freeze({ updates: false });
    other.forward(input.rows([0, 1, 3]), { mode: "train" });
    expectClose("runningMean", norm.runningMean.values, other.runningMean.values, 1e-14);
    expectClose("runningVariance", norm.runningVariance.values, other.runningVariance.values, 1e-14);
  });

  it("includes batch norms inside other layers", () => {
    const input = ordinary([8, 3], new Random(10));
    for (const layer of [
      new GhostBatchNorm({ features: 3, groupSize: 4, dtype: "float64" }),
      new BatchRenorm({ features: 3, dtype: "float64" }),
    ]) {
      settle(layer, [8, 3], new Random(11));
      const free = layer.forward(input, { mode: "probe" }).output.data;
      layer.norm.freeze({ normalization: false });
      const before = memoryOf(layer);
      expectBits("output", layer.forward(input, { mode: "train" }).output.data, free);
      expect(memoryOf(layer)).toEqual(before);
      layer.norm.freeze();
      expectBits(
        "output",
        layer.forward(input, { mode: "train" }).output.data,
        layer.forward(input, { mode: "inference" }).output.data,
      );
      expect(memoryOf(layer)).toEqual(before);
      layer.norm.unfreeze();
      layer.forward(input, { mode: "train" });
      expect(memoryOf(layer)).not.toEqual(before);
    }
  });
});

describe("refusals", () => {
  it("of unknown switches", async () => {
    const norm = new BatchNorm({ features: 2 });
    for (const [name, value] of [
      ["normalization", 1],
      ["updates", "yes"],
      ["parameters", null],
    ] as const) {
      const got = typeof value === "string" ? `"${value}"` : String(value);
      await expectRefusal(() => norm.freeze({ [name]: value }), `TypeError: BatchNorm.freeze: ${name} | ${got}`);
      expect(norm.frozen).toEqual({ normalization: false, updates: false, parameters: false });
    }
  });

  it("of normalizing with statistics that the layer does not keep", async () => {
    const norm = new BatchNorm({ features: 2, trackRunningStatistics: false });
    await expectRefusal(() => norm.freeze(), "RangeError: BatchNorm.freeze: trackRunningStatistics | false");
    norm.freeze({ normalization: false });
    expect(norm.frozen).toEqual({ normalization: false, updates: true, parameters: true });
  });

  it.each(flags)("of normalizing with statistics that it does not have yet (updates frozen: %s)", async (updates) => {
    const norm = new BatchNorm({ features: 2 });
    norm.freeze({ updates });
    const before = memoryOf(norm);
    await expectRefusal(
      () => norm.forward(ordinary([4, 2], new Random(1), "float32"), { mode: "train" }),
      'RangeError: BatchNorm: "train" | none | cure',
    );
    expect(memoryOf(norm)).toEqual(before);
  });
});

describe("whatever is frozen", () => {
  const modes = ["train", "probe", "inference"] as const satisfies Mode[];

  it.each(switches.flatMap((frozen) => modes.map((mode) => ({ frozen, mode }))))(
    "nothing is computed twice: $frozen in mode $mode",
    ({ frozen, mode }) => {
      const norm = settle(new BatchNorm({ features: 3, dtype: "float64" }), SHAPE, new Random(3));
      norm.freeze(frozen);
      const calls: string[] = [];
      const log = (set: Kernels, name: keyof Kernels): unknown => {
        calls.push(name);
        return Reflect.get(set, name);
      };
      const kernels = new Proxy(plainKernels, { get: log });
      const input = ordinary(SHAPE, new Random(4));
      const { backward } = norm.forward(input, { mode, kernels });
      const usesBatch = mode !== "inference" && !frozen.normalization;
      const tracks = mode === "train" && !frozen.updates;
      const withRunning = tracks ? ["moments", "normalize"] : ["normalize"];
      expect(calls.splice(0)).toEqual(usesBatch ? ["batchNormForward"] : withRunning);
      backward(input);
      expect(calls).toEqual([usesBatch ? "batchNormBackward" : "normalizeBackward"]);
    },
  );
});

describe("a second freeze", () => {
  it("adds to the first one", () => {
    const norm = new BatchNorm({ features: 1 });
    norm.freeze({ updates: false, parameters: false });
    norm.freeze({ normalization: false, parameters: false });
    expect(norm.frozen).toEqual({ normalization: true, updates: true, parameters: false });
    norm.freeze({ normalization: false, updates: false });
    expect(norm.frozen).toEqual({ normalization: true, updates: true, parameters: true });
  });

  it("leaves parameters that the user made untrainable unchanged, as does unfreezing", () => {
    const norm = new BatchNorm({ features: 1 });
    norm.gamma!.trainable = false;
    norm.freeze({ parameters: false });
    expect([norm.gamma!.trainable, norm.beta!.trainable]).toEqual([false, true]);
    norm.freeze();
    norm.freeze();
    norm.unfreeze();
    expect([norm.gamma!.trainable, norm.beta!.trainable]).toEqual([false, true]);
  });
});
