/** recalibrate: running statistics by value, in both orders, over models of any kind; and nothing changed by what throws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterPass,
  BatchNorm,
  Dense,
  type Forward,
  type Layer,
  type Pass,
  Random,
  ReLU,
  RunningStatistic,
  Sequential,
  Tensor,
} from "batchnorm";
import { BatchRenorm, BatchRMSNorm, DynamicTanh, GhostBatchNorm, LpNorm, MeanOnlyNorm } from "batchnorm/variants";
import { recalibrate, type RecalibrateOptions } from "batchnorm/tools";
import { expectClose, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { randomModel } from "../support/random-models.js";
import { ordinary, settle } from "../support/samples.js";

const orders = ["layer by layer", "one pass"] as const;
const parameters = (model: Layer): unknown => model.parameters.map(({ version, value }) => [version, [...value.data]]);

/** Mean and variance of each column, from the definition. */
function columnStatistics(
  rows: readonly (readonly number[])[],
  unbiased: boolean,
): { mean: number[]; variance: number[] } {
  const columns = rows[0]!.map((_, c) => rows.map((row) => row[c]!));
  const mean = columns.map((values) => values.reduce((sum, x) => sum + x, 0) / values.length);
  const variance = columns.map((values, c) => {
    return values.reduce((sum, x) => sum + (x - mean[c]!) ** 2, 0) / (values.length - (unbiased ? 1 : 0));
  });
  return { mean, variance };
}

function nested(tensor: Tensor): number[][] {
  return tensor.toNested() as number[][];
}

/** The rows of a batch; of images [N, C, H, W], one row of channels per pixel. */
function rowsOf(input: Tensor): number[][] {
  if (input.shape.length === 2) return nested(input);
  const [samples, channels] = input.shape as [number, number];
  const area = input.size / samples / channels;
  return Array.from({ length: samples * area }, (_, i) => {
    const first = Math.floor(i / area) * channels * area + (i % area);
    return Array.from({ length: channels }, (_, c) => input.data[first + c * area]!);
  });
}

/** All rows that enter each layer without children, by path, while the batches go through in a mode. */
function entering(model: Layer, batches: readonly Tensor[], mode: Pass["mode"]): Map<string, number[][]> {
  const rows = new Map<string, number[][]>();
  for (const batch of batches) {
    const observe: Pass["observe"] = (path, _, input) => {
      rows.set(path, [...(rows.get(path) ?? []), ...rowsOf(input)]);
    };
    model.forward(batch, { mode, observe });
  }
  return rows;
}

/** The batch norms of a model by path, those inside other layers too. */
function normsOf(model: Layer, prefix = ""): [string, BatchNorm][] {
  return [...(model.children ?? [])].flatMap(([name, layer]): [string, BatchNorm][] => {
    const path = prefix + name;
    if (layer instanceof BatchNorm) return [[path, layer]];
    if (layer instanceof GhostBatchNorm || layer instanceof BatchRenorm) return [[path, layer.norm]];
    return normsOf(layer, `${path}.`);
  });
}

/** A layer that keeps one statistic: how many rows it has been trained on. */
class Counter implements Layer {
  readonly parameters = [];
  readonly rows = new RunningStatistic("rows", new Float64Array(1), 0);
  readonly statistics = [this.rows];

  forward(input: Tensor, pass: Pass): Forward {
    if (pass.mode === "train") afterPass(pass, () => (this.rows.values[0]! += input.shape[0]!));
    return { output: input, backward: (gradInput) => ({ gradInput, gradients: new Map() }) };
  }
}

describe.each(orders)("%s", (order) => {
  it.each(["unbiased", "biased"] as const)(
    "gives one layer the %s statistics of all values together",
    (varianceEstimator) => {
      const norm = settle(
        new BatchNorm({ features: 1, varianceEstimator, momentum: 0.3, dtype: "float64" }),
        [4, 1],
        new Random(1),
      );
      // batches of other means and sizes: an average of their variances would miss what lies between them
      const batches = [
        [1, 3],
        [10, 12, 14],
        [100, 101, 102, 103, 104],
      ].map((values) =>
        Tensor.from(
          values.map((x) => [x]),
          { dtype: "float64" },
        ),
      );
      const report = recalibrate(norm, batches, { order });
      const mean = 550 / 10;
      const sum = 2 * 1 + 8 + 10 + 2 * (2 - mean) ** 2 + 3 * (12 - mean) ** 2 + 5 * (102 - mean) ** 2;
      expectClose("runningMean", norm.runningMean.values, [mean], 1e-15);
      expectClose(
        "runningVariance",
        norm.runningVariance.values,
        [sum / (varianceEstimator === "biased" ? 10 : 9)],
        1e-15,
      );
      expect([...norm.batchesTracked.values]).toEqual([3]);
      expect(report).toMatchObject({ tool: "recalibrate", order, batches: 3, rows: 10, passes: 3, skipped: [] });
      expect(
        report.layers.map(({ path, valuesPerFeature, batchesTrackedBefore }) => [
          path,
          valuesPerFeature,
          batchesTrackedBefore,
        ]),
      ).toEqual([["", 10, 2]]);
    },
  );

  it("counts values, not rows, whichever axis holds the features", () => {
    for (const [shape, axis] of [
      [[3, 2, 4], 1],
      [[3, 4, 2], -1],
    ] as const) {
      const norm = new BatchNorm({ features: 2, axis, dtype: "float64" });
      const batches = [new Random(2), new Random(3)].map((random) => ordinary(shape, random));
      expect(recalibrate(norm, batches, { order }).layers[0]!.valuesPerFeature).toBe(24);
      const rows = batches.flatMap((batch) =>
        [0, 1, 2].flatMap((n) =>
          [0, 1, 2, 3].map((i) => [0, 1].map((c) => (axis === 1 ? batch.at(n, c, i) : batch.at(n, i, c)))),
        ),
      );
      const { mean, variance } = columnStatistics(rows, true);
      expectClose("runningMean", norm.runningMean.values, mean, 1e-14);
      expectClose("runningVariance", norm.runningVariance.values, variance, 1e-14);
    }
  });

  it("keeps the digits when the mean is much larger than the std", () => {
    const norm = new BatchNorm({ features: 1, dtype: "float64" });
    const batches = [0, 3, 6].map((start) =>
      Tensor.from(
        [0, 1, 2].map((i) => [1e9 + start + i]),
        { dtype: "float64" },
      ),
    );
    recalibrate(norm, batches, { order });
    expectClose("runningMean", norm.runningMean.values, [1e9 + 4], 1e-16);
    expectClose("runningVariance", norm.runningVariance.values, [7.5], 1e-14);
  });

  it("touches nothing but the statistics", () => {
    const { model, input } = randomModel(7);
    const batches = [input(5), input(6)];
    const values = batches.map((batch) => [...batch.data]);
    const before = parameters(model);
    recalibrate(model, batches, { order });
    expect(parameters(model)).toEqual(before);
    expect(batches.map((batch) => [...batch.data])).toEqual(values);
  });

  it("skips what is not its to change, and says why", () => {
    const random = new Random(8);
    const frozen = new BatchNorm({ features: 3, dtype: "float64" });
    const model = new Sequential([
      frozen,
      new BatchNorm({ features: 3, trackRunningStatistics: false, dtype: "float64" }),
      new Sequential([new LpNorm({ features: 3, p: 1, dtype: "float64" })]),
      new Counter(),
      new BatchNorm({ features: 3, dtype: "float64" }),
    ]);
    settle(model, [6, 3], random);
    frozen.freeze({ normalization: false });
    const before = memoryOf(new Sequential([...model.children.values()].slice(0, 4)));
    const report = recalibrate(model, [ordinary([6, 3], random)], { order });
    expect(memoryOf(new Sequential([...model.children.values()].slice(0, 4)))).toEqual(before);
    expect(report.layers.map(({ path }) => path)).toEqual(["4"]);
    expect(report.skipped).toEqual([
      { path: "0", reason: "its statistics are frozen" },
      { path: "1", reason: "it keeps no running statistics" },
      { path: "2.0", reason: "it is not a batch norm" },
      { path: "3", reason: "it is not a batch norm" },
    ]);
  });

  it("leaves the statistics of the other norms as they are, and passes batches through them", () => {
    const random = new Random(8);
    const others = [
      new MeanOnlyNorm({ features: 3, dtype: "float64" }),
      new BatchRMSNorm({ features: 3, dtype: "float64" }),
      new DynamicTanh({ features: 3, dtype: "float64" }),
    ];
    const model = new Sequential([...others, new BatchNorm({ features: 3, dtype: "float64" })]);
    settle(model, [6, 3], random);
    const before = memoryOf(new Sequential(others));
    const batch = ordinary([6, 3], random);
    const report = recalibrate(model, [batch], { order });
    expect(memoryOf(new Sequential(others))).toEqual(before);
    expect(report.layers.map(({ path }) => path)).toEqual(["3"]);
    expect(report.skipped.map(({ path, reason }) => [path, reason])).toEqual([
      ["0", "it is not a batch norm"],
      ["1", "it is not a batch norm"],
    ]);
  });

  it("tells how far the statistics moved, in the old ones", () => {
    const norm = new BatchNorm({ features: 2, epsilon: 0.25, momentum: 1, dtype: "float64" });
    norm.forward(
      Tensor.from(
        [
          [1, 0],
          [3, 6],
        ],
        { dtype: "float64" },
      ),
      { mode: "train" },
    ); // means 2, 3, variances 2, 18
    const { layers } = recalibrate(
      norm,
      [
        Tensor.from(
          [
            [5, 3],
            [9, 3],
          ],
          { dtype: "float64" },
        ),
      ],
      { order },
    ); // 7, 3 and 8, 0
    expectClose("meanShift", layers[0]!.meanShift, [5 / 1.5, 0], 1e-15);
    expectClose(
      "logVarianceRatio",
      layers[0]!.logVarianceRatio,
      [Math.log(8.25 / 2.25), Math.log(0.25 / 18.25)],
      1e-15,
    );
    expect(JSON.parse(JSON.stringify(layers))).toEqual(layers);
  });

  describe("changes nothing when", () => {
    const { model, input } = randomModel(9);
    const bad = input(5);
    bad.data[3] = NaN;
    const narrow = new Tensor(bad.data.slice(0, 5), [5, 1]);
    it.each<[string, Tensor, string]>([
      ["a value is not finite", bad, "RangeError: recalibrate: NaN | cure"],
      ["a batch has another shape", narrow, "ShapeError: *: [5, 1]"],
      ["a batch is no Tensor", [1, 2] as unknown as Tensor, "TypeError: recalibrate: input | Tensor | [1, 2]"],
    ])("%s, in the last batch", async (_, last, refusal) => {
      const before = memoryOf(model);
      await expectRefusal(() => recalibrate(model, [input(6), input(7), last], { order }), refusal);
      expect(memoryOf(model)).toEqual(before);
    });

    it("the second layer fails", async () => {
      const second = new BatchNorm({ features: 2 });
      const broken: Layer = {
        parameters: [],
        statistics: [],
        forward: () => {
          const output = Tensor.from([
            [Infinity, 0],
            [1, 1],
          ]);
          return {
            output,
            backward: () => {
              throw new Error("unused");
            },
          };
        },
      };
      const whole = new Sequential([new BatchNorm({ features: 2 }), broken, second]);
      const before = memoryOf(whole);
      await expectRefusal(
        () =>
          recalibrate(
            whole,
            [
              Tensor.from([
                [1, 2],
                [3, 4],
              ]),
            ],
            { order },
          ),
        'RangeError: recalibrate: "2" | Infinity | 0 | cure',
      );
      expect(memoryOf(whole)).toEqual(before);
    });
  });

  it("refuses a single value", async () => {
    const norm = new BatchNorm({ features: 2 });
    const refusal =
      order === "one pass" ? 'BatchNorm: 2 | "probe" | input | [1, 2] | cure' : 'recalibrate: 2 | "" | 1 | cure';
    const before = memoryOf(norm);
    await expectRefusal(() => recalibrate(norm, [Tensor.from([[1, 2]])], { order }), `RangeError: ${refusal}`);
    expect(memoryOf(norm)).toEqual(before);
  });
});

describe("layer by layer", () => {
  it("makes inference see exactly the statistics that it normalizes with", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const { model, input } = randomModel(seed);
        const batches = [input(4), input(1), input(7)];
        recalibrate(model, batches);
        const seen = entering(model, batches, "inference");
        for (const [path, norm] of normsOf(model)) {
          const { mean, variance } = columnStatistics(seen.get(path)!, norm.varianceEstimator === "unbiased");
          const scale = Math.max(...seen.get(path)!.flat().map(Math.abs), 1e-3);
          for (let c = 0; c < norm.features; c++) {
            expect(Math.abs(norm.runningMean.values[c]! - mean[c]!) / scale, `mean of ${path}`).toBeLessThan(1e-10);
            expect(
              Math.abs(norm.runningVariance.values[c]! - variance[c]!) / scale ** 2,
              `variance of ${path}`,
            ).toBeLessThan(1e-10);
          }
          expect(norm.batchesTracked.values[0]).toBe(3);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("does not mind how the data are cut into batches", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.array(fc.integer({ min: 1, max: 11 }), { maxLength: 4 }),
        (seed, cuts) => {
          const { model, input } = randomModel(seed);
          const all = input(12);
          recalibrate(model, [all]);
          const whole = model.statistics
            .filter(({ name }) => name !== "batchesTracked")
            .map(({ values }) => [...values]);
          const edges = [...new Set([0, ...cuts, 12])].sort((a, b) => a - b);
          const parts = edges
            .slice(1)
            .map((end, i) => all.rows(Array.from({ length: end - edges[i]! }, (_, row) => edges[i]! + row)));
          recalibrate(model, parts);
          const cut = model.statistics.filter(({ name }) => name !== "batchesTracked").map(({ values }) => [...values]);
          expectClose("statistics", cut.flat(), whole.flat(), 1e-9);
        },
      ),
      { seed: 2, numRuns: 40 },
    );
  });

  it("needs a pass a batch norm, and works on a model that has never been trained", () => {
    const random = new Random(10);
    const model = new Sequential([
      new Dense({ inputs: 2, outputs: 3, random }),
      new BatchNorm({ features: 3 }),
      new ReLU(),
      new Sequential([new BatchNorm({ features: 3 }), new BatchNorm({ features: 3 })]),
    ]);
    const batches = [ordinary([5, 2], random, "float32"), ordinary([4, 2], random, "float32")];
    const report = recalibrate(model, batches);
    expect(report.passes).toBe(6);
    expect(report.layers.map(({ path, batchesTrackedBefore }) => [path, batchesTrackedBefore])).toEqual([
      ["1", 0],
      ["3.0", 0],
      ["3.1", 0],
    ]);
    expect(model.forward(batches[0]!, { mode: "inference" }).output.shape).toEqual([5, 3]);
  });

  it("refuses a batch norm that stands in two places: the second sees what the first makes of it", async () => {
    const norm = new BatchNorm({ features: 2 });
    await expectRefusal(
      () => recalibrate(new Sequential([norm, new ReLU(), norm]), [Tensor.zeros([3, 2])]),
      'TypeError: recalibrate: "2" | cure',
    );
  });
});

describe("one pass", () => {
  it("gives the statistics of what enters each layer when each batch normalizes itself", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const { model, input } = randomModel(seed);
        const batches = [input(4), input(2), input(7)];
        const seen = entering(model, batches, "probe");
        expect(recalibrate(model, batches, { order: "one pass" }).passes).toBe(3);
        for (const [path, norm] of normsOf(model)) {
          const { mean, variance } = columnStatistics(seen.get(path)!, norm.varianceEstimator === "unbiased");
          const scale = Math.max(...seen.get(path)!.flat().map(Math.abs), 1e-3);
          for (let c = 0; c < norm.features; c++) {
            expect(Math.abs(norm.runningMean.values[c]! - mean[c]!) / scale).toBeLessThan(1e-10);
            expect(Math.abs(norm.runningVariance.values[c]! - variance[c]!) / scale ** 2).toBeLessThan(1e-10);
          }
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it("of one batch gives inference the outputs of training", () => {
    const random = new Random(11);
    const dense = (): Layer => new Dense({ inputs: 3, outputs: 3, random, dtype: "float64" });
    const norm = (): Layer => new BatchNorm({ features: 3, varianceEstimator: "biased", dtype: "float64" });
    const model = new Sequential([dense(), norm(), new ReLU(), dense(), norm()]);
    const batch = ordinary([8, 3], random);
    recalibrate(model, [batch], { order: "one pass" });
    const { output } = model.forward(batch, { mode: "probe" });
    expectClose("output", model.forward(batch, { mode: "inference" }).output.data, output.data, 1e-13);
  });

  it("takes a batch norm in two places with the values of both", () => {
    const norm = new BatchNorm({ features: 1, epsilon: 0, dtype: "float64" });
    const double: Layer = new Dense({
      inputs: 1,
      outputs: 1,
      bias: false,
      initial: { weight: Tensor.from([[3]], { dtype: "float64" }) },
      dtype: "float64",
    });
    recalibrate(new Sequential([norm, double, norm]), [Tensor.from([[4], [8]], { dtype: "float64" })], {
      order: "one pass",
    });
    // 4 and 8 at the first place, ±1 times 3 at the second
    expectClose("runningMean", norm.runningMean.values, [3], 1e-15);
    expectClose("runningVariance", norm.runningVariance.values, [(1 + 25 + 36 + 0) / 3], 1e-15);
    expect(norm.batchesTracked.values[0]).toBe(2);
  });
});

describe("a layer built around a batch norm", () => {
  it.each(orders)("is recalibrated as one, %s", (order) => {
    const batches = [ordinary([5, 2], new Random(12)), ordinary([6, 2], new Random(13))];
    const plain = new BatchNorm({ features: 2, dtype: "float64" });
    recalibrate(plain, batches, { order });
    for (const layer of [
      new GhostBatchNorm({ features: 2, groupSize: 2, dtype: "float64" }),
      new BatchRenorm({ features: 2, dtype: "float64" }),
    ]) {
      recalibrate(new Sequential([layer]), batches, { order });
      expect(memoryOf(layer)).toMatchObject({
        statistics: plain.statistics.map(({ name, values }) => [name, [...values]]),
      });
    }
  });
});

describe("refusals", () => {
  const norm = new BatchNorm({ features: 2 });
  const input = Tensor.zeros([3, 2]);
  /** A container that runs its layer without a word. */
  class Silent implements Layer {
    readonly children = new Map<string, Layer>([["inner", norm]]);
    readonly parameters = norm.parameters;
    readonly statistics = norm.statistics;
    forward(x: Tensor, pass: Pass): Forward {
      return norm.forward(x, pass);
    }
  }
  it.each<[string, unknown, unknown, RecalibrateOptions | undefined, string]>([
    ["an unknown option", norm, [], { oder: "one pass" } as never, 'TypeError: recalibrate: "oder" | order | cure'],
    ["no model", 3, [input], undefined, "TypeError: recalibrate: parameters | 3"],
    ["no batches", norm, undefined, undefined, "TypeError: recalibrate: undefined"],
    ["one Tensor", norm, input, undefined, "TypeError: recalibrate: Tensor"],
    ["an empty list", norm, [], undefined, "RangeError: recalibrate: none"],
    ["a batch that is no Tensor", norm, [[1]], undefined, "TypeError: recalibrate: input | Tensor | [1]"],
    [
      "another order",
      norm,
      [input],
      { order: "backwards" as never },
      'TypeError: recalibrate: order | "layer by layer" | "one pass" | "backwards"',
    ],
    ["a model without statistics", new ReLU(), [input], undefined, "TypeError: recalibrate: none"],
    [
      "a model that keeps none",
      new BatchNorm({ features: 2, trackRunningStatistics: false }),
      [input],
      undefined,
      'TypeError: recalibrate: ""',
    ],
    ["a silent container", new Silent(), [input], undefined, 'TypeError: recalibrate: "inner" | cure'],
  ])("of %s", async (_, model, batches, options, refusal) => {
    const before = memoryOf(norm);
    await expectRefusal(() => recalibrate(model as Layer, batches as Tensor[], options), refusal);
    expect(memoryOf(norm)).toEqual(before);
  });
});
