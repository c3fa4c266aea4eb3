/** The kernel sets in a real browser: the same bits as in Node, what a content security policy does, and workers. Runs after `npm run build`. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, serveFolder } from "../support/browser.js";

interface Trained {
  readonly name: string;
  readonly numbers: readonly number[];
}

/** A hundred steps; gives the name of the set and every number of the model. Plain text: it runs in Node and on a page. */
const train = `(batchnorm, set) => {
  const { BatchNorm, Dense, Sequential, Sigmoid, Tanh, ReLU } = batchnorm;
  const kernels = set === undefined ? batchnorm.defaultKernels() : batchnorm[set];
  const random = new batchnorm.Random(1);
  const model = new Sequential([
    new Dense({ inputs: 7, outputs: 33, bias: false, random }), new BatchNorm({ features: 33 }), new Sigmoid(),
    new Dense({ inputs: 33, outputs: 18, random }), new BatchNorm({ features: 18 }), new Tanh(),
    new Dense({ inputs: 18, outputs: 5, random }), new ReLU(), new Dense({ inputs: 5, outputs: 3, random }),
  ]);
  const input = batchnorm.Tensor.normal([41, 7], { random });
  const labels = Array.from({ length: 41 }, () => random.integer(3));
  const optimizer = new batchnorm.Adam(model.parameters, { learningRate: 0.01, kernels });
  for (let step = 0; step < 100; step++) {
    const { output, backward } = model.forward(input, { mode: "train", kernels });
    const { gradOutput } = batchnorm.softmaxCrossEntropy(output, labels, { kernels });
    optimizer.step(backward(gradOutput).gradients);
  }
  const shape = { batch: 3, channels: 5, height: 9, width: 11, windowHeight: 3, windowWidth: 3, strideY: 2, strideX: 1, top: 1, left: 1,
    outHeight: 5, outWidth: 11 };
  const normal = (...lengths) => batchnorm.Tensor.normal(lengths, { random }).data;
  const images = { shape, outputs: 7, x: normal(3, 5, 9, 11), weight: normal(7, 5, 3, 3), bias: normal(7), dy: normal(3, 7, 5, 11) };
  const results = [images.dy, images.x, images.weight, images.bias].map((like) => like.slice());
  const [y, dx, dweight, dbias] = results;
  kernels.convolve2d({ ...images, y });
  kernels.convolve2dGradInput({ ...images, dx });
  kernels.convolve2dGradWeight({ ...images, dweight, dbias });
  const pooled = new Float32Array(3 * 5 * 5 * 11);
  kernels.maxPool2d({ shape, x: images.x, y: pooled, argmax: new Int32Array(pooled.length) });
  const trained = Object.values(batchnorm.stateDict(model)).map(({ values }) => values);
  return { name: kernels.name, numbers: [...trained, ...results, pooled].flatMap((values) => Array.from(values)) };
}`;

/** How far the relaxed products are from the default ones, relative to the largest number. Plain text, as above. */
const relax = `(kernels) => {
  const [rows, inner, columns] = [65, 300, 33];
  const floats = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
  const [a, b] = [floats(rows * inner), floats(inner * columns)];
  const [relaxed, usual] = [kernels.relaxedKernels(), kernels.wasmKernels()].map((set) => {
    const out = new Float32Array(rows * columns);
    set.matmul({ rows, inner, columns, a, b, out });
    return out;
  });
  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest(relaxed.map((value, i) => value - usual[i])) / largest(usual);
}`;

const page = `<!doctype html><title>kernels</title><script type="module" src="page.js"></script>`;
const pageScript = `
  import * as batchnorm from "./dist/index.js";
  import * as kernels from "./dist/kernels.js";
  const train = ${train};
  window.relax = () => (${relax})(kernels);
  window.run = (set) => train(batchnorm, set);
  window.runInWorkers = (count) => Promise.all(Array.from({ length: count }, () => new Promise((done, fail) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data }) => { worker.terminate(); done(data); };
    worker.onerror = fail;
  })));
  window.ready = true;`;
const workerScript = `import * as batchnorm from "./dist/index.js"; postMessage((${train})(batchnorm));`;

let folder: string;
let browser: Browser;
let inNode: (set?: string) => Trained;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "batchnorm-kernels-"));
  cpSync("dist", join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "index.html"), page);
  writeFileSync(join(folder, "page.js"), pageScript);
  writeFileSync(join(folder, "worker.js"), workerScript);
  browser = await launchBrowser();
  const built: unknown = await import(pathToFileURL(resolve("dist/index.js")).href);
  const run = runInThisContext(`(${train})`) as (batchnorm: unknown, set?: string) => Trained;
  inNode = (set) => run(built, set);
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** What an expression gives on the page, under a content security policy if one is given. */
async function onPage<T>(expression: string, policy?: string): Promise<T> {
  const site = await serveFolder(folder, policy === undefined ? {} : { "content-security-policy": policy });
  try {
    const tab = await browser.newPage();
    await tab.goto(`${site.url}/`);
    await tab.waitForFunction("window.ready", undefined, { timeout: 10_000 });
    const result = await tab.evaluate<T>(expression);
    await tab.close();
    return result;
  } finally {
    await site.close();
  }
}

describe("a hundred training steps in Chromium", () => {
  it("give the same bits as in Node, on the WebAssembly kernels", async () => {
    const trained = await onPage<Trained>("run()");
    expect(trained.name).toBe("wasm");
    expect(trained.numbers.length).toBeGreaterThan(900);
    expect(trained.numbers.every(Number.isFinite)).toBe(true);
    expect(trained).toEqual(inNode());
  });

  it("give the same bits as in Node, on the plain kernels", async () => {
    const trained = await onPage<Trained>('run("plainKernels")');
    expect(trained.name).toBe("plain");
    expect(trained).toEqual(inNode("plainKernels"));
    // The sets round differently: the two tests do not see the same numbers.
    expect(trained.numbers).not.toEqual(inNode().numbers);
  });

  it("give the same bits in several workers at once", async () => {
    expect(await onPage<readonly Trained[]>("runInWorkers(3)")).toEqual([inNode(), inNode(), inNode()]);
  });
});

it("relaxed products, if requested, differ from the usual ones by rounding at most", async () => {
  expect(await onPage<number>("relax()")).toBeLessThan(1e-6);
});

describe("under a content security policy", () => {
  it("without WebAssembly, training runs on the plain kernels", async () => {
    const trained = await onPage<Trained>("run()", "script-src 'self'");
    expect(trained).toEqual(inNode("plainKernels"));
  });

  it('with "wasm-unsafe-eval", it runs on the WebAssembly kernels', async () => {
    const trained = await onPage<Trained>("run()", "script-src 'self' 'wasm-unsafe-eval'");
    expect(trained).toEqual(inNode());
  });
});
