/** Every claim at a tiny size: not its verdict, which such numbers do not give, but that all of its parts are there and right. */
import { parseReport, stringifyReport } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { CLAIMS } from "../../examples/claims/catalog.js";
import type { Study } from "../../examples/claims/claim.js";
import { openSource } from "../../examples/claims/data.js";
import { askOnce, type Result, runClaim } from "../../examples/claims/laboratory.js";
import { measure } from "../../examples/claims/measure/index.js";
import { RULES } from "../../examples/claims/rules.js";
import { outcomeOf, verdictOf } from "../../examples/claims/verdicts.js";

const source = openSource(undefined);
const made = { data: source.name, kernels: "test" };

/** A study of a hundredth of the steps, without threads; `asked` collects the questions. */
function tinyStudy(extent: Study["extent"], asked: string[] = []): Study {
  const ask = askOnce((job) => {
    asked.push(JSON.stringify(job));
    return measure(job, source, () => undefined);
  });
  return { seeds: [1], extent, steps: (count) => Math.max(3, Math.round(count / 100)), ask };
}

const all = tinyStudy("all");
const results = new Map<string, Promise<Result>>();
/** Each claim is run once, whichever tests look at it. */
function resultOf(name: string): Promise<Result> {
  const claim = CLAIMS.find((each) => each.name === name)!;
  const result = results.get(name) ?? runClaim(claim, all, made);
  results.set(name, result);
  return result;
}

const names = CLAIMS.map(({ name }) => name);
const TIMEOUT = 60_000;

describe("the catalog", () => {
  it("has the 18 claims, the flagship first, and a rule for each", () => {
    expect(CLAIMS.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 18 }, (_, i) => i + 1),
    );
    expect(CLAIMS[0]!.number).toBe(18);
    expect([...names].sort()).toEqual(Object.keys(RULES).sort());
  });

  it("has the minimum set that answers the question", () => {
    const quick = CLAIMS.filter((claim) => claim.quick).map(({ number }) => number);
    expect(quick).toEqual([18, 1, 2, 5, 6, 7, 8, 12]);
  });
});

describe.each(names)("%s", (name) => {
  it(
    "comes with all of its parts",
    async () => {
      const result = await resultOf(name);
      const { who, definition, settings, differences, factor, counterEvidence, reading, title } = result;
      for (const text of [who, definition, settings, differences, factor, counterEvidence, reading, title]) {
        expect(text.length).toBeGreaterThan(4);
      }
      expect(result.conditions.length).toBeGreaterThan(0);
      const statistics = Object.values(RULES[name as keyof typeof RULES]).map(({ statistic }) => statistic);
      for (const condition of result.conditions) {
        expect(statistics).toContain(condition.statistic);
        expect(condition.values).toHaveLength(1);
        expect(condition.outcome).toBe(outcomeOf(condition, condition.values));
      }
      // Each rule is used: none was written down and left out.
      expect(new Set(result.conditions.map(({ statistic }) => statistic))).toEqual(new Set(statistics));
      expect(result.verdict).toBe(verdictOf(result.conditions.map(({ outcome }) => outcome)));
      for (const { values } of result.shown) expect(values).toHaveLength(1);
      expect(result.figures.length).toBeGreaterThan(0);
      for (const { panels } of result.figures) {
        for (const { series } of panels.slice(0, 1)) {
          expect(series.length).toBeGreaterThan(0);
          expect(series.flatMap(({ points }) => points).length).toBeGreaterThan(0);
        }
      }
    },
    TIMEOUT,
  );

  it(
    "is plain JSON that comes back as it was",
    async () => {
      const result = await resultOf(name);
      expect(parseReport(stringifyReport(result))).toEqual(
        JSON.parse(JSON.stringify(result), undefined) === null ? {} : dropUndefined(result),
      );
    },
    TIMEOUT,
  );
});

/** As JSON does it; infinities stay. */
function dropUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, dropUndefined(each)]),
  );
}
