/** The rules of the claims, on made-up numbers: each verdict comes out where it should and nowhere else. */
import { describe, expect, it } from "vitest";
import { describeVerdict, headline, quickNote, signOf, strengthOf } from "../../examples/laboratory/report/text.js";
import type { Measured } from "../../examples/laboratory/run-claim.js";
import { RULES } from "../../examples/laboratory/rules.js";
import {
  type Bound,
  CHECK,
  type Condition,
  describeBound,
  judge,
  type Outcome,
  outcomeOf,
  type Part,
  PRIMARY,
  type Rule,
  secondary,
  type Verdict,
  verdictOf,
} from "../../examples/laboratory/verdicts.js";

const rule = (yes: Bound, no: Bound): Rule => ({ statistic: "loss, plain/BN", unit: "ratio", yes, no });
const ratio = rule({ atLeast: 1.5 }, { atMost: 0.67 });

describe("an outcome", () => {
  it.each<[Outcome, Rule, number[]]>([
    ["yes", ratio, [1.5, 2, 9]],
    ["yes", ratio, [1.5, Infinity]],
    ["undecided", ratio, [1.49, 2, 9]],
    ["no", ratio, [0.1, 0.67]],
    ["undecided", ratio, [0.1, 0.68]],
    ["undecided", ratio, [0.1, 9]],
    ["undecided", ratio, [1, 1]],
    ["undecided", ratio, [2, NaN]],
    ["undecided", ratio, []],
    ["undecided", rule({ above: 0.02 }, { below: 0 }), [0.02, 0.5]],
    ["yes", rule({ above: 0.02 }, { below: 0 }), [0.021, 0.5]],
    ["undecided", rule({ above: 0.02 }, { below: 0 }), [-1, 0]],
    ["no", rule({ above: 0.02 }, { below: 0 }), [-1, -0.001]],
    ["yes", rule({ within: [1.8, 2.3] }, { below: 1.6 }), [1.8, 2.3]],
    ["undecided", rule({ within: [1.8, 2.3] }, { below: 1.6 }), [1.8, 2.31]],
    ["undecided", rule({ within: [1.8, 2.3] }, { below: 1.6 }), [1.7, 1.7]],
    ["no", rule({ within: [1.8, 2.3] }, { below: 1.6 }), [1.0, 1.59]],
    ["no", rule({ within: [-1, 1] }, { beyond: [-1, 1] }), [1.1, 3]],
    ["no", rule({ within: [-1, 1] }, { beyond: [-1, 1] }), [-3, -1.1]],
    // Beyond at either end: the interval between them has the band inside.
    ["undecided", rule({ within: [-1, 1] }, { beyond: [-1, 1] }), [-3, 3]],
    ["undecided", rule({ within: [-1, 1] }, { beyond: [-1, 1] }), [0, 3]],
  ])("is %s by %j for %j", (outcome, by, values) => {
    expect(outcomeOf(by, values)).toBe(outcome);
  });

  it("includes its setting, its numbers and their interval", () => {
    expect(judge(ratio, "8x48", [3, 2, 7], PRIMARY)).toEqual({
      ...ratio,
      setting: "8x48",
      part: PRIMARY,
      values: [3, 2, 7],
      spread: { median: 3, min: 2, max: 7 },
      outcome: "yes",
    });
  });
});

const VALUES = { yes: [2, 3], no: [0.1, 0.2], undecided: [0.5, 2] } as const;
const made = (outcome: Outcome, part: Part, by: Rule = ratio): Condition => judge(by, "8x48", VALUES[outcome], part);
const reversible: Rule = { ...ratio, reversible: true };

describe("a verdict", () => {
  it.each<[string, string, Condition[]]>([
    ["reproduced", "", [made("yes", PRIMARY)]],
    ["not reproduced", "", [made("no", PRIMARY)]],
    ["undecided", "", [made("undecided", PRIMARY)]],
    // Secondary conditions that agree or are undecided say nothing.
    ["reproduced", "", [made("yes", PRIMARY), made("yes", secondary("a")), made("undecided", secondary("b"))]],
    ["not reproduced", "", [made("no", secondary("a")), made("no", PRIMARY)]],
    // Without a decided primary condition, nothing contradicts it.
    ["undecided", "", [made("undecided", PRIMARY), made("yes", secondary("a")), made("no", secondary("b"))]],
    [
      "reproduced",
      "not at learning rate 0.003",
      [made("yes", PRIMARY), made("no", secondary("at learning rate 0.003"))],
    ],
    ["reproduced", "reversed at 0.01 lr", [made("yes", PRIMARY), made("no", secondary("at 0.01 lr"), reversible)]],
    [
      "reproduced",
      "not at a, at b or at c",
      [made("yes", PRIMARY), ...["a", "b", "c"].map((x) => made("no", secondary(`at ${x}`)))],
    ],
    [
      "reproduced",
      "not at a; reversed at b and at c",
      [
        made("no", secondary("at a")),
        ...["b", "c"].map((x) => made("no", secondary(`at ${x}`), reversible)),
        made("yes", PRIMARY),
      ],
    ],
    // Of one place, some agree: "not" would be too much, even where no means the opposite.
    [
      "reproduced",
      "not always at a",
      [made("yes", PRIMARY), made("yes", secondary("at a")), made("no", secondary("at a"), reversible)],
    ],
    [
      "reproduced",
      "not at a",
      [made("yes", PRIMARY), made("undecided", secondary("at a")), made("no", secondary("at a"))],
    ],
    // Not all of them are reversed.
    [
      "reproduced",
      "not at a",
      [made("yes", PRIMARY), made("no", secondary("at a"), reversible), made("no", secondary("at a"))],
    ],
    [
      "not reproduced",
      "reproduced for the accuracy",
      [made("no", PRIMARY), made("yes", secondary("for the accuracy"))],
    ],
    [
      "not reproduced",
      "partly reproduced at a",
      [made("no", PRIMARY), made("yes", secondary("at a")), made("no", secondary("at a"))],
    ],
    // An intervention that did not work decides nothing.
    ["reproduced", "", [made("yes", PRIMARY), made("yes", CHECK)]],
    [
      "undecided",
      "the intervention failed its check (loss, plain/BN)",
      [made("yes", PRIMARY), made("undecided", CHECK)],
    ],
    ["undecided", "the intervention failed its check (loss, plain/BN)", [made("no", PRIMARY), made("no", CHECK)]],
    ["undecided", "its primary condition was left out", [made("yes", secondary("at a"))]],
    ["undecided", "its primary condition was left out", []],
  ])("is %s (%s)", (word, tail, conditions) => {
    expect(verdictOf(conditions)).toEqual({ word, where: "", tail });
  });

  it("keeps the place of its primary condition", () => {
    const at4 = { kind: "primary", where: "at 4 lr" } as const;
    const verdict = verdictOf([made("yes", at4), made("no", secondary("at 0.01 lr"), reversible)]);
    expect(describeVerdict(verdict)).toBe("reproduced at 4 lr; reversed at 0.01 lr");
  });
});

describe("a headline", () => {
  const verdict = (word: Verdict["word"], tail = "", where = ""): Verdict => ({ word, where, tail });
  const columns = (...verdicts: readonly Verdict[]): Measured[] =>
    verdicts.map((each, i) => ({
      ...{ column: (["MLP", "VGG"] as const)[i]!, verdict: each, extent: "all", seeds: [1] },
      ...{ data: "", kernels: "", conditions: [], figures: [], shown: [] },
    }));
  it.each<[string, string, Measured[]]>([
    ["●", "reproduced; not at a", columns(verdict("reproduced", "not at a"))],
    ["?", "undecided (on VGG)", columns(verdict("reproduced"), verdict("undecided")).slice(1)],
    ["●", "reproduced", columns(verdict("reproduced"), verdict("reproduced"))],
    [
      "●",
      "reproduced at 4 lr; not at a",
      columns(verdict("reproduced", "not at a", "at 4 lr"), verdict("reproduced", "not at a", "at 4 lr")),
    ],
    [
      "●",
      "reproduced at 4 lr; not at a on VGG",
      columns(verdict("reproduced", "", "at 4 lr"), verdict("reproduced", "not at a", "at 4 lr")),
    ],
    ["◐", "reproduced on the MLP; not on VGG", columns(verdict("reproduced"), verdict("not reproduced"))],
    [
      "◐",
      "reproduced on the MLP; undecided on VGG; not at a on the MLP",
      columns(verdict("reproduced", "not at a"), verdict("undecided")),
    ],
    [
      "◐",
      "not reproduced on the MLP; reproduced on VGG; not at b on VGG",
      columns(verdict("not reproduced"), verdict("reproduced", "not at b")),
    ],
    ["◐", "undecided on the MLP; not reproduced on VGG", columns(verdict("undecided"), verdict("not reproduced"))],
  ])("is %s %s", (sign, text, measured) => {
    expect(headline({ columns: measured })).toBe(text);
    expect(signOf({ columns: measured })).toBe(sign);
  });

  it("says what --quick left out of its verdict, and nothing otherwise", () => {
    const quick = columns(verdict("reproduced")).map((each) => ({ ...each, extent: "quick" as const }));
    const quickOmits = "learning rate 0.3";
    expect(quickNote({ quickOmits, columns: quick })).toBe(
      "--quick leaves out learning rate 0.3; the full verdict can differ.",
    );
    expect(quickNote({ quickOmits, columns: columns(verdict("reproduced")) })).toBe("");
    expect(quickNote({ quickOmits: undefined, columns: quick })).toBe("");
    const both = columns(verdict("reproduced"), verdict("reproduced")).map((each) => ({
      ...each,
      extent: "quick" as const,
    }));
    expect(quickNote({ quickOmits, columns: both })).toBe(
      "--quick leaves out learning rate 0.3, and two thirds of the steps on VGG; the full verdict can differ.",
    );
    expect(quickNote({ quickOmits, columns: both.slice(1) })).toContain("leaves out two thirds of the steps on VGG;");
  });

  it("states the strength of a rule from the number of seeds", () => {
    expect(strengthOf({ seeds: [1, 2, 3, 4, 5, 6] })).toContain(
      "all 6 seeds would lie beyond it with a probability of 1/64 (one-sided)",
    );
    expect(strengthOf({ seeds: [1, 2, 3] })).toContain("1/8");
  });
});

/** Values of which all lie well inside a bound. */
function inside(bound: Bound): number[] {
  if ("atLeast" in bound) return [bound.atLeast, bound.atLeast + 1];
  if ("atMost" in bound) return [bound.atMost, bound.atMost - 1];
  if ("above" in bound) return [bound.above + 1e-9, bound.above + 1];
  if ("below" in bound) return [bound.below - 1e-12, bound.below - 1];
  if ("within" in bound) return [...bound.within];
  return [bound.beyond[1] + 1, bound.beyond[1] + 2];
}

describe("the rules", () => {
  const all = Object.entries(RULES).flatMap(([claim, rules]) =>
    Object.entries<Rule>(rules).map(([name, each]) => [claim, name, each] as const),
  );

  it.each(all)("of %s, %s, can give yes, no and undecided", (_claim, _name, each) => {
    expect(outcomeOf(each, inside(each.yes))).toBe("yes");
    expect(outcomeOf(each, inside(each.no))).toBe("no");
    expect(outcomeOf(each, [...inside(each.yes), ...inside(each.no)])).toBe("undecided");
    expect(each.statistic).not.toBe("");
    expect(each.unit).not.toBe("");
  });

  it.each<[string, Bound]>([
    ["at least 5", { atLeast: 5 }],
    ["at most 0.8", { atMost: 0.8 }],
    ["above 0.02", { above: 0.02 }],
    ["below 0", { below: 0 }],
    ["between 1.8 and 2.3", { within: [1.8, 2.3] }],
    ["below -0.1 or above 0.1", { beyond: [-0.1, 0.1] }],
  ])("have bounds that read %s", (text, bound) => {
    expect(describeBound(bound)).toBe(text);
  });
});
