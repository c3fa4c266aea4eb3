/** The network: 64-64-64-64-10, with or without batch norm in front of each activation. */
import { BatchNorm, Dense, type Layer, type Random, ReLU, Sequential, Sigmoid } from "batchnorm";
import { type Activation, HIDDEN_LAYERS, type Network, WIDTH } from "./experiment.js";

/** Where the values of a hidden layer can be seen: paths into the model. */
export interface HiddenPaths {
  /** What the activation function gets: the values that figure 1 of Ioffe & Szegedy 2015 shows. */
  readonly preActivation: string;
  /** What the next layer gets. */
  readonly output: string;
}

/** A model, and where to look inside it. */
export interface BuiltNetwork {
  readonly model: Sequential;
  readonly hidden: readonly HiddenPaths[];
}

/**
 * Builds a network. Each layer draws from a stream of its own, so both networks start from the same weights; gamma is 1 and
 * beta 0, all biases are 0. A Dense in front of a batch norm has no bias, which the norm would cancel.
 */
export function buildNetwork(activation: Activation, network: Network, random: Random): BuiltNetwork {
  const initial = activation === "ReLU" ? "he" : "glorot";
  const layers: Layer[] = [];
  const hidden: HiddenPaths[] = [];
  for (let i = 0; i < HIDDEN_LAYERS; i++) {
    const bias = network === "plain";
    layers.push(new Dense({ inputs: 64, outputs: WIDTH, bias, initial, random: random.fork(`hidden ${i}`) }));
    if (network === "batch norm") layers.push(new BatchNorm({ features: WIDTH }));
    layers.push(activation === "ReLU" ? new ReLU() : new Sigmoid());
    hidden.push({ preActivation: String(layers.length - 2), output: String(layers.length - 1) });
  }
  layers.push(new Dense({ inputs: WIDTH, outputs: 10, initial: "glorot", random: random.fork("output") }));
  return { model: new Sequential(layers), hidden };
}
