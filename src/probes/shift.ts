/** Shift: how far the values of a layer have moved, unit by unit and as a whole. */

import type { Reasons } from "./finite-values.js";
import type { LayerValues, SortedSample } from "./layer-values.js";
import { quantilesOf } from "./quantiles.js";
import { compareSorted, relativeTo } from "./sample-distances.js";
import type { Figure } from "./summary.js";

/** A figure of every unit, and three numbers that stand for all. They leave out the units where it is not defined. */
export interface UnitFigures {
  readonly perUnit: readonly Figure[];
  readonly mean: Figure;
  readonly median: Figure;
  readonly maximum: Figure;
  /** The unit that has the maximum, the first if there are several. */
  readonly maximumUnit: number | null;
}

/** From a to b, an earlier and a later sample of a layer's values. */
export interface Shift {
  /** How many rows a and b have: what chance alone gives depends on it. */
  readonly rows: readonly [number, number];
  /** Raw: in the unit of the activation. */
  readonly wasserstein1: UnitFigures;
  /** In standard deviations of the unit: wasserstein1 / √((var a + var b) / 2). */
  readonly wasserstein1Relative: UnitFigures;
  /** |mean b - mean a|, in the unit of the activation. */
  readonly absoluteMeanShift: UnitFigures;
  /** std b / std a. */
  readonly stdRatio: UnitFigures;
  /** All units and rows as one sample. */
  readonly pooled: {
    readonly wasserstein1: Figure;
    readonly wasserstein1Relative: Figure;
    readonly absoluteMeanShift: Figure;
    readonly stdRatio: Figure;
  };
  /** Why a figure is null, by its name. */
  readonly reasons: Reasons;
}

/** Compares two samples of the values of one layer, all finite: as many units in each, and at least one value a unit. */
export function shiftBetween(a: LayerValues, b: LayerValues): Shift {
  const pairs = a.units.map((unit, c) => compareUnit(unit, b.units[c]!));
  const pooled = compareUnit(a.pooled, b.pooled);
  const reasons: Record<string, string> = {};
  const why = "no variance, or beyond double precision";
  const figures = (name: keyof Shift["pooled"]): UnitFigures => {
    const perUnit = pairs.map((pair) => pair[name]);
    const without = perUnit.filter((figure) => figure === null).length;
    if (without > 0) reasons[name] = `not defined in ${without} of ${perUnit.length} units: ${why}`;
    if (pooled[name] === null) reasons[`pooled.${name}`] = `not defined: ${why}`;
    return overUnits(perUnit);
  };
  return {
    rows: [a.rows, b.rows],
    wasserstein1: figures("wasserstein1"),
    wasserstein1Relative: figures("wasserstein1Relative"),
    absoluteMeanShift: figures("absoluteMeanShift"),
    stdRatio: figures("stdRatio"),
    pooled,
    reasons,
  };
}

function compareUnit(a: SortedSample, b: SortedSample): Shift["pooled"] {
  const { area } = compareSorted(a.values, b.values);
  return {
    wasserstein1: orNull(area),
    wasserstein1Relative: orNull(relativeTo(area, a.variance, b.variance)),
    absoluteMeanShift: orNull(Math.abs(b.mean - a.mean)),
    stdRatio: orNull(a.variance === 0 ? null : Math.sqrt(b.variance) / Math.sqrt(a.variance)),
  };
}

function orNull(figure: Figure): Figure {
  return Number.isFinite(figure) ? figure : null;
}

function overUnits(perUnit: readonly Figure[]): UnitFigures {
  const defined = perUnit.filter((figure) => figure !== null);
  if (defined.length === 0) return { perUnit, mean: null, median: null, maximum: null, maximumUnit: null };
  const maximum = defined.reduce((largest, figure) => Math.max(largest, figure), -Infinity);
  return {
    perUnit,
    mean: defined.reduce((sum, figure) => sum + figure, 0) / defined.length,
    median: quantilesOf(defined, [0.5])[0]!,
    maximum,
    maximumUnit: perUnit.indexOf(maximum),
  };
}
