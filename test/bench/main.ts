/**
 * `npm run bench`: the kernel sets of the library against each other and against naive loops, all in one run.
 *
 *   npm run bench -- [words of a work's name] [--quick] [--json FILE]
 *
 * Figures are medians of alternating rounds, in milliseconds; a ratio says how many times faster a set is than naive loops.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { plainKernels } from "../../src/kernels/plain.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import {
  batchNormWork,
  crossEntropyWork,
  elementwiseWork,
  inferenceWork,
  matmulWork,
  optimizerWork,
  type Work,
} from "./kernel-works.js";
import { measure, type Run } from "./measure.js";
import {
  deepLinearNet,
  deepNormalizedNet,
  evaluationWork,
  gradientWork,
  mnistNet,
  tinyNet,
  trainingWork,
  wideNet,
} from "./model-works.js";
import { naiveKernels } from "./naive.js";

const shapes = [
  { outer: 256, channels: 512, inner: 1 },
  { outer: 1024, channels: 1024, inner: 1 },
  { outer: 32, channels: 64, inner: 1024 },
] as const;

const works: readonly Work[] = [
  ...shapes.map((view) => batchNormWork(view)),
  ...shapes.map((view) => batchNormWork(view, "float64")),
  batchNormWork({ outer: 8, channels: 8, inner: 1 }),
  batchNormWork({ outer: 32, channels: 32, inner: 1 }),
  ...shapes.map((view) => inferenceWork(view)),
  matmulWork("matmul", 128, 784, 512),
  matmulWork("matmulTransposedA", 784, 128, 512),
  matmulWork("matmulTransposedB", 128, 512, 784),
  matmulWork("matmul", 512, 512, 512),
  matmulWork("matmul", 512, 512, 512, "float64"),
  matmulWork("matmul", 8, 8, 8),
  matmulWork("matmul", 32, 32, 32),
  ...(["relu", "sigmoid", "tanh"] as const).map((name) => elementwiseWork(name, 131_072)),
  elementwiseWork("relu", 256),
  crossEntropyWork(128, 1000),
  crossEntropyWork(32, 10),
  optimizerWork("sgd", 131_072),
  optimizerWork("adam", 131_072),
  optimizerWork("sgd", 64),
  ...[mnistNet, wideNet, tinyNet].flatMap((net) => [trainingWork(net), evaluationWork(net)]),
  gradientWork(deepLinearNet),
  gradientWork(deepNormalizedNet),
];

const { values: options, positionals } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const effort = options.quick ? { rounds: 3, time: 20 } : { rounds: 7, time: 100 };
const sets = [naiveKernels, plainKernels, wasmKernels()];
const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };

function columns(first: string, ...rest: string[]): string {
  return first.padEnd(76) + rest.map((text) => text.padStart(11)).join("");
}

/** Three digits, whatever the size. */
function digits(value: number): string {
  return value.toPrecision(3).includes("e") ? value.toFixed(0) : value.toPrecision(3);
}

console.log(`${machine.cpu}, Node ${machine.node}, one thread; milliseconds, and times faster than naive loops\n`);
console.log(columns("work", "naive", "plain", "wasm", "plain", "wasm"));
const results = [];
for (const work of works) {
  const name = `${work.name}${work.dtype === "float64" ? ", float64" : ""}`;
  if (!positionals.every((word) => name.includes(word))) continue;
  const runs = new Map(sets.map((kernels): [string, Run] => [kernels.name, work.prepare(kernels)]));
  const timings = measure(name, runs, work.tolerance, effort);
  const [naive, plain, wasm] = timings.map(({ milliseconds }) => milliseconds) as [number, number, number];
  const ratios = [naive / plain, naive / wasm].map((ratio) => `${digits(ratio)} x`);
  console.log(columns(name, digits(naive), digits(plain), digits(wasm), ...ratios));
  results.push({ name, milliseconds: { naive, plain, wasm } });
}
if (options.json !== undefined) {
  const report = { date: new Date().toISOString(), machine, effort, results };
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
