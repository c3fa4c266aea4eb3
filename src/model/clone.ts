/** clone: a copy of a model that shares nothing with it. */

import { expectLayer } from "../layers/guards.js";
import type { Layer } from "../layers/contract.js";
import { isOwn, registerOwn } from "../layers/private-memory.js";

/**
 * Returns a copy of a model: its layers, parameters, running statistics, random streams and settings such as `freeze`. Training one
 * does not change the other. Layers that the model uses twice are also shared in the copy.
 *
 * Your own layers are copied property by property. That does not work for a class with `#private` fields, or for methods that were
 * created in the constructor and refer to the original: build such a model a second time and call `loadStateDict`.
 *
 * An optimizer keeps updating the parameters of the original. Create a new one for the copy.
 *
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if the model is not a layer
 * @example
 * const model = new Sequential([new BatchNorm({ features: 1 })]);
 * const copy = clone(model);
 * copy.forward(Tensor.from([[10], [20]]), { mode: "train" });
 * [model, copy].map(({ layers: [norm] }) => norm.runningMean.values[0]);   // => [0, 1.5]
 */
export function clone<Model extends Layer>(model: Model): Model {
  expectLayer("clone", model);
  return copyOf(model, new Map()) as Model;
}

/** Copies a value and everything in it. `copies` has those that were copied before. */
function copyOf(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const remember = <Copy extends object>(copy: Copy): Copy => {
    copies.set(value, copy);
    return copy;
  };
  if (ArrayBuffer.isView(value)) return remember((value as Float64Array).slice());
  if (value instanceof WeakMap) return remember(new WeakMap());
  if (value instanceof Map) {
    const copy = remember(new Map());
    for (const [key, item] of value) copy.set(copyOf(key, copies), copyOf(item, copies));
    return copy;
  }
  if (value instanceof Set) {
    const copy = remember(new Set());
    for (const item of value) copy.add(copyOf(item, copies));
    return copy;
  }
  const copy = remember(
    Array.isArray(value) ? new Array(value.length) : (Object.create(Object.getPrototypeOf(value) as object) as object),
  );
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    if ("value" in property) property.value = copyOf(property.value, copies);
    Object.defineProperty(copy, key, property);
  }
  if (Object.isFrozen(value)) Object.freeze(copy);
  if (isOwn(value as Layer)) registerOwn(copy as Layer);
  return copy;
}
