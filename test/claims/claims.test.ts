/** Every claim at a tiny size: not its verdict, which such numbers do not give, but that all of its parts are there and right. */
import { readdirSync, readFileSync } from "node:fs";
import { parseReport, stringifyReport } from "batchnorm/probes";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { Random } from "batchnorm";
import { loadImages } from "../../examples/images/data.js";
import { CLAIMS } from "../../examples/laboratory/catalog.js";
import type { Ask, Claim, Column, Study } from "../../examples/laboratory/claim.js";
import { openSource, type Source } from "../../examples/laboratory/data.js";
import {
  askOnce,
  type Measured,
  measureClaim,
  questionOf,
  resultOf as combine,
  type Result,
} from "../../examples/laboratory/run-claim.js";
import { measure } from "../../examples/laboratory/measure/index.js";
import { renderDocument } from "../../examples/laboratory/report/document.js";
import { renderPage } from "../../examples/laboratory/report/page.js";
import { COLUMNS, headline } from "../../examples/laboratory/report/text.js";
import { RULES } from "../../examples/laboratory/rules.js";
import { outcomeOf, primaryOf, verdictOf } from "../../examples/laboratory/verdicts.js";
import { loadDigits, pickDigits, splitDigits } from "../../examples/data/digits.js";

const TIMEOUT = 600_000;
const rows = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const few = pickDigits(loadDigits(), rows(520));
const digits: Source = { name: "520 digits", shape: [64], split: (random) => splitDigits(few, random) };
/** Enough images for two batches, and for the 256 on which shift is measured. */
const { train: clothes } = openSource(await loadImages(undefined)).split(new Random(1));
const images: Source = {
  name: "256 images of clothes",
  shape: [1, 32, 32],
  split: () => ({ train: pickDigits(clothes, rows(256)), test: pickDigits(clothes, rows(64)) }),
};
const SOURCES: Readonly<Record<Column, Source>> = { MLP: digits, VGG: images };

const measureOn = (column: Column): Ask => askOnce((job) => measure(job, SOURCES[column], () => undefined));
/** What was measured once is not measured again, whichever study requests it. */
const ASKS: Readonly<Record<Column, Ask>> = { MLP: measureOn("MLP"), VGG: measureOn("VGG") };

/** A study of a hundredth of the steps, without threads; `asked` collects the questions. */
function tinyStudy(
  extent: Study["extent"],
  asked = new Set<string>(),
  column: Column = "MLP",
  base = ASKS[column],
): Study {
  const ask: Ask = (name, input) => {
    asked.add(questionOf({ name, input }));
    return base(name, input);
  };
  const part = column === "MLP" ? 100 : 200;
  return { column, vgg: "13/8", seeds: [1], extent, steps: (count) => Math.max(3, Math.round(count / part)), ask };
}

const claimOf = (name: string): Claim => CLAIMS.find((claim) => claim.name === name)!;
const made = { data: "tiny", kernels: "test" };
const run = async (name: string, study: Study): Promise<Result> =>
  combine(claimOf(name), [await measureClaim(claimOf(name), study, made)]);

const questions = new Set<string>();
const shared = { MLP: tinyStudy("all", questions), VGG: tinyStudy("all", undefined, "VGG") };
const results = new Map<string, Promise<Result>>();
/** Each claim is run once on each of its kinds of network, whichever tests look at it. */
function resultOf(name: string): Promise<Result> {
  const measured = async (): Promise<Result> => {
    const claim = claimOf(name);
    const columns = COLUMNS.filter((column) => claim.seconds[column] !== undefined);
    return combine(claim, await Promise.all(columns.map((column) => measureClaim(claim, shared[column], made))));
  };
  const result = results.get(name) ?? measured();
  results.set(name, result);
  return result;
}

const names = CLAIMS.map(({ name }) => name);

describe("the catalog", () => {
  it("lists the claims by number, this project's own first, with rules for each", () => {
    const numbers = CLAIMS.map(({ number }) => number);
    expect(numbers[0]).toBe(0);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
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
    expect(quick).toEqual(expect.arrayContaining([0, 1, 2, 5, 6, 7, 8, 12]));
  });

  it("measures claims 5 to 9 on VGG too", () => {
    const both = CLAIMS.filter(({ seconds }) => seconds.MLP !== undefined && seconds.VGG !== undefined);
    expect(both.map(({ number }) => number)).toEqual(expect.arrayContaining([5, 6, 7, 8, 9]));
  });
});

describe.each(names)("%s", (name) => {
  it(
    "has all of its parts and survives JSON",
    async () => {
      const result = await resultOf(name);
      const { title, who, definition, settings, differences, counterEvidence, reading } = result;
      for (const text of [title, who, definition, settings, differences, counterEvidence, reading]) {
        expect(text).toMatch(/^\S.{3,}/);
      }
      const rules = Object.values(RULES[name as keyof typeof RULES]).map(({ statistic }) => statistic);
      // Each rule is used: none was written down and left out.
      expect(new Set(result.columns[0]!.conditions.map(({ statistic }) => statistic))).toEqual(new Set(rules));
      for (const { column, conditions, shown, figures, verdict } of result.columns) {
        expect(claimOf(name).seconds[column]).toBeGreaterThan(0);
        expect(conditions.filter(({ part }) => part.kind === "primary")).toHaveLength(1);
        for (const condition of conditions) {
          expect(condition.values).toHaveLength(1);
          expect(condition.outcome).toBe(outcomeOf(condition, condition.values));
          // Completes "not ..." in the verdict.
          if (condition.part.kind === "secondary")
            expect(condition.part.where).toMatch(
              /^(at|for|with|in|after|against|as|without|behind|early|on|over|from|of|to|by) /,
            );
        }
        expect(verdict).toEqual(verdictOf(conditions));
        for (const { values } of shown) expect(values).toHaveLength(1);
        for (const { panels } of figures) {
          expect(panels[0]!.series.flatMap(({ points }) => points).length).toBeGreaterThan(0);
        }
      }
      expect(stringifyReport(parseReport(stringifyReport(result)))).toBe(stringifyReport(result));
    },
    TIMEOUT,
  );

  it(
    "says what --quick leaves out, if its measurements differ",
    async () => {
      const [quick, all] = [new Set<string>(), new Set<string>()];
      await measureClaim(claimOf(name), tinyStudy("quick", quick), made);
      await measureClaim(claimOf(name), tinyStudy("all", all), made);
      const same = quick.size === all.size && [...quick].every((question) => all.has(question));
      expect(claimOf(name).quickOmits === undefined).toBe(same);
    },
    TIMEOUT,
  );
});

describe("the laboratory", () => {
  it(
    "gives the same JSON on every run, bit for bit",
    async () => {
      for (const name of ["two-stories", "theorem-4-1"]) {
        const study = () => tinyStudy("quick", undefined, "MLP", measureOn("MLP"));
        const again = stringifyReport(await run(name, study()));
        expect(stringifyReport(await run(name, study()))).toBe(again);
      }
    },
    TIMEOUT,
  );

  it(
    "has a quick version of the deep linear network with half the depth",
    async () => {
      const [{ conditions, figures, verdict }] = (await run("deep-linear", tinyStudy("quick"))).columns as [Measured];
      expect(primaryOf(conditions)).toBeUndefined();
      expect(verdict).toEqual({ word: "undecided", where: "", tail: "its primary condition was left out" });
      expect(new Set(conditions.map(({ setting }) => setting))).toEqual(new Set(["12 layers, learning rate 5e-6"]));
      expect(figures.map(({ panels }) => panels.length)).toEqual([1, 1, 1]);
    },
    TIMEOUT,
  );

  it(
    "shares the run of the plain network between claims",
    async () => {
      await Promise.all(names.map(resultOf));
      const plain = [...questions].filter((question) =>
        /"plain","hidden":8,"width":48.*"learningRate":0.1,.*"shift"/.test(question),
      );
      expect(plain).toHaveLength(1);
    },
    TIMEOUT,
  );

  it("makes a measurement once, however often it is requested", async () => {
    const jobs: unknown[] = [];
    const ask = askOnce((job) => Promise.resolve(jobs.push(job)));
    const input = { seed: 1, draws: 2, steps: 3 };
    const answers = await Promise.all([
      ask("theorem", input),
      ask("theorem", { ...input }),
      ask("theorem", { ...input, seed: 2 }),
    ]);
    expect(answers).toEqual([1, 1, 2]);
    expect(jobs).toEqual([
      { name: "theorem", input },
      { name: "theorem", input: { ...input, seed: 2 } },
    ]);
  });

  it(
    "writes a self-contained page with a section, figures and a table for each claim",
    async () => {
      const all = await Promise.all(names.map(resultOf));
      const html = renderPage(all, 0);
      const { document } = parseHTML(html);
      expect(document.querySelectorAll(".summary tbody tr").length).toBe(CLAIMS.length);
      expect(document.querySelectorAll(".summary thead th").length).toBe(8);
      for (const result of all) {
        const { name, columns } = result;
        const section = document.querySelector(`section[id="${name}"]`)!;
        const panels = columns.flatMap(({ figures }) => figures).flatMap((figure) => figure.panels);
        expect(section.querySelectorAll("svg").length).toBe(panels.length);
        const rows = columns.flatMap(({ conditions, shown }) => [...conditions, ...shown]);
        expect(section.querySelectorAll("tbody tr").length).toBe(rows.length);
        expect(section.querySelectorAll("h3.column").length).toBe(columns.length > 1 ? columns.length : 0);
        expect(document.querySelectorAll(`a[href="#${name}"]`).length).toBeGreaterThanOrEqual(2);
        expect(section.textContent).toContain(headline(result));
      }
      expect(html).not.toMatch(/<script|<link|src=|url\((?!#)|@import|NaN|undefined/);
      expect(renderPage(all.slice(0, 2), 2)).toContain("2 claims are still being measured");
    },
    TIMEOUT,
  );

  it(
    "writes docs/claims.md with a section for each claim in the table",
    async () => {
      const text = await renderDocument(await Promise.all(names.map(resultOf)));
      const anchors = [...text.matchAll(/^\| \d+ +\| \[.*?\]\(#(.*?)\)/gm)].map((match) => match[1]!);
      expect(anchors).toHaveLength(CLAIMS.length);
      const headings = [...text.matchAll(/^## (.*)$/gm)].map((match) =>
        match[1]!
          .toLowerCase()
          .replace(/[^a-z0-9 -]/g, "")
          .replaceAll(" ", "-"),
      );
      expect(anchors).toEqual(headings);
      for (const name of names) expect(text).toContain(`npm run claims -- ${name}`);
    },
    TIMEOUT,
  );
});
