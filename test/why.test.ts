/** docs/why.md: short, and every number agrees with the claim that it links to. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PRESETS } from "../examples/playground/experiment/presets.js";
import { formatSettings } from "../examples/playground/experiment/settings.js";

const WORDS = 900;
const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
/** The page without its pictures. */
const page = read("docs/why.md").replaceAll(/!\[[^\]]*\]\([^)]*\)/g, "");

/** The sections of the claims page by number, without line breaks and the backslashes of Markdown. */
const sections = new Map(
  read("docs/claims.md")
    .split(/^## /m)
    .slice(1)
    .map((section) => [/^\d+/.exec(section)?.[0] ?? "", section.replaceAll(/\s+/g, " ").replaceAll("\\", "")]),
);

/** The text in front of each link to a claim, since the link before it or the start of its paragraph. */
function cited(): { readonly text: string; readonly claim: string }[] {
  return paragraphs().flatMap((paragraph) =>
    [...paragraph.matchAll(/(.*?)\[claim \d+\]\(claims\.md#(\d+)-[^)]*\)/g)].map(([, text, claim]) => ({
      text: text!,
      claim: claim!,
    })),
  );
}

/** Paragraphs and list items in one line each, without links to the playground. */
function paragraphs(): string[] {
  return page
    .split(/\n\n|\n(?=- )/)
    .map((part) => part.replaceAll(/\s+/g, " ").replaceAll(/\[[^\]]*\]\(\.\.\/examples[^)]*\)/g, ""));
}

/** The numbers of a text, without years and the names of commands. */
function numbersIn(text: string): string[] {
  const plain = text.replaceAll(/`[^`]*`/g, "").replaceAll(/\((?:19|20)\d\d\)/g, "");
  return plain.match(/-?\d+(?:\.\d+)?%?/g) ?? [];
}

/** Whether a section contains a number as it is written; 80% may stand there as 0.8. */
function contains(section: string, number: string): boolean {
  const forms = number.endsWith("%") ? [number, String(Number(number.slice(0, -1)) / 100)] : [number];
  return forms.some((form) => {
    const digits = form.replaceAll(".", "\\.");
    return new RegExp(`(?<![\\d.-])${digits}(?![\\d]|\\.\\d)`).test(section);
  });
}

describe("docs/why.md", () => {
  it(`has at most ${WORDS} words`, () => {
    const visible = page.replaceAll(/\]\([^)]*\)/g, "]");
    expect(visible.split(/\s+/).length).toBeLessThanOrEqual(WORDS);
  });

  it.each(cited())("agrees with claim $claim: $text", ({ text, claim }) => {
    const section = sections.get(claim);
    expect(section).toBeDefined();
    for (const number of numbersIn(text)) expect(contains(section!, number), `${number} in claim ${claim}`).toBe(true);
  });

  it("has no number without a claim", () => {
    const rest = paragraphs().map((paragraph) => paragraph.replaceAll(/.*\[claim \d+\]\([^)]*\)/g, ""));
    const unsupported = rest.filter((text) => numbersIn(text).length > 0);
    // The length of the push, which the list below it measures
    expect(unsupported.map((text) => text.trim())).toEqual([
      "Push the weights by 1% of their length in the direction that raises the mean of one output:",
    ]);
  });

  it("leads to presets of the playground, whose sentences have tests of their own", () => {
    const links = [...page.matchAll(/examples\/playground\/index\.html#([^)]*)\)/g)].map(([, settings]) => settings!);
    expect(links.length).toBeGreaterThan(2);
    const presets = PRESETS.map(({ settings }) => formatSettings(settings));
    expect(links.filter((link) => !presets.includes(link))).toEqual([]);
  });

  it("shows the push on both kinds of network, as the claims draw it", () => {
    expect(read("docs/why.md")).toContain("](images/push.svg)");
    const picture = read("docs/images/push.svg");
    for (const label of ["MLP", "VGG", "constant stats", "plain", "batch norm"])
      expect(picture).toContain(`>${label}<`);
    expect(picture).not.toMatch(/NaN|undefined/);
  });

  it("cites the claims about each of the three answers", () => {
    const claims = new Set(cited().map(({ claim }) => Number(claim)));
    expect([0, 1, 2, 5, 6, 19, 20].every((claim) => claims.has(claim))).toBe(true);
  });
});
