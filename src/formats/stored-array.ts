/** StoredArray: an array as files hold it, and how its numbers stand there. */

import { complaint, expectObject, expectOneOf, ShapeError, show } from "../core/errors.js";
import { typedArrayName } from "../core/dtype.js";
import { printShape, type Shape, sizeOf } from "../core/shape.js";

/** The typed array that holds the values of each dtype; a `bool` is a byte, 0 or 1. */
export interface StoredValues {
  float64: Float64Array;
  float32: Float32Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** The kinds of numbers that are read and written. */
export type StoredDType = keyof StoredValues;

/** An array of one dtype. */
export interface StoredArrayOf<D extends StoredDType> {
  /** The length of each axis; [] for a single number. Unlike a tensor's, an axis may be 0 long. */
  readonly shape: Shape;
  readonly dtype: D;
  /** Row by row, in memory of its own. */
  readonly values: StoredValues[D];
}

/**
 * An array as files hold it. Its `dtype` says which typed array `values` is.
 *
 * @example
 * const array: StoredArray = { shape: [2, 1], dtype: "float32", values: Float32Array.of(1, 2) };
 * if (array.dtype === "float32") new Tensor(array.values, array.shape).toNested();   // => [[1], [2]]
 */
export type StoredArray = { [D in StoredDType]: StoredArrayOf<D> }[StoredDType];

/** What a file holds: its arrays by name, in the order of the file. A map, so that no name can reach a prototype. */
export type StoredArrays = ReadonlyMap<string, StoredArray>;

/** Files with more axes than any framework makes are refused: loops over them would take a time without bound. */
const MOST_AXES = 64;

const ARRAY_TYPES: { readonly [D in StoredDType]: ArrayType<StoredValues[D]> } = {
  float64: Float64Array,
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

interface ArrayType<V> {
  new (length: number): V;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

/** How many bytes a number of a dtype takes. */
export function bytesOf(dtype: StoredDType): number {
  return ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
}

/** Requires a shape with axes of whole numbers, 0 allowed, as files have it. */
export function expectStoredShape(who: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) throw new TypeError(complaint(who, "a shape, an array of numbers", show(shape)));
  if (shape.length > MOST_AXES) throw new ShapeError(complaint(who, `at most ${MOST_AXES} axes`, `${shape.length}`));
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(complaint(who, "every axis of the shape to be a whole number of at least 0", show(shape)));
  }
}

/** The array that bytes of a file hold. Requires as many bytes as the shape asks for, so nothing is allocated beyond them. */
export function decodeArray(who: string, shape: Shape, dtype: StoredDType, bytes: Uint8Array): StoredArray {
  const size = bytesOf(dtype);
  const expected = sizeOf(shape) * size;
  if (bytes.length !== expected) {
    const what = `${expected} bytes for shape ${printShape(shape)} of ${dtype}`;
    throw new ShapeError(complaint(who, what, `${bytes.length}`));
  }
  const values = new ARRAY_TYPES[dtype](bytes.length / size);
  copyNumbers(bytes, new Uint8Array(values.buffer), size);
  return { shape, dtype, values } as StoredArray;
}

/** Writes the values of an array where a file wants them. */
export function encodeArray({ dtype, values }: StoredArray, into: Uint8Array): void {
  copyNumbers(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), into, bytesOf(dtype));
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Copies numbers between a file, which is little-endian, and memory, which on a few machines is not. */
export function copyNumbers(from: Uint8Array, to: Uint8Array, size: number, reverse: boolean = !littleEndian): void {
  to.set(from);
  if (reverse) for (let at = 0; at < to.length; at += size) to.subarray(at, at + size).reverse();
}

/** Requires a map of arrays as this file describes them: users may have built it by hand. */
export function expectStoredArrays(who: string, arrays: unknown): asserts arrays is StoredArrays {
  if (typeof (arrays as Partial<StoredArrays> | undefined)?.entries !== "function" || !("get" in (arrays as object))) {
    const got = Array.isArray(arrays) ? "a list" : show(arrays);
    throw new TypeError(complaint(who, "a Map of arrays by name", got, "make one as in new Map([[name, array]])"));
  }
  for (const [name, array] of arrays as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== "string") throw new TypeError(complaint(who, "every name to be a string", show(name)));
    expectStoredArray(`${who}: ${show(name)}`, array);
  }
}

function expectStoredArray(who: string, array: unknown): void {
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
}
