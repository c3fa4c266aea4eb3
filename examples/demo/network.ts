/** The network: 64-64-64-64-10, with or without batch norm before each activation. */
import { BatchNorm, Dense, type Layer, type Random, ReLU, Sequential, Sigmoid } from "batchnorm";
import { type Activation, HIDDEN_LAYERS, type Network, WIDTH } from "./experiment.js";

/** Paths of the layers whose outputs are the values of a hidden layer. */
export interface HiddenPaths {
  /** The input of the activation, as in figure 1 of Ioffe & Szegedy 2015. */
  readonly preActivation: string;
  /** The input of the next layer. */
  readonly output: string;
}

/** A model and the paths of its hidden layers. */
export interface BuiltNetwork {
  readonly model: Sequential;
  readonly hidden: readonly HiddenPaths[];
}

/**
 * Builds a network. Each layer has its own random stream, so both networks start from the same weights, with gamma = 1, beta = 0
 * and biases of 0. A Dense before a BatchNorm has no bias, because normalization would cancel it.
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
