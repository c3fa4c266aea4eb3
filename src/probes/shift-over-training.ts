/** Shift over training: how far the values inside a network move in one update, and since the beginning. */

import { complaint, expectCount, expectObject, expectOneOf, show, ShapeError } from "../core/errors.js";
import type { Samples } from "../core/samples.js";
import type { Observer } from "./activation-recorder.js";
import { expectAxis } from "./feature-columns.js";
import { type LayerValues, layerValues } from "./layer-values.js";
import type { FigureKind } from "./report.js";
import { type Place, recordOf, type ShiftDraft, shiftOrReason, type ShiftRecord } from "./shift-record.js";

/** Where to look. */
export interface ShiftOverTrainingOptions {
  /** The layers to watch, by path, and what the output of each is. */
  readonly places: Readonly<Record<string, Place>>;
  /** Where the units lie: 1, the default, for [N, C] and [N, C, ...], -1 for channels-last. */
  readonly axis?: number | undefined;
}

/** All records, with what they were made with. Plain JSON. */
export interface ShiftOverTrainingReport {
  readonly probe: "ShiftOverTraining";
  /** How far the figures may be trusted, for these rows. */
  readonly kind: FigureKind;
  readonly places: Readonly<Record<string, Place>>;
  readonly axis: number;
  /** In the order of steps, and within a step in the order of the pass. */
  readonly records: readonly ShiftRecord[];
}

/** What one pass has shown. */
interface Look {
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
 * Shapes    outputs [N, C] or [N, C, ...]; channels-last with axis -1
 * Units     raw figures in the unit of the activation; relative ones in standard deviations of the unit
 * Modes     the caller's passes: "probe"
 * Numerics  exact sample statistics; a layer that is not finite gives null, and the reason
 * Cost      sorts the values of each place twice a pass, about 0.2 µs a value; keeps three passes' worth of values
 * Source    step shift as in Santurkar et al. 2018, figure 8; the 1-Wasserstein distance in place of moments is our choice
 *
 * @throws {TypeError | RangeError} if an option is not what it should be
 * @example
 * const shift = new ShiftOverTraining({ places: { "0": "linear" } });
 * const look = (observe: Observer, data: number[]) => observe("0", { shape: [4, 1], data });   // a model's forward pass
 * look(shift.start(), [1, 2, 2, 5]);
 * look(shift.before(1), [1, 2, 2, 5]);
 * look(shift.after(1), [2, 3, 3, 6]);
 * shift.report().records[0]?.stepShift?.wasserstein1.perUnit;   // => [1]
 */
export class ShiftOverTraining {
  readonly #places: ReadonlyMap<string, Place>;
  readonly #axis: number;
  readonly #drafts: ShiftDraft[] = [];
  #start: Look | null = null;
  #before: Look | null = null;
  #after: Look | null = null;

  /** Makes a follower that has not looked yet. */
  constructor(options: ShiftOverTrainingOptions) {
    const who = "ShiftOverTraining";
    expectObject(who, "options", options);
    const { places, axis = 1 } = options;
    expectObject(who, "places", places);
    const entries = Object.entries(places);
    if (entries.length === 0) throw new RangeError(complaint(who, "places to name at least one path", "none"));
    for (const [path, place] of entries) {
      expectOneOf(who, `the place of ${show(path)}`, place, ["linear", "preActivation", "layerInput"]);
    }
    expectAxis(who, axis);
    this.#places = new Map(entries);
    this.#axis = axis;
  }

  /** For a pass before the first update: what the total shift is measured from. */
  start(): Observer {
    const who = "ShiftOverTraining.start";
    if (this.#before !== null || this.#after !== null) {
      throw new RangeError(
        complaint(who, "to come before any step", "a start later", "watch another run with another one"),
      );
    }
    const look = (this.#start = newLook(who, 0));
    return (path, output) => {
      if (this.#places.has(path)) this.#see(look, path, output);
    };
  }

  /** For a pass just before the update of a step. */
  before(step: number): Observer {
    const who = "ShiftOverTraining.before";
    expectCount(who, "step", step);
    this.#expectShown(who, this.#start, "start()", 0);
    const last = this.#after?.step ?? 0;
    if (step <= last) throw new RangeError(complaint(who, `a step later than ${last}`, `${step}`));
    const look = (this.#before = newLook(who, step));
    return (path, output) => {
      if (this.#places.has(path)) this.#see(look, path, output);
    };
  }

  /** For a pass just after the update of that step. */
  after(step: number): Observer {
    const who = "ShiftOverTraining.after";
    const before = this.#expectShown(who, this.#before, `before(${show(step)})`, step);
    const look = (this.#after = newLook(who, step));
    this.#before = null;
    return (path, output) => {
      const place = this.#places.get(path);
      if (place === undefined) return;
      const values = this.#see(look, path, output);
      const [even, odd] = [layerValues(who, output, this.#axis, "even"), layerValues(who, output, this.#axis, "odd")];
      const found = {
        stepShift: shiftOrReason(before.seen.get(path)!, values),
        totalShift: shiftOrReason(this.#start!.seen.get(path)!, values),
        splitHalfFloor: shiftOrReason(even, odd),
        secondBatchFloor: "no second batch was shown",
      };
      this.#drafts.push({ step, path, place, rows: values.rows, units: values.units.length, found });
    };
  }

  /** For a pass of other rows at the same parameters, following `after` of the same step: the floor. */
  secondBatch(step: number): Observer {
    const who = "ShiftOverTraining.secondBatch";
    const after = this.#expectShown(who, this.#after, `after(${show(step)})`, step);
    const look = newLook(who, step);
    return (path, output) => {
      if (!this.#places.has(path)) return;
      const values = this.#see(look, path, output);
      const draft = this.#drafts.find((one) => one.step === step && one.path === path)!;
      draft.found.secondBatchFloor = shiftOrReason(after.seen.get(path)!, values);
    };
  }

  /** The records so far, with what they were made with. */
  report(): ShiftOverTrainingReport {
    return {
      probe: "ShiftOverTraining",
      kind: "exact",
      places: Object.fromEntries(this.#places),
      axis: this.#axis,
      records: this.#drafts.map(recordOf),
    };
  }

  /** Keeps what a layer gave. All passes must show the same rows and units; only the second batch may have other rows. */
  #see(look: Look, path: string, output: Samples): LayerValues {
    const who = `${look.who} ${show(path)}`;
    const values = layerValues(who, output, this.#axis);
    const first = this.#start!.seen.get(path);
    const size = ({ rows, units }: LayerValues): string => `${rows} rows of ${units.length} units`;
    const anyRows = look.who.endsWith("secondBatch");
    if (first !== undefined && size(anyRows ? { ...values, rows: first.rows } : values) !== size(first)) {
      const cure = "show the same probe batch in every pass";
      throw new ShapeError(complaint(who, `${size(first)}, as at the start`, size(values), cure));
    }
    if (look.seen.has(path)) throw new RangeError(complaint(who, "one pass for one observer", "a second output"));
    look.seen.set(path, values);
    return values;
  }

  /** Requires that a pass of that step has shown every place. */
  #expectShown(who: string, look: Look | null, name: string, step: number): Look {
    if (look === null || look.step !== step) {
      throw new RangeError(
        complaint(who, `a pass with ${name} to come first`, look === null ? "none" : `step ${look.step}`),
      );
    }
    const missing = [...this.#places.keys()].filter((path) => !look.seen.has(path));
    if (missing.length > 0) {
      const got = `only ${show([...look.seen.keys()])}`;
      throw new RangeError(
        complaint(who, `the pass with ${name} to show ${show(missing)} too`, got, "check the paths"),
      );
    }
    return look;
  }
}

function newLook(who: string, step: number): Look {
  return { who, step, seen: new Map() };
}
