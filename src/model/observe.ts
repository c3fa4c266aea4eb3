/** Observations: the inputs and outputs of the layers of a model in one pass, and its BatchNorm layers. */

import { complaint, show } from "../core/errors.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Conv2d } from "../layers/conv2d.js";
import type { Dense } from "../layers/dense.js";
import type { Residual } from "../layers/residual.js";
import type { Sequential } from "../layers/sequential.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer, Pass } from "../layers/contract.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import type { GivenRowWeights } from "./row-masks.js";
import { countsBatches, layersByPath } from "./tree.js";

/** The input and output of a layer at one position in a model. */
export interface ObservedLayer {
  /** For example "2.0"; "" for the model itself. */
  readonly path: string;
  readonly layer: Layer;
  readonly input: Tensor;
  readonly output: Tensor;
  /** The row weights of the pass. */
  readonly rowWeights: GivenRowWeights | undefined;
}

/** The layers observed in one pass through a model. */
export interface Observation {
  readonly output: Tensor;
  /** All layers except containers, in the order in which they ran. */
  readonly observed: readonly ObservedLayer[];
  /** The paths of all reported layers, including containers. */
  readonly paths: ReadonlySet<string>;
  /** The inputs that a Residual adds to the output of its body, besides passing them to it. */
  readonly shortcuts: ReadonlySet<Tensor>;
}

/** The input and output of a BatchNorm layer. */
export interface ObservedNorm extends ObservedLayer {
  /** The layer itself, or the BatchNorm that it wraps. */
  readonly norm: BatchNorm;
}

/** Requires a model and an input. */
export function expectModel(who: string, model: unknown, input: unknown): void {
  expectLayer(who, model);
  expectTensor(who, "the input", input);
}

/**
 * Returns the layer if it is a BatchNorm, or the BatchNorm that it wraps if it has no other parameters (GhostBatchNorm,
 * BatchRenorm). Layers are recognized by their members, because the ESM and the CJS build have different classes.
 */
export function batchNormOf(layer: Layer): BatchNorm | undefined {
  if (layer.children !== undefined) return undefined;
  const { norm } = layer as { readonly norm?: unknown };
  if (isBatchNorm(layer)) return layer;
  return isBatchNorm(norm) && norm.parameters === layer.parameters ? norm : undefined;
}

function isBatchNorm(value: unknown): value is BatchNorm {
  const { runningVariance, track } = (value ?? {}) as Partial<BatchNorm>;
  return runningVariance !== undefined && typeof track === "function";
}

/** Returns whether a BatchNorm normalizes differently during training and at inference. */
export function normalizesByMode(norm: BatchNorm): boolean {
  return norm.trackRunningStatistics && !norm.frozen.normalization;
}

/** Returns whether a layer computes only xW + b. A subclass of Dense that adds an activation does not. */
export function isDense(layer: Layer | undefined): layer is Dense {
  const { isAffine, weight } = (layer ?? {}) as Partial<Dense>;
  return isAffine === true && weight !== undefined;
}

/** Returns whether a layer only runs its children one after another. */
export function isSequential(layer: Layer): layer is Sequential {
  return (layer as Partial<Sequential>).isSequence === true && layer.children !== undefined;
}

/** Returns whether a layer only adds up its branches. */
export function isResidual(layer: Layer): layer is Residual {
  return (layer as Partial<Residual>).isSumOfBranches === true && layer.children !== undefined;
}

/** Returns whether a layer computes a convolution and nothing else. */
export function isConvolution(layer: Layer | undefined): layer is Conv2d {
  const { isConvolution: isOne, weight } = (layer ?? {}) as Partial<Conv2d>;
  return isOne === true && weight !== undefined;
}

/** Returns whether the features of a BatchNorm are on the same axis as those of a Dense (the last) or of a Conv2d (axis 1). */
export function isOnAxisOf(layer: Dense | Conv2d, { axis }: BatchNorm, rank: number): boolean {
  return (axis < 0 ? rank + axis : axis) === (isDense(layer) ? rank - 1 : 1);
}

/** Returns whether all values of a tensor are finite. */
export function isFiniteTensor({ data }: Tensor): boolean {
  return data.every((value) => Number.isFinite(value));
}

/** Returns the BatchNorm layers of a model by path. */
export function normsByPath(model: Layer): Map<string, BatchNorm> {
  const norms = new Map<string, BatchNorm>();
  for (const [path, layer] of layersByPath(model)) {
    const norm = batchNormOf(layer);
    if (norm !== undefined) norms.set(path, norm);
  }
  return norms;
}

/** Runs one forward pass and returns the observed layers. */
export function observeLayers(model: Layer, input: Tensor, pass: Pass): Observation {
  const layers = new Map(layersByPath(model));
  const observed: ObservedLayer[] = [];
  const paths = new Set<string>();
  const shortcuts = new Set<Tensor>();
  const { rowWeights } = pass;
  const add = (path: string, output: Tensor, entered: Tensor): void => {
    paths.add(path);
    const layer = layers.get(path);
    if (layer === undefined) return;
    if (isResidual(layer) && layer.projection === undefined) shortcuts.add(entered);
    if (layer.children !== undefined) return;
    observed.push({ path, layer, input: entered, output, rowWeights });
  };
  const { output } = model.forward(input, { ...pass, observe: add });
  add("", output, input);
  return { output, observed, paths, shortcuts };
}

/** Observes a pass in mode "inference", even if no batch was tracked, in which case only the shapes are meaningful. */
export function observeInference(
  model: Layer,
  input: Tensor,
  pass: Pass,
): { readonly inference: Observation; readonly tracked: boolean } {
  const untracked = model.statistics.filter((statistic) => countsBatches(statistic) && statistic.values[0] === 0);
  try {
    for (const { values } of untracked) values[0] = 1;
    return { inference: observeLayers(model, input, pass), tracked: untracked.length === 0 };
  } finally {
    for (const { values } of untracked) values[0] = 0;
  }
}

/**
 * Returns the BatchNorm layers among the observed layers. If a BatchNorm was not reported but its container reported another
 * child, the BatchNorm did not run. Throws if a container reported none of its children.
 */
export function observedNorms(who: string, model: Layer, { observed, paths }: Observation): ObservedNorm[] {
  const found = observed.flatMap((observation): ObservedNorm[] => {
    const norm = batchNormOf(observation.layer);
    return norm === undefined ? [] : [{ ...observation, norm }];
  });
  for (const path of normsByPath(model).keys()) {
    if (hasRun(path, paths)) continue;
    const silent = silentContainer(path, paths);
    if (silent === undefined) continue;
    const expected = `the container ${show(silent)} to report its layers`;
    const cure = "call pass.observe(path, output, input) for each layer that runs";
    throw new TypeError(complaint(who, expected, `nothing about ${show(path)}`, cure));
  }
  return found;
}

/** Returns whether a layer or one of its descendants was reported. */
function hasRun(path: string, paths: ReadonlySet<string>): boolean {
  return paths.has(path) || [...paths].some((other) => other.startsWith(`${path}.`));
}

/** Returns the innermost container of a layer that ran but reported none of its children. */
function silentContainer(path: string, paths: ReadonlySet<string>): string | undefined {
  let container = path;
  do container = container.slice(0, Math.max(0, container.lastIndexOf(".")));
  while (container !== "" && !hasRun(container, paths));
  const prefix = container === "" ? "" : `${container}.`;
  return [...paths].some((other) => other !== container && other.startsWith(prefix)) ? undefined : container;
}
