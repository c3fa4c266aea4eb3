/** StoredArray: an array in a file, and the encoding of its numbers. */

import { complaint, expectObject, expectOneOf, ShapeError, show } from "../core/errors.js";
import { typedArrayName } from "../core/dtype.js";
import { nearest, type OptionRules, readOptions } from "../core/options.js";
import { printShape, type Shape, sizeOf } from "../core/shape.js";
import { allocated } from "./bytes.js";

/** The typed array for the values of each dtype. A `bool` is a byte, 0 or 1. */
export interface StoredValues {
  float64: Float64Array;
  float32: Float32Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint64: BigUint64Array;
  uint32: Uint32Array;
  uint16: Uint16Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** The dtypes of stored arrays. Files may also contain float16 and bfloat16, which are read as float32. */
export type StoredDType = keyof StoredValues;

/** An array of one dtype. */
export interface StoredArrayOf<D extends StoredDType> {
  /** The length of each axis; [] for a single number. Unlike in tensors, axes may have length 0. */
  readonly shape: Shape;
  readonly dtype: D;
  /** The values in row-major order. */
  readonly values: StoredValues[D];
}

/**
 * An array that was read from a file or can be written to one. Its `dtype` determines the type of `values`.
 *
 * @example
 * const array: StoredArray = { shape: [2, 1], dtype: "float32", values: Float32Array.of(1, 2) };
 * if (array.dtype === "float32") new Tensor(array.values, array.shape).toNested();   // => [[1], [2]]
 */
export type StoredArray = { [D in StoredDType]: StoredArrayOf<D> }[StoredDType];

/** The arrays in a file by name, in file order. */
export type StoredArrays = ReadonlyMap<string, StoredArray>;

/** Options for `readSafetensors` and `readNpz`. */
export interface ReadArraysOptions {
  /**
   * The names of the arrays to read, or a function that returns true for them. Other arrays are skipped and may have any dtype.
   * Default: all arrays in the file.
   */
  readonly names?: readonly string[] | ((name: string) => boolean) | undefined;
}

/** The dtypes of numbers in files. float16 and bfloat16 are widened to float32, which is exact. */
export type FileDType = StoredDType | "float16" | "bfloat16";

/** The maximum number of axes, more than any framework creates. With more, loops over the axes for each value would be slow. */
const MOST_AXES = 64;

const ARRAY_TYPES: { readonly [D in StoredDType]: ArrayType<StoredValues[D]> } = {
  float64: Float64Array,
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

interface ArrayType<V> {
  new (length: number): V;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

const readArraysRules = { names: { kind: "any", optional: true } } as const satisfies OptionRules<ReadArraysOptions>;

/** Returns the names of the arrays to read. */
export function chosenNames(who: string, options: ReadArraysOptions, available: readonly string[]): Set<string> {
  const { names } = readOptions(who, options, readArraysRules);
  if (names === undefined) return new Set(available);
  if (typeof names === "function") return new Set(available.filter((name) => names(name)));
  if (!Array.isArray(names)) {
    throw new TypeError(complaint(who, "names to be an array or a function", show(names)));
  }
  const known = new Set(available);
  const missing = (names as readonly string[]).filter((name) => !known.has(name));
  if (missing.length > 0) {
    const near = typeof missing[0] === "string" ? nearest(missing[0], available) : undefined;
    const cure = near === undefined ? undefined : `did you mean ${show(near)}?`;
    throw new TypeError(complaint(who, "names of arrays in the file", missing.map(show).join(", "), cure));
  }
  return new Set(names as readonly string[]);
}

/** Returns the number of bytes per number in a file. */
export function bytesOf(dtype: FileDType): number {
  return dtype === "float16" || dtype === "bfloat16" ? 2 : ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
}

/** Requires a shape of integers >= 0. Unlike in tensors, an axis may have length 0. */
export function expectStoredShape(who: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) throw new TypeError(complaint(who, "a shape, an array of numbers", show(shape)));
  if (shape.length > MOST_AXES) throw new ShapeError(complaint(who, `at most ${MOST_AXES} axes`, `${shape.length}`));
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(complaint(who, "every axis of the shape to be a whole number of at least 0", show(shape)));
  }
}

/**
 * Decodes an array from the bytes of a file. The number of bytes must match the shape. This limits allocation to twice that
 * number.
 */
export function decodeArray(
  who: string,
  shape: Shape,
  dtype: FileDType,
  bytes: Uint8Array,
  bigEndian: boolean = false,
): StoredArray {
  const size = bytesOf(dtype);
  const expected = sizeOf(shape) * size;
  if (bytes.length !== expected) {
    const what = `${expected} bytes for shape ${printShape(shape)} of ${dtype}`;
    const cure =
      bytes.length < expected
        ? "the file is truncated or damaged"
        : "the file contains more than one array, or is damaged";
    throw new ShapeError(complaint(who, what, `${bytes.length}`, cure));
  }
  if (dtype === "float16" || dtype === "bfloat16") {
    return { shape, dtype: "float32", values: widened(who, dtype, bytes, bigEndian) };
  }
  const values = allocated(who, bytes.length, () => new ARRAY_TYPES[dtype](bytes.length / size));
  copyNumbers(bytes, new Uint8Array(values.buffer), size, bigEndian === littleEndian);
  return { shape, dtype, values } as StoredArray;
}

/**
 * Converts 16-bit floats to float32 exactly. bfloat16 is the upper half of a float32. float16 has 5 exponent bits and 10 fraction
 * bits.
 */
function widened(who: string, dtype: "float16" | "bfloat16", bytes: Uint8Array, bigEndian: boolean): Float32Array {
  const values = allocated(who, 2 * bytes.length, () => new Float32Array(bytes.length / 2));
  const bits = new Uint32Array(values.buffer);
  const high = bigEndian ? 0 : 1;
  for (let i = 0; i < values.length; i++) {
    const half = (bytes[2 * i + high]! << 8) | bytes[2 * i + 1 - high]!;
    const exponent = (half >> 10) & 31;
    if (dtype === "bfloat16") bits[i] = half << 16;
    else if (exponent === 0) values[i] = (half & 0x8000 ? -1 : 1) * (half & 1023) * 2 ** -24;
    else bits[i] = ((half & 0x8000) << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | ((half & 1023) << 13);
  }
  return values;
}

/** Writes the values of an array to the bytes of a file. */
export function encodeArray({ dtype, values }: StoredArray, into: Uint8Array): void {
  copyNumbers(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), into, bytesOf(dtype));
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Copies numbers between a file and memory. Reverses the bytes of each number if the byte orders differ. */
export function copyNumbers(from: Uint8Array, to: Uint8Array, size: number, reverse: boolean = !littleEndian): void {
  if (!reverse || size === 1) {
    to.set(from);
    return;
  }
  for (let at = 0; at < from.length; at += size) {
    for (let byte = 0; byte < size; byte++) to[at + byte] = from[at + size - 1 - byte]!;
  }
}

/**
 * Requires a valid `Map` of arrays, which users may have built by hand. Returns a new `Map` with the checked properties, each of
 * which is read only once.
 */
export function readStoredArrays(who: string, arrays: unknown): Map<string, StoredArray> {
  if (typeof (arrays as Partial<StoredArrays> | undefined)?.entries !== "function" || !("get" in (arrays as object))) {
    const got = Array.isArray(arrays) ? "a list" : show(arrays);
    const isFile = ArrayBuffer.isView(arrays) || typeof arrays === "string";
    const cure = isFile ? "read the file with readSafetensors or readNpz" : "create one as in new Map([[name, array]])";
    throw new TypeError(complaint(who, "a Map of arrays by name", got, cure));
  }
  const read = new Map<string, StoredArray>();
  for (const [name, array] of arrays as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== "string") throw new TypeError(complaint(who, "every name to be a string", show(name)));
    read.set(name, readStoredArray(`${who}: ${show(name)}`, array));
  }
  return read;
}

function readStoredArray(who: string, array: unknown): StoredArray {
  expectObject(who, "the array", array);
  const { shape, dtype, values } = array as {
    readonly shape?: unknown;
    readonly dtype?: unknown;
    readonly values?: unknown;
  };
  expectStoredShape(who, shape);
  expectOneOf(who, "dtype", dtype, Object.keys(ARRAY_TYPES) as StoredDType[]);
  const type = ARRAY_TYPES[dtype];
  if (typedArrayName(values) !== type.name) {
    throw new TypeError(complaint(who, `values in a ${type.name} for dtype ${dtype}`, show(values)));
  }
  const { length } = values as StoredArray["values"];
  if (length !== sizeOf(shape)) {
    throw new ShapeError(complaint(who, `${sizeOf(shape)} values for shape ${printShape(shape)}`, `${length}`));
  }
  return { shape, dtype, values } as StoredArray;
}
