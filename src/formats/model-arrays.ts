/** What the weights of other frameworks have in common: a model's arrays layer by layer, and how stored ones are loaded. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { allocate, type DType, dtypeOf, type Floats } from "../core/dtype.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import type { Layer } from "../layers/contract.js";
import type { Dense } from "../layers/dense.js";
import type { LayerNorm } from "../layers/group-norm.js";
import { expectLayer } from "../layers/guards.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";
import { layersByPath, parametersByPath, statisticsByPath } from "../model/tree.js";
import type { StoredArray } from "./stored-array.js";

/** Options for `loadKeras`, and for `loadPyTorch`, which has more. */
export interface LoadOptions {
  /** Round float64 numbers for a float32 model; the reverse is exact and always allowed. Default: false. */
  readonly cast?: boolean | undefined;
  /**
   * Load the arrays whose names and shapes fit the model and leave the others, as in transfer learning with a new last layer.
   * The report lists both. Default: false, which throws unless everything fits.
   */
  readonly partial?: boolean | undefined;
}

/** The report of `loadPyTorch` and `loadKeras`. All lists but `loaded` are empty unless `partial` or `prefix` is used. */
export interface LoadReport {
  /** Names of the arrays of the file that were loaded. */
  readonly loaded: readonly string[];
  /** Names, as the file would have them, of the model's arrays that are not in the file and kept their values. */
  readonly missing: readonly string[];
  /** Names of arrays that have another shape in the file than in the model, where they kept their values. */
  readonly mismatched: readonly string[];
  /** Names of the arrays of the file that the model has no place for. */
  readonly unused: readonly string[];
}

/** A parameter or running statistic of a model. */
export interface ModelArray {
  /** As in "1.gamma": its layer ("1." here), then its own name. */
  readonly path: string;
  /** The layers that use it, as in "1.", in the order of the forward pass; more than one if they share it. */
  readonly layers: readonly string[];
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The model's own memory. */
  readonly values: Floats;
  /** The smallest value that makes sense. */
  readonly least: number;
  /** Whether it is the matrix of a `Dense`, [inputs, outputs]. */
  readonly isMatrix: boolean;
  /** Whether it belongs to a `LayerNorm`, whose features may be several axes elsewhere. */
  readonly isOfLayerNorm: boolean;
  write(values: Floats): void;
}

/** Lists the arrays of a model in the order of the forward pass: of each layer the parameters, then the statistics. */
export function arraysOf(who: string, model: Layer): ModelArray[] {
  expectLayer(who, model);
  // Both refuse a model in which two arrays have the same path.
  parametersByPath(model);
  statisticsByPath(model);
  const found = new Map<Parameter | RunningStatistic, ModelArray & { readonly layers: string[] }>();
  for (const [layerPath, layer] of layersByPath(model)) {
    const prefix = layerPath === "" ? "" : `${layerPath}.`;
    const children = [...(layer.children ?? [])];
    const inside = new Set<unknown>(children.flatMap(([, child]) => [...child.parameters, ...child.statistics]));
    for (const item of [...layer.parameters, ...layer.statistics]) {
      if (inside.has(item)) continue;
      const known = found.get(item);
      if (known === undefined)
        found.set(item, { ...describe(layer, item), path: prefix + item.name, layers: [prefix] });
      else if (!known.layers.includes(prefix)) known.layers.push(prefix);
    }
  }
  return [...found.values()];
}

function describe(layer: Layer, item: Parameter | RunningStatistic): Omit<ModelArray, "path" | "layers"> {
  const { name } = item;
  if (!("value" in item)) {
    const { values, least } = item;
    const write = (stored: Floats): void => values.set(stored);
    const shape = [values.length];
    return { name, shape, dtype: "float64", values, least, isMatrix: false, isOfLayerNorm: false, write };
  }
  const { shape, dtype, data: values } = item.value;
  // Only layers that compute xW + b say whether they do: Dense, and classes that inherit from it. An embedding does not.
  const { isAffine, weight } = layer as Partial<Dense>;
  const isMatrix = typeof isAffine === "boolean" && weight?.name === name && shape.length === 2;
  const { features, gamma, beta, groups, momentum } = layer as Partial<LayerNorm> & {
    groups?: number;
    momentum?: number;
  };
  const isOfLayerNorm =
    features !== undefined &&
    groups === undefined &&
    momentum === undefined &&
    (gamma?.name === name || beta?.name === name);
  const write = (stored: Floats): void => item.update((own) => own.set(stored));
  return { name, shape, dtype, values, least: -Infinity, isMatrix, isOfLayerNorm, write };
}

/** Returns the arrays by the names that another framework gives them. Refuses two arrays with the same name. */
export function byName(
  who: string,
  arrays: readonly ModelArray[],
  namesOf: (array: ModelArray) => readonly string[],
): Map<string, ModelArray> {
  const named = new Map<string, ModelArray>();
  for (const array of arrays) {
    for (const name of namesOf(array)) {
      const other = named.get(name);
      if (other !== undefined) {
        const got = `${show(name)} for ${show(other.path)} and ${show(array.path)}`;
        throw new TypeError(complaint(who, "a name for each array of the model", got, "rename one of the parameters"));
      }
      named.set(name, array);
    }
  }
  return named;
}

/** Returns floating-point numbers as a stored array; the memory is kept, not copied. */
export function storedFloats(shape: Shape, values: Floats): StoredArray {
  return { shape, dtype: dtypeOf(values), values } as StoredArray;
}

/** Whether a stored array can be loaded in place of one of shape `shape`, which is the model's or its transpose. */
export function fits(own: ModelArray, shape: Shape, stored: StoredArray): boolean {
  // gamma and beta over several axes, as in PyTorch's normalized_shape, are those of the flattened features.
  return (
    sameShape(stored.shape, shape) ||
    (own.isOfLayerNorm && stored.shape.length > 1 && sizeOf(stored.shape) === sizeOf(shape))
  );
}

/** Returns a copy of the numbers of a stored array in the dtype of the model's. `shape` is the one that the file must have. */
export function numbersFor(who: string, own: ModelArray, shape: Shape, stored: StoredArray, cast: boolean): Floats {
  if (!fits(own, shape, stored)) {
    throw new ShapeError(
      complaint(who, `shape ${printShape(shape)}`, printShape(stored.shape), shapeCure(own, shape, stored.shape)),
    );
  }
  if (stored.dtype !== "float32" && stored.dtype !== "float64") {
    throw new TypeError(complaint(who, "float32 or float64 numbers", stored.dtype));
  }
  if (own.dtype === "float32" && stored.dtype === "float64" && !cast) {
    const cure = 'pass cast: true to round the numbers, or build the model with dtype: "float64"';
    throw new TypeError(complaint(who, "dtype float32", "float64", cure));
  }
  if (own.values.length !== sizeOf(own.shape)) {
    const expected = `memory of ${sizeOf(own.shape)} values in the model`;
    throw new ShapeError(
      complaint(who, expected, `${own.values.length}`, "its buffer was transferred: build the model anew"),
    );
  }
  const { values } = stored;
  const numbers = allocate(own.dtype, values.length);
  numbers.set(values);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (!Number.isFinite(number)) {
      const isTooLarge = Number.isFinite(values[i]!);
      const expected = isTooLarge ? "numbers that float32 can hold" : "finite numbers";
      throw new RangeError(complaint(who, expected, `${values[i]!} at index ${i}`));
    }
    if (number < own.least) {
      throw new RangeError(complaint(who, `no number below ${own.least}`, `${number} at index ${i}`));
    }
  }
  return numbers;
}

function shapeCure(own: ModelArray, shape: Shape, stored: Shape): string | undefined {
  if (own.isOfLayerNorm && stored.length > 1) {
    const flat = sizeOf(stored);
    return `flatten the ${stored.length} axes before the layer and build it with features: ${flat}`;
  }
  if (own.shape.length === 2 && sameShape([...stored].reverse(), shape)) {
    return own.isMatrix
      ? "the weight is transposed"
      : "the weight is transposed: a layer whose weight is [inputs, outputs] says so by isAffine: true";
  }
  return undefined;
}

/** Requires that a partial load has found anything: a prefix or names that fit nothing are a mistake. */
export function expectAnyLoaded(who: string, loaded: readonly string[], names: readonly string[]): void {
  if (loaded.length > 0) return;
  const got = names.length === 0 ? "no array" : `none of them, but ${names.slice(0, 8).map(show).join(", ")}`;
  throw new TypeError(complaint(who, "at least one of the model's arrays", got, "check the names and the prefix"));
}
