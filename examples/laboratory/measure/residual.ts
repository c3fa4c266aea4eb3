/** residualShares and residualTraining: residual networks at initialization and in training. */
import { BatchNorm, Dense, type Layer, Random, ReLU, Residual, Sequential, Tensor } from "batchnorm";
import type { Source } from "../data.js";
import { SkipInit } from "../layers.js";
import { meanMoments } from "./sample-variance.js";
import { CHANCE, prepareModel } from "./training.js";

/** The normalization in the branches. */
export type Branch = "plain" | "batch norm" | "SkipInit";

const WIDTH = 64;

/** Returns blocks x + f(x). Every Dense in f comes after a ReLU and, with batch norm, a BatchNorm layer before it. */
function blocksOf(branch: Branch, count: number, denses: number, random: Random): Layer[] {
  return Array.from({ length: count }, (_, block) => {
    const layers = Array.from({ length: denses }, (_each, i) => [
      ...activated(branch),
      dense(WIDTH, branch !== "batch norm", random.fork(`block ${block}, layer ${i}`)),
    ]).flat();
    if (branch === "SkipInit") layers.push(new SkipInit());
    return new Residual({ body: new Sequential(layers) });
  });
}

function activated(branch: Branch): Layer[] {
  return branch === "batch norm" ? [new BatchNorm({ features: WIDTH }), new ReLU()] : [new ReLU()];
}

function dense(inputs: number, bias: boolean, random: Random): Dense {
  return new Dense({ inputs, outputs: WIDTH, bias, initial: "he", random });
}

export interface SharesSetup {
  readonly branch: Branch;
  readonly seed: number;
  readonly blocks: number;
  /** The number of Dense layers in each branch. */
  readonly denses: number;
  /** The number of inputs, which are independent and N(0, 1). */
  readonly inputs: number;
}

/** Returns, for each block, the variance of its branch as a share of the variance after the block, averaged over the units. */
export function residualShares({ branch, seed, blocks, denses, inputs }: SharesSetup): Promise<number[]> {
  const random = new Random(seed);
  const model = new Sequential(blocksOf(branch, blocks, denses, random.fork("weights")));
  const variances = new Map<string, number>();
  model.forward(Tensor.normal([inputs, WIDTH], { random: random.fork("inputs"), dtype: "float32" }), {
    mode: "probe",
    observe: (path, output) => void variances.set(path, meanMoments(output).variance),
  });
  return Promise.resolve(
    Array.from({ length: blocks }, (_, block) => variances.get(`${block}.body`)! / variances.get(String(block))!),
  );
}

export interface ResidualSetup {
  readonly branch: Branch;
  readonly seed: number;
  readonly blocks: number;
  readonly learningRate: number;
  readonly steps: number;
}

export interface ResidualTrained {
  readonly accuracy: number;
  /** Training accuracy on each batch, up to divergence. */
  readonly accuracies: readonly number[];
}

/** Trains a Dense, residual blocks with one Dense each, a last BatchNorm (with batch norm), ReLU and Dense. */
export function residualTraining(
  { branch, seed, blocks, learningRate, steps }: ResidualSetup,
  source: Source,
  onStep: (done: number) => void,
): Promise<ResidualTrained> {
  const trainee = prepareModel({ learningRate, batchSize: 64, seed }, source, (random) => ({
    model: new Sequential([
      dense(source.shape[0]!, true, random.fork("first")),
      ...blocksOf(branch, blocks, 1, random),
      ...activated(branch),
      new Dense({ inputs: WIDTH, outputs: 10, random: random.fork("output") }),
    ]),
    hidden: [],
    watched: [],
  }));
  const accuracies: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss, accuracy } = trainee.learn(trainee.next());
    if (!Number.isFinite(loss)) break;
    accuracies.push(accuracy);
    onStep(step + 1);
  }
  const diverged = accuracies.length < steps;
  return Promise.resolve({ accuracy: diverged ? CHANCE : trainee.testAccuracy(), accuracies });
}
