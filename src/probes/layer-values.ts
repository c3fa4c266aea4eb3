/** Layer values: a copy of what a layer gave, each unit's values sorted, ready to be compared with what it gives later. */

import type { Samples } from "../core/samples.js";
import { featureView, gatherColumns } from "./feature-columns.js";
import { momentsOfRange } from "./moments.js";

/** A sample in rising order, with its mean and variance. */
export interface SortedSample {
  readonly values: Float64Array;
  readonly mean: number;
  readonly variance: number;
}

/** The values of a layer on some rows. */
export interface LayerValues {
  readonly rows: number;
  /** One sample a unit. */
  readonly units: readonly SortedSample[];
  /** All units and rows as one sample. */
  readonly pooled: SortedSample;
  /** How many values are NaN or infinite; they are not in the samples. */
  readonly notFinite: number;
  /** How many there are of all. */
  readonly count: number;
}

/** Copies and sorts the values of a layer: of all rows, or of those with even or odd numbers. */
export function layerValues(
  who: string,
  output: Samples,
  axis: number,
  part: "all" | "even" | "odd" = "all",
): LayerValues {
  const view = featureView(who, output, axis);
  const { values, starts, nans, infinities, features, count } = gatherColumns(output.data, view);
  const perRow = view.rows === 0 ? 0 : count / view.rows;
  let notFinite = 0;
  for (let c = 0; c < features; c++) notFinite += nans[c]! + infinities[c]!;
  // Values that are not finite have left gaps, and rows are then no longer to be told apart. Nothing is compared in that case.
  const wanted = (i: number): boolean => Math.floor(i / perRow) % 2 === (part === "even" ? 0 : 1);
  const units = Array.from({ length: features }, (_, c) => {
    const column = values.subarray(starts[c], starts[c + 1]);
    return sorted(part === "all" ? column : column.filter((_, i) => wanted(i)));
  });
  const pooled = new Float64Array(units.reduce((size, unit) => size + unit.values.length, 0));
  let end = 0;
  for (const unit of units) {
    pooled.set(unit.values, end);
    end += unit.values.length;
  }
  const rows = part === "all" ? view.rows : part === "even" ? Math.ceil(view.rows / 2) : Math.floor(view.rows / 2);
  return { rows, units, pooled: sorted(pooled), notFinite, count: count * features };
}

/** Sorts in place. */
function sorted(values: Float64Array): SortedSample {
  values.sort();
  const { count, mean, m2 } = momentsOfRange(values, 0, values.length);
  return { values, mean, variance: m2 / count };
}
