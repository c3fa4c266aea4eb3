/** PyTorch's state dicts: its names, its [outputs, inputs] weights, its count of batches. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Floats } from "../core/dtype.js";
import type { Layer } from "../layers/contract.js";
import { printShape, type Shape } from "../core/shape.js";
import {
  arraysOf,
  byName,
  loadNumbers,
  type LoadOptions,
  type ModelArray,
  numbersFor,
  storedFloats,
} from "./model-arrays.js";
import { expectStoredArrays, type StoredArray, type StoredArrays } from "./stored-array.js";

const PYTORCH_NAMES: ReadonlyMap<string, string> = new Map([
  ["gamma", "weight"],
  ["beta", "bias"],
  ["runningMean", "running_mean"],
  ["runningVariance", "running_var"],
  ["batchesTracked", "num_batches_tracked"],
]);

/** Options for `loadPyTorch`. */
export interface LoadPyTorchOptions extends LoadOptions {
  /** The start of every name, as in "module." or "encoder."; arrays of other names are skipped. Default: "". */
  readonly prefix?: string | undefined;
}

const loadPyTorchRules = {
  cast: { kind: "boolean", default: false },
  prefix: { kind: "any", default: "" },
} as const satisfies OptionRules<LoadPyTorchOptions>;

/**
 * Loads a PyTorch state dict into a model of the same structure.
 *
 *     "0.weight" [outputs, inputs] -> 0.weight [inputs, outputs]      "1.weight" -> 1.gamma      "1.bias" -> 1.beta
 *     "1.running_mean" -> 1.runningMean      "1.running_var" -> 1.runningVariance      "1.num_batches_tracked" -> 1.batchesTracked
 *
 * LayerNorm and GroupNorm are named like BatchNorm; a name that PyTorch has no other word for stays as it is. Statistics
 * without a count (files from before PyTorch 0.4.1), or with a count of 0 that are not those of a new layer (what
 * PyTorch makes of such files), count as one batch, so that inference works. Momentum and epsilon are not in the file:
 * give them to the layer. PyTorch's defaults are this library's.
 *
 * @throws {TypeError} if arrays are missing or unknown, or of another dtype than the model, unless `cast` allows it
 * @throws {ShapeError} if an array has another shape than the model's
 * @throws {RangeError} if a number is not finite, or a variance or count is negative; whatever throws has changed nothing
 * @example
 * const norm = new BatchNorm({ features: 1, center: false });
 * const [mean, variance] = [Float32Array.of(3), Float32Array.of(4)];
 * loadPyTorch(norm, new Map<string, StoredArray>([
 *   ["weight", { shape: [1], dtype: "float32", values: Float32Array.of(2) }],
 *   ["running_mean", { shape: [1], dtype: "float32", values: mean }],
 *   ["running_var", { shape: [1], dtype: "float32", values: variance }],
 *   ["num_batches_tracked", { shape: [], dtype: "int64", values: BigInt64Array.of(80n) }],
 * ]));
 * norm.forward(Tensor.from([[5]]), { mode: "inference" }).output.data;   // => about Float32Array [2.000]
 */
export function loadPyTorch(model: Layer, arrays: StoredArrays, options: LoadPyTorchOptions = {}): void {
  const who = "loadPyTorch";
  expectStoredArrays(who, arrays);
  const { cast, prefix } = readOptions(who, options, loadPyTorchRules);
  if (typeof prefix !== "string") throw new TypeError(complaint(who, "prefix to be a string", show(prefix)));
  const wanted = new Map([...pytorchNames(who, model)].map(([name, own]) => [prefix + name, own]));
  const missing = [...wanted].filter(([name, own]) => !arrays.has(name) && own.name !== "batchesTracked");
  const unknown = [...arrays.keys()].filter((name) => name.startsWith(prefix) && !wanted.has(name));
  if (missing.length > 0 || unknown.length > 0) {
    const lists = [
      ...missing.map(([name]) => `no ${show(name)}`),
      ...unknown.map((name) => `an unknown ${show(name)}`),
    ];
    const cure = "build the model as it was when saved, or say which prefix its names have";
    throw new TypeError(complaint(who, "exactly the model's arrays", lists.join(", "), cure));
  }
  const numbers = new Map<ModelArray, number[]>();
  for (const [name, own] of wanted) {
    const stored = arrays.get(name);
    const self = `${who}: ${show(name)}`;
    if (own.name === "batchesTracked") numbers.set(own, [countOf(self, stored)]);
    else if (isMatrix(own)) {
      const shape = transposedShape(own.shape);
      numbers.set(own, transposeMatrix(numbersFor(self, own, shape, stored!, cast), shape));
    } else numbers.set(own, numbersFor(self, own, own.shape, stored!, cast));
  }
  for (const [own, count] of numbers) {
    if (own.name !== "batchesTracked" || count[0] !== 0) continue;
    const statistics = [...numbers].filter(([other]) => other.layer === own.layer && other.name.startsWith("running"));
    const isNew = statistics.every(([{ name }, values]) =>
      values.every((value) => value === (name === "runningMean" ? 0 : 1)),
    );
    if (!isNew) numbers.set(own, [1]);
  }
  loadNumbers(model, numbers);
}

/**
 * A model's parameters and running statistics as a PyTorch state dict, ready for `writeSafetensors`; `loadPyTorch` is its
 * exact inverse.
 *
 * Statistics are float64, as they are here, and counts int64; PyTorch's `load_state_dict` rounds to its module's dtype.
 *
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if two arrays of a layer would get the same name
 * @throws {RangeError} if a count of batches is no whole number
 * @example
 * const norm = new BatchNorm({ features: 1 });
 * [...toPyTorch(norm).keys()];   // => ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
 */
export function toPyTorch(model: Layer): StoredArrays {
  const arrays = new Map<string, StoredArray>();
  for (const [name, own] of pytorchNames("toPyTorch", model)) {
    if (own.name === "batchesTracked") {
      const count = own.values[0]!;
      if (!Number.isSafeInteger(count)) {
        throw new RangeError(complaint(`toPyTorch: ${show(own.path)}`, "a whole number", show(count)));
      }
      arrays.set(name, { shape: [], dtype: "int64", values: BigInt64Array.of(BigInt(count)) });
    } else if (isMatrix(own)) {
      arrays.set(name, storedFloats(transposedShape(own.shape), transposeMatrix(own.values, own.shape)));
    } else {
      arrays.set(name, storedFloats(own.shape, own.values.slice()));
    }
  }
  return arrays;
}

/** The arrays of a model by the names that PyTorch gives them. */
function pytorchNames(who: string, model: Layer): Map<string, ModelArray> {
  return byName(who, arraysOf(who, model), ({ layer, name }) => layer + (PYTORCH_NAMES.get(name) ?? name));
}

/** Whether this is the matrix of a `Dense`, which PyTorch keeps the other way round. */
function isMatrix({ name, shape }: ModelArray): boolean {
  return name === "weight" && shape.length === 2;
}

function transposedShape([rows, columns]: Shape): Shape {
  return [columns!, rows!];
}

/** [rows, columns] -> [columns, rows] */
function transposeMatrix<V extends Floats | number[]>(values: V, [rows, columns]: Shape): V {
  const result = values.slice() as V;
  for (let i = 0; i < values.length; i++) result[(i % columns!) * rows! + Math.floor(i / columns!)] = values[i]!;
  return result;
}

function countOf(who: string, stored: StoredArray | undefined): number {
  if (stored === undefined) return 1;
  if (stored.dtype !== "int64" && stored.dtype !== "int32") {
    throw new TypeError(complaint(who, "a count in int64", stored.dtype));
  }
  if (stored.shape.length > 0) throw new ShapeError(complaint(who, "shape []", printShape(stored.shape)));
  return Number(stored.values[0]);
}
