/** Finding: what `inspect` says of a model, one thing at a time. */

/** What a finding is about. */
export type FindingKind =
  | "not finite"
  | "batch too small"
  | "exploding signal"
  | "vanishing signal"
  | "running statistics off"
  | "large momentum"
  | "near-constant features"
  | "dead features"
  | "redundant bias"
  | "weight decay on scale or shift";

/** Something that is wrong with a model, or may be. */
export interface Finding {
  readonly kind: FindingKind;
  /** "error": it does not work. "warning": it works worse than it could. "note": it costs little, or may be meant. */
  readonly severity: "error" | "warning" | "note";
  /** The layer, or the parameter or statistic ("1.gamma"); "" for the model itself, or its input. */
  readonly path: string;
  /** What was measured, in words with numbers. */
  readonly evidence: string;
  readonly cure: string;
  /** Which features, where it is about some of them. */
  readonly features?: readonly number[];
}

/** Prints a number with some significant digits, and all of those before the decimal point. */
export function digits(value: number, count = 2): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(count)));
}
