/** Train: the small networks on digits that the figures probe. */
import {
  BatchNorm,
  Dense,
  type Layer,
  modelObjective,
  type ModelObjective,
  plainKernels,
  Random,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { batchesOf, type Digits, loadDigits } from "../../data/digits.js";
import type { Network } from "../../demo/experiment.js";

/** For identical bits on every machine. */
const kernels = plainKernels;

export interface Architecture {
  readonly network: Network;
  readonly activation: "ReLU" | "sigmoid";
  readonly depth: number;
  readonly width: number;
}

/** Builds a stack of equal layers; both networks start from the same weights. */
export function build({ network, activation, depth, width }: Architecture): Sequential {
  const random = new Random(1).fork("weights");
  const layers: Layer[] = [];
  for (let i = 0; i < depth; i++) {
    const sizes = { inputs: i === 0 ? 64 : width, outputs: width, bias: network === "plain" };
    const initial = activation === "ReLU" ? "he" : "glorot";
    layers.push(new Dense({ ...sizes, initial, random: random.fork(`layer ${i}`) }));
    if (network === "batch norm") layers.push(new BatchNorm({ features: width }));
    layers.push(activation === "ReLU" ? new ReLU() : new Sigmoid());
  }
  layers.push(new Dense({ inputs: width, outputs: 10, random: random.fork("output") }));
  return new Sequential(layers);
}

/** Returns the paths of the last hidden layer's linear output, pre-activation and output. */
export function lastHidden(model: Sequential): { linear: string; preActivation: string; output: string } {
  const output = model.children.size - 2;
  const preActivation = output - 1;
  const linear = model.children.get(String(preActivation)) instanceof BatchNorm ? preActivation - 1 : preActivation;
  return { linear: String(linear), preActivation: String(preActivation), output: String(output) };
}

export const digits: Digits = loadDigits();
/** Images used for probing only; the second set gives the floors. */
export const watched: Tensor = digits.images.rows(Array.from({ length: 256 }, (_, i) => i));
export const others: Tensor = digits.images.rows(Array.from({ length: 256 }, (_, i) => 256 + i));

/** Called before and after the update of each step. */
export interface Watcher {
  readonly before?: (step: number, batch: Digits) => void | Promise<void>;
  readonly after?: (step: number, batch: Digits) => void | Promise<void>;
}

/** Trains by gradient descent on batches of 64; steps count from 1. */
export async function train(
  model: Sequential,
  learningRate: number,
  steps: number,
  { before, after }: Watcher = {},
): Promise<void> {
  const optimizer = new SGD(model.parameters, { learningRate, kernels });
  const batches = batchesOf(digits, 64, new Random(1).fork("batches"));
  for (let step = 1; step <= steps; step++) {
    const batch = batches.next().value;
    await before?.(step, batch);
    const { output, backward } = model.forward(batch.images, { mode: "train", kernels });
    optimizer.step(backward(softmaxCrossEntropy(output, batch.labels, { kernels }).gradOutput).gradients);
    await after?.(step, batch);
  }
}

/** Runs a forward pass without side effects. */
export function look(model: Sequential, images: Tensor, observe: (path: string, output: Tensor) => void): void {
  model.forward(images, { mode: "probe", observe, kernels });
}

/** Returns the objective of a model on one batch. */
export function objectiveOf(model: Sequential, { images, labels }: Digits): ModelObjective {
  return modelObjective(model, { input: images, target: labels }, softmaxCrossEntropy, { mode: "probe", kernels });
}
