/** Network: a stack of dense layers, plain or with one of the normalizations before each activation. */
import { BatchNorm, Dense, type Layer, LayerNorm, type Random, ReLU, Sequential, Sigmoid, Tanh } from "batchnorm";
import { GhostBatchNorm, LpNorm, NoiseInjection } from "batchnorm/variants";
import type { Activation, Kind, Settings } from "./settings.js";

/** The positions of a hidden layer's parts in the model. */
export interface HiddenLayer {
  readonly dense: number;
  /** The normalization layer, if there is one. */
  readonly norm: number | undefined;
  /** The layer whose output is the input of the activation. */
  readonly preActivation: number;
  readonly activation: number;
}

/** A model and the positions of its hidden layers. */
export interface Network {
  readonly model: Sequential;
  readonly hidden: readonly HiddenLayer[];
}

/** Options for `buildNetwork`. */
export type Architecture = Pick<Settings, "depth" | "width" | "activation" | "batchSize" | "momentum" | "epsilon"> & {
  readonly inputs: number;
  readonly outputs: number;
  readonly kind: Kind;
  /** Estimator of the running variance. */
  readonly varianceEstimator?: "biased" | "unbiased";
};

/**
 * Builds a network. Each layer has its own random stream, so networks of all kinds start from the same weights. A Dense has no
 * bias if the following normalization would cancel it.
 */
export function buildNetwork(how: Architecture, random: Random): Network {
  const { depth, width, kind } = how;
  const bias = kind === "plain" || kind === "layer";
  const initial = how.activation === "relu" ? "he" : "glorot";
  const layers: Layer[] = [];
  const hidden: HiddenLayer[] = [];
  for (let i = 0; i < depth; i++) {
    const stream = random.fork(`hidden ${i}`);
    const dense = layers.push(
      new Dense({ inputs: i === 0 ? how.inputs : width, outputs: width, bias, initial, random: stream }),
    );
    const norm = normOf(how);
    if (norm !== undefined) layers.push(norm);
    if (kind === "noisy") layers.push(new NoiseInjection({ random: random.fork(`noise ${i}`) }));
    const activation = layers.push(activationOf(how.activation));
    hidden.push({
      dense: dense - 1,
      norm: norm === undefined ? undefined : dense,
      preActivation: activation - 2,
      activation: activation - 1,
    });
  }
  layers.push(new Dense({ inputs: width, outputs: how.outputs, initial: "glorot", random: random.fork("output") }));
  return { model: new Sequential(layers), hidden };
}

function normOf(how: Architecture): Layer | undefined {
  const { kind, width: features, batchSize, momentum, epsilon, varianceEstimator } = how;
  switch (kind) {
    case "plain":
      return undefined;
    case "batch":
    case "noisy":
      return new BatchNorm({ features, momentum, epsilon, varianceEstimator });
    case "layer":
      return new LayerNorm({ features, epsilon });
    case "l1":
      return new LpNorm({ features, p: 1, momentum, epsilon });
    case "ghost":
      return new GhostBatchNorm({ features, momentum, epsilon, varianceEstimator, groupSize: ghostSize(batchSize) });
  }
}

/** Returns the group size of ghost batch norm: a quarter of the batch. */
export function ghostSize(batchSize: number): number {
  return Math.max(2, Math.floor(batchSize / 4));
}

function activationOf(name: Activation): Layer {
  switch (name) {
    case "relu":
      return new ReLU();
    case "sigmoid":
      return new Sigmoid();
    case "tanh":
      return new Tanh();
  }
}
