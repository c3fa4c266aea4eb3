/** Shift over training: how much the values inside a network change in one update, and since the beginning. */

import { complaint, expectCount, expectObject, expectOneOf, ShapeError, show } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Samples } from "../../core/samples.js";
import { compareSorted, relativeTo } from "../distances/sample-distances.js";
import type { Figure, Kinds, Reasons } from "../shared/report.js";
import type { Observer } from "../values/activation-recorder.js";
import { expectFeatureAxis, gatherColumns, sampleView } from "../values/feature-columns.js";
import { momentsOfRange } from "../values/moments.js";
import { quantilesOf } from "../values/quantiles.js";
import { positionWeights, type RowWeights } from "../values/row-weights.js";

/** Options for `ShiftOverTraining`. */
export interface ShiftOverTrainingOptions {
  /** The layers to measure, by path, with the kind of their output. */
  readonly places: Readonly<Record<string, ActivationPlace>>;
  /** The axis of the units: 1 for [N, C] and [N, C, ...], -1 for channels-last. Default: 1. */
  readonly axis?: number | undefined;
}

const shiftOverTrainingRules = {
  places: { kind: "any" },
  axis: { kind: "integer", default: 1 },
} as const satisfies OptionRules<ShiftOverTrainingOptions>;

/** Options for the passes of `ShiftOverTraining`. */
export interface ShiftPassOptions {
  /** The `rowWeights` of the same pass, each 0 or 1. Rows or positions of weight 0 are ignored. Default: every row counts. */
  readonly rowWeights?: RowWeights | undefined;
}

const passRules = { rowWeights: { kind: "any", optional: true } } as const satisfies OptionRules<ShiftPassOptions>;

/** All records and the settings. Plain JSON. */
export interface ShiftOverTrainingReport {
  readonly probe: "ShiftOverTraining";
  readonly kinds: Kinds;
  readonly places: Readonly<Record<string, ActivationPlace>>;
  readonly axis: number;
  /** Ordered by step, and within a step by the order of the pass. */
  readonly records: readonly ShiftRecord[];
}

/** The values observed in one pass. */
interface ObservedPass {
  readonly who: string;
  readonly step: number;
  readonly rowWeights: RowWeights | undefined;
  readonly seen: Map<string, LayerValues>;
}

/**
 * Measures how much the values inside a network change during training, always on the same rows.
 *
 * Each method returns an observer for one forward pass of a fixed probe batch in mode "probe". 256 rows work well. Call
 * `start` before the first update, and `before` and `after` around the update of each step to measure. Optionally, call
 * `secondBatch` with a different batch of the same size. Do not use the training batches: the difference between two random
 * batches is much larger than the effect of one update.
 *
 * There is no p-value. The rows are the same before and after, so all change is caused by the updates. Compare it with the
 * floors, which are the distances between two batches at the same parameters. After a BatchNorm that uses batch statistics,
 * mean and variance equal beta and gamma² (up to epsilon), so they change little by construction.
 *
 * - **Shapes**: outputs [N, C] or [N, C, ...]; channels-last with axis -1
 * - **Units**: absolute distances in the unit of the activation, relative ones in standard deviations
 * - **Modes**: use mode "probe" for the passes
 * - **Numerics**: exact sample statistics. If values of a layer are not finite, its shift is null, with a reason
 * - **Cost**: sorts the values of each layer twice per pass, about 0.2 µs per value. Stores the values of three passes
 * - **Source**: step shift as in Santurkar et al. 2018, figure 8. The 1-Wasserstein distance replaces their moments
 *
 * @throws {TypeError | RangeError} if an option is invalid
 * @example
 * const shift = new ShiftOverTraining({ places: { "0": "linear" } });
 * const forward = (observe: Observer, data: number[]) => observe("0", { shape: [4, 1], data });   // a model's forward pass
 * forward(shift.start(), [1, 2, 2, 5]);
 * forward(shift.before(1), [1, 2, 2, 5]);
 * forward(shift.after(1), [2, 3, 3, 6]);
 * shift.report().records[0]?.stepShift?.wasserstein1.perUnit;   // => [1]
 */
export class ShiftOverTraining {
  private readonly places: ReadonlyMap<string, ActivationPlace>;
  private readonly axis: number;
  private readonly drafts: ShiftDraft[] = [];
  private startPass: ObservedPass | null = null;
  private beforePass: ObservedPass | null = null;
  private afterPass: ObservedPass | null = null;

  /** Creates a measurement without records. */
  constructor(options: ShiftOverTrainingOptions) {
    const who = "ShiftOverTraining";
    const { places, axis } = readOptions(who, options, shiftOverTrainingRules);
    expectObject(who, "places", places);
    const entries = Object.entries(places);
    if (entries.length === 0) throw new RangeError(complaint(who, "places to name at least one path", "none"));
    for (const [path, place] of entries) {
      expectOneOf(who, `the place of ${show(path)}`, place, ["linear", "preActivation", "layerInput"]);
    }
    expectFeatureAxis(who, axis);
    this.places = new Map(entries);
    this.axis = axis;
  }

  /** Returns the observer for a pass before the first update, the reference for the total shift. */
  start(options: ShiftPassOptions = {}): Observer {
    const who = "ShiftOverTraining.start";
    const { rowWeights } = readOptions(who, options, passRules);
    if (this.beforePass !== null || this.afterPass !== null) {
      const cure = "use another ShiftOverTraining for another run";
      throw new RangeError(complaint(who, "a start before the first step", "a start after it", cure));
    }
    return this.observe((this.startPass = { who, step: 0, rowWeights, seen: new Map() }));
  }

  /** Returns the observer for a pass just before the update of a step. */
  before(step: number, options: ShiftPassOptions = {}): Observer {
    const who = "ShiftOverTraining.before";
    const { rowWeights } = readOptions(who, options, passRules);
    expectCount(who, "step", step);
    this.expectComplete(who, this.startPass, "start()", 0);
    const last = this.afterPass?.step ?? 0;
    if (step <= last) throw new RangeError(complaint(who, `a step later than ${last}`, `${step}`));
    return this.observe((this.beforePass = { who, step, rowWeights, seen: new Map() }));
  }

  /** Returns the observer for a pass just after the update of that step. */
  after(step: number, options: ShiftPassOptions = {}): Observer {
    const who = "ShiftOverTraining.after";
    const { rowWeights } = readOptions(who, options, passRules);
    const before = this.expectComplete(who, this.beforePass, `before(${show(step)})`, step);
    this.beforePass = null;
    const pass = (this.afterPass = { who, step, rowWeights, seen: new Map() });
    return this.observe(pass, (path, place, values, output) => {
      const half = (part: "even" | "odd"): LayerValues => layerValues(who, output, this.axis, rowWeights, part);
      const [even, odd] = [half("even"), half("odd")];
      const found = {
        stepShift: shiftOrReason(before.seen.get(path)!, values),
        totalShift: shiftOrReason(this.startPass!.seen.get(path)!, values),
        splitHalfFloor: shiftOrReason(even, odd),
        secondBatchFloor: "no second batch was observed",
      };
      this.drafts.push({ step, path, place, rows: values.rows, units: values.units.length, found });
    });
  }

  /** Returns the observer for a pass of another batch, after `after` of the same step. It determines a floor for the shift. */
  secondBatch(step: number, options: ShiftPassOptions = {}): Observer {
    const who = "ShiftOverTraining.secondBatch";
    const { rowWeights } = readOptions(who, options, passRules);
    const after = this.expectComplete(who, this.afterPass, `after(${show(step)})`, step);
    return this.observe({ who, step, rowWeights, seen: new Map() }, (path, _, values) => {
      const draft = this.drafts.find((each) => each.step === step && each.path === path)!;
      draft.found.secondBatchFloor = shiftOrReason(after.seen.get(path)!, values);
    });
  }

  /** Returns the records so far and the settings. */
  report(): ShiftOverTrainingReport {
    return {
      probe: "ShiftOverTraining",
      kinds: { records: "exact" },
      places: Object.fromEntries(this.places),
      axis: this.axis,
      records: this.drafts.map(recordOf),
    };
  }

  /** Returns an observer that stores the values of the measured layers and passes them to a callback. */
  private observe(
    pass: ObservedPass,
    handle?: (path: string, place: ActivationPlace, values: LayerValues, output: Samples) => void,
  ): Observer {
    return (path, output) => {
      const place = this.places.get(path);
      if (place === undefined) return;
      const values = this.keepValues(pass, path, output);
      handle?.(path, place, values, output);
    };
  }

  /** Stores the output of a layer. All passes must have the same numbers of rows and units, except for the second batch. */
  private keepValues(pass: ObservedPass, path: string, output: Samples): LayerValues {
    const who = `${pass.who} ${show(path)}`;
    const values = layerValues(who, output, this.axis, pass.rowWeights);
    const first = this.startPass!.seen.get(path);
    const size = ({ rows, units }: LayerValues): string => `${rows} rows of ${units.length} units`;
    const anyRows = pass.who.endsWith("secondBatch");
    if (first !== undefined && size(anyRows ? { ...values, rows: first.rows } : values) !== size(first)) {
      const cure = "use the same probe batch in every pass";
      throw new ShapeError(complaint(who, `${size(first)}, as at the start`, size(values), cure));
    }
    if (pass.seen.has(path)) throw new RangeError(complaint(who, "one output per pass", "a second output"));
    pass.seen.set(path, values);
    return values;
  }

  /** Requires that all layers were observed in a pass of that step. */
  private expectComplete(who: string, pass: ObservedPass | null, name: string, step: number): ObservedPass {
    if (pass === null || pass.step !== step) {
      const got = pass === null ? "none" : `step ${pass.step}`;
      throw new RangeError(complaint(who, `a pass with ${name} to come first`, got));
    }
    const missing = [...this.places.keys()].filter((path) => !pass.seen.has(path));
    if (missing.length > 0) {
      const expected = `the pass with ${name} to include ${show(missing)}`;
      throw new RangeError(complaint(who, expected, `only ${show([...pass.seen.keys()])}`, "check the paths"));
    }
    return pass;
  }
}

/**
 * The kind of a layer's output.
 *
 * - `"linear"`: the output of a Dense layer, before normalization
 * - `"preActivation"`: after normalization, before the activation function
 * - `"layerInput"`: the input of the next Dense layer
 */
export type ActivationPlace = "linear" | "preActivation" | "layerInput";

/** The shift of one layer at one step, with the distances that are due to chance. */
export interface ShiftRecord {
  readonly step: number;
  readonly path: string;
  readonly place: ActivationPlace;
  readonly rows: number;
  readonly units: number;
  /** The shift from just before to just after the update of this step. */
  readonly stepShift: Shift | null;
  /** The shift from the start to just after this step. */
  readonly totalShift: Shift | null;
  /** The distance between the even and the odd rows of the probe batch, just after this step. Each half has half the rows. */
  readonly splitHalfFloor: Shift | null;
  /** The distance between the probe batch and another batch, just after this step. */
  readonly secondBatchFloor: Shift | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

type ShiftName = "stepShift" | "totalShift" | "splitHalfFloor" | "secondBatchFloor";

/** An unfinished record. A string instead of a shift is the reason why it could not be measured. */
interface ShiftDraft extends Pick<ShiftRecord, "step" | "path" | "place" | "rows" | "units"> {
  readonly found: Record<ShiftName, Shift | string>;
}

/** Compares the values of two passes, or returns the reason why they cannot be compared. A diverged run is not an error. */
function shiftOrReason(a: LayerValues, b: LayerValues): Shift | string {
  if (a.notFinite + b.notFinite > 0) {
    return `not finite: ${a.notFinite} of ${a.count} values in the first sample, ${b.notFinite} of ${b.count} in the second`;
  }
  if (a.rows === 0 || b.rows === 0) return `too few rows: ${a.rows} and ${b.rows}`;
  return shiftBetween(a, b);
}

/** Converts a draft to a record. */
function recordOf({ found, ...about }: ShiftDraft): ShiftRecord {
  const shift = (name: ShiftName): Shift | null => (typeof found[name] === "string" ? null : found[name]);
  return {
    ...about,
    stepShift: shift("stepShift"),
    totalShift: shift("totalShift"),
    splitHalfFloor: shift("splitHalfFloor"),
    secondBatchFloor: shift("secondBatchFloor"),
    reasons: Object.fromEntries(Object.entries(found).filter(([, each]) => typeof each === "string")) as Reasons,
  };
}

/** A value per unit, with a summary over the units for which it is defined. */
export interface UnitFigures {
  readonly perUnit: readonly Figure[];
  readonly mean: Figure;
  readonly median: Figure;
  readonly maximum: Figure;
  /** The index of the first unit with the maximum. */
  readonly maximumUnit: number | null;
}

/** The difference between an earlier sample a and a later sample b of the values of a layer. */
export interface Shift {
  /** The numbers of rows of a and b. Distances due to chance depend on them. */
  readonly rows: readonly [number, number];
  /** The 1-Wasserstein distance, in the unit of the activation. */
  readonly wasserstein1: UnitFigures;
  /** wasserstein1 / √((var a + var b) / 2), the distance in standard deviations of the unit. */
  readonly wasserstein1Relative: UnitFigures;
  /** |mean b - mean a|, in the unit of the activation. */
  readonly absoluteMeanShift: UnitFigures;
  /** std b / std a. */
  readonly stdRatio: UnitFigures;
  /** The same for all units and rows as one sample. */
  readonly pooled: {
    readonly wasserstein1: Figure;
    readonly wasserstein1Relative: Figure;
    readonly absoluteMeanShift: Figure;
    readonly stdRatio: Figure;
  };
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** Compares two samples of one layer. All values are finite, and both have the same units and at least one value per unit. */
function shiftBetween(a: LayerValues, b: LayerValues): Shift {
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

/** A sorted sample, with its mean and variance. */
interface SortedSample {
  readonly values: Float64Array;
  readonly mean: number;
  readonly variance: number;
}

/** The values of a layer for some rows. */
interface LayerValues {
  readonly rows: number;
  /** One sample per unit. */
  readonly units: readonly SortedSample[];
  /** All units and rows as one sample. */
  readonly pooled: SortedSample;
  /** The number of values that are NaN or infinite. The samples do not contain them. */
  readonly notFinite: number;
  /** The number of all values. */
  readonly count: number;
}

/** Copies and sorts the values of a layer that are not masked, for all rows or for every second one. */
function layerValues(
  who: string,
  output: Samples,
  axis: number,
  rowWeights: RowWeights | undefined,
  part: "all" | "even" | "odd" = "all",
): LayerValues {
  const view = sampleView(who, output, axis);
  const mask = new Float64Array(view.outer * view.inner).fill(1);
  if (rowWeights !== undefined) mask.set(maskOf(who, rowWeights, output, axis));
  const perRow = mask.length / view.rows;
  const positionsOf = (row: number): Float64Array => mask.subarray(row * perRow, (row + 1) * perRow);
  const counted = Array.from({ length: view.rows }, (_, row) => row).filter((row) => positionsOf(row).includes(1));
  const isWanted = (i: number): boolean => part === "all" || i % 2 === (part === "even" ? 0 : 1);
  const rows = counted.filter((_, i) => isWanted(i));
  for (const [i, row] of counted.entries()) if (!isWanted(i)) positionsOf(row).fill(0);
  const { values, starts, nans, infinities, features, count } = gatherColumns(output.data, view, undefined, mask);
  let notFinite = 0;
  for (let c = 0; c < features; c++) notFinite += nans[c]! + infinities[c]!;
  const units = Array.from({ length: features }, (_, c) => sorted(values.slice(starts[c], starts[c + 1])));
  const pooled = new Float64Array(units.reduce((size, unit) => size + unit.values.length, 0));
  let end = 0;
  for (const unit of units) {
    pooled.set(unit.values, end);
    end += unit.values.length;
  }
  return { rows: rows.length, units, pooled: sorted(pooled), notFinite, count: count * features };
}

/** Requires row weights of 0 and 1 and returns the weight of each position. */
function maskOf(who: string, rowWeights: RowWeights, { shape }: Samples, axis: number): Float64Array {
  const mask = positionWeights(who, rowWeights, shape, axis);
  const bad = mask.find((weight) => weight !== 0 && weight !== 1);
  if (bad === undefined) return mask;
  throw new RangeError(complaint(who, "row weights of 0 and 1", show(bad), "fractional weights are not supported"));
}

/** Sorts in place. */
function sorted(values: Float64Array): SortedSample {
  values.sort();
  const { count, mean, m2 } = momentsOfRange(values, 0, values.length);
  return { values, mean, variance: m2 / count };
}
