/** The small CNN in a page: it learns the images there as in Node. Runs after `npm run build`. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, serveFolder, type Site } from "../support/browser.js";

let folder: string;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "batchnorm-cnn-"));
  for (const file of ["dist/batchnorm.global.js", "examples/small-cnn.html", "examples/data/fashion-mnist.bin"]) {
    cpSync(file, join(folder, file));
  }
  site = await serveFolder(folder);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await site.close();
  rmSync(folder, { recursive: true });
});

describe("the page of the small CNN", () => {
  it("learns Fashion-MNIST to the accuracies of the program for Node, and reacts while it learns", async () => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.addInitScript("window.ticks = 0; setInterval(() => window.ticks++, 20);");
    await page.goto(`${site.url}/examples/small-cnn.html`);
    await page.waitForFunction("document.querySelector('progress').value >= 100", undefined, { timeout: 60_000 });
    const before = await page.evaluate<number>("window.ticks");
    await page.waitForFunction("document.querySelector('progress').value >= 200", undefined, { timeout: 60_000 });
    // Between a hundred steps, the page has run other code again and again.
    expect((await page.evaluate<number>("window.ticks")) - before).toBeGreaterThan(20);
    await page.waitForFunction("/^Done after/.test(document.querySelector('#state').textContent)", undefined, {
      timeout: 180_000,
    });
    const accuracies = await page.locator("#accuracies li").allTextContents();
    expect(errors).toEqual([]);
    const printed = readFileSync("examples/small-cnn.ts", "utf8").matchAll(/^epoch \d: (test accuracy [\d.]+)$/gm);
    expect(accuracies).toEqual(Array.from(printed, ([, accuracy]) => accuracy));
    expect(Number(accuracies.at(-1)!.replace("test accuracy ", ""))).toBeGreaterThan(0.8);
    await page.close();
  });

  it("explains what to do where it cannot read the images", async () => {
    const page = await browser.newPage();
    await page.route("**/fashion-mnist.bin", (route) => route.fulfill({ status: 404 }));
    await page.goto(`${site.url}/examples/small-cnn.html`);
    const state = page.locator("#state", { hasText: "status 404. Serve the repository's folder" });
    await state.waitFor({ timeout: 10_000 });
    await page.close();
  });
});
