/** The presets of the playground do what they claim: told from the numbers that the page itself saves. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { columnOf, PlaygroundSite, runPage, type SavedRun, waitForStep } from "../support/playground.js";

let site: PlaygroundSite;
beforeAll(async () => {
  site = await PlaygroundSite.start();
});
afterAll(() => site.close());

/** Chooses a preset with its button, runs it for so many steps, and gives its numbers. */
async function preset(
  id: string,
  steps: number,
): Promise<{ run: SavedRun; otherwise: (predict: string) => Promise<number[]> }> {
  const { page, complaints } = await site.open("depth=1&width=2&seed=9");
  await waitForStep(page, 1);
  await page.click(`[data-preset="${id}"]`);
  expect(await page.getAttribute(`[data-preset="${id}"]`, "aria-pressed")).toBe("true");
  expect(await page.textContent("#story")).toMatch(/Source: .+\.$/);
  expect(await page.getAttribute("#story a", "href")).toMatch(/^https:\/\//);
  const run = upTo(await runPage(page, steps), steps);
  expect(complaints).toEqual([]);
  const otherwise = async (predict: string): Promise<number[]> => {
    const shown = await page.textContent("#networks");
    await page.selectOption("#predict", predict);
    await page.waitForFunction(`document.getElementById("networks").textContent !== ${JSON.stringify(shown)}`);
    const texts = await page.locator("#networks .numbers b").allTextContents();
    return texts.filter((text) => text.endsWith("%")).map((text) => parseFloat(text) / 100);
  };
  return { run, otherwise };
}

/** Without what came after so many steps: a fast machine has gone further when it is paused. */
function upTo(run: SavedRun, steps: number): SavedRun {
  const figures = Object.entries(run.figures).map(([id, { columns, rows }]) => {
    const kept = columns[0] === "step" ? rows.filter((row) => Number(row[0]) < steps) : rows;
    return [id, { columns, rows: kept }];
  });
  return { ...run, figures: Object.fromEntries(figures) as SavedRun["figures"] };
}

/** The mean test accuracy over the last five measurements. */
function accuracy(run: SavedRun, name: string): number {
  const last = columnOf(run, "accuracy", `test accuracy, ${name}`).slice(-5);
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

describe("presets", () => {
  it("learning rate 2, sigmoid: plain stays at chance, batch norm learns", async () => {
    const { run } = await preset("rate", 150);
    expect(accuracy(run, "plain")).toBeLessThan(0.2);
    expect(accuracy(run, "batch norm")).toBeGreaterThan(0.9);
  });

  it("black cats, colored cats: batch statistics cancel the shift, running ones do not", async () => {
    const { run, otherwise } = await preset("cats", 100);
    expect(accuracy(run, "plain")).toBeLessThan(0.85);
    expect(accuracy(run, "batch norm")).toBeGreaterThan(0.95);
    const [, running] = await otherwise("inference");
    expect(running).toBeLessThan(0.85);
  });

  it("noise does not hurt it: it trains with less stable hidden values than plain", async () => {
    const { run } = await preset("noise", 160);
    expect(accuracy(run, "plain")).toBeLessThan(0.85);
    expect(accuracy(run, "noisy batch norm")).toBeGreaterThan(0.88);
    const movement = (name: string): number => {
      const medians = columnOf(run, "distributions", `percentile 50, ${name}, layer 1, all units`);
      return medians.slice(1).reduce((sum, value, i) => sum + Math.abs(value - medians[i]!), 0) / (medians.length - 1);
    };
    expect(movement("noisy batch norm")).toBeGreaterThan(2 * movement("plain"));
  });

  it("smoother: close at a tenth of a learning rate, far apart at four", async () => {
    const { run } = await preset("smooth", 165);
    const beta = (distance: number, name: string): number => {
      const last = columnOf(run, "beta", `beta × learning rate at ${distance}, ${name}`)
        .slice(-5)
        .sort((a, b) => a - b);
      return last[Math.floor(last.length / 2)]!;
    };
    const ratio = (distance: number): number => beta(distance, "plain") / beta(distance, "batch norm");
    expect(ratio(0.1)).toBeGreaterThan(1 / 2);
    expect(ratio(0.1)).toBeLessThan(2);
    expect(ratio(4)).toBeGreaterThan(2);
  });

  it("forgot to switch: worse with batch statistics, only for batch norm", async () => {
    const { run, otherwise } = await preset("mode", 200);
    expect(accuracy(run, "layer norm")).toBeGreaterThan(0.93);
    expect(accuracy(run, "batch norm")).toBeLessThan(accuracy(run, "layer norm") - 0.03);
    const [, running] = await otherwise("inference");
    expect(running).toBeGreaterThan(0.95);
  });

  it("batch of two: layer norm learns, batch norm lags behind", async () => {
    const { run } = await preset("two", 200);
    expect(accuracy(run, "layer norm")).toBeGreaterThan(accuracy(run, "batch norm") + 0.1);
  });
});
