/**
 * `npm run bench -- cold`: from the start of a process to the first finished training step of a 64-32-10 net with batch norm,
 * beside a process that does nothing; the built package, whole processes, taking turns.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { median } from "./measure.js";

const step = `
  import { BatchNorm, Dense, Random, ReLU, Sequential, SGD, softmaxCrossEntropy, Tensor } from "batchnorm";
  const random = new Random(1);
  const model = new Sequential([
    new Dense({ inputs: 64, outputs: 32, bias: false, random }),
    new BatchNorm({ features: 32 }),
    new ReLU(),
    new Dense({ inputs: 32, outputs: 10, random }),
  ]);
  const labels = Array.from({ length: 32 }, (_, i) => i % 10);
  const { output, backward } = model.forward(Tensor.normal([32, 64], { random }), { mode: "train" });
  const { loss, gradOutput } = softmaxCrossEntropy(output, labels);
  new SGD(model.parameters, { learningRate: 0.1 }).step(backward(gradOutput).gradients);
  if (!(loss > 0)) throw new Error("no loss");
`;

/** Milliseconds of a whole process. */
function time(script: string): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script]);
  if (status !== 0) throw new Error(stderr.toString());
  return performance.now() - start;
}

const [bare, training]: [number[], number[]] = [[], []];
for (let round = 0; round <= 15; round++) {
  const [first, second] = [time(""), time(step)];
  // The first round fills the caches of the disk.
  if (round > 0) {
    bare.push(first);
    training.push(second);
  }
}
const [nothing, all] = [median(bare), median(training)];
console.log(`${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, medians of ${bare.length} processes each\n`);
console.log(`node alone                            ${nothing.toFixed(1)} ms`);
console.log(`to the end of the first training step ${all.toFixed(1)} ms, ${(all / nothing).toFixed(2)} times as long`);
