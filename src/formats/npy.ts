/** .npy: one NumPy array, a header in the syntax of a Python dict before its numbers. */

import { complaint, expectBoolean, show } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import { decodeUtf8, expectBytes, viewOf } from "./bytes.js";
import { parseJsonObject } from "./json.js";
import { decodeArray, expectStoredShape, type StoredArray, type StoredDType } from "./stored-array.js";

const NPY_DTYPES: ReadonlyMap<unknown, StoredDType> = new Map([
  ["<f8", "float64"],
  ["<f4", "float32"],
  ["<i8", "int64"],
  ["<i4", "int32"],
  ["|u1", "uint8"],
  ["|b1", "bool"],
]);
const NPY_MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** As NumPy itself reads. */
const LONGEST_NPY_HEADER = 10_000;

/**
 * Reads a `.npy` file, as `np.save` writes it: format versions 1, 2 and 3.
 *
 * An array that NumPy kept column by column (`fortran_order`, as after a transpose) is brought into rows.
 *
 * - **Cost**: one copy of the numbers, two in Fortran order; never allocates more than the file's size for one
 * - **Source**: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws {TypeError} if it is no `.npy` file, or holds a dtype that is not read
 * @throws {RangeError} if the header leaves the file
 * @throws {ShapeError} if there are more or fewer bytes than the shape needs
 */
export function readNpy(bytes: Uint8Array): StoredArray {
  expectBytes("readNpy", bytes);
  return decodeNpy("readNpy", bytes);
}

/** Reads a `.npy` file that may be part of another; `who` speaks in errors. */
export function decodeNpy(who: string, bytes: Uint8Array): StoredArray {
  if (!NPY_MAGIC.every((byte, i) => bytes[i] === byte))
    throw new TypeError(complaint(who, "a .npy file", "other bytes"));
  const version = bytes[6];
  if (version !== 1 && version !== 2 && version !== 3)
    throw new TypeError(complaint(who, "format version 1, 2 or 3", show(version)));
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) {
    const expected = `a .npy file of at least ${start} bytes`;
    throw new RangeError(complaint(who, expected, `${bytes.length}`, "the file is cut short"));
  }
  const view = viewOf(bytes);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const longest = Math.min(bytes.length - start, LONGEST_NPY_HEADER);
  if (length > longest)
    throw new RangeError(complaint(who, `a header of at most ${longest} bytes`, `${length}`, "the file is cut short"));
  const { descr, fortranOrder, shape } = parseHeader(who, bytes.subarray(start, start + length));
  const dtype = NPY_DTYPES.get(descr);
  if (dtype === undefined) {
    const got = typeof descr === "string" ? show(descr) : "records";
    const cure = 'convert it before saving, as in array.astype("<f8")';
    throw new TypeError(complaint(who, `dtype ${[...NPY_DTYPES.keys()].join(", ")}`, got, cure));
  }
  const array = decodeArray(who, shape, dtype, bytes.subarray(start + length));
  return fortranOrder ? byRows(array) : array;
}

interface NpyHeader {
  readonly descr: unknown;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
}

/** As in `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, which is JSON but for its marks. */
function parseHeader(who: string, bytes: Uint8Array): NpyHeader {
  const text = (decodeUtf8(bytes) ?? "")
    .replaceAll("'", '"')
    .replaceAll("(", "[")
    .replaceAll(")", "]")
    .replaceAll("True", "true")
    .replaceAll("False", "false")
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

/** From column-major order, in which the first index runs fastest, to row-major. */
function byRows({ shape, dtype, values }: StoredArray): StoredArray {
  const rows = values.slice();
  const step = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < rows.length; to++) {
    rows[to] = values[from]!;
    // The next index in row-major order, and where its value stands.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += step[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= step[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { shape, dtype, values: rows } as StoredArray;
}
