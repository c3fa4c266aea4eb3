import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpy, type StoredArray, type StoredDType } from "batchnorm/formats";
import {
  damaged,
  doubles,
  joined,
  npyFile,
  npyRow,
  readOrRefuse,
  safetensorsFile,
  storedArray,
  utf8,
} from "../support/format-files.js";
import { expectRefusal } from "../support/refusal.js";

const TYPES: Readonly<Record<StoredDType, string>> = {
  float64: "<f8",
  float32: "<f4",
  int64: "<i8",
  int32: "<i4",
  int16: "<i2",
  int8: "|i1",
  uint64: "<u8",
  uint32: "<u4",
  uint16: "<u2",
  uint8: "|u1",
  bool: "|b1",
};

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

  const numbers = (descr: string, data: Uint8Array, shape = `(${data.length / 2},)`): StoredArray =>
    readNpy(npyFile(`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`, data));

  it("widens every float16 exactly, in both byte orders", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const little = new Uint8Array(halves.buffer);
    const big = new Uint8Array(halves.map((half) => (half << 8) | (half >> 8)).buffer);
    const expected = Float32Array.from(halves, (half) => {
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      const size =
        exponent === 31
          ? fraction === 0
            ? Infinity
            : NaN
          : exponent === 0
            ? fraction * 2 ** -24
            : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return half < 0x8000 ? size : -size;
    });
    expect(numbers("<f2", little)).toEqual({ shape: [65536], dtype: "float32", values: expected });
    expect(numbers(">f2", big).values).toEqual(expected);
  });

  it("reads every spelling of a byte order", () => {
    const value = { shape: [1], dtype: "int16", values: Int16Array.of(0x0102) };
    for (const descr of ["<i2", "=i2", "|i2", "i2"]) expect(numbers(descr, Uint8Array.of(2, 1))).toEqual(value);
    expect(numbers(">i2", Uint8Array.of(1, 2))).toEqual(value);
    for (const order of ["<", ">", "|"])
      expect(numbers(`${order}u1`, Uint8Array.of(5, 6), "(2,)").values).toEqual(Uint8Array.of(5, 6));
  });

  it("reads the sizes that Python 2 wrote", () => {
    expect(numbers("<u2", Uint8Array.of(1, 0, 2, 0), "(1L, 2L)")).toEqual({
      shape: [1, 2],
      dtype: "uint16",
      values: Uint16Array.of(1, 2),
    });
  });

  it("brings Fortran order into rows in time that axes of length 1 do not change", () => {
    const seconds = (shape: readonly number[]): number => {
      const tuple = `(${shape.join(", ")})`;
      const file = npyFile(`{'descr': '|u1', 'fortran_order': True, 'shape': ${tuple}}`, new Uint8Array(2 ** 21));
      const times = [1, 2, 3].map(() => {
        const start = performance.now();
        readNpy(file);
        return performance.now() - start;
      });
      return Math.min(...times) / 1000;
    };
    const padding = new Array<number>(62).fill(1);
    expect(seconds([2 ** 20, ...padding, 2])).toBeLessThan(5 * seconds([2 ** 20, 2]) + 0.05);
  });

  it("reads headers of versions 2 and 3, in other orders and spacings, and without padding", () => {
    const values = { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) };
    const header = `{"shape":( 2 , ),'fortran_order':False ,"descr":'<f8'}`;
    for (const version of [1, 2, 3]) expect(readNpy(npyFile(header, doubles(1, 2), { version }))).toEqual(values);
  });

  const row = (header: string): Uint8Array => npyFile(header, doubles(1));
  it.each([
    ["text", "a" as never, 'TypeError: readNpy: Uint8Array | "a" | cure'],
    ["nothing", new Uint8Array(), "TypeError: readNpy: .npy | empty"],
    ["another file", utf8("and so on"), "TypeError: readNpy: .npy | another kind"],
    ["a zip archive", utf8("PK\u0003\u0004 and so on"), "TypeError: readNpy: .npy | zip | cure"],
    ["a safetensors file", safetensorsFile({}), "TypeError: readNpy: .npy | safetensors | cure"],
    ["a web page", utf8("<!doctype html>"), "TypeError: readNpy: .npy | HTML | cure"],
    ["the mark alone", npyRow(1).subarray(0, 6), "TypeError: readNpy: 1 | 2 | 3 | undefined"],
    ["version 4", npyFile("{}", doubles(), { version: 4 }), "TypeError: readNpy: 1 | 2 | 3 | 4"],
    ["half a length", npyRow(1).subarray(0, 9), "RangeError: readNpy: 10 | 9 | cure"],
    ["a header longer than the file", npyFile("{}", doubles(1), { length: 11 }), "RangeError: readNpy: 10 | 11 | cure"],
    [
      "a header of 4 GB",
      npyFile("{}", doubles(1), { version: 2, length: 0xffffffff }),
      "RangeError: readNpy: 10 | 4294967295 | cure",
    ],
    [
      "a header beyond NumPy's own limit",
      npyFile(" ".repeat(10_001), doubles(1)),
      "RangeError: readNpy: 10000 | 10001 | cure",
    ],
    [
      "a header that is not UTF-8",
      joined(npyFile("{}", doubles(), { length: 4 }), Uint8Array.of(0xff, 0xff)),
      "TypeError: readNpy: header | cure",
    ],
    ["a header that is no dict", row("(1, 2)"), "TypeError: readNpy: [1, 2]"],
    [
      "a call in the header",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': tuple([1])}"),
      "TypeError: readNpy: header | cure",
    ],
    [
      "no shape",
      row("{'descr': '<f8', 'fortran_order': False}"),
      'TypeError: readNpy: "descr" | "fortran_order" | "shape" | ["descr", "fortran_order"]',
    ],
    [
      "a key too many",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), '__proto__': 1}"),
      'TypeError: readNpy: "descr" | "fortran_order" | "shape" | ["descr", "fortran_order", "shape", "__proto__"]',
    ],
    [
      "a key twice",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'shape': (2,)}"),
      'TypeError: readNpy: "shape"',
    ],
    ["an order that is a number", row("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}"), "TypeError: readNpy: 0"],
    ["a shape that is a number", row("{'descr': '<f8', 'fortran_order': False, 'shape': 1}"), "TypeError: readNpy: 1"],
    [
      "a negative axis",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
      "ShapeError: readNpy: 0 | [-1]",
    ],
    [
      "65 axes",
      row(`{'descr': '<f8', 'fortran_order': True, 'shape': (${"1,".repeat(65)})}`),
      "ShapeError: readNpy: 64 | 65",
    ],
    ["a deep header", row("(".repeat(5000)), "TypeError: readNpy: 16"],
    [
      "too few bytes",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}"),
      "ShapeError: readNpy: 16 | [2] | float64 | 8 | cure",
    ],
    [
      "too many bytes",
      row("{'descr': '<f4', 'fortran_order': False, 'shape': ()}"),
      "ShapeError: readNpy: 4 | [] | float32 | 8 | cure",
    ],
    [
      "a shape of exabytes",
      row("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000)}"),
      "ShapeError: readNpy: 8000000000000000000 | [1000000000, 1000000000] | float64 | 8",
    ],
    ...[
      ["complex numbers", "<c8", "complex numbers"],
      ["text", "<U2", "text"],
      ["Python objects", "|O", "Python objects"],
      ["dates", "<M8[D]", "dates"],
      ["bfloat16, as NumPy saves it", "|V2", "bfloat16"],
      ["long doubles", "<f16", "<f16"],
      ["a byte order that does not exist", "!f8", "!f8"],
    ].map(
      ([what, descr, cause]) =>
        [
          what!,
          row(`{'descr': '${descr!}', 'fortran_order': False, 'shape': (1,)}`),
          `TypeError: readNpy: dtype | f8 | "${descr!}" | ${cause!} | cure`,
        ] as [string, Uint8Array, string],
    ),
    [
      "a dtype from a prototype",
      row("{'descr': 'constructor', 'fortran_order': False, 'shape': (1,)}"),
      'TypeError: readNpy: dtype | "constructor" | cure',
    ],
    [
      "records",
      row("{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
      "TypeError: readNpy: dtype | records | fields | cure",
    ],
  ])("refuses %s", async (_, file, message) => {
    await expectRefusal(() => readNpy(file), message);
  });
});

describe("damaged files", () => {
  const file = saved({ shape: [2, 3], dtype: "float32", values: Float32Array.of(1, 2, 3, 4, 5, 6) }, true);

  it("are refused at every length at which they may be cut", () => {
    for (let length = 0; length < file.length; length++) {
      expect(readOrRefuse(readNpy, file.subarray(0, length)), `cut at ${length}`).toBeUndefined();
    }
    // The file is in Fortran order: its columns are (1, 2), (3, 4), (5, 6).
    expect(readOrRefuse(readNpy, file)).toEqual({
      shape: [2, 3],
      dtype: "float32",
      values: Float32Array.of(1, 3, 5, 2, 4, 6),
    });
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
