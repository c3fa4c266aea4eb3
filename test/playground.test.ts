/** The playground without its page: settings and their address, data, training core, measurements. The page's tests are in test/browser. */
import fc from "fast-check";
import { BatchNorm, parametersByPath, Random, SGD, softmaxCrossEntropy, Tensor } from "batchnorm";
import { describe, expect, it } from "vitest";
import { layoutUnits, unitAt } from "../examples/playground/charts/plane.js";
import { rgb } from "../examples/playground/charts/picture.js";
import { makeTask, moved } from "../examples/playground/experiment/data.js";
import { DIVERGED_LOSS, Experiment, type StepRecord } from "../examples/playground/experiment/experiment.js";
import {
  distributionsOf,
  landscapeOf,
  type LayerShift,
  layerShifts,
  runningAgainstBatch,
} from "../examples/playground/experiment/measure.js";
import { buildNetwork } from "../examples/playground/experiment/network.js";
import { accuracyFor, batchRows, freezeStatistics, planeOf } from "../examples/playground/experiment/predict.js";
import { PRESETS } from "../examples/playground/experiment/presets.js";
import { GRID, PLANE } from "../examples/playground/experiment/scales.js";
import {
  ACTIVATIONS,
  DATA_SETS,
  DEFAULTS,
  formatSettings,
  KINDS,
  parseSettings,
  PREDICTIONS,
  RANGES,
  rateAt,
  type Settings,
  withRate,
} from "../examples/playground/experiment/settings.js";
import { isStuck } from "../examples/playground/experiment/stuck.js";
import { unitNumbers } from "../examples/playground/experiment/unit.js";
import { valueAt } from "../examples/playground/page/controls.js";
import { csvOf } from "../examples/playground/page/export.js";
import { History } from "../examples/playground/page/history.js";

const small: Settings = { ...DEFAULTS, depth: 2, width: 4, batchSize: 16 };

async function run(experiment: Experiment, steps: number): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  for (let i = 0; i < steps; i++) records.push(await experiment.advance());
  return records;
}

describe("settings in a URL", () => {
  it("contain only what differs from the defaults", () => {
    expect(formatSettings(DEFAULTS)).toBe("");
    const rates = [
      { step: 0, rate: 0.1 },
      { step: 150, rate: 2 },
    ];
    expect(formatSettings({ ...DEFAULTS, data: "xor", rates })).toBe("data=xor&rate=0.1,2@150");
  });

  it("are restored from the URL, whatever they are", () => {
    const oneOf = <T>(words: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...words);
    const settings = fc.record({
      ...{ data: oneOf(DATA_SETS), left: oneOf(KINDS), right: oneOf(KINDS), activation: oneOf(ACTIVATIONS) },
      ...{ noise: fc.double({ min: 0, max: 0.5, noNaN: true }), depth: fc.integer({ min: 1, max: 8 }) },
      ...{ width: fc.integer({ min: 2, max: 64 }), batchSize: fc.integer({ min: 2, max: 256 }) },
      ...{
        momentum: fc.double({ min: 0.01, max: 1, noNaN: true }),
        epsilon: fc.double({ min: 1e-8, max: 1, noNaN: true }),
      },
      ...{ seed: fc.integer({ min: 0, max: 999_999 }), predict: oneOf(PREDICTIONS) },
      shift: fc.double({ min: 0, max: 1.5, noNaN: true }),
      rates: fc
        .uniqueArray(fc.integer({ min: 1, max: 9999 }), { maxLength: 4 })
        .chain((steps) =>
          fc.tuple(
            ...[0, ...steps.sort((a, b) => a - b)].map((step) =>
              fc.double({ min: 0.001, max: 10, noNaN: true }).map((rate) => ({ step, rate })),
            ),
          ),
        ),
    });
    // An address knows no -0.
    fc.assert(
      fc.property(settings, (given) => {
        const { settings: back, notes } = parseSettings(formatSettings(given));
        expect(notes).toEqual([]);
        for (const [name, value] of Object.entries(given)) {
          expect(JSON.stringify(back[name as keyof Settings])).toBe(JSON.stringify(value));
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each([
    ["data=suns", "data: expected one of moons, spirals, circles, xor, digits, got “suns”; using the default"],
    ["depth=9", "depth: expected a whole number from 1 to 8, got “9”; using the default"],
    ["depth=2.5", "depth: expected a whole number from 1 to 8, got “2.5”; using the default"],
    ["seed=", "seed: expected a whole number from 0 to 999999, got “”; using the default"],
    ["epsilon=NaN", "epsilon: expected a number from 1e-8 to 1, got “NaN”; using the default"],
    [
      "rate=0",
      "rate: expected a number from 0.001 to 10, optionally followed by changes as in 0.1,2@150, got “0”; using the default",
    ],
    [
      "rate=1@5",
      "rate: expected a number from 0.001 to 10, optionally followed by changes as in 0.1,2@150, got “1@5”; using the default",
    ],
    [
      "rate=1,2@9,3@9",
      "rate: expected a number from 0.001 to 10, optionally followed by changes as in 0.1,2@150, got “1,2@9,3@9”; using the default",
    ],
    [
      "rate=1,2@3@4",
      "rate: expected a number from 0.001 to 10, optionally followed by changes as in 0.1,2@150, got “1,2@3@4”; using the default",
    ],
    ["rates=1", "rates: unknown setting; ignored"],
    ["toString=1", "toString: unknown setting; ignored"],
  ])("%s gives the defaults and a note", (text, note) => {
    expect(parseSettings(text)).toEqual({ settings: DEFAULTS, notes: [note] });
  });

  it("are read even if one of them is invalid", () => {
    const { settings, notes } = parseSettings("width=8&depth=no&seed=7");
    expect(settings).toEqual({ ...DEFAULTS, width: 8, seed: 7 });
    expect(notes).toHaveLength(1);
  });

  it("apply learning rates from their step on", () => {
    const rates = withRate(withRate(DEFAULTS.rates, 10, 2), 20, 3);
    expect([0, 9, 10, 19, 20, 99].map((step) => rateAt(rates, step))).toEqual([0.5, 0.5, 2, 2, 3, 3]);
    expect(withRate(rates, 20, 4)).toEqual([...rates.slice(0, 2), { step: 20, rate: 4 }]);
    expect(withRate(rates, 10, 0.5)).toEqual(DEFAULTS.rates);
    expect(withRate(rates, 0, 1)).toEqual([{ step: 0, rate: 1 }]);
  });

  it("are valid and distinct for all presets", () => {
    const texts = PRESETS.map(({ settings }) => formatSettings(settings));
    expect(new Set(texts).size).toBe(6);
    for (const text of texts) expect(parseSettings(text).notes).toEqual([]);
  });
});

describe("the data", () => {
  it.each(DATA_SETS)("for %s has every class and different training and test samples", (data) => {
    const { train, test, features, classes } = makeTask(data, 0.1, new Random(1));
    for (const { inputs, labels } of [train, test]) {
      expect(inputs.shape).toEqual([labels.length, features]);
      expect(new Set(labels).size).toBe(classes);
    }
    expect(train.inputs.data.slice(0, features)).not.toEqual(test.inputs.data.slice(0, features));
  });

  it("has points on their curves without noise", () => {
    const radii = (data: "moons" | "circles" | "spirals" | "xor"): number[][] => {
      const { inputs, labels } = makeTask(data, 0, new Random(2)).train;
      return labels.map((label, i) => [label, inputs.at(i, 0), inputs.at(i, 1)]);
    };
    for (const [label, x, y] of radii("moons")) {
      const [dx, dy] = label === 0 ? [x! + 0.5, y! + 0.25] : [x! - 0.5, 0.25 - y!];
      expect(Math.hypot(dx, dy)).toBeCloseTo(1, 5);
      expect(dy).toBeGreaterThan(-1e-6);
    }
    for (const [label, x, y] of radii("circles")) {
      const radius = Math.hypot(x!, y!);
      expect(label === 0 ? radius <= 0.7 : radius >= 1.1 - 1e-6 && radius <= 1.7 + 1e-6).toBe(true);
    }
    for (const [label, x, y] of radii("xor")) expect(Math.sign(x! * y!)).toBe(label === 0 ? 1 : -1);
    // Along an arm of the spirals the angle grows with the radius: 0.02 (atan 0.01 twice) every 1/512 of 1.7.
    for (const [label, x, y] of radii("spirals")) {
      const radius = Math.hypot(x!, y!);
      const step = Math.floor((radius / 1.7) * 512 + 1e-3);
      const angle = step * 2 * Math.atan(0.01) + (label === 0 ? 0 : Math.PI);
      expect(x!).toBeCloseTo(radius * Math.cos(angle), 1);
      expect(y!).toBeCloseTo(radius * Math.sin(angle), 1);
    }
  });

  it("moves as a whole when shifted", () => {
    const samples = { inputs: Tensor.from([[1, 2]]), labels: [0] };
    expect(moved(samples, 0.5).inputs.toNested()).toEqual([[1.5, 2.5]]);
    expect(samples.inputs.toNested()).toEqual([[1, 2]]);
  });
});

describe("the networks", () => {
  const build = (kind: Settings["left"]): ReturnType<typeof buildNetwork> =>
    buildNetwork({ ...small, kind, inputs: 2, outputs: 2 }, new Random(3));

  it.each(KINDS)("%s starts from the same weights as plain, and its probes have the right paths", (kind) => {
    const { model, hidden } = build(kind);
    const weights = (network: ReturnType<typeof build>): unknown[] =>
      [...parametersByPath(network.model).values()]
        .filter(({ role }) => role === "weight")
        .map(({ value }) => value.data);
    expect(weights({ model, hidden })).toEqual(weights(build("plain")));
    const kindAt = (place: number | undefined): string | undefined =>
      model.children.get(String(place))?.constructor.name;
    for (const { dense, norm, preActivation, activation } of hidden) {
      expect(kindAt(dense)).toBe("Dense");
      expect(kindAt(activation)).toBe("Sigmoid");
      expect(preActivation).toBe(activation - 1);
      const expected = { plain: undefined, batch: "BatchNorm", noisy: "BatchNorm", layer: "LayerNorm", l1: "LpNorm" };
      expect(kindAt(norm)).toBe(kind === "ghost" ? "GhostBatchNorm" : expected[kind]);
      expect(kindAt(preActivation)).toBe(kind === "noisy" ? "NoiseInjection" : (kindAt(norm) ?? "Dense"));
    }
  });
});

describe("an experiment", () => {
  it("gives the same bits for the same settings, and different ones for another seed", async () => {
    const [first, again, other] = await Promise.all(
      [small, small, { ...small, seed: 2 }].map(async (settings) =>
        JSON.stringify(await run(new Experiment(settings), 45)),
      ),
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it("trains like a plain loop: measuring along the way changes nothing", async () => {
    const records = await run(new Experiment(small), 45);
    const random = new Random(small.seed);
    const { train } = makeTask("moons", 0.1, random.fork("data"));
    const losses = (["plain", "batch"] as const).map((kind) => {
      const { model } = buildNetwork({ ...small, kind, inputs: 2, outputs: 2 }, random.fork("weights"));
      const optimizer = new SGD(model.parameters, { learningRate: 0.5 });
      const batches = random.fork("batches");
      const stream = batches.fork(`batcher ${batches.integer(2 ** 32)}`); // as a Batcher draws its own
      const found: number[] = [];
      for (let epoch = 0; found.length < 45; epoch++) {
        const order = stream.permutation(512);
        for (let start = 0; start < 512 && found.length < 45; start += 16) {
          const rows = Array.from(order.subarray(start, start + 16));
          const { output, backward } = model.forward(train.inputs.rows(rows), { mode: "train" });
          const { loss, gradOutput } = softmaxCrossEntropy(
            output,
            rows.map((row) => train.labels[row]!),
          );
          optimizer.step(backward(gradOutput).gradients);
          found.push(loss);
        }
      }
      return found;
    });
    expect([0, 1].map((side) => records.map((record) => record.losses[side]))).toEqual(losses);
  });

  it("measures when it is due", async () => {
    const records = await run(new Experiment(small), 61);
    const stepsWith = (name: keyof StepRecord): number[] =>
      records.filter((record) => record[name]).map(({ step }) => step);
    const tens = [0, 10, 20, 30, 40, 50, 60];
    for (const name of ["accuracies", "distributions", "running"] as const) expect(stepsWith(name)).toEqual(tens);
    expect(stepsWith("landscapes")).toEqual([0, 40]);
    expect(stepsWith("shifts")).toEqual([20, 60]);
  });

  it("treats a learning rate set while it runs like a planned one", async () => {
    const live = new Experiment(small);
    const first = await run(live, 7);
    live.setRate(3);
    const rest = await run(live, 20);
    const planned = new Experiment({ ...small, rates: [{ step: 0, rate: 0.5 }, { step: 7, rate: 3 }] }); // prettier-ignore
    expect(live.rates).toEqual([{ step: 0, rate: 0.5 }, { step: 7, rate: 3 }]); // prettier-ignore
    expect(JSON.stringify([...first, ...rest])).toBe(JSON.stringify(await run(planned, 27)));
  });

  it("reports which network diverged and continues with the other", async () => {
    const settings: Settings = { ...small, depth: 6, width: 32, activation: "relu", rates: [{ step: 0, rate: 3 }] };
    const experiment = new Experiment(settings);
    const records = await run(experiment, 60);
    const [plain, batch] = experiment.divergedAt;
    expect(plain).not.toBeNull();
    expect(batch).toBeNull();
    expect(records.map(({ losses }) => losses[0] === null)).toEqual(records.map(({ step }) => step >= plain!));
    for (const { losses } of records) expect(losses[0] ?? 0).toBeLessThanOrEqual(DIVERGED_LOSS);
    expect(experiment.views().map((view) => view === null)).toEqual([true, false]);
    expect(experiment.unitOf(0, 0, 0)).toBeNull();
    expect(records.at(50)!.accuracies![0]).toBeNull();
    expect(records.at(50)!.accuracies![1]).toBeGreaterThan(0.4);
  });

  it("does not fail for any settings", async () => {
    const edges = [
      ...["noise", "depth", "width", "batchSize", "momentum", "epsilon", "shift"].map((name) => {
        const { low, high } = RANGES[name as keyof typeof RANGES];
        return fc.record({ [name]: fc.constantFrom(low, high) });
      }),
      fc.record({ rates: fc.constantFrom(0.001, 0.3, 10).map((rate) => [{ step: 0, rate }]) }),
      fc.record({ left: fc.constantFrom(...KINDS), right: fc.constantFrom(...KINDS) }),
      fc.record({ data: fc.constantFrom(...DATA_SETS), activation: fc.constantFrom(...ACTIVATIONS) }),
      fc.record({ predict: fc.constantFrom(...PREDICTIONS) }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.tuple(...edges), async (parts) => {
        const settings = { ...DEFAULTS, ...(Object.assign({}, ...parts) as Partial<Settings>) };
        const experiment = new Experiment(settings);
        await run(experiment, 22);
        experiment.views();
        experiment.accuracies();
        for (const side of [0, 1]) experiment.unitOf(side, settings.depth - 1, settings.width - 1);
        expect(experiment.step).toBe(22);
      }),
      { seed: 1, numRuns: 8 },
    );
  }, 60_000);

  it("shifts only the test data", async () => {
    const [still, shifted] = [new Experiment(small), new Experiment({ ...small, shift: 1.5 })];
    const losses = async (experiment: Experiment): Promise<unknown> =>
      (await run(experiment, 20)).map((record) => record.losses);
    expect(await losses(shifted)).toEqual(await losses(still));
    expect(shifted.test.inputs.at(3, 1)).toBeCloseTo(still.test.inputs.at(3, 1) + 1.5, 6);
    expect(shifted.accuracies()).not.toEqual(still.accuracies());
    still.setTest("inference", 1.5);
    expect(still.accuracies()).toEqual(shifted.accuracies());
  });
});

describe("a network that does not learn", () => {
  const stuckAfter = async (address: string, steps: number): Promise<readonly boolean[]> => {
    const experiment = new Experiment(parseSettings(address).settings);
    const history = new History();
    for (const record of await run(experiment, steps)) history.add(record);
    history.divergedAt = experiment.divergedAt;
    return history.stuck(experiment.task.classes);
  };

  it.each([
    ["seed=1", [true, false]],
    ["seed=2", [true, false]],
    ["seed=3", [true, false]],
    ["data=digits&depth=5&width=64&rate=2&seed=1", [true, false]],
    ["data=digits&depth=5&width=64&rate=2&seed=2", [true, false]],
    ["data=digits&depth=5&width=64&rate=2&seed=3", [true, false]],
    ["data=digits&width=64&depth=3&rate=2&activation=relu", [true, false]],
    ["depth=8&right=layer", [true, true]],
    ["left=noisy&right=l1", [false, false]],
  ])("is marked as stuck within 100 steps: %s", async (address, stuck) => {
    expect(await stuckAfter(address, 100)).toEqual(stuck);
  });

  it.each(["rate=0.001&depth=2", "data=digits&rate=0.001&activation=tanh", "data=spirals&activation=tanh&rate=0.1"])(
    "is not marked if it only learns slowly: %s",
    async (address) => expect(await stuckAfter(address, 100)).toEqual([false, false]),
  );

  it("is no longer marked when it has escaped or diverged", async () => {
    expect(await stuckAfter("data=digits&depth=3&width=16&rate=2", 100)).toEqual([true, false]);
    expect(await stuckAfter("data=digits&depth=3&width=16&rate=2", 700)).toEqual([false, false]);
    expect(await stuckAfter("depth=6&activation=relu&rate=10&right=plain", 100)).toEqual([false, false]);
  });

  it("needs both a loss at guessing and a vanished gradient, over at least 40 steps", () => {
    const shift = (gradientNorm: number): LayerShift[] => [
      { gradientNorm, difference: 0, cosine: 1 },
      { gradientNorm: 1, difference: 0, cosine: 1 },
    ];
    const losses = (count: number, loss: number): number[] => new Array<number>(count).fill(loss);
    expect(isStuck(losses(40, Math.LN2), shift(0.01), 2)).toBe(true);
    expect(isStuck(losses(39, Math.LN2), shift(0.01), 2)).toBe(false);
    expect(isStuck(losses(40, 0.9 * Math.LN2), shift(0.01), 2)).toBe(false);
    expect(isStuck(losses(40, Math.LN2), shift(0.1), 2)).toBe(false);
    expect(isStuck(losses(40, Math.LN2), undefined, 2)).toBe(false);
    expect(isStuck([...losses(40, 0.1), ...losses(40, Math.LN2)], shift(0.01), 2)).toBe(true);
    expect(isStuck(losses(40, Math.LN2), shift(0.01), 10)).toBe(false);
  });
});

describe("predictions", () => {
  it("use batches that contain every row once, and no batch of one", () => {
    expect(batchRows(7, 3)).toEqual([
      [0, 1, 2],
      [3, 4, 5, 6],
    ]);
    expect(batchRows(8, 3).map((rows) => rows.length)).toEqual([3, 3, 2]);
    expect(batchRows(6, 3).flat()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(batchRows(2, 256)).toEqual([[0, 1]]);
  });

  it.each(["batch", "l1"] as const)("of %s with frozen statistics equal those in the batch", (kind) => {
    const random = new Random(4);
    const how = { ...small, kind, inputs: 2, outputs: 2 };
    const [network, frozen] = [
      buildNetwork(how, random),
      buildNetwork({ ...how, momentum: 1, varianceEstimator: "biased" }, random),
    ];
    const batch = Tensor.normal([64, 2], { random });
    network.model.forward(Tensor.normal([64, 2], { random, mean: 3 }), { mode: "train" });
    freezeStatistics(network, frozen, batch);
    const wanted = network.model.forward(batch, { mode: "probe" }).output;
    const found = frozen.model.forward(batch, { mode: "inference" }).output;
    const inference = network.model.forward(batch, { mode: "inference" }).output;
    const distance = (other: Tensor): number =>
      Math.max(...other.data.map((value, i) => Math.abs(value - wanted.data[i]!)));
    expect(distance(found)).toBeLessThan(1e-6);
    expect(distance(inference)).toBeGreaterThan(1e-2);
  });

  it("have their accuracy counted over all batches, each with its own statistics", () => {
    const network = buildNetwork({ ...small, kind: "batch", inputs: 2, outputs: 2 }, new Random(5));
    const { test } = makeTask("moons", 0.1, new Random(5));
    let right = 0;
    for (let start = 0; start < 512; start += 8) {
      const rows = Array.from({ length: 8 }, (_, i) => start + i);
      const { output } = network.model.forward(test.inputs.rows(rows), { mode: "probe" });
      right += rows.filter((row, i) => (output.at(i, 1) > output.at(i, 0) ? 1 : 0) === test.labels[row]).length;
    }
    expect(accuracyFor(network, test, 8)).toBeCloseTo(right / 512, 12);
  });

  it("cover the plane from the upper left, row by row", () => {
    const network = buildNetwork({ ...small, kind: "plain", inputs: 2, outputs: 2 }, new Random(6));
    const { probabilities, units } = planeOf(network);
    const at = (column: number, line: number): number => {
      const place = (i: number): number => PLANE * ((2 * i + 1) / GRID - 1);
      const { output } = network.model.forward(Tensor.from([[place(column), -place(line)]]), { mode: "probe" });
      return 255 / (1 + Math.exp(output.at(0, 0) - output.at(0, 1)));
    };
    for (const [column, line] of [
      [0, 0],
      [39, 0],
      [7, 31],
    ] as const)
      // prettier-ignore
      expect(Math.abs(probabilities[line * GRID + column]! - at(column, line))).toBeLessThan(1.01);
    expect(units).toHaveLength(2 * 4 * 400);
    for (let unit = 0; unit < 8; unit++) {
      const values = units.subarray(400 * unit, 400 * (unit + 1));
      expect([Math.min(...values), Math.max(...values)]).toEqual([0, 255]);
    }
  });
});

describe("measurements", () => {
  const network = buildNetwork({ ...small, kind: "batch", inputs: 2, outputs: 2 }, new Random(7));
  const { train } = makeTask("moons", 0.1, new Random(7));
  const batch = { inputs: train.inputs.rows([...Array(64).keys()]), labels: train.labels.slice(0, 64) };

  it("take hidden values before the activation", () => {
    const layer = distributionsOf(network, batch.inputs)[0]!;
    const norm = network.model.children.get("1") as BatchNorm;
    const first = network.model.children.get("0")!.forward(batch.inputs, { mode: "probe" }).output;
    const { output } = norm.forward(first, { mode: "probe" });
    const unit = Array.from({ length: 64 }, (_, n) => output.at(n, 2)).sort((a, b) => a - b);
    expect(layer.units.slice(10, 15)[2]).toBeCloseTo((unit[31]! + unit[32]!) / 2, 6);
    const all = [...output.data].sort((a, b) => a - b);
    expect(layer.percentiles[2]).toBeCloseTo((all[127]! + all[128]!) / 2, 6);
    expect(layer.counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0.98 * 256);
    expect(layer.low).toBeGreaterThan(all[0]!);
  });

  it("put running statistics with momentum 1 on the diagonal", () => {
    const fresh = buildNetwork({ ...small, kind: "batch", momentum: 1, inputs: 2, outputs: 2 }, new Random(7));
    expect(runningAgainstBatch(fresh, batch.inputs)[0]!.runningSpread).toEqual([1, 1, 1, 1]);
    fresh.model.forward(batch.inputs, { mode: "train" });
    for (const { runningMean, batchMean, runningSpread, batchSpread } of runningAgainstBatch(fresh, batch.inputs)) {
      for (const unit of [0, 1, 2, 3]) {
        expect(runningMean[unit]).toBeCloseTo(batchMean[unit]!, 6);
        expect(runningSpread[unit]).toBeCloseTo(batchSpread[unit]!, 6);
      }
    }
    const others = (["plain", "layer"] as const).map((kind) =>
      buildNetwork({ ...small, kind, inputs: 2, outputs: 2 }, new Random(7)),
    );
    for (const other of others) expect(runningAgainstBatch(other, batch.inputs)).toEqual([]);
  });

  it("find no shift below the first layer, and start the landscape at the loss", async () => {
    const shifts = (await layerShifts(network, batch, 0.5))!;
    expect(shifts).toHaveLength(3);
    expect(shifts[0]).toMatchObject({ difference: 0, cosine: 1 });
    expect(shifts[2]!.difference).toBeGreaterThan(0);
    const { loss, losses } = (await landscapeOf(network, batch, 1e-3))!;
    const { output } = network.model.forward(batch.inputs, { mode: "probe" });
    expect(loss).toBeCloseTo(softmaxCrossEntropy(output, batch.labels).loss, 5);
    expect(losses[0]).toBeCloseTo(loss, 3);
  });

  it("are null for a network with NaN, and do not hide other errors", async () => {
    const broken = buildNetwork({ ...small, kind: "plain", inputs: 2, outputs: 2 }, new Random(7));
    broken.model.parameters[0]!.update((values) => values.fill(NaN));
    expect(distributionsOf(broken, batch.inputs)).toEqual([null, null]);
    expect(await landscapeOf(broken, batch, 0.5)).toBeNull();
    expect(await layerShifts(broken, batch, 0.5)).toBeNull();
    await expect(landscapeOf(network, { ...batch, labels: [0] }, 0.5)).rejects.toThrow("labels");
  });

  it("show the library's numbers for a unit, whose dx sums to 0", () => {
    for (const kind of ["batch", "noisy"] as const) {
      const { model, hidden } = buildNetwork({ ...small, kind, inputs: 2, outputs: 2 }, new Random(8));
      model.parameters.find(({ name }) => name === "gamma")!.update((values) => values.fill(1.5));
      const found = unitNumbers({ model, hidden }, batch, 0, 2)!;
      expect(found.gamma).toBe(1.5);
      expect(found.rows).toHaveLength(64);
      for (const row of found.rows) {
        expect(row.y).toBeCloseTo(1.5 * row.xhat + found.beta, 5);
        expect(Math.abs(row.dx - row.libraryDx)).toBeLessThan(1e-5 * found.largestDx);
      }
      const sum = found.rows.reduce((total, row) => total + row.dx, 0);
      expect(Math.abs(sum)).toBeLessThan(1e-12 * 64);
      expect(found.largestDx).toBeGreaterThan(0);
    }
    const plain = buildNetwork({ ...small, kind: "plain", inputs: 2, outputs: 2 }, new Random(8));
    expect(unitNumbers(plain, batch, 0, 0)).toBeNull();
  });
});

describe("the page", () => {
  it("has a logarithmic slider with round stops", () => {
    const rate = { kind: "slider", low: 0.001, high: 10, positions: 80, log: true } as const;
    expect([0, 20, 40, 54, 60, 66, 80].map((position) => valueAt(rate, position))).toEqual([
      0.001, 0.01, 0.1, 0.5, 1, 2, 10,
    ]);
    const batch = { kind: "slider", low: 2, high: 256, positions: 7, log: true, whole: true } as const;
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((position) => valueAt(batch, position))).toEqual([
      2, 4, 8, 16, 32, 64, 128, 256,
    ]);
  });

  it("finds the unit clicked on, and none for a click in between", () => {
    const layout = layoutUnits(2, 20, 160);
    expect(layout).toMatchObject({ columns: 16, lines: 2, cell: 10, height: 50 });
    expect(unitAt(layout, 155, 5, 2, 20)).toEqual({ layer: 0, unit: 15 });
    expect(unitAt(layout, 31, 15, 2, 20)).toEqual({ layer: 0, unit: 19 });
    expect(unitAt(layout, 45, 15, 2, 20)).toBeUndefined();
    expect(unitAt(layout, 5, 22, 2, 20)).toBeUndefined();
    expect(unitAt(layout, 5, 26, 2, 20)).toEqual({ layer: 1, unit: 0 });
  });

  it("reads colors as the style sheet or its minified form writes them", () => {
    expect(rgb("#c04e00")).toEqual([192, 78, 0]);
    expect(rgb("#fff")).toEqual(rgb("#ffffff"));
    expect(rgb("#1af")).toEqual([17, 170, 255]);
  });

  it("quotes CSV fields where necessary", async () => {
    const text = await csvOf([["step", 'a "b", c'], [1, null], [2, Infinity]]).text(); // prettier-ignore
    expect(text).toBe('step,"a ""b"", c"\r\n1,\r\n2,Infinity\r\n');
  });
});
