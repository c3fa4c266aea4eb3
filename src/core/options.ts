/**
 * Options: each class or function declares its options in a table, which `readOptions` reads.
 *
 *     const rules = {
 *       features: { kind: "count" },
 *       epsilon: { kind: "number", low: 0, default: 1e-5 },
 *     } as const satisfies OptionRules<BatchNormOptions>;
 *     const { features, epsilon } = readOptions("BatchNorm", options, rules);
 *
 * Unknown keys are rejected, because a misspelled option such as `eps: 1e-3` would otherwise be silently ignored. The error
 * suggests the closest valid key.
 */

import { complaint, expectBoolean, expectCount, expectNumber, expectObject, expectOneOf, show } from "./errors.js";
import type { DType } from "./dtype.js";
import { expectRandom } from "./random.js";

/** The valid values of an option. The caller checks options of kind "any". */
type OptionKind =
  | { readonly kind: "count"; readonly least?: number }
  | { readonly kind: "integer" }
  | {
      readonly kind: "number";
      readonly low: number;
      readonly high?: number;
      readonly withoutLow?: boolean;
      readonly withoutHigh?: boolean;
    }
  | { readonly kind: "boolean" }
  | { readonly kind: "word"; readonly words: readonly string[]; readonly cure?: string }
  | { readonly kind: "function" }
  | { readonly kind: "random" }
  | { readonly kind: "any" };

/** One row of a table: the kind of an option and its default. An option with neither `default` nor `optional` is required. */
export type OptionRule = OptionKind & {
  readonly default?: unknown;
  readonly optional?: true;
  /** Also allow null. */
  readonly orNull?: true;
};

/** A table with one row per key of an options type. */
export type OptionRules<Options> = { readonly [Key in keyof Required<Options>]: OptionRule };

/** Options with defaults filled in. */
export type ReadOptions<Options, Rules> = {
  readonly [Key in keyof Required<Options>]: Key extends keyof Rules
    ? Rules[Key] extends { readonly optional: true }
      ? Options[Key]
      : Exclude<Options[Key], undefined>
    : never;
};

/** The rule of every `dtype` option. */
export const dtypeRule: { readonly kind: "word"; readonly words: readonly DType[]; readonly default: DType } = {
  kind: "word",
  words: ["float32", "float64"],
  default: "float32",
};

/**
 * Checks options against their table and fills in the defaults. `foreign` holds advice for keys that users of other libraries may
 * pass: what is not supported, or its name here.
 *
 * @throws {TypeError} if an option is unknown, missing or of the wrong type
 * @throws {RangeError} if a number is out of range
 */
export function readOptions<Options extends object, const Rules extends OptionRules<Options>>(
  who: string,
  options: Options,
  rules: Rules,
  foreign: Readonly<Record<string, string>> = {},
): ReadOptions<Options, Rules> {
  expectObject(who, "options", options, optionsCure(options, rules));
  // Loops over keys, because losses read their options at every step and Object.entries would take 1.5 times as long.
  for (const key in options) if (!Object.hasOwn(rules, key)) expectKnownKeys(who, options, Object.keys(rules), foreign);
  const read: Record<string, unknown> = {};
  for (const name in rules) {
    const rule: OptionRule = rules[name];
    const chosen = (options as Record<string, unknown>)[name];
    const value = chosen === undefined ? rule.default : chosen;
    if (value !== undefined || !rule.optional) expectOption(who, name, value, rule);
    read[name] = value;
  }
  return read as ReadOptions<Options, Rules>;
}

/** Returns the object to pass instead of a number: `new BatchNorm(64)` was meant as `new BatchNorm({ features: 64 })`. */
function optionsCure(given: unknown, rules: Readonly<Record<string, OptionRule>>): string | undefined {
  const first = Object.keys(rules).find((name) => !("default" in rules[name]!) && !rules[name]!.optional);
  return typeof given === "number" && first !== undefined ? `pass { ${first}: ${given} }` : undefined;
}

/** Throws if an options object has unknown keys. */
export function expectKnownKeys(
  who: string,
  options: object,
  known: readonly string[],
  foreign: Readonly<Record<string, string>> = {},
): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const cure = near === undefined ? undefined : `did you mean ${near}?`;
    const advice = Object.hasOwn(foreign, key) ? foreign[key] : undefined;
    throw new TypeError(complaint(who, `options among ${known.join(", ")}`, show(key), advice ?? cure));
  }
}

/** The maximum length of a key that is compared with the valid ones. Comparing a key of a million letters would take minutes. */
const LONGEST_WORD = 80;

/** Returns the known word closest to an unknown one: one that begins like it, or differs in at most a third of the letters. */
export function nearest<Known extends string>(word: string, known: readonly Known[]): Known | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  const lower = word.toLowerCase();
  let best: Known | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const [short, long] = lower.length < other.length ? [lower, other] : [other, lower];
    const distance = short.length >= 3 && long.startsWith(short) ? 0 : editDistance(lower, other);
    if (distance <= Math.floor(Math.max(lower.length, other.length) / 3) && distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Returns how many letters to insert, delete or replace to turn one word into the other (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

function expectOption(who: string, name: string, value: unknown, rule: OptionRule): void {
  if (value === null && rule.orNull) return;
  switch (rule.kind) {
    case "count":
      expectCount(who, name, value, rule.least);
      break;
    case "integer":
      if (typeof value !== "number") throw new TypeError(complaint(who, `${name} to be a number`, show(value)));
      if (!Number.isSafeInteger(value)) {
        throw new RangeError(complaint(who, `${name} to be a whole number`, show(value)));
      }
      break;
    case "number":
      expectNumber(who, name, value, rule);
      break;
    case "boolean":
      expectBoolean(who, name, value);
      break;
    case "word":
      expectOneOf(who, name, value, rule.words, rule.cure);
      break;
    case "function":
      if (typeof value !== "function") throw new TypeError(complaint(who, `${name} to be a function`, show(value)));
      break;
    case "random":
      expectRandom(who, value);
      break;
    case "any":
      if (value === undefined) throw new TypeError(complaint(who, `the option ${name}`, "none"));
      break;
  }
}
