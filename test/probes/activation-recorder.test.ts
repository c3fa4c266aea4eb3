import { Dense, Random, ReLU, Sequential, Tensor } from "batchnorm";
import {
  ActivationRecorder,
  type ActivationRecord,
  type ActivationRecorderOptions,
  histogramOf,
  mergeActivationRecords,
  momentsOf,
  momentStatistics,
  parseReport,
  quantilesOf,
  type Samples,
  stringifyReport,
  type Summary,
} from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { about } from "../support/about.js";
import { memoryOf } from "../support/close.js";
import { plainNumber } from "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const samples = (shape: readonly number[], ...data: number[]): Samples => ({ shape, data });
const edges = [-4, -2, -1, 0, 1, 2, 4];

function record(output: Samples, options: ActivationRecorderOptions = {}): ActivationRecord {
  const recorder = new ActivationRecorder(options);
  recorder.at(0)!("a", output);
  return recorder.records[0]!;
}

/** What one sample must give, from the tools that are tested by themselves. */
function expected(values: readonly number[], levels = [0.15, 0.5, 0.85]): unknown {
  const { mean, variance, skewness, kurtosisExcess } = momentStatistics(momentsOf(values));
  return {
    mean: about(mean!, 12),
    variance: about(variance!, 12),
    skewness: about(skewness!, 12),
    kurtosisExcess: about(kurtosisExcess!, 12),
    quantiles: quantilesOf(values, levels),
    histogram: histogramOf(values, edges),
  };
}

describe("a record", () => {
  it("holds the worked figures", () => {
    expect(record(samples([4, 1], 1, 2, 2, 5), { edges: [0, 2, 4, 6] }).layer).toEqual({
      count: 4,
      finite: 4,
      zeroFraction: 0,
      nanFraction: 0,
      infiniteFraction: 0,
      mean: 2.5,
      variance: 2.25,
      skewness: about(0.888889),
      kurtosisExcess: about(-0.814815),
      quantiles: [about(1.45, 12), 2, about(3.65, 12)],
      quantileKind: "exact",
      histogram: { edges: [0, 2, 4, 6], counts: [1, 2, 1], below: 0, above: 0 },
      reasons: {},
    });
  });

  it("tells the features apart in every layout", () => {
    const random = new Random(1);
    const columns = [0, 1, 2].map((c) => Array.from({ length: 8 }, () => random.normal(c, 1 + c / 2)));
    // value (n, c, i) of shape [2, 3, 2, 2] and of [2, 2, 2, 3]
    const first = Array.from({ length: 24 }, (_, at) => columns[((at / 4) | 0) % 3]![(at % 4) + 4 * ((at / 12) | 0)]!);
    const last = Array.from({ length: 24 }, (_, at) => columns[at % 3]![(at / 3) | 0]!);
    for (const [output, axis] of [
      [samples([2, 3, 2, 2], ...first), 1],
      [samples([2, 3, 4], ...first), 1],
      [samples([2, 3, 4], ...first), -2],
      [samples([8, 3], ...last), 1],
      [samples([2, 2, 2, 3], ...last), -1],
      [samples([2, 2, 2, 3], ...last), 3],
    ] as const) {
      const { layer, features } = record(output, { axis, edges });
      expect(layer).toMatchObject(expected(columns.flat()) as object);
      columns.forEach((column, c) => {
        const { histogram, quantiles, mean, variance, skewness, kurtosisExcess } = features!;
        expect({
          mean: mean[c],
          variance: variance[c],
          skewness: skewness[c],
          kurtosisExcess: kurtosisExcess[c],
          quantiles: quantiles.map((level) => level[c]),
          histogram: {
            edges: histogram!.edges,
            counts: histogram!.counts[c],
            below: histogram!.below[c],
            above: histogram!.above[c],
          },
        }).toEqual(expected(column));
      });
      expect(features!.count).toEqual([8, 8, 8]);
    }
  });

  it("takes [N] as one feature", () => {
    const one = record(samples([4], 1, 2, 2, 5));
    expect(one).toEqual(record(samples([4, 1], 1, 2, 2, 5)));
  });

  it("counts what is not finite, and leaves it out of the figures", () => {
    const output = samples([6, 2], 1, NaN, 2, Infinity, 2, -Infinity, 5, NaN, 0, NaN, NaN, NaN);
    const { layer, features } = record(output, { edges: [0, 2, 4, 6] });
    expect(layer).toMatchObject({ count: 12, finite: 5, mean: 2, zeroFraction: 1 / 12, nanFraction: 5 / 12 });
    expect(layer).toMatchObject({
      infiniteFraction: 2 / 12,
      quantiles: quantilesOf([1, 2, 2, 5, 0], [0.15, 0.5, 0.85]),
    });
    expect(features).toEqual({
      count: [6, 6],
      finite: [5, 0],
      zeroFraction: [1 / 6, 0],
      nanFraction: [1 / 6, 4 / 6],
      infiniteFraction: [0, 2 / 6],
      mean: [2, null],
      variance: [about(2.8, 12), null],
      skewness: [about(momentStatistics(momentsOf([1, 2, 2, 5, 0])).skewness!, 12), null],
      kurtosisExcess: [about(momentStatistics(momentsOf([1, 2, 2, 5, 0])).kurtosisExcess!, 12), null],
      quantiles: quantilesOf([1, 2, 2, 5, 0], [0.15, 0.5, 0.85]).map((quantile) => [quantile, null]),
      quantileKind: "exact",
      histogram: {
        edges: [0, 2, 4, 6],
        counts: [
          [2, 2, 1],
          [0, 0, 0],
        ],
        below: [0, 0],
        above: [0, 0],
      },
      reasons: Object.fromEntries(
        ["mean", "variance", "skewness", "kurtosisExcess", "quantiles"].map((name) => [
          name,
          "1 of 2 features: no finite values",
        ]),
      ),
    });
  });

  it("counts zeros of either sign, and nothing else, as zeros", () => {
    const { layer, features } = record(samples([4, 2], 0, -1, -0, 1e-300, 3, -2, 0, 0));
    expect(layer.zeroFraction).toBe(0.5);
    expect(features!.zeroFraction).toEqual([0.75, 0.25]);
  });

  it("of a constant layer has a variance of 0 and no skewness", () => {
    const { layer, features } = record(samples([2, 3], 7, 0, 1, 7, 0, 2));
    expect(features).toMatchObject({ variance: [0, 0, 0.25], skewness: [null, null, 0], zeroFraction: [0, 1, 0] });
    expect(features!.reasons).toEqual({
      skewness: "2 of 3 features: the variance is 0",
      kurtosisExcess: "2 of 3 features: the variance is 0",
    });
    expect(record(samples([2, 2], 7, 7, 7, 7)).layer).toMatchObject({ mean: 7, variance: 0, skewness: null });
    expect(layer.reasons).toEqual({});
  });

  it("of no rows says so", () => {
    const { layer, features } = record(samples([0, 2]), { edges });
    expect(layer).toMatchObject({ count: 0, finite: 0, zeroFraction: null, mean: null, quantiles: [null, null, null] });
    expect(layer.reasons).toMatchObject({ nanFraction: "no values", mean: "no finite values" });
    expect(features!.mean).toEqual([null, null]);
  });

  it("is made as asked", () => {
    const output = samples([4, 1], 1, 2, 2, 5);
    expect(record(output, { quantiles: [0, 1] })).toMatchObject({
      quantileLevels: [0, 1],
      layer: { quantiles: [1, 5] },
    });
    expect(record(output, { quantiles: [] }).layer.quantiles).toEqual([]);
    expect(record(output).layer.histogram).toBeNull();
    expect(record(output, { perFeature: false }).features).toBeNull();
    expect(record(output, { perFeature: false }).layer).toEqual(record(output).layer);
  });

  it("comes from the values of the moment: reuse of the output's memory changes nothing", () => {
    const data = Float32Array.of(1, 2, 2, 5);
    const recorder = new ActivationRecorder();
    recorder.at(0)!("a", { shape: [4, 1], data });
    expect(data).toEqual(Float32Array.of(1, 2, 2, 5));
    const before = stringifyReport(recorder.report());
    data.fill(9);
    recorder.at(0)!("b", { shape: [1, 4], data });
    expect(stringifyReport(recorder.records[0])).toBe(
      stringifyReport((parseReport(before) as { records: unknown[] }).records[0]),
    );
  });
});

describe("a recorder", () => {
  const output = samples([2, 1], 1, 2);

  it("records the steps that `every` divides", () => {
    const recorder = new ActivationRecorder({ every: 10 });
    for (let step = 0; step < 35; step++) recorder.at(step)?.("a", output);
    expect(recorder.records.map(({ step }) => step)).toEqual([0, 10, 20, 30]);
    expect(recorder.at(35)).toBeUndefined();
  });

  it("records the paths asked for, and says which never came", () => {
    const recorder = new ActivationRecorder({ paths: ["1", "7"] });
    for (const path of ["0", "1", "2"]) recorder.at(0)!(path, output);
    expect(recorder.records.map(({ path }) => path)).toEqual(["1"]);
    expect(recorder.report().neverObserved).toEqual(["7"]);
    expect(new ActivationRecorder().report().neverObserved).toEqual([]);
  });

  it("keeps at most `maxSteps` steps, spread over the whole run", () => {
    const recorder = new ActivationRecorder({ maxSteps: 4, every: 5 });
    const kept: number[] = [];
    for (let step = 0; step <= 200; step++) {
      recorder.at(step)?.("a", output);
      recorder.at(step)?.("b", output);
      kept.push(recorder.records.length / 2);
    }
    expect(Math.max(...kept)).toBe(4);
    expect(recorder.records.map(({ step }) => step)).toEqual([0, 0, 80, 80, 160, 160]);
    expect(recorder.report()).toMatchObject({ every: 5, spacing: 80, maxSteps: 4 });
    expect(recorder.at(40)).toBeUndefined();
  });

  it("forgets a step whose place was given away while its pass was under way", () => {
    const recorder = new ActivationRecorder({ maxSteps: 2 });
    const late = recorder.at(1)!;
    for (const step of [0, 2, 4]) recorder.at(step)!("a", output);
    late("a", output);
    expect(recorder.records.map(({ step }) => step)).toEqual([0, 4]);
  });

  it("lists records by step, whatever order they came in", () => {
    const recorder = new ActivationRecorder();
    for (const step of [20, 0, 10]) recorder.at(step)!("a", output);
    expect(recorder.records.map(({ step }) => step)).toEqual([0, 10, 20]);
  });

  it("leaves a model as it was, and costs an unrecorded pass nothing", () => {
    const random = new Random(1);
    const model = new Sequential([
      new Dense({ inputs: 3, outputs: 4, random: random.fork("0") }),
      new ReLU(),
      new Dense({ inputs: 4, outputs: 2, random: random.fork("2") }),
    ]);
    const before = memoryOf(model);
    const recorder = new ActivationRecorder({ every: 2 });
    const x = Tensor.normal([16, 3], { random });
    const plain = model.forward(x, { mode: "train" }).output;
    for (const step of [0, 1]) {
      const { output } = model.forward(x, { mode: "train", observe: recorder.at(step) });
      expect(output.data).toEqual(plain.data);
    }
    expect(memoryOf(model)).toEqual(before);
    expect(recorder.records.map(({ step, path }) => [step, path])).toEqual([
      [0, "0"],
      [0, "1"],
      [0, "2"],
    ]);
    const [, relu] = recorder.records;
    expect(relu!.layer.zeroFraction).toBeGreaterThan(0.2);
    expect(relu!.layer.zeroFraction).toBe(
      relu!.features!.zeroFraction.reduce<number>((sum, part) => sum + part!, 0) / 4,
    );
  });

  it("reports plain JSON, the same for the same values", () => {
    const make = (): ReturnType<ActivationRecorder["report"]> => {
      const recorder = new ActivationRecorder({ edges, every: 2 });
      const random = new Random(5);
      for (let step = 0; step < 4; step++) recorder.at(step)?.("a", Tensor.normal([5, 3], { random }));
      recorder.at(2)!("b", samples([2, 2], NaN, 1, 1, Infinity));
      return recorder.report();
    };
    const report = make();
    expect(make()).toEqual(report);
    expect(parseReport(stringifyReport(report))).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("keeps its records when an output is refused", () => {
    const recorder = new ActivationRecorder();
    recorder.at(0)!("a", output);
    const before = recorder.report();
    expect(thrownBy(() => recorder.at(1)!("a", samples([3], 1)))).toBe(
      'ShapeError: ActivationRecorder "a": expected 3 values for shape [3], got 1',
    );
    expect(recorder.report()).toEqual(before);
  });
});

describe("shards of a batch", () => {
  const values = fc.array(plainNumber(4), { minLength: 2, maxLength: 30 });
  const special = fc.oneof({ weight: 8, arbitrary: plainNumber(4) }, fc.constantFrom(NaN, Infinity, 0));

  /** What adds up without rounding. */
  const counts = ({ count, finite, zeroFraction, nanFraction, infiniteFraction, histogram }: Summary): unknown[] => [
    ...[count, finite, zeroFraction, nanFraction, infiniteFraction, histogram],
  ];
  const near = (one: number | null, other: number | null, scale: number): void => {
    expect(one === null).toBe(other === null);
    if (one !== null) expect(Math.abs(one - other!)).toBeLessThanOrEqual(1e-9 * scale);
  };

  it("give counts, moments and histograms of the whole batch", () => {
    fc.assert(
      fc.property(fc.array(special, { minLength: 1, maxLength: 30 }), fc.array(special, { maxLength: 30 }), (a, b) => {
        const recorder = new ActivationRecorder({ edges });
        recorder.at(0)!("a", samples([a.length, 1], ...a));
        recorder.at(0)!("a", samples([b.length, 1], ...b));
        const [merged] = recorder.records;
        const whole = record(samples([a.length + b.length, 1], ...a, ...b), { edges });
        const [m, w] = [merged!.layer, whole.layer];
        expect(counts(m)).toEqual(counts(w));
        near(m.mean, w.mean, 4);
        near(m.variance, w.variance, 16);
        expect(merged!.parts).toBe(2);
        expect(merged!.features!.histogram!.counts).toEqual(whole.features!.histogram!.counts);
        near(merged!.features!.variance[0]!, w.variance, 16);
      }),
    );
  });

  it("give skewness and kurtosis of the whole batch", () => {
    const random = new Random(8);
    const draw = (n: number, mean: number): number[] => Array.from({ length: n }, () => random.normal(mean) ** 3);
    const parts = [draw(20, 0), draw(7, 2), draw(1, 0), draw(13, -1)];
    const recorder = new ActivationRecorder({ edges });
    for (const part of parts) recorder.at(0)!("a", samples([part.length, 1], ...part));
    const { mean, variance, skewness, kurtosisExcess } = momentStatistics(momentsOf(parts.flat()));
    expect(recorder.records[0]!.layer).toMatchObject({
      mean: about(mean!, 11),
      variance: about(variance!, 10),
      skewness: about(skewness!, 11),
      kurtosisExcess: about(kurtosisExcess!, 10),
      reasons: {},
    });
    expect(recorder.records[0]!.parts).toBe(4);
  });

  it("give estimates of quantiles, and none without a histogram or outside its edges", () => {
    const merge = (options: ActivationRecorderOptions): ActivationRecord => {
      const recorder = new ActivationRecorder(options);
      recorder.at(0)!("a", samples([2, 1], 0.5, 1.5));
      recorder.at(0)!("a", samples([2, 1], 2.5, 9));
      return recorder.records[0]!;
    };
    const estimate = merge({ edges: [0, 1, 2, 3], quantiles: [0.25, 0.5, 0.9] });
    for (const { quantileKind, quantiles, reasons } of [estimate.layer]) {
      expect({ quantileKind, quantiles, reasons }).toEqual({
        quantileKind: "estimate",
        quantiles: [1, 2, null],
        reasons: { quantiles: "outside the histogram's edges" },
      });
    }
    expect(estimate.features).toMatchObject({ quantileKind: "estimate", quantiles: [[1], [2], [null]] });
    const none = merge({}).layer;
    expect(none).toMatchObject({ quantileKind: "estimate", quantiles: [null, null, null], histogram: null });
    expect(none.reasons).toEqual({ quantiles: "merged without a histogram" });
  });

  it("may come from two workers", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const [x, y] = [record(samples([a.length], ...a), { edges }), record(samples([b.length], ...b), { edges })];
        const recorder = new ActivationRecorder({ edges });
        recorder.at(0)!("a", samples([a.length], ...a));
        recorder.at(0)!("a", samples([b.length], ...b));
        const transported = parseReport(stringifyReport(y)) as ActivationRecord;
        expect(mergeActivationRecords(x, transported)).toEqual(recorder.records[0]);
        expect(counts(mergeActivationRecords(y, x).layer)).toEqual(counts(mergeActivationRecords(x, y).layer));
      }),
    );
  });

  it("stay undefined where a part's figure left double precision", () => {
    const recorder = new ActivationRecorder();
    recorder.at(0)!("a", samples([2, 1], 1e200, -1e200));
    recorder.at(0)!("a", samples([2, 1], 1, 2));
    expect(recorder.records[0]!.layer).toMatchObject({ finite: 4, variance: null, kurtosisExcess: null });
    expect(recorder.records[0]!.layer.reasons).toMatchObject({ variance: "beyond double precision" });
  });

  it("may be recorded without features", () => {
    const recorder = new ActivationRecorder({ perFeature: false });
    for (const part of [samples([2, 2], 1, 2, 3, 4), samples([1, 2], 5, 6)]) recorder.at(0)!("a", part);
    expect(recorder.records[0]).toMatchObject({ features: null, parts: 2, layer: { mean: 3.5, count: 6 } });
  });

  it.each<[string, ActivationRecord, string]>([
    [
      "another step",
      { ...record(samples([1], 1)), step: 3 },
      'RangeError: mergeActivationRecords: expected step 0, path "a", quantile levels [0.15, 0.5, 0.85], got step 3, path "a", quantile levels [0.15, 0.5, 0.85]',
    ],
    [
      "another number of features",
      record(samples([1, 2], 1, 1)),
      'ShapeError: mergeActivationRecords "a": expected 1 features and no histogram, got 2 features and no histogram',
    ],
    [
      "features left out",
      record(samples([1], 1), { perFeature: false }),
      'ShapeError: mergeActivationRecords "a": expected 1 features and no histogram, got no features and no histogram',
    ],
    [
      "a histogram more",
      record(samples([1], 1), { edges: [0, 1] }),
      'ShapeError: mergeActivationRecords "a": expected 1 features and no histogram, got 1 features and a histogram',
    ],
  ])("must be alike: %s", (_, other, message) => {
    expect(thrownBy(() => mergeActivationRecords(record(samples([1], 1)), other))).toBe(message);
  });

  it("must have one set of edges", () => {
    const [a, b] = [
      [0, 1],
      [0, 2],
    ].map((some) => record(samples([1], 1), { edges: some }));
    expect(thrownBy(() => mergeActivationRecords(a!, b!))).toBe(
      "ShapeError: mergeHistograms: expected b with the edges of a, [0, 1], got [0, 2] - choose the edges before counting",
    );
  });
});

describe("errors", () => {
  it.each<[object, string]>([
    [{ paths: "1" }, 'TypeError: ActivationRecorder: expected paths to be an array of strings, got "1"'],
    [{ paths: [1] }, "TypeError: ActivationRecorder: expected paths to be an array of strings, got [1]"],
    [{ every: 0 }, "RangeError: ActivationRecorder: expected every to be a whole number of at least 1, got 0"],
    [{ every: 1.5 }, "RangeError: ActivationRecorder: expected every to be a whole number of at least 1, got 1.5"],
    [{ axis: "1" }, 'TypeError: ActivationRecorder: expected axis to be a number, got "1"'],
    [{ axis: 0 }, "RangeError: ActivationRecorder: expected axis to be other than 0, which counts the rows, got 0"],
    [{ quantiles: [2] }, "RangeError: ActivationRecorder: expected each quantile level in [0, 1], got 2"],
    [{ edges: [1] }, "ShapeError: ActivationRecorder: expected edges to have at least 2 values, got 1"],
    [{ perFeature: 1 }, "TypeError: ActivationRecorder: expected perFeature to be true or false, got 1"],
    [{ maxSteps: 1 }, "RangeError: ActivationRecorder: expected maxSteps to be a whole number of at least 2, got 1"],
  ])("%j", (options, message) => {
    expect(thrownBy(() => new ActivationRecorder(options))).toBe(message);
  });

  it.each<[unknown, ActivationRecorderOptions, string]>([
    [null, {}, 'TypeError: ActivationRecorder "a": expected the samples to be an object, got null'],
    [
      [1, 2],
      {},
      'TypeError: ActivationRecorder "a": expected samples with a shape and data, got [1, 2] - pass a Tensor or { shape, data }',
    ],
    [samples([]), {}, 'ShapeError: ActivationRecorder "a": expected a shape with rows on its first axis, got shape []'],
    [
      samples([1.5, 2], 1, 2, 3),
      {},
      'ShapeError: ActivationRecorder "a": expected a shape with rows on its first axis, got shape [1.5, 2]',
    ],
    [samples([2, 2], 1), {}, 'ShapeError: ActivationRecorder "a": expected 4 values for shape [2, 2], got 1'],
    [
      samples([1, 2], 1, 2),
      { axis: 2 },
      'ShapeError: ActivationRecorder "a": expected features on axis 2, after the rows, got shape [1, 2] - axis 1 is for [N, C] and [N, C, ...], axis -1 for channels-last samples',
    ],
    [
      samples([1, 2], 1, 2),
      { axis: -2 },
      'ShapeError: ActivationRecorder "a": expected features on axis -2, after the rows, got shape [1, 2] - axis 1 is for [N, C] and [N, C, ...], axis -1 for channels-last samples',
    ],
  ])("%j as output", (output, options, message) => {
    expect(thrownBy(() => record(output as Samples, options))).toBe(message);
  });

  it("a step must be a whole number", () => {
    const recorder = new ActivationRecorder();
    expect(thrownBy(() => recorder.at(-1))).toBe(
      "RangeError: ActivationRecorder.at: expected step to be a whole number of at least 0, got -1",
    );
    expect(thrownBy(() => new ActivationRecorder(3 as ActivationRecorderOptions))).toBe(
      "TypeError: ActivationRecorder: expected options to be an object, got 3",
    );
  });
});
