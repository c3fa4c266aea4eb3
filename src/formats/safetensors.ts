/** safetensors: eight bytes of length, a header in JSON, and the numbers. */

import { complaint, show } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import { type Bytes, DAMAGED, decodeUtf8, expectBytes, viewOf } from "./bytes.js";
import { expectJsonObject, parseJsonObject } from "./json.js";
import {
  bytesOf,
  decodeArray,
  encodeArray,
  expectStoredArrays,
  expectStoredShape,
  type StoredArrays,
  type StoredDType,
} from "./stored-array.js";

const SAFETENSORS_DTYPES: ReadonlyMap<unknown, StoredDType> = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);
const METADATA = "__metadata__";
/** As in the reference implementation. */
const LONGEST_SAFETENSORS_HEADER = 100_000_000;

/**
 * Reads the arrays of a safetensors file.
 *
 * Every array must lie in the file exactly as its shape and dtype say, side by side with the others, without gap or
 * overlap. F16 and BF16 are not read: no typed array holds them.
 *
 * - **Cost**: one copy of the numbers; never allocates more than the file's size for them
 * - **Source**: github.com/huggingface/safetensors, "Format"
 *
 * @throws {TypeError} if it is no safetensors file, or holds a dtype that is not read
 * @throws {RangeError} if a length or an offset leaves the file, overlaps or leaves a gap
 * @throws {ShapeError} if an array has another number of bytes than its shape needs
 * @example
 * const file = writeSafetensors(new Map([["x", { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) }]]));
 * readSafetensors(file).get("x")!.values;   // => Float64Array [1, 2]
 */
export function readSafetensors(bytes: Uint8Array): StoredArrays {
  const name = "readSafetensors";
  const { header, data } = openFile(name, bytes);
  const ranges = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, entry]) => ({ key, ...rangeOf(`${name}: ${show(key)}`, entry, data.length) }));
  // An empty array begins where the next one does: it comes first.
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { key, begin, end } of ranges) {
    if (begin !== at) {
      const cure = begin > at ? "the file has a gap" : "arrays overlap";
      throw new RangeError(complaint(`${name}: ${show(key)}`, `data that begins at byte ${at}`, `${begin}`, cure));
    }
    at = end;
  }
  if (at !== data.length) {
    throw new RangeError(complaint(name, `${at} bytes behind the header`, `${data.length}`, DAMAGED));
  }
  return new Map(
    ranges.map(({ key, shape, dtype, begin, end }) => [
      key,
      decodeArray(`${name}: ${show(key)}`, shape, dtype, data.subarray(begin, end)),
    ]),
  );
}

/**
 * Reads the texts that a safetensors file carries beside its arrays, as in `{ format: "pt" }`.
 *
 * @throws {TypeError | RangeError} if it is no safetensors file
 * @example
 * readSafetensorsMetadata(writeSafetensors(new Map(), { format: "pt" }));   // => { format: "pt" }
 */
export function readSafetensorsMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  const name = "readSafetensorsMetadata";
  return metadataOf(name, openFile(name, bytes).header);
}

/**
 * Writes a safetensors file, and with it texts of your own if given (Hugging Face's libraries want `{ format: "pt" }`).
 *
 * Arrays of wider numbers come first, so that each begins at a multiple of its width; among equals the order is kept.
 *
 * - **Cost**: one copy of the numbers
 *
 * @throws {TypeError | ShapeError} if something is no array, a name is "__metadata__", or the metadata are not texts
 * @example
 * const norm = new BatchNorm({ features: 2 });
 * const file = writeSafetensors(toPyTorch(norm));
 * loadPyTorch(norm, readSafetensors(file));
 */
export function writeSafetensors(arrays: StoredArrays, metadata: Readonly<Record<string, string>> = {}): Bytes {
  const name = "writeSafetensors";
  expectStoredArrays(name, arrays);
  expectTexts(name, metadata);
  if (arrays.has(METADATA)) {
    throw new TypeError(complaint(name, "names of arrays", show(METADATA), "pass metadata as the second argument"));
  }
  for (const text of [...arrays.keys(), ...Object.entries(metadata).flat()]) expectWellFormed(name, text);
  const tags = new Map([...SAFETENSORS_DTYPES].map(([tag, dtype]) => [dtype, tag]));
  const sorted = [...arrays].sort(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype));

  const members = Object.keys(metadata).length > 0 ? [`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`] : [];
  let end = 0;
  for (const [key, { shape, dtype, values }] of sorted) {
    const begin = end;
    end += values.byteLength;
    members.push(
      `${JSON.stringify(key)}:${JSON.stringify({ dtype: tags.get(dtype), shape, data_offsets: [begin, end] })}`,
    );
  }
  // ASCII alone: what is beyond is escaped, so that a character is a byte.
  const text = `{${members.join(",")}}`.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8 + text.length, 8 + length);
  viewOf(bytes).setBigUint64(0, BigInt(length), true);
  for (let i = 0; i < text.length; i++) bytes[8 + i] = text.charCodeAt(i);
  let at = 8 + length;
  for (const [, array] of sorted) encodeArray(array, bytes.subarray(at, (at += array.values.byteLength)));
  return bytes;
}

interface StoredRange {
  readonly shape: Shape;
  readonly dtype: StoredDType;
  readonly begin: number;
  readonly end: number;
}

function openFile(name: string, bytes: Uint8Array): { header: Readonly<Record<string, unknown>>; data: Uint8Array } {
  expectBytes(name, bytes);
  if (bytes.length < 8) {
    throw new RangeError(complaint(name, "a safetensors file of at least 8 bytes", `${bytes.length}`));
  }
  const length = Number(viewOf(bytes).getBigUint64(0, true));
  const longest = Math.min(bytes.length - 8, LONGEST_SAFETENSORS_HEADER);
  if (length > longest) {
    const cure = "the file is cut short, or is no safetensors file";
    throw new RangeError(complaint(name, `a header of at most ${longest} bytes`, `${length}`, cure));
  }
  const text = decodeUtf8(bytes.subarray(8, 8 + length));
  if (text === undefined) throw new TypeError(complaint(name, "a header in UTF-8", "other bytes", DAMAGED));
  const header = parseJsonObject(name, text, "a header in JSON");
  metadataOf(name, header);
  return { header, data: bytes.subarray(8 + length) };
}

function metadataOf(name: string, header: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const metadata = header[METADATA] ?? {};
  expectTexts(name, metadata);
  return metadata;
}

function expectTexts(name: string, metadata: unknown): asserts metadata is Readonly<Record<string, string>> {
  expectJsonObject(name, "the metadata", metadata);
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string")
      throw new TypeError(complaint(name, `metadata ${show(key)} to be a string`, show(text)));
  }
}

/** Half a surrogate pair is no character; other readers refuse a file that has one. */
function expectWellFormed(name: string, text: string): void {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError(complaint(name, "text of whole characters", show(text)));
}

function rangeOf(name: string, entry: unknown, length: number): StoredRange {
  expectJsonObject(name, "the entry", entry);
  const { dtype: tag, shape, data_offsets: offsets } = entry;
  const dtype = SAFETENSORS_DTYPES.get(tag);
  if (dtype === undefined) {
    const cure = "convert it before saving, as in PyTorch's tensor.float()";
    throw new TypeError(complaint(name, `dtype ${[...SAFETENSORS_DTYPES.keys()].join(", ")}`, show(tag), cure));
  }
  expectStoredShape(name, shape);
  if (!Array.isArray(offsets) || offsets.length !== 2)
    throw new TypeError(complaint(name, "two data_offsets", show(offsets)));
  const [begin, end] = offsets as [number, number];
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin || end > length) {
    throw new RangeError(complaint(name, `data_offsets within the ${length} bytes behind the header`, show(offsets)));
  }
  return { shape, dtype, begin, end };
}
