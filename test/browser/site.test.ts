/** The site: built whole, every link followed, its front page looked at in a real browser. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSite } from "../../docs/site/build.js";
import { parseSettings } from "../../examples/playground/experiment/settings.js";
import { launchBrowser, serveFolder } from "../support/browser.js";
import { followLinks, type Followed } from "../support/site-links.js";

const root = mkdtempSync(join(tmpdir(), "batchnorm-site-"));
const folder = join(root, "site");
let followed: Followed;

beforeAll(async () => {
  mkdirSync(join(root, "report"));
  writeFileSync(join(root, "report/claims.html"), "<!doctype html><title>Claims</title>");
  await buildSite(folder, join(root, "report"));
  followed = followLinks(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

describe("the links of the site", () => {
  it("are found if broken", () => {
    const bad = join(root, "bad");
    mkdirSync(join(bad, "a"), { recursive: true });
    const links = [
      "a/b.html#x",
      "a/b.html#y",
      "gone.html",
      "../out.html",
      "a",
      "https://example.org/",
      "#here",
      "#there",
    ];
    const text = links.map((link) => `<a href="${link}">link</a>`).join("");
    writeFileSync(join(bad, "index.html"), `<!doctype html><body id="here">${text}</body>`);
    writeFileSync(join(bad, "a/b.html"), `<!doctype html><p id="x"></p><img src="c.png" />`);
    const { broken, reached, outside } = followLinks(bad);
    expect(broken).toEqual([
      "index.html -> gone.html: no such file",
      "index.html -> ../out.html: leaves the site",
      "index.html -> a: no such file",
      "a/b.html -> c.png: no such file",
      "index.html -> a/b.html#y: no such place",
      "index.html -> #there: no such place",
    ]);
    expect([...reached]).toEqual(["index.html", "a/b.html"]);
    expect([...outside]).toEqual(["https://example.org/"]);
  });

  it("are not broken", () => {
    expect(followed.broken).toEqual([]);
    for (const address of followed.outside) expect(address).toMatch(/^https:\/\/(?!home\.invalid)/);
  });

  it("include the playground and its presets, the API, every guide, and the available reports", () => {
    const guides = readdirSync("docs").filter((file) => file.endsWith(".md"));
    const wanted = [
      ...["playground/index.html", "api/index.html", "report/claims.html", "demo.svg"],
      ...["api/classes/index.BatchNorm.html", "api/functions/probes.alongGradient.html"],
      ...guides.map((file) => `api/documents/${file.replace(".md", ".html")}`),
      ...["api/documents/examples.html", "api/media/backward.ts.html"],
    ];
    for (const path of wanted) expect(followed.reached).toContain(path);
    expect([...followed.reached].filter((path) => /^playground\/.*\.js$/.test(path))).toHaveLength(1);
    expect(followed.reached).not.toContain("report/index.html");
    expect(followed.settings.size).toBe(6);
    for (const text of followed.settings) expect(parseSettings(text).notes).toEqual([]);
  });

  it("lead to highlighted sources, never to a raw file", () => {
    expect([...followed.reached].filter((path) => /\.(ts|md)$|LICENSE$/.test(path))).toEqual([]);
    const pages = [...followed.reached].filter((path) => /^api\/media\/.*\.ts\.html$/.test(path));
    expect(pages.length).toBeGreaterThan(50);
    for (const path of pages) {
      const document = parsed(path);
      const source = document.querySelector("h1")!.textContent;
      expect(document.querySelector("pre")!.textContent.trimEnd() === readFileSync(source, "utf8").trimEnd()).toBe(
        true,
      );
      expect(document.querySelectorAll("pre [class^=hl-]").length).toBeGreaterThan(5);
    }
  });

  it("reach every page of the API", () => {
    const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".html"));
    expect(pages.map((path) => path.replaceAll("\\", "/")).filter((path) => !followed.reached.has(path))).toEqual([]);
  });
});

const parsed = (path: string): Document => parseHTML(readFileSync(join(folder, path), "utf8")).document;

describe("the API pages and guides", () => {
  it("keep the tables and formulas of a class", () => {
    const document = parsed("api/classes/index.BatchNorm.html");
    const comment = document.querySelector(".tsd-comment")!;
    expect(comment.querySelector("pre")!.textContent).toMatch(
      /^xhat = \(x - mean\) \/ sqrt\(variance \+ epsilon\) {6}y = /,
    );
    const rows = [...comment.querySelectorAll("tr")].map((row) =>
      [...row.querySelectorAll("th, td")].map(({ textContent }) => textContent),
    );
    expect(rows).toHaveLength(4);
    expect(rows[3]).toEqual(["inference", "running statistics", "statistics as constants", "untouched"]);
    expect(readFileSync(join(folder, "api/assets/custom.css"), "utf8")).toContain("white-space: pre;");
  });

  it("are in reading order, by title, each with the previous and next one", () => {
    const titles: string[] = [];
    let path: string | undefined = "api/documents/README.html";
    while (path !== undefined) {
      const document = parsed(path);
      const title = document.querySelector(".tsd-breadcrumb")!.textContent.trim();
      const link = (rel: string): Element | null => document.querySelector(`.neighbors [rel=${rel}]`);
      expect(link("prev")?.textContent).toBe(titles.length === 0 ? undefined : `Previous: ${titles.at(-1)!}`);
      expect(document.querySelector("title")!.textContent).toContain(title);
      titles.push(title);
      path = link("next") === null ? undefined : `api/documents/${link("next")!.getAttribute("href")!}`;
    }
    expect(titles).toHaveLength(readdirSync("docs").filter((file) => file.endsWith(".md")).length + 1);
    expect(titles.slice(0, 3)).toEqual(["Documentation", "Modes and running statistics", "Batch norm in a convolutional network"]); // prettier-ignore
    expect(titles.indexOf("Batch normalization, forward and backward")).toBeLessThan(titles.indexOf("Probes"));
    expect(new Set(titles).size).toBe(titles.length);
  });

  it("are found by the search", async () => {
    const [site, browser] = await Promise.all([serveFolder(folder), launchBrowser()]);
    const page = await browser.newPage();
    await page.goto(`${site.url}/api/index.html`);
    await page.click("#tsd-search-trigger");
    for (const [query, address] of [
      ["landscape", "documents/probes.html"],
      ["exercise", "documents/examples.html"],
      ["moons", "documents/examples.html"],
      ["running statistics", "documents/modes.html"],
    ] as const) {
      await page.fill("#tsd-search-input", "");
      await page.waitForFunction(`document.querySelectorAll("#tsd-search-results a").length === 0`);
      await page.fill("#tsd-search-input", query);
      await page.waitForSelector("#tsd-search-results a");
      const first = await page.locator("#tsd-search-results a").evaluateAll((links) => links.slice(0, 2).map(String));
      expect(first).toContain(`${site.url}/api/${address}`);
    }
    await browser.close();
    await site.close();
  });
});

describe("a guide and a source", () => {
  it.each(["light", "dark"] as const)("fit a phone and have no serious axe-core findings, %s", async (colorScheme) => {
    const [site, browser] = await Promise.all([serveFolder(folder), launchBrowser()]);
    const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 844 } });
    for (const path of ["api/documents/modes.html", "api/documents/probes.html", "api/media/batch-norm.ts.html"]) {
      await page.goto(`${site.url}/${path}`);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
      const { violations } = await page.evaluate<AxeResults>("axe.run()");
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
    await browser.close();
    await site.close();
  });
});

describe("the front page", () => {
  it.each([
    ["light", 1280],
    ["dark", 390],
  ] as const)("is in order, %s at %i px", async (colorScheme, width) => {
    const [site, browser] = await Promise.all([serveFolder(folder), launchBrowser()]);
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("response", (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
    });
    await page.goto(`${site.url}/`);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    await page.click("text=Black cats");
    await page.waitForFunction("Number(document.body.dataset.step) > 0");
    expect(await page.getAttribute(`[data-preset="cats"]`, "aria-pressed")).toBe("true");
    await page.click("text=About batchnorm");
    expect(await page.textContent("h1")).toBe("batchnorm");
    expect(complaints).toEqual([]);
    await browser.close();
    await site.close();
  });
});
