import { BatchNorm, Dense, Random, Sequential, SGD, Sigmoid, softmaxCrossEntropy, Tensor } from "batchnorm";
import {
  compareSamples,
  type Observer,
  parseReport,
  type Samples,
  type Shift,
  ShiftOverTraining,
  type ShiftOverTrainingOptions,
  type ShiftRecord,
  stringifyReport,
} from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { about, allAbout } from "../support/about.js";
import { expectBits, memoryOf } from "../support/close.js";
import { thrownBy } from "../support/throws.js";

const samples = (shape: readonly number[], ...data: number[]): Samples => ({ shape, data });
const normal = (random: Random, rows: number, units: number, mean = 0): Samples =>
  Tensor.normal([rows, units], { random, mean, dtype: "float64" });
/** One unit of a sample of shape [N, C]. */
const unit = ({ shape, data }: Samples, c: number): number[] => Array.from(data).filter((_, i) => i % shape[1]! === c);

/** One watched step of one layer. */
function watch(start: Samples, before: Samples, after: Samples, second?: Samples): ShiftRecord {
  const shift = new ShiftOverTraining({ places: { a: "linear" } });
  shift.start()("a", start);
  shift.before(1)("a", before);
  shift.after(1)("a", after);
  if (second !== undefined) shift.secondBatch(1)("a", second);
  return shift.report().records[0]!;
}

/** The figures of a shift, by `compareSamples`, unit by unit and pooled. */
function expectShift(shift: Shift | null, a: Samples, b: Samples): void {
  const units = Array.from({ length: a.shape[1]! }, (_, c) => compareSamples(unit(a, c), unit(b, c)));
  const pooled = compareSamples(Array.from(a.data), Array.from(b.data));
  expect(shift!.rows).toEqual([a.shape[0], b.shape[0]]);
  for (const name of ["wasserstein1", "wasserstein1Relative", "absoluteMeanShift", "stdRatio"] as const) {
    const perUnit = units.map((distances) => distances[name]!);
    const rising = [...perUnit].sort((x, y) => x - y);
    const middle = (rising.length - 1) / 2;
    expect(shift![name]).toEqual({
      perUnit: allAbout(perUnit, 12),
      mean: about(perUnit.reduce((sum, x) => sum + x, 0) / perUnit.length, 12),
      median: about((rising[Math.floor(middle)]! + rising[Math.ceil(middle)]!) / 2, 12),
      maximum: about(rising.at(-1)!, 12),
      maximumUnit: perUnit.indexOf(rising.at(-1)!),
    });
    expect(shift!.pooled[name]).toBeCloseTo(pooled[name]!, 12);
  }
  expect(shift!.reasons).toEqual({});
}

describe("a record", () => {
  it("holds the step, the total, and both floors, unit by unit and pooled", () => {
    const random = new Random(1);
    const [start, before, after] = [0, 0.5, 1].map((mean) => normal(random, 9, 4, mean)) as [Samples, Samples, Samples];
    const second = normal(random, 7, 4);
    const record = watch(start, before, after, second);
    expect(record).toMatchObject({ step: 1, path: "a", place: "linear", rows: 9, units: 4, reasons: {} });
    expectShift(record.stepShift, before, after);
    expectShift(record.totalShift, start, after);
    expectShift(record.secondBatchFloor, after, second);
    const rows = (odd: number): Samples => {
      const data = Array.from(after.data).filter((_, i) => Math.floor(i / 4) % 2 === odd);
      return samples([data.length / 4, 4], ...data);
    };
    expectShift(record.splitHalfFloor, rows(0), rows(1));
  });

  it("may have a raw and a relative shift, a unit and a layer, that disagree", () => {
    // Two units that trade places: each moves by 10, the layer as a whole not at all.
    const [a, b] = [samples([2, 2], 0, 10, 1, 11), samples([2, 2], 10, 0, 11, 1)];
    const { stepShift } = watch(a, a, b);
    expect(stepShift!.wasserstein1).toEqual({ perUnit: [10, 10], mean: 10, median: 10, maximum: 10, maximumUnit: 0 });
    expect(stepShift!.wasserstein1Relative.perUnit).toEqual([20, 20]);
    expect(stepShift!.pooled).toEqual({ wasserstein1: 0, wasserstein1Relative: 0, absoluteMeanShift: 0, stdRatio: 1 });
  });

  it("leaves out units that do not vary, and says so", () => {
    const [a, b] = [samples([2, 3], 0, 5, 7, 1, 5, 7), samples([2, 3], 1, 6, 7, 2, 6, 7)];
    const { stepShift } = watch(a, a, b);
    expect(stepShift!.wasserstein1.perUnit).toEqual([1, 1, 0]);
    expect(stepShift!.wasserstein1Relative).toEqual({
      perUnit: [2, null, 0],
      mean: 1,
      median: 1,
      maximum: 2,
      maximumUnit: 0,
    });
    expect(stepShift!.stdRatio).toEqual({ perUnit: [1, null, null], mean: 1, median: 1, maximum: 1, maximumUnit: 0 });
    expect(stepShift!.reasons).toEqual({
      wasserstein1Relative: "not defined in 1 of 3 units: no variance, or beyond double precision",
      stdRatio: "not defined in 2 of 3 units: no variance, or beyond double precision",
    });
    const flat = watch(samples([1, 1], 0), samples([1, 1], 0), samples([1, 1], 3)).stepShift!;
    expect(flat.wasserstein1Relative).toEqual({
      perUnit: [null],
      mean: null,
      median: null,
      maximum: null,
      maximumUnit: null,
    });
    expect(flat.pooled).toEqual({ wasserstein1: 3, wasserstein1Relative: null, absoluteMeanShift: 3, stdRatio: null });
    expect(flat.reasons).toMatchObject({ "pooled.stdRatio": "not defined: no variance, or beyond double precision" });
  });

  it("is null where the network has diverged, and says so", () => {
    const fine = samples([2, 2], 0, 1, 2, 3);
    const record = watch(fine, fine, samples([2, 2], NaN, 1, Infinity, 3));
    expect(record).toMatchObject({ stepShift: null, totalShift: null, splitHalfFloor: null, secondBatchFloor: null });
    expect(record.reasons).toEqual({
      stepShift: "not finite: 0 of 4 values in the first sample, 2 of 4 in the second",
      totalShift: "not finite: 0 of 4 values in the first sample, 2 of 4 in the second",
      splitHalfFloor: "not finite: 1 of 2 values in the first sample, 1 of 2 in the second",
      secondBatchFloor: "no second batch was observed",
    });
    expect(watch(samples([1, 1], NaN), samples([1, 1], 1), samples([1, 1], 2))).toMatchObject({
      totalShift: null,
      stepShift: { rows: [1, 1] },
    });
  });

  it("has no split half of a single row, and no floor without a second batch", () => {
    const { reasons, splitHalfFloor } = watch(samples([1, 1], 0), samples([1, 1], 0), samples([1, 1], 1));
    expect(splitHalfFloor).toBeNull();
    expect(reasons).toEqual({
      splitHalfFloor: "too few rows: 1 and 0",
      secondBatchFloor: "no second batch was observed",
    });
    const none = samples([0, 2]);
    expect(watch(none, none, none).reasons.stepShift).toBe("too few rows: 0 and 0");
  });

  it("takes every layout, and splits rows, not places", () => {
    // [2, 3, 2] with channels on axis 1, and the same values as [2, 2, 3] with channels last
    const first = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13];
    const last = [1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 13];
    const record = (axis: number, shape: readonly number[], data: readonly number[]): ShiftRecord => {
      const shift = new ShiftOverTraining({ places: { a: "layerInput" }, axis });
      const half = samples(shape, ...data.map((value) => value / 2));
      shift.start()("a", half);
      shift.before(1)("a", half);
      shift.after(1)("a", samples(shape, ...data));
      return shift.report().records[0]!;
    };
    const wanted = record(1, [2, 3, 2], first);
    expect(record(-1, [2, 2, 3], last)).toEqual(wanted);
    // rows 1 2 | 3 4 | 5 6 and 7 8 | 9 10 | 11 13: each unit's halves are 6 or 6.5 apart
    expect(wanted.splitHalfFloor).toMatchObject({ rows: [1, 1], wasserstein1: { perUnit: [6, 6, 6.5] } });
    expect(wanted.units).toBe(3);
  });

  it("knows by how much independent samples differ", () => {
    const random = new Random(2);
    for (const [rows, expected, digits] of [
      [32, 0.31, 0.015],
      [64, 0.22, 0.01],
      [128, 0.155, 0.008],
      [256, 0.11, 0.012],
      [1024, 0.055, 0.006],
    ] as const) {
      const a = normal(random, rows, 200);
      const { secondBatchFloor, splitHalfFloor } = watch(a, a, a, normal(random, rows, 200));
      expect(Math.abs(secondBatchFloor!.wasserstein1Relative.mean! - expected), `${rows} rows`).toBeLessThan(digits);
      // half the rows: farther apart by the square root of 2
      const ratio = splitHalfFloor!.wasserstein1Relative.mean! / secondBatchFloor!.wasserstein1Relative.mean!;
      expect(Math.abs(ratio - Math.SQRT2), `${rows} rows`).toBeLessThan(0.15);
    }
  });
});

describe("over training", () => {
  const random = new Random(3);
  const model = (): Sequential => {
    const seed = new Random(4);
    return new Sequential([
      new Dense({ inputs: 5, outputs: 6, bias: false, random: seed.fork("0") }),
      new BatchNorm({ features: 6 }),
      new Sigmoid(),
      new Dense({ inputs: 6, outputs: 3, random: seed.fork("3") }),
    ]);
  };
  const x = Tensor.normal([40, 5], { random });
  const labels = Int32Array.from({ length: 40 }, (_, i) => (x.at(i, 0) > 0 ? 1 : 0) + (x.at(i, 1) > 0 ? 1 : 0));
  const [probe, other] = [Tensor.normal([64, 5], { random }), Tensor.normal([64, 5], { random })];
  const places = { "0": "linear", "1": "preActivation", "2": "layerInput" } as const;

  function train(network: Sequential, steps: number, watchEvery: number, shift?: ShiftOverTraining): void {
    const optimizer = new SGD(network.parameters, { learningRate: 0.5 });
    const look = (observe: Observer, batch = probe): void => void network.forward(batch, { mode: "probe", observe });
    if (shift !== undefined) look(shift.start());
    for (let step = 1; step <= steps; step++) {
      const watched = shift !== undefined && step % watchEvery === 0;
      if (watched) look(shift.before(step));
      const pass = network.forward(x, { mode: "train" });
      optimizer.step(pass.backward(softmaxCrossEntropy(pass.output, labels).gradOutput).gradients);
      if (watched) look(shift.after(step));
      if (watched) look(shift.secondBatch(step), other);
    }
  }

  it("follows a network at the named places, and leaves no trace in it", () => {
    const [watched, alone] = [model(), model()];
    const shift = new ShiftOverTraining({ places });
    train(watched, 12, 4, shift);
    train(alone, 12, 4);
    expect(JSON.stringify(memoryOfValues(watched))).toBe(JSON.stringify(memoryOfValues(alone)));
    const { records } = shift.report();
    expect(records.map(({ step, path, place }) => [step, path, place])).toEqual(
      [4, 8, 12].flatMap((step) => Object.entries(places).map(([path, place]) => [step, path, place])),
    );
    for (const { stepShift, totalShift, secondBatchFloor, reasons } of records) {
      expect(reasons).toEqual({});
      expect(stepShift!.wasserstein1Relative.mean).toBeGreaterThan(0);
      expect(stepShift!.wasserstein1Relative.mean).toBeLessThan(secondBatchFloor!.wasserstein1Relative.mean!);
      expect(totalShift!.wasserstein1.mean).toBeGreaterThan(stepShift!.wasserstein1.mean!);
    }
  });

  it("finds beta and gamma where mean and standard deviation are looked for after a BatchNorm", () => {
    const network = model();
    const norm = network.children.get("1") as BatchNorm;
    const shift = new ShiftOverTraining({ places });
    const before = [...norm.beta!.value.data];
    train(network, 3, 3, shift);
    const { totalShift } = shift.report().records[1]!;
    const moved = Array.from(norm.beta!.value.data, (beta, c) => Math.abs(beta - before[c]!));
    expect(totalShift!.absoluteMeanShift.perUnit).toEqual(allAbout(moved, 6));
    expect(totalShift!.stdRatio.perUnit).toEqual(allAbout(Array.from(norm.gamma!.value.data), 4));
  });

  it("reports plain JSON, the same for the same run", () => {
    const run = (): unknown => {
      const shift = new ShiftOverTraining({ places });
      train(model(), 4, 2, shift);
      return shift.report();
    };
    const report = run();
    expect(run()).toEqual(report);
    expect(parseReport(stringifyReport(report))).toEqual(report);
    expect(report).toMatchObject({ probe: "ShiftOverTraining", kinds: { records: "exact" }, places, axis: 1 });
    expect(JSON.stringify(report)).not.toContain("pValue");
  });

  it("keeps copies: an output that is used again changes nothing", () => {
    const data = Float64Array.of(1, 2, 3, 4);
    const shift = new ShiftOverTraining({ places: { a: "linear" } });
    const reused = { shape: [4, 1], data };
    shift.start()("a", reused);
    shift.before(1)("a", reused);
    expectBits("output", data, [1, 2, 3, 4]);
    data.fill(9);
    shift.after(1)("a", reused);
    expect(shift.report().records[0]!.stepShift!.wasserstein1.perUnit).toEqual([6.5]);
  });

  it("ignores paths that it was not asked for", () => {
    const shift = new ShiftOverTraining({ places: { a: "linear" } });
    const one = samples([2, 1], 1, 2);
    const look = (observe: Observer): void => {
      observe("b", samples([1], NaN));
      observe("a", one);
    };
    look(shift.start());
    look(shift.before(1));
    look(shift.after(1));
    look(shift.secondBatch(1));
    expect(shift.report().records.map(({ path }) => path)).toEqual(["a"]);
  });

  function memoryOfValues(network: Sequential): unknown {
    const { parameters, statistics } = memoryOf(network) as {
      parameters: [string, number, number[]][];
      statistics: unknown;
    };
    return { parameters: parameters.map(([path, , values]) => [path, values]), statistics };
  }
});

describe("errors", () => {
  const one = samples([2, 1], 1, 2);
  const fresh = (): ShiftOverTraining => new ShiftOverTraining({ places: { a: "linear", b: "layerInput" } });
  const show = (observe: Observer, ...paths: string[]): void => {
    for (const path of paths) observe(path, one);
  };
  const started = (): ShiftOverTraining => {
    const shift = fresh();
    show(shift.start(), "a", "b");
    return shift;
  };

  it.each<[unknown, string]>([
    [undefined, "TypeError: ShiftOverTraining: expected options to be an object, got undefined"],
    [{}, "TypeError: ShiftOverTraining: expected the option places, got none"],
    [{ places: {} }, "RangeError: ShiftOverTraining: expected places to name at least one path, got none"],
    [
      { places: { "0": "input" } },
      'TypeError: ShiftOverTraining: expected the place of "0" to be "linear" or "preActivation" or "layerInput", got "input"',
    ],
    [
      { places: { "0": "linear" }, axis: 0 },
      "RangeError: ShiftOverTraining: expected axis to be other than 0, which counts the rows, got 0",
    ],
  ])("%j as options", (options, message) => {
    expect(thrownBy(() => new ShiftOverTraining(options as ShiftOverTrainingOptions))).toBe(message);
  });

  it.each<[string, () => unknown, string]>([
    [
      "a step without a start",
      () => fresh().before(1),
      "RangeError: ShiftOverTraining.before: expected a pass with start() to come first, got none",
    ],
    [
      "a start that did not show every place",
      () => {
        const shift = fresh();
        show(shift.start(), "a", "c");
        shift.before(1);
      },
      'RangeError: ShiftOverTraining.before: expected the pass with start() to include ["b"], got only ["a"] - check the paths',
    ],
    [
      "after without before",
      () => started().after(1),
      "RangeError: ShiftOverTraining.after: expected a pass with before(1) to come first, got none",
    ],
    [
      "after of another step",
      () => {
        const shift = started();
        show(shift.before(1), "a", "b");
        shift.after(2);
      },
      "RangeError: ShiftOverTraining.after: expected a pass with before(2) to come first, got step 1",
    ],
    [
      "after twice",
      () => {
        const shift = started();
        show(shift.before(1), "a", "b");
        show(shift.after(1), "a", "b");
        shift.after(1);
      },
      "RangeError: ShiftOverTraining.after: expected a pass with before(1) to come first, got none",
    ],
    [
      "a step that was",
      () => {
        const shift = started();
        show(shift.before(3), "a", "b");
        show(shift.after(3), "a", "b");
        shift.before(3);
      },
      "RangeError: ShiftOverTraining.before: expected a step later than 3, got 3",
    ],
    [
      "a step 0",
      () => started().before(0),
      "RangeError: ShiftOverTraining.before: expected step to be a whole number of at least 1, got 0",
    ],
    [
      "a start later",
      () => {
        const shift = started();
        shift.before(1);
        shift.start();
      },
      "RangeError: ShiftOverTraining.start: expected a start before the first step, got a start after it - use another ShiftOverTraining for another run",
    ],
    [
      "a second batch before after",
      () => started().secondBatch(1),
      "RangeError: ShiftOverTraining.secondBatch: expected a pass with after(1) to come first, got none",
    ],
    [
      "other rows",
      () => {
        const shift = started();
        shift.before(1)("a", samples([3, 1], 1, 2, 3));
      },
      'ShapeError: ShiftOverTraining.before "a": expected 2 rows of 1 units, as at the start, got 3 rows of 1 units - use the same probe batch in every pass',
    ],
    [
      "other units in the second batch",
      () => {
        const shift = started();
        show(shift.before(1), "a", "b");
        show(shift.after(1), "a", "b");
        shift.secondBatch(1)("a", samples([3, 2], 1, 2, 3, 4, 5, 6));
      },
      'ShapeError: ShiftOverTraining.secondBatch "a": expected 2 rows of 1 units, as at the start, got 3 rows of 2 units - use the same probe batch in every pass',
    ],
    [
      "two passes with one observer",
      () => {
        const shift = fresh();
        show(shift.start(), "a", "a");
      },
      'RangeError: ShiftOverTraining.start "a": expected one output per pass, got a second output',
    ],
  ])("%s", (_, call, message) => {
    expect(thrownBy(call)).toBe(message);
  });

  it("leave what was seen as it was", () => {
    const shift = started();
    show(shift.before(1), "a", "b");
    const after = shift.after(1);
    after("a", one);
    expect(thrownBy(() => after("b", samples([1], 1)))).toContain("ShapeError");
    expect(shift.report().records.map(({ path }) => path)).toEqual(["a"]);
    after("b", one);
    expect(shift.report().records.map(({ path }) => path)).toEqual(["a", "b"]);
  });

  it("a start may be shown again until a step is watched", () => {
    const shift = started();
    const again = shift.start();
    show(again, "a", "b");
    show(shift.before(1), "a", "b");
    show(shift.after(1), "a", "b");
    expect(shift.report().records.length).toBe(2);
  });
});
