/** The examples print what they say they print, and the demo does its job. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "batchnorm";
import { parseReport } from "batchnorm/probes";
import { build, type BuildOptions } from "esbuild";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchesOf, loadDigits, pickDigits, splitDigits } from "../examples/data/digits.js";
import { planJobs } from "../examples/demo/experiment.js";
import { movementOf } from "../examples/demo/movement.js";
import { buildNetwork } from "../examples/demo/network.js";
import { type NetworkSummary, summarize } from "../examples/demo/summary.js";
import type { Run } from "../examples/demo/train.js";
import { formatFigure } from "../examples/shared/format.js";
import { median } from "../examples/shared/spread.js";
import { furthest } from "./support/close.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "examples");
const TIMEOUT = 120_000;

// Inside the project, so that what is bundled there finds the packages.
mkdirSync(join(root, ".build"), { recursive: true });
const scratch = mkdtempSync(join(root, ".build", "test-examples-"));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node as a user would; `onStart` gets the process when it has said its first words. */
function node(args: readonly string[], onStart?: (kill: () => void) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text: Buffer) => {
      if (stdout === "") onStart?.(() => child.kill("SIGINT"));
      stdout += text.toString();
    });
    child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

function bundle(options: BuildOptions): Promise<unknown> {
  return build({ bundle: true, platform: "node", format: "esm", target: "node20", packages: "external", ...options });
}

const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
const sourceOf = (file: string): string => readFileSync(join(folder, file), "utf8");

describe("examples", () => {
  it.each(names)(
    "%s prints the output at its end",
    async (name) => {
      const printed = /\/\* Prints\n(.*)\n\*\/\n$/s.exec(sourceOf(`${name}.ts`))![1]!;
      const { status, stdout, stderr } = await node(["examples/run.js", name]);
      expect(stdout.trim()).toBe(printed.trim());
      expect(stderr).toMatch(/^\(ran on the [a-z]+ kernels\)\n$/);
      expect(status).toBe(0);
    },
    TIMEOUT,
  );

  it.each([...names.map((name) => `${name}.ts`), "script-tag.html"])("%s has at most 80 lines", (file) => {
    expect(sourceOf(file).trimEnd().split("\n").length).toBeLessThanOrEqual(80);
  });

  it("are each listed once in the README", () => {
    const rows = sourceOf("README.md").matchAll(/^\| \[([a-z-]+)\]\(\1\.ts\)/gm);
    expect([...rows].map((row) => row[1]!).sort()).toEqual([...names].sort());
  });

  it("are listed by the runner if the name is unknown", async () => {
    const { status, stderr } = await node(["examples/run.js", "two-suns"]);
    expect(stderr).toBe(`example: expected one of ${names.join(", ")}, got two-suns\n`);
    expect(status).toBe(2);
  });

  it(
    "include an exercise whose solution works",
    async () => {
      const source = sourceOf("repair-the-backward.ts");
      const solution = /\/\/ Solution: (.*)/.exec(source)![1]!;
      const repaired = source.replace("dy(n) - meanOf(dy);", `dy(n) - meanOf(dy) ${solution};`);
      expect(repaired).not.toBe(source);
      const outfile = join(scratch, "repaired.js");
      await bundle({ stdin: { contents: repaired, resolveDir: folder, loader: "ts" }, outfile });
      expect((await node([outfile])).stdout).toMatch(/^gradient agrees along a random direction and at 9 coordinates/);
    },
    TIMEOUT,
  );

  it(
    "include a page with a script tag that trains both networks",
    async () => {
      const outfile = join(scratch, "batchnorm.global.js");
      await bundle({
        entryPoints: [join(root, "src/index.ts")],
        outfile,
        format: "iife",
        globalName: "batchnorm",
        platform: "browser",
      });
      const html = sourceOf("script-tag.html");
      // The page's own script behind the library, in a document without a screen; at full speed in a process of its own.
      const program = join(scratch, "script-tag.js");
      writeFileSync(
        program,
        `import { parseHTML } from "linkedom";
         const { document } = parseHTML(${JSON.stringify(html)});
         const frames = [];
         const requestAnimationFrame = (frame) => frames.push(frame);
         ${readFileSync(outfile, "utf8")}
         ${/<script>(.*)<\/script>/s.exec(html)![1]!}
         while (frames.length > 0) frames.shift()();
         console.log(document.toString());`,
      );
      const { document } = parseHTML((await node([program])).stdout);
      const lossOf = (name: string): number => {
        const text = document.querySelector(`p.${name}`)!.textContent;
        return Number(new RegExp(`^${name}: loss (\\d\\.\\d\\d) after 500 steps$`).exec(text)![1]);
      };
      expect(lossOf("plain")).toBeGreaterThan(0.5);
      expect(lossOf("batch-norm")).toBeLessThan(0.3);
      for (const path of document.querySelectorAll("path"))
        expect(path.getAttribute("d")!.split(" ")).toHaveLength(501);
    },
    TIMEOUT,
  );
});

describe("the figures of docs/probes.md", () => {
  const images = join(root, "docs", "images");
  const drawn = readdirSync(images).filter((file) => file.startsWith("probe-"));

  it("are all on the page and contain no undefined values", () => {
    const page = readFileSync(join(root, "docs", "probes.md"), "utf8");
    const shown = [...page.matchAll(/\(images\/(probe-[a-z0-9-]+\.svg)\)/g)].map((match) => match[1]!);
    expect(shown.toSorted()).toEqual(drawn.toSorted());
    for (const file of drawn) expect(readFileSync(join(images, file), "utf8"), file).not.toMatch(/NaN|undefined/);
  });

  it(
    "match what the script draws",
    async () => {
      const program = join(scratch, "figures.js");
      await bundle({ entryPoints: [join(folder, "laboratory", "figures", "main.ts")], outfile: program });
      const out = join(scratch, "figures");
      const quick = ["distances", "mmd", "theorem41", "depth"];
      const { status, stdout } = await node([program, ...quick, "--out", out]);
      expect(status).toBe(0);
      expect(stdout.split("\n").filter((line) => /^\S/.test(line))).toEqual(quick);
      // Positions to a tenth of a pixel: engines may differ in last digits of a logarithm.
      const number = /\d+(?:\.\d+)?/g;
      const numbersIn = (text: string): number[] => (text.match(number) ?? []).map(Number);
      for (const name of quick) {
        const [now, before] = [out, images].map((at) => readFileSync(join(at, `probe-${name}.svg`), "utf8"));
        expect(now!.replace(number, "#") === before!.replace(number, "#"), name).toBe(true);
        expect(furthest(numbersIn(now!), numbersIn(before!)).off, name).toBeLessThan(0.1);
      }
      const unknown = await node([program, "depht"]);
      expect(unknown.status).toBe(2);
      expect(unknown.stderr).toMatch(/^figures: expected names out of recorder, .*, got depht\n$/);
    },
    TIMEOUT,
  );
});

describe("the digits", () => {
  const digits = loadDigits();

  it("match the source", () => {
    const counts = Array.from({ length: 10 }, (_, digit) => digits.labels.filter((label) => label === digit).length);
    expect(counts).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    expect(digits.images.shape).toEqual([1797, 64]);
    const { data } = digits.images;
    expect(16 * Array.from(data).reduce((sum, pixel) => sum + pixel, 0)).toBe(561718);
    const column = (pixel: number): Set<number> => new Set(Array.from(data).filter((_, i) => i % 64 === pixel));
    const constant = Array.from({ length: 64 }, (_, pixel) => pixel).filter((pixel) => column(pixel).size === 1);
    expect(constant).toEqual([0, 32, 39]);
  });

  it("are split without losing any", () => {
    const { train, test } = splitDigits(digits, new Random(1));
    expect([train.labels.length, test.labels.length]).toEqual([1347, 450]);
    const rows = ({ images }: typeof train): string[] =>
      Array.from({ length: images.shape[0]! }, (_, row) => String(images.data.subarray(64 * row, 64 * row + 64)));
    expect([...rows(train), ...rows(test)].sort()).toEqual(rows(digits).sort());
  });

  it("come in batches that contain each digit once per epoch", () => {
    const few = pickDigits(digits, [0, 1, 2, 3, 4, 5, 6]);
    const batches = batchesOf(few, 3, new Random(1));
    for (let epoch = 0; epoch < 5; epoch++) {
      const labels = [...batches.next().value.labels, ...batches.next().value.labels];
      expect(new Set(labels).size).toBe(6);
    }
    expect(() => batchesOf(few, 8, new Random(1)).next()).toThrow(
      new RangeError("batchesOf: expected a size of at most 7 digits, got 8"),
    );
  });
});

describe("the demo's modules", () => {
  it("build both networks with the same initial weights", () => {
    const weights = (network: "plain" | "batch norm"): string[] =>
      buildNetwork("ReLU", network, new Random(3))
        .model.parameters.filter(({ role }) => role === "weight")
        .map(({ value }) => String(value.data));
    expect(weights("plain")).toHaveLength(4);
    expect(weights("batch norm").map((own, i) => own === weights("plain")[i])).toEqual([true, true, true, true]);
  });

  it("give the paths of the input and output of each activation", () => {
    const paths = (network: "plain" | "batch norm"): unknown =>
      buildNetwork("sigmoid", network, new Random(1)).hidden.map(({ preActivation, output }) => [
        preActivation,
        output,
      ]);
    expect(paths("plain")).toEqual([
      ["0", "1"],
      ["2", "3"],
      ["4", "5"],
    ]);
    expect(paths("batch norm")).toEqual([
      ["1", "2"],
      ["4", "5"],
      ["7", "8"],
    ]);
  });

  it("plan 8 networks per seed", () => {
    expect(planJobs(3, 7)).toHaveLength(24);
    expect(planJobs(2, 7).map(({ seed }) => seed)).toEqual([...Array<number>(8).fill(1), ...Array<number>(8).fill(2)]);
  });

  it("measure movement as the largest distance of the percentiles, on average", () => {
    const record = (step: number, columns: readonly (readonly number[])[], variance: readonly number[]): unknown => ({
      step,
      features: { quantiles: columns, variance },
    });
    // unit 0: from (0, 1, 2) by 1 and back; unit 1: from (0, 0, 0) to (3, 3, 6), which is 4 on average
    const records = [
      record(
        0,
        [
          [0, 0],
          [1, 0],
          [2, 0],
        ],
        [1, 2],
      ),
      record(
        20,
        [
          [1, 0],
          [2, 0],
          [3, 0],
        ],
        [7, 2],
      ),
      record(
        40,
        [
          [0, 3],
          [1, 3],
          [2, 6],
        ],
        [1, 6],
      ),
    ] as Parameters<typeof movementOf>[0];
    const { raw, relative, typicalUnit } = movementOf(records);
    expect(raw).toBe((1 + 4) / 2);
    expect(relative).toBe((1 / 2 + 4 / 2) / 2);
    expect(typicalUnit).toEqual({
      unit: 0,
      steps: [0, 20, 40],
      percentiles: [
        [0, 1, 2],
        [1, 2, 3],
        [0, 1, 2],
      ],
    });
  });

  it("compute medians of infinities", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([Infinity, 1, Infinity])).toBe(Infinity);
    expect(median([Infinity, 1, 2])).toBe(2);
    expect(median([])).toBeNaN();
  });

  it.each([
    [0, "0.00"],
    [0.00123, "0.00123"],
    [0.000123, "1.2e-4"],
    [12.345, "12.3"],
    [1234.5, "1235"],
    [123456, "1.2e+5"],
    [Infinity, "∞"],
    [NaN, "-"],
  ])("format %d as %s", (value, text) => {
    expect(formatFigure(value)).toBe(text);
  });
});

describe("the demo", () => {
  const main = join(scratch, "demo", "main.js");
  const out = join(scratch, "report");
  const json = join(scratch, "numbers", "all.json");
  const picture = join(scratch, "picture.svg");
  let outcome: Outcome;

  beforeAll(async () => {
    const entryPoints = ["main.ts", "worker.ts"].map((file) => join(folder, "demo", file));
    await bundle({ entryPoints, outdir: join(scratch, "demo") });
    const files = ["--out", out, "--json", json, "--picture", picture];
    outcome = await node([main, "--steps", "25", "--seeds", "2", ...files]);
  }, TIMEOUT);

  const numbers = (): { runs: Run[]; summaries: NetworkSummary[] } =>
    parseReport(readFileSync(json, "utf8")) as { runs: Run[]; summaries: NetworkSummary[] };

  it("reports the kernels, and each finished network on a plain line", () => {
    expect(outcome.status).toBe(0);
    expect(outcome.stdout).toMatch(/^Training 16 networks for 25 steps, \d+ at a time, on the [a-z]+ kernels\.\n/);
    const lines = outcome.stderr.trim().split("\n");
    expect(lines).toHaveLength(16);
    expect(lines.map((line) => line.slice(0, 5).trim())).toEqual(lines.map((_, i) => `${i + 1}/16`));
    expect(outcome.stdout + outcome.stderr).not.toContain("\x1b");
  });

  it("writes all numbers", () => {
    const { runs, summaries } = numbers();
    expect(
      runs.map(({ activation, learningRate, network, seed, steps }) => ({
        activation,
        learningRate,
        network,
        seed,
        steps,
      })),
    ).toEqual(planJobs(2, 25));
    expect(summaries).toEqual(summarize(runs));
    for (const run of runs.filter(({ divergedAt }) => divergedAt === null)) {
      expect(run.losses).toHaveLength(25);
      expect(Math.max(...run.losses)).toBeLessThanOrEqual(1000);
      expect(run.accuracies.map(({ step }) => step)).toEqual([10, 20, 25]);
      expect(run.looks.map(({ step }) => step)).toEqual([0, 20]);
      expect(run.layers[2]!.preActivation.typicalUnit.steps).toEqual([0, 20, 25]);
      // The probe stands on the batch that is trained on next: single against double precision.
      for (const { step, loss } of run.looks) expect(loss / run.losses[step]!).toBeCloseTo(1, 4);
    }
  });

  it("prints the accuracies that it writes", () => {
    const { accuracies } = numbers().summaries[1]!;
    const { median: middle, min, max } = accuracies.at(-1)!.accuracy;
    const line = `  batch norm  ${middle.toFixed(3).padStart(10)}   ${min.toFixed(3)} to ${max.toFixed(3)}`;
    expect(outcome.stdout).toContain(`sigmoid, learning rate 0.1\n`);
    expect(outcome.stdout.split("\n")).toContain(line);
  });

  it("reports when a network diverged", () => {
    const plain = numbers().runs.filter(({ network, learningRate }) => network === "plain" && learningRate === 2);
    const diverged = plain.filter(({ activation, divergedAt }) => activation === "ReLU" && divergedAt !== null);
    expect(diverged.length).toBeGreaterThan(0);
    for (const { divergedAt, losses, accuracies, seed } of diverged) {
      expect(losses).toHaveLength(divergedAt! + 1);
      expect(losses.at(-1)! <= 1000).toBe(false);
      expect(Math.max(...losses.slice(0, -1))).toBeLessThanOrEqual(1000);
      expect(accuracies.at(-1)!.step).toBe(divergedAt);
      expect(outcome.stderr).toContain(
        `ReLU, learning rate 2, plain, seed ${seed}: diverged after ${divergedAt} steps\n`,
      );
    }
  });

  it("draws a self-contained page", () => {
    const page = readFileSync(join(out, "index.html"), "utf8");
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("svg[aria-label]")).toHaveLength(24);
    expect(document.querySelectorAll("tbody tr")).toHaveLength(3 * (4 + 8));
    expect(document.querySelectorAll("script, link, img, iframe")).toHaveLength(0);
    expect(page).not.toMatch(/url\((?!#plot-clip)|NaN|undefined/);
    expect(readFileSync(picture, "utf8").match(/<svg/g)).toHaveLength(5);
  });

  it(
    "leaves no files behind when it is interrupted",
    async () => {
      const stopped = join(scratch, "stopped");
      const { status } = await node([main, "--out", stopped], (kill) => kill());
      expect(status).toBe(130);
      expect(readdirSync(scratch)).not.toContain("stopped");
    },
    TIMEOUT,
  );

  it.each([
    [["--stpes", "3"], "demo: Unknown option '--stpes' - see npm run demo -- --help\n"],
    [["fast"], "demo: Unexpected argument 'fast' - see npm run demo -- --help\n"],
    [["--seeds", "0"], 'demo: --seeds: expected a whole number of at least 1, got "0" - see npm run demo -- --help\n'],
    [
      ["--steps", "1.5"],
      'demo: --steps: expected a whole number of at least 1, got "1.5" - see npm run demo -- --help\n',
    ],
    [
      ["--out", "package.json"],
      'demo: --out: expected a place where "package.json/index.html" can be written - see npm run demo -- --help\n',
    ],
    [["--json", "docs"], 'demo: --json: expected a place where "docs" can be written - see npm run demo -- --help\n'],
    [
      ["--picture", "LICENSE/a/b.svg"],
      'demo: --picture: expected a place where "LICENSE/a/b.svg" can be written - see npm run demo -- --help\n',
    ],
  ])("refuses %j", async (args, message) => {
    const { status, stdout, stderr } = await node([main, ...args]);
    expect([status, stdout, stderr]).toEqual([2, "", message]);
  });

  it("explains its options", async () => {
    const { status, stdout } = await node([main, "--help"]);
    expect(status).toBe(0);
    for (const option of ["--steps", "--seeds", "--out", "--json", "--picture", "--help"])
      expect(stdout).toContain(`  ${option}`);
  });
});
