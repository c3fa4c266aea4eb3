/**
 * `npm run bench -- probes`: what probes cost beside the evaluations and the training that they look at.
 *
 * Each figure is the median of some rounds, in milliseconds of processor time: other work on the machine does not count. What is
 * compared takes turns.
 */
import { cpus } from "node:os";
import { type Objective, plainKernels, Random, SGD } from "batchnorm";
import {
  ActivationRecorder,
  alongGradient,
  compareSamples,
  maximumMeanDiscrepancy,
  mergeMoments,
  momentsOf,
  noMoments,
} from "batchnorm/probes";
import { dot } from "../../src/objective/vector.js";
import { median } from "./measure.js";
import { mnistNet, prepare } from "./model-works.js";

/** Medians of the processor times of some works that take turns. The first round only warms up. */
async function timesOf(rounds: number, ...works: readonly (() => unknown)[]): Promise<number[]> {
  const times = works.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, work] of works.entries()) {
      const start = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(start);
      if (round > 0) times[i]!.push((user + system) / 1000);
    }
  }
  return times.map(median);
}

function normal(length: number, random: Random): Float64Array {
  return new Float64Array(length).map(() => random.normal());
}

/** Beyond its evaluations, here of an objective that costs next to nothing, in units of one pass over two vectors. */
async function landscape(): Promise<void> {
  const random = new Random(1);
  const length = 1_000_000;
  const [point, gradient] = [normal(length, random), normal(length, random)];
  const objective: Objective = () => ({ loss: 1, gradient });
  const steps = (count: number): number[] => Array.from({ length: count }, (_, i) => 0.01 * (i + 1));
  const [few, many, pass] = await timesOf(
    9,
    () => alongGradient(objective, point, { stepSizes: steps(2) }),
    () => alongGradient(objective, point, { stepSizes: steps(12) }),
    () => dot(point, gradient),
  );
  const perStep = (many! - few!) / 10;
  console.log(`alongGradient, ${length} parameters: ${perStep.toFixed(1)} ms a step size beyond its evaluation,`);
  console.log(`  as long as ${(perStep / pass!).toFixed(1)} inner products of two such vectors; it makes 4 passes`);
}

/** Training with every layer recorded at each tenth step, against training alone. */
async function recording(): Promise<void> {
  const every = 10;
  const kernels = plainKernels;
  const { model, input, lossOf } = prepare(mnistNet, kernels);
  const optimizer = new SGD(model.parameters, { learningRate: 1e-3, kernels });
  const train = (recorder?: ActivationRecorder): void => {
    for (let step = 0; step < every; step++) {
      const { output, backward } = model.forward(input, { mode: "train", kernels, observe: recorder?.at(step) });
      optimizer.step(backward(lossOf(output).gradOutput).gradients);
    }
  };
  for (const perFeature of [true, false]) {
    const [alone, recorded] = await timesOf(
      41,
      () => {
        train();
      },
      () => {
        train(new ActivationRecorder({ every, perFeature }));
      },
    );
    const share = (100 * (recorded! - alone!)) / alone!;
    const what = perFeature ? "layers and features" : "layers alone";
    console.log(
      `recording ${what}, every 10th step: ${share.toFixed(1)} % of ${(alone! / every).toFixed(1)} ms a step`,
    );
  }
  console.log(`  training ${mnistNet.name}, plain kernels`);
}

/** A million values, in blocks of a thousand, and as one record. */
async function million(): Promise<void> {
  const values = normal(1_000_000, new Random(2));
  const stream = (): void => {
    let moments = noMoments;
    for (let start = 0; start < values.length; start += 1000) {
      moments = mergeMoments(moments, momentsOf(values.subarray(start, start + 1000)));
    }
  };
  const record = (perFeature: boolean) => (): void => {
    new ActivationRecorder({ perFeature }).at(0)!("1", { shape: [1000, 1000], data: values });
  };
  const [streamed, layer, features] = await timesOf(9, stream, record(false), record(true));
  const both = streamed! + layer!;
  console.log(
    `a million values: moments in blocks ${streamed!.toFixed(0)} ms, a record with 3 quantiles ${layer!.toFixed(0)} ms,`,
  );
  console.log(`  together ${both.toFixed(0)} ms; a record of 1000 features too ${features!.toFixed(0)} ms`);
}

/** How distances grow with the samples. */
async function growth(): Promise<void> {
  const random = new Random(3);
  for (const n of [10_000, 100_000, 1_000_000]) {
    const [a, b] = [normal(n, random), normal(n, random)];
    const [time] = await timesOf(5, () => compareSamples(a, b));
    const per = (1e6 * time!) / (2 * n * Math.log2(2 * n));
    console.log(`compareSamples, ${n} values each: ${time!.toFixed(1)} ms, ${per.toFixed(1)} ns for each of N log2 N`);
  }
  for (const n of [128, 256, 512]) {
    const sample = () => ({ shape: [n, 32], data: normal(n * 32, random) });
    const [a, b] = [sample(), sample()];
    const [time] = await timesOf(5, () => maximumMeanDiscrepancy(a, b));
    const per = (1e6 * time!) / (2 * n) ** 2;
    console.log(
      `maximumMeanDiscrepancy, ${n} rows of 32 each: ${time!.toFixed(1)} ms, ${per.toFixed(1)} ns for each of N²`,
    );
  }
}

console.log(`${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, one thread\n`);
for (const work of [landscape, recording, million, growth]) await work();
