/** Tensor: a shape over a typed array, row-major and contiguous. Nothing more: no broadcasting, no operators. */

import { complaint, expectCount, expectNumber, expectOneOf, show, ShapeError } from "./errors.js";
import { allocate, type DType, dtypeOf, type Floats, isFloats, type OwnFloats } from "./dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "./options.js";
import type { Random } from "./random.js";
import { expectShape, printShape, type Shape, sizeOf } from "./shape.js";

/** Numbers in nested arrays, as `[[1, 2], [3, 4]]`. */
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
  /** Default: that of a Float32Array or Float64Array, else "float32". */
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
 * @throws {ShapeError} if the number of values is not what the shape holds
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

  /** Puts a shape over a typed array, which is kept, not copied. */
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
      throw new ShapeError(
        complaint("Tensor", `${sizeOf(shape)} values for shape ${printShape(shape)}`, `${data.length}`),
      );
    }
    this.shape = Object.freeze([...shape]);
    this.data = data as OwnFloats;
  }

  /** "float32" or "float64": the kind of `data`. */
  get dtype(): DType {
    return dtypeOf(this.data);
  }

  /** How many values there are. */
  get size(): number {
    return this.data.length;
  }

  /** A tensor with a copy of the values: nested arrays bring their shape; a flat or typed array may be given one. */
  static from(values: Nested | ArrayLike<number>, options: TensorFromOptions = {}): Tensor {
    const read = readOptions("Tensor.from", options, fromRules);
    const dtype = read.dtype ?? (isFloats(values) ? dtypeOf(values) : "float32");
    const flat: number[] = [];
    let shape: Shape;
    if (typeof values === "object" && values !== null && !Array.isArray(values)) {
      const list = values as ArrayLike<number>;
      if (!Number.isSafeInteger(list.length)) {
        throw new TypeError(complaint("Tensor.from", "numbers in nested arrays", show(values)));
      }
      for (let i = 0; i < list.length; i++) flat.push(expectValue(list[i]));
      shape = [list.length];
    } else {
      shape = shapeOfNested(values as Nested);
      flattenNested(values as Nested, shape, 0, flat);
    }
    const data = allocate(dtype, flat.length);
    data.set(flat);
    return new Tensor(data, read.shape ?? shape);
  }

  /** A tensor of zeros. */
  static zeros(shape: Shape, dtype: DType = "float32"): Tensor {
    return zeros("Tensor.zeros", shape, dtype);
  }

  /** A tensor that holds one value everywhere. */
  static filled(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
    const tensor = zeros("Tensor.filled", shape, dtype);
    tensor.data.fill(expectValue(value));
    return tensor;
  }

  /** Normally distributed values, mean 0 and std 1 unless said. */
  static normal(shape: Shape, options: NormalOptions): Tensor {
    const { random, mean, std, dtype } = readOptions("Tensor.normal", options, normalRules);
    const tensor = zeros("Tensor.normal", shape, dtype);
    for (let i = 0; i < tensor.size; i++) tensor.data[i] = random.normal(mean, std);
    return tensor;
  }

  /** Uniformly distributed values in [low, high), [0, 1) unless said, rounded to the dtype. */
  static uniform(shape: Shape, options: UniformOptions): Tensor {
    const { random, low, high, dtype } = readOptions("Tensor.uniform", options, uniformRules);
    expectNumber("Tensor.uniform", "high", high, { low });
    const tensor = zeros("Tensor.uniform", shape, dtype);
    for (let i = 0; i < tensor.size; i++) tensor.data[i] = random.uniform(low, high);
    return tensor;
  }

  /** The value at one place: one index an axis. */
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
    return this.data[offset]!;
  }

  /** The same values in memory of their own. */
  copy(): Tensor {
    return new Tensor(this.data.slice(), this.shape);
  }

  /** The same values, in the same memory, under another shape of the same size. */
  reshape(shape: Shape): Tensor {
    expectShape("Tensor.reshape", shape);
    if (sizeOf(shape) !== this.size) {
      throw new ShapeError(complaint("Tensor.reshape", `a shape of ${this.size} values`, printShape(shape)));
    }
    return new Tensor(this.data, shape);
  }

  /** A copy of some rows (places on axis 0), in the order asked for; a row may be taken more than once. */
  rows(indices: ArrayLike<number>): Tensor {
    const count = this.shape[0];
    if (count === undefined) throw new ShapeError(complaint("Tensor.rows", "at least one axis", "shape []"));
    if (typeof indices !== "object" || indices === null) {
      throw new TypeError(complaint("Tensor.rows", "row numbers in an array", show(indices)));
    }
    expectCount("Tensor.rows", "the number of rows", indices.length);
    const width = this.size / count;
    const data = allocate(this.dtype, indices.length * width);
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i]!;
      if (!Number.isInteger(row) || row < 0 || row >= count) {
        throw new RangeError(complaint("Tensor.rows", `row numbers in 0..${count - 1}`, show(row)));
      }
      data.set(this.data.subarray(row * width, (row + 1) * width), i * width);
    }
    return new Tensor(data, [indices.length, ...this.shape.slice(1)]);
  }

  /** The values rounded to another dtype, in memory of their own. */
  cast(dtype: DType): Tensor {
    const data = allocate(expectDType("Tensor.cast", dtype), this.size);
    data.set(this.data);
    return new Tensor(data, this.shape);
  }

  /** The values as nested arrays; a single number for shape []. */
  toNested(): Nested {
    const build = (axis: number, offset: number, size: number): Nested => {
      if (axis === this.shape.length) return this.data[offset]!;
      const step = size / this.shape[axis]!;
      return Array.from({ length: this.shape[axis]! }, (_, i) => build(axis + 1, offset + i * step, step));
    };
    return build(0, 0, this.size);
  }

  /** The tensor in readable form: dtype, shape, and up to six numbers an axis with four significant digits. */
  toString(): string {
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
    return `Tensor ${this.dtype} ${printShape(this.shape)}\n${print(0, 0, this.size)}`;
  }
}

/** Whether a value can be used as a tensor. It is asked for what it has, not for its class: each build and realm has its own. */
export function isTensor(value: unknown): value is Tensor {
  if (typeof value !== "object" || value === null) return false;
  const { shape, data, dtype, size } = value as Partial<Tensor>;
  return Array.isArray(shape) && isFloats(data) && dtype !== undefined && size !== undefined;
}

/** Requires a tensor. One that came through `postMessage` or `structuredClone` is plain data; the message says how to revive it. */
export function expectTensor(who: string, name: string, value: unknown): asserts value is Tensor {
  if (isTensor(value)) return;
  const { shape, data } = (value ?? {}) as Partial<Tensor>;
  const cure = Array.isArray(shape) && isFloats(data) ? "revive it with new Tensor(t.data, t.shape)" : undefined;
  throw new TypeError(complaint(who, `${name} to be a Tensor`, show(value), cure));
}

function zeros(who: string, shape: Shape, dtype: DType): Tensor {
  expectShape(who, shape);
  return new Tensor(allocate(expectDType(who, dtype), sizeOf(shape)), shape);
}

function expectDType(who: string, dtype: unknown): DType {
  expectOneOf(who, "dtype", dtype, ["float32", "float64"]);
  return dtype;
}

/** Requires a number, which may be NaN or infinite. */
function expectValue(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(complaint("Tensor", "every value to be a number", show(value)));
  return value;
}

/** The shape of nested arrays, read off the first one on each level. */
function shapeOfNested(values: Nested): number[] {
  const shape: number[] = [];
  for (let level: Nested = values; typeof level !== "number"; level = level[0]!) {
    if (!isList(level)) throw new TypeError(complaint("Tensor.from", "numbers in nested arrays", show(level)));
    shape.push(level.length);
    if (level.length === 0) {
      throw new ShapeError(complaint("Tensor.from", "at least one value on every axis", `shape ${printShape(shape)}`));
    }
  }
  return shape;
}

/** Appends the numbers row by row, and requires that every array is as long as the first one on its level. */
function flattenNested(values: Nested, shape: Shape, axis: number, into: number[]): void {
  if (axis === shape.length) {
    into.push(expectValue(values));
    return;
  }
  const list = isList(values) ? values : [];
  if (list.length !== shape[axis]) {
    const got = isList(values) ? `an array of ${values.length}` : show(values);
    throw new ShapeError(
      complaint("Tensor.from", `arrays of ${shape[axis]} on axis ${axis}, as the first one is`, got),
    );
  }
  for (const inner of list) flattenNested(inner, shape, axis + 1, into);
}

function isList(value: Nested): value is readonly Nested[] {
  return Array.isArray(value);
}
