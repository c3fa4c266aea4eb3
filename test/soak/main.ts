/**
 * Memory stays flat while a network trains: on both kernel sets, with training, probing, inference and refused passes.
 *
 *   npm run soak              a million steps; the exit status is 1 when memory has grown
 *   npm run soak -- 100000    fewer
 *
 * First it checks itself: a leak of four numbers per step must be found.
 */
import {
  Adam,
  Batcher,
  BatchNorm,
  defaultKernels,
  Dense,
  type Kernels,
  plainKernels,
  Random,
  ReLU,
  Sequential,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";

const collect = (globalThis as { readonly gc?: () => void }).gc;
if (collect === undefined) throw new Error("run with node --expose-gc");

/** What the heap and all typed arrays take, when nothing more can be thrown away. */
function bytesInUse(): number {
  // Twice: what the first round finds unused may hold on to more.
  for (let round = 0; round < 2; round++) collect!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What compiled code and its feedback may still come to after the first tenth: 3 bytes per step in 100,000 steps. */
const ALLOWED = 256 * 1024;

const random = new Random(1);
const model = new Sequential([
  new Dense({ inputs: 4, outputs: 6, bias: false, random }),
  new BatchNorm({ features: 6 }),
  new ReLU(),
  new Dense({ inputs: 6, outputs: 3, random }),
]);
const optimizer = new Adam(model.parameters, { learningRate: 1e-3, withoutDecay: ["scale", "shift"] });
const input = Tensor.normal([24, 4], { random });
const target = Array.from({ length: 24 }, (_, i) => i % 3);
const batcher = new Batcher({ input, target, batchSize: 8, random });
const alone = input.rows([0]);

/** A step of training, and all that may stand around it. */
function work(step: number, batch: Tensor, labels: readonly number[]): void {
  const kernels: Kernels = step % 2 === 0 ? plainKernels : defaultKernels();
  const rowWeights = step % 3 === 0 ? [1, 1, 1, 1, 1, 1, 1, 0] : undefined;
  const { output, backward } = model.forward(batch, { mode: "train", kernels, rowWeights });
  const { gradOutput } = softmaxCrossEntropy(output, labels, { kernels });
  if (step % 4 === 0) model.forward(batch, { mode: "probe", kernels, observe: () => undefined });
  if (step % 5 === 0) model.forward(alone, { mode: "inference", kernels });
  if (step % 100 === 0) refused();
  const { gradients, gradInput } = backward(gradOutput);
  if (gradInput.size !== batch.size) throw new Error("no gradient of the input");
  optimizer.step(gradients);
}

/** A pass that throws must not leave anything behind either. */
function refused(): void {
  try {
    model.forward(alone, { mode: "train" });
  } catch {
    return;
  }
  throw new Error("a batch of one was not refused");
}

/** Trains for some steps; returns the bytes in use after each tenth of them, garbage collected. */
function bytesOver(steps: number, afterStep: (step: number) => void = () => undefined): number[] {
  const bytes: number[] = [];
  let step = 0;
  while (bytes.length < 10) {
    for (const batch of batcher) {
      work(++step, batch.input, batch.target);
      afterStep(step);
      if (step % (steps / 10) === 0) bytes.push(bytesInUse());
    }
  }
  return bytes;
}

/** From the first tenth, when everything has been compiled, to the last. */
const growthOf = (bytes: readonly number[]): number => bytes.at(-1)! - bytes[0]!;

const leaked: number[] = [];
const leak = growthOf(bytesOver(20_000, (step) => leaked.push(step, step, step, step)));
console.log(`a leak of ${leaked.length} numbers: ${leak} bytes more`);
leaked.length = 0;

const steps = Number(process.argv[2] ?? 1_000_000);
const bytes = bytesOver(steps);
console.log(`${steps} steps: ${growthOf(bytes)} bytes more, at most ${ALLOWED} allowed; in use ${bytes.join(" ")}`);
process.exitCode = growthOf(bytes) > ALLOWED || leak <= ALLOWED ? 1 : 0;
