/** Report: what all probes return, plain JSON, and how to write it to a file and read it back without loss. */

import type { DType } from "../../core/dtype.js";
import { complaint, show } from "../../core/errors.js";

/**
 * How far a figure may be trusted.
 *
 * - `"exact"`: what its name says, up to round-off
 * - `"estimate"`: scatters around the true value, as an average over random directions does
 * - `"lower bound"`: the true value may be larger, as with any maximum over samples
 * - `"upper bound"`: the true value may be smaller, as with any minimum over samples
 */
export type FigureKind = "exact" | "estimate" | "lower bound" | "upper bound";

/** How far each figure may be trusted, by its name. */
export type Kinds = Readonly<Record<string, FigureKind>>;

/** A figure that may not be defined. */
export type Figure = number | null;

/** Why a figure of the same report is null, by the figure's name. */
export type Reasons = Readonly<Record<string, string>>;

/** What every probe of an objective reports beside its figures. */
export interface ProbeReport {
  /** The function that made it. */
  readonly probe: string;
  readonly kinds: Kinds;
  /** The precision that the objective computes in. */
  readonly dtype: DType;
  /** What the objective says of itself, "probe" or "inference" for that of a model; null when it says nothing. */
  readonly mode: string | null;
  /** The length of the point. */
  readonly parameters: number;
  /** How often the objective was evaluated. */
  readonly evaluations: number;
}

/** The kinds of figures that may all be trusted alike. */
export function kindsOf(figures: object, kind: FigureKind): Kinds {
  return Object.fromEntries(Object.keys(figures).map((name) => [name, kind]));
}

/** The figure itself, or null where there is a reason for it, which is noted down under the figure's name. */
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
 * Writes a report as JSON in which infinities survive: `JSON.stringify` alone would turn a diverged loss into null.
 *
 * They become the strings "Infinity", "-Infinity" and "NaN"; `parseReport` turns them back.
 *
 * @throws {TypeError} if the report holds a typed array, or one of these words as a text
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
 * Reads what `stringifyReport` wrote.
 *
 * @throws {TypeError} if it is not a text
 * @throws {SyntaxError} if the text is not JSON
 * @example
 * parseReport('{"loss":[1,"Infinity"]}'); // => { loss: [1, Infinity] }
 */
export function parseReport(text: string): unknown {
  if (typeof text !== "string") throw new TypeError(complaint("parseReport", "a text", show(text)));
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === "string" ? (NAMES_OF_NUMBERS.get(value) ?? value) : value,
  );
}
