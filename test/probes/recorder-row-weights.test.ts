/** The recorder with row weights: rows of weight 0 may hold anything, and the others count in proportion to their weights. */
import { BatchNorm, Random, Tensor } from "batchnorm";
import {
  ActivationRecorder,
  type ActivationRecord,
  type ActivationRecorderOptions,
  mergeActivationRecords,
  type RowWeights,
  type Samples,
} from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { about, allAbout } from "../support/about.js";

const edges = [-2, -1, 0, 1, 2];
const samples = (shape: readonly number[], data: ArrayLike<number>): Samples => ({ shape, data });

function record(output: Samples, rowWeights?: RowWeights, options: ActivationRecorderOptions = {}): ActivationRecord {
  const recorder = new ActivationRecorder({ edges, ...options });
  recorder.at(0, { rowWeights })!("a", output);
  return recorder.records[0]!;
}

const normals = (count: number, seed = 1): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.normal());
};

describe("rows of weight 0", () => {
  it.each([NaN, Infinity, 0, 1e300])("do not count, though they hold %s", (junk) => {
    const kept = [7, 1, 0, -2, -0.5, 3, 3, 0];
    const data = [...kept.slice(0, 4), junk, junk, ...kept.slice(4), junk, junk];
    const whole = record(samples([6, 2], data), [1, 1, 0, 1, 1, 0]);
    expect(whole).toEqual(record(samples([4, 2], kept)));
    expect(whole.layer).toMatchObject({ count: 8, finite: 8, nanFraction: 0, infiniteFraction: 0, zeroFraction: 0.25 });
  });

  it("are those that a BatchNorm leaves out of its statistics", () => {
    const random = new Random(2);
    const input = Tensor.normal([8, 3], { random, mean: 4, dtype: "float64" });
    input.data.fill(NaN, 15);
    const rowWeights = [1, 2, 0.5, 1, 1, 0, 0, 0];
    const recorder = new ActivationRecorder();
    const norm = new BatchNorm({ features: 3, epsilon: 0, dtype: "float64" });
    const { output } = norm.forward(input, { mode: "probe", rowWeights });
    recorder.at(0, { rowWeights })!("a", output);
    const { features } = recorder.records[0]!;
    expect(features!.mean).toEqual(allAbout([0, 0, 0], 12));
    expect(features!.variance).toEqual(allAbout([1, 1, 1], 12));
  });

  it("may be positions, in every layout", () => {
    // 2 samples of 3 positions and 2 features; (1, 0) and (0, 2) are padding
    const mask = samples([2, 3], [1, 1, 0, 0, 1, 1]);
    const values = normals(12);
    const at = (n: number, l: number, c: number): number =>
      mask.data[n * 3 + l] === 0 ? NaN : values[(n * 3 + l) * 2 + c]!;
    const first: number[] = [];
    const last: number[] = [];
    const kept: number[] = [];
    for (let n = 0; n < 2; n++) {
      for (let c = 0; c < 2; c++) for (let l = 0; l < 3; l++) first.push(at(n, l, c));
      for (let l = 0; l < 3; l++) for (let c = 0; c < 2; c++) last.push(at(n, l, c));
      for (let l = 0; l < 3; l++) if (mask.data[n * 3 + l] === 1) kept.push(at(n, l, 0), at(n, l, 1));
    }
    const expected = record(samples([4, 2], kept));
    expect(record(samples([2, 2, 3], first), mask)).toEqual(expected);
    expect(record(samples([2, 3, 2], last), mask, { axis: -1 })).toEqual(expected);
    expect(record(samples([2, 2, 3], first), Tensor.from([[1, 1, 0], [0, 1, 1]]))).toEqual(expected); // prettier-ignore
    // One weight per row holds for each of its positions, and so does [N, H] for images [N, C, H, W].
    const rowsOnly = record(samples([2, 2, 3], values), [0, 1]);
    expect(rowsOnly).toEqual(record(samples([1, 2, 3], values.slice(6))));
    expect(record(samples([2, 1, 2, 3], values), samples([2, 2], [0, 1, 1, 0]))).toEqual(
      record(samples([2, 1, 3], values.slice(3, 9))),
    );
  });

  it("are rows without a position that counts, where a layer has merged the positions", () => {
    const mask = samples([3, 2], [0, 0, 1, 0, 0, 1]);
    expect(record(samples([3, 2], [NaN, NaN, 1, 2, 3, 5]), mask)).toEqual(record(samples([2, 2], [1, 2, 3, 5])));
    expect(record(samples([3], [NaN, 1, 2]), [0, 1, 1])).toEqual(record(samples([2], [1, 2])));
  });

  it("may be all rows: nothing is defined then, and the record says so", () => {
    const { layer } = record(samples([2, 1], [NaN, 3]), [0, 0]);
    expect(layer).toMatchObject({ count: 0, finite: 0, mean: null, zeroFraction: null, quantiles: [null, null, null] });
    expect(layer.reasons).toMatchObject({ mean: "no finite values", zeroFraction: "no values" });
  });
});

describe("fractional weights", () => {
  it("count a row in proportion: whole numbers are repetitions, in all but the quantiles", () => {
    const values = [...normals(8), 0, NaN, Infinity, 0.5];
    const repeats = [1, 3, 2, 0, 1, 4];
    const repeated = repeats.flatMap((times, row) =>
      Array.from({ length: times }, () => values.slice(2 * row, 2 * row + 2)).flat(),
    );
    for (const scale of [1, 0.01, 3]) {
      const weights = repeats.map((times) => times * scale);
      const { layer, features } = record(samples([6, 2], values), weights);
      const expected = record(samples([repeated.length / 2, 2], repeated));
      for (const [found, right] of [
        [layer, expected.layer],
        [features!, expected.features!],
      ]) {
        const flat = (value: unknown): number[] => (Array.isArray(value) ? value : [value]) as number[];
        for (const name of ["count", "finite"] as const) {
          expect(flat(found![name])).toEqual(allAbout(flat(right![name]).map((count) => count * scale), 9)); // prettier-ignore
        }
        for (const name of [
          "zeroFraction",
          "nanFraction",
          "infiniteFraction",
          "mean",
          "variance",
          "skewness",
          "kurtosisExcess",
        ] as const) {
          expect(flat(found![name]), name).toEqual(allAbout(flat(right![name]), 11));
        }
        expect(found!.histogram!.counts.flat()).toEqual(
          allAbout(right!.histogram!.counts.flat().map((count) => count * scale), 9), // prettier-ignore
        );
        expect(found!.reasons).toEqual(right!.reasons);
      }
    }
  });

  it("that are equal give the quantiles of unweighted rows", () => {
    const values = normals(31);
    const quantiles = [0, 0.1, 0.5, 0.77, 1];
    for (const weight of [0.3, 7]) {
      const weighted = record(samples([31, 1], values), new Array<number>(31).fill(weight), { quantiles });
      const plain = record(samples([31, 1], values), undefined, { quantiles });
      expect(weighted.layer.quantiles).toEqual(allAbout(plain.layer.quantiles as number[], 12));
    }
  });

  it("interpolate quantiles between the middles of the weights: the worked numbers", () => {
    // Sorted 0, 1, 2 with weights 3, 1, 1: the middles lie at 1.5, 3.5 and 4.5, so 0.5 is at 3, three quarters of the way to 1.
    const quantiles = [0, 0.5, 2 / 3, 0.9, 1];
    const found = record(samples([3, 1], [2, 0, 1]), [1, 3, 1], { quantiles });
    expect(found.layer.quantiles).toEqual([0, about(0.75, 14), about(1, 14), about(1.7, 14), 2]);
    // Ties in any order of the rows.
    const tied = (order: number[]): unknown =>
      record(samples([4, 1], order.map((i) => [0, 1, 1, 2][i]!)), order.map((i) => [1, 5, 2, 0.5][i]!), { quantiles })
        .layer.quantiles; // prettier-ignore
    expect(tied([0, 2, 1, 3])).toEqual(tied([0, 1, 2, 3]));
    expect(tied([3, 1, 2, 0])).toEqual(tied([0, 1, 2, 3]));
    expect(record(samples([2, 1], [4, NaN]), [0.5, 2], { quantiles }).layer.quantiles).toEqual([4, 4, 4, 4, 4]);
  });

  it("add up over the shards of a batch", () => {
    const values = [...normals(10), 0, NaN];
    const weights = [0.5, 1, 0, 2.25, 0.125, 1];
    const shard = (from: number, to: number): ActivationRecord =>
      record(samples([to - from, 2], values.slice(2 * from, 2 * to)), weights.slice(from, to));
    const whole = record(samples([6, 2], values), weights);
    const merged = mergeActivationRecords(shard(0, 2), shard(2, 6));
    for (const name of ["count", "finite", "zeroFraction", "nanFraction", "mean", "variance", "skewness"] as const) {
      expect(merged.layer[name], name).toEqual(about(whole.layer[name]!, 11));
    }
    expect(merged.layer.histogram!.counts).toEqual(allAbout(whole.layer.histogram!.counts, 11));
  });

  it("below 1 in sum still define the mean", () => {
    expect(record(samples([2, 1], [1, 4]), [0.25, 0.125]).layer).toMatchObject({ count: 0.375, mean: 2, variance: 2 });
  });
});

it.each<[unknown, string]>([
  [[1, 1], "expected rowWeights of shape [3] or of more axes of [3], got shape [2]"],
  [samples([3, 2], [1, 1, 1]), "expected rowWeights of shape [3] or of more axes of [3], got shape [3, 2]"],
  [[1, -1, 1], "expected row weights that are finite and not negative, got -1 at index 1"],
  [[1, 1, NaN], "expected row weights that are finite and not negative, got NaN at index 2"],
  [[1, "1", 1], 'expected row weights that are finite and not negative, got "1" at index 1'],
  [7, "expected rowWeights to be an object, got 7"],
])("refuses the row weights %j", (rowWeights, message) => {
  expect(() => record(samples([3, 2], [1, 2, 3, 4, 5, 6]), rowWeights as RowWeights)).toThrow(
    `ActivationRecorder "a": ${message}`,
  );
});

it("refuses a misspelled option", () => {
  expect(() => new ActivationRecorder().at(0, { rowWeight: [1] } as object)).toThrow(
    /^ActivationRecorder.at: .*"rowWeight" - did you mean rowWeights\?$/,
  );
});
