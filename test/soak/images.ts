/**
 * Memory while a convolutional network trains: VGG-13/8 with batch norm, batches of 64 images.
 *
 *   node --expose-gc test/support/run.mjs test/soak/images.ts [steps]
 *
 * Prints the memory in use every 200 steps, after a garbage collection. The exit status is 1 if the typed arrays have grown by
 * more than a megabyte since the first measurement.
 */
import { Batcher, Random, SGD, softmaxCrossEntropy } from "batchnorm";
import { readFashion } from "../../examples/data/fashion-file.js";
import { BATCH_SIZE } from "../../examples/images/experiment.js";
import { buildNetwork } from "../../examples/images/networks.js";

const EVERY = 200;
const ALLOWED = 1e6;

const collect = (globalThis as { readonly gc?: () => void }).gc;
if (collect === undefined) throw new Error("run with node --expose-gc");

const steps = Number(process.argv[2] ?? 10_000);
const random = new Random(1);
const { images, labels } = (await readFashion()).train;
const model = buildNetwork("vgg", "batch norm", 1, random.fork("weights"));
const optimizer = new SGD(model.parameters, { learningRate: 0.02 });
const batches = new Batcher({ input: images, target: labels, batchSize: BATCH_SIZE, dropLast: true, random });

const arrayBytes: number[] = [];
let step = 0;
while (step < steps) {
  for (const { input, target } of batches) {
    const { output, backward } = model.forward(input, { mode: "train" });
    const { gradOutput } = softmaxCrossEntropy(output, target);
    optimizer.step(backward(gradOutput).gradients);
    if (++step % EVERY === 0) report();
    if (step === steps) break;
  }
}
const growth = arrayBytes.at(-1)! - arrayBytes[0]!;
console.log(`typed arrays: ${growth} bytes more after ${steps} steps than after ${EVERY}`);
process.exitCode = growth > ALLOWED ? 1 : 0;

function report(): void {
  for (let round = 0; round < 2; round++) collect!();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  // WebAssembly's memory counts as external.
  arrayBytes.push(external);
  const [resident, heap, outside, arrays] = [rss, heapUsed, external, arrayBuffers].map((bytes) =>
    (bytes / 1e6).toFixed(2),
  );
  console.log(
    `step ${step}: resident ${resident} MB, heap ${heap} MB, external ${outside} MB, array buffers ${arrays} MB`,
  );
}
