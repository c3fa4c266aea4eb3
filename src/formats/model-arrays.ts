/** What the state dicts of other frameworks share: a model's arrays layer by layer, and what may be loaded into them. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { type DType, dtypeOf, type Floats } from "../core/dtype.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer } from "../layers/contract.js";
import { layersByPath, parametersByPath, statisticsByPath } from "../model/tree.js";
import { printShape, sameShape, type Shape } from "../core/shape.js";
import { loadStateDict, type StateEntry } from "../model/state.js";
import type { StoredArray } from "./stored-array.js";

/** Options for `loadKeras`, and for `loadPyTorch`, which has more. */
export interface LoadOptions {
  /** Lets float64 numbers be rounded for a float32 model; the other way is exact and always allowed. Default: false. */
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
  for (const [path] of layersByPath(model)) layers.set(path === "" ? "" : `${path}.`, []);
  const add = (path: string, name: string, shape: Shape, values: Floats): void => {
    const layer = path.slice(0, path.length - name.length);
    layers.get(layer)!.push({ path, layer, name, shape, dtype: dtypeOf(values), values });
  };
  for (const [path, { name, value }] of parametersByPath(model)) add(path, name, value.shape, value.data);
  for (const [path, { name, values }] of statisticsByPath(model)) add(path, name, [values.length], values);
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
  return { shape, dtype: dtypeOf(values), values } as StoredArray;
}

/** The numbers of a stored array for an array of the model. `shape` is the one that the file must have. */
export function numbersFor(who: string, own: ModelArray, shape: Shape, stored: StoredArray, cast: boolean): number[] {
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
