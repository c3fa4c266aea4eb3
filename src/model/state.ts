/** State dicts: the parameters and running statistics of a model by path, as plain JSON. */

import { complaint, expectLength, expectObject, ShapeError, show } from "../core/errors.js";
import type { DType, Floats } from "../core/dtype.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer } from "../layers/contract.js";
import { countsBatches, expectInRange, parametersByPath, statisticsByPath } from "./tree.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";

/** An array of a saved model. */
export interface StateEntry {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The values in row-major order. JSON preserves float32 and float64 numbers exactly, except -0, which is saved as 0. */
  readonly values: readonly number[];
}

/** A saved model: its parameters and running statistics by path, such as "1.gamma" and "1.runningMean". */
export type StateDict = Readonly<Record<string, StateEntry>>;

/**
 * Returns the parameters and running statistics of a model as plain JSON. To resume a training run, use `checkpoint` instead.
 *
 * - **Cost**: one copy of the values
 *
 * @example
 * const norm = new BatchNorm({ features: 1 });
 * Object.keys(stateDict(norm));       // => ["gamma", "beta", "runningMean", "runningVariance", "batchesTracked"]
 * const text = JSON.stringify(stateDict(norm));
 * loadStateDict(norm, JSON.parse(text));
 */
export function stateDict(model: Layer): StateDict {
  expectLayer("stateDict", model);
  // x + 0 turns -0 into 0, as JSON does. Object.fromEntries also accepts the key "__proto__".
  const entries = [...slots(model)].map(([path, { shape, dtype, values }]) => {
    return [path, { shape: [...shape], dtype, values: Array.from(values, (value) => value + 0) }] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * Loads a saved state into a model of the same structure.
 *
 * The whole state is checked first. If it throws, the model is unchanged.
 *
 * @throws {TypeError} if an entry is missing, unknown or invalid, or its dtype differs from that in the model
 * @throws {ShapeError} if the shape of an entry differs from that in the model
 * @throws {RangeError} if a value is not finite, a variance is negative, or a count of batches is not an integer >= 0
 */
export function loadStateDict(model: Layer, state: StateDict): void {
  const name = "loadStateDict";
  expectLayer(name, model);
  expectObject(name, "the state", state, typeof state === "string" ? "parse it with JSON.parse" : undefined);
  const own = slots(model);
  const missing = [...own.keys()].filter((path) => !Object.hasOwn(state, path));
  const unknown = Object.keys(state).filter((path) => !own.has(path));
  if (missing.length > 0 || unknown.length > 0) {
    const lists = [...missing.map((path) => `no "${path}"`), ...unknown.map((path) => `an unknown "${path}"`)];
    throw new TypeError(
      complaint(name, "exactly the model's entries", lists.join(", "), "build the model as it was when saved"),
    );
  }
  // Reads every value once, in case getters return something else the second time.
  const read = [...own].map(([path, slot]) => [slot, readEntry(`${name}: "${path}"`, state[path], slot)] as const);
  for (const [slot, values] of read) slot.write(values);
}

interface StateSlot {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: Floats;
  readonly least: number;
  readonly isCount: boolean;
  write(values: readonly number[]): void;
}

function slots(model: Layer): Map<string, StateSlot> {
  const found = new Map<string, StateSlot>();
  for (const [path, parameter] of parametersByPath(model)) {
    const { shape, dtype, data } = parameter.value;
    const write = (values: readonly number[]): void => parameter.update((own) => own.set(values));
    found.set(path, { shape, dtype, values: data, least: -Infinity, isCount: false, write });
  }
  for (const [path, statistic] of statisticsByPath(model)) {
    const { values, least } = statistic;
    const write = (saved: readonly number[]): void => values.set(saved);
    const isCount = countsBatches(statistic);
    found.set(path, { shape: [values.length], dtype: "float64", values, least, isCount, write });
  }
  return found;
}

/** Requires a valid entry, and returns a copy of its values. */
function readEntry(
  name: string,
  entry: StateEntry | undefined,
  { shape, dtype, least, isCount, values: own }: StateSlot,
): readonly number[] {
  expectObject(name, "the entry", entry);
  const { shape: savedShape, dtype: savedDtype, values } = entry;
  if (!Array.isArray(savedShape) || !Array.isArray(values)) {
    throw new TypeError(complaint(name, "an entry of shape, dtype and values", show(entry)));
  }
  if (!sameShape(savedShape, shape)) {
    throw new ShapeError(complaint(name, `shape ${printShape(shape)}`, printShape(savedShape)));
  }
  if (savedDtype !== dtype) throw new TypeError(complaint(name, `dtype ${dtype}`, show(savedDtype)));
  const copy = Array.from(values as unknown[]);
  expectLength(name, "the entry", copy, sizeOf(shape));
  expectLength(name, "the model's own array", own, sizeOf(shape));
  for (const [index, value] of copy.entries()) {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new RangeError(complaint(name, "finite numbers", `${show(value)} at index ${index}`));
    }
    if (dtype === "float32" && !Number.isFinite(Math.fround(value))) {
      throw new RangeError(complaint(name, "numbers that float32 can hold", `${value} at index ${index}`));
    }
    expectInRange(name, value, index, { least, isCount });
  }
  return copy as number[];
}
