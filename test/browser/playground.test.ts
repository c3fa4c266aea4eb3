/** The playground in a real browser, built and served as a static site. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { createServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Experiment } from "../../examples/playground/experiment/experiment.js";
import { parseSettings } from "../../examples/playground/experiment/settings.js";
import { columnOf, pausePage, PlaygroundSite, runPage, savedBy, savedRun, waitForStep } from "../support/playground.js";

const SMALL = "depth=2&width=8";
let site: PlaygroundSite;

beforeAll(async () => {
  site = await PlaygroundSite.start();
});
afterAll(() => site.close());

describe("the page", () => {
  it("loads under a sub-path, starts training, and logs no errors", async () => {
    const { page, complaints } = await site.open();
    await waitForStep(page, 1);
    const first = await page.evaluate<number>("performance.now()");
    // Not asserted, as nothing that depends on the machine is.
    console.log(`the first trained frame after ${first.toFixed(0)} ms`);
    await page.evaluate(`window.frames_ = 0; (function count() { window.frames_++; requestAnimationFrame(count); })()`);
    await page.waitForTimeout(4000);
    const frames = await page.evaluate<number>("window.frames_");
    console.log(`${(frames / 4).toFixed(0)} frames a second; ${(await page.textContent("#pace"))!}`);
    const run = await runPage(page, 60);
    const meanLoss = (name: string): number =>
      columnOf(run, "loss", `loss, ${name}`)
        .slice(40, 60)
        .reduce((sum, loss) => sum + loss / 20, 0);
    expect(meanLoss("plain")).toBeGreaterThan(0.65);
    expect(meanLoss("batch norm")).toBeLessThan(0.35);
    expect(run.step).toBe(columnOf(run, "loss", "loss, plain").length);
    expect(await page.textContent("#engine")).toContain(`on its ${run.kernels} kernels`);
    expect(await page.textContent("#status")).toMatch(
      /^Paused at step \d+\. plain: test accuracy [\d.]+ percent\. batch norm: /,
    );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("also trains from the server of `npm run playground`, which survives a malformed URL", async () => {
    const server = await createServer({ root: "examples/playground", server: { port: 0 }, logLevel: "silent" });
    await server.listen();
    const [url] = server.resolvedUrls!.local as [string];
    expect((await fetch(`${url}%`)).status).toBe(404);
    const page = await site.browser.newPage();
    await page.goto(`${url}#${SMALL}`);
    await waitForStep(page, 1);
    await page.close();
    await server.close();
  });

  it("is at most 250 kB gzipped, including data", () => {
    const files = readdirSync(site.folder).filter((file) => !file.endsWith(".map"));
    const sizes = files.map((file) => gzipSync(readFileSync(join(site.folder, file)), { level: 9 }).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(
      files.map((file, i) => `${String(sizes[i]).padStart(6)}  ${file}`).join("\n"),
      `\n${total} bytes in all`,
    );
    expect(total).toBeLessThanOrEqual(250_000);
  });

  it.each([SMALL, `${SMALL}&left=noisy&right=ghost&data=digits&rate=0.3,1@20&seed=5`])(
    "the worker's numbers are Node's, bit for bit: %s",
    async (address) => {
      const { page } = await site.open(address);
      const run = await runPage(page, 60);
      const experiment = new Experiment(parseSettings(address).settings);
      const losses: (readonly (number | null)[])[] = [];
      const accuracies: (readonly (number | null)[])[] = [];
      const betas: number[][] = [];
      for (let i = 0; i < run.step; i++) {
        const record = await experiment.advance();
        losses.push(record.losses);
        if (record.accuracies) accuracies.push(record.accuracies);
        if (record.landscapes) betas.push(record.landscapes.flatMap((each) => [...each!.betas]));
      }
      expect(run.kernels).toBe(experiment.kernels);
      expect(run.figures["loss"]!.rows.map((row) => row.slice(1))).toEqual(losses);
      expect(run.figures["accuracy"]!.rows.map((row) => row.slice(1))).toEqual(accuracies);
      expect(run.figures["beta"]!.rows.map((row) => row.slice(1))).toEqual(betas);
      await page.context().close();
    },
  );
});

describe("URLs", () => {
  it("include every control, and reopen the same demonstration", async () => {
    const { page } = await site.open(SMALL);
    await page.selectOption("#data", "xor");
    await page.selectOption("#left", "layer");
    await page.selectOption("#activation", "tanh");
    await page.fill("#seed", "42");
    await page.press("#seed", "Enter");
    await page.focus("#depth");
    await page.keyboard.press("ArrowRight");
    await waitForStep(page, 20);
    // While it runs: these do not start a new run.
    await page.selectOption("#predict", "batch");
    await page.focus("#rate");
    await page.keyboard.press("ArrowRight");
    await waitForStep(page, 45);
    const run = await runPage(page, 45);
    expect(run.settings).toMatchObject({
      data: "xor",
      left: "layer",
      activation: "tanh",
      seed: 42,
      depth: 3,
      predict: "batch",
    });
    const rates = run.settings["rates"] as { step: number; rate: number }[];
    expect(rates.map(({ rate }) => rate)).toEqual([0.5, 0.56]);
    expect(rates[1]!.step).toBeGreaterThanOrEqual(20);

    const link = new URL(page.url()).hash.slice(1);
    expect(parseSettings(link)).toEqual({ settings: run.settings, notes: [] });
    const { page: second } = await site.open(link);
    const again = await runPage(second, run.step);
    const rows = (each: typeof run): unknown => each.figures["loss"]!.rows.slice(0, run.step);
    expect(rows(again)).toEqual(rows(run));
    await page.context().close();
    await second.context().close();
  });

  it("that are invalid fall back to defaults, with a visible note", async () => {
    const { page, complaints } = await site.open("depth=99&data=<b>suns</b>&wdith=3&seed=9");
    await waitForStep(page, 1);
    expect(await page.isVisible("#notes")).toBe(true);
    expect(await page.locator("#notes p").allTextContents()).toEqual([
      "data: expected one of moons, spirals, circles, xor, digits, got “<b>suns</b>”; using the default",
      "depth: expected a whole number from 1 to 8, got “99”; using the default",
      "wdith: unknown setting; ignored",
    ]);
    expect(await page.inputValue("#seed")).toBe("9");
    expect(new URL(page.url()).hash).toBe("#seed=9");
    await page.goto(`${site.url}#seed=10`);
    await page.waitForFunction(`document.getElementById("seed").value === "10"`);
    expect(await page.isVisible("#notes")).toBe(false);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe("the page without a mouse", () => {
  it("makes every control reachable and usable", async () => {
    const { page } = await site.open(SMALL);
    await waitForStep(page, 1);
    const focused = (): Promise<string> =>
      page.evaluate<string>("document.activeElement.id || document.activeElement.textContent");
    const reached: string[] = [];
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press("Tab");
      reached.push(await focused());
      if (reached.at(-1) === "play") await page.keyboard.press("Space");
      if (reached.at(-1) === "step") await page.keyboard.press("Enter");
      if (reached.at(-1) === "layer") await page.keyboard.press("ArrowDown");
      if (reached.at(-1) === "unit") for (let k = 0; k < 3; k++) await page.keyboard.press("ArrowDown");
      if (reached.at(-1) === "side") break;
    }
    for (const id of [
      "play",
      "step",
      "reset",
      "speed",
      "share",
      "json",
      "rate",
      "seed",
      "data",
      "left",
      "epsilon",
      "layer",
      "unit",
    ]) {
      expect(reached).toContain(id);
    }
    expect(reached[0]).toBe("Skip to the networks");
    expect(await page.textContent("#play")).toBe("Play");
    expect(await page.inputValue("#layer")).toBe("1");
    expect(await page.inputValue("#unit")).toBe("2");
    await pausePage(page);
    const { step, figures } = await savedRun(page);
    expect(figures["distributions"]!.columns[1]).toBe("percentile 5, plain, layer 2, unit 3");
    await page.click("#step");
    await waitForStep(page, step + 1);
    expect((await savedRun(page)).step).toBe(step + 1);
    await page.context().close();
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
    ["dark", 390],
  ] as const)("has no serious axe-core findings, %s at %i px", async (colorScheme, width) => {
    const { page } = await site.open(`${SMALL}&depth=9`, { colorScheme, viewport: { width, height: 800 } });
    await waitForStep(page, 30);
    await pausePage(page);
    await page.click("#settings summary");
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
    const { violations, passes } = await page.evaluate<AxeResults>("axe.run()");
    expect(
      violations.map(({ id, impact, nodes }) => `${impact ?? ""} ${id}: ${nodes.map(({ html }) => html).join(" ")}`),
    ).toEqual([]);
    expect(passes.length).toBeGreaterThan(20);
    await page.context().close();
  });
});

describe("the layout", () => {
  it.each([1280, 768, 390])("has no horizontal overflow at %i px", async (width) => {
    const { page } = await site.open(SMALL, { viewport: { width, height: 800 } });
    await waitForStep(page, 1);
    const wide = await page.evaluate<string[]>(`[...document.querySelectorAll("body *")]
      .filter((e) => !e.closest(".scroll, .hidden, .skip") && e.getBoundingClientRect().right > innerWidth + 0.5)
      .map((e) => e.tagName + "#" + e.id + "." + e.className)`);
    expect(wide).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    await page.context().close();
  });

  it("respects reduced motion: no animation unless started, and then two frames per second", async () => {
    const { page } = await site.open(SMALL, { reducedMotion: "reduce" });
    await page.waitForTimeout(1000);
    expect(await page.textContent("#play")).toBe("Play");
    expect(await page.textContent("#count")).toBe("0");
    await page.evaluate(`window.changes = 0; new MutationObserver(() => window.changes++)
      .observe(document.getElementById("count"), { childList: true, characterData: true, subtree: true })`);
    await page.click("#play");
    await waitForStep(page, 5);
    await page.waitForTimeout(3000);
    const [changes, seconds] = [await page.evaluate<number>("window.changes"), 3];
    expect(changes).toBeGreaterThanOrEqual(2);
    expect(changes).toBeLessThanOrEqual(2 * seconds + 6);
    await page.context().close();
  });
});

describe("a network that diverges", () => {
  it("is shown as diverged, while the other one continues and the page stays responsive", async () => {
    const { page, complaints } = await site.open("depth=6&activation=relu&rate=3");
    await page.waitForSelector("#card-left .diverged", { timeout: 60_000 });
    const run = await runPage(page, 60);
    expect(run.divergedAt[0]).not.toBeNull();
    expect(run.divergedAt[1]).toBeNull();
    expect(await page.textContent("#card-left .numbers")).toBe(`diverged at step ${run.divergedAt[0]!}`);
    expect(columnOf(run, "loss", "loss, plain")).toHaveLength(run.divergedAt[0]!);
    expect(columnOf(run, "loss", "loss, batch norm")).toHaveLength(run.step);
    await page.selectOption("#side", "0");
    await page.waitForFunction(`document.getElementById("how").textContent === "plain has diverged."`);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("ends the run if both have diverged", async () => {
    const { page } = await site.open("depth=6&activation=relu&rate=10&right=plain");
    await page.waitForSelector("#card-right .diverged", { timeout: 60_000 });
    await page.waitForFunction(`document.getElementById("play").textContent === "Play"`);
    expect(await page.textContent("#status")).toContain("plain (left): diverged at step");
    await page.click("#reset");
    await page.waitForFunction(`document.getElementById("count").textContent === "0"`);
    expect(await page.locator(".diverged").count()).toBe(0);
    await page.context().close();
  });
});

describe("the export", () => {
  const exported = async (page: Page, card: string, kind: string): ReturnType<typeof savedBy> =>
    savedBy(page, async () => {
      await page.click(`#card-${card} .export summary`);
      await page.click(`#card-${card} .export button:text-is("${kind}")`);
    });

  it("saves a figure as PNG and SVG, and its numbers as CSV", async () => {
    const { page, complaints } = await site.open(SMALL);
    await waitForStep(page, 45);
    await pausePage(page);
    const run = await savedRun(page);
    for (const card of ["loss", "ridgeline", "left"] as const) {
      const png = await exported(page, card, "PNG");
      expect(png.bytes.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
      expect(png.bytes.readUInt32BE(16)).toBeGreaterThan(400);
      const svg = (await exported(page, card, "SVG")).bytes.toString();
      expect(svg.slice(0, 100)).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      expect(svg.includes({ loss: ">step</text>", ridgeline: ">value</text>", left: "<image" }[card])).toBe(true);
      const parsed = await page.evaluate<string>(
        `new DOMParser().parseFromString(${JSON.stringify(svg)}, "image/svg+xml").documentElement.nodeName`,
      );
      expect(parsed).toBe("svg");
    }
    const csv = await exported(page, "loss", "CSV");
    expect(csv.name).toBe("loss.csv");
    const lines = csv.bytes.toString().trimEnd().split("\r\n");
    expect(lines[0]).toBe('step,"loss, plain","loss, batch norm"');
    expect(lines.slice(1).map((line) => line.split(",").map(Number))).toEqual(run.figures["loss"]!.rows);
    for (const { columns, rows } of Object.values(run.figures)) {
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toHaveLength(columns.length);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe("the section on how it is computed", () => {
  it("follows a click on a unit's picture, with consistent numbers", async () => {
    const { page } = await site.open(SMALL);
    await waitForStep(page, 20);
    await pausePage(page);
    // The fourth unit of the second layer: pictures are at most 22 pixels wide, a layer stands 5 below the other.
    await page.click("#card-right .units", { position: { x: 3.5 * 22, y: 22 + 5 + 8 } });
    await page.waitForSelector("#how table.rows");
    expect(await page.inputValue("#layer")).toBe("1");
    expect(await page.inputValue("#unit")).toBe("3");
    const value = (name: string): Promise<number> =>
      page
        .locator("#how table.formulas tr", { has: page.locator(`th:text-is("${name}")`) })
        .locator("td")
        .nth(1)
        .textContent()
        .then((text) => Number(text!.replace("−", "-")));
    const [mean, variance, rstd] = [await value("mean"), await value("variance"), await value("rstd")];
    expect(rstd).toBeCloseTo(1 / Math.sqrt(variance + 1e-5), 2);
    const cells = await page.locator("#how table.rows tbody tr").first().locator("td").allTextContents();
    const [x, xhat, , dy, meanTerm, xhatTerm, sum] = cells.map((text) => Number(text.replace("−", "-")));
    expect(xhat).toBeCloseTo((x! - mean) * rstd, 2);
    expect(dy! + meanTerm! + xhatTerm!).toBeCloseTo(sum!, 5);
    expect(await page.textContent("#how")).toMatch(/the largest difference over the batch is \d\.\de-\d+/);
    await page.context().close();
  });
});
