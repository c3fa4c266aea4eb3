/** Finding: one result of `inspect`. */

/** The kind of a finding. */
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

/** A problem of a model, or a possible one. */
export interface Finding {
  readonly kind: FindingKind;
  /** "error": the model does not work. "warning": it works worse than it could. "note": it costs little, or may be intended. */
  readonly severity: "error" | "warning" | "note";
  /** The path of the layer, parameter or statistic, such as "1.gamma"; "" for the model itself or its input. */
  readonly path: string;
  /** The measurement, in words. */
  readonly evidence: string;
  /** How to fix it, in words. */
  readonly cure: string;
  /** The affected features, if the finding is about features. */
  readonly features?: readonly number[];
}

/** Formats a number with a few significant digits. Digits before the decimal point are never dropped. */
export function digits(value: number, count = 2): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(count)));
}
