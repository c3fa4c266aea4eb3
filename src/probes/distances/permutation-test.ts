/** Permutation test: whether two independent sets of rows differ, feature by feature. */

import type { Samples } from "../../core/samples.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Kinds } from "../shared/report.js";
import { expectFeatureAxis, gatherColumns, sampleView } from "../values/feature-columns.js";
import { momentsOfRange } from "../values/moments.js";
import { benjaminiHochberg } from "./benjamini-hochberg.js";
import {
  type PermutationOptions,
  type PermutationsMade,
  permuteRows,
  type PooledRows,
  poolRows,
  reserveSplits,
  resultInTurns,
} from "./row-permutations.js";

/** Options for `permutationTest`. */
export interface PermutationTestOptions extends PermutationOptions {
  /** The distance to test. Default: "wasserstein1". */
  readonly statistic?: TestStatistic | undefined;
  /** The axis of the features: 1 for [N, C] and [N, C, ...], -1 for channels-last. Default: 1. */
  readonly axis?: number | undefined;
}

const permutationTestRules = {
  statistic: {
    kind: "word",
    words: ["wasserstein1", "kolmogorovSmirnov", "energyDistance", "absoluteMeanShift"],
    default: "wasserstein1",
  },
  axis: { kind: "integer", default: 1 },
  permutations: { kind: "any", default: 999 },
  random: { kind: "random", optional: true },
} as const satisfies ProbeRules<PermutationTestOptions>;

/** The report of `permutationTest`. The arrays have one element per feature. */
export interface PermutationTestReport extends PermutationsMade {
  readonly probe: "permutationTest";
  readonly kinds: Kinds;
  readonly statistic: TestStatistic;
  readonly axis: number;
  /** The number of rows of a. */
  readonly n: number;
  /** The number of rows of b. */
  readonly m: number;
  readonly features: number;
  /** The distance between a and b, in the unit of the statistic. */
  readonly observed: readonly number[];
  /** The p-value of each feature, not adjusted for the number of features. */
  readonly pValues: readonly number[];
  /** Adjusted by `benjaminiHochberg`, to control the false discovery rate. */
  readonly pValuesAdjusted: readonly number[];
  /**
   * Adjusted to control the probability of any false finding, by comparison with the largest distance of all features, each in
   * units of its spread. Valid for any number of permutations and any dependence between features.
   */
  readonly pValuesFamilywise: readonly number[];
}

/**
 * Tests for each feature whether two sets of rows may have the same distribution.
 *
 *     p = (1 + #{T of permuted rows >= T observed}) / (1 + permutations)
 *
 * The two sets must be *independent*, for example two data sets at the same parameters. The same rows before and after an
 * update are paired. Their shift is caused by the update, so there is nothing to test, and this test would not detect it. (If
 * every value of 256 rows is shifted by 0.05 standard deviations, the median p-value is 0.99.) Use `ShiftOverTraining` instead.
 *
 * - **Shapes**: a [n, C] or [n, C, ...], b [m, C] or [m, C, ...]
 * - **Numerics**: ties are counted, up to a relative 1e-12. Whole rows are permuted, with all features together
 * - **Cost**: O(permutations × values). Twice 256 rows of 100 features with 999 permutations take about 0.4 s
 * - **Source**: Phipson & Smyth 2010 (the 1 +); Benjamini & Hochberg 1995; Westfall & Young 1993 (the largest of all
 *   features)
 *
 * @throws {ShapeError} if a sample has no rows, or the rows differ in shape
 * @throws {RangeError | TypeError} if a value is not finite or an option is invalid
 * @example
 * const a = { shape: [4], data: [1, 2, 2, 5] };
 * const b = { shape: [3], data: [0, 2, 4] };
 * const { pValues, permutations } = await permutationTest(a, b, { permutations: "all" });
 * pValues;        // => about [0.914286]
 * permutations;   // => 35
 */
export async function permutationTest(
  a: Samples,
  b: Samples,
  options: PermutationTestOptions,
): Promise<PermutationTestReport> {
  const who = "permutationTest";
  const read = readProbeOptions(who, options, permutationTestRules);
  const { statistic, axis } = read;
  expectFeatureAxis(who, axis);
  const rows = poolRows(who, a, b);
  const splits = await reserveSplits(who, rows, read);
  const features = await resultInTurns(who, sortFeatures(who, rows, axis), read);
  const scales = features.map((feature) => scaleOf(statistic, feature));
  const counts = await permuteRows(who, rows, read, splits, scales, (weights, into) => {
    for (const [j, feature] of features.entries())
      into[j] = splitStatistic(statistic, feature, weights, rows.n, rows.m);
  });
  const { kind } = counts;
  return {
    probe: who,
    kinds: { observed: "exact", pValues: kind, pValuesAdjusted: kind, pValuesFamilywise: kind },
    statistic,
    axis,
    n: rows.n,
    m: rows.m,
    features: features.length,
    observed: Array.from(counts.observed),
    pValues: counts.pValues,
    pValuesAdjusted: benjaminiHochberg(counts.pValues),
    pValuesFamilywise: counts.pValuesFamilywise,
    ...counts.made,
  };
}

/*
 * Each feature is sorted once, and the statistic of a split is then computed in one pass over its values. The integer s is
 * (number of values of a so far) m - (number of values of b so far) n, and F - G = s / (n m r) for r values per row.
 */

/** The distances that can be tested; see `compareSamples`. */
export type TestStatistic = "wasserstein1" | "kolmogorovSmirnov" | "energyDistance" | "absoluteMeanShift";

/** The sorted values of a feature. */
interface SortedFeature {
  /** The row of the i-th smallest value. */
  readonly row: Uint32Array;
  /** The i-th smallest value minus the mean of all values, which reduces rounding errors. */
  readonly centered: Float64Array;
  /** The distance from the i-th smallest value to the next, or 0 for ties and for the last value. */
  readonly gap: Float64Array;
  /** The standard deviation of all values, which is the same for all splits. */
  readonly std: number;
}

/** Sorts the features of all rows. Yields after every feature. */
function* sortFeatures(
  who: string,
  { n, m, values, shape }: PooledRows,
  axis: number,
): Generator<undefined, SortedFeature[], undefined> {
  const view = sampleView(who, { shape, data: values }, axis);
  const columns = gatherColumns(values, view);
  const perRow = columns.count / (n + m);
  const features: SortedFeature[] = [];
  for (let c = 0; c < view.features; c++) {
    const column = columns.values.subarray(columns.starts[c], columns.starts[c + 1]);
    const { mean, m2, count } = momentsOfRange(column, 0, column.length);
    const order = Uint32Array.from(column, (_, i) => i).sort((i, j) => column[i]! - column[j]!);
    features.push({
      row: order.map((i) => Math.floor(i / perRow)),
      centered: Float64Array.from(order, (i) => column[i]! - mean),
      gap: Float64Array.from(order, (i, k) => (k + 1 < count ? column[order[k + 1]!]! - column[i]! : 0)),
      std: Math.sqrt(m2 / count),
    });
    yield;
  }
  return features;
}

/** Returns the distance between the n rows of weight m and the m rows of weight -n. */
function splitStatistic(
  statistic: TestStatistic,
  { row, centered, gap }: SortedFeature,
  weights: Float64Array,
  n: number,
  m: number,
): number {
  let s = 0;
  let area = 0;
  let square = 0;
  let largest = 0;
  let shift = 0;
  for (let i = 0; i < row.length; i++) {
    const step = weights[row[i]!]!;
    s += step;
    shift += step * centered[i]!;
    const size = Math.abs(s);
    area += size * gap[i]!;
    square += size * size * gap[i]!;
    // F and G are not compared within ties, and they are equal after the last value.
    if (gap[i]! > 0 && size > largest) largest = size;
  }
  const whole = (n * m * row.length) / (n + m);
  switch (statistic) {
    case "wasserstein1":
      return area / whole;
    case "kolmogorovSmirnov":
      return largest / whole;
    case "energyDistance":
      return Math.sqrt(2 * square) / whole;
    case "absoluteMeanShift":
      return Math.abs(shift) / whole;
  }
}

/** Returns a scale that makes the statistics of different features comparable: how the statistic grows with the spread. */
function scaleOf(statistic: TestStatistic, { std }: SortedFeature): number {
  switch (statistic) {
    case "wasserstein1":
    case "absoluteMeanShift":
      return std;
    case "energyDistance":
      return Math.sqrt(std);
    case "kolmogorovSmirnov":
      return 1;
  }
}
