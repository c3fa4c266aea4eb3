import { constants, crc32 as nodeCrc32, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpz } from "batchnorm/formats";
import { inflate } from "../../src/formats/inflate.js";
import { crc32 } from "../../src/formats/npz.js";
import {
  damaged,
  joined,
  little,
  npyFile,
  npyRow,
  readOrRefuse,
  safetensorsFile,
  utf8,
  zipFile,
  type ZipEnd,
  type ZipMember,
} from "../support/format-files.js";
import { expectRefusal } from "../support/refusal.js";

const a: ZipMember = { name: "a.npy", content: npyRow(1, 2) };
const b: ZipMember = { name: "b.npy", content: npyRow(3) };
const deflated = (member: ZipMember): ZipMember => {
  const packed = deflateRawSync(member.content);
  const { length: size } = member.content;
  return { ...member, content: packed, method: 8, packed: packed.length, size, checksum: nodeCrc32(member.content) };
};
/** The extra field of zip64, after another one. */
const field64 = (...sizes: readonly (number | bigint)[]): Uint8Array =>
  joined(
    little(7, 2),
    little(1, 2),
    little(0, 1),
    little(1, 2),
    little(8 * sizes.length, 2),
    ...sizes.map((size) => little(size, 8)),
  );
const lengthOf = (member: ZipMember): number => 30 + member.name.length + member.content.length;

describe("readNpz", () => {
  it("reads arrays in the order of the archive", () => {
    const file = zipFile([b, { ...a, name: "arr_10.npy" }, { ...b, name: "conv/kernel:0.npy" }]);
    expect([...readNpz(file)]).toEqual([
      ["b", { shape: [1], dtype: "float64", values: Float64Array.of(3) }],
      ["arr_10", { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) }],
      ["conv/kernel:0", { shape: [1], dtype: "float64", values: Float64Array.of(3) }],
    ]);
    expect(readNpz(zipFile([])).size).toBe(0);
  });

  it("reads archives with comments, extra fields and room between members", () => {
    const extra = joined(little(1, 2), little(16, 2), new Uint8Array(16));
    const file = zipFile([{ ...a, localExtra: extra, comment: utf8("made") }, b], {
      comment: utf8("by hand PK\u0005\u0006"),
    });
    expect([...readNpz(file).keys()]).toEqual(["a", "b"]);
    const likeAnEnd = joined(little(0x06054b50, 4), new Uint8Array(30));
    expect([...readNpz(zipFile([a], { comment: likeAnEnd })).keys()]).toEqual(["a"]);
    const room = zipFile([a, { ...b, offset: lengthOf(a) + 3 }], { start: lengthOf(a) + 3 + lengthOf(b) });
    expect([
      ...readNpz(joined(room.subarray(0, lengthOf(a)), new Uint8Array(3), room.subarray(lengthOf(a)))).keys(),
    ]).toEqual(["a", "b"]);
  });

  it("reads members in the order of the directory, wherever they stand", () => {
    const [one, two] = [npyRow(1), npyRow(2)];
    const second = {
      name: "b.npy",
      localName: "a.npy",
      content: one,
      checksum: nodeCrc32(two),
      offset: 35 + one.length,
    };
    const first = { name: "a.npy", localName: "b.npy", content: two, checksum: nodeCrc32(one), offset: 0 };
    const arrays = readNpz(zipFile([second, first]));
    expect([...arrays].map(([name, { values }]) => [name, ...values])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
  });

  it("reads zip64, whose sizes are in extra fields and a longer end record", () => {
    const large = { offset: 0xffffffff, size: 0xffffffff, packed: 0xffffffff };
    const { length } = a.content;
    const members = [
      { ...a, ...large, extra: field64(length, length, 0) },
      { ...b, offset: 0xffffffff, extra: field64(lengthOf(a)) },
    ];
    expect([...readNpz(zipFile(members))].map(([name, { values }]) => [name, ...values])).toEqual([
      ["a", 1, 2],
      ["b", 3],
    ]);
  });

  it("reads the end record of zip64, and refuses every number of a part but the first", async () => {
    const start = lengthOf(a);
    const size = 46 + a.name.length;
    const archive = (part: number, directoryPart: number, recordPart: number): Uint8Array => {
      const parts = joined(little(part, 4), little(directoryPart, 4));
      const place = joined(little(1, 8), little(1, 8), little(size, 8), little(start, 8));
      const record = joined(little(0x06064b50, 4), little(44, 8), little(45, 2), little(45, 2), parts, place);
      const locator = joined(little(0x07064b50, 4), little(recordPart, 4), little(start + size, 8), little(1, 4));
      return zipFile([a], { before: joined(record, locator), start: 0xffffffff, size: 0xffffffff });
    };
    expect([...readNpz(archive(0, 0, 0)).keys()]).toEqual(["a"]);
    for (const [part, directoryPart, recordPart] of [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as const) {
      await expectRefusal(
        () => readNpz(archive(part, directoryPart, recordPart)),
        "TypeError: readNpz: one part of several",
      );
    }
  });

  it("reads compressed arrays, and stored ones beside them", () => {
    expect([...readNpz(zipFile([deflated(a), b]))]).toEqual([...readNpz(zipFile([a, b]))]);
  });

  const foreign: ZipMember = {
    name: "objects.npy",
    content: npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", utf8("pickle")),
  };
  it("reads only the arrays that are named", async () => {
    const file = zipFile([foreign, a, { ...b, method: 12 }, { ...b, name: "c.npy", flags: 1 }]);
    expect([...readNpz(file, { names: ["a"] }).keys()]).toEqual(["a"]);
    expect([...readNpz(file, { names: (name) => name === "a" }).keys()]).toEqual(["a"]);
    expect(readNpz(file, { names: [] }).size).toBe(0);
    await expectRefusal(() => readNpz(file), 'TypeError: readNpz: "objects.npy": Python objects | cure');
    await expectRefusal(() => readNpz(file, { names: ["A"] }), 'TypeError: readNpz: "A" | cure');
    await expectRefusal(() => readNpz(file, { names: ["other"] }), 'TypeError: readNpz: "other"');
    await expectRefusal(() => readNpz(file, { names: [1] as never }), "TypeError: readNpz: 1");
    await expectRefusal(() => readNpz(file, { names: "a" as never }), 'TypeError: readNpz: names | "a"');
    await expectRefusal(() => readNpz(file, { name: ["a"] } as never), 'TypeError: readNpz: "name" | names | cure');
  });

  it("skips members that are not arrays", () => {
    const others = ["model.json", "folder/"].map((name) => ({ name, content: new Uint8Array() }));
    expect([...readNpz(zipFile([...others, a])).keys()]).toEqual(["a"]);
  });

  it("keeps names that look like a prototype's as names", () => {
    const arrays = readNpz(
      zipFile([
        { ...a, name: "__proto__.npy" },
        { ...b, name: "名前.npy" },
      ]),
    );
    expect([...arrays.keys()]).toEqual(["__proto__", "名前"]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  const end = lengthOf(a) + 46 + a.name.length;
  it.each<[string, Uint8Array, string]>([
    ["text", "a" as never, 'TypeError: readNpz: Uint8Array | "a" | cure'],
    ["nothing", new Uint8Array(), "TypeError: readNpz: .npz | cure"],
    ["a .npy file", npyRow(1), "TypeError: readNpz: .npz | cure"],
    [
      "an end record too far from the end",
      joined(zipFile([]), new Uint8Array(70_000)),
      "TypeError: readNpz: .npz | cure",
    ],
    ["a member of bzip2", zipFile([{ ...a, method: 12 }]), 'TypeError: readNpz: "a.npy": 12 | bzip2 | cure'],
    ["a member of an unknown compression", zipFile([{ ...a, method: 77 }]), 'TypeError: readNpz: "a.npy": 77 | cure'],
    [
      "a member that is not compressed as it says",
      zipFile([{ ...a, method: 8 }]),
      'RangeError: readNpz: "a.npy": cure',
    ],
    [
      "a compressed member of another size",
      zipFile([{ ...deflated(a), size: a.content.length + 1 }]),
      `RangeError: readNpz: "a.npy": ${a.content.length + 1} | ${a.content.length} | cure`,
    ],
    [
      "a compressed member that would fill the memory",
      zipFile([{ ...deflated(a), size: 0xfffffff0 }]),
      `RangeError: readNpz: "a.npy": 4294967280 | cure`,
    ],
    ["an encrypted member", zipFile([{ ...a, flags: 1 }]), 'TypeError: readNpz: "a.npy": encrypted'],
    [
      "an archive without any array",
      zipFile([{ name: "notes.txt", content: new Uint8Array() }]),
      'TypeError: readNpz: .npy | "notes.txt" | cure',
    ],
    ["a safetensors file", safetensorsFile({}), "TypeError: readNpz: zip | safetensors | cure"],
    ["an archive without its end", zipFile([a]).subarray(0, 90), "TypeError: readNpz: zip | end | cure"],
    [
      "a member that is no array",
      zipFile([{ name: "a.npy", content: utf8("text") }]),
      'TypeError: readNpz: "a.npy": .npy',
    ],
    ["a name twice", zipFile([a, a]), 'TypeError: readNpz: "a.npy": twice'],
    [
      "a name that is not UTF-8",
      zipFile([a]).map((byte, i) => (i === lengthOf(a) + 46 ? 0xff : byte)),
      "TypeError: readNpz: UTF-8",
    ],
    ["more members than there are", zipFile([a], { count: 0xffff }), "RangeError: readNpz: 65535 | 1 | cure"],
    [
      "a directory beyond the file",
      zipFile([a], { start: 0xffffffff }),
      `RangeError: readNpz: ${end} | ${0xffffffff + 46 + a.name.length} | cure`,
    ],
    [
      "a size of zip64 that is missing",
      zipFile([{ ...a, size: 0xffffffff, packed: 0xffffffff }]),
      'RangeError: readNpz: "a.npy": zip64 | none | cure',
    ],
    [
      "a field of zip64 that is too short",
      zipFile([{ ...a, size: 0xffffffff, packed: 0xffffffff, extra: field64(a.content.length) }]),
      'RangeError: readNpz: "a.npy": zip64 | none | cure',
    ],
    [
      "a place of a member that is no number of JavaScript",
      zipFile([{ ...a, offset: 0xffffffff, extra: field64(2n ** 64n - 1n) }]),
      'RangeError: readNpz: "a.npy": 18446744073709552000 | cure',
    ],
    [
      "an end record of zip64 that is elsewhere",
      zipFile([a], { before: joined(little(0x07064b50, 4), little(0, 4), little(1, 8), little(1, 4)) }),
      "RangeError: readNpz: 1 | none | cure",
    ],
    ["the last of several files", zipFile([a], { disk: 1 }), "TypeError: readNpz: one part of several"],
    ["members in other files", zipFile([a], { countHere: 0 }), "TypeError: readNpz: one part of several"],
    [
      "a directory that begins elsewhere",
      zipFile([a], { start: 5 }),
      `RangeError: readNpz: ${end} | ${end - lengthOf(a) + 5} | cure`,
    ],
    [
      "bytes behind the directory",
      zipFile([a], { before: new Uint8Array(9) }),
      `RangeError: readNpz: ${end + 9} | ${end} | cure`,
    ],
    ["fewer members than promised", zipFile([a], { count: 2 }), `RangeError: readNpz: 2 | 1 | cure`],
    [
      "more members than promised",
      zipFile([a, b], { count: 1 }),
      `RangeError: readNpz: ${end + lengthOf(b) + 46 + b.name.length} | ${end + lengthOf(b)} | cure`,
    ],
    ["an entry without its mark", zipFile([{ ...a, mark: 0 }]), `RangeError: readNpz: 1 | 0 | cure`],
    [
      "an entry that is cut short",
      zipFile([a], {
        count: 2,
        size: 46 + a.name.length + 8,
        before: joined(little(0x02014b50, 4), new Uint8Array(4)),
      }),
      `RangeError: readNpz: 2 | 1 | cure`,
    ],
    [
      "an entry longer than the directory",
      zipFile([a]).map((byte, i) => (i === lengthOf(a) + 32 ? 9 : byte)), // the length of its comment
      `RangeError: readNpz: 1 | 0 | cure`,
    ],
    [
      "a member beyond the directory",
      zipFile([{ ...a, offset: 100_000 }]),
      `RangeError: readNpz: "a.npy": 100000 | cure`,
    ],
    ["a member where none is", zipFile([{ ...a, offset: 1 }]), `RangeError: readNpz: "a.npy": 1 | cure`],
    ["a member without its mark", zipFile([{ ...a, localMark: 1 }]), `RangeError: readNpz: "a.npy": 0 | cure`],
    [
      "a member of another name",
      zipFile([{ ...a, localName: "x.npy" }]),
      `RangeError: readNpz: "a.npy": 0 | "x.npy" | cure`,
    ],
    [
      "a member longer than the file",
      zipFile([{ ...a, size: 1e6, packed: 1e6 }]),
      `RangeError: readNpz: "a.npy": ${lengthOf(a)} | 1000035 | cure`,
    ],
    [
      "a member with two sizes",
      zipFile([{ ...a, packed: 1 }]),
      `RangeError: readNpz: "a.npy": ${a.content.length} | 1 | cure`,
    ],
    [
      "two members in the same bytes",
      zipFile([a, { ...a, offset: 0 }]),
      `RangeError: readNpz: "a.npy": ${lengthOf(a)} | 0 | cure`,
    ],
    [
      "a member inside another",
      zipFile([
        { name: "a.npy", content: zipFile([b]) },
        { ...b, offset: 35 },
      ]),
      `RangeError: readNpz: "b.npy": ${35 + zipFile([b]).length} | 35 | cure`,
    ],
    [
      "a wrong checksum",
      zipFile([{ ...a, checksum: 0x1234 }]),
      `RangeError: readNpz: "a.npy": checksum | 00001234 | ${nodeCrc32(a.content).toString(16).padStart(8, "0")} | cure`,
    ],
  ])("refuses %s", async (_, file, message) => {
    await expectRefusal(() => readNpz(file), message);
  });
});

describe("inflate", () => {
  const strategies = [
    {},
    { level: 0 },
    { level: 9 },
    { strategy: constants.Z_FIXED },
    { strategy: constants.Z_HUFFMAN_ONLY },
    { strategy: constants.Z_RLE },
  ];
  // Bytes that repeat far and near, and bytes that do not.
  const data = fc
    .array(
      fc.record({
        part: fc.uint8Array({ minLength: 1, maxLength: 40 }),
        times: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2000 })),
      }),
      { maxLength: 6 },
    )
    .map((parts) => Buffer.concat(parts.flatMap(({ part, times }) => new Array<Uint8Array>(times).fill(part))));

  it("is undone by deflate, whatever the kinds of its blocks", () => {
    fc.assert(
      fc.property(data, fc.constantFrom(...strategies), (bytes, options) => {
        const result = inflate("test", deflateRawSync(bytes, options), bytes.length);
        expect(Buffer.compare(result, bytes)).toBe(0);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("reads copies from as far back as deflate reaches, and many blocks", () => {
    const noise = Uint8Array.from({ length: 32_768 }, (_, i) => (i * i * 31 + (i >> 3) * 17) & 255);
    const bytes = Buffer.concat([noise, noise, noise, new Uint8Array(300_000)]);
    for (const options of strategies) {
      expect(Buffer.compare(inflate("test", deflateRawSync(bytes, options), bytes.length), bytes)).toBe(0);
    }
  });

  it("refuses data that go on beyond the size, whatever their blocks", () => {
    const bytes = joined(utf8("abcdefgh"), new Uint8Array(300));
    for (const options of strategies) {
      for (const size of [0, 7, 9, 300, 307]) {
        expect(() => inflate("test", deflateRawSync(bytes, options), size)).toThrow(
          /^test: expected .+, got (more|308) - /,
        );
      }
    }
  });

  /** Bytes from bits in the order of the stream. */
  const fromBits = (text: string): Uint8Array =>
    Uint8Array.from(text.replaceAll(" ", "").match(/.{1,8}/g) ?? [], (bits) =>
      parseInt(Array.from(bits).reverse().join(""), 2),
    );
  const [fixed, dynamic] = ["1 10", "1 01 00000 00000 0000"];
  it.each([
    ["a block of unknown kind", "1 11", "unknown kind"],
    ["a stored block whose length is not confirmed", `1 00 00000 ${"10000000 00000000".repeat(2)}`, "damaged block"],
    ["a copy from before the start", `${fixed} 10010001 0000001 00100 0`, "before the start"],
    ["a literal of an unknown code", `${fixed} 11000110`, "unknown code"],
    ["a distance of an unknown code", `${fixed} 10010001 0000001 11110`, "unknown distance"],
    ["a repetition of nothing", `${dynamic} 100 000 100 000 0`, "code lengths"],
    ["too many code lengths", `${dynamic} 100 000 100 000 ${"1 1111111".repeat(2)}`, "code lengths"],
    ["more codes than their lengths allow", `${dynamic} 100 100 100 000`, "code lengths"],
    ["nothing", "", "early end"],
  ])("refuses %s", (_, bits, cause) => {
    expect(() => inflate("test", fromBits(bits), bits === "" ? 0 : 4)).toThrow(
      new RegExp(`^test: expected . bytes of compressed data, got .*${cause} - `),
    );
  });

  it("reads codes of every length up to 15", () => {
    // The bytes 0 to 13 have codes of 1 to 14 bits, and 14 and the end have 15. The lengths 1 to 15 and the run of zeros have 4.
    const lengths = `000 000 001 000 ${"001 ".repeat(15)}`;
    const listed = Array.from({ length: 15 }, (_, i) => i.toString(2).padStart(4, "0")).join(" ");
    const codes = `1 01 00000 00000 1111 ${lengths} ${listed} 11111111111 11110011101 1110 0000`;
    const bytes = Array.from({ length: 15 }, (_, i) => `${"1".repeat(i)}0`).join(" ");
    expect([...inflate("test", fromBits(`${codes} ${bytes} ${"1".repeat(15)}`), 15)]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    ]);
  });

  it("refuses a distance that an incomplete code does not have", () => {
    // Codes for the literal 0, the end, a copy of 3 bytes, and the distance 1 alone, of the two that one bit could tell apart.
    const lengths = `100 ${"000 ".repeat(12)} 010 000 010`;
    const codes = `1 01 10000 00000 0111 000 000 ${lengths} 11 01111111 00101011 11 10 10`;
    const copy = (distance: string): Uint8Array => inflate("test", fromBits(`${codes} 10 0 ${distance} 11`), 4);
    expect(copy("0")).toEqual(new Uint8Array(4));
    expect(() => copy("1")).toThrow(/^test: expected 4 bytes of compressed data, got an unknown code - /);
  });

  it("refuses damaged data in words of the library, or gives as many bytes as the directory says", () => {
    const bytes = Uint8Array.from({ length: 500 }, (_, i) => (i % 50) * (i % 7));
    const packed = strategies.map((options) => new Uint8Array(deflateRawSync(bytes, options)));
    fc.assert(
      fc.property(fc.constantFrom(...packed).chain(damaged), (wrong) => {
        try {
          expect(inflate("readNpz", wrong, 500).length).toBe(500);
        } catch (error) {
          expect(String(error)).toMatch(/^RangeError: readNpz: expected .+, got .+$/);
        }
      }),
      { seed: 7, numRuns: 3000 },
    );
    for (const whole of packed) {
      for (let length = 0; length < whole.length; length++) {
        expect(() => inflate("readNpz", whole.subarray(0, length), 500), `cut at ${length}`).toThrow(RangeError);
      }
    }
  });
});

describe("crc32", () => {
  it("is the checksum of zip", () => {
    expect(crc32(utf8("123456789"))).toBe(0xcbf43926); // the check value of CRC-32/ISO-HDLC
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(crc32(bytes)).toBe(nodeCrc32(bytes));
      }),
      { seed: 7 },
    );
  });
});

describe("damaged files", () => {
  const file = zipFile([a, b]);
  const whole = readNpz(file);

  it("are refused at every length at which they may be cut", () => {
    for (let length = 0; length < file.length; length++) {
      expect(readOrRefuse(readNpz, file.subarray(0, length)), `cut at ${length}`).toBeUndefined();
    }
    expect(readOrRefuse(readNpz, file)).toEqual(whole);
  });

  it("are refused or read as they were, whichever byte is another", () => {
    let refused = 0;
    for (let at = 0; at < file.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const result = readOrRefuse(
          readNpz,
          file.map((byte, i) => (i === at ? byte ^ change : byte)),
        );
        if (result === undefined) refused++;
        else expect(result, `byte ${at}`).toEqual(whole);
      }
    }
    expect(refused).toBeGreaterThan(file.length * 2);
  });

  it("are refused or read within their bounds", () => {
    fc.assert(
      fc.property(damaged(file), (bytes) => void readOrRefuse(readNpz, bytes)),
      { seed: 7, numRuns: 1000 },
    );
  });

  it("are refused or read within their bounds, whatever their headers say", () => {
    const number = (most: number): fc.Arbitrary<number> =>
      fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(most, most - 1));
    const [short, long] = [number(0xffff), number(0xffffffff)];
    const member = fc.record(
      {
        flags: short,
        method: short,
        checksum: long,
        packed: long,
        size: long,
        offset: long,
        localExtra: fc.uint8Array({ maxLength: 4 }),
      },
      { requiredKeys: [] },
    );
    const ending = fc.record(
      { disk: short, countHere: short, count: short, size: long, start: long },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(member, { maxLength: 3 }), fc.oneof(fc.constant<ZipEnd>({}), ending), (members, end) => {
        readOrRefuse(
          readNpz,
          zipFile(
            members.map((wrong, i) => ({ ...a, name: `${i}.npy`, ...wrong })),
            end,
          ),
        );
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});
