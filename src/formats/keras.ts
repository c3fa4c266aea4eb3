/** Keras's weights: its names, its order, and no count of batches. */

import { complaint, show } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
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
import { readStoredArrays, type StoredArray, type StoredArrays } from "./stored-array.js";

const loadKerasRules = {
  cast: { kind: "boolean", default: false },
  partial: { kind: "boolean", default: false },
} as const satisfies OptionRules<LoadOptions>;

const KERAS_NAMES: ReadonlyMap<string, string> = new Map([
  ["weight", "kernel"],
  ["runningMean", "moving_mean"],
  ["runningVariance", "moving_variance"],
]);
/** The words that end the names of Keras's arrays. */
const KERAS_WORDS = new Set(["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]);

/**
 * The defaults of `BatchNormalization` in Keras and TensorFlow.js, as options of `BatchNorm`. No file of weights holds them,
 * and a model built without them is silently wrong. A `momentum` of m in Keras is 1 - m here.
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
 * The names decide where the arrays belong:
 *
 * - **`toKeras`'s names**, as in "1/gamma": in any order
 * - **Keras's names**, as in "sequential/dense_2/kernel": in the order of `model.get_weights()`, layer by layer, since Keras
 *   numbers its layers anew in every session. Each name must end in the word that is expected at its place, and an order that
 *   is only the alphabet's is refused
 * - **Numbered names**, as in "arr_0" to "arr_9": by number, in the order of `model.get_weights()`
 *
 * All other names are refused: four arrays of the same length load into a batch norm in any order. Kernels are
 * [inputs, outputs], as here. Keras does not count batches: loaded statistics count as one batch, so that inference works.
 * Epsilon and momentum are not in the file either: see `kerasDefaults`.
 *
 * - **Partial loading**: `partial` needs `toKeras`'s names; what is missing or has another shape keeps its values
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if there are more or fewer arrays than the model has, the names do not say where they belong, or the
 * dtype is not the model's, unless `partial` or `cast` allow it
 * @throws {ShapeError} if an array has another shape than the model's, unless `partial` allows it
 * @throws {RangeError} if a number is not finite, or a variance is negative. If anything throws, the model is unchanged
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
  const places = partial ? placesByName(wanted, file) : placesOfAll(who, wanted, file);
  const report = {
    loaded: [] as string[],
    missing: [...wanted].filter(([, array]) => !places.has(array)).map(([name]) => name),
    mismatched: [] as string[],
    unused: partial ? [...file.keys()].filter((name) => !wanted.has(name)) : [],
  };
  const numbers = new Map<ModelArray, Floats>();
  for (const [array, name] of places) {
    const stored = file.get(name)!;
    if (partial && !fits(array, array.shape, stored)) {
      report.mismatched.push(name);
      continue;
    }
    numbers.set(array, numbersFor(`${who}: ${show(name)} for ${show(array.path)}`, array, array.shape, stored, cast));
    report.loaded.push(name);
  }
  if (partial) expectAnyLoaded(who, report.loaded, [...file.keys()]);
  for (const count of all.filter(countsBatches)) {
    const isLoaded = ({ name, layers }: ModelArray): boolean =>
      name.startsWith("running") && layers[0] === count.layers[0];
    if ([...numbers.keys()].some(isLoaded)) numbers.set(count, Float64Array.of(1));
  }
  for (const [array, values] of numbers) array.write(values);
  return report;
}

/**
 * Returns a model's parameters and running statistics in Keras's order and with its names, as in "1/moving_mean"; `loadKeras`
 * is its inverse, exact but for the counts of batches, which Keras does not keep.
 *
 * Statistics are float64, as they are here; Keras's `set_weights` rounds to its variables' dtype.
 *
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if two arrays of a layer would get the same name
 * @example
 * const norm = new BatchNorm({ features: 1 });
 * [...toKeras(norm).keys()];   // => ["gamma", "beta", "moving_mean", "moving_variance"]
 */
export function toKeras(model: Layer): StoredArrays {
  const named = kerasArrays("toKeras", arraysOf("toKeras", model));
  return new Map([...named].map(([name, { shape, values }]) => [name, storedFloats(shape, values.slice())]));
}

/** Returns the arrays that Keras has too, by `toKeras`'s names. */
function kerasArrays(who: string, arrays: readonly ModelArray[]): Map<string, ModelArray> {
  const kept = arrays.filter((array) => !countsBatches(array));
  return byName(who, kept, (array) => [array.layers[0]!.replaceAll(".", "/") + kerasWord(array)]);
}

function kerasWord({ name }: ModelArray): string {
  return KERAS_NAMES.get(name) ?? name;
}

type Places = Map<ModelArray, string>;

function placesByName(wanted: ReadonlyMap<string, ModelArray>, file: ReadonlyMap<string, StoredArray>): Places {
  const places: Places = new Map();
  for (const [name, array] of wanted) if (file.has(name)) places.set(array, name);
  return places;
}

/** Returns the name in the file of each of the model's arrays. */
function placesOfAll(
  who: string,
  wanted: ReadonlyMap<string, ModelArray>,
  file: ReadonlyMap<string, StoredArray>,
): Places {
  if (file.size !== wanted.size) {
    const cure = "build the model as it was when saved, with or without biases, gamma and beta";
    throw new TypeError(complaint(who, `the model's ${wanted.size} arrays`, `${file.size}`, cure));
  }
  const exact = placesByName(wanted, file);
  if (exact.size === wanted.size) return exact;
  const own = [...wanted.values()];
  const inOrder = (names: readonly string[]): Places => new Map(names.map((name, index) => [own[index]!, name]));
  const numbered = byNumber([...file.keys()]);
  if (numbered !== undefined) return inOrder(numbered);

  const names = [...file.keys()];
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
  return inOrder(names);
}

/** Returns the part of a name that says what the array is; Keras 2 writes "dense/kernel:0". */
function lastWord(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).replace(/:0$/, "");
}

/** Returns names such as "arr_0", "arr_1", ... by number; undefined unless they are just that, each number once. */
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

/** Refuses names in alphabetical order if that puts "dense_10" before "dense_2": the order of the layers is lost. */
function expectOwnOrder(who: string, names: readonly string[]): void {
  if (names.some((name, i) => i > 0 && name < names[i - 1]!)) return;
  for (let i = 1; i < names.length; i++) {
    const [before, after] = [names[i - 1]!, names[i]!];
    if (!isNumberedDown(before, after)) continue;
    const got = `${show(before)} before ${show(after)}, as in the alphabet`;
    throw new TypeError(complaint(who, "arrays in the order of the layers", got, "save them with np.savez"));
  }
}

/** Whether two names first differ in a number, which is larger in the first. */
function isNumberedDown(before: string, after: string): boolean {
  const [a, b] = [before.split(/(\d+)/), after.split(/(\d+)/)];
  const index = a.findIndex((piece, i) => piece !== b[i]);
  return index % 2 === 1 && Number(a[index]) > Number(b[index]);
}
