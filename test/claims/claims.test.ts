/** Every claim at a tiny size: not its verdict, which such numbers do not give, but that all of its parts are there and right. */
import { readdirSync, readFileSync } from "node:fs";
import { parseReport, stringifyReport } from "batchnorm/probes";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { CLAIMS } from "../../examples/laboratory/catalog.js";
import type { Study } from "../../examples/laboratory/claim.js";
import type { Source } from "../../examples/laboratory/data.js";
import { askOnce, type Result, runClaim } from "../../examples/laboratory/run-claim.js";
import { measure } from "../../examples/laboratory/measure/index.js";
import { renderDocument } from "../../examples/laboratory/report/document.js";
import { renderPage } from "../../examples/laboratory/report/page.js";
import { RULES } from "../../examples/laboratory/rules.js";
import { outcomeOf, verdictOf } from "../../examples/laboratory/verdicts.js";
import { loadDigits, pickDigits, splitDigits } from "../../examples/data/digits.js";

const TIMEOUT = 120_000;
const few = pickDigits(
  loadDigits(),
  Array.from({ length: 520 }, (_, i) => i),
);
const source: Source = { name: "520 digits", side: 8, split: (random) => splitDigits(few, random) };

/** A study of a hundredth of the steps, without threads; `asked` collects the questions. */
function tinyStudy(extent: Study["extent"], asked: string[] = []): Study {
  const ask = askOnce((job) => {
    asked.push(JSON.stringify(job));
    return measure(job, source, () => undefined);
  });
  return { seeds: [1], extent, steps: (count) => Math.max(3, Math.round(count / 100)), ask };
}

const run = (name: string, study: Study): Promise<Result> =>
  runClaim(
    CLAIMS.find((claim) => claim.name === name)!,
    study,
    { data: source.name, kernels: "test" },
  );

const questions: string[] = [];
const shared = tinyStudy("all", questions);
const results = new Map<string, Promise<Result>>();
/** Each claim is run once, whichever tests look at it. */
function resultOf(name: string): Promise<Result> {
  const result = results.get(name) ?? run(name, shared);
  results.set(name, result);
  return result;
}

const names = CLAIMS.map(({ name }) => name);

describe("the catalog", () => {
  it("has 18 claims, claim 18 first, and rules for each", () => {
    const numbers = CLAIMS.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    expect(CLAIMS[0]!.number).toBe(18);
    expect([...names].sort()).toEqual(Object.keys(RULES).sort());
  });

  it("has a file of at most 120 lines per claim", () => {
    const folder = new URL("../../examples/laboratory/claims/", import.meta.url);
    const files = readdirSync(folder);
    expect(files.sort()).toEqual(names.map((name) => `${name}.ts`).sort());
    const lines = files.map(
      (file) => [file, readFileSync(new URL(file, folder), "utf8").split("\n").length - 1] as const,
    );
    expect(lines.filter(([, count]) => count > 120)).toEqual([]);
  });

  it("has a smallest set of claims for --quick", () => {
    const quick = CLAIMS.filter((claim) => claim.quick).map(({ number }) => number);
    expect(quick).toEqual([18, 1, 2, 5, 6, 7, 8, 12]);
  });
});

describe.each(names)("%s", (name) => {
  it(
    "has all of its parts and survives JSON",
    async () => {
      const result = await resultOf(name);
      const { title, who, definition, settings, differences, factor, counterEvidence, reading } = result;
      const texts = [title, who, definition, settings, differences, factor, counterEvidence, reading];
      for (const text of texts) expect(text).toMatch(/^\S.{3,}/);

      const rules = Object.values(RULES[name as keyof typeof RULES]).map(({ statistic }) => statistic);
      // Each rule is used: none was written down and left out.
      expect(new Set(result.conditions.map(({ statistic }) => statistic))).toEqual(new Set(rules));
      for (const condition of result.conditions) {
        expect(condition.values).toHaveLength(1);
        expect(condition.outcome).toBe(outcomeOf(condition, condition.values));
      }
      expect(result.verdict).toBe(verdictOf(result.conditions.map(({ outcome }) => outcome)));
      for (const { values } of result.shown) expect(values).toHaveLength(1);
      for (const { panels } of result.figures) {
        expect(panels[0]!.series.flatMap(({ points }) => points).length).toBeGreaterThan(0);
      }
      expect(stringifyReport(parseReport(stringifyReport(result)))).toBe(stringifyReport(result));
    },
    TIMEOUT,
  );
});

describe("the laboratory", () => {
  it(
    "gives the same JSON on every run, bit for bit",
    async () => {
      for (const name of ["two-stories", "theorem-4-1"]) {
        const again = stringifyReport(await run(name, tinyStudy("quick")));
        expect(stringifyReport(await run(name, tinyStudy("quick")))).toBe(again);
      }
    },
    TIMEOUT,
  );

  it(
    "has a quick version of the deep linear network with half the depth",
    async () => {
      const { conditions, figures } = await run("deep-linear", tinyStudy("quick"));
      expect(new Set(conditions.map(({ setting }) => setting))).toEqual(new Set(["12 layers, learning rate 5e-6"]));
      expect(figures.map(({ panels }) => panels.length)).toEqual([1, 1, 1]);
    },
    TIMEOUT,
  );

  it(
    "makes runs shared by several claims only once",
    async () => {
      await Promise.all(names.map(resultOf));
      expect(new Set(questions).size).toBe(questions.length);
      const plain = questions.filter((question) =>
        /"plain","hidden":8,"width":48.*"learningRate":0.1,.*"shift"/.test(question),
      );
      expect(plain).toHaveLength(1);
    },
    TIMEOUT,
  );

  it(
    "writes a self-contained page with a section, figures and a table for each claim",
    async () => {
      const all = await Promise.all(names.map(resultOf));
      const html = renderPage(all, 18);
      const { document } = parseHTML(html);
      expect(document.querySelectorAll(".summary tbody tr")).toHaveLength(18);
      for (const { name, figures, conditions } of all) {
        const section = document.querySelector(`section[id="${name}"]`)!;
        expect(section.querySelectorAll("svg")).toHaveLength(figures.flatMap(({ panels }) => panels).length);
        expect(section.querySelectorAll("table")[0]!.querySelectorAll("tbody tr")).toHaveLength(conditions.length);
        expect(document.querySelectorAll(`a[href="#${name}"]`).length).toBeGreaterThanOrEqual(2);
      }
      expect(html).not.toMatch(/<script|<link|src=|url\((?!#)|@import|NaN|undefined/);
      expect(renderPage(all.slice(0, 2), 18)).toContain("2 of 18 claims so far");
    },
    TIMEOUT,
  );

  it(
    "writes docs/claims.md with a section for each claim in the table",
    async () => {
      const text = await renderDocument(await Promise.all(names.map(resultOf)));
      const anchors = [...text.matchAll(/^\| \d+ +\| \[.*?\]\(#(.*?)\)/gm)].map((match) => match[1]!);
      expect(anchors).toHaveLength(18);
      const headings = [...text.matchAll(/^## (.*)$/gm)].map((match) =>
        match[1]!
          .toLowerCase()
          .replace(/[^a-z0-9 -]/g, "")
          .replaceAll(" ", "-"),
      );
      expect(anchors).toEqual(headings);
    },
    TIMEOUT,
  );
});
