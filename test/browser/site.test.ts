/** The site: built whole, every link followed, its front page looked at in a real browser. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
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
    ];
    for (const path of wanted) expect(followed.reached).toContain(path);
    expect([...followed.reached].filter((path) => /^playground\/.*\.js$/.test(path))).toHaveLength(1);
    expect(followed.reached).not.toContain("report/index.html");
    expect(followed.settings.size).toBe(6);
    for (const text of followed.settings) expect(parseSettings(text).notes).toEqual([]);
  });

  it("reach every page of the API", () => {
    const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".html"));
    expect(pages.map((path) => path.replaceAll("\\", "/")).filter((path) => !followed.reached.has(path))).toEqual([]);
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
