/** The examples print what they say they print, and the demo does its job. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { Random } from "batchnorm";
import { parseReport } from "batchnorm/probes";
import { build, type BuildOptions } from "esbuild";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchesOf, loadDigits, pickDigits, splitDigits } from "../examples/data/digits.js";
import { CLASSES, decodeFashion, type Fashion, fetchFashion } from "../examples/data/fashion.js";
import { readFashion } from "../examples/data/fashion-file.js";
import { planJobs } from "../examples/demo/experiment.js";
import { movementOf } from "../examples/demo/movement.js";
import { buildNetwork } from "../examples/demo/network.js";
import { type NetworkSummary, summarize } from "../examples/demo/summary.js";
import type { Run } from "../examples/demo/train.js";
import { buildNetwork as buildImageNetwork } from "../examples/images/networks.js";
import type { Run as ImageRun } from "../examples/images/train.js";
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
    expect(stderr).toBe(`example: expected one of ${[...names, "images"].sort().join(", ")}, got two-suns\n`);
    expect(status).toBe(2);
  });

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

describe("Fashion-MNIST", () => {
  const file = readFileSync(join(folder, "data", "fashion-mnist.bin"));
  const reports: [done: number, total: number][] = [];
  let fashion: Fashion;

  beforeAll(async () => {
    fashion = await readFashion((done, total) => reports.push([done, total]));
  });

  it("matches the source", () => {
    const sum = createHash("sha256").update(gunzipSync(file)).digest("hex");
    expect(sum).toBe("cee57608372f7788fe08243427fefb69e313efdfbf58745445d561b991dab6d3");
    expect(file.length).toBeLessThan(1.5e6);
    expect(fashion.train.images.shape).toEqual([5000, 1, 32, 32]);
    expect(fashion.test.images.shape).toEqual([1000, 1, 32, 32]);
    expect(fashion.train.labels.slice(0, 12)).toEqual([9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9]);
    expect(fashion.test.labels.slice(0, 12)).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5]);
    const counts = ({ labels }: Fashion["train"]): number[] =>
      CLASSES.map((_, index) => labels.filter((label) => label === index).length);
    expect(counts(fashion.train)).toEqual(Array<number>(10).fill(500));
    expect(counts(fashion.test)).toEqual(Array<number>(10).fill(100));
  });

  // Rows of pixels in the original files. The last image of the subset is number 5402 of the training set.
  it.each([
    [
      "train",
      0,
      5,
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 102, 204, 176, 134, 144, 123, 23, 0, 0, 0, 0, 12, 10, 0],
    ],
    [
      "train",
      1,
      13,
      [0, 0, 0, 0, 1, 6, 0, 46, 212, 195, 212, 202, 206, 205, 204, 205, 206, 204, 212, 200, 218, 91, 0, 3, 1, 0, 0, 0],
    ],
    [
      "train",
      4999,
      14,
      [0, 0, 1, 2, 1, 3, 0, 0, 130, 113, 121, 113, 120, 116, 117, 115, 115, 115, 117, 115, 137, 37, 0, 3, 1, 1, 0, 0],
    ],
    [
      "test",
      0,
      19,
      [
        70, 169, 129, 104, 98, 100, 94, 97, 98, 102, 108, 106, 119, 120, 129, 149, 156, 167, 190, 190, 196, 198, 198,
        187, 197, 189, 184, 36,
      ],
    ],
  ] as const)("has the pixels of the source in 32 levels: %s image %i, row %i", (part, image, row, original) => {
    const { meanPixel } = fashion;
    const pixels = original.map((_, x) => fashion[part].images.at(image, 0, row + 2, x + 2) + meanPixel);
    pixels.forEach((pixel, x) => expect(31 * pixel).toBeCloseTo(Math.round((31 * original[x]!) / 255), 4));
  });

  it("has a border of background, and a mean of zero over the training images", () => {
    const { train, test, meanPixel } = fashion;
    expect(meanPixel).toBeCloseTo(0.22, 3);
    for (const { images } of [train, test]) {
      const border = images.data.filter((_, i) => {
        const [x, y] = [i % 32, Math.floor(i / 32) % 32];
        return Math.min(x, y) < 2 || Math.max(x, y) >= 30;
      });
      expect(new Set(border)).toEqual(new Set([Math.fround(-meanPixel)]));
    }
    const sum = Array.from(train.images.data).reduce((total, pixel) => total + pixel, 0);
    expect(sum / train.images.data.length).toBeCloseTo(0, 6);
  });

  it("reports its progress", () => {
    expect(reports.length).toBeGreaterThan(10);
    expect(reports.at(-1)).toEqual([4_710_000, 4_710_000]);
    reports.forEach(([done], i) => expect(done).toBeGreaterThan(reports[i - 1]?.[0] ?? 0));
  });

  it("can be downloaded", async () => {
    const url = `data:application/octet-stream;base64,${file.toString("base64")}`;
    const { test, meanPixel } = await fetchFashion(url);
    expect(meanPixel).toBe(fashion.meanPixel);
    expect(Buffer.from(test.images.data.buffer).equals(Buffer.from(fashion.test.images.data.buffer))).toBe(true);
  });

  it.each([
    [4_709_999, "4709999"],
    [4_710_001, "more"],
  ])("refuses a file of %i bytes", async (size, got) => {
    const stream = new Blob([gzipSync(Buffer.alloc(size))]).stream();
    await expect(decodeFashion(stream)).rejects.toThrow(`decodeFashion: expected 4710000 bytes, got ${got}`);
  });
});

describe("the networks for images", () => {
  const build = (architecture: "vgg" | "resnet", network: "plain" | "batch norm") =>
    buildImageNetwork(architecture, network, 1, new Random(3));

  it.each(["vgg", "resnet"] as const)(
    "have the same initial weights with and without batch norm: %s",
    (architecture) => {
      const [plain, normalized] = (["plain", "batch norm"] as const).map(
        (network) => build(architecture, network).parameters,
      );
      const weights = (list: typeof plain): string[] =>
        list!.filter(({ role }) => role === "weight").map(({ value }) => String(value.data));
      expect(weights(normalized)).toEqual(weights(plain));
      // Only the last layer has a bias with batch norm; without it, every layer has one.
      expect(normalized!.filter(({ role }) => role === "bias")).toHaveLength(1);
      expect(plain!.filter(({ role }) => role === "bias")).toHaveLength(weights(plain).length);
    },
  );

  it("are VGG-13 and ResNet-20 with widths from 8", () => {
    const shapes = (architecture: "vgg" | "resnet"): string[] =>
      build(architecture, "batch norm")
        .parameters.filter(({ role }) => role === "weight")
        .map(({ value }) => value.shape.join("x"));
    const convolution = (inputs: number, outputs: number): string => `${outputs}x${inputs}x3x3`;
    const widths = [1, 8, 8, 16, 16, 32, 32, 64, 64, 64, 64];
    expect(shapes("vgg")).toEqual([
      ...widths.slice(1).map((outputs, i) => convolution(widths[i]!, outputs)),
      "64x64",
      "64x10",
    ]);
    // 19 convolutions and two projections before the Dense.
    expect(shapes("resnet")).toHaveLength(22);
    expect(shapes("resnet").filter((shape) => shape.endsWith("x1x1"))).toEqual(["16x8x1x1", "32x16x1x1"]);
  });
});

describe("the example on images", () => {
  const out = join(scratch, "images");
  const json = join(scratch, "images.json");
  let outcome: Outcome;

  beforeAll(async () => {
    const short = ["--network", "both", "--steps", "3", "--seed", "2"];
    outcome = await node(["examples/run.js", "images", ...short, "--out", out, "--json", json]);
  }, TIMEOUT);

  it("trains every network and prints what it writes", () => {
    expect(outcome.status).toBe(0);
    expect(outcome.stdout).toMatch(/^Training 4 networks for 3 steps, \d at a time, on the [a-z]+ kernels\.\n/);
    expect(outcome.stderr).toMatch(/100% of the training steps, after \d+ s\n$/);
    const { runs, memory } = parseReport(readFileSync(json, "utf8")) as { runs: ImageRun[]; memory: { peak: number } };
    expect(runs.map(({ architecture, network, seed, steps }) => [architecture, network, seed, steps])).toEqual([
      ["vgg", "plain", 2, 3],
      ["vgg", "batch norm", 2, 3],
      ["resnet", "plain", 2, 3],
      ["resnet", "batch norm", 2, 3],
    ]);
    for (const run of runs.filter(({ divergedAt }) => divergedAt === null)) {
      expect(run.losses).toHaveLength(3);
      expect(run.accuracies.map(({ step }) => step)).toEqual([3]);
      // The probe is at the batch that is trained on next, in the same precision.
      expect(run.looks[0]!.loss).toBeCloseTo(run.losses[0]!, 4);
      expect(run.filters.after).toHaveLength(8);
      expect(run.filters.after).not.toEqual(run.filters.before);
      const accuracy = run.accuracies[0]!.accuracy.toFixed(3);
      expect(outcome.stdout).toMatch(new RegExp(`  ${run.network} +${accuracy}   ${run.parameters} parameters, `));
    }
    expect(outcome.stdout).toContain(`at most ${(memory.peak / 1e6).toFixed(0)} MB.\n`);
  });

  it("draws a self-contained page", () => {
    const page = readFileSync(join(out, "images.html"), "utf8");
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("svg[aria-label]")).toHaveLength(2 * 5);
    expect(document.querySelectorAll("tbody tr")).toHaveLength(2 * (2 + 4));
    expect(document.querySelectorAll("script, link, img, iframe")).toHaveLength(0);
    expect(page).not.toMatch(/url\((?!#plot-clip)|NaN|undefined/);
  });

  it("trains on images in color that the user has", async () => {
    const batch = (images: number): Buffer =>
      Buffer.from(Array.from({ length: images * 3073 }, (_, i) => (i % 3073 === 0 ? (i / 3073) % 10 : (7 * i) % 256)));
    const files = ["data_batch_1.bin", "test_batch.bin"].map((name) => join(scratch, name));
    files.forEach((file, i) => writeFileSync(file, batch(i === 0 ? 64 : 10)));
    const args = ["--data", "cifar-10", ...files, "--steps", "1", "--out", join(out, "color"), "--json", json];
    const { status, stdout, stderr } = await node(["examples/run.js", "images", ...args]);
    expect(stderr).toMatch(/^2 files read\n/);
    expect(status).toBe(0);
    expect(stdout).toContain("Accuracy on 10 test images");
    const { runs } = parseReport(readFileSync(json, "utf8")) as { runs: ImageRun[] };
    for (const { filters, losses } of runs) {
      expect(losses).toHaveLength(1);
      expect(filters.after[0]).toHaveLength(3 * 9);
    }
    const page = readFileSync(join(out, "color", "images.html"), "utf8");
    expect(page).toContain("64 training and 10 test images of CIFAR-10, 32x32 pixels in three colors.");
    expect(page).toMatch(/fill="rgb\((\d+),(?!\1,\1)/);
    expect(page).not.toMatch(/NaN|undefined/);
  });

  it("names the file that is not what it should be", async () => {
    const args = ["--data", "cifar-10", "package.json", "test_batch.bin"];
    const { status, stderr } = await node(["examples/run.js", "images", ...args]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^images: package.json: expected a multiple of 3073/)]);
  });

  it.each([
    [["--data", "cifar-100", "x"], '--data: expected fashion-mnist or cifar-10, got "cifar-100"'],
    [["--data", "fashion-mnist", "a", "b"], "--data fashion-mnist: expected one folder, got 2"],
    [["--data", "cifar-10"], "--data cifar-10: expected the files of the batches, got none"],
    [["x.bin"], 'expected only options, got "x.bin"'],
    [["--network", "vgg16"], '--network: expected vgg, resnet or both, got "vgg16"'],
    [["--steps", "0"], '--steps: expected a whole number of at least 1, got "0"'],
    [["--out", "package.json"], '--out: expected a place where "package.json/images.html" can be written'],
  ])("refuses %j", async (args, message) => {
    const { status, stdout, stderr } = await node(["examples/run.js", "images", ...args]);
    expect([status, stdout, stderr]).toEqual([2, "", `images: ${message} - see npm run example -- images --help\n`]);
  });

  it("explains its options", async () => {
    const { status, stdout } = await node(["examples/run.js", "images", "--help"]);
    expect(status).toBe(0);
    for (const option of ["--network", "--data", "--steps", "--seed", "--out", "--json", "--help"])
      expect(stdout).toContain(`  ${option}`);
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

  interface Numbers {
    readonly runs: Run[];
    readonly imageRuns: ImageRun[];
    readonly summaries: NetworkSummary[];
  }
  const numbers = (): Numbers => parseReport(readFileSync(json, "utf8")) as Numbers;

  it("reports the kernels, and each finished network on a plain line", () => {
    expect(outcome.status).toBe(0);
    expect(outcome.stdout).toMatch(
      /^Training 16 networks for 25 steps and 2 convolutional networks for 7, \d+ at a time, on the [a-z]+ kernels\.\n/,
    );
    const lines = outcome.stderr.trim().split("\n");
    expect(lines).toHaveLength(18);
    expect(lines.map((line) => line.slice(0, 5).trim())).toEqual(lines.map((_, i) => `${i + 1}/18`));
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

  it("trains VGG-13/8 for a quarter of the steps", () => {
    const { imageRuns } = numbers();
    expect(imageRuns.map(({ architecture, network }) => [architecture, network])).toEqual([
      ["vgg", "plain"],
      ["vgg", "batch norm"],
    ]);
    for (const { losses, accuracies } of imageRuns) {
      expect(losses).toHaveLength(7);
      expect(accuracies.map(({ step }) => step)).toEqual([7]);
      expect(outcome.stdout).toContain(` ${accuracies[0]!.accuracy.toFixed(3)}   `);
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
    expect(document.querySelectorAll("svg[aria-label]")).toHaveLength(24 + 4);
    expect(document.querySelectorAll("tbody tr")).toHaveLength(3 * (4 + 8) + 1 + 2);
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
