/** Networks: hidden layers of Dense, an optional normalization and an activation, followed by a Dense. */
import {
  BatchNorm,
  Dense,
  GroupNorm,
  type Layer,
  LayerNorm,
  type Parameter,
  type Random,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
  Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm, NoiseInjection } from "batchnorm/variants";
import { MeanOnlyNorm, StopGradientNorm } from "./layers.js";

/** The networks compared; each has its own color on the page. */
export type Network =
  | "plain"
  | "batch norm"
  /** Batch norm with the fixed statistics of the first batch: a plain network with another initialization. */
  | "plain, calibrated"
  | "plain + noise"
  | "noisy batch norm"
  /** Batch norm with noise that differs between steps and units, but not between the samples of a batch. */
  | "drifting batch norm"
  | "stopped gradient"
  | "mean only"
  | "l1"
  | "l2"
  | "l-infinity"
  | "group norm"
  | "layer norm"
  | "batch renorm"
  | "ghost batch norm";

/** Options for `buildNetwork`. */
export interface NetworkSpec {
  readonly network: Network;
  readonly hidden: number;
  readonly width: number;
  readonly activation: "ReLU" | "sigmoid" | "tanh" | "none";
  /** The standard deviation of all initial weights. Default: He or Glorot initialization. */
  readonly initialStd?: number | undefined;
  readonly dtype?: "float32" | "float64" | undefined;
  /** Epsilon of batch norm. Default: 1e-5. */
  readonly epsilon?: number | undefined;
  /** The strength of the drift. Default: 1. */
  readonly dose?: number | undefined;
  /** What replaces the noise at inference. Default: its expectation. */
  readonly noise?: "expectation" | "identity" | undefined;
}

/** Paths of the layers whose outputs are the values of one hidden layer. */
export interface HiddenPaths {
  /** The output of Dense. */
  readonly linear: string;
  /** The input of the activation. */
  readonly preActivation: string;
  /** The input of the next layer. */
  readonly layerInput: string;
}

export interface Built {
  readonly model: Sequential;
  readonly hidden: readonly HiddenPaths[];
}

/** Returns the name of an architecture, as in "8x48 ReLU". */
export function nameOf({ hidden, width, activation }: Pick<NetworkSpec, "hidden" | "width" | "activation">): string {
  return `${hidden}x${width}${activation === "none" ? " linear" : ` ${activation}`}`;
}

/**
 * Builds a network. Each layer has its own random stream, so all networks of a seed start from the same weights. A Dense before
 * a normalization layer has no bias, because batch norm would cancel it, and beta replaces it in the other norms; all other biases start at 0.
 */
export function buildNetwork(spec: NetworkSpec, inputs: number, outputs: number, random: Random): Built {
  const { hidden, width, activation, dtype } = spec;
  const layers: Layer[] = [];
  const paths: HiddenPaths[] = [];
  const add = (layer: Layer | undefined): string => {
    if (layer !== undefined) layers.push(layer);
    return String(layers.length - 1);
  };
  for (let i = 0; i < hidden; i++) {
    const bias = !hasNorm(spec.network);
    const size = { inputs: i === 0 ? inputs : width, outputs: width, bias };
    const linear = add(dense(spec, size, activation === "ReLU" ? "he" : "glorot", random.fork(`hidden ${i}`)));
    add(normOf(spec));
    const preActivation = add(noiseOf(spec, random.fork(`noise ${i}`)));
    const layerInput = add(activationOf(activation));
    paths.push({ linear, preActivation, layerInput });
  }
  layers.push(dense({ ...spec, dtype }, { inputs: width, outputs, bias: true }, "glorot", random.fork("output")));
  return { model: new Sequential(layers), hidden: paths };
}

/** Returns the weights of each Dense before a BatchNorm layer: those that batch norm makes scale-invariant. */
export function weightsBeforeNorm({ model }: Built): Parameter[] {
  const layers = [...model.children.values()];
  return layers.flatMap((layer, i) =>
    layer instanceof Dense && layers[i + 1] instanceof BatchNorm ? [layer.weight] : [],
  );
}

/** Fixes the statistics of a calibrated network to those of its first batch; leaves other networks unchanged. */
export function calibrate({ network }: NetworkSpec, { model }: Built, images: Tensor): void {
  if (network !== "plain, calibrated") return;
  model.forward(images, { mode: "train" });
  for (const layer of model.children.values()) {
    if (layer instanceof BatchNorm) layer.freeze({ normalization: true, updates: true, parameters: false });
  }
}

function hasNorm(network: Network): boolean {
  return network !== "plain" && network !== "plain + noise";
}

function dense(
  { initialStd: std, dtype = "float32" }: NetworkSpec,
  size: { readonly inputs: number; readonly outputs: number; readonly bias: boolean },
  initial: "he" | "glorot",
  random: Random,
): Dense {
  if (std === undefined) return new Dense({ ...size, initial, random, dtype });
  const weight = Tensor.normal([size.inputs, size.outputs], { random, std, dtype });
  return new Dense({ ...size, initial: { weight }, dtype });
}

function normOf({ network, width: features, epsilon, dtype }: NetworkSpec): Layer | undefined {
  switch (network) {
    case "plain":
    case "plain + noise":
      return undefined;
    case "batch norm":
    case "noisy batch norm":
    case "drifting batch norm":
      return new BatchNorm({ features, epsilon, dtype });
    case "plain, calibrated":
      // The running statistics after one batch are those of that batch.
      return new BatchNorm({ features, epsilon, dtype, momentum: 1, varianceEstimator: "biased" });
    case "stopped gradient":
      return new StopGradientNorm({ features });
    case "mean only":
      return new MeanOnlyNorm({ features });
    case "l1":
      return new LpNorm({ features, p: 1 });
    case "l2":
      return new LpNorm({ features, p: 2 });
    case "l-infinity":
      return new LpNorm({ features, p: Infinity });
    case "group norm":
      return new GroupNorm({ features, groups: 8, epsilon, dtype });
    case "layer norm":
      return new LayerNorm({ features, epsilon, dtype });
    case "batch renorm":
      return new BatchRenorm({ features, epsilon, dtype });
    case "ghost batch norm":
      return new GhostBatchNorm({ features, groupSize: 16, epsilon, dtype });
  }
}

function noiseOf({ network, dose = 1, noise }: NetworkSpec, random: Random): NoiseInjection | undefined {
  switch (network) {
    case "plain + noise":
    case "noisy batch norm":
      return new NoiseInjection({ random, inference: noise });
    case "drifting batch norm": {
      const drift = { meanSpread: 0.5 * dose, largestScale: 1 + 0.25 * dose, sampleMeanSpread: 0, sampleScaleStd: 0 };
      return new NoiseInjection({ random, inference: noise, ...drift });
    }
    case "plain":
    case "plain, calibrated":
    case "batch norm":
    case "stopped gradient":
    case "mean only":
    case "l1":
    case "l2":
    case "l-infinity":
    case "group norm":
    case "layer norm":
    case "batch renorm":
    case "ghost batch norm":
      return undefined;
  }
}

function activationOf(activation: NetworkSpec["activation"]): Layer | undefined {
  switch (activation) {
    case "ReLU":
      return new ReLU();
    case "sigmoid":
      return new Sigmoid();
    case "tanh":
      return new Tanh();
    case "none":
      return undefined;
  }
}
