import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpy, type StoredArray } from "batchnorm/formats";
import { damaged, doubles, joined, npyFile, npyRow, readOrRefuse, storedArray, utf8 } from "../support/format-files.js";
import { thrownBy } from "../support/throws.js";

const TYPES = { float64: "<f8", float32: "<f4", int64: "<i8", int32: "<i4", uint8: "|u1", bool: "|b1" };

/** As np.save writes an array. */
function saved({ shape, dtype, values }: StoredArray, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const header = `{'descr': '${TYPES[dtype]}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${tuple}, }`;
  return npyFile(`${header.padEnd(117)}\n`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Where the value at a row-major place stands when the first index runs fastest. */
function columnPlace(shape: readonly number[], place: number): number {
  let rest = place;
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index.reduceRight((sum, i, axis) => sum * shape[axis]! + i, 0);
}

describe("readNpy", () => {
  it("reads what np.save writes, whatever the array", () => {
    fc.assert(
      fc.property(storedArray, (array) => {
        expect(readNpy(saved(array))).toEqual(array);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("brings arrays in Fortran order into rows", () => {
    const columns = npyFile("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}", doubles(1, 4, 2, 5, 3, 6));
    expect(readNpy(columns)).toEqual({ shape: [2, 3], dtype: "float64", values: Float64Array.of(1, 2, 3, 4, 5, 6) });
    fc.assert(
      fc.property(storedArray, (array) => {
        const columns = array.values.slice();
        array.values.forEach((value: number | bigint, place: number) => {
          columns[columnPlace(array.shape, place)] = value;
        });
        expect(readNpy(saved({ ...array, values: columns } as StoredArray, true))).toEqual(array);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("reads headers of versions 2 and 3, in other orders and spacings, and without padding", () => {
    const values = { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) };
    const header = `{"shape":( 2 , ),'fortran_order':False ,"descr":'<f8'}`;
    for (const version of [1, 2, 3]) expect(readNpy(npyFile(header, doubles(1, 2), { version }))).toEqual(values);
  });

  const row = (header: string): Uint8Array => npyFile(header, doubles(1));
  const dtypes = "readNpy: expected dtype <f8, <f4, <i8, <i4, |u1, |b1, got";
  const cure = `convert it before saving, as in array.astype("<f8")`;
  it.each([
    [
      "text",
      "a" as never,
      'TypeError: readNpy: expected the file as a Uint8Array, got "a" - read the file as bytes, not as text',
    ],
    ["nothing", new Uint8Array(), "TypeError: readNpy: expected a .npy file, got other bytes"],
    ["another file", utf8("PK\u0003\u0004 and so on"), "TypeError: readNpy: expected a .npy file, got other bytes"],
    [
      "the mark alone",
      npyRow(1).subarray(0, 6),
      "TypeError: readNpy: expected format version 1, 2 or 3, got undefined",
    ],
    [
      "version 4",
      npyFile("{}", doubles(), { version: 4 }),
      "TypeError: readNpy: expected format version 1, 2 or 3, got 4",
    ],
    [
      "half a length",
      npyRow(1).subarray(0, 9),
      "RangeError: readNpy: expected a .npy file of at least 10 bytes, got 9 - the file is cut short",
    ],
    [
      "a header longer than the file",
      npyFile("{}", doubles(1), { length: 11 }),
      "RangeError: readNpy: expected a header of at most 10 bytes, got 11 - the file is cut short",
    ],
    [
      "a header of 4 GB",
      npyFile("{}", doubles(1), { version: 2, length: 0xffffffff }),
      "RangeError: readNpy: expected a header of at most 10 bytes, got 4294967295 - the file is cut short",
    ],
    [
      "a header beyond NumPy's own limit",
      npyFile(" ".repeat(10_001), doubles(1)),
      "RangeError: readNpy: expected a header of at most 10000 bytes, got 10001 - the file is cut short",
    ],
    [
      "a header that is not UTF-8",
      joined(npyFile("{}", doubles(), { length: 4 }), Uint8Array.of(0xff, 0xff)),
      "TypeError: readNpy: expected a header that is a Python dict, got text that does not parse - the file is damaged",
    ],
    [
      "a header that is no dict",
      row("(1, 2)"),
      "TypeError: readNpy: expected the header to be an object in JSON, got [1, 2]",
    ],
    [
      "a call in the header",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': tuple([1])}"),
      "TypeError: readNpy: expected a header that is a Python dict, got text that does not parse - the file is damaged",
    ],
    [
      "no shape",
      row("{'descr': '<f8', 'fortran_order': False}"),
      'TypeError: readNpy: expected a header of "descr", "fortran_order" and "shape", got ["descr", "fortran_order"]',
    ],
    [
      "a key too many",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), '__proto__': 1}"),
      'TypeError: readNpy: expected a header of "descr", "fortran_order" and "shape", got ["descr", "fortran_order", "shape", "__proto__"]',
    ],
    [
      "a key twice",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'shape': (2,)}"),
      'TypeError: readNpy: expected every key once in the header, got "shape" twice',
    ],
    [
      "an order that is a number",
      row("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}"),
      "TypeError: readNpy: expected fortran_order to be true or false, got 0",
    ],
    [
      "a shape that is a number",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': 1}"),
      "TypeError: readNpy: expected a shape, an array of numbers, got 1",
    ],
    [
      "a negative axis",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
      "ShapeError: readNpy: expected every axis of the shape to be a whole number of at least 0, got [-1]",
    ],
    [
      "65 axes",
      row(`{'descr': '<f8', 'fortran_order': True, 'shape': (${"1,".repeat(65)})}`),
      "ShapeError: readNpy: expected at most 64 axes, got 65",
    ],
    ["a deep header", row("(".repeat(5000)), "TypeError: readNpy: expected a header of at most 16 levels, got more"],
    [
      "too few bytes",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}"),
      "ShapeError: readNpy: expected 16 bytes for shape [2] of float64, got 8",
    ],
    [
      "too many bytes",
      row("{'descr': '<f4', 'fortran_order': False, 'shape': ()}"),
      "ShapeError: readNpy: expected 4 bytes for shape [] of float32, got 8",
    ],
    [
      "a shape of exabytes",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000)}"),
      "ShapeError: readNpy: expected 8000000000000000000 bytes for shape [1000000000, 1000000000] of float64, got 8",
    ],
    [
      "big-endian numbers",
      row("{'descr': '>f8', 'fortran_order': False, 'shape': (1,)}"),
      `TypeError: ${dtypes} ">f8" - ${cure}`,
    ],
    [
      "a dtype from a prototype",
      row("{'descr': 'constructor', 'fortran_order': False, 'shape': (1,)}"),
      `TypeError: ${dtypes} "constructor" - ${cure}`,
    ],
    [
      "records",
      row("{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
      `TypeError: ${dtypes} records - ${cure}`,
    ],
  ])("refuses %s", (_, file, message) => {
    expect(thrownBy(() => readNpy(file))).toBe(message);
  });
});

describe("damaged files", () => {
  const file = saved({ shape: [2, 3], dtype: "float32", values: Float32Array.of(1, 2, 3, 4, 5, 6) }, true);

  it("are refused at every length at which they may be cut", () => {
    for (let length = 0; length < file.length; length++) {
      expect(readOrRefuse(readNpy, file.subarray(0, length)), `cut at ${length}`).toBeUndefined();
    }
    expect(readOrRefuse(readNpy, file)).toBeDefined();
  });

  it("are refused or read within their bounds", () => {
    fc.assert(
      fc.property(damaged(file), (bytes) => void readOrRefuse(readNpy, bytes)),
      { seed: 7, numRuns: 1000 },
    );
  });

  it("are refused or read within their bounds, whatever the header says", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "'descr':",
      "'<f8'",
      "'fortran_order':",
      "True",
      "'shape':",
      "(",
      ")",
      "1,",
      "-1",
      "1e9,",
      "'",
      "\\",
      ",",
      " ",
      "[",
      ":",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.uint8Array({ maxLength: 16 }), (pieces, data) => {
        readOrRefuse(readNpy, npyFile(pieces.join(""), data));
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});
