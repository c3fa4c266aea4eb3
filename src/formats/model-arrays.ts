/** What the state dicts of other frameworks share: a model's arrays layer by layer, and what may be loaded into them. */

import { complaint, expectBoolean, expectObject, ShapeError, show } from "../core/errors.js";
import { type DType, dtypeOf, type Floats } from "../core/dtype.js";
import { expectLayer } from "../layers/guards.js";
import { type Layer } from "../layers/contract.js";
import { parametersByPath, statisticsByPath } from "../layers/sequential.js";
import { printShape, sameShape, type Shape } from "../core/shape.js";
import { loadStateDict, type StateEntry } from "../model/state.js";
import type { StoredArray } from "./stored-array.js";

/** How `loadKeras` and `loadPyTorch` treat numbers. */
export interface LoadOptions {
  /** Whether float64 numbers may be rounded for a float32 model; false when not said. The other way is exact and needs no leave. */
  readonly cast?: boolean | undefined;
}

/** A parameter or running statistic of a model. */
export interface ModelArray {
  /** As in "1.gamma": its layer ("1." here), then its own name. */
  readonly path: string;
  readonly layer: string;
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The model's own memory. */
  readonly values: Floats;
}

/** The arrays of a model in the order of the forward pass: of each layer the parameters, then the statistics. */
export function arraysOf(who: string, model: Layer): ModelArray[] {
  expectLayer(who, model);
  const layers = new Map<string, ModelArray[]>();
  const visit = (part: Layer, prefix: string): void => {
    for (const [name, child] of part.children ?? []) visit(child, `${prefix}${name}.`);
    layers.set(prefix, []);
  };
  visit(model, "");
  const add = (path: string, shape: Shape, values: Floats): void => {
    const start = path.lastIndexOf(".") + 1;
    const [layer, name] = [path.slice(0, start), path.slice(start)];
    layers.get(layer)!.push({ path, layer, name, shape, dtype: dtypeOf(values), values });
  };
  for (const [path, { value }] of parametersByPath(model)) add(path, value.shape, value.data);
  for (const [path, { values }] of statisticsByPath(model)) add(path, [values.length], values);
  return [...layers.values()].flat();
}

/** The arrays by the names that another framework gives them. Two that would share a name cannot be told apart in a file. */
export function byName(
  who: string,
  arrays: readonly ModelArray[],
  nameOf: (array: ModelArray) => string,
): Map<string, ModelArray> {
  const named = new Map<string, ModelArray>();
  for (const array of arrays) {
    const name = nameOf(array);
    const other = named.get(name);
    if (other !== undefined) {
      const got = `${show(name)} for ${show(other.path)} and ${show(array.path)}`;
      throw new TypeError(complaint(who, "a name for each array of the model", got, "rename one of the parameters"));
    }
    named.set(name, array);
  }
  return named;
}

/** Floating-point numbers as a stored array; the memory is kept, not copied. */
export function storedFloats(shape: Shape, values: Floats): StoredArray {
  return values instanceof Float32Array ? { shape, dtype: "float32", values } : { shape, dtype: "float64", values };
}

/** Requires options as the loaders take them. */
export function expectLoadOptions(who: string, options: unknown): asserts options is LoadOptions {
  expectObject(who, "options", options);
  expectBoolean(who, "cast", (options as LoadOptions).cast ?? false);
}

/** The numbers of a stored array for an array of the model. `shape` is the one that the file must have. */
export function numbersFor(
  who: string,
  own: ModelArray,
  shape: Shape,
  stored: StoredArray,
  { cast = false }: LoadOptions,
): number[] {
  if (!sameShape(stored.shape, shape)) {
    throw new ShapeError(complaint(who, `shape ${printShape(shape)}`, printShape(stored.shape)));
  }
  if (stored.dtype !== "float32" && stored.dtype !== "float64") {
    throw new TypeError(complaint(who, "float32 or float64 numbers", stored.dtype));
  }
  if (own.dtype === "float32" && stored.dtype === "float64" && !cast) {
    const cure = 'say cast: true to round the numbers, or build the model with dtype: "float64"';
    throw new TypeError(complaint(who, "dtype float32", "float64", cure));
  }
  // Rounded here and not on writing: what is too large for float32 becomes infinite, and loadStateDict refuses it.
  return Array.from(stored.values, own.dtype === "float32" ? Math.fround : Number);
}

/** Loads numbers for each array of the model; all of loadStateDict's refusals hold, and then nothing has changed. */
export function loadNumbers(model: Layer, numbers: ReadonlyMap<ModelArray, readonly number[]>): void {
  const entries = [...numbers].map(([{ path, shape, dtype }, values]): [string, StateEntry] => [
    path,
    { shape, dtype, values },
  ]);
  loadStateDict(model, Object.fromEntries(entries));
}
