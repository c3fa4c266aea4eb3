/** Model arrays: the arrays of a model, layer by layer, and how stored arrays are loaded into them. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { allocate, type DType, dtypeOf, type Floats } from "../core/dtype.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import type { Layer } from "../layers/contract.js";
import type { Conv2d } from "../layers/conv2d.js";
import type { Dense } from "../layers/dense.js";
import type { Flatten } from "../layers/flatten.js";
import type { LayerNorm } from "../layers/group-norm.js";
import { expectLayer } from "../layers/guards.js";
import type { Parameter, RunningStatistic } from "../layers/parameter.js";
import { layersByPath, parametersByPath, statisticsByPath } from "../model/tree.js";
import type { StoredArray } from "./stored-array.js";

/** Options for `loadKeras`. `loadPyTorch` has one more. */
export interface LoadOptions {
  /** Round float64 numbers for a float32 model. The reverse is exact and always allowed. Default: false. */
  readonly cast?: boolean | undefined;
  /**
   * Load only the arrays that match the model in name and shape, as in transfer learning with a new last layer. The report lists
   * which were loaded. Default: false, which throws unless all arrays match.
   */
  readonly partial?: boolean | undefined;
}

/** The report of `loadPyTorch` and `loadKeras`. All lists except `loaded` are empty without `partial` and `prefix`. */
export interface LoadReport {
  /** Names of the arrays in the file that were loaded. */
  readonly loaded: readonly string[];
  /** Names of the model's arrays that are missing from the file, as the file would name them. They kept their values. */
  readonly missing: readonly string[];
  /** Names of arrays with different shapes in the file and in the model. The model's arrays kept their values. */
  readonly mismatched: readonly string[];
  /** Names of the arrays in the file that the model does not have. */
  readonly unused: readonly string[];
}

/** A parameter or running statistic of a model. */
export interface ModelArray {
  /** The path of its layer and its own name, as in "1.gamma". */
  readonly path: string;
  /** The paths of the layers that use it, as in "1.", in the order of the forward pass; several if they share it. */
  readonly layers: readonly string[];
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The model's own array, not a copy. */
  readonly values: Floats;
  /** The smallest valid value. */
  readonly least: number;
  /** Whether it is the weight [inputs, outputs] of a `Dense`. */
  readonly isMatrix: boolean;
  /** Whether it is the weight [outputs, inputs, height, width] of a `Conv2d`. */
  readonly isConvolution: boolean;
  /** If its first axis counts the values of flattened images: the channels, which come before the pixels here. */
  readonly flattenedChannels: number | undefined;
  /** Whether it belongs to a `LayerNorm`, which has several feature axes in other frameworks. */
  readonly isOfLayerNorm: boolean;
  write(values: Floats): void;
}

/** Lists the arrays of a model in the order of the forward pass. Within a layer, parameters precede statistics. */
export function arraysOf(who: string, model: Layer): ModelArray[] {
  expectLayer(who, model);
  // Both throw if two arrays of the model have the same path.
  parametersByPath(model);
  statisticsByPath(model);
  const found = new Map<Parameter | RunningStatistic, ModelArray & { readonly layers: string[] }>();
  let channels: number | undefined; // of the last Conv2d before
  let flattened: number | undefined;
  for (const [layerPath, layer] of layersByPath(model)) {
    const { isConvolution, isFlattening, isAffine, outputs } = layer as Partial<Conv2d & Flatten & Dense>;
    if (isConvolution !== undefined) [channels, flattened] = [outputs, undefined];
    if (isFlattening !== undefined) flattened = channels;
    const prefix = layerPath === "" ? "" : `${layerPath}.`;
    const children = [...(layer.children ?? [])];
    const inside = new Set<unknown>(children.flatMap(([, child]) => [...child.parameters, ...child.statistics]));
    for (const item of [...layer.parameters, ...layer.statistics]) {
      if (inside.has(item)) continue;
      const known = found.get(item);
      if (known === undefined)
        found.set(item, { ...describe(layer, item, flattened), path: prefix + item.name, layers: [prefix] });
      else if (!known.layers.includes(prefix)) known.layers.push(prefix);
    }
    if (isAffine !== undefined) [channels, flattened] = [undefined, undefined];
  }
  return [...found.values()];
}

function describe(
  layer: Layer,
  item: Parameter | RunningStatistic,
  flattened: number | undefined,
): Omit<ModelArray, "path" | "layers"> {
  const { name } = item;
  const flattenedChannels = name === "bias" ? undefined : flattened; // a bias counts outputs
  if (!("value" in item)) {
    const { values, least } = item;
    const write = (stored: Floats): void => values.set(stored);
    const shape = [values.length];
    return {
      name,
      shape,
      dtype: "float64",
      values,
      least,
      isMatrix: false,
      isConvolution: false,
      flattenedChannels,
      isOfLayerNorm: false,
      write,
    };
  }
  const { shape, dtype, data: values } = item.value;
  // Only Dense and its subclasses, which compute xW + b, have `isAffine`. An embedding does not.
  const { isAffine, weight } = layer as Partial<Dense>;
  const isMatrix = typeof isAffine === "boolean" && weight?.name === name && shape.length === 2;
  const isConvolution =
    typeof (layer as Partial<Conv2d>).isConvolution === "boolean" && weight?.name === name && shape.length === 4;
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
  return {
    name,
    shape,
    dtype,
    values,
    least: -Infinity,
    isMatrix,
    isConvolution,
    flattenedChannels,
    isOfLayerNorm,
    write,
  };
}

/** Returns the arrays by their names in another framework. Throws if two arrays have the same name. */
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
        throw new TypeError(
          complaint(who, "unique names for the arrays of the model", got, "rename one of the parameters"),
        );
      }
      named.set(name, array);
    }
  }
  return named;
}

/** Wraps floating-point numbers as a stored array, without a copy. */
export function storedFloats(shape: Shape, values: Floats): StoredArray {
  return { shape, dtype: dtypeOf(values), values } as StoredArray;
}

/** Returns whether a stored array can be loaded where `shape` (the model's or its transpose) is expected. */
export function fits(own: ModelArray, shape: Shape, stored: StoredArray): boolean {
  // gamma and beta over several axes, as in PyTorch's normalized_shape, are loaded for the flattened features.
  return (
    sameShape(stored.shape, shape) ||
    (own.isOfLayerNorm && stored.shape.length > 1 && sizeOf(stored.shape) === sizeOf(shape))
  );
}

/** Returns a copy of the numbers of a stored array in the dtype of the model's array. `shape` is the expected shape in the file. */
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
    const expected = `the model's array to have ${sizeOf(own.shape)} values`;
    throw new ShapeError(
      complaint(who, expected, `${own.values.length}`, "its buffer was transferred, so build a new model"),
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
      throw new RangeError(complaint(who, `numbers >= ${own.least}`, `${number} at index ${i}`));
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
      : "the weight is transposed; set isAffine: true on a layer with a weight of shape [inputs, outputs]";
  }
  return undefined;
}

/** Requires that a partial load has loaded at least one array. Otherwise the prefix or the names are wrong. */
export function expectAnyLoaded(
  who: string,
  loaded: readonly string[],
  names: readonly string[],
  cure = "check the names and the prefix",
): void {
  if (loaded.length > 0) return;
  const got = names.length === 0 ? "no array" : `only ${names.slice(0, 8).map(show).join(", ")}`;
  throw new TypeError(complaint(who, "at least one of the model's arrays", got, cure));
}
