/**
 * Distances between the two parts of a split of rows, feature by feature, for thousands of splits of the same values.
 *
 * Each feature is sorted once. A split is then one walk along its values, in which s = (how many of a so far) m - (how many
 * of b so far) n is a whole number and F - G = s / (n m r), r values of the feature in a row.
 */

import type { PooledRows } from "./pooled-rows.js";
import { featureView, gatherColumns } from "./feature-columns.js";
import { momentsOfRange } from "./moments.js";

/** The distances that can be tested: figures of `compareSamples`. */
export type TestStatistic = "wasserstein1" | "kolmogorovSmirnov" | "energyDistance" | "absoluteMeanShift";

/** A feature of all rows, in rising order. */
export interface SortedFeature {
  /** The row of the i-th smallest value. */
  readonly row: Uint32Array;
  /** The i-th smallest value, less the mean of all: a shift does not depend on it, its rounding does. */
  readonly centered: Float64Array;
  /** The distance from the i-th smallest value to the next: 0 within ties, and behind the last. */
  readonly gap: Float64Array;
  /** The standard deviation of all values: no split changes it. */
  readonly std: number;
}

/** Sorts the features of all rows. */
export function sortFeatures(who: string, { n, m, values, shape }: PooledRows, axis: number): SortedFeature[] {
  const view = featureView(who, { shape, data: values }, axis);
  const columns = gatherColumns(values, view);
  const perRow = columns.count / (n + m);
  return Array.from({ length: view.features }, (_, c) => {
    const column = columns.values.subarray(columns.starts[c], columns.starts[c + 1]);
    const { mean, m2, count } = momentsOfRange(column, 0, column.length);
    const order = Uint32Array.from(column, (_, i) => i).sort((i, j) => column[i]! - column[j]!);
    return {
      row: order.map((i) => Math.floor(i / perRow)),
      centered: Float64Array.from(order, (i) => column[i]! - mean),
      gap: Float64Array.from(order, (i, k) => (k + 1 < count ? column[order[k + 1]!]! - column[i]! : 0)),
      std: Math.sqrt(m2 / count),
    };
  });
}

/** The distance between the n rows of weight m and the m rows of weight -n. */
export function splitStatistic(
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
export function scaleOf(statistic: TestStatistic, { std }: SortedFeature): number {
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
