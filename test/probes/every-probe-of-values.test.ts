/** What holds for every probe of values: no trace, same values same report, JSON, errors. And that no probe is in neither table. */
import { Random } from "batchnorm";
import * as entry from "batchnorm/probes";
import {
  ActivationRecorder,
  compareHistograms,
  compareSamples,
  filterNormalizedDirection,
  type Kinds,
  histogramOf,
  maximumMeanDiscrepancy,
  mmdTest,
  parseReport,
  permutationTest,
  type PermutationOptions,
  type Samples,
  ShiftOverTraining,
  type ShiftOverTrainingOptions,
  signalPropagation,
  spanShares,
  stringifyReport,
  theorem41,
  type Theorem41Options,
  WeightRotation,
  type WeightRotationOptions,
} from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { probes as probesOfObjectives } from "../support/probe-table.js";

interface Report {
  readonly probe: string;
  readonly kinds: Kinds;
}

interface ValueProbe {
  readonly name: string;
  readonly run: (a: Samples, b: Samples, options?: PermutationOptions) => Report | Promise<Report>;
  /** What an empty sample, and one with a NaN at 2, come to: an error, or what the report says of it. */
  readonly empty: string;
  readonly notFinite: string;
  readonly permutes?: boolean;
}

const seeded = (options: PermutationOptions = {}): PermutationOptions => ({
  permutations: 19,
  random: new Random(3),
  ...options,
});

const valueProbes: readonly ValueProbe[] = [
  {
    name: "compareSamples",
    run: (a, b) => compareSamples(a.data, b.data),
    empty: "ShapeError: compareSamples: expected a to have at least 1 value, got 0",
    notFinite: "RangeError: compareSamples: expected a to be finite, got NaN at 2",
  },
  {
    name: "compareHistograms",
    run: (a, b) => compareHistograms(histogramOf(a.data, [-1, 0, 1]), histogramOf(b.data, [-1, 0, 1])),
    empty: "ShapeError: compareHistograms: expected histograms of at least 1 value each, got 0 and 12",
    notFinite: "RangeError: histogramOf: expected values to be finite, got NaN at 2",
  },
  {
    name: "maximumMeanDiscrepancy",
    run: (a, b) => maximumMeanDiscrepancy(a, b),
    empty: "ShapeError: maximumMeanDiscrepancy: expected a to have at least 1 row, got shape [0, 3]",
    notFinite: "RangeError: maximumMeanDiscrepancy: expected a to be finite, got NaN at 2",
  },
  {
    name: "permutationTest",
    run: (a, b, options) => permutationTest(a, b, seeded(options)),
    empty: "ShapeError: permutationTest: expected a to have at least 1 row, got shape [0, 3]",
    notFinite: "RangeError: permutationTest: expected a to be finite, got NaN at 2",
    permutes: true,
  },
  {
    name: "mmdTest",
    run: (a, b, options) => mmdTest(a, b, seeded(options)),
    empty: "ShapeError: mmdTest: expected a to have at least 1 row, got shape [0, 3]",
    notFinite: "RangeError: mmdTest: expected a to be finite, got NaN at 2",
    permutes: true,
  },
  {
    name: "theorem41",
    run: (a, b) => theorem41(a, b, { epsilon: 1e-5 }),
    empty: "ShapeError: theorem41: expected input to have at least 1 value, got 0",
    notFinite: "RangeError: theorem41: expected input to be finite, got NaN at 2",
  },
  {
    name: "spanShares",
    run: (a, b) => spanShares(vectorsOf(a), vectorsOf(b)),
    empty: "TypeError: spanShares: expected vectors to be an array of at least 1 vector, got []",
    notFinite: "RangeError: spanShares: expected vectors[0] to be finite, got NaN at 2",
  },
  {
    name: "signalPropagation",
    run: (a) => signalPropagation(a),
    empty: "ShapeError: signalPropagation: expected the samples to have at least 1 value, got 0",
    notFinite: "RangeError: signalPropagation: expected the samples to be finite, got NaN at 2",
  },
  {
    name: "ActivationRecorder",
    run: (a) => {
      const recorder = new ActivationRecorder({ edges: [-1, 0, 1] });
      recorder.at(0)?.("1", a);
      return recorder.report();
    },
    empty: '"mean":"no finite values"',
    notFinite: '"nanFraction":0.08333333333333333',
  },
  {
    name: "WeightRotation",
    run: (a, b) => {
      const rotation = new WeightRotation({ learningRate: 0.1, weightDecay: 0.1 });
      rotation.record(0, { w: a.data });
      rotation.record(1, { w: Array.from(a.data, (_, i) => b.data[i % b.data.length]!) });
      return rotation.report();
    },
    empty: 'ShapeError: WeightRotation.record: expected "w" to have at least 1 value, got 0',
    notFinite: '"norms":[null,',
  },
  {
    name: "ShiftOverTraining",
    run: (a, b) => {
      const shift = new ShiftOverTraining({ places: { "1": "linear" } });
      shift.start()("1", a);
      shift.before(1)("1", a);
      shift.after(1)("1", a);
      shift.secondBatch(1)("1", b);
      return shift.report();
    },
    empty: '"stepShift":"too few rows: 0 and 0"',
    notFinite: '"stepShift":"not finite: 1 of 12 values in the first sample, 1 of 12 in the second"',
  },
];

/** One vector per row. */
const vectorsOf = ({ shape, data }: Samples): number[][] =>
  Array.from({ length: shape[0]! }, (_, i) => Array.from(data).slice(i * shape[1]!, (i + 1) * shape[1]!));

const rowsOf = (seed: number): Float64Array => {
  const random = new Random(seed);
  return new Float64Array(12).map(() => random.normal());
};
const samples = (data: ArrayLike<number>): Samples => ({ shape: [data.length / 3, 3], data });

describe.each(valueProbes)("$name", ({ name, run, empty, notFinite, permutes = false }) => {
  it("leaves the values as they were, and keeps none of the caller's arrays", async () => {
    const [a, b] = [rowsOf(1), rowsOf(2)];
    const promise = run(samples(a), samples(b));
    const text = stringifyReport(await promise);
    expect([a, b]).toEqual([rowsOf(1), rowsOf(2)]);
    a.fill(7);
    b.fill(7);
    expect(stringifyReport(await promise)).toBe(text);
  });

  it("gives the same report for the same values, in whatever array they come", async () => {
    const report = await run(samples(rowsOf(1)), samples(rowsOf(2)));
    expect(await run(samples(rowsOf(1)), samples(rowsOf(2)))).toEqual(report);
    expect(await run(samples([...rowsOf(1)]), samples([...rowsOf(2)]))).toEqual(report);
    const single = (seed: number): Float32Array => Float32Array.from(rowsOf(seed));
    expect(await run(samples(single(1)), samples(single(2)))).toEqual(
      await run(samples([...single(1)]), samples([...single(2)])),
    );
  });

  it("reports in plain JSON that comes back whole, and says what its figures are worth", async () => {
    const report = await run(samples(rowsOf(1)), samples(rowsOf(2)));
    const text = stringifyReport(report);
    expect(parseReport(text)).toStrictEqual(report);
    expect(text).not.toMatch(/NaN|undefined/);
    expect(report.probe).toBe(name);
    const kinds = Object.values(report.kinds);
    expect(kinds.length).toBeGreaterThan(0);
    for (const kind of kinds) expect(["exact", "estimate"]).toContain(kind);
    for (const figure of Object.keys(report.kinds)) expect(text).toContain(`"${figure}":`);
  });

  it("says of no rows, and of a value that is not finite, what is wrong", async () => {
    const outcome = async (data: Float64Array): Promise<string> => {
      try {
        return stringifyReport(await run(samples(data), samples(rowsOf(2))));
      } catch (error) {
        return String(error);
      }
    };
    expect(await outcome(new Float64Array(0))).toContain(empty);
    const broken = rowsOf(1);
    broken[2] = NaN;
    expect(await outcome(broken)).toContain(notFinite);
  });

  it("takes a single row", async () => {
    const text = stringifyReport(await run(samples([1, 2, 3]), samples([4, 5, 7])));
    expect(text).not.toMatch(/NaN|undefined/);
  });

  if (permutes) {
    it("waits for its progress to be shown, and stops when its signal says so", async () => {
      const told: number[][] = [];
      const later = new AbortController();
      const onProgress = async (done: number, total: number): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        told.push([done, total]);
        if (done === 3) later.abort(new RangeError("stop now"));
      };
      const stopped = run(samples(rowsOf(1)), samples(rowsOf(2)), { onProgress, signal: later.signal });
      await expect(Promise.resolve(stopped)).rejects.toThrow(new RangeError("stop now"));
      expect(told).toEqual([1, 2, 3].map((done) => [done, 19]));
    });
  }
});

const histogram = histogramOf([1, 2], [0, 3]);
const three = samples([1, 2, 3]);

it.each<[string, string, string, (options: object) => unknown]>([
  ["compareHistograms", "flor", "floor", (options) => compareHistograms(histogram, histogram, options)],
  ["maximumMeanDiscrepancy", "bandWidth", "bandwidth", (options) => maximumMeanDiscrepancy(three, three, options)],
  ["permutationTest", "statistics", "statistic", (options) => permutationTest(three, three, seeded(options))],
  ["mmdTest", "permutation", "permutations", (options) => mmdTest(three, three, seeded(options))],
  ["theorem41", "eps", "epsilon", (options) => theorem41(three, three, options as Theorem41Options)],
  ["ActivationRecorder", "path", "paths", (options) => new ActivationRecorder(options)],
  ["ShiftOverTraining", "place", "places", (options) => new ShiftOverTraining(options as ShiftOverTrainingOptions)],
  ["WeightRotation", "momentun", "momentum", (options) => new WeightRotation(options as WeightRotationOptions)],
  [
    "filterNormalizedDirection",
    "vector",
    "vectors",
    (options) => filterNormalizedDirection(Float64Array.of(1), [], { random: new Random(1), ...options }),
  ],
])("%s refuses the option %s and names %s", async (name, wrong, near, run) => {
  const error = await Promise.resolve()
    .then(() => run({ [wrong]: undefined }))
    .catch((reason: unknown) => reason);
  expect(String(error)).toMatch(new RegExp(`^TypeError: ${name}: .*"${wrong}" - did you mean ${near}\\?$`));
});

it("what a user holds works behind a proxy", () => {
  const recorder = new Proxy(new ActivationRecorder(), {});
  recorder.at(0)?.("1", three);
  expect(recorder.records.length).toBe(1);
  expect(recorder.report().records).toEqual(recorder.records);
  const shift = new Proxy(new ShiftOverTraining({ places: { "1": "linear" } }), {});
  for (const observe of [() => shift.start(), () => shift.before(1), () => shift.after(1)]) observe()("1", three);
  expect(shift.report().records[0]?.stepShift?.wasserstein1.maximum).toBe(0);
});

it("every probe of the entry is in one of the two tables", () => {
  // What is left makes no report of its own: single figures, parts of reports, and how to write them.
  const helpers = [
    ...["benjaminiHochberg", "energyDistance", "kolmogorovSmirnov", "wasserstein1", "gaussianDistances"],
    ...["filterNormalizedDirection", "histogramOf", "histogramQuantile", "mergeHistograms", "quantilesOf"],
    ...["mergeActivationRecords", "mergeMoments", "momentsOf", "momentStatistics", "noMoments"],
    ...["parseReport", "stringifyReport", "stepSizesAround"],
  ];
  const tables = [...probesOfObjectives, ...valueProbes].map(({ name }) => name);
  expect([...tables, ...helpers].sort()).toEqual(Object.keys(entry).sort());
});
