/** PyTorch's state dicts: names, weights [outputs, inputs], and counts of batches. */

import { complaint, ShapeError, show } from "../core/errors.js";
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
import { readStoredArrays, type StoredArray, type StoredArrays } from "./stored-array.js";

const PYTORCH_NAMES: ReadonlyMap<string, string> = new Map([
  ["gamma", "weight"],
  ["beta", "bias"],
  ["runningMean", "running_mean"],
  ["runningVariance", "running_var"],
  ["batchesTracked", "num_batches_tracked"],
]);

/** Options for `loadPyTorch`. */
export interface LoadPyTorchOptions extends LoadOptions {
  /** The beginning of every name, as in "module." or "encoder.". Arrays with other names are not used. Default: "". */
  readonly prefix?: string | undefined;
}

const loadPyTorchRules = {
  cast: { kind: "boolean", default: false },
  partial: { kind: "boolean", default: false },
  prefix: { kind: "any", default: "" },
} as const satisfies OptionRules<LoadPyTorchOptions>;

/**
 * Loads a PyTorch state dict into a model of the same structure and returns a report.
 *
 *     "0.weight" [outputs, inputs] -> 0.weight [inputs, outputs]      "1.weight" -> 1.gamma      "1.bias" -> 1.beta
 *     "1.running_mean" -> 1.runningMean      "1.running_var" -> 1.runningVariance      "1.num_batches_tracked" -> 1.batchesTracked
 *
 * LayerNorm and GroupNorm are named like BatchNorm. All other names are the same in both libraries. Only the weight of a `Dense`,
 * or of another layer with `isAffine`, is transposed; that of a `Conv2d` is [outputs, inputs, height, width] in both. The file does
 * not contain momentum and epsilon: pass them to the layer. The defaults are those of PyTorch.
 *
 * - **Counts**: files from before PyTorch 0.4.1 have no count of batches, and PyTorch writes 0 for statistics loaded from them.
 *   Such statistics count as one batch, which is enough for inference. A count of 0 is kept if the statistics are the initial ones
 * - **Shared layers**: a layer that a model uses twice has two names in PyTorch. The file may contain either name, or both with
 *   the same numbers
 * - **LayerNorm**: a LayerNorm over several axes, such as `normalized_shape` [C, H], is loaded into one over C H features
 * - **Partial loading**: with `partial`, arrays that are missing or have another shape keep their values. The report lists them
 * - **Cost**: one copy of the values
 *
 * If it throws, the model is unchanged.
 *
 * @throws {TypeError} if arrays are missing or unknown, or their dtype is not the model's, unless `partial` or `cast` allows it
 * @throws {ShapeError} if the shape of an array differs from that in the model, unless `partial` allows it
 * @throws {RangeError} if a number is not finite, a variance is negative, a count is not an integer >= 0, or the arrays of a shared
 * layer differ
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
export function loadPyTorch(model: Layer, arrays: StoredArrays, options: LoadPyTorchOptions = {}): LoadReport {
  const who = "loadPyTorch";
  const file = readStoredArrays(who, arrays);
  const { cast, partial, prefix } = readOptions(who, options, loadPyTorchRules);
  if (typeof prefix !== "string") throw new TypeError(complaint(who, "prefix to be a string", show(prefix)));
  const own = arraysOf(who, model);
  const wanted = byName(who, own, (array) => pytorchNames(array).map((name) => prefix + name));
  const report = {
    loaded: [] as string[],
    missing: [] as string[],
    mismatched: [] as string[],
    unused: [] as string[],
  };
  report.unused = [...file.keys()].filter((name) => !wanted.has(name));

  const numbers = new Map<ModelArray, Floats>();
  const absentCounts: (readonly [array: ModelArray, name: string])[] = [];
  for (const array of own) {
    const names = pytorchNames(array).map((name) => prefix + name);
    const present = names.filter((name) => file.has(name));
    const isCount = countsBatches(array);
    if (present.length === 0) {
      if (isCount) absentCounts.push([array, names[0]!]);
      else report.missing.push(names[0]!);
    }
    for (const name of present) {
      const stored = file.get(name)!;
      if (partial && !isCount && !fits(array, pytorchShape(array), stored)) {
        report.mismatched.push(name);
        continue;
      }
      const self = `${who}: ${show(name)}`;
      const values = isCount ? Float64Array.of(countOf(self, stored)) : numbersOf(self, array, stored, cast);
      expectEqual(self, present[0]!, numbers.get(array) ?? values, values);
      numbers.set(array, values);
      report.loaded.push(name);
    }
  }
  const unknown = report.unused.filter((name) => name.startsWith(prefix));
  if (!partial && (report.missing.length > 0 || unknown.length > 0)) {
    const lists = [
      ...report.missing.map((name) => `no ${show(name)}`),
      ...unknown.map((name) => `an unknown ${show(name)}`),
    ];
    const cure = namesCure(own.flatMap(pytorchNames), [...file.keys()], { prefix, partial });
    throw new TypeError(complaint(who, "exactly the model's arrays", lists.join(", "), cure));
  }
  if (partial) {
    const cure = namesCure(own.flatMap(pytorchNames), [...file.keys()], { prefix, partial });
    expectAnyLoaded(who, report.loaded, [...file.keys()], cure);
  }

  const countsLoaded = [...numbers.keys()].filter(countsBatches);
  for (const count of [...absentCounts.map(([array]) => array), ...countsLoaded]) {
    const statistics = [...numbers].filter(
      ([array]) => array.name.startsWith("running") && array.layers[0] === count.layers[0],
    );
    const isNew = statistics.every(([{ name }, values]) => values.every((v) => v === (name === "runningMean" ? 0 : 1)));
    const isAbsent = !numbers.has(count);
    if (isAbsent ? statistics.length > 0 : numbers.get(count)![0] === 0 && !isNew)
      numbers.set(count, Float64Array.of(1));
  }
  for (const [array, values] of numbers) array.write(values);
  return report;
}

/**
 * Returns the parameters and running statistics of a model as a PyTorch state dict, for `writeSafetensors`. `loadPyTorch` is the
 * exact inverse.
 *
 * Statistics are float64 and counts int64. PyTorch's `load_state_dict` rounds them to the dtype of its module. A layer that the
 * model uses twice appears under both names, as in PyTorch.
 *
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if two arrays of a layer would have the same name
 * @throws {RangeError} if a count of batches is not an integer
 * @example
 * const norm = new BatchNorm({ features: 1 });
 * [...toPyTorch(norm).keys()];   // => ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
 */
export function toPyTorch(model: Layer): StoredArrays {
  const arrays = new Map<string, StoredArray>();
  for (const [name, array] of byName("toPyTorch", arraysOf("toPyTorch", model), pytorchNames)) {
    if (countsBatches(array)) {
      const count = array.values[0]!;
      if (!Number.isSafeInteger(count)) {
        throw new RangeError(complaint(`toPyTorch: ${show(array.path)}`, "a whole number", show(count)));
      }
      arrays.set(name, { shape: [], dtype: "int64", values: BigInt64Array.of(BigInt(count)) });
    } else {
      const values = array.isMatrix ? transposed(array.values, array.shape) : array.values.slice();
      arrays.set(name, storedFloats(pytorchShape(array), values));
    }
  }
  return arrays;
}

/** Returns the names of an array in PyTorch, one for each layer that uses it. */
function pytorchNames({ layers, name }: ModelArray): readonly string[] {
  return layers.map((layer) => layer + (PYTORCH_NAMES.get(name) ?? name));
}

/** Returns the likely reason why names do not match: another prefix, the fields of a Python class, or another model. */
function namesCure(
  own: readonly string[],
  file: readonly string[],
  { prefix, partial }: { readonly prefix: string; readonly partial: boolean },
): string {
  const found = new Set(file);
  const needed = own.filter((name) => !name.endsWith("num_batches_tracked")); // old files lack them
  const prefixes = new Set(
    file.flatMap((name) => own.filter((mine) => name.endsWith(mine)).map((mine) => name.slice(0, -mine.length))),
  );
  for (const other of prefixes) {
    const count = needed.filter((mine) => found.has(other + mine)).length;
    const isEnough = partial ? 2 * count > needed.length : count === needed.length;
    if (other !== prefix && (other === "" || other.endsWith(".")) && isEnough) {
      return other === "" ? "leave out the prefix" : `pass prefix: ${show(other)}`;
    }
  }
  const starts = [...new Set(file.map((name) => name.slice(0, name.indexOf(".") + 1)))];
  if (prefix !== "" && !file.some((name) => name.startsWith(prefix))) {
    return `no name begins with that prefix, only with ${starts.slice(0, 8).map(show).join(", ")}`;
  }
  const theirs = modulesOf(file.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)));
  const ours = modulesOf(own);
  if (theirs.length > 0 && !theirs.some((module) => ours.includes(module))) {
    const list = (names: readonly string[]): string => names.slice(0, 8).map(show).join(", ");
    return `rename the keys of the Map from ${list(theirs)} to the model's ${list(ours)}`;
  }
  return "build the model as it was when saved, pass the prefix of its names, or partial: true to load the rest";
}

/** Returns the names of the modules that hold the arrays, such as "layer1.0" for "layer1.0.weight". */
function modulesOf(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.slice(0, Math.max(0, name.lastIndexOf(".")))))];
}

function pytorchShape({ shape, isMatrix }: ModelArray): Shape {
  return isMatrix ? [...shape].reverse() : shape;
}

function numbersOf(who: string, array: ModelArray, stored: StoredArray, cast: boolean): Floats {
  const shape = pytorchShape(array);
  const values = numbersFor(who, array, shape, stored, cast);
  return array.isMatrix ? transposed(values, shape) : values;
}

/** Returns a matrix [rows, columns] as [columns, rows]. */
function transposed(values: Floats, [rows = 0, columns = 0]: Shape): Floats {
  const result = allocate(dtypeOf(values), values.length);
  // In blocks of rows, so that each cache line is filled before it is evicted.
  for (let start = 0; start < rows; start += 16) {
    const end = Math.min(start + 16, rows);
    for (let j = 0; j < columns; j++) for (let i = start; i < end; i++) result[j * rows + i] = values[i * columns + j]!;
  }
  return result;
}

/** Requires the same numbers under all names of a shared layer. */
function expectEqual(who: string, name: string, first: Floats, other: Floats): void {
  const index = first === other ? -1 : first.findIndex((value, i) => value !== other[i]);
  if (index < 0) return;
  const expected = `the numbers of ${show(name)}, because the model shares the layer`;
  const cure = "build the model with separate layers";
  throw new RangeError(
    complaint(who, expected, `${other[index]!} instead of ${first[index]!} at index ${index}`, cure),
  );
}

/** Reads a count of batches, which is a single number of any dtype. */
function countOf(who: string, { shape, dtype, values }: StoredArray): number {
  if (values.length !== 1 || shape.length > 1) {
    throw new ShapeError(complaint(who, "shape [] or [1]", printShape(shape)));
  }
  if (dtype === "bool") throw new TypeError(complaint(who, "a count in int64", dtype));
  const count = Number(values[0]);
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(complaint(who, "a whole number of at least 0, below 2^53", show(values[0])));
  }
  return count;
}
