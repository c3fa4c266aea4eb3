/** A preset on the page: what it selects and brings on screen. What it shows is tested in test/playground-presets.test.ts, without a page. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PRESETS } from "../../examples/playground/experiment/presets.js";
import { formatSettings } from "../../examples/playground/experiment/settings.js";
import { pausePage, PlaygroundSite, waitForStep } from "../support/playground.js";

let site: PlaygroundSite;
beforeAll(async () => {
  site = await PlaygroundSite.start();
});
afterAll(() => site.close());

/** Waits until the whole card is in the window. */
const waitForCard = (page: Page, id: string): Promise<unknown> =>
  page.waitForFunction(`(({ top, bottom }) => top >= 0 && bottom <= innerHeight + 1)(
    document.getElementById("card-${id}").getBoundingClientRect())`);

it.each([
  [1280, 800],
  [390, 844],
])("a preset selects its layer and unit and brings its card on screen, at %i x %i", async (width, height) => {
  const { page, complaints } = await site.open("depth=1&width=2&seed=9", { viewport: { width, height } });
  await waitForStep(page, 1);
  for (const { id, view, settings } of PRESETS) {
    await page.click(`[data-preset="${id}"]`);
    expect(await page.getAttribute(`[data-preset="${id}"]`, "aria-pressed")).toBe("true");
    expect(new URL(page.url()).hash.slice(1)).toBe(formatSettings(settings));
    expect(await page.textContent("#story")).toMatch(/Source: .+\.$/);
    expect(await page.getAttribute("#story a", "href")).toMatch(/^https:\/\//);
    expect(await page.inputValue("#layer")).toBe(String(view.layer));
    expect(await page.inputValue("#unit")).toBe(view.unit === null ? "" : String(view.unit));
    expect(await page.locator("#featured > *").evaluateAll((cards) => cards.map((card) => card.id))).toEqual([
      `card-${view.figure}`,
    ]);
    await waitForCard(page, view.figure);
  }
  // The cards are where they were before, except for the last preset's.
  expect(await page.locator(".card").evaluateAll((cards) => cards.map((card) => card.id.slice(5)))).toEqual(
    ["accuracy", "left", "right", "loss", "distributions", "ridgeline", "running", "gradients"].concat(
      ...["landscape", "beta", "shift"],
    ),
  );
  expect(complaints).toEqual([]);
  await page.context().close();
});

it("a link to a preset does the same, and a stuck network is marked on every card", async () => {
  const { page, complaints } = await site.open(formatSettings(PRESETS[0]!.settings));
  await waitForStep(page, 70);
  await pausePage(page);
  expect(await page.locator("#featured > *").getAttribute("id")).toBe("card-gradients");
  expect(await page.locator("#card-left .stuck").textContent()).toMatch(/^stuck/);
  expect(await page.locator("#card-right .stuck").count()).toBe(0);
  const marks = await page.locator(".card:not(.network) .stuck").allTextContents();
  expect(marks).toEqual(new Array(9).fill("stuck: plain"));
  expect(await page.textContent("#status")).toMatch(/plain: test accuracy [\d.]+ percent, stuck\. batch norm: /);
  await page.click("#reset");
  await page.waitForFunction(`![...document.querySelectorAll(".stuck")].some((each) => each.textContent)`);
  expect(complaints).toEqual([]);
  await page.context().close();
});
