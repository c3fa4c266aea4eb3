/** Observations: what enters and leaves each layer of a model in one pass, and which of the layers are batch norms. */

import { complaint, show } from "../core/errors.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import type { Dense } from "../layers/dense.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer, Pass } from "../layers/contract.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import { layersByPath } from "./tree.js";

/** What went into a layer and what came out, at one place of a model. */
export interface ObservedLayer {
  /** As in "2.0"; "" for the model itself. */
  readonly path: string;
  readonly layer: Layer;
  readonly input: Tensor;
  readonly output: Tensor;
}

/** What went into a batch norm and what came out. */
export interface ObservedNorm extends ObservedLayer {
  /** The layer itself, or the batch norm that it is built around. */
  readonly norm: BatchNorm;
}

/** Requires the model and the input that every tool takes. */
export function expectModel(who: string, model: unknown, input: unknown): void {
  expectLayer(who, model);
  expectTensor(who, "the input", input);
}

/**
 * Returns the batch norm that a layer is, or that it is built around and owns nothing beside (GhostBatchNorm, BatchRenorm).
 * It asks for what the layer has, not for its class: the ESM and the CJS build have one each.
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

/** Tells whether a batch norm normalizes differently in training and in inference. */
export function normalizesByMode(norm: BatchNorm): boolean {
  return norm.trackRunningStatistics && !norm.frozen.normalization;
}

/** Tells whether a layer computes xW + b and nothing else: one that inherits from Dense and adds an activation does not. */
export function isDense(layer: Layer | undefined): layer is Dense {
  const { isAffine, weight } = (layer ?? {}) as Partial<Dense>;
  return isAffine === true && weight !== undefined;
}

/** Tells whether a batch norm works along the last axis of its input, as a Dense does. */
export function isOnLastAxis({ axis }: BatchNorm, rank: number): boolean {
  return (axis < 0 ? rank + axis : axis) === rank - 1;
}

/** Tells whether all values of a tensor are finite. */
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

/** Runs one forward pass and returns, with its output, every layer at work that is not a container, in the order of the work. */
export function observeLayers(model: Layer, input: Tensor, pass: Pass): { output: Tensor; observed: ObservedLayer[] } {
  const layers = new Map(layersByPath(model));
  const observed: ObservedLayer[] = [];
  const add = (path: string, output: Tensor, entered: Tensor): void => {
    const layer = layers.get(path);
    if (layer !== undefined && layer.children === undefined) observed.push({ path, layer, input: entered, output });
  };
  const { output } = model.forward(input, { ...pass, observe: add });
  add("", output, input);
  return { output, observed };
}

/** Returns the batch norms among the observed layers; requires that all of the model's were seen. */
export function observedNorms(who: string, model: Layer, observed: readonly ObservedLayer[]): ObservedNorm[] {
  const found = observed.flatMap((observation): ObservedNorm[] => {
    const norm = batchNormOf(observation.layer);
    return norm === undefined ? [] : [{ ...observation, norm }];
  });
  const seen = new Set(found.map(({ path }) => path));
  for (const path of normsByPath(model).keys()) {
    if (seen.has(path)) continue;
    const cure = "a container calls pass.observe(path, output, input) for each of its layers";
    throw new TypeError(complaint(who, "to be told of every batch norm", `nothing of ${show(path)}`, cure));
  }
  return found;
}
