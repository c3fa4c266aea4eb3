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
  /** As in "ratio", "accuracy" or "nats". */
  readonly unit: string;
  readonly yes: Bound;
  readonly no: Bound;
  /** Whether no means that the opposite of the claim holds. Default: false. */
  readonly reversible?: boolean | undefined;
}

/**
 * The part that a condition plays in the verdict:
 *
 * - **primary**: decides it. A claim has exactly one. `where` limits the verdict, as in "reproduced at 4 lr".
 * - **check**: shows that an intervention worked. Unless the outcome is yes, the claim is undecided.
 * - **secondary**: adds `where` to the verdict if it contradicts the primary condition, as in "not at learning rate 0.003".
 *   Conditions that share a `where` are counted together.
 */
export type Part =
  | { readonly kind: "primary"; readonly where?: string | undefined }
  | { readonly kind: "check" }
  | { readonly kind: "secondary"; readonly where: string };

export const PRIMARY: Part = { kind: "primary" };
export const CHECK: Part = { kind: "check" };

/** Returns the part of a secondary condition; `where` completes "reproduced; not ...". */
export function secondary(where: string): Part {
  return { kind: "secondary", where };
}

export type Outcome = "yes" | "no" | "undecided";
export type Word = "reproduced" | "not reproduced" | "undecided";

/** The verdict of a claim on one kind of network. */
export interface Verdict {
  readonly word: Word;
  /** Where the verdict holds, as in "at 4 lr", or an empty string. */
  readonly where: string;
  /** What the secondary conditions add, as in "not at learning rate 0.003", or an empty string. */
  readonly tail: string;
}

/** A rule applied in one setting, with its numbers. */
export interface Condition extends Rule {
  /** The setting, as in "8x48, learning rate 0.1". */
  readonly setting: string;
  readonly part: Part;
  /** One per seed, in the order of the seeds. */
  readonly values: readonly number[];
  /** The median, and the interval from minimum to maximum. */
  readonly spread: Spread;
  readonly outcome: Outcome;
}

/** Applies a rule to one value per seed. */
export function judge(rule: Rule, setting: string, values: readonly number[], part: Part): Condition {
  return { ...rule, setting, part, values, spread: spreadOf(values), outcome: outcomeOf(rule, values) };
}

/** Applies a rule to a number computed from the result of each seed. */
export function judgeEach<Seed>(
  rule: Rule,
  setting: string,
  seeds: readonly Seed[],
  figure: (seed: Seed) => number,
  part: Part,
): Condition {
  return judge(rule, setting, seeds.map(figure), part);
}

/** Returns yes or no only if the interval from minimum to maximum is beyond the respective threshold. */
export function outcomeOf({ yes, no }: Rule, values: readonly number[]): Outcome {
  if (values.length === 0 || values.some(Number.isNaN)) return "undecided";
  const { min, max } = spreadOf(values);
  if (liesIn(yes, min, max)) return "yes";
  return liesIn(no, min, max) ? "no" : "undecided";
}

/** Returns the condition that decides, or undefined if this run leaves it out. */
export function primaryOf(conditions: readonly Condition[]): Condition | undefined {
  return conditions.find(({ part }) => part.kind === "primary");
}

/** Returns the verdict. An undecided claim is never reported as not reproduced. */
export function verdictOf(conditions: readonly Condition[]): Verdict {
  const primary = primaryOf(conditions);
  const undecided = (tail: string): Verdict => ({ word: "undecided", where: "", tail });
  if (primary === undefined) return undecided("its primary condition was left out");
  const failed = conditions.filter(({ part, outcome }) => part.kind === "check" && outcome !== "yes");
  if (failed.length > 0) return undecided(`the intervention failed its check (${failed[0]!.statistic})`);
  if (primary.outcome === "undecided") return undecided("");
  const where = (primary.part.kind === "primary" && primary.part.where) || "";
  const word = primary.outcome === "yes" ? "reproduced" : "not reproduced";
  return { word, where, tail: contradictions(conditions, primary.outcome) };
}

/** Lists where secondary conditions contradict the primary one. Undecided conditions add nothing. */
function contradictions(conditions: readonly Condition[], primary: Outcome): string {
  const groups = new Map<string, Condition[]>();
  for (const condition of conditions) {
    if (condition.part.kind !== "secondary" || condition.outcome === "undecided") continue;
    const { where } = condition.part;
    groups.set(where, [...(groups.get(where) ?? []), condition]);
  }
  const phrases = new Map<string, string[]>();
  for (const [where, decided] of groups) {
    const against = decided.filter(({ outcome }) => outcome !== primary);
    if (against.length === 0) continue;
    const word = describeAgainst(primary, against, against.length < decided.length);
    phrases.set(word, [...(phrases.get(word) ?? []), where]);
  }
  return [...phrases]
    .map(([word, wheres]) => `${word} ${listed(word.startsWith("not") ? "or" : "and", wheres)}`)
    .join("; ");
}

function describeAgainst(primary: Outcome, against: readonly Condition[], mixed: boolean): string {
  if (primary === "no") return mixed ? "partly reproduced" : "reproduced";
  if (mixed) return "not always";
  return against.every(({ reversible }) => reversible === true) ? "reversed" : "not";
}

function listed(word: "and" | "or", items: readonly string[]): string {
  const type = word === "and" ? "conjunction" : "disjunction";
  return new Intl.ListFormat("en-GB", { type }).format(items);
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
