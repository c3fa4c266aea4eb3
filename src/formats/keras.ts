/** Keras's weights: its order, its names, and no count of batches. */

import { complaint, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Layer } from "../layers/contract.js";
import {
  arraysOf,
  byName,
  loadNumbers,
  type LoadOptions,
  type ModelArray,
  numbersFor,
  storedFloats,
} from "./model-arrays.js";
import { expectStoredArrays, type StoredArrays } from "./stored-array.js";

const loadKerasRules = { cast: { kind: "boolean", default: false } } as const satisfies OptionRules<LoadOptions>;

const KERAS_NAMES: ReadonlyMap<string, string> = new Map([
  ["weight", "kernel"],
  ["runningMean", "moving_mean"],
  ["runningVariance", "moving_variance"],
]);
/** The words of Keras that are checked where a file has them; "arr_3" says nothing. */
const KERAS_WORDS = new Set(["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]);

/**
 * What Keras's and TensorFlow.js's `BatchNormalization` does unless told otherwise, in the options of `BatchNorm`. No file
 * of weights holds it, and a model that forgets it is silently wrong. A `momentum` m of Keras is 1 - m here.
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
 * Loads Keras's weights into a model of the same structure, by their order: that of `model.get_weights()`, layer by layer.
 *
 *     Dense: kernel, bias      BatchNormalization: gamma, beta, moving_mean, moving_variance      LayerNormalization: gamma, beta
 *
 * Names are free, since Keras numbers its layers anew in every session; but where one ends in one of these words, as in
 * "dense_2/kernel", it must be the word that is due. Kernels are [inputs, outputs], as here. Keras keeps no count of
 * batches: loaded statistics count as one batch, so that inference works. Epsilon and momentum are not in the file either:
 * see `kerasDefaults`.
 *
 * @throws {TypeError} if there are more or fewer arrays than the model has, a name says that they are in another order, or
 * the dtype is another than the model's, unless `cast` allows it
 * @throws {ShapeError} if an array has another shape than the model's
 * @throws {RangeError} if a number is not finite, or a variance is negative; whatever throws has changed nothing
 * @example
 * const norm = new BatchNorm({ features: 1, ...kerasDefaults, epsilon: 0 });
 * const weights = [2, 10, 3, 4].map((value, i): [string, StoredArray] => {
 *   return [`arr_${i}`, { shape: [1], dtype: "float32", values: Float32Array.of(value) }];
 * });
 * loadKeras(norm, new Map(weights));
 * norm.forward(Tensor.from([[5]]), { mode: "inference" }).output.data;   // => Float32Array [12]
 */
export function loadKeras(model: Layer, arrays: StoredArrays, options: LoadOptions = {}): void {
  const who = "loadKeras";
  expectStoredArrays(who, arrays);
  const { cast } = readOptions(who, options, loadKerasRules);
  const all = arraysOf(who, model);
  const wanted = all.filter(({ name }) => name !== "batchesTracked");
  if (arrays.size !== wanted.length) {
    const cure = "build the model as it was when saved, with or without biases, gamma and beta";
    throw new TypeError(complaint(who, `the model's ${wanted.length} arrays`, `${arrays.size}`, cure));
  }
  const numbers = new Map<ModelArray, readonly number[]>();
  for (const [index, [name, stored]] of [...arrays].entries()) {
    const own = wanted[index]!;
    const due = kerasName(own);
    // "dense/kernel:0" is how Keras 2 writes it
    const word = name.slice(name.lastIndexOf("/") + 1).replace(/:0$/, "");
    if (KERAS_WORDS.has(word) && word !== due) {
      const cure = "save layer by layer, as model.get_weights() does in Python";
      throw new TypeError(complaint(who, `${due} at place ${index}, for ${show(own.path)}`, show(name), cure));
    }
    numbers.set(own, numbersFor(`${who}: ${show(name)} for ${show(own.path)}`, own, own.shape, stored, cast));
  }
  for (const own of all) if (own.name === "batchesTracked") numbers.set(own, [1]);
  loadNumbers(model, numbers);
}

/**
 * A model's parameters and running statistics in Keras's order and with its names, as in "1/moving_mean"; `loadKeras` is
 * its inverse, exact but for the counts of batches, which Keras does not keep.
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
  const own = arraysOf("toKeras", model).filter(({ name }) => name !== "batchesTracked");
  const named = byName("toKeras", own, (array) => array.layer.replaceAll(".", "/") + kerasName(array));
  return new Map([...named].map(([name, { shape, values }]) => [name, storedFloats(shape, values.slice())]));
}

function kerasName({ name }: ModelArray): string {
  return KERAS_NAMES.get(name) ?? name;
}
