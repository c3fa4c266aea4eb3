/** .npz: a zip archive of .npy files. */

import { complaint, show } from "../core/errors.js";
import { DAMAGED, decodeUtf8, describeFile, expectBytes, PT_CURE, PT_FILE, viewOf } from "./bytes.js";
import { inflate } from "./inflate.js";
import { decodeNpy } from "./npy.js";
import { chosenNames, type ReadArraysOptions, type StoredArray, type StoredArrays } from "./stored-array.js";

/** The signatures and minimum lengths of the records of an archive. */
const END_RECORD = { mark: 0x06054b50, length: 22 };
const END_RECORD_64 = { mark: 0x06064b50, length: 56 };
/** Precedes the end record of a zip64 archive and contains the position of the longer end record. */
const LOCATOR_64 = { mark: 0x07064b50, length: 20 };
const DIRECTORY_ENTRY = { mark: 0x02014b50, length: 46 };
const MEMBER_HEADER = { mark: 0x04034b50, length: 30 };
/** The identifier of the extra field with the sizes of a zip64 member. */
const EXTRA_64 = 0x0001;

const STORED = 0;
const DEFLATED = 8;
const OTHER_METHODS: Readonly<Record<number, string>> = { 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard" };

/**
 * Reads a `.npz` file, as written by `np.savez` and `np.savez_compressed`.
 *
 * The arrays are in the order in which they were saved. Arrays saved without names are called "arr_0", "arr_1", .... The dtypes are
 * those of `readNpy`. Members that are not `.npy` files are skipped, as are arrays that are not in `names`. The checksums of all
 * arrays that are read are verified. Archives beyond 4 GB (zip64) are supported as far as memory allows.
 *
 * - **Cost**: one copy of the numbers and one pass over the bytes for the checksums; a compressed archive also needs memory for its
 *   uncompressed content, at most 1,032 times its size
 * - **Source**: numpy.org/doc/stable/reference/generated/numpy.savez.html
 *
 * @throws {TypeError} if it is not an archive of `.npy` files, a dtype is not supported, or `names` has a name that is not in the
 * file
 * @throws {RangeError} if an offset is outside the file, members overlap, a checksum is wrong, or compressed data are damaged
 * @throws {ShapeError} if a member has more or fewer bytes than its shape requires
 */
export function readNpz(bytes: Uint8Array, options: ReadArraysOptions = {}): StoredArrays {
  const who = "readNpz";
  expectBytes(who, bytes);
  const members = readMembers(who, bytes);
  const available = new Map<string, Member>();
  for (const member of members) {
    const name = /^(.*)\.npy$/s.exec(member.name)?.[1];
    if (name !== undefined) available.set(name, member);
  }
  if (members.length > 0 && available.size === 0) {
    if (members.some((member) => member.name.endsWith("/data.pkl"))) {
      throw new TypeError(complaint(who, "an archive of .npy files", PT_FILE, PT_CURE));
    }
    const cure = "save the arrays with np.savez, or as safetensors";
    throw new TypeError(complaint(who, "an archive of .npy files", show(members[0]!.name), cure));
  }
  const arrays = new Map<string, StoredArray>();
  const chosen = chosenNames(who, options, [...available.keys()]);
  for (const [name, member] of available) {
    if (!chosen.has(name)) continue;
    const self = `${who}: ${show(member.name)}`;
    arrays.set(name, decodeNpy(self, unpack(self, bytes, member)));
  }
  return arrays;
}

/**
 * Returns the members of an archive in the order of its directory. Members may not overlap, so the stored ones are never longer
 * than the archive.
 *
 * - **Source**: PKWARE APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16
 */
function readMembers(who: string, bytes: Uint8Array): readonly Member[] {
  const directory = findDirectory(who, bytes);
  const entries = readDirectory(who, bytes, directory);
  const ends = new Map<DirectoryEntry, number>();
  const names = new Set<string>();
  let free = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    const self = `${who}: ${show(entry.name)}`;
    if (entry.offset < free) {
      const expected = `a member that begins at byte ${free} or later`;
      throw new RangeError(complaint(self, expected, `${entry.offset}`, "members overlap"));
    }
    free = endOf(self, bytes, entry, directory.start);
    ends.set(entry, free);
    if (names.has(entry.name)) throw new TypeError(complaint(self, "unique names", "the same name twice"));
    names.add(entry.name);
  }
  return entries.map((entry) => ({ ...entry, end: ends.get(entry)! }));
}

/** Returns the bytes of a member, as a view of the archive if they are not compressed. */
function unpack(
  who: string,
  bytes: Uint8Array,
  { method, encrypted, packed, size, checksum, end }: Member,
): Uint8Array {
  if (encrypted) throw new TypeError(complaint(who, "a member without encryption", "an encrypted one"));
  if (method !== STORED && method !== DEFLATED) {
    const got = `compression method ${method}${method in OTHER_METHODS ? `, ${OTHER_METHODS[method]}` : ""}`;
    throw new TypeError(complaint(who, "a stored or deflated member", got, "save the arrays with np.savez"));
  }
  if (method === STORED && packed !== size) {
    throw new RangeError(complaint(who, `${size} bytes, the uncompressed size`, `${packed}`, DAMAGED));
  }
  const content = bytes.subarray(end - packed, end);
  const unpacked = method === STORED ? content : inflate(who, content, size);
  const actual = crc32(unpacked);
  if (actual !== checksum) throw new RangeError(complaint(who, `checksum ${hex(checksum)}`, hex(actual), DAMAGED));
  return unpacked;
}

/** The position of the list of members, which follows all members. */
interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** The entry of a member in the directory. */
interface DirectoryEntry {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  /** The position of its header. */
  readonly offset: number;
  /** The number of bytes in the archive. */
  readonly packed: number;
  /** The number of uncompressed bytes. */
  readonly size: number;
  readonly checksum: number;
}

interface Member extends DirectoryEntry {
  /** The position after its last byte in the archive. */
  readonly end: number;
}

/** Finds the directory through the end record, which may be followed only by a comment of up to 64 KB. */
function findDirectory(who: string, bytes: Uint8Array): Directory {
  const view = viewOf(bytes);
  const last = view.byteLength - END_RECORD.length;
  let record = last;
  while (
    record >= 0 &&
    !(view.getUint32(record, true) === END_RECORD.mark && view.getUint16(record + 20, true) === last - record)
  ) {
    record = record > last - 0xffff ? record - 1 : -1;
  }
  if (record < 0) {
    const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
    const { got, cure } = isZip ? { got: "one without its end", cure: "the file is truncated" } : describeFile(bytes);
    throw new TypeError(
      complaint(who, "a .npz file, which is a zip archive", got, cure ?? "check that the file is complete"),
    );
  }
  const directory = directoryOf64(who, view, record) ?? {
    parts: view.getUint32(record + 4, true), // the number of this part, and that of the directory's part
    countHere: view.getUint16(record + 8, true),
    count: view.getUint16(record + 10, true),
    size: view.getUint32(record + 12, true),
    start: view.getUint32(record + 16, true),
    end: record,
  };
  const { start, size, end, count } = directory;
  if (directory.parts !== 0 || directory.countHere !== count) {
    throw new TypeError(complaint(who, "an archive in one file", "one part of several"));
  }
  if (start + size !== end) {
    throw new RangeError(complaint(who, `a directory that ends at byte ${end}`, `${start + size}`, DAMAGED));
  }
  return directory;
}

interface EndRecord extends Directory {
  readonly parts: number;
  readonly countHere: number;
  readonly size: number;
}

/** Reads the end record of a zip64 archive. Returns undefined for other archives. */
function directoryOf64(who: string, view: DataView, record: number): EndRecord | undefined {
  const locator = record - LOCATOR_64.length;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64.mark) return undefined;
  const end = Number(view.getBigUint64(locator + 8, true));
  if (end + END_RECORD_64.length > locator || view.getUint32(end, true) !== END_RECORD_64.mark) {
    throw new RangeError(complaint(who, `the end record of zip64 at byte ${end}`, "none", DAMAGED));
  }
  return {
    parts: view.getUint32(locator + 4, true) + view.getUint32(end + 16, true) + view.getUint32(end + 20, true),
    countHere: Number(view.getBigUint64(end + 24, true)),
    count: Number(view.getBigUint64(end + 32, true)),
    size: Number(view.getBigUint64(end + 40, true)),
    start: Number(view.getBigUint64(end + 48, true)),
    end,
  };
}

function readDirectory(who: string, bytes: Uint8Array, { start, end, count }: Directory): DirectoryEntry[] {
  const view = viewOf(bytes);
  const entries: DirectoryEntry[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const isEntry = at + DIRECTORY_ENTRY.length <= end && view.getUint32(at, true) === DIRECTORY_ENTRY.mark;
    const nameEnd = isEntry ? at + DIRECTORY_ENTRY.length + view.getUint16(at + 28, true) : Infinity;
    const extraEnd = isEntry ? nameEnd + view.getUint16(at + 30, true) : Infinity;
    const next = isEntry ? extraEnd + view.getUint16(at + 32, true) : Infinity;
    if (next > end) {
      throw new RangeError(complaint(who, `${count} entries in the directory`, `${index} complete ones`, DAMAGED));
    }
    entries.push(readEntry(who, bytes, at, nameEnd, extraEnd));
    at = next;
  }
  if (at !== end) {
    throw new RangeError(complaint(who, `a directory that ends at byte ${end}`, `${at}`, DAMAGED));
  }
  return entries;
}

function readEntry(who: string, bytes: Uint8Array, at: number, nameEnd: number, extraEnd: number): DirectoryEntry {
  const name = decodeUtf8(bytes.subarray(at + DIRECTORY_ENTRY.length, nameEnd));
  if (name === undefined) throw new TypeError(complaint(who, "names in UTF-8", "other bytes"));
  const view = viewOf(bytes);
  const [size, packed, offset] = sizesOf(
    `${who}: ${show(name)}`,
    [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
    bytes.subarray(nameEnd, extraEnd),
  );
  return {
    name,
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    size,
    packed,
    offset,
  };
}

type Sizes = readonly [size: number, packed: number, offset: number];

/** Replaces sizes that are marked as larger than 32 bits with those in the extra field of zip64. */
function sizesOf(who: string, sizes: Sizes, extra: Uint8Array): Sizes {
  const isMarked = (size: number): boolean => size === 0xffffffff;
  if (!sizes.some(isMarked)) return sizes;
  const view = viewOf(extra);
  let at = 0;
  while (at + 4 <= extra.length && view.getUint16(at, true) !== EXTRA_64) at += 4 + view.getUint16(at + 2, true);
  const end = at + 4 <= extra.length ? Math.min(at + 4 + view.getUint16(at + 2, true), extra.length) : 0;
  at += 4;
  const read = (size: number): number => {
    if (!isMarked(size)) return size;
    if (at + 8 > end) throw new RangeError(complaint(who, "its sizes in the zip64 field", "none", DAMAGED));
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
  return [read(sizes[0]), read(sizes[1]), read(sizes[2])];
}

/** Returns the end position of a member's bytes, which must be between a header with the same name and the directory. */
function endOf(who: string, bytes: Uint8Array, { name, offset, packed }: DirectoryEntry, directory: number): number {
  const view = viewOf(bytes);
  const nameStart = offset + MEMBER_HEADER.length;
  if (nameStart > directory || view.getUint32(offset, true) !== MEMBER_HEADER.mark) {
    throw new RangeError(complaint(who, `a header at byte ${offset}`, "none", DAMAGED));
  }
  // These lengths may differ from those in the directory, because np.savez reserves space here for sizes beyond 4 GB.
  const nameEnd = nameStart + view.getUint16(offset + 26, true);
  const end = nameEnd + view.getUint16(offset + 28, true) + packed;
  if (end > directory) {
    throw new RangeError(complaint(who, `bytes before the directory at byte ${directory}`, `up to ${end}`, DAMAGED));
  }
  const localName = decodeUtf8(bytes.subarray(nameStart, nameEnd));
  if (localName !== name) {
    throw new RangeError(complaint(who, `a header with that name at byte ${offset}`, show(localName), DAMAGED));
  }
  return end;
}

// Computed on first use, because importing a file must not run anything.
let crcTable: Uint32Array | undefined;

/** Computes the checksum of zip archives, CRC-32 with polynomial 0xedb88320. */
export function crc32(bytes: Uint8Array): number {
  if (crcTable === undefined) {
    crcTable = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      let rest = byte;
      for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
      crcTable[byte] = rest;
    }
  }
  let checksum = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) checksum = (checksum >>> 8) ^ crcTable[(checksum ^ bytes[i]!) & 0xff]!;
  return ~checksum >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
