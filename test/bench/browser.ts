/**
 * `npm run bench -- browser`: the works of `npm run bench` in a headless Chromium.
 *
 *   npm run bench -- browser [words of a work's name] [--quick]
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { launchBrowser, serveFolder } from "../support/browser.js";
import { efforts } from "./works.js";

const { values: options, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
// An isolated page has a clock of 5 microseconds, others of 100.
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const site = await serveFolder(".build/bench/browser", isolated);
const browser = await launchBrowser();
const page = await browser.newPage();
console.log(
  `${cpus()[0]?.model ?? "unknown"}, Chromium ${browser.version()}, one thread; milliseconds, and times faster\n`,
);
page.on("console", (message) => {
  if (message.type() === "log") console.log(message.text());
});
await page.goto(`${site.url}/`);
const effort = options.quick ? efforts.quick : efforts.usual;
await page.evaluate(([words, how]) => (window as unknown as BenchWindow).bench(words, how), [
  positionals,
  effort,
] as const);
await browser.close();
await site.close();

interface BenchWindow {
  readonly bench: (words: readonly string[], effort: (typeof efforts)["quick" | "usual"]) => void;
}
