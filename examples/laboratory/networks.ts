/** Networks: MLPs and VGGs, in all the variants that are compared. A network is described by data, its `NetworkSpec`. */
import {
  BatchNorm,
  Conv2d,
  Dense,
  Flatten,
  GroupNorm,
  type Layer,
  LayerNorm,
  MaxPool2d,
  type Parameter,
  type Random,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
  Tensor,
} from "batchnorm";
import {
  BatchRenorm,
  BatchRMSNorm,
  DynamicTanh,
  GhostBatchNorm,
  LpNorm,
  MeanOnlyNorm,
  NoiseInjection,
} from "batchnorm/variants";
import { vggLayers, type VggSize } from "../images/architectures.js";
import { layerBuilder } from "../images/networks.js";
import { DeviationOnlyNorm, StopGradientNorm } from "./layers.js";

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
  | "deviation only"
  | "RMS"
  | "dynamic tanh"
  /** Batch norm between the ReLU and the next layer. */
  | "batch norm after ReLU"
  | "l1"
  | "l2"
  | "l-infinity"
  | "group norm"
  | "layer norm"
  | "batch renorm"
  | "ghost batch norm";

/** What all networks have in common. */
interface CommonSpec {
  readonly network: Network;
  readonly dtype?: "float32" | "float64" | undefined;
  /** Whether the normalization has learned parameters. If not, every Dense has a bias. Default: true. */
  readonly affine?: boolean | undefined;
  /** Epsilon of batch norm. Default: 1e-5. */
  readonly epsilon?: number | undefined;
  /** The strength of the drift. Default: 1. */
  readonly dose?: number | undefined;
  /** What replaces the noise at inference. Default: its expectation. */
  readonly noise?: "expectation" | "identity" | undefined;
}

/** Hidden layers of Dense, an optional normalization and an activation. */
export interface MlpSpec extends CommonSpec {
  readonly hidden: number;
  readonly width: number;
  readonly activation: "ReLU" | "sigmoid" | "tanh" | "none";
  /** The standard deviation of all initial weights. Default: He or Glorot initialization. */
  readonly initialStd?: number | undefined;
}

/** A VGG for images of 32x32 pixels: convolutions, a hidden Dense and the output, with ReLU. */
export interface VggSpec extends CommonSpec {
  readonly vgg: VggSize;
}

/** Options for `buildNetwork`. */
export type NetworkSpec = MlpSpec | VggSpec;

/** Paths of the layers whose outputs are the values of one hidden layer. */
export interface HiddenPaths {
  /** The output of Dense or Conv2d. */
  readonly linear: string;
  /** The input of the activation. */
  readonly preActivation: string;
  /** The input of the next Dense or Conv2d. */
  readonly layerInput: string;
}

export interface Built {
  readonly model: Sequential;
  readonly hidden: readonly HiddenPaths[];
  /** The hidden layers on which shift is measured. */
  readonly watched: readonly HiddenPaths[];
}

/** The number of layers of an MLP that are watched, evenly spaced up to the last. */
const WATCHED = 4;
/** The convolutions of a VGG that are watched, counted from 0. */
export const WATCHED_CONVOLUTIONS: readonly number[] = [2, 5, 9];

/**
 * Builds a network for samples of a shape, [64] or [1, 32, 32]. Each layer has its own random stream, so all networks of a seed
 * start from the same weights. A layer before a normalization layer has no bias, because batch norm would cancel it and
 * beta replaces it in the others. All other biases start at 0.
 */
export function buildNetwork(spec: NetworkSpec, shape: readonly number[], outputs: number, random: Random): Built {
  const layers = "vgg" in spec ? vgg(spec, shape[0]!, random) : mlpLayers(spec, shape[0]!, outputs, random);
  const hidden = hiddenPaths(layers);
  const count = Math.min(WATCHED, hidden.length);
  const watched =
    "vgg" in spec
      ? WATCHED_CONVOLUTIONS
      : Array.from({ length: count }, (_, i) => Math.ceil(((i + 1) * hidden.length) / count) - 1);
  return { model: new Sequential(layers), hidden, watched: watched.map((index) => hidden[index]!) };
}

function mlpLayers(spec: MlpSpec, inputs: number, outputs: number, random: Random): Layer[] {
  const { hidden, width, activation } = spec;
  const layers: (Layer | undefined)[] = [];
  for (let i = 0; i < hidden; i++) {
    const size = { inputs: i === 0 ? inputs : width, outputs: width, bias: hasBias(spec) };
    layers.push(dense(spec, size, activation === "ReLU" ? "he" : "glorot", random.fork(`hidden ${i}`)));
    const norm = normOf(spec, width);
    if (spec.network === "batch norm after ReLU") layers.push(activationOf(activation), norm);
    else layers.push(norm, noiseOf(spec, random.fork(`noise ${i}`)), activationOf(activation));
  }
  layers.push(dense(spec, { inputs: width, outputs, bias: true }, "glorot", random.fork("output")));
  return layers.filter((layer) => layer !== undefined);
}

function vgg(spec: VggSpec, channels: number, random: Random): Layer[] {
  const build = layerBuilder(random);
  let activations = 0;
  const layers = vggLayers(hasNorm(spec.network), channels, spec.vgg).flatMap((layer) => {
    if (layer.kind === "norm") return [normOf(spec, layer.features)];
    if (layer.kind !== "relu") return [build(layer)];
    return [noiseOf(spec, random.fork(`noise ${activations++}`)), build(layer)];
  });
  return layers.filter((layer) => layer !== undefined);
}

/** Finds the hidden layers: each begins at a layer with weights and ends before the next one. */
function hiddenPaths(layers: readonly Layer[]): HiddenPaths[] {
  const starts = layers.flatMap((layer, i) => (layer instanceof Dense || layer instanceof Conv2d ? [i] : []));
  return starts.slice(0, -1).map((start, i) => {
    const end = starts[i + 1]!;
    const ahead = layers.slice(start, end).findIndex((layer) => AFTER.some((kind) => layer instanceof kind));
    const preActivation = ahead < 0 ? end - 1 : start + ahead - 1;
    return { linear: String(start), preActivation: String(preActivation), layerInput: String(end - 1) };
  });
}

/** What may follow the values before the activation. */
const AFTER = [ReLU, Sigmoid, Tanh, MaxPool2d, Flatten];

/** Returns the name of an architecture, as in "8x48 ReLU" or "VGG-13/8". */
export function nameOf(spec: NetworkSpec): string {
  if ("vgg" in spec) return `VGG-${spec.vgg}`;
  const { hidden, width, activation } = spec;
  return `${hidden}x${width}${activation === "none" ? " linear" : ` ${activation}`}`;
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

function hasBias({ network, affine = true }: NetworkSpec): boolean {
  return !affine || !hasNorm(network) || network === "batch norm after ReLU";
}

function dense(
  { initialStd: std, dtype = "float32" }: MlpSpec,
  size: { readonly inputs: number; readonly outputs: number; readonly bias: boolean },
  initial: "he" | "glorot",
  random: Random,
): Dense {
  if (std === undefined) return new Dense({ ...size, initial, random, dtype });
  const weight = Tensor.normal([size.inputs, size.outputs], { random, std, dtype });
  return new Dense({ ...size, initial: { weight }, dtype });
}

function normOf({ network, affine = true, epsilon, dtype }: NetworkSpec, features: number): Layer | undefined {
  switch (network) {
    case "plain":
    case "plain + noise":
      return undefined;
    case "batch norm":
    case "noisy batch norm":
    case "drifting batch norm":
    case "batch norm after ReLU":
      return new BatchNorm({ features, epsilon, dtype, scale: affine, center: affine });
    case "plain, calibrated":
      // The running statistics after one batch are those of that batch.
      return new BatchNorm({ features, epsilon, dtype, momentum: 1, varianceEstimator: "biased" });
    case "stopped gradient":
      return new StopGradientNorm({ features });
    case "mean only":
      return new MeanOnlyNorm({ features, center: affine });
    case "deviation only":
      return new DeviationOnlyNorm({ features });
    case "RMS":
      return new BatchRMSNorm({ features, scale: affine, center: affine });
    case "dynamic tanh":
      return new DynamicTanh({ features });
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
    case "deviation only":
    case "RMS":
    case "dynamic tanh":
    case "batch norm after ReLU":
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

function activationOf(activation: MlpSpec["activation"]): Layer | undefined {
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
