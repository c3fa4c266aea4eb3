/** Kernels in worker threads: each thread has memory of its own, so several that train at once get the bits that one gets alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectBits } from "../support/close.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Says when it is there, trains when it is told to, and posts every number of the model. */
const program = `
  import { parentPort } from "node:worker_threads";
  import * as batchnorm from "batchnorm";
  const { Adam, BatchNorm, Dense, LayerNorm, plainKernels, Random, ReLU, Sequential, Sigmoid, Tensor, wasmKernels } = batchnorm;

  function train({ set, dtype, seed }) {
    const kernels = set === "wasm" ? wasmKernels() : plainKernels;
    const random = new Random(seed);
    const model = new Sequential([
      new Dense({ inputs: 19, outputs: 35, bias: false, random, dtype }), new BatchNorm({ features: 35, dtype }), new ReLU(),
      new Dense({ inputs: 35, outputs: 33, random, dtype }), new LayerNorm({ features: 33, dtype }), new Sigmoid(),
      new Dense({ inputs: 33, outputs: 4, random, dtype }),
    ]);
    const input = Tensor.normal([43, 19], { random, dtype });
    const labels = Array.from({ length: 43 }, () => random.integer(4));
    const optimizer = new Adam(model.parameters, { learningRate: 0.01, kernels });
    for (let step = 0; step < 60; step++) {
      const { output, backward } = model.forward(input, { mode: "train", kernels });
      optimizer.step(backward(batchnorm.softmaxCrossEntropy(output, labels, { kernels }).gradOutput).gradients);
    }
    return Object.values(batchnorm.stateDict(model)).flatMap(({ values }) => Array.from(values));
  }
  parentPort.once("message", (jobs) => parentPort.postMessage(jobs.map(train)));
  parentPort.postMessage("ready");`;

const jobs = ["wasm", "plain"].flatMap((set) =>
  ["float32", "float64"].flatMap((dtype) => [1, 2].map((seed) => ({ set, dtype, seed }))),
);
const scratch = mkdtempSync(join(tmpdir(), "batchnorm-workers-"));
const file = join(scratch, "worker.mjs");

beforeAll(async () => {
  const stdin = { contents: program, resolveDir: root };
  const options = { platform: "node", format: "esm", target: "node20", tsconfig: join(root, "tsconfig.json") } as const;
  await build({ stdin, bundle: true, outfile: file, ...options });
}, 60_000);

afterAll(() => {
  rmSync(scratch, { recursive: true });
});

/** The numbers of all jobs of each list, the lists worked off at once, each in a thread of its own. */
async function atOnce(lists: readonly (typeof jobs)[]): Promise<number[][][]> {
  const workers = lists.map(() => new Worker(file));
  const next = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  // All are up before any begins.
  await Promise.all(workers.map(next));
  const answers = workers.map(next);
  workers.forEach((worker, i) => {
    worker.postMessage(lists[i]!);
  });
  return (await Promise.all(answers)) as number[][][];
}

it("several workers that train at once, in different orders, get the bits that each job gets alone", async () => {
  const alone: number[][] = [];
  for (const job of jobs) alone.push((await atOnce([[job]]))[0]![0]!);
  const orders = [0, 3, 5].map((first) => jobs.map((_, i) => (first + i) % jobs.length));
  const together = await atOnce(orders.map((order) => order.map((i) => jobs[i]!)));
  orders.forEach((order, worker) => {
    order.forEach((job, i) => {
      expectBits(`worker ${worker}, ${JSON.stringify(jobs[job])}`, together[worker]![i]!, alone[job]!);
    });
  });
  // The jobs differ from each other, and training went well.
  expect(new Set(alone.map(String)).size).toBe(jobs.length);
  expect(alone.flat().every(Number.isFinite)).toBe(true);
}, 60_000);
