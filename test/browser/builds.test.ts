/** The built package on a page: by a plain script tag, and as a module. Runs after `npm run build`. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, serveFolder, type Site } from "../support/browser.js";

const training = `
  const random = new batchnorm.Random(1);
  const model = new batchnorm.Sequential([
    new batchnorm.Dense({ inputs: 2, outputs: 8, bias: false, random }),
    new batchnorm.BatchNorm({ features: 8 }),
    new batchnorm.ReLU(),
    new batchnorm.Dense({ inputs: 8, outputs: 2, random }),
  ]);
  const input = batchnorm.Tensor.normal([16, 2], { random });
  const { output, backward } = model.forward(input, { mode: "train" });
  const { loss, gradOutput } = batchnorm.softmaxCrossEntropy(output, Array.from({ length: 16 }, (_, i) => i % 2));
  new batchnorm.SGD(model.parameters, { learningRate: 0.1 }).step(backward(gradOutput).gradients);
  window.result = loss;`;

let folder: string;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "batchnorm-page-"));
  cpSync("dist", join(folder, "dist"), { recursive: true });
  const page = (scripts: string): string => `<!doctype html><title>batchnorm</title>${scripts}`;
  writeFileSync(
    join(folder, "global.html"),
    page(`<script src="dist/batchnorm.global.js"></script><script>${training}</script>`),
  );
  writeFileSync(
    join(folder, "module.html"),
    page(`<script type="module">import * as batchnorm from "./dist/index.js"; ${training}</script>`),
  );
  site = await serveFolder(folder);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await site.close();
  rmSync(folder, { recursive: true });
});

describe("the built package on a page", () => {
  it.each(["global.html", "module.html"])("trains, from %s", async (name) => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${site.url}/${name}`);
    await page.waitForFunction("window.result !== undefined", undefined, { timeout: 10_000 });
    const loss = await page.evaluate<number>("window.result");
    expect(errors).toEqual([]);
    expect(loss).toBeGreaterThan(0);
    await page.close();
  });
});
