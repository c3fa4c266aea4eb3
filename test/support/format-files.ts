/** Makes files of weights byte by byte, right and wrong ones: what the readers of `batchnorm/formats` are tested with. */
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { StoredArray, StoredArrays, StoredDType } from "batchnorm/formats";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A little-endian number of so many bytes. */
export function little(value: number | bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The bytes of float64 numbers. */
export function doubles(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

/** A safetensors file; a header that is no text is printed as JSON, and its length is the true one unless given. */
export function safetensorsFile(
  header: unknown,
  data: Uint8Array = new Uint8Array(),
  length?: number | bigint,
): Uint8Array {
  const text =
    header instanceof Uint8Array ? header : utf8(typeof header === "string" ? header : JSON.stringify(header));
  return joined(little(length ?? text.length, 8), text, data);
}

/** A .npy file; the header's length is the true one unless given. */
export function npyFile(
  header: string,
  data: Uint8Array,
  { version = 1, length }: { readonly version?: number; readonly length?: number } = {},
): Uint8Array {
  const text = utf8(header);
  const lengthBytes = little(length ?? text.length, version === 1 ? 2 : 4);
  return joined(Uint8Array.of(0x93), utf8("NUMPY"), Uint8Array.of(version, 0), lengthBytes, text, data);
}

/** A .npy file of float64 numbers in one row. */
export function npyRow(...values: readonly number[]): Uint8Array {
  return npyFile(`{'descr': '<f8', 'fortran_order': False, 'shape': (${values.length},), }\n`, doubles(...values));
}

/** A member of a zip archive, and what its headers say; the truth unless given. */
export interface ZipMember {
  readonly name: string;
  readonly content: Uint8Array;
  readonly flags?: number;
  readonly method?: number;
  readonly checksum?: number;
  readonly packed?: number;
  readonly size?: number;
  readonly offset?: number;
  readonly extra?: Uint8Array;
  readonly localName?: string;
  readonly localMark?: number;
  readonly localExtra?: Uint8Array;
  readonly mark?: number;
  readonly comment?: Uint8Array;
}

/** What the end record of a zip archive says; the truth unless given. */
export interface ZipEnd {
  readonly disk?: number;
  readonly countHere?: number;
  readonly count?: number;
  readonly size?: number;
  readonly start?: number;
  readonly comment?: Uint8Array;
  /** Bytes between the directory and the end record. */
  readonly before?: Uint8Array;
}

/** A zip archive of stored members. */
export function zipFile(members: readonly ZipMember[], end: ZipEnd = {}): Uint8Array {
  const bodies: Uint8Array[] = [];
  const entries: Uint8Array[] = [];
  let at = 0;
  for (const member of members) {
    const { name, content, flags = 0, method = 0, localExtra = new Uint8Array(), comment = new Uint8Array() } = member;
    const { extra = new Uint8Array() } = member;
    const checksum = little(member.checksum ?? crc32(content), 4);
    const sizes = joined(little(member.packed ?? content.length, 4), little(member.size ?? content.length, 4));
    const common = joined(little(20, 2), little(flags, 2), little(method, 2), little(0, 4), checksum, sizes);
    const localName = utf8(member.localName ?? name);
    const lengths = joined(little(localName.length, 2), little(localExtra.length, 2));
    const body = joined(little(member.localMark ?? 0x04034b50, 4), common, lengths, localName, localExtra, content);
    const entryName = utf8(name);
    entries.push(
      joined(
        joined(little(member.mark ?? 0x02014b50, 4), little(20, 2), common),
        joined(little(entryName.length, 2), little(extra.length, 2), little(comment.length, 2), little(0, 8)),
        joined(little(member.offset ?? at, 4), entryName, extra, comment),
      ),
    );
    bodies.push(body);
    at += body.length;
  }
  const directory = joined(...entries);
  const { disk = 0, count = members.length, comment = new Uint8Array(), before = new Uint8Array() } = end;
  const counts = joined(little(disk, 2), little(0, 2), little(end.countHere ?? count, 2), little(count, 2));
  const place = joined(little(end.size ?? directory.length, 4), little(end.start ?? at, 4));
  return joined(...bodies, directory, before, little(0x06054b50, 4), counts, place, little(comment.length, 2), comment);
}

/** A stored array of float64 numbers. */
export function float64(shape: readonly number[], values: readonly number[]): StoredArray {
  return { shape, dtype: "float64", values: Float64Array.from(values) };
}

/** A stored array of float32 numbers. */
export function float32(shape: readonly number[], values: readonly number[]): StoredArray {
  return { shape, dtype: "float32", values: Float32Array.from(values) };
}

const numbers: { readonly [D in StoredDType]: (length: number) => fc.Arbitrary<StoredArray["values"]> } = {
  float64: (length) => fc.float64Array({ minLength: length, maxLength: length }),
  float32: (length) => fc.float32Array({ minLength: length, maxLength: length }),
  int64: (length) => fc.bigInt64Array({ minLength: length, maxLength: length }),
  int32: (length) => fc.int32Array({ minLength: length, maxLength: length }),
  int16: (length) => fc.int16Array({ minLength: length, maxLength: length }),
  int8: (length) => fc.int8Array({ minLength: length, maxLength: length }),
  uint64: (length) => fc.bigUint64Array({ minLength: length, maxLength: length }),
  uint32: (length) => fc.uint32Array({ minLength: length, maxLength: length }),
  uint16: (length) => fc.uint16Array({ minLength: length, maxLength: length }),
  uint8: (length) => fc.uint8Array({ minLength: length, maxLength: length }),
  bool: (length) => fc.uint8Array({ minLength: length, maxLength: length, max: 1 }),
};

/** Any array that can be stored: of every dtype, of up to four axes, which may be empty. */
export const storedArray: fc.Arbitrary<StoredArray> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(numbers) as StoredDType[])),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
  })
  .chain(({ dtype, shape }) =>
    numbers[dtype](shape.reduce((product, size) => product * size, 1)).map(
      (values) => ({ shape, dtype, values }) as StoredArray,
    ),
  );

/** Names, among them those that would reach a prototype. */
export const storedName: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__"),
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "0", "", 'a"b\\', "a\u0000"),
);

export const storedArrays: fc.Arbitrary<StoredArrays> = fc
  .array(fc.tuple(storedName, storedArray), { maxLength: 6 })
  .map((entries) => new Map(entries));

/** A file with a few bytes changed, cut out, doubled or added: damage that leaves most checks to be reached. */
export function damaged(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat({ max: file.length });
  const extreme = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff);
  const damage = fc.oneof(
    fc.record({ at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }), cut: fc.nat({ max: 4 }) }),
    fc.record({ at: place, bytes: extreme.map((value) => little(value, 4)), cut: fc.constant(4) }),
    fc.record({ at: place, bytes: fc.constant(new Uint8Array()), cut: fc.nat({ max: file.length }) }),
  );
  return fc
    .array(damage, { minLength: 1, maxLength: 3 })
    .map((damages) =>
      damages.reduce<Uint8Array>(
        (bytes, { at, bytes: new_, cut }) => joined(bytes.subarray(0, at), new_, bytes.subarray(at + cut)),
        file,
      ),
    );
}

const OWN_MESSAGE = /^(TypeError|RangeError|ShapeError): read\w+(: ".*")?: expected .+, got .+$/s;

/**
 * Reads a file that may be damaged. Requires that it fails with one of the library's own errors or gives arrays that lie
 * within the file, and that no prototype has changed. Gives the arrays, or undefined.
 */
export function readOrRefuse<T extends StoredArray | StoredArrays>(
  read: (bytes: Uint8Array) => T,
  file: Uint8Array,
): T | undefined {
  const before = file.slice();
  let result: T | undefined;
  let failure: string | undefined;
  try {
    result = read(file);
  } catch (error) {
    failure = String(error);
  }
  if (failure !== undefined && !OWN_MESSAGE.test(failure)) throw new Error(`not an error of the library: ${failure}`);
  const names = [Object.prototype, Array.prototype, Map.prototype].flatMap((prototype) => Object.keys(prototype));
  if (names.length > 0) throw new Error(`a prototype got ${names.join()}`);
  if (before.some((byte, i) => byte !== file[i])) throw new Error("the file was written to");
  if (result !== undefined) {
    const arrays = result instanceof Map ? [...(result as StoredArrays).values()] : [result as StoredArray];
    const bytes = arrays.reduce((sum, { values }) => sum + values.byteLength, 0);
    // 16-bit numbers become 32-bit ones, and no byte of deflate becomes more than 1,032.
    const isCompressed = file[0] === 0x50 && bytes > 2 * file.length;
    if (bytes > (isCompressed ? 1032 : 2) * file.length)
      throw new Error(`${bytes} bytes out of a file of ${file.length}`);
  }
  return result;
}
