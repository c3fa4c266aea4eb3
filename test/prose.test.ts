/**
 * The prose reads as a native speaker of the field would write it: phrases that were once common and read as translated do not
 * come back. Of Markdown pages it checks the prose, of other files the whole text.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { prose } from "./support/doc-programs.js";
import { proseFindings, proseRules } from "./support/prose-rules.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files and folders. */
const CHECKED = ["README.md", "docs", "examples", "src"];

/** What is generated, installed, or held by the texts that it is made from. */
const LEFT_OUT = /node_modules|^docs\/api|^docs\/images|^examples\/data|src\/kernels\/wasm\/.*module\.ts$/;

function filesUnder(path: string): string[] {
  if (LEFT_OUT.test(path)) return [];
  if (statSync(root + path).isDirectory()) {
    return readdirSync(root + path).flatMap((name) => filesUnder(`${path}/${name}`));
  }
  return /\.(?:md|ts|js|mjs|html)$/.test(path) ? [path] : [];
}

describe("a phrase that reads as translated", () => {
  const phrases = proseRules.flatMap((rule) => rule.bad.map((phrase) => [phrase, rule] as const));

  it.each(phrases)("is found: %s", (phrase, rule) => {
    expect(proseFindings(phrase, [rule])).toHaveLength(1);
  });

  it.each(proseRules.flatMap((rule) => (rule.fine ?? []).map((phrase) => [phrase] as const)))(
    "is not confused with: %s",
    (phrase) => {
      expect(proseFindings(phrase)).toEqual([]);
    },
  );

  it("is reported with its line and a better form", () => {
    expect(proseFindings("/**\n * Good.\n * Fewer than some\n * 128 values.\n */")).toEqual([
      '3: "some 1": write "about"',
    ]);
  });

  it("does not occur in its better form", () => {
    expect(proseRules.map(({ better }) => proseFindings(better)).flat()).toEqual([]);
  });
});

describe("the prose", () => {
  it.each(CHECKED.flatMap(filesUnder))("of %s has no such phrase", (path) => {
    const text = readFileSync(root + path, "utf8");
    const findings = proseFindings(path.endsWith(".md") ? prose(text) : text);
    expect(findings.map((finding) => `${path}:${finding}`)).toEqual([]);
  });
});
