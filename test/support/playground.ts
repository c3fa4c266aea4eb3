/** The playground in a real browser: built, served under a sub-path, opened, and asked for its own numbers. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { build } from "vite";
import { launchBrowser, serveFolder } from "./browser.js";

/** Where the page is put: not at the root, since it must work under any address. */
const PLACE = "some/place";

/** A page of the playground, and what went wrong on it. */
export interface Opened {
  readonly page: Page;
  /** Errors, warnings, and requests that did not succeed or went elsewhere. */
  readonly complaints: readonly string[];
}

/** What "Save JSON" saves. */
export interface SavedRun {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly kernels: string;
  readonly names: readonly string[];
  readonly step: number;
  readonly divergedAt: readonly (number | null)[];
  readonly figures: Readonly<
    Record<
      string,
      { readonly columns: readonly string[]; readonly rows: readonly (readonly (number | string | null)[])[] }
    >
  >;
}

/** The built playground and a browser for it. */
export class PlaygroundSite {
  private constructor(
    readonly folder: string,
    readonly url: string,
    readonly browser: Browser,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<PlaygroundSite> {
    const root = mkdtempSync(join(tmpdir(), "batchnorm-playground-"));
    const folder = join(root, PLACE);
    await build({ root: "examples/playground", build: { outDir: folder }, logLevel: "warn" });
    const [site, browser] = await Promise.all([serveFolder(root), launchBrowser()]);
    return new PlaygroundSite(folder, `${site.url}/${PLACE}/`, browser, async () => {
      await browser.close();
      await site.close();
      rmSync(root, { recursive: true });
    });
  }

  /** Opens the page with some settings in its address. */
  async open(settings = "", options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(this.url))
        complaints.push(`asked for ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
    });
    await page.goto(`${this.url}#${settings}`);
    return { page, complaints };
  }
}

/** Waits until so many steps are done and drawn. */
export async function waitForStep(page: Page, step: number): Promise<void> {
  await page.waitForFunction(`Number(document.body.dataset.step) >= ${step}`, undefined, { timeout: 120_000 });
}

/** Pauses, and waits until what was in flight has arrived. */
export async function pausePage(page: Page): Promise<void> {
  if ((await page.textContent("#play")) === "Pause") await page.click("#play");
  await page.waitForFunction(`!document.getElementById("pace").textContent`);
  await page.waitForTimeout(300);
}

/** What a click saves. */
export async function savedBy(page: Page, click: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const waited = page.waitForEvent("download");
  await click();
  const download = await waited;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** The page's own numbers. */
export async function savedRun(page: Page): Promise<SavedRun> {
  const { bytes } = await savedBy(page, () => page.click("#json"));
  return JSON.parse(bytes.toString()) as SavedRun;
}

/** Runs the page for so many steps at least and gives its numbers. */
export async function runPage(page: Page, steps: number): Promise<SavedRun> {
  await waitForStep(page, steps);
  await pausePage(page);
  return savedRun(page);
}

/** A column of a figure, without the rows where it is empty. */
export function columnOf(run: SavedRun, figure: string, name: string): number[] {
  const { columns, rows } = run.figures[figure]!;
  const at = columns.indexOf(name);
  if (at < 0) throw new Error(`expected a column “${name}” of ${figure}, got ${columns.join(", ")}`);
  return rows
    .map((row) => row[at]!)
    .filter((value) => value !== null)
    .map(Number);
}
