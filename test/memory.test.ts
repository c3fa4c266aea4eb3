/** Memory stays flat while a network trains; `npm run soak` looks for ten times as long. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SoakReport } from "./soak/main.js";

const root = fileURLToPath(new URL("..", import.meta.url));
mkdirSync(join(root, ".build"), { recursive: true });
const scratch = mkdtempSync(join(root, ".build", "test-memory-"));
const outfile = join(scratch, "soak.mjs");
afterAll(() => rmSync(scratch, { recursive: true }));
beforeAll(async () => {
  await build({
    entryPoints: [join(root, "test/soak/main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
});

/** In a process of its own: the garbage of other tests is none of its business. */
function soak(...args: readonly string[]): Promise<{ status: number | null; report: SoakReport }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--expose-gc", outfile, ...args]);
    let stdout = "";
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.on("close", (status) => resolve({ status, report: JSON.parse(stdout) as SoakReport }));
  });
}

it("is flat over 100,000 steps of training, probing, inference and refusals, on both kernel sets", async () => {
  const { status, report } = await soak("100000");
  expect(report.steps).toBe(100_000);
  expect(report.bytes).toHaveLength(10);
  // Three bytes a step would be more than this.
  expect(report.growth, report.bytes.join(" ")).toBeLessThan(256 * 1024);
  expect(status).toBe(0);
}, 300_000);

it("would be found growing if four numbers a step stayed behind", async () => {
  const { status, report } = await soak("20000", "leak");
  expect(report.growth).toBeGreaterThan(256 * 1024);
  expect(status).toBe(1);
}, 300_000);
