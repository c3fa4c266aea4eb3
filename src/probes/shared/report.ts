/** Report: the plain JSON that all probes return, and functions to save and load it without loss. */

import type { DType } from "../../core/dtype.js";
import { complaint, show } from "../../core/errors.js";

/**
 * How a reported value relates to the true value.
 *
 * - `"exact"`: equal up to round-off
 * - `"estimate"`: scatters around the true value, for example an average over random directions
 * - `"lower bound"`: the true value may be larger, for example that of a maximum over samples
 * - `"upper bound"`: the true value may be smaller, for example that of a minimum over samples
 */
export type FigureKind = "exact" | "estimate" | "lower bound" | "upper bound";

/** The kind of each value of a report, by name. */
export type Kinds = Readonly<Record<string, FigureKind>>;

/** A value that may be undefined, and is then null. */
export type Figure = number | null;

/** The reason for each value of the report that is null, by name. */
export type Reasons = Readonly<Record<string, string>>;

/** The part of a report that all probes of an objective share. */
export interface ProbeReport {
  /** The name of the probe. */
  readonly probe: string;
  readonly kinds: Kinds;
  /** The precision that the objective computes in. */
  readonly dtype: DType;
  /** The `mode` of the objective, for a model "probe" or "inference". Null if it has none. */
  readonly mode: string | null;
  /** The length of the point. */
  readonly parameters: number;
  /** The number of evaluations of the objective. */
  readonly evaluations: number;
}

/** Returns the kinds of a report whose values are all of one kind. */
export function kindsOf(figures: object, kind: FigureKind): Kinds {
  return Object.fromEntries(Object.keys(figures).map((name) => [name, kind]));
}

/** Returns a value, or null if there is a reason, which is added to `reasons` under the given name. */
export function figureUnless(
  reason: string | null,
  reasons: Record<string, string>,
  name: string,
  value: number,
): Figure {
  if (reason === null) return value;
  reasons[name] = reason;
  return null;
}

const NAMES_OF_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["NaN", NaN],
]);

/**
 * Converts a report to JSON without losing infinities. `JSON.stringify` would convert an infinite loss to null.
 *
 * Infinities and NaN become the strings "Infinity", "-Infinity" and "NaN", which `parseReport` converts back to numbers.
 *
 * @throws {TypeError} if the report contains a typed array or one of these strings
 * @example
 * stringifyReport({ loss: [1, Infinity] }); // => '{"loss":[1,"Infinity"]}'
 */
export function stringifyReport(report: unknown, space?: number): string {
  const text = JSON.stringify(
    report,
    (key: string, value: unknown) => {
      if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
      if (typeof value === "string" && NAMES_OF_NUMBERS.has(value)) {
        throw new TypeError(complaint("stringifyReport", `no text at "${key}" that reads like a number`, show(value)));
      }
      if (ArrayBuffer.isView(value)) {
        const cure = "use Array.from(values)";
        throw new TypeError(complaint("stringifyReport", `a plain array at "${key}"`, show(value), cure));
      }
      return value;
    },
    space,
  ) as string | undefined;
  if (text === undefined) throw new TypeError(complaint("stringifyReport", "a report", show(report)));
  return text;
}

/**
 * Parses the JSON that `stringifyReport` returned.
 *
 * @throws {TypeError} if the argument is not a string
 * @throws {SyntaxError} if the string is not JSON
 * @example
 * parseReport('{"loss":[1,"Infinity"]}'); // => { loss: [1, Infinity] }
 */
export function parseReport(text: string): unknown {
  if (typeof text !== "string") throw new TypeError(complaint("parseReport", "a string", show(text)));
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === "string" ? (NAMES_OF_NUMBERS.get(value) ?? value) : value,
  );
}
