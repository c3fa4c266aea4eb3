/** Checkpoints: the complete state of a training run, as plain JSON. A resumed run continues bit for bit. */

import { allocate, type DType, type Floats } from "../core/dtype.js";
import { complaint, expectLength, expectObject, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random, RandomState } from "../core/random.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { expectLayer } from "../layers/guards.js";
import type { Layer } from "../layers/contract.js";
import type { Batcher, BatcherState } from "../training/batcher.js";
import type { Optimizer, OptimizerMemory } from "../training/optimizers.js";
import { countsBatches, expectInRange, parametersByPath, statisticsByPath, streamsByPath } from "./tree.js";

/** The parts of a training run to save or restore. */
export interface TrainingRun {
  readonly model: Layer;
  readonly optimizer?: Optimizer | undefined;
  readonly batcher?: Pick<Batcher<number[]>, "state" | "restore" | "expectState"> | undefined;
  /** The random stream of your own program. */
  readonly random?: Random | undefined;
}

const runRules = {
  model: { kind: "any" },
  optimizer: { kind: "any", optional: true },
  batcher: { kind: "any", optional: true },
  random: { kind: "random", optional: true },
} as const satisfies OptionRules<TrainingRun>;

/** A number in JSON. -0, NaN and the infinities, which JSON lacks, are strings. */
export type SavedNumber = number | "-0" | "NaN" | "Infinity" | "-Infinity";

/** An array in a checkpoint, with values in row-major order. */
export interface SavedArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly SavedNumber[];
}

/** The saved optimizer state of one parameter. */
export interface SavedMemory {
  readonly arrays: Readonly<Record<string, SavedArray>>;
  readonly numbers: Readonly<Record<string, SavedNumber>>;
}

/** A saved training run. Plain JSON, which can also be passed to `structuredClone`. */
export interface Checkpoint {
  readonly kind: "batchnorm checkpoint";
  readonly version: 1;
  /** The parameters and running statistics by path, such as "1.gamma" and "1.runningMean". */
  readonly arrays: Readonly<Record<string, SavedArray>>;
  /** The random streams of layers by path, such as "2.noise". */
  readonly streams: Readonly<Record<string, RandomState>>;
  /** The state of the optimizer, or null if there is none. */
  readonly optimizer: {
    readonly kind: string;
    readonly learningRate: number;
    /** The state of each parameter by path. Parameters that were never updated are omitted. */
    readonly memory: Readonly<Record<string, SavedMemory>>;
  } | null;
  /** The position of the Batcher, or null if there is none. */
  readonly batcher: BatcherState | null;
  /** The state of your program's random stream, or null if there is none. */
  readonly random: RandomState | null;
}

/**
 * Saves the state of a training run: parameters, running statistics, the random streams of layers, the optimizer's velocity or
 * moments and its learning rate, the position of the Batcher, and a random stream of your own.
 *
 * Call it after any step, even in the middle of an epoch. `restore` loads it into a run that was built in the same way. The
 * following steps are then bit-for-bit equal to those of an uninterrupted run.
 *
 * The rest is left to the program that builds the run: the structure of the model, the data, hyperparameters other than the
 * learning rate, and what is frozen (`freeze`, `trainable`).
 *
 * - **Numerics**: exact, even after a round trip through JSON, because -0, NaN and infinities are saved as strings
 * - **Cost**: one copy of the values
 *
 * @throws {TypeError} if a part is missing or has the wrong type
 * @throws {RangeError} if the optimizer updates a parameter that does not belong to the model
 * @example
 * const create = () => {
 *   const model = new BatchNorm({ features: 1 });
 *   return { model, optimizer: new SGD(model.parameters, { learningRate: 0.1, momentum: 0.9 }) };
 * };
 * const run = create();
 * const text = JSON.stringify(checkpoint(run));
 *
 * const resumed = create();
 * restore(resumed, JSON.parse(text));
 */
export function checkpoint(run: TrainingRun): Checkpoint {
  const who = "checkpoint";
  const { model, optimizer, batcher, random } = expectRun(who, run);
  return {
    kind: "batchnorm checkpoint",
    version: 1,
    arrays: record(arraysOf(model), ([path, { shape, values, dtype }]) => [path, savedArray(shape, dtype, values)]),
    streams: record(streamsByPath(model), ([path, stream]) => [path, stream.state]),
    optimizer: optimizer === undefined ? null : savedOptimizer(who, model, optimizer),
    batcher: batcher?.state ?? null,
    random: random?.state ?? null,
  };
}

/**
 * Restores a checkpoint into a run that was built in the same way as the saved one.
 *
 * The whole checkpoint is checked first. If it throws, nothing has changed.
 *
 * @throws {TypeError} if it is not a checkpoint, or if the run and the checkpoint do not have the same parts
 * @throws {ShapeError} if the shape of an array differs from that in the run
 * @throws {RangeError} if a number is out of range, or a count of batches is not an integer >= 0
 */
export function restore(run: TrainingRun, saved: Checkpoint): void {
  const who = "restore";
  const { model, optimizer, batcher, random } = expectRun(who, run);
  // Copies everything once, in case getters return something else the second time.
  const copy = plainCopy(who, saved);
  if (copy.kind !== "batchnorm checkpoint" || copy.version !== 1) {
    const got = `${show(copy.kind)}, version ${show(copy.version)}`;
    throw new TypeError(complaint(who, 'a "batchnorm checkpoint", version 1', got, "pass the result of checkpoint"));
  }
  for (const part of ["optimizer", "batcher", "random"] as const) {
    const [isSaved, isGiven] = [copy[part] !== null && copy[part] !== undefined, run[part] !== undefined];
    if (isSaved === isGiven) continue;
    const cure = isSaved ? `pass the run's ${part}, or set ${part} to null in the checkpoint` : `leave out ${part}`;
    throw new TypeError(
      complaint(who, `a checkpoint ${isGiven ? "with" : "without"} ${part}`, isSaved ? "one" : "none", cure),
    );
  }

  const writes: (() => void)[] = [];
  const own = arraysOf(model);
  const arrays = expectKeys(who, "arrays", copy.arrays, [...own.keys()]);
  for (const [path, slot] of own) {
    const values = readArray(`${who}: "${path}"`, arrays[path], slot);
    writes.push(() => slot.write(values));
  }
  const streams = streamsByPath(model);
  const states = expectKeys(who, "streams", copy.streams, [...streams.keys()]);
  for (const [path, stream] of streams) writes.push(restorer(stream, states[path]!));
  if (optimizer !== undefined) writes.push(...optimizerWrites(who, model, optimizer, copy.optimizer!));
  if (batcher !== undefined) {
    const state = batcher.expectState(copy.batcher!);
    writes.push(() => batcher.restore(state));
  }
  if (random !== undefined) writes.push(restorer(random, copy.random!));

  for (const write of writes) write();
}

function expectRun(who: string, run: TrainingRun): TrainingRun {
  const read = readOptions(who, run, runRules);
  expectLayer(who, read.model);
  const { memoryOf, remember } = (read.optimizer ?? {}) as Partial<Optimizer>;
  if (read.optimizer !== undefined && (typeof memoryOf !== "function" || typeof remember !== "function")) {
    throw new TypeError(complaint(who, "optimizer to be an optimizer, such as SGD", show(read.optimizer)));
  }
  if (read.batcher !== undefined && typeof (read.batcher as Partial<Batcher<number[]>>).expectState !== "function") {
    throw new TypeError(complaint(who, "batcher to be a Batcher", show(read.batcher)));
  }
  return read;
}

/** An array of a model, with the requirements for its values and a function to change them. */
interface ArraySlot {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: Floats;
  /** The smallest valid number. NaN, which occurs in a diverged run, is not below it. */
  readonly least: number;
  readonly isCount: boolean;
  write(values: Floats): void;
}

function arraysOf(model: Layer): Map<string, ArraySlot> {
  const found = new Map<string, ArraySlot>();
  for (const [path, parameter] of parametersByPath(model)) {
    const { shape, dtype, data } = parameter.value;
    const write = (values: Floats): void => parameter.update((own) => own.set(values));
    found.set(path, { shape, dtype, values: data, least: -Infinity, isCount: false, write });
  }
  for (const [path, statistic] of statisticsByPath(model)) {
    const { values, least } = statistic;
    const write = (saved: Floats): void => values.set(saved);
    const isCount = countsBatches(statistic);
    found.set(path, { shape: [values.length], dtype: "float64", values, least, isCount, write });
  }
  return found;
}

function savedOptimizer(who: string, model: Layer, optimizer: Optimizer): Checkpoint["optimizer"] {
  const memory = record(ownParameters(who, model, optimizer), ([path, parameter]) => {
    const remembered = optimizer.memoryOf(parameter);
    if (remembered === undefined) return undefined;
    const { shape, dtype } = parameter.value;
    const arrays = record(Object.entries(remembered.arrays), ([name, values]) => [
      name,
      savedArray(shape, dtype, values),
    ]);
    const numbers = record(Object.entries(remembered.numbers), ([name, value]) => [name, savedNumber(value)]);
    return [path, { arrays, numbers }];
  });
  return { kind: optimizer.kind, learningRate: optimizer.learningRate, memory };
}

function optimizerWrites(
  who: string,
  model: Layer,
  optimizer: Optimizer,
  saved: NonNullable<Checkpoint["optimizer"]>,
): (() => void)[] {
  const { kind, learningRate } = saved;
  if (kind !== optimizer.kind)
    throw new TypeError(complaint(who, `the optimizer state of ${optimizer.kind}`, `that of ${show(kind)}`));
  if (!(typeof learningRate === "number" && learningRate >= 0 && learningRate < Infinity)) {
    throw new RangeError(complaint(who, "learningRate to be a finite number >= 0", show(learningRate)));
  }
  const own = ownParameters(who, model, optimizer);
  expectObject(who, "optimizer.memory", saved.memory);
  const unknown = Object.keys(saved.memory).find((path) => !own.has(path));
  if (unknown !== undefined) {
    throw new TypeError(complaint(who, "optimizer.memory for the optimizer's own parameters", show(unknown)));
  }
  const writes = [...own].map(([path, parameter]) => {
    const memory = Object.hasOwn(saved.memory, path)
      ? readMemory(`${who}: "${path}"`, saved.memory[path], parameter.value, optimizer.createMemory(parameter))
      : undefined;
    return (): void => optimizer.remember(parameter, memory);
  });
  return [...writes, () => (optimizer.learningRate = learningRate)];
}

function readMemory(
  name: string,
  saved: SavedMemory | undefined,
  { shape, dtype }: { readonly shape: Shape; readonly dtype: DType },
  like: OptimizerMemory,
): OptimizerMemory {
  expectObject(name, "the state of the optimizer", saved);
  const arrays = expectKeys(name, "arrays", saved.arrays, Object.keys(like.arrays));
  const numbers = expectKeys(name, "numbers", saved.numbers, Object.keys(like.numbers));
  return {
    arrays: record(Object.keys(like.arrays), (key) => [key, readArray(name, arrays[key], { shape, dtype })]),
    numbers: record(Object.keys(like.numbers), (key) => [key, readNumber(name, numbers[key], key)]),
  };
}

/** Returns the parameters of an optimizer by path. Throws if one of them is not in the model. */
function ownParameters(
  who: string,
  model: Layer,
  { kind, parameters }: Optimizer,
): ReturnType<typeof parametersByPath> {
  const byPath = parametersByPath(model);
  const known = new Set(byPath.values());
  for (const parameter of parameters) {
    if (known.has(parameter)) continue;
    const cure = "pass the container with all parameters as the model";
    throw new RangeError(
      complaint(
        who,
        `${kind} to update only parameters of the model`,
        `${show(parameter.name)}, which is not in it`,
        cure,
      ),
    );
  }
  const moved = new Set(parameters);
  return new Map([...byPath].filter(([, parameter]) => moved.has(parameter)));
}

/** Checks the state of a stream, and returns a function that restores it. */
function restorer(stream: Random, state: RandomState): () => void {
  stream.copy().restore(state);
  return () => stream.restore(state);
}

function savedArray(shape: Shape, dtype: DType, values: Floats): SavedArray {
  return { shape: [...shape], dtype, values: Array.from(values, savedNumber) };
}

function savedNumber(value: number): SavedNumber {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return Object.is(value, -0) ? "-0" : (String(value) as SavedNumber);
}

const NAMED: readonly unknown[] = ["-0", "NaN", "Infinity", "-Infinity"];

function readNumber(name: string, value: unknown, where: string): number {
  if (NAMED.includes(value)) return Number(value);
  if (typeof value !== "number") throw new TypeError(complaint(name, "numbers", `${show(value)} at ${where}`));
  return value;
}

function readArray(
  name: string,
  saved: SavedArray | undefined,
  { shape, dtype, values, least = -Infinity, isCount = false }: Pick<ArraySlot, "shape" | "dtype"> & Partial<ArraySlot>,
): Floats {
  expectObject(name, "the array", saved);
  if (!Array.isArray(saved.shape) || !Array.isArray(saved.values)) {
    throw new TypeError(complaint(name, "an object with shape, dtype and values", show(saved)));
  }
  if (!sameShape(saved.shape as number[], shape)) {
    throw new ShapeError(complaint(name, `shape ${printShape(shape)}`, printShape(saved.shape as number[])));
  }
  if (saved.dtype !== dtype) throw new TypeError(complaint(name, `dtype ${dtype}`, show(saved.dtype)));
  const size = sizeOf(shape);
  expectLength(name, "the array", saved.values, size);
  if (values !== undefined) expectLength(name, "the run's own array", values, size);
  const read = allocate(dtype, size);
  for (let i = 0; i < size; i++) {
    const value = readNumber(name, (saved.values as unknown[])[i], `index ${i}`);
    read[i] = value;
    expectInRange(name, value, i, { least, isCount });
    if (!Object.is(read[i], value))
      throw new RangeError(complaint(name, `numbers representable in ${dtype}`, `${value} at index ${i}`));
  }
  return read;
}

/** Requires an object with exactly these keys. */
function expectKeys<T extends object>(who: string, what: string, value: T, keys: readonly string[]): T {
  expectObject(who, what, value);
  const missing = keys.filter((key) => !Object.hasOwn(value, key));
  const unknown = Object.keys(value).filter((key) => !keys.includes(key));
  if (missing.length + unknown.length === 0) return value;
  const lists = [...missing.map((key) => `no ${show(key)}`), ...unknown.map((key) => `an unknown ${show(key)}`)];
  const cure = "build the run in the same way as the saved one";
  throw new TypeError(complaint(who, `exactly the run's ${what}`, lists.join(", "), cure));
}

/** Creates an object from entries. "__proto__" is an ordinary key. */
function record<Item, Value>(
  items: Iterable<Item>,
  entryOf: (item: Item) => readonly [string, Value] | undefined,
): Record<string, Value> {
  return Object.fromEntries(Array.from(items, entryOf).filter((entry) => entry !== undefined));
}

/** Returns a deep copy of plain data. Reads each property once. */
function plainCopy(who: string, saved: Checkpoint): Checkpoint {
  expectObject(who, "the checkpoint", saved, typeof saved === "string" ? "parse it with JSON.parse" : undefined);
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (depth > 8) throw new TypeError(complaint(who, "a checkpoint", "an object nested more than 8 deep"));
    if (Array.isArray(value)) return Array.from(value, (item: unknown) => copy(item, depth + 1));
    return record(Object.keys(value), (key) => [key, copy((value as Record<string, unknown>)[key], depth + 1)]);
  };
  return copy(saved, 0) as Checkpoint;
}
