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
  /** Where the features lie: 1, the default, for [N, C] and [N, C, ...], -1 for channels-last. */
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

/** What `permutationTest` returns: one entry per feature in each list. */
export interface PermutationTestReport extends PermutationsMade {
  readonly probe: "permutationTest";
  readonly kinds: Kinds;
  readonly statistic: TestStatistic;
  readonly axis: number;
  /** How many rows a and b have. */
  readonly n: number;
  readonly m: number;
  readonly features: number;
  /** The distance between a and b, in the unit of the statistic. */
  readonly observed: readonly number[];
  /** Of each feature by itself. */
  readonly pValues: readonly number[];
  /** Adjusted for the number of features by Benjamini and Hochberg: the false discovery rate. */
  readonly pValuesAdjusted: readonly number[];
  /**
   * Against the largest distance of any feature, each in units of its own spread: the chance of a single false finding.
   * Holds at any number of permutations, and whatever the dependence between features.
   */
  readonly pValuesFamilywise: readonly number[];
}

/**
 * Tests for each feature whether two sets of rows may come from one distribution.
 *
 *     p = (1 + #{T of permuted rows >= T observed}) / (1 + permutations)
 *
 * Only for two *independent* sets of rows, such as two data sets at the same parameters. The same rows before and after an
 * update are paired, and the shift between them is what the update made: there is nothing to test, and this test would not
 * see it (256 rows, every value moved by 0.05 standard deviations: median p 0.99). Report that shift with its floor instead.
 *
 * - **Shapes**: a [n, C] or [n, C, ...], b [m, C] or [m, C, ...]
 * - **Numerics**: ties count, up to a relative 1e-12; the permutations move whole rows, all features together
 * - **Cost**: O(permutations × values): two times 256 rows of 100 features 999 times take about 0.4 s
 * - **Source**: Phipson & Smyth 2010 (the 1 +); Benjamini & Hochberg 1995; Westfall & Young 1993 (the largest of all
 *   features)
 *
 * @throws {ShapeError} if a sample has no rows, or the rows differ in shape
 * @throws {RangeError | TypeError} if a value is not finite, or an option is not what it should be
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
 * A statistic for thousands of splits of the same values: each feature is sorted once. A split is then one walk along its
 * values, in which s = (how many of a so far) m - (how many of b so far) n is a whole number and F - G = s / (n m r), r
 * values of the feature in a row.
 */

/** The distances that can be tested: figures of `compareSamples`. */
export type TestStatistic = "wasserstein1" | "kolmogorovSmirnov" | "energyDistance" | "absoluteMeanShift";

/** A feature of all rows, in rising order. */
interface SortedFeature {
  /** The row of the i-th smallest value. */
  readonly row: Uint32Array;
  /** The i-th smallest value, less the mean of all: a shift does not depend on it, its rounding does. */
  readonly centered: Float64Array;
  /** The distance from the i-th smallest value to the next: 0 within ties, and behind the last. */
  readonly gap: Float64Array;
  /** The standard deviation of all values: no split changes it. */
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

/** The distance between the n rows of weight m and the m rows of weight -n. */
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
    // Within a tie F and G are not compared; behind the last value they are equal.
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

/** What makes a statistic of one feature comparable with that of another: its size when all is multiplied by the spread. */
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
