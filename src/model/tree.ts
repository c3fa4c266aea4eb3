/** The tree of a model: its layers by path, with the parameters and running statistics of each layer. */

import { complaint } from "../core/errors.js";
import type { Random } from "../core/random.js";
import type { Layer } from "../layers/contract.js";
import { expectLayer } from "../layers/guards.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";

/**
 * Lists every layer of a model with its path, children before their container. The path of the model is "". A layer that is used
 * twice is listed twice.
 */
export function layersByPath(model: Layer, path = ""): (readonly [path: string, layer: Layer])[] {
  const prefix = path === "" ? "" : `${path}.`;
  const inside = [...(model.children ?? [])].flatMap(([name, child]) => layersByPath(child, prefix + name));
  return [...inside, [path, model]];
}

/** Returns the parameters of a model by path, in the order of the forward pass. A shared parameter has its first path. */
export function parametersByPath(model: Layer): Map<string, Parameter> {
  return ownedByPath("parametersByPath", model, (layer) => layer.parameters);
}

/** Returns the running statistics of a model by path, in the order of the forward pass. */
export function statisticsByPath(model: Layer): Map<string, RunningStatistic> {
  return ownedByPath("statisticsByPath", model, (layer) => layer.statistics);
}

/** Requires a valid number for a parameter or statistic: at least `least`, and an integer if it is a count of batches. */
export function expectInRange(
  who: string,
  value: number,
  index: number,
  { least, isCount }: { readonly least: number; readonly isCount: boolean },
): void {
  const got = `${value} at index ${index}`;
  if (isCount && !(Number.isSafeInteger(value) && value >= 0)) {
    throw new RangeError(complaint(who, "a whole number of at least 0, below 2^53", got));
  }
  if (value < least) throw new RangeError(complaint(who, `numbers >= ${least}`, got));
}

/** Returns whether a running statistic is a count of batches. */
export function countsBatches({ name }: { readonly name: string }): boolean {
  return name === "batchesTracked";
}

/** Returns the random streams of a model's layers by path. A shared stream has its first path. */
export function streamsByPath(model: Layer): Map<string, Random> {
  const found = new Map<string, Random>();
  const seen = new Set<Random>();
  for (const [path, layer] of layersByPath(model)) {
    for (const [name, stream] of layer.streams ?? []) {
      if (seen.has(stream)) continue;
      seen.add(stream);
      found.set(path === "" ? name : `${path}.${name}`, stream);
    }
  }
  return found;
}

function ownedByPath<T extends { readonly name: string }>(
  who: string,
  model: Layer,
  itemsOf: (layer: Layer) => readonly T[],
): Map<string, T> {
  expectLayer(who, model);
  const found = new Map<string, T>();
  const seen = new Set<T>();
  for (const [layerPath, layer] of layersByPath(model)) {
    // Children come first, so the items left over belong to the container itself.
    for (const item of itemsOf(layer)) {
      if (seen.has(item)) continue;
      seen.add(item);
      const path = layerPath === "" ? item.name : `${layerPath}.${item.name}`;
      if (found.has(path)) {
        const cure = "name the layers inside that layer in its `children`";
        throw new TypeError(
          complaint(who, "a unique path for every parameter and statistic", `two of "${path}"`, cure),
        );
      }
      found.set(path, item);
    }
  }
  return found;
}
