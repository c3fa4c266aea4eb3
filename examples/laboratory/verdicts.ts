/** Verdicts: turns numbers over seeds into an outcome, and outcomes into a verdict. The thresholds are in rules.ts. */
import { type Spread, spreadOf } from "../shared/spread.js";

/** The values that count as an effect. The whole interval must be within them. */
export type Bound =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  | { readonly above: number }
  | { readonly below: number }
  | { readonly within: readonly [number, number] }
  /** Outside a range, with the whole interval on one side. */
  | { readonly beyond: readonly [number, number] };

/** A statistic computed for each seed and its thresholds, fixed before the numbers were known. */
export interface Rule {
  readonly statistic: string;
  readonly yes: Bound;
  readonly no: Bound;
}

export type Outcome = "yes" | "no" | "undecided";
export type Verdict = "reproduced" | "not reproduced" | "depends" | "undecided";

/** A rule applied in one setting, with its numbers. */
export interface Condition extends Rule {
  /** The setting, as in "8x48, learning rate 0.1". */
  readonly setting: string;
  /** One per seed, in the order of the seeds. */
  readonly values: readonly number[];
  /** The median, and the interval from minimum to maximum. */
  readonly spread: Spread;
  readonly outcome: Outcome;
}

/** Applies a rule to one value per seed. */
export function judge(rule: Rule, setting: string, values: readonly number[]): Condition {
  return { ...rule, setting, values, spread: spreadOf(values), outcome: outcomeOf(rule, values) };
}

/** Applies a rule to a number computed from the result of each seed. */
export function judgeEach<Seed>(
  rule: Rule,
  setting: string,
  seeds: readonly Seed[],
  figure: (seed: Seed) => number,
): Condition {
  return judge(rule, setting, seeds.map(figure));
}

/** Returns yes or no only if the interval from minimum to maximum is beyond the respective threshold. */
export function outcomeOf({ yes, no }: Rule, values: readonly number[]): Outcome {
  if (values.length === 0 || values.some(Number.isNaN)) return "undecided";
  const { min, max } = spreadOf(values);
  if (liesIn(yes, min, max)) return "yes";
  return liesIn(no, min, max) ? "no" : "undecided";
}

/** Returns the verdict for all outcomes. An undecided claim is never reported as not reproduced. */
export function verdictOf(outcomes: readonly Outcome[]): Verdict {
  if (outcomes.length === 0) return "undecided";
  if (outcomes.every((outcome) => outcome === "yes")) return "reproduced";
  if (outcomes.every((outcome) => outcome === "no")) return "not reproduced";
  return outcomes.includes("yes") && outcomes.includes("no") ? "depends" : "undecided";
}

/** Formats a bound, as in "at least 5". */
export function describeBound(bound: Bound): string {
  if ("atLeast" in bound) return `at least ${bound.atLeast}`;
  if ("atMost" in bound) return `at most ${bound.atMost}`;
  if ("above" in bound) return `above ${bound.above}`;
  if ("below" in bound) return `below ${bound.below}`;
  if ("within" in bound) return `between ${bound.within[0]} and ${bound.within[1]}`;
  return `below ${bound.beyond[0]} or above ${bound.beyond[1]}`;
}

function liesIn(bound: Bound, min: number, max: number): boolean {
  if ("atLeast" in bound) return min >= bound.atLeast;
  if ("atMost" in bound) return max <= bound.atMost;
  if ("above" in bound) return min > bound.above;
  if ("below" in bound) return max < bound.below;
  if ("within" in bound) return min >= bound.within[0] && max <= bound.within[1];
  return max < bound.beyond[0] || min > bound.beyond[1];
}
