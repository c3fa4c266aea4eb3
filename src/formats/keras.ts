/** Keras's weights: names, order, and no count of batches. */

import { complaint, show } from "../core/errors.js";
import { allocate, dtypeOf, type Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { printShape, type Shape } from "../core/shape.js";
import type { Layer } from "../layers/contract.js";
import { countsBatches } from "../model/tree.js";
import {
  arraysOf,
  byName,
  expectAnyLoaded,
  fits,
  type LoadOptions,
  type LoadReport,
  type ModelArray,
  numbersFor,
  storedFloats,
} from "./model-arrays.js";
import { readStoredArrays, type StoredArrays } from "./stored-array.js";

const loadKerasRules = {
  cast: { kind: "boolean", default: false },
  partial: { kind: "boolean", default: false },
} as const satisfies OptionRules<LoadOptions>;

const KERAS_NAMES: ReadonlyMap<string, string> = new Map([
  ["weight", "kernel"],
  ["runningMean", "moving_mean"],
  ["runningVariance", "moving_variance"],
]);
/** The last words of the names of Keras's arrays. */
const KERAS_WORDS = new Set(["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]);

/**
 * The defaults of `BatchNormalization` in Keras and TensorFlow.js, as options for `BatchNorm`. Weight files do not contain them,
 * and without them the outputs of a loaded model are silently wrong. A `momentum` of m in Keras is 1 - m here.
 *
 * @example
 * const norm = new BatchNorm({ features: 8, ...kerasDefaults });
 * [norm.axis, norm.epsilon, norm.momentum, norm.varianceEstimator];   // => [-1, 0.001, 0.01, "biased"]
 */
export const kerasDefaults: {
  readonly axis: -1;
  readonly epsilon: 1e-3;
  readonly momentum: 0.01;
  readonly varianceEstimator: "biased";
} = { axis: -1, epsilon: 1e-3, momentum: 0.01, varianceEstimator: "biased" };

/**
 * Loads Keras's weights into a model of the same structure and returns a report.
 *
 *     Dense: kernel, bias      BatchNormalization: gamma, beta, moving_mean, moving_variance      LayerNormalization: gamma, beta
 *
 * The names determine where each array belongs:
 *
 * - **Names of `toKeras`**, as in "1/gamma": in any order. ":0" at the end and the name of the model in front are ignored
 * - **Names of Keras**, as in "sequential/dense_2/kernel": in the order of `model.get_weights()`, layer by layer, because Keras
 *   renumbers its layers in every session. Each name must end in the word expected at its place. An order that is only
 *   alphabetical is refused, and so are layers of the same shapes unless their names differ only in a number
 * - **Numbered names**, as in "arr_0" to "arr_9": by number, in the order of `model.get_weights()`
 *
 * All other names are refused, because the four arrays of a batch norm have the same length and would load in any order.
 *
 * - **Layout**: kernels of a Dense are [inputs, outputs], as here
 * - **Images**: channels are last in Keras and first here. Kernels of a Conv2d, [height, width, inputs, outputs] in Keras, and what
 *   follows a `Flatten` up to the next Dense are reordered. Pass images as [N, C, H, W], and `axis: 1` to a BatchNorm between
 *   convolutions
 * - **Counts**: Keras does not count batches, so loaded statistics count as one batch, which is enough for inference
 * - **Settings**: epsilon and momentum are not in the file; see `kerasDefaults`
 * - **Partial loading**: with `partial`, arrays that are missing or have another shape keep their values. The names are those of
 *   `toKeras`, or those of Keras if the file has as many layers of a kind as the model
 * - **Cost**: one copy of the values
 *
 * If it throws, the model is unchanged.
 *
 * @throws {TypeError} if the file has more or fewer arrays than the model, the names do not identify them, or the dtype is not the
 * model's, unless `partial` or `cast` allows it
 * @throws {ShapeError} if an array has another shape than in the model, unless `partial` allows it
 * @throws {RangeError} if a number is not finite or a variance is negative
 * @example
 * const norm = new BatchNorm({ features: 1, ...kerasDefaults, epsilon: 0 });
 * const weights = [2, 10, 3, 4].map((value, i): [string, StoredArray] => {
 *   return [`arr_${i}`, { shape: [1], dtype: "float32", values: Float32Array.of(value) }];
 * });
 * loadKeras(norm, new Map(weights));
 * norm.forward(Tensor.from([[5]]), { mode: "inference" }).output.data;   // => Float32Array [12]
 */
export function loadKeras(model: Layer, arrays: StoredArrays, options: LoadOptions = {}): LoadReport {
  const who = "loadKeras";
  const file = readStoredArrays(who, arrays);
  const { cast, partial } = readOptions(who, options, loadKerasRules);
  const all = arraysOf(who, model);
  const wanted = kerasArrays(who, all);
  const names = [...file.keys()];
  const places = partial ? placesOfSome(who, wanted, names) : placesOfAll(who, wanted, names);
  const placed = new Set(places.values());
  const report = {
    loaded: [] as string[],
    missing: [...wanted].filter(([, array]) => !places.has(array)).map(([name]) => name),
    mismatched: [] as string[],
    unused: names.filter((name) => !placed.has(name)),
  };
  const numbers = new Map<ModelArray, Floats>();
  for (const [array, name] of places) {
    const stored = file.get(name)!;
    const shape = kerasShape(array);
    if (partial && !fits(array, shape, stored)) {
      report.mismatched.push(name);
      continue;
    }
    const values = numbersFor(`${who}: ${show(name)} for ${show(array.path)}`, array, shape, stored, cast);
    numbers.set(array, permuted(values, array, "from Keras"));
    report.loaded.push(name);
  }
  if (partial) expectAnyLoaded(who, report.loaded, names);
  for (const count of all.filter(countsBatches)) {
    const isLoaded = ({ name, layers }: ModelArray): boolean =>
      name.startsWith("running") && layers[0] === count.layers[0];
    if ([...numbers.keys()].some(isLoaded)) numbers.set(count, Float64Array.of(1));
  }
  for (const [array, values] of numbers) array.write(values);
  return report;
}

/**
 * Returns the parameters and running statistics of a model in Keras's order and with Keras's words, as in "1/moving_mean".
 * `loadKeras` is the exact inverse, except for the counts of batches, which Keras does not have.
 *
 * Statistics are float64. Keras's `set_weights` rounds them to the dtype of its variables.
 *
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if two arrays of a layer would have the same name
 * @example
 * const norm = new BatchNorm({ features: 1 });
 * [...toKeras(norm).keys()];   // => ["gamma", "beta", "moving_mean", "moving_variance"]
 */
export function toKeras(model: Layer): StoredArrays {
  const named = kerasArrays("toKeras", arraysOf("toKeras", model));
  return new Map(
    [...named].map(([name, array]) => {
      return [name, storedFloats(kerasShape(array), permuted(array.values, array, "to Keras"))];
    }),
  );
}

/** Returns the arrays that Keras also has, by the names of `toKeras`. */
function kerasArrays(who: string, arrays: readonly ModelArray[]): Map<string, ModelArray> {
  const kept = arrays.filter((array) => !countsBatches(array));
  return byName(who, kept, (array) => [array.layers[0]!.replaceAll(".", "/") + kerasWord(array)]);
}

/** Returns the shape of an array in Keras: kernels of convolutions are [height, width, inputs, outputs]. */
function kerasShape({ shape, isConvolution }: ModelArray): Shape {
  if (!isConvolution) return shape;
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  return [height, width, inputs, outputs];
}

/** Returns a copy of the values of an array in the order of Keras, where channels are last, or in the order here. */
function permuted(values: Floats, array: ModelArray, direction: "from Keras" | "to Keras"): Floats {
  const result = allocate(dtypeOf(values), values.length);
  const placeInKeras = placeInKerasOf(array);
  for (let own = 0; own < values.length; own++) {
    const place = placeInKeras(own);
    if (direction === "from Keras") result[own] = values[place]!;
    else result[place] = values[own]!;
  }
  return result;
}

/** Returns the function from an index here to the index of the same value in Keras. */
function placeInKerasOf({ shape, isConvolution, flattenedChannels: channels }: ModelArray): (own: number) => number {
  if (isConvolution) {
    const [outputs, inputs, height, width] = shape as [number, number, number, number];
    const area = height * width;
    return (own) => {
      const [output, input, pixel] = [Math.floor(own / area / inputs), Math.floor(own / area) % inputs, own % area];
      return (pixel * inputs + input) * outputs + output;
    };
  }
  const rows = shape[0] ?? 1;
  if (channels === undefined || rows % channels !== 0) return (own) => own;
  const pixels = rows / channels;
  const columns = shape[1] ?? 1;
  return (own) => {
    const row = Math.floor(own / columns);
    return ((row % pixels) * channels + Math.floor(row / pixels)) * columns + (own % columns);
  };
}

function kerasWord({ name }: ModelArray): string {
  return KERAS_NAMES.get(name) ?? name;
}

/** The name in the file of each of the model's arrays. */
type Places = Map<ModelArray, string>;

/**
 * Matches arrays by the names of `toKeras`. Keras adds to them: version 2 writes "dense/kernel:0", and version 3 puts the name of
 * the model first.
 */
function placesByName(wanted: ReadonlyMap<string, ModelArray>, names: readonly string[]): Places {
  const bare = names.map(withoutMark);
  const [first] = /^[^/]*\//.exec(bare[0] ?? "") ?? [""];
  const inModel = bare.every((name) => name.startsWith(first)) ? bare.map((name) => name.slice(first.length)) : bare;
  let best: Places = new Map();
  for (const readings of [names, bare, inModel]) {
    const places: Places = new Map();
    for (const [index, reading] of readings.entries()) {
      const array = wanted.get(reading);
      if (array !== undefined) places.set(array, names[index]!);
    }
    if (places.size > best.size) best = places;
  }
  return new Map([...wanted.values()].filter((array) => best.has(array)).map((array) => [array, best.get(array)!]));
}

/** Matches all arrays: by the names of `toKeras`, by number, or in the order of `model.get_weights()` if the names confirm it. */
function placesOfAll(who: string, wanted: ReadonlyMap<string, ModelArray>, names: readonly string[]): Places {
  if (names.length !== wanted.size) {
    const cure = "build the model as it was when saved, with or without biases, gamma and beta";
    throw new TypeError(complaint(who, `the model's ${wanted.size} arrays`, `${names.length}`, cure));
  }
  const exact = placesByName(wanted, names);
  if (exact.size === wanted.size) return exact;
  const own = [...wanted.values()];
  const inOrder = (sorted: readonly string[]): Places => new Map(sorted.map((name, index) => [own[index]!, name]));
  const numbered = byNumber(names);
  if (numbered !== undefined) return inOrder(numbered);

  const words = new Set([...KERAS_WORDS, ...own.map(kerasWord)]);
  for (const [index, name] of names.entries()) {
    const expected = kerasWord(own[index]!);
    const word = lastWord(name);
    if (word === expected) continue;
    const cure = words.has(word)
      ? "save layer by layer, as model.get_weights() does in Python"
      : "use Keras's names, toKeras's, or arr_0, arr_1, ... in the order of model.get_weights()";
    throw new TypeError(
      complaint(who, `${expected} at index ${index}, for ${show(own[index]!.path)}`, show(name), cure),
    );
  }
  expectOwnOrder(who, names);
  const places = inOrder(names);
  expectDistinctLayers(who, places);
  return places;
}

/**
 * Requires one name per layer. Layers with the same words and shapes must have names that differ only in a number, because only
 * the order of the file would distinguish other names.
 */
function expectDistinctLayers(who: string, places: Places): void {
  const layers = new Map<string, { readonly name: string; arrays: string }>();
  for (const [array, name] of places) {
    const layer = array.layers[0]!;
    const known = layers.get(layer) ?? { name, arrays: "" };
    if (layerOf(known.name) !== layerOf(name)) {
      const expected = `one layer's name for the arrays of ${show(layer.slice(0, -1))}`;
      const cure = "build the model as it was when saved";
      throw new TypeError(complaint(who, expected, `${show(known.name)} and ${show(name)}`, cure));
    }
    known.arrays += `${kerasWord(array)} ${printShape(array.shape)} `;
    layers.set(layer, known);
  }
  const alike = new Map<string, string>();
  for (const { name, arrays } of layers.values()) {
    const other = alike.get(arrays);
    if (other === undefined) alike.set(arrays, layerOf(name));
    else
      expectNumbered(
        who,
        other,
        layerOf(name),
        "name the arrays arr_0, arr_1, ... if they are in the order of model.get_weights(), and otherwise as toKeras does",
      );
  }
}

/**
 * Matches the arrays that the file has by the names of `toKeras`, or else by those of Keras, which numbers the layers of each
 * kind. If file and model have different numbers of layers of a kind, it throws: the names do not show which ones are missing.
 */
function placesOfSome(who: string, wanted: ReadonlyMap<string, ModelArray>, names: readonly string[]): Places {
  const exact = placesByName(wanted, names);
  if (exact.size > 0) return exact;
  expectOwnOrder(who, names);
  const own = layersByKind([...wanted.values()], ({ layers }) => layers[0]!, kerasWord);
  const inFile = layersByKind(names, layerOf, lastWord);
  const places: Places = new Map();
  for (const [kind, layers] of own) {
    const others = inFile.get(kind) ?? [];
    const [first] = others;
    if (first === undefined) continue;
    const cure = `name the arrays as toKeras does, as in ${show([...wanted.keys()][0])}`;
    if (others.length !== layers.length) {
      const expected = `${layers.length} layers with ${kind} in the file, as in the model`;
      throw new TypeError(complaint(who, expected, `${others.length}`, cure));
    }
    for (const [index, other] of others.entries()) {
      expectNumbered(who, first.layer, other.layer, cure);
      const before = others[index - 1]?.layer;
      if (before !== undefined && isNumberedBelow(other.layer, before)) {
        const got = `${show(before)} before ${show(other.layer)}`;
        throw new TypeError(complaint(who, "layers in the order of their numbers", got, cure));
      }
      for (const [word, array] of layers[index]!.arrays) {
        const name = other.arrays.get(word);
        if (name !== undefined) places.set(array, name);
      }
    }
  }
  return places;
}

/** A layer and its arrays by the last words of their names. */
interface LayerArrays<Item> {
  readonly layer: string;
  readonly arrays: ReadonlyMap<string, Item>;
}

/** Groups arrays into layers, and layers by the word that identifies their kind. */
function layersByKind<Item>(
  items: readonly Item[],
  layerNameOf: (item: Item) => string,
  wordOf: (item: Item) => string,
): Map<string, LayerArrays<Item>[]> {
  const layers = new Map<string, Map<string, Item>>();
  for (const item of items) {
    const layer = layerNameOf(item);
    layers.set(layer, (layers.get(layer) ?? new Map<string, Item>()).set(wordOf(item), item));
  }
  const byKind = new Map<string, LayerArrays<Item>[]>();
  for (const [layer, arrays] of layers) {
    const kind =
      ["kernel", "moving_mean", "gamma", "beta"].find((word) => arrays.has(word)) ?? [...arrays.keys()].join();
    byKind.set(kind, [...(byKind.get(kind) ?? []), { layer, arrays }]);
  }
  return byKind;
}

/** Requires layer names that differ only in numbers, as in "dense" and "dense_1". */
function expectNumbered(who: string, name: string, other: string, cure: string): void {
  const withoutNumbers = (text: string): string => text.replace(/_?\d+/g, "");
  if (withoutNumbers(name) === withoutNumbers(other)) return;
  const expected = "layer names that differ only in a number, such as dense and dense_1";
  throw new TypeError(complaint(who, expected, `${show(name)} and ${show(other)}`, cure));
}

/** Returns whether the first of two layer names has the lower number. A name without a number, such as "dense", is the lowest. */
function isNumberedBelow(name: string, other: string): boolean {
  const [a, b] = [name, other].map((text) => Array.from(text.matchAll(/\d+/g), Number)) as [number[], number[]];
  const index = b.findIndex((number, i) => number !== (a[i] ?? -1));
  return index >= 0 && (a[index] ?? -1) < b[index]!;
}

/** Removes the suffix of Keras 2, as in "dense/kernel:0". */
function withoutMark(name: string): string {
  return name.replace(/:0$/, "");
}

/** Returns the layer's part of a name, or "" if it has none. */
function layerOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** Returns the last word of a name, which identifies the array. */
function lastWord(name: string): string {
  return withoutMark(name.slice(name.lastIndexOf("/") + 1));
}

/** Sorts names such as "arr_0", "arr_1", ... by number. Returns undefined for any other names, or if a number is missing. */
function byNumber(names: readonly string[]): readonly string[] | undefined {
  const sorted: string[] = [];
  const stems = new Set<string>();
  for (const name of names) {
    const [, stem, digits] = /^(.*?)(0|[1-9]\d*)$/s.exec(name) ?? [];
    if (stem === undefined || Number(digits) >= names.length || KERAS_WORDS.has(lastWord(name))) return undefined;
    stems.add(stem);
    sorted[Number(digits)] = name;
  }
  return stems.size === 1 && Object.keys(sorted).length === names.length ? sorted : undefined;
}

/** Throws if the names are in alphabetical order with "dense_10" before "dense_2", because the order of the layers is lost. */
function expectOwnOrder(who: string, names: readonly string[]): void {
  if (names.some((name, i) => i > 0 && name < names[i - 1]!)) return;
  for (let i = 1; i < names.length; i++) {
    const [before, after] = [names[i - 1]!, names[i]!];
    if (!isNumberedDown(before, after)) continue;
    const got = `${show(before)} before ${show(after)} in alphabetical order`;
    throw new TypeError(complaint(who, "arrays in the order of the layers", got, "save them with np.savez"));
  }
}

/** Returns whether two names first differ in a number that is larger in the first name. */
function isNumberedDown(before: string, after: string): boolean {
  const [a, b] = [before.split(/(\d+)/), after.split(/(\d+)/)];
  const index = a.findIndex((piece, i) => piece !== b[i]);
  return index % 2 === 1 && Number(a[index]) > Number(b[index]);
}
