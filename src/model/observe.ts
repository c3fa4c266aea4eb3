/** Observations: the input and output of each layer of a model in one pass, and which of the layers are batch norms. */

import { complaint, show } from "../core/errors.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Dense } from "../layers/dense.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer, Pass } from "../layers/contract.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import type { GivenRowWeights } from "./row-masks.js";
import { layersByPath } from "./tree.js";

/** The input and output of a layer, at one place of a model. */
export interface ObservedLayer {
  /** As in "2.0"; "" for the model itself. */
  readonly path: string;
  readonly layer: Layer;
  readonly input: Tensor;
  readonly output: Tensor;
  /** Those of the pass. */
  readonly rowWeights: GivenRowWeights | undefined;
}

/** What one pass through a model showed. */
export interface Observation {
  readonly output: Tensor;
  /** Every layer that ran and is not a container, in the order of the computation. */
  readonly observed: readonly ObservedLayer[];
  /** The paths of all layers that were reported, containers included. */
  readonly paths: ReadonlySet<string>;
}

/** The input and output of a batch norm. */
export interface ObservedNorm extends ObservedLayer {
  /** The layer itself, or the batch norm that it is built around. */
  readonly norm: BatchNorm;
}

/** Requires a model and an input. */
export function expectModel(who: string, model: unknown, input: unknown): void {
  expectLayer(who, model);
  expectTensor(who, "the input", input);
}

/**
 * Returns a layer that is a batch norm, or the one that it wraps if it owns nothing else (GhostBatchNorm, BatchRenorm). Layers are
 * recognized by their members, since the ESM and the CJS build have a class each.
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

/** Returns whether a batch norm normalizes differently in training and in inference. */
export function normalizesByMode(norm: BatchNorm): boolean {
  return norm.trackRunningStatistics && !norm.frozen.normalization;
}

/** Returns whether a layer computes xW + b and nothing else: one that inherits from Dense and adds an activation does not. */
export function isDense(layer: Layer | undefined): layer is Dense {
  const { isAffine, weight } = (layer ?? {}) as Partial<Dense>;
  return isAffine === true && weight !== undefined;
}

/** Returns whether a batch norm works along the last axis of its input, as a Dense does. */
export function isOnLastAxis({ axis }: BatchNorm, rank: number): boolean {
  return (axis < 0 ? rank + axis : axis) === rank - 1;
}

/** Returns whether all values of a tensor are finite. */
export function isFiniteTensor({ data }: Tensor): boolean {
  return data.every((value) => Number.isFinite(value));
}

/** Returns the batch norms of a model by path. */
export function normsByPath(model: Layer): Map<string, BatchNorm> {
  const norms = new Map<string, BatchNorm>();
  for (const [path, layer] of layersByPath(model)) {
    const norm = batchNormOf(layer);
    if (norm !== undefined) norms.set(path, norm);
  }
  return norms;
}

/** Runs one forward pass and returns what it showed. */
export function observeLayers(model: Layer, input: Tensor, pass: Pass): Observation {
  const layers = new Map(layersByPath(model));
  const observed: ObservedLayer[] = [];
  const paths = new Set<string>();
  const { rowWeights } = pass;
  const add = (path: string, output: Tensor, entered: Tensor): void => {
    paths.add(path);
    const layer = layers.get(path);
    if (layer === undefined || layer.children !== undefined) return;
    observed.push({ path, layer, input: entered, output, rowWeights });
  };
  const { output } = model.forward(input, { ...pass, observe: add });
  add("", output, input);
  return { output, observed, paths };
}

/**
 * Returns the batch norms among the observed layers. A batch norm that was not reported did not run if its container reported
 * another of its children; a container that reports none of them is refused.
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
    throw new TypeError(complaint(who, expected, `nothing of ${show(path)}`, cure));
  }
  return found;
}

/** Whether a layer, or one inside it, was reported. */
function hasRun(path: string, paths: ReadonlySet<string>): boolean {
  return paths.has(path) || [...paths].some((other) => other.startsWith(`${path}.`));
}

/** Returns the innermost container around a layer that ran, if it reported none of its children. */
function silentContainer(path: string, paths: ReadonlySet<string>): string | undefined {
  let container = path;
  do container = container.slice(0, Math.max(0, container.lastIndexOf(".")));
  while (container !== "" && !hasRun(container, paths));
  const prefix = container === "" ? "" : `${container}.`;
  return [...paths].some((other) => other !== container && other.startsWith(prefix)) ? undefined : container;
}
