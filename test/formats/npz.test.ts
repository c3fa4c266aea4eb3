import { crc32 as nodeCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpz } from "batchnorm/formats";
import { crc32 } from "../../src/formats/npz.js";
import {
  damaged,
  joined,
  little,
  npyRow,
  readOrRefuse,
  utf8,
  zipFile,
  type ZipEnd,
  type ZipMember,
} from "../support/format-files.js";
import { thrownBy } from "../support/throws.js";

const a: ZipMember = { name: "a.npy", content: npyRow(1, 2) };
const b: ZipMember = { name: "b.npy", content: npyRow(3) };
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

  const damagedCure = "the file is damaged";
  const end = lengthOf(a) + 46 + a.name.length;
  it.each<[string, Uint8Array, string]>([
    [
      "text",
      "a" as never,
      'TypeError: readNpz: expected the file as a Uint8Array, got "a" - read the file as bytes, not as text',
    ],
    [
      "nothing",
      new Uint8Array(),
      "TypeError: readNpz: expected a .npz file, which is a zip archive, got no end record - the file is cut short, or is no .npz file",
    ],
    [
      "a .npy file",
      npyRow(1),
      "TypeError: readNpz: expected a .npz file, which is a zip archive, got no end record - the file is cut short, or is no .npz file",
    ],
    [
      "an end record too far from the end",
      joined(zipFile([]), new Uint8Array(70_000)),
      "TypeError: readNpz: expected a .npz file, which is a zip archive, got no end record - the file is cut short, or is no .npz file",
    ],
    [
      "a compressed member",
      zipFile([{ ...a, method: 8 }]),
      'TypeError: readNpz: "a.npy": expected a stored member, got compression method 8 - store it without compression, with np.savez and not np.savez_compressed',
    ],
    [
      "an encrypted member",
      zipFile([{ ...a, flags: 1 }]),
      'TypeError: readNpz: "a.npy": expected a plain member, got an encrypted one',
    ],
    [
      "a member of another kind",
      zipFile([{ ...a, name: "model.json" }]),
      'TypeError: readNpz: "model.json": expected members that are .npy files, got another name',
    ],
    [
      "a folder",
      zipFile([{ name: "a/", content: new Uint8Array() }]),
      'TypeError: readNpz: "a/": expected members that are .npy files, got another name',
    ],
    [
      "a member that is no array",
      zipFile([{ name: "a.npy", content: utf8("text") }]),
      'TypeError: readNpz: "a.npy": expected a .npy file, got other bytes',
    ],
    ["a name twice", zipFile([a, a]), 'TypeError: readNpz: "a.npy": expected every name once, got the name twice'],
    [
      "a name that is not UTF-8",
      zipFile([a]).map((byte, i) => (i === lengthOf(a) + 46 ? 0xff : byte)),
      "TypeError: readNpz: expected names in UTF-8, got other bytes",
    ],
    [
      "zip64 by the number of members",
      zipFile([a], { count: 0xffff }),
      "TypeError: readNpz: expected an archive of at most 4 GB, got a zip64 archive - save fewer arrays a file",
    ],
    [
      "zip64 by the place of the directory",
      zipFile([a], { start: 0xffffffff }),
      "TypeError: readNpz: expected an archive of at most 4 GB, got a zip64 archive - save fewer arrays a file",
    ],
    [
      "zip64 by the length of the directory",
      zipFile([a], { size: 0xffffffff }),
      "TypeError: readNpz: expected an archive of at most 4 GB, got a zip64 archive - save fewer arrays a file",
    ],
    [
      "zip64 by the size of a member",
      zipFile([{ ...a, size: 0xffffffff, packed: 0xffffffff }]),
      'TypeError: readNpz: "a.npy": expected an archive of at most 4 GB, got a zip64 archive - save fewer arrays a file',
    ],
    [
      "zip64 by the place of a member",
      zipFile([{ ...a, offset: 0xffffffff }]),
      'TypeError: readNpz: "a.npy": expected an archive of at most 4 GB, got a zip64 archive - save fewer arrays a file',
    ],
    [
      "the last of several files",
      zipFile([a], { disk: 1 }),
      "TypeError: readNpz: expected an archive in one file, got a part of one",
    ],
    [
      "members in other files",
      zipFile([a], { countHere: 0 }),
      "TypeError: readNpz: expected an archive in one file, got a part of one",
    ],
    [
      "a directory that begins elsewhere",
      zipFile([a], { start: 5 }),
      `RangeError: readNpz: expected a directory that ends at byte ${end}, got ${end - lengthOf(a) + 5} - ${damagedCure}`,
    ],
    [
      "bytes behind the directory",
      zipFile([a], { before: new Uint8Array(9) }),
      `RangeError: readNpz: expected a directory that ends at byte ${end + 9}, got ${end} - ${damagedCure}`,
    ],
    [
      "fewer members than promised",
      zipFile([a], { count: 2 }),
      `RangeError: readNpz: expected 2 entries in the directory, got 1 whole ones - ${damagedCure}`,
    ],
    [
      "more members than promised",
      zipFile([a, b], { count: 1 }),
      `RangeError: readNpz: expected a directory that ends at byte ${end + lengthOf(b) + 46 + b.name.length}, got ${end + lengthOf(b)} - ${damagedCure}`,
    ],
    [
      "an entry without its mark",
      zipFile([{ ...a, mark: 0 }]),
      `RangeError: readNpz: expected 1 entries in the directory, got 0 whole ones - ${damagedCure}`,
    ],
    [
      "an entry that is cut short",
      zipFile([a], {
        count: 2,
        size: 46 + a.name.length + 8,
        before: joined(little(0x02014b50, 4), new Uint8Array(4)),
      }),
      `RangeError: readNpz: expected 2 entries in the directory, got 1 whole ones - ${damagedCure}`,
    ],
    [
      "an entry longer than the directory",
      zipFile([a]).map((byte, i) => (i === lengthOf(a) + 32 ? 9 : byte)), // the length of its comment
      `RangeError: readNpz: expected 1 entries in the directory, got 0 whole ones - ${damagedCure}`,
    ],
    [
      "a member beyond the directory",
      zipFile([{ ...a, offset: 100_000 }]),
      `RangeError: readNpz: "a.npy": expected a header at byte 100000, got none - ${damagedCure}`,
    ],
    [
      "a member where none is",
      zipFile([{ ...a, offset: 1 }]),
      `RangeError: readNpz: "a.npy": expected a header at byte 1, got none - ${damagedCure}`,
    ],
    [
      "a member without its mark",
      zipFile([{ ...a, localMark: 1 }]),
      `RangeError: readNpz: "a.npy": expected a header at byte 0, got none - ${damagedCure}`,
    ],
    [
      "a member of another name",
      zipFile([{ ...a, localName: "x.npy" }]),
      `RangeError: readNpz: "a.npy": expected a header of that name at byte 0, got "x.npy" - ${damagedCure}`,
    ],
    [
      "a member longer than the file",
      zipFile([{ ...a, size: 1e6, packed: 1e6 }]),
      `RangeError: readNpz: "a.npy": expected bytes in front of the directory at byte ${lengthOf(a)}, got up to 1000035 - ${damagedCure}`,
    ],
    [
      "a member with two sizes",
      zipFile([{ ...a, packed: 1 }]),
      `RangeError: readNpz: "a.npy": expected ${a.content.length} bytes, as many as unpacked, got 1 - ${damagedCure}`,
    ],
    [
      "two members in the same bytes",
      zipFile([a, { ...a, offset: 0 }]),
      `RangeError: readNpz: "a.npy": expected a member that begins at byte ${lengthOf(a)} or later, got 0 - members overlap`,
    ],
    [
      "a member inside another",
      zipFile([
        { name: "a.npy", content: zipFile([b]) },
        { ...b, offset: 35 },
      ]),
      `RangeError: readNpz: "b.npy": expected a member that begins at byte ${35 + zipFile([b]).length} or later, got 35 - members overlap`,
    ],
    [
      "a wrong checksum",
      zipFile([{ ...a, checksum: 0x1234 }]),
      `RangeError: readNpz: "a.npy": expected checksum 00001234, got ${nodeCrc32(a.content).toString(16).padStart(8, "0")} - ${damagedCure}`,
    ],
  ])("refuses %s", (_, file, message) => {
    expect(thrownBy(() => readNpz(file))).toBe(message);
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
