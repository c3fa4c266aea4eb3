/** The claims laboratory as a user runs it: a process with worker threads. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseReport } from "batchnorm/probes";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Measured, Result } from "../../examples/laboratory/run-claim.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const TIMEOUT = 120_000;
// Inside the project, so that what is bundled there finds the packages.
mkdirSync(join(root, ".build"), { recursive: true });
const scratch = mkdtempSync(join(root, ".build", "test-claims-"));
afterAll(() => rmSync(scratch, { recursive: true }));

beforeAll(async () => {
  const entryPoints = ["main.ts", "worker.ts"].map((file) => join(root, "examples/laboratory", file));
  const format = { platform: "node", format: "esm", target: "node20", packages: "external" } as const;
  await build({ entryPoints, outdir: join(scratch, "program"), bundle: true, ...format });
}, TIMEOUT);

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it; interrupts it when it has said some words on its way. */
function claims(args: readonly string[], interruptAt?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(scratch, "program", "main.js"), ...args], { cwd: scratch });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => {
      stderr += text.toString();
      if (interruptAt !== undefined && stderr.includes(interruptAt)) child.kill("SIGINT");
    });
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** Names of the stored measurements. */
function storedIn(out: string): string[] {
  const folder = join(scratch, out, "measurements");
  return readdirSync(folder).flatMap((version) => readdirSync(join(folder, version)));
}

it(
  "measures a claim in worker threads and writes its page and the same numbers every time",
  async () => {
    const texts: string[] = [];
    for (const out of ["first", "second"]) {
      const { status, stdout, stderr } = await claims(["theorem-4-1", "--seeds", "2", "--out", out]);
      expect(stderr).toMatch(/1\/1 {2}10 theorem-4-1 +● reproduced; not in the printed form/);
      expect(stdout).toContain(`Figures: ${out}/claims/theorem-4-1.html\n`);
      expect(status).toBe(0);
      texts.push(readFileSync(join(scratch, out, "claims/theorem-4-1.json"), "utf8"));
      expect(readFileSync(join(scratch, out, "claims/theorem-4-1.html"), "utf8")).toContain("<svg");
    }
    expect(texts[1]).toBe(texts[0]);
    const result = parseReport(texts[0]!) as Result;
    const [{ seeds, conditions }] = result.columns as [Measured];
    expect(seeds).toEqual([1, 2]);
    // The identity, the bound, and that the printed constant does not hold: known before any draw.
    expect(conditions.map(({ outcome }) => outcome)).toEqual(["yes", "yes", "yes", "no"]);
    // One claim alone is no documentation.
    expect(existsSync(join(scratch, "docs"))).toBe(false);
  },
  TIMEOUT,
);

it(
  "keeps finished claims when it is interrupted",
  async () => {
    const args = ["theorem-4-1", "learning-rates", "--seeds", "1", "--out", "stopped"];
    const { status } = await claims(args, "theorem-4-1");
    expect(status).toBe(130);
    const files = readdirSync(join(scratch, "stopped/claims"));
    expect(files.sort()).toEqual(["learning-rates+theorem-4-1.html", "theorem-4-1.json"]);
    // Measurements of the unfinished claim are kept as well.
    expect(storedIn("stopped").length).toBeGreaterThan(1);
    expect(readFileSync(join(scratch, "stopped/claims", files[0]!), "utf8")).toMatch(
      /1 claim is still being measured.*<\/html>/s,
    );
  },
  TIMEOUT,
);

it(
  "continues an interrupted run, and measures again only if asked to or if the settings change",
  async () => {
    const args = ["theorem-4-1", "--seeds", "1", "--out", "again"];
    const lines = /(\d+) of (\d+) measurements are from an earlier run/;
    expect((await claims(args)).stdout).not.toMatch(lines);
    const before = readFileSync(join(scratch, "again/claims/theorem-4-1.json"), "utf8");
    expect(lines.exec((await claims(args)).stdout)?.slice(1)).toEqual(["1", "1"]);
    expect(readFileSync(join(scratch, "again/claims/theorem-4-1.json"), "utf8")).toBe(before);
    const more = args.map((arg) => (arg === "1" ? "2" : arg));
    expect(lines.exec((await claims(more)).stdout)?.slice(1)).toEqual(["1", "2"]);
    expect((await claims([...args, "--fresh"])).stdout).not.toMatch(lines);
    expect(storedIn("again")).toHaveLength(2);
  },
  TIMEOUT,
);

it.each([
  [["--quik"], "claims: Unknown option '--quik' - see npm run claims -- --help\n"],
  [
    ["--data", "nowhere"],
    "claims: expected the file train-images-idx3-ubyte.gz or train-images-idx3-ubyte in nowhere, found neither - see npm run claims -- --help\n",
  ],
])(
  "refuses %j with a one-line message",
  async (args, message) => {
    expect(await claims(args)).toEqual({ status: 2, stdout: "", stderr: message });
  },
  TIMEOUT,
);
