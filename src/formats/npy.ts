/** .npy: one NumPy array, a header in the syntax of a Python dict before its numbers. */

import { complaint, expectBoolean, show } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import { decodeUtf8, describeFile, expectBytes, viewOf } from "./bytes.js";
import { parseJsonObject } from "./json.js";
import { decodeArray, expectStoredShape, type FileDType, type StoredArray } from "./stored-array.js";

/** The numbers that are read, as NumPy writes them after the mark of the byte order. */
const NPY_DTYPES: ReadonlyMap<string, FileDType> = new Map<string, FileDType>([
  ["f8", "float64"],
  ["f4", "float32"],
  ["f2", "float16"],
  ["i8", "int64"],
  ["i4", "int32"],
  ["i2", "int16"],
  ["i1", "int8"],
  ["u8", "uint64"],
  ["u4", "uint32"],
  ["u2", "uint16"],
  ["u1", "uint8"],
  ["b1", "bool"],
]);
/** What else NumPy saves, by the letter of its dtype, each with what to do. */
const OTHER_KINDS: ReadonlyMap<string, readonly [kind: string, cure: string]> = new Map([
  ["O", ["Python objects", "save an array of numbers"]],
  ["U", ["text", "save an array of numbers"]],
  ["S", ["text", "save an array of numbers"]],
  ["M", ["dates", 'convert them before saving, as in array.astype("<i8")']],
  ["m", ["times", 'convert them before saving, as in array.astype("<i8")']],
  ["c", ["complex numbers", "save array.real and array.imag"]],
  ["V", ["raw bytes, as NumPy saves bfloat16", 'convert them before saving, as in array.astype("<f4")']],
]);
const NPY_MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** NumPy's own limit. */
const LONGEST_NPY_HEADER = 10_000;

/**
 * Reads a `.npy` file, as `np.save` writes it: format versions 1, 2 and 3, all whole numbers, booleans and float16 to
 * float64, in either byte order.
 *
 * float16 is read as float32, exactly. An array in Fortran order, as after a transpose, is brought into row-major order.
 *
 * - **Cost**: one copy of the numbers, two in Fortran order; never allocates more than twice the file's size for one
 * - **Source**: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws {TypeError} if it is not a `.npy` file, or its dtype is not supported
 * @throws {RangeError} if the header is longer than the file
 * @throws {ShapeError} if there are more or fewer bytes than the shape needs
 */
export function readNpy(bytes: Uint8Array): StoredArray {
  expectBytes("readNpy", bytes);
  return decodeNpy("readNpy", bytes);
}

/** Decodes a `.npy` file that may be part of an archive; `who` begins the messages of its errors. */
export function decodeNpy(who: string, bytes: Uint8Array): StoredArray {
  if (!NPY_MAGIC.every((byte, i) => bytes[i] === byte)) {
    const { got, cure } = describeFile(bytes);
    throw new TypeError(complaint(who, "a .npy file", got, cure));
  }
  const version = bytes[6];
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new TypeError(complaint(who, "format version 1, 2 or 3", show(version)));
  }
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) {
    const expected = `a .npy file of at least ${start} bytes`;
    throw new RangeError(complaint(who, expected, `${bytes.length}`, "the file is cut short"));
  }
  const view = viewOf(bytes);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const longest = Math.min(bytes.length - start, LONGEST_NPY_HEADER);
  if (length > longest) {
    throw new RangeError(complaint(who, `a header of at most ${longest} bytes`, `${length}`, "the file is cut short"));
  }
  const { descr, fortranOrder, shape } = parseHeader(who, bytes.subarray(start, start + length));
  const [, order, numbers] = /^([<>=|]?)(.+)$/.exec(typeof descr === "string" ? descr : "") ?? [];
  const dtype = NPY_DTYPES.get(numbers ?? "");
  if (dtype === undefined) throw new TypeError(complaint(who, ...otherKind(descr, numbers)));
  const array = decodeArray(who, shape, dtype, bytes.subarray(start + length), order === ">");
  return fortranOrder ? byRows(array) : array;
}

/** Words the refusal of a dtype: what was expected, what came, and what to do. */
function otherKind(descr: unknown, numbers = ""): [expected: string, got: string, cure: string] {
  const expected = `dtype ${[...NPY_DTYPES.keys()].join(", ")}`;
  if (typeof descr !== "string")
    return [expected, "records of several fields", "save each field as an array of its own"];
  const [kind, cure] = OTHER_KINDS.get(numbers[0] ?? "") ?? [];
  const got = kind === undefined ? show(descr) : `${show(descr)}, which is ${kind}`;
  return [expected, got, cure ?? 'convert it before saving, as in array.astype("<f8")'];
}

interface NpyHeader {
  readonly descr: unknown;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
}

/**
 * Parses a header such as `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, which is JSON but for its marks.
 * Python 2 wrote sizes as in `(3L, 4L)`.
 */
function parseHeader(who: string, bytes: Uint8Array): NpyHeader {
  const text = (decodeUtf8(bytes) ?? "")
    .replaceAll("'", '"')
    .replaceAll("(", "[")
    .replaceAll(")", "]")
    .replaceAll("True", "true")
    .replaceAll("False", "false")
    .replace(/(\d)L\b/g, "$1")
    .replace(/,\s*([\]}])/g, "$1");
  const header = parseJsonObject(who, text, "a header that is a Python dict");
  const { descr, fortran_order: fortranOrder, shape } = header;
  if (Object.keys(header).sort().join() !== "descr,fortran_order,shape") {
    throw new TypeError(complaint(who, 'a header of "descr", "fortran_order" and "shape"', show(Object.keys(header))));
  }
  expectBoolean(who, "fortran_order", fortranOrder);
  expectStoredShape(who, shape);
  return { descr, fortranOrder, shape };
}

/** Brings values from column-major order, in which the first index runs fastest, into row-major order. */
function byRows({ shape, dtype, values }: StoredArray): StoredArray {
  // Axes of length 1 change nothing, and a file may have dozens: without them, an index rarely moves more than one axis.
  const axes = shape.filter((size) => size !== 1);
  if (axes.length < 2 || values.length === 0) return { shape, dtype, values } as StoredArray;
  const rows = values.slice();
  const steps: number[] = [];
  let step = 1;
  for (const size of axes) {
    steps.push(step);
    step *= size;
  }
  const last = axes.length - 1;
  const index = axes.map(() => 0);
  let from = 0;
  for (let to = 0; to < rows.length;) {
    for (let i = 0, at = from; i < axes[last]!; i++, at += steps[last]!) rows[to++] = values[at]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < axes[axis]!) break;
      from -= steps[axis]! * axes[axis]!;
      index[axis] = 0;
    }
  }
  return { shape, dtype, values: rows } as StoredArray;
}
