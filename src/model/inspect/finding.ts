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

/** Which features, in words: "feature 3 (1 of 16)", "features 0, 5, 9 and 4 more (7 of 16)". */
export function featuresText(features: readonly number[], of: number): string {
  const shown = features.length > 5 ? features.slice(0, 3) : features;
  const more = features.length > shown.length ? ` and ${features.length - shown.length} more` : "";
  return `feature${features.length === 1 ? "" : "s"} ${shown.join(", ")}${more} (${features.length} of ${of})`;
}

/** Of few features it is a note, of half of them or more a warning. */
export function severityByShare(features: readonly number[], of: number): "warning" | "note" {
  return features.length * 2 >= of ? "warning" : "note";
}
