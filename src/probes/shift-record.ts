/** Shift record: what is known of one layer at one watched step. */

import type { LayerValues } from "./layer-values.js";
import { type Shift, shiftBetween } from "./shift.js";

/**
 * What a layer's output is to the network.
 *
 * - `"linear"`: the output of a Dense, before its norm
 * - `"preActivation"`: after the norm, before the nonlinearity
 * - `"layerInput"`: what the weights of the next layer see
 */
export type Place = "linear" | "preActivation" | "layerInput";

/** How far one layer's values have moved at one step, and how far apart they are by chance. */
export interface ShiftRecord {
  readonly step: number;
  readonly path: string;
  readonly place: Place;
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
  readonly reasons: Readonly<Record<string, string>>;
}

type ShiftName = "stepShift" | "totalShift" | "splitHalfFloor" | "secondBatchFloor";

/** A record in the making: a text stands for a shift that could not be measured, and says why. */
export interface ShiftDraft extends Pick<ShiftRecord, "step" | "path" | "place" | "rows" | "units"> {
  readonly found: Record<ShiftName, Shift | string>;
}

/** Compares what two passes have shown, or says why they cannot be compared: a diverged run is no error. */
export function shiftOrReason(a: LayerValues, b: LayerValues): Shift | string {
  if (a.notFinite + b.notFinite > 0) {
    return `not finite: ${a.notFinite} of ${a.count} values of the one, ${b.notFinite} of ${b.count} of the other`;
  }
  if (a.rows === 0 || b.rows === 0) return `too few rows: ${a.rows} and ${b.rows}`;
  return shiftBetween(a, b);
}

/** The record that a draft has come to. */
export function recordOf({ found, ...about }: ShiftDraft): ShiftRecord {
  const shift = (name: ShiftName): Shift | null => (typeof found[name] === "string" ? null : found[name]);
  return {
    ...about,
    stepShift: shift("stepShift"),
    totalShift: shift("totalShift"),
    splitHalfFloor: shift("splitHalfFloor"),
    secondBatchFloor: shift("secondBatchFloor"),
    reasons: Object.fromEntries(Object.entries(found).filter(([, one]) => typeof one === "string")) as Record<
      string,
      string
    >,
  };
}
