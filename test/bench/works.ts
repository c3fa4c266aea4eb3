/** The works of `npm run bench` and `npm run bench -- browser`, and what is told of them. */
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import {
  batchNormWork,
  convolutionWork,
  crossEntropyWork,
  elementwiseWork,
  inferenceWork,
  matmulWork,
  optimizerWork,
  poolingWork,
  type Work,
} from "./kernel-works.js";
import { type Effort, measure, type Run } from "./measure.js";
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
  matmulWork("matmul", 1, 784, 512),
  matmulWork("matmul", 128, 784, 512),
  matmulWork("matmulTransposedA", 784, 128, 512),
  matmulWork("matmulTransposedB", 128, 512, 784),
  matmulWork("matmul", 512, 512, 512),
  matmulWork("matmul", 512, 512, 512, "float64"),
  matmulWork("matmul", 8, 8, 8),
  matmulWork("matmul", 32, 32, 32),
  ...(["convolve2d", "convolve2dGradInput", "convolve2dGradWeight"] as const).flatMap((form) => [
    convolutionWork(form, 16, 14, 32),
    convolutionWork(form, 8, 28, 8),
    convolutionWork(form, 64, 3, 64),
  ]),
  poolingWork(8, 32),
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

/** How much time a run takes, and a shorter one. */
export const efforts = { usual: { rounds: 7, time: 100 }, quick: { rounds: 3, time: 20 } } as const;

/** The medians of one work, in milliseconds. */
export interface Result {
  readonly name: string;
  readonly milliseconds: { readonly naive: number; readonly plain: number; readonly wasm: number };
}

/** Measures the works whose names have all the words, and tells each result as soon as it is there. */
export function run(words: readonly string[], effort: Effort, tell: (line: string) => void): Result[] {
  const sets = [naiveKernels, plainKernels, wasmKernels()];
  const results: Result[] = [];
  tell(columns("work", "naive", "plain", "wasm", "plain", "wasm"));
  for (const work of works) {
    const name = `${work.name}${work.dtype === "float64" ? ", float64" : ""}`;
    if (!words.every((word) => name.includes(word))) continue;
    const runs = new Map(sets.map((kernels): [string, Run] => [kernels.name, work.prepare(kernels)]));
    const timings = measure(name, runs, work.tolerance, effort);
    const [naive, plain, wasm] = timings.map(({ milliseconds }) => milliseconds) as [number, number, number];
    const ratios = [naive / plain, naive / wasm].map((ratio) => `${digits(ratio)} x`);
    tell(columns(name, digits(naive), digits(plain), digits(wasm), ...ratios));
    results.push({ name, milliseconds: { naive, plain, wasm } });
  }
  return results;
}

function columns(first: string, ...rest: string[]): string {
  return first.padEnd(76) + rest.map((text) => text.padStart(11)).join("");
}

/** Three digits, whatever the size. */
function digits(value: number): string {
  return value.toPrecision(3).includes("e") ? value.toFixed(0) : value.toPrecision(3);
}
