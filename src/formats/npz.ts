/** .npz: several .npy files in a zip archive, whose members are stored as they are, without compression. */

import { complaint, show } from "../core/errors.js";
import { DAMAGED, decodeUtf8, expectBytes, viewOf } from "./bytes.js";
import { decodeNpy } from "./npy.js";
import type { StoredArray, StoredArrays } from "./stored-array.js";

/** The marks and least lengths of the end record, of an entry in the directory, and of the header before a member's bytes. */
const END_RECORD = { mark: 0x06054b50, length: 22 };
const DIRECTORY_ENTRY = { mark: 0x02014b50, length: 46 };
const MEMBER_HEADER = { mark: 0x04034b50, length: 30 };

/**
 * Reads a `.npz` file, as `np.savez` writes it: arrays in the order in which they were given, named "arr_0", "arr_1", ...
 * where no name was.
 *
 * Compressed archives (`np.savez_compressed`), encrypted ones and those beyond 4 GB (zip64) are refused. The checksum of
 * every array is verified.
 *
 * - **Cost**: one copy of the numbers, and a pass over the bytes for the checksums; never allocates more than the file's
 *   size
 * - **Source**: numpy.org/doc/stable/reference/generated/numpy.savez.html
 *
 * @throws {TypeError} if it is no such archive, or a member is no `.npy` file that is read
 * @throws {RangeError} if an offset leaves the file, members overlap, or a checksum fails
 * @throws {ShapeError} if a member has more or fewer bytes than its shape needs
 */
export function readNpz(bytes: Uint8Array): StoredArrays {
  expectBytes("readNpz", bytes);
  const arrays = new Map<string, StoredArray>();
  for (const [file, content] of readZip("readNpz", bytes)) {
    const who = `readNpz: ${show(file)}`;
    const name = /^(.*)\.npy$/s.exec(file)?.[1];
    if (name === undefined) throw new TypeError(complaint(who, "members that are .npy files", "another name"));
    arrays.set(name, decodeNpy(who, content));
  }
  return arrays;
}

/**
 * Returns the bytes of each member by name, in the order of the archive's directory: views into the archive, not copies.
 *
 * No byte belongs to two members, so that all together they are never longer than the archive. Every checksum is verified.
 *
 * - **Source**: PKWARE APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16
 */
function readZip(who: string, bytes: Uint8Array): Map<string, Uint8Array> {
  const directory = findDirectory(who, viewOf(bytes));
  const members = readDirectory(who, bytes, directory);
  const ends = new Map<Member, number>();
  let free = 0;
  for (const member of [...members].sort((a, b) => a.offset - b.offset)) {
    const self = `${who}: ${show(member.name)}`;
    if (member.offset < free) {
      const expected = `a member that begins at byte ${free} or later`;
      throw new RangeError(complaint(self, expected, `${member.offset}`, "members overlap"));
    }
    free = endOf(self, bytes, member, directory.start);
    ends.set(member, free);
  }
  const contents = new Map<string, Uint8Array>();
  for (const member of members) {
    const self = `${who}: ${show(member.name)}`;
    if (contents.has(member.name)) throw new TypeError(complaint(self, "every name once", "the name twice"));
    const end = ends.get(member)!;
    const content = bytes.subarray(end - member.size, end);
    const checksum = crc32(content);
    if (checksum !== member.checksum) {
      throw new RangeError(complaint(self, `checksum ${hex(member.checksum)}`, hex(checksum), DAMAGED));
    }
    contents.set(member.name, content);
  }
  return contents;
}

/** The list of members, which stands behind them. */
interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** What the directory says of a member. */
interface Member {
  readonly name: string;
  /** Where its header begins. */
  readonly offset: number;
  readonly size: number;
  readonly checksum: number;
}

/** Where the directory stands, from the end record, the last thing in the file but for a comment of up to 64 KB. */
function findDirectory(who: string, view: DataView): Directory {
  const last = view.byteLength - END_RECORD.length;
  let end = last;
  while (
    end >= 0 &&
    !(view.getUint32(end, true) === END_RECORD.mark && view.getUint16(end + 20, true) === last - end)
  ) {
    end = end > last - 0xffff ? end - 1 : -1;
  }
  if (end < 0) {
    const cure = "the file is cut short, or is no .npz file";
    throw new TypeError(complaint(who, "a .npz file, which is a zip archive", "no end record", cure));
  }
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  expectNoZip64(who, count === 0xffff || size === 0xffffffff || start === 0xffffffff);
  // The numbers of this disk, of the directory's, and of the members on this one.
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    throw new TypeError(complaint(who, "an archive in one file", "a part of one"));
  }
  if (start + size !== end) {
    throw new RangeError(complaint(who, `a directory that ends at byte ${end}`, `${start + size}`, DAMAGED));
  }
  return { start, end, count };
}

function readDirectory(who: string, bytes: Uint8Array, { start, end, count }: Directory): Member[] {
  const view = viewOf(bytes);
  const members: Member[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const isEntry = at + DIRECTORY_ENTRY.length <= end && view.getUint32(at, true) === DIRECTORY_ENTRY.mark;
    const nameEnd = isEntry ? at + DIRECTORY_ENTRY.length + view.getUint16(at + 28, true) : Infinity;
    const next = isEntry ? nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true) : Infinity;
    if (next > end) {
      throw new RangeError(complaint(who, `${count} entries in the directory`, `${index} whole ones`, DAMAGED));
    }
    members.push(readEntry(who, bytes, at, nameEnd));
    at = next;
  }
  if (at !== end) {
    throw new RangeError(complaint(who, `a directory that ends at byte ${end}`, `${at}`, DAMAGED));
  }
  return members;
}

function readEntry(who: string, bytes: Uint8Array, at: number, nameEnd: number): Member {
  const name = decodeUtf8(bytes.subarray(at + DIRECTORY_ENTRY.length, nameEnd));
  if (name === undefined) throw new TypeError(complaint(who, "names in UTF-8", "other bytes"));
  const self = `${who}: ${show(name)}`;
  const view = viewOf(bytes);
  if (view.getUint16(at + 8, true) & 1) throw new TypeError(complaint(self, "a plain member", "an encrypted one"));
  const method = view.getUint16(at + 10, true);
  if (method !== 0) {
    const cure = "store it without compression, with np.savez and not np.savez_compressed";
    throw new TypeError(complaint(self, "a stored member", `compression method ${method}`, cure));
  }
  const checksum = view.getUint32(at + 16, true);
  const packed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const offset = view.getUint32(at + 42, true);
  expectNoZip64(self, packed === 0xffffffff || size === 0xffffffff || offset === 0xffffffff);
  if (packed !== size) {
    throw new RangeError(complaint(self, `${size} bytes, as many as unpacked`, `${packed}`, DAMAGED));
  }
  return { name, offset, size, checksum };
}

/** Where a member's bytes end. They must stand behind a header with the same name, and in front of the directory. */
function endOf(who: string, bytes: Uint8Array, { name, offset, size }: Member, directory: number): number {
  const view = viewOf(bytes);
  const nameStart = offset + MEMBER_HEADER.length;
  if (nameStart > directory || view.getUint32(offset, true) !== MEMBER_HEADER.mark) {
    throw new RangeError(complaint(who, `a header at byte ${offset}`, "none", DAMAGED));
  }
  // These lengths may differ from those in the directory: np.savez leaves room here for sizes beyond 4 GB.
  const nameEnd = nameStart + view.getUint16(offset + 26, true);
  const end = nameEnd + view.getUint16(offset + 28, true) + size;
  if (end > directory) {
    throw new RangeError(
      complaint(who, `bytes in front of the directory at byte ${directory}`, `up to ${end}`, DAMAGED),
    );
  }
  const localName = decodeUtf8(bytes.subarray(nameStart, nameEnd));
  if (localName !== name) {
    throw new RangeError(complaint(who, `a header of that name at byte ${offset}`, show(localName), DAMAGED));
  }
  return end;
}

function expectNoZip64(who: string, isZip64: boolean): void {
  if (isZip64)
    throw new TypeError(complaint(who, "an archive of at most 4 GB", "a zip64 archive", "save fewer arrays a file"));
}

// Filled in at first use, so that importing this file runs nothing.
let crcTable: Uint32Array | undefined;

/** The checksum of zip: CRC-32 with polynomial 0xedb88320, a byte at a time. */
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
