/** Tensor: a shape over a typed array, row-major and contiguous. No broadcasting, no operators. */

import { complaint, expectCount, expectNumber, expectOneOf, isDetached, show, ShapeError } from "./errors.js";
import {
  allocate,
  type DType,
  dtypeOf,
  type Floats,
  isFloats,
  type OwnFloats,
  typedArrayName,
  withMemory,
} from "./dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "./options.js";
import type { Random } from "./random.js";
import { expectShape, MAX_RANK, printShape, type Shape, sizeOf } from "./shape.js";

/** Numbers in nested arrays, such as `[[1, 2], [3, 4]]`. */
export type Nested = number | readonly Nested[];

/** Options for `Tensor.normal`. */
export interface NormalOptions {
  readonly random: Random;
  readonly mean?: number | undefined;
  readonly std?: number | undefined;
  readonly dtype?: DType | undefined;
}

/** Options for `Tensor.uniform`: values in [low, high). */
export interface UniformOptions {
  readonly random: Random;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly dtype?: DType | undefined;
}

/** Options for `Tensor.from`. */
export interface TensorFromOptions {
  /** Default: the shape of the nested arrays, or one axis. */
  readonly shape?: Shape | undefined;
  /** Default: the dtype of a Float32Array or Float64Array, else "float32". */
  readonly dtype?: DType | undefined;
}

const fromRules = {
  shape: { kind: "any", optional: true },
  dtype: { kind: "word", words: ["float32", "float64"], optional: true },
} as const satisfies OptionRules<TensorFromOptions>;

const normalRules = {
  random: { kind: "random" },
  mean: { kind: "number", low: -Infinity, default: 0 },
  std: { kind: "number", low: 0, default: 1 },
  dtype: dtypeRule,
} as const satisfies OptionRules<NormalOptions>;

const uniformRules = {
  random: { kind: "random" },
  low: { kind: "number", low: -Infinity, default: 0 },
  high: { kind: "number", low: -Infinity, default: 1 },
  dtype: dtypeRule,
} as const satisfies OptionRules<UniformOptions>;

/**
 * Numbers with a shape: `data[(i * shape[1] + j) * shape[2] + k]` is the value at (i, j, k).
 *
 * The shape never changes; the values may be written through `data`. Two tensors share memory only where a docstring says so.
 *
 * @throws {ShapeError} if the number of values does not match the shape
 * @throws {TypeError} if the data is neither a Float32Array nor a Float64Array
 * @example
 * const x = Tensor.from([[1, 2, 3], [4, 5, 6]]);
 * x.shape;        // => [2, 3]
 * x.at(1, 2);     // => 6
 * x.dtype;        // => "float32"
 */
export class Tensor {
  /** The length of each axis. */
  readonly shape: Shape;
  /** The values, row by row. The tensor's own memory: writing here changes the tensor. */
  readonly data: OwnFloats;

  /** Wraps a typed array without copying it. */
  constructor(data: Floats, shape: Shape) {
    if (!isFloats(data)) {
      throw new TypeError(
        complaint(
          "Tensor",
          "data to be a Float32Array or a Float64Array",
          show(data),
          "copy other arrays with Tensor.from",
        ),
      );
    }
    expectShape("Tensor", shape);
    if (data.length !== sizeOf(shape)) {
      const got = isDetached(data) ? show(data) : `${data.length}`;
      throw new ShapeError(complaint("Tensor", `${sizeOf(shape)} values for shape ${printShape(shape)}`, got));
    }
    this.shape = Object.freeze([...shape]);
    this.data = data as OwnFloats;
  }

  /** "float32" or "float64", by the class of `data`. */
  get dtype(): DType {
    return dtypeOf(this.data);
  }

  /** The number of values. */
  get size(): number {
    return this.data.length;
  }

  /**
   * Creates a tensor with a copy of numbers. Nested arrays define its shape; a flat array may be given one.
   *
   * - **Cost**: a typed array is copied in bulk, at about the speed of memory; other arrays are copied value by value
   *
   * @throws {TypeError} if a value is not a number
   * @throws {ShapeError} if the nested arrays are ragged, empty, or nested more than 32 deep, or do not match the shape
   * @throws {RangeError} if the engine cannot allocate the memory
   * @example
   * Tensor.from([[1, 2], [3, 4]]).shape;                              // => [2, 2]
   * Tensor.from(Float64Array.of(1, 2, 3, 4), { shape: [2, 2] }).dtype;   // => "float64"
   */
  static from(values: Nested | ArrayLike<number>, options: TensorFromOptions = {}): Tensor {
    const read = readOptions("Tensor.from", options, fromRules);
    const dtype = read.dtype ?? (isFloats(values) ? dtypeOf(values) : "float32");
    const given = shapeOfNumbers(values);
    const data = allocateShape("Tensor.from", given, dtype);
    if (ArrayBuffer.isView(values)) data.set(values as unknown as ArrayLike<number>);
    else write(values, given, 0, 0, data);
    return new Tensor(data, read.shape ?? given);
  }

  /** Creates a tensor of zeros. */
  static zeros(shape: Shape, dtype: DType = "float32"): Tensor {
    return zeros("Tensor.zeros", shape, dtype);
  }

  /** Creates a tensor filled with one value. */
  static filled(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
    const tensor = zeros("Tensor.filled", shape, dtype);
    tensor.data.fill(expectValue("Tensor.filled", value));
    return tensor;
  }

  /** Draws normally distributed values. Default: mean 0, standard deviation 1. */
  static normal(shape: Shape, options: NormalOptions): Tensor {
    const { random, mean, std, dtype } = readOptions("Tensor.normal", options, normalRules);
    const tensor = zeros("Tensor.normal", shape, dtype);
    for (let i = 0; i < tensor.size; i++) tensor.data[i] = random.normal(mean, std);
    return tensor;
  }

  /** Draws uniformly distributed values in [low, high), rounded to the dtype. Default: [0, 1). */
  static uniform(shape: Shape, options: UniformOptions): Tensor {
    const { random, low, high, dtype } = readOptions("Tensor.uniform", options, uniformRules);
    expectNumber("Tensor.uniform", "high", high, { low });
    const tensor = zeros("Tensor.uniform", shape, dtype);
    for (let i = 0; i < tensor.size; i++) tensor.data[i] = random.uniform(low, high);
    return tensor;
  }

  /** Returns the value at one index per axis. */
  at(...indices: number[]): number {
    const inside =
      indices.length === this.shape.length &&
      indices.every((index, axis) => Number.isInteger(index) && index >= 0 && index < this.shape[axis]!);
    if (!inside) {
      throw new RangeError(
        complaint("Tensor.at", `${this.shape.length} indices within shape ${printShape(this.shape)}`, show(indices)),
      );
    }
    let offset = 0;
    for (let axis = 0; axis < indices.length; axis++) offset = offset * this.shape[axis]! + indices[axis]!;
    expectOwnSize("Tensor.at", "the tensor", this);
    return this.data[offset]!;
  }

  /** Returns a copy of the tensor that shares no memory with it. */
  copy(): Tensor {
    expectOwnSize("Tensor.copy", "the tensor", this);
    const data = withShapeMemory("Tensor.copy", this.shape, this.dtype, () => this.data.slice());
    return new Tensor(data, this.shape);
  }

  /** Returns a tensor with another shape of the same size. It shares the memory of this one. */
  reshape(shape: Shape): Tensor {
    expectShape("Tensor.reshape", shape);
    expectOwnSize("Tensor.reshape", "the tensor", this);
    if (sizeOf(shape) !== this.size) {
      throw new ShapeError(complaint("Tensor.reshape", `a shape of ${this.size} values`, printShape(shape)));
    }
    return new Tensor(this.data, shape);
  }

  /** Copies some rows (indices on axis 0), in the given order. An index may occur more than once. */
  rows(indices: ArrayLike<number>): Tensor {
    const count = this.shape[0];
    if (count === undefined) throw new ShapeError(complaint("Tensor.rows", "at least one axis", "shape []"));
    if (typeof indices !== "object" || indices === null) {
      throw new TypeError(complaint("Tensor.rows", "row numbers in an array", show(indices)));
    }
    const { length } = indices;
    expectCount("Tensor.rows", "the number of rows", length);
    expectOwnSize("Tensor.rows", "the tensor", this);
    const width = this.size / count;
    const shape = [length, ...this.shape.slice(1)];
    const data = allocateShape("Tensor.rows", shape, this.dtype);
    for (let i = 0; i < length; i++) {
      const row = indices[i]!;
      if (!Number.isInteger(row) || row < 0 || row >= count) {
        throw new RangeError(complaint("Tensor.rows", `row numbers in 0..${count - 1}`, show(row)));
      }
      data.set(this.data.subarray(row * width, (row + 1) * width), i * width);
    }
    return new Tensor(data, shape);
  }

  /** Returns a copy with the values rounded to a dtype. */
  cast(dtype: DType): Tensor {
    expectOwnSize("Tensor.cast", "the tensor", this);
    const data = allocateShape("Tensor.cast", this.shape, expectDType("Tensor.cast", dtype));
    data.set(this.data);
    return new Tensor(data, this.shape);
  }

  /** Returns the values as nested arrays, or a number for shape []. */
  toNested(): Nested {
    expectOwnSize("Tensor.toNested", "the tensor", this);
    const build = (axis: number, offset: number, size: number): Nested => {
      if (axis === this.shape.length) return this.data[offset]!;
      const step = size / this.shape[axis]!;
      return Array.from({ length: this.shape[axis]! }, (_, i) => build(axis + 1, offset + i * step, step));
    };
    return build(0, 0, this.size);
  }

  /** Formats the tensor: dtype, shape, and up to six numbers per axis with four significant digits. */
  toString(): string {
    const title = `Tensor ${this.dtype} ${printShape(this.shape)}`;
    if (this.size !== sizeOf(this.shape)) return `${title}, but ${this.size} values`;
    const print = (axis: number, offset: number, size: number): string => {
      if (axis === this.shape.length) return String(Number(this.data[offset]!.toPrecision(4)));
      const length = this.shape[axis]!;
      const step = size / length;
      const parts: string[] = [];
      for (let i = 0; i < length; i++) {
        if (length > 6 && i === 3) {
          parts.push("...");
          i = length - 3;
        }
        parts.push(print(axis + 1, offset + i * step, step));
      }
      return `[${parts.join(axis === this.shape.length - 1 ? ", " : ",\n" + " ".repeat(axis + 1))}]`;
    };
    return `${title}\n${print(0, 0, this.size)}`;
  }
}

/** Returns whether a value can be used as a tensor. It checks the properties, not the class: each build and realm has its own. */
export function isTensor(value: unknown): value is Tensor {
  if (typeof value !== "object" || value === null) return false;
  const { shape, data, dtype, size } = value as Partial<Tensor>;
  return Array.isArray(shape) && isFloats(data) && dtype !== undefined && size !== undefined;
}

/**
 * Requires a tensor with at least one row and a buffer that is not detached. After `postMessage` or `structuredClone`, a tensor
 * is a plain object. In that case, the message says how to turn it back into a tensor.
 */
export function expectTensor(who: string, name: string, value: unknown): asserts value is Tensor {
  if (isTensor(value)) {
    expectOwnSize(who, name, value);
    if (value.size > 0) return;
    const got = `shape ${printShape(value.shape)}`;
    throw new ShapeError(complaint(who, `${name} to have at least one row`, got, "skip it, or use predict"));
  }
  const { shape, data } = (value ?? {}) as Partial<Tensor>;
  const cure = Array.isArray(shape) && isFloats(data) ? "revive it with new Tensor(t.data, t.shape)" : undefined;
  throw new TypeError(complaint(who, `${name} to be a Tensor`, show(value), cure));
}

function zeros(who: string, shape: Shape, dtype: DType): Tensor {
  expectShape(who, shape);
  return new Tensor(allocateShape(who, shape, expectDType(who, dtype)), shape);
}

/** Allocates the zeros of a shape. */
function allocateShape(who: string, shape: Shape, dtype: DType): OwnFloats {
  return withShapeMemory(who, shape, dtype, () => allocate(dtype, sizeOf(shape)));
}

function withShapeMemory(who: string, shape: Shape, dtype: DType, work: () => OwnFloats): OwnFloats {
  const bytes = sizeOf(shape) * (dtype === "float32" ? 4 : 8);
  return withMemory(who, () => `shape ${printShape(shape)} in ${dtype}`, bytes, work);
}

/** Requires a tensor that still has all its values. Its buffer may have been transferred or shrunk. */
function expectOwnSize(who: string, name: string, tensor: Tensor): void {
  const size = sizeOf(tensor.shape);
  if (tensor.data.length === size) return;
  const got = isDetached(tensor.data) ? show(tensor.data) : `${tensor.data.length}`;
  const cure = "copy the tensor before its buffer is transferred or resized";
  throw new ShapeError(complaint(who, `${name} to have ${size} values, to match its shape`, got, cure));
}

function expectDType(who: string, dtype: unknown): DType {
  expectOneOf(who, "dtype", dtype, ["float32", "float64"]);
  return dtype;
}

/** Requires a number, which may be NaN or infinite. */
function expectValue(who: string, value: unknown): number {
  if (typeof value !== "number") throw new TypeError(complaint(who, "every value to be a number", show(value)));
  return value;
}

/** Returns the shape of numbers in any form: one axis if they are flat, or the lengths of the first array on each level. */
function shapeOfNumbers(values: unknown): number[] {
  const name = typedArrayName(values);
  if (name === "DataView" || name?.startsWith("Big")) {
    throw new TypeError(complaint("Tensor.from", "an array of numbers", show(values)));
  }
  const shape: number[] = [];
  for (let level = values; typeof level !== "number"; level = level[0]) {
    if (!isList(level) || (shape.length > 0 && !Array.isArray(level))) {
      throw new TypeError(complaint("Tensor.from", "numbers in nested arrays", show(level)));
    }
    if (shape.length === MAX_RANK) {
      const cure = "does an array contain itself?";
      throw new ShapeError(complaint("Tensor.from", `at most ${MAX_RANK} levels of arrays`, "more", cure));
    }
    shape.push(level.length);
    if (level.length < 1) {
      const got = isDetached(level) ? show(level) : `shape ${printShape(shape)}`;
      throw new ShapeError(complaint("Tensor.from", "at least one value on every axis", got));
    }
    // Only an array can contain further arrays. Other elements are checked when they are copied.
    if (!Array.isArray(level)) break;
  }
  return shape;
}

/**
 * Writes nested arrays row by row, starting at index `start`, and returns the next index. Every array must be as long as the
 * first on its level.
 */
function write(values: unknown, shape: Shape, axis: number, start: number, into: Floats): number {
  if (axis === shape.length) {
    into[start] = expectValue("Tensor.from", values); // a single number
    return start + 1;
  }
  const length = shape[axis]!;
  if (!isList(values) || values.length !== length) {
    const got = isList(values) ? `one of length ${values.length}` : show(values);
    throw new ShapeError(
      complaint("Tensor.from", `arrays of length ${length} on axis ${axis}, like the first one`, got),
    );
  }
  let at = start;
  if (axis < shape.length - 1) for (let i = 0; i < length; i++) at = write(values[i], shape, axis + 1, at, into);
  else for (let i = 0; i < length; i++) into[at++] = expectValue("Tensor.from", values[i]);
  return at;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return (
    Array.isArray(value) ||
    (typeof value === "object" && value !== null && Number.isSafeInteger((value as Partial<ArrayLike<unknown>>).length))
  );
}
