/** The rules of the claims, on made-up numbers: each verdict comes out where it should and nowhere else. */
import { describe, expect, it } from "vitest";
import { RULES } from "../../examples/laboratory/rules.js";
import {
  type Bound,
  describeBound,
  judge,
  type Outcome,
  outcomeOf,
  type Rule,
  verdictOf,
} from "../../examples/laboratory/verdicts.js";

const rule = (yes: Bound, no: Bound): Rule => ({ statistic: "ratio", yes, no });
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
    expect(judge(ratio, "8x48", [3, 2, 7])).toEqual({
      ...ratio,
      setting: "8x48",
      values: [3, 2, 7],
      spread: { median: 3, min: 2, max: 7 },
      outcome: "yes",
    });
  });
});

describe("a verdict", () => {
  it.each([
    ["reproduced", ["yes", "yes"]],
    ["not reproduced", ["no", "no"]],
    ["depends", ["yes", "no"]],
    ["depends", ["undecided", "no", "yes"]],
    ["undecided", ["yes", "undecided"]],
    // Never "not reproduced" where something is undecided.
    ["undecided", ["no", "undecided"]],
    ["undecided", ["undecided"]],
    ["undecided", []],
  ] as const)("is %s for %j", (verdict, outcomes) => {
    expect(verdictOf(outcomes)).toBe(verdict);
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

  it("cover all 23 claims", () => {
    expect(Object.keys(RULES)).toHaveLength(23);
  });

  it.each(all)("of %s, %s, can give yes, no and undecided", (_claim, _name, each) => {
    expect(outcomeOf(each, inside(each.yes))).toBe("yes");
    expect(outcomeOf(each, inside(each.no))).toBe("no");
    expect(outcomeOf(each, [...inside(each.yes), ...inside(each.no)])).toBe("undecided");
    expect(each.statistic).not.toBe("");
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
