/** .npy: one NumPy array. The header is a Python dict. */

import { complaint, expectBoolean, show } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import { decodeUtf8, describeFile, expectBytes, viewOf } from "./bytes.js";
import { parseJsonObject } from "./json.js";
import { decodeArray, expectStoredShape, type FileDType, type StoredArray } from "./stored-array.js";

/** The supported dtypes by their NumPy codes, without the character for the byte order. */
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
/** Unsupported dtypes by the letter of their NumPy codes, with what to do instead. */
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
/** The limit of NumPy. */
const LONGEST_NPY_HEADER = 10_000;

/**
 * Reads a `.npy` file, as written by `np.save`.
 *
 * Supports format versions 1 to 3, all integers, booleans, and float16 to float64, in either byte order. float16 is widened to
 * float32 exactly. Arrays in Fortran order (after a transpose, for example) are returned in row-major order.
 *
 * - **Cost**: one copy of the numbers, or two in Fortran order; no allocation exceeds twice the size of the file
 * - **Source**: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws {TypeError} if it is not a `.npy` file or the dtype is not supported
 * @throws {RangeError} if the header is longer than the file
 * @throws {ShapeError} if the file has more or fewer bytes than the shape requires
 */
export function readNpy(bytes: Uint8Array): StoredArray {
  expectBytes("readNpy", bytes);
  return decodeNpy("readNpy", bytes);
}

/** Decodes a `.npy` file, which may be part of an archive. `who` is the beginning of its error messages. */
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

/** Returns the parts of the error message about an unsupported dtype. */
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
 * Parses a header such as `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }` by converting its syntax to JSON. Python 2
 * wrote sizes as in `(3L, 4L)`.
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

/** Reorders values from column-major order, in which the first index varies fastest, to row-major order. */
function byRows({ shape, dtype, values }: StoredArray): StoredArray {
  // Ignores axes of length 1, of which a file may have dozens. The loop over axes then rarely takes more than one step.
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
