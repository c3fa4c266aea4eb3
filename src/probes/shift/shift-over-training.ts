/** Shift over training: how far the values inside a network move in one update, and since the beginning. */

import { complaint, expectCount, expectObject, expectOneOf, ShapeError, show } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Samples } from "../../core/samples.js";
import { compareSorted, relativeTo } from "../distances/sample-distances.js";
import type { Figure, Kinds, Reasons } from "../shared/report.js";
import type { Observer } from "../values/activation-recorder.js";
import { expectFeatureAxis, gatherColumns, sampleView } from "../values/feature-columns.js";
import { momentsOfRange } from "../values/moments.js";
import { quantilesOf } from "../values/quantiles.js";

/** Where to pass. */
export interface ShiftOverTrainingOptions {
  /** The layers to watch, by path, and what the output of each is. */
  readonly places: Readonly<Record<string, ActivationPlace>>;
  /** Where the units lie: 1, the default, for [N, C] and [N, C, ...], -1 for channels-last. */
  readonly axis?: number | undefined;
}

const shiftOverTrainingRules = {
  places: { kind: "any" },
  axis: { kind: "integer", default: 1 },
} as const satisfies OptionRules<ShiftOverTrainingOptions>;

/** All records, with what they were made with. Plain JSON. */
export interface ShiftOverTrainingReport {
  readonly probe: "ShiftOverTraining";
  readonly kinds: Kinds;
  readonly places: Readonly<Record<string, ActivationPlace>>;
  readonly axis: number;
  /** In the order of steps, and within a step in the order of the pass. */
  readonly records: readonly ShiftRecord[];
}

/** What one pass has shown. */
interface ObservedPass {
  readonly who: string;
  readonly step: number;
  readonly seen: Map<string, LayerValues>;
}

/**
 * Measures how far the values inside a network move while it trains, on the same rows every time.
 *
 * Each method gives an observer for one forward pass of the probe batch (256 rows are a good number) in mode "probe", beside
 * the training passes: `start` before the first update; at each step to be watched `before` its update and `after` it; then,
 * if wanted, `secondBatch` with other rows, as many. Batches of training differ by chance far more than one step moves a
 * unit, so passes over them show nothing.
 *
 * There is no p-value: the rows before and after are the same, what has moved was moved by the updates. Whether fresh data
 * would show it is said by the floors: two batches at the same parameters are that far apart. After a BatchNorm in batch mode
 * mean and variance *are* beta and gamma² (up to epsilon): that they hardly move there is true by construction.
 *
 * - **Shapes**: outputs [N, C] or [N, C, ...]; channels-last with axis -1
 * - **Units**: raw figures in the unit of the activation; relative ones in standard deviations of the unit
 * - **Modes**: the caller's passes: "probe"
 * - **Numerics**: exact sample statistics; a layer that is not finite gives null, and the reason
 * - **Cost**: sorts the values of each place twice per pass, about 0.2 µs a value; keeps three passes' worth of values
 * - **Source**: step shift as in Santurkar et al. 2018, figure 8; the 1-Wasserstein distance in place of moments is our
 *   choice
 *
 * @throws {TypeError | RangeError} if an option is not what it should be
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

  /** Creates a follower that has seen no pass. */
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

  /** For a pass before the first update: what the total shift is measured from. */
  start(): Observer {
    const who = "ShiftOverTraining.start";
    if (this.beforePass !== null || this.afterPass !== null) {
      const cure = "watch another run with another one";
      throw new RangeError(complaint(who, "to come before any step", "a start later", cure));
    }
    return this.observe((this.startPass = { who, step: 0, seen: new Map() }));
  }

  /** For a pass just before the update of a step. */
  before(step: number): Observer {
    const who = "ShiftOverTraining.before";
    expectCount(who, "step", step);
    this.expectComplete(who, this.startPass, "start()", 0);
    const last = this.afterPass?.step ?? 0;
    if (step <= last) throw new RangeError(complaint(who, `a step later than ${last}`, `${step}`));
    return this.observe((this.beforePass = { who, step, seen: new Map() }));
  }

  /** For a pass just after the update of that step. */
  after(step: number): Observer {
    const who = "ShiftOverTraining.after";
    const before = this.expectComplete(who, this.beforePass, `before(${show(step)})`, step);
    this.beforePass = null;
    return this.observe((this.afterPass = { who, step, seen: new Map() }), (path, place, values, output) => {
      const [even, odd] = [layerValues(who, output, this.axis, "even"), layerValues(who, output, this.axis, "odd")];
      const found = {
        stepShift: shiftOrReason(before.seen.get(path)!, values),
        totalShift: shiftOrReason(this.startPass!.seen.get(path)!, values),
        splitHalfFloor: shiftOrReason(even, odd),
        secondBatchFloor: "no second batch was shown",
      };
      this.drafts.push({ step, path, place, rows: values.rows, units: values.units.length, found });
    });
  }

  /** For a pass of other rows at the same parameters, following `after` of the same step: the floor. */
  secondBatch(step: number): Observer {
    const who = "ShiftOverTraining.secondBatch";
    const after = this.expectComplete(who, this.afterPass, `after(${show(step)})`, step);
    return this.observe({ who, step, seen: new Map() }, (path, _, values) => {
      const draft = this.drafts.find((each) => each.step === step && each.path === path)!;
      draft.found.secondBatchFloor = shiftOrReason(after.seen.get(path)!, values);
    });
  }

  /** The records so far, with what they were made with. */
  report(): ShiftOverTrainingReport {
    return {
      probe: "ShiftOverTraining",
      kinds: { records: "exact" },
      places: Object.fromEntries(this.places),
      axis: this.axis,
      records: this.drafts.map(recordOf),
    };
  }

  /** Keeps the values of every place, and hands them on. */
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

  /** Keeps what a layer gave. All passes must show the same rows and units; only the second batch may have other rows. */
  private keepValues(pass: ObservedPass, path: string, output: Samples): LayerValues {
    const who = `${pass.who} ${show(path)}`;
    const values = layerValues(who, output, this.axis);
    const first = this.startPass!.seen.get(path);
    const size = ({ rows, units }: LayerValues): string => `${rows} rows of ${units.length} units`;
    const anyRows = pass.who.endsWith("secondBatch");
    if (first !== undefined && size(anyRows ? { ...values, rows: first.rows } : values) !== size(first)) {
      const cure = "show the same probe batch in every pass";
      throw new ShapeError(complaint(who, `${size(first)}, as at the start`, size(values), cure));
    }
    if (pass.seen.has(path)) throw new RangeError(complaint(who, "one pass for one observer", "a second output"));
    pass.seen.set(path, values);
    return values;
  }

  /** Requires that a pass of that step has shown every place. */
  private expectComplete(who: string, pass: ObservedPass | null, name: string, step: number): ObservedPass {
    if (pass === null || pass.step !== step) {
      const got = pass === null ? "none" : `step ${pass.step}`;
      throw new RangeError(complaint(who, `a pass with ${name} to come first`, got));
    }
    const missing = [...this.places.keys()].filter((path) => !pass.seen.has(path));
    if (missing.length > 0) {
      const expected = `the pass with ${name} to show ${show(missing)} too`;
      throw new RangeError(complaint(who, expected, `only ${show([...pass.seen.keys()])}`, "check the paths"));
    }
    return pass;
  }
}

/**
 * What a layer's output is to the network.
 *
 * - `"linear"`: the output of a Dense, before its norm
 * - `"preActivation"`: after the norm, before the nonlinearity
 * - `"layerInput"`: what the weights of the next layer see
 */
export type ActivationPlace = "linear" | "preActivation" | "layerInput";

/** How far one layer's values have moved at one step, and how far apart they are by chance. */
export interface ShiftRecord {
  readonly step: number;
  readonly path: string;
  readonly place: ActivationPlace;
  readonly rows: number;
  readonly units: number;
  /** From just before the update of this step to just after it. */
  readonly stepShift: Shift | null;
  /** From the start to just after this step. */
  readonly totalShift: Shift | null;
  /** Between the even and the odd rows of the probe batch, just after this step: half as many rows on either side. */
  readonly splitHalfFloor: Shift | null;
  /** Between the probe batch and another one, just after this step. */
  readonly secondBatchFloor: Shift | null;
  /** Why one of the four is null, by its name. */
  readonly reasons: Reasons;
}

type ShiftName = "stepShift" | "totalShift" | "splitHalfFloor" | "secondBatchFloor";

/** A record in the making: a text stands for a shift that could not be measured, and says why. */
interface ShiftDraft extends Pick<ShiftRecord, "step" | "path" | "place" | "rows" | "units"> {
  readonly found: Record<ShiftName, Shift | string>;
}

/** Compares what two passes have shown, or says why they cannot be compared: a diverged run is no error. */
function shiftOrReason(a: LayerValues, b: LayerValues): Shift | string {
  if (a.notFinite + b.notFinite > 0) {
    return `not finite: ${a.notFinite} of ${a.count} values of the one, ${b.notFinite} of ${b.count} of the other`;
  }
  if (a.rows === 0 || b.rows === 0) return `too few rows: ${a.rows} and ${b.rows}`;
  return shiftBetween(a, b);
}

/** The record that a draft has come to. */
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

/** Compares two samples of the values of one layer, all finite: as many units in each, and at least one value per unit. */
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

/** A sample in rising order, with its mean and variance. */
interface SortedSample {
  readonly values: Float64Array;
  readonly mean: number;
  readonly variance: number;
}

/** The values of a layer on some rows. */
interface LayerValues {
  readonly rows: number;
  /** One sample per unit. */
  readonly units: readonly SortedSample[];
  /** All units and rows as one sample. */
  readonly pooled: SortedSample;
  /** How many values are NaN or infinite; they are not in the samples. */
  readonly notFinite: number;
  /** How many there are of all. */
  readonly count: number;
}

/** Copies and sorts the values of a layer: of all rows, or of those with even or odd numbers. */
function layerValues(who: string, output: Samples, axis: number, part: "all" | "even" | "odd" = "all"): LayerValues {
  const view = sampleView(who, output, axis);
  const { values, starts, nans, infinities, features, count } = gatherColumns(output.data, view);
  const perRow = view.rows === 0 ? 0 : count / view.rows;
  let notFinite = 0;
  for (let c = 0; c < features; c++) notFinite += nans[c]! + infinities[c]!;
  // Values that are not finite have left gaps, and the rows can then no longer be distinguished. Nothing is compared in that case.
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
