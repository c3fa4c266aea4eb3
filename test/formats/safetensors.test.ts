import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSafetensors, readSafetensorsMetadata, type StoredArray, writeSafetensors } from "batchnorm/formats";
import {
  damaged,
  doubles,
  float64,
  joined,
  little,
  npyRow,
  readOrRefuse,
  safetensorsFile,
  storedArrays,
  utf8,
} from "../support/format-files.js";
import { expectRefusal } from "../support/refusal.js";

const entry = (shape: unknown, begin: unknown, end: unknown, dtype: unknown = "F64"): object => {
  return { dtype, shape, data_offsets: [begin, end] };
};

describe("readSafetensors", () => {
  it("reads a file written by hand, arrays in the order of their bytes", () => {
    const header = `{"b":{"dtype":"F64","shape":[1,2],"data_offsets":[4,20]},"ä":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}  `;
    const arrays = readSafetensors(safetensorsFile(header, joined(Uint8Array.of(1, 0, 0, 1), doubles(0.5, -3))));
    expect([...arrays]).toEqual([
      ["ä", { shape: [4], dtype: "bool", values: Uint8Array.of(1, 0, 0, 1) }],
      ["b", { shape: [1, 2], dtype: "float64", values: Float64Array.of(0.5, -3) }],
    ]);
  });

  it("reads from the middle of a buffer, as Node's files often are, and gives memory of its own", () => {
    const file = safetensorsFile({ a: entry([2], 0, 16) }, doubles(1, 2));
    const pool = Buffer.concat([Buffer.from("abc"), file, Buffer.from("de")]);
    const values = readSafetensors(pool.subarray(3, 3 + file.length)).get("a")!.values;
    pool.fill(0xff);
    expect(values).toEqual(Float64Array.of(1, 2));
  });

  it("keeps names that look like a prototype's as names", () => {
    const header = `{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`;
    const arrays = readSafetensors(safetensorsFile(header, Uint8Array.of(3, 4)));
    expect([...arrays.keys()]).toEqual(["__proto__", "constructor"]);
    expect(arrays.get("__proto__")!.values).toEqual(Uint8Array.of(3));
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it("keeps marks of JSON in names apart from those around them", async () => {
    const names = ['a":{"', "ends in a \\", "[".repeat(20), "}:]", '"', "\\"];
    const header = Object.fromEntries(names.map((name) => [name, entry([0], 0, 0)]));
    expect([...readSafetensors(safetensorsFile(header)).keys()]).toEqual(names);
    const twice = `{"\\"":${JSON.stringify(entry([0], 0, 0))},"\\u0022":${JSON.stringify(entry([0], 0, 0))}}`;
    await expectRefusal(() => readSafetensors(safetensorsFile(twice)), 'TypeError: readSafetensors: "\\"" | twice');
  });

  it("reads an empty array wherever the header names it", () => {
    const header = { full: entry([1], 0, 8), first: entry([0], 0, 0), last: entry([2, 0], 8, 8) };
    const arrays = readSafetensors(safetensorsFile(header, doubles(5)));
    expect([...arrays].map(([name, { shape, values }]) => [name, shape, [...values]])).toEqual([
      ["first", [0], []],
      ["full", [1], [5]],
      ["last", [2, 0], []],
    ]);
  });

  it("reads every dtype that a typed array holds, and widens float16 and bfloat16 exactly", () => {
    const cases: readonly (readonly [tag: string, bytes: readonly number[], values: StoredArray["values"]])[] = [
      ["I8", [0x80, 0x7f], Int8Array.of(-128, 127)],
      ["U8", [0x80, 0x7f], Uint8Array.of(128, 127)],
      ["I16", [0, 0x80, 0xff, 0x7f], Int16Array.of(-32768, 32767)],
      ["U16", [0, 0x80, 0xff, 0x7f], Uint16Array.of(32768, 32767)],
      ["I32", [0, 0, 0, 0x80], Int32Array.of(-(2 ** 31))],
      ["U32", [0, 0, 0, 0x80], Uint32Array.of(2 ** 31)],
      ["I64", [0, 0, 0, 0, 0, 0, 0, 0x80], BigInt64Array.of(-(2n ** 63n))],
      ["U64", [0, 0, 0, 0, 0, 0, 0, 0x80], BigUint64Array.of(2n ** 63n)],
      ["F16", [0x00, 0x3c, 0x01, 0x80, 0xff, 0x7b, 0, 0xfc], Float32Array.of(1, -(2 ** -24), 65504, -Infinity)],
      ["BF16", [0x80, 0x3f, 0x01, 0x80, 0x7f, 0x7f, 0xc0, 0x7f], Float32Array.of(1, -(2 ** -133), 255 * 2 ** 120, NaN)],
    ];
    for (const [tag, bytes, values] of cases) {
      const file = safetensorsFile({ a: entry([values.length], 0, bytes.length, tag) }, Uint8Array.from(bytes));
      expect(readSafetensors(file).get("a")!.values, tag).toEqual(values);
    }
  });

  it("reads only the arrays that are named", async () => {
    const file = safetensorsFile({ odd: entry([8], 0, 8, "F8_E5M2"), a: entry([1], 8, 16) }, doubles(1, 2));
    expect([...readSafetensors(file, { names: ["a"] }).keys()]).toEqual(["a"]);
    expect([...readSafetensors(file, { names: (name) => name.length === 1 }).keys()]).toEqual(["a"]);
    await expectRefusal(() => readSafetensors(file), 'TypeError: readSafetensors: "odd": "F8_E5M2" | cure');
    await expectRefusal(() => readSafetensors(file, { names: ["ood"] }), 'TypeError: readSafetensors: "ood" | cure');
  });

  it("gives the metadata apart", () => {
    const file = safetensorsFile({ __metadata__: { format: "pt" }, a: entry([0], 0, 0) });
    expect(readSafetensorsMetadata(file)).toEqual({ format: "pt" });
    expect([...readSafetensors(file).keys()]).toEqual(["a"]);
    expect(readSafetensorsMetadata(safetensorsFile({}))).toEqual({});
  });

  const one = (header: unknown, data = doubles(1)): Uint8Array => safetensorsFile(header, data);
  it.each([
    ["text", "a" as never, 'TypeError: readSafetensors: Uint8Array | "a" | cure'],
    ["an ArrayBuffer", new ArrayBuffer(8) as never, "TypeError: readSafetensors: Uint8Array | cure"],
    ["nothing", new Uint8Array(), "RangeError: readSafetensors: 8 | 0 | cure"],
    ["seven bytes", new Uint8Array(7), "RangeError: readSafetensors: 8 | 7 | cure"],
    ["a length alone, of an empty header", little(0, 8), "TypeError: readSafetensors: header | cure"],
    ["a length alone, of a header that is missing", little(2, 8), "RangeError: readSafetensors: 0 | 2 | cure"],
    ["a zip archive", utf8("PK\u0003\u0004 and so on"), "TypeError: readSafetensors: zip | cure"],
    ["a .npy file", npyRow(1), "TypeError: readSafetensors: .npy | cure"],
    ["an HDF5 file", joined(Uint8Array.of(0x89), utf8("HDF and so on")), "TypeError: readSafetensors: HDF5 | cure"],
    [
      "a header longer than the file",
      safetensorsFile("{}", new Uint8Array(), 3),
      "RangeError: readSafetensors: 2 | 3 | cure",
    ],
    [
      "a header of 2^64 - 1 bytes",
      safetensorsFile("{}", new Uint8Array(), 2n ** 64n - 1n),
      "RangeError: readSafetensors: 2 | 18446744073709552000 | cure",
    ],
    ["a header that is not UTF-8", one(Uint8Array.of(0x7b, 0xff, 0x7d)), "TypeError: readSafetensors: UTF-8 | cure"],
    ["a header that is not JSON", one("{'a': 1}"), "TypeError: readSafetensors: header | cure"],
    ["a header that does not end", one('{"a'), "TypeError: readSafetensors: header | cure"],
    ["a header that is an array", one([]), "TypeError: readSafetensors: []"],
    ["a header that is null", one("null"), "TypeError: readSafetensors: null"],
    [
      "a name twice",
      one(`{"a":${JSON.stringify(entry([1], 0, 8))},"\\u0061":${JSON.stringify(entry([1], 0, 8))}}`),
      'TypeError: readSafetensors: "a"',
    ],
    [
      "a field twice",
      one('{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8],"shape":[2]}}'),
      'TypeError: readSafetensors: "shape"',
    ],
    ["a deep header", one(`{"a":${"[".repeat(16)}${"]".repeat(16)}}`), "TypeError: readSafetensors: 16"],
    ["a million open brackets", one("[".repeat(1e6)), "TypeError: readSafetensors: 16"],
    ["metadata that are no object", one({ __metadata__: [] }), "TypeError: readSafetensors: metadata | []"],
    ["metadata that are no texts", one({ __metadata__: { a: 1 } }), 'TypeError: readSafetensors: metadata | "a" | 1'],
    ["an entry that is a number", one({ a: 1 }), 'TypeError: readSafetensors: "a": 1'],
    ["no dtype", one({ a: { shape: [1], data_offsets: [0, 8] } }), `TypeError: readSafetensors: "a": undefined | cure`],
    [
      "numbers of 8 bits with a point",
      one({ a: entry([8], 0, 8, "F8_E4M3") }),
      `TypeError: readSafetensors: "a": "F8_E4M3" | cure`,
    ],
    [
      "a dtype from a prototype",
      one({ a: entry([1], 0, 8, "constructor") }),
      `TypeError: readSafetensors: "a": "constructor" | cure`,
    ],
    ["no shape", one({ a: entry(undefined, 0, 8) }), 'TypeError: readSafetensors: "a": undefined'],
    ["a negative axis", one({ a: entry([-1, -1], 0, 8) }), 'ShapeError: readSafetensors: "a": 0 | [-1, -1]'],
    ["half an axis", one({ a: entry([0.5, 2], 0, 8) }), 'ShapeError: readSafetensors: "a": 0 | [0.5, 2]'],
    ["an axis that is a text", one({ a: entry(["1"], 0, 8) }), 'ShapeError: readSafetensors: "a": 0 | ["1"]'],
    ["65 axes", one({ a: entry(Array(65).fill(1), 0, 8) }), 'ShapeError: readSafetensors: "a": 64 | 65'],
    [
      "a shape beyond 2^53",
      one({ a: entry([2 ** 52, 2 ** 52], 0, 8) }),
      'ShapeError: readSafetensors: "a": 1.6225927682921336e+32 | [4503599627370496, 4503599627370496] | float64 | 8',
    ],
    [
      "a shape whose size overflows",
      one({ a: entry(Array(64).fill(2 ** 52), 0, 8) }),
      'ShapeError: readSafetensors: "a": Infinity | float64 | 8',
    ],
    [
      "an empty shape whose size overflows",
      one({ a: entry([...(Array(63).fill(2 ** 52) as number[]), 0], 0, 8) }),
      'ShapeError: readSafetensors: "a": NaN | float64 | 8',
    ],
    [
      "fewer bytes than the shape asks for",
      one({ a: entry([2], 0, 8) }),
      'ShapeError: readSafetensors: "a": 16 | [2] | float64 | 8',
    ],
    ["no offsets", one({ a: { dtype: "F64", shape: [1] } }), 'TypeError: readSafetensors: "a": undefined'],
    ["one offset", one({ a: { dtype: "F64", shape: [1], data_offsets: [8] } }), 'TypeError: readSafetensors: "a": [8]'],
    ["an offset beyond the file", one({ a: entry([1], 8, 16) }), 'RangeError: readSafetensors: "a": 8 | [8, 16]'],
    ["a negative offset", one({ a: entry([1], -8, 0) }), 'RangeError: readSafetensors: "a": 8 | [-8, 0]'],
    ["offsets in the wrong order", one({ a: entry([1], 8, 0) }), 'RangeError: readSafetensors: "a": 8 | [8, 0]'],
    ["an offset that is a text", one({ a: entry([1], "0", 8) }), 'RangeError: readSafetensors: "a": 8 | ["0", 8]'],
    ["a gap in front", one({ a: entry([1], 8, 16) }, doubles(1, 2)), 'RangeError: readSafetensors: "a": 0 | 8 | cure'],
    [
      "overlapping arrays",
      one({ a: entry([2], 0, 16), b: entry([1], 8, 16) }, doubles(1, 2)),
      'RangeError: readSafetensors: "b": 16 | 8 | cure',
    ],
    [
      "two arrays in the same bytes",
      one({ a: entry([1], 0, 8), b: entry([1], 0, 8) }),
      'RangeError: readSafetensors: "b": 8 | 0 | cure',
    ],
    [
      "bytes behind the last array",
      one({ a: entry([1], 0, 8) }, doubles(1, 2)),
      "RangeError: readSafetensors: 8 | 16 | cure",
    ],
  ])("refuses %s", async (_, file, message) => {
    await expectRefusal(() => readSafetensors(file), message);
  });

  it("refuses a header beyond the reference implementation's limit", async () => {
    const file = new Uint8Array(8 + 100_000_001);
    file.set(little(100_000_001, 8));
    await expectRefusal(() => readSafetensors(file), "RangeError: readSafetensors: 100000000 | 100000001 | cure");
  });
});

describe("writeSafetensors", () => {
  it("writes what the format says, wide numbers first", () => {
    const file = writeSafetensors(
      new Map<string, StoredArray>([
        ["ü", { shape: [3], dtype: "uint8", values: Uint8Array.of(7, 8, 9) }],
        ["a", float64([], [0.5])],
      ]),
      { format: "pt" },
    );
    const text =
      `{"__metadata__":{"format":"pt"},"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},` +
      `"\\u00fc":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}`;
    const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
    expect(padded.length).toBeGreaterThan(text.length);
    expect(file).toEqual(safetensorsFile(padded, joined(doubles(0.5), Uint8Array.of(7, 8, 9))));
  });

  it("gives bytes in memory of their own, as the types of Blob and fetch ask for since TypeScript 5.7", () => {
    const bytes: Uint8Array<ArrayBuffer> = writeSafetensors(new Map());
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it("writes an array that is a part of a longer one", () => {
    const values = Float64Array.of(1, 2, 3, 4).subarray(1, 3);
    const file = writeSafetensors(new Map<string, StoredArray>([["a", { shape: [2], dtype: "float64", values }]]));
    expect(readSafetensors(file).get("a")!.values).toEqual(Float64Array.of(2, 3));
  });

  it("is undone by readSafetensors, whatever the arrays, names and metadata", () => {
    fc.assert(
      fc.property(
        storedArrays,
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
        (arrays, metadata) => {
          const file = writeSafetensors(arrays, metadata);
          const back = readSafetensors(file);
          expect(new Map([...back].sort())).toEqual(new Map([...arrays].sort()));
          expect(readSafetensorsMetadata(file)).toEqual({ ...metadata });
          expect(writeSafetensors(back, metadata)).toEqual(file);
          const dataStart = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
          expect(dataStart % 8).toBe(0);
        },
      ),
      { seed: 7, numRuns: 100 },
    );
  });

  it("refuses what does not fit into memory", async () => {
    const large: StoredArray = { shape: [2 ** 24], dtype: "float64", values: new Float64Array(2 ** 24) };
    const many = new Map(Array.from({ length: 100 }, (_, i) => [`${i}`, large] as const));
    await expectRefusal(() => writeSafetensors(many), "RangeError: writeSafetensors: memory | cure");
  });

  const good = float64([1], [1]);
  it.each([
    ["an object instead of a map", { a: good }, {}, "TypeError: writeSafetensors: Map | cure"],
    ["a name that is a number", new Map([[1, good]]), {}, "TypeError: writeSafetensors: 1"],
    [
      "the name of the metadata",
      new Map([["__metadata__", good]]),
      {},
      'TypeError: writeSafetensors: "__metadata__" | cure',
    ],
    ["half a character", new Map([["\ud800", good]]), {}, 'TypeError: writeSafetensors: "\\ud800"'],
    ["half a character in the metadata", new Map(), { a: "\udc00" }, 'TypeError: writeSafetensors: "\\udc00"'],
    ["metadata that are no texts", new Map(), { a: 1 }, 'TypeError: writeSafetensors: metadata | "a" | 1'],
    ["a typed array alone", new Map([["a", good.values]]), {}, 'TypeError: writeSafetensors: "a": undefined'],
    ["null", new Map([["a", null]]), {}, 'TypeError: writeSafetensors: "a": null'],
    [
      "an unknown dtype",
      new Map([["a", { ...good, dtype: "float16" }]]),
      {},
      'TypeError: writeSafetensors: "a": "float64" | "float32" | "int64" | "uint16" | "bool" | "float16"',
    ],
    [
      "values of another dtype",
      new Map([["a", { ...good, dtype: "float32" }]]),
      {},
      'TypeError: writeSafetensors: "a": Float32Array | float32 | Float64Array(1)',
    ],
    ["too few values", new Map([["a", { ...good, shape: [2] }]]), {}, 'ShapeError: writeSafetensors: "a": 2 | [2] | 1'],
  ])("refuses %s", async (_, arrays, metadata, message) => {
    await expectRefusal(() => writeSafetensors(arrays as never, metadata as never), message);
  });
});

describe("damaged files", () => {
  const file = writeSafetensors(
    new Map<string, StoredArray>([
      ["0.weight", float64([2, 3], [1, 2, 3, 4, 5, 6])],
      ["empty", float64([0, 2], [])],
      ["1.count", { shape: [], dtype: "int64", values: BigInt64Array.of(5n) }],
      ["1.mask", { shape: [3], dtype: "bool", values: Uint8Array.of(1, 0, 1) }],
    ]),
    { format: "pt" },
  );

  it("are refused at every length at which they may be cut", () => {
    for (let length = 0; length < file.length; length++) {
      expect(readOrRefuse(readSafetensors, file.subarray(0, length)), `cut at ${length}`).toBeUndefined();
    }
    expect([...readOrRefuse(readSafetensors, file)!.keys()].sort()).toEqual(["0.weight", "1.count", "1.mask", "empty"]);
  });

  it("are refused or read within their bounds", () => {
    fc.assert(
      fc.property(damaged(file), (bytes) => void readOrRefuse(readSafetensors, bytes)),
      { seed: 7, numRuns: 1000 },
    );
  });

  it("are refused or read within their bounds, whatever the header says", () => {
    const size = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(-1, 0.5, 2 ** 53, 1e308, "1", null));
    const anyEntry = fc.record(
      {
        dtype: fc.constantFrom("F64", "U8", "I64", "F16", "__proto__"),
        shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.constantFrom(null, {}, "[1]")),
        data_offsets: fc.oneof(fc.tuple(size, size), fc.array(size, { maxLength: 3 })),
        ["__proto__"]: fc.constantFrom({ dtype: "U8" }),
      },
      { requiredKeys: [] },
    );
    const header = fc
      .array(fc.tuple(fc.constantFrom("a", "b", "__proto__", "constructor", "__metadata__"), anyEntry), {
        maxLength: 3,
      })
      .map((entries) => Object.fromEntries(entries) as object);
    let read = 0;
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 8 }), (any, data) => {
        if (readOrRefuse(readSafetensors, safetensorsFile(any, data)) !== undefined) read++;
      }),
      { seed: 7, numRuns: 1000 },
    );
    expect(read).toBeGreaterThan(0);
  });

  it("are refused for their header if they end with its length, at byte 8", async () => {
    const lengthOf = (length: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(length).buffer);
    await expectRefusal(() => readSafetensors(lengthOf(0n)), "TypeError: readSafetensors: header | cure");
    await expectRefusal(() => readSafetensors(lengthOf(2n)), "RangeError: readSafetensors: 0 | 2 | cure");
    await expectRefusal(() => readSafetensors(lengthOf(0n).subarray(1)), "RangeError: readSafetensors: 8 | 7 | cure");
    // The shortest file that there is: an empty header.
    expect(readSafetensors(Uint8Array.of(...lengthOf(2n), 0x7b, 0x7d))).toEqual(new Map());
  });

  it("are refused where they are anything at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void readOrRefuse(readSafetensors, bytes)),
      { seed: 7, numRuns: 1000 },
    );
    expect(readOrRefuse(readSafetensors, utf8("<!doctype html><html>Not found</html>"))).toBeUndefined();
  });
});
