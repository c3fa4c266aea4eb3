/** safetensors: eight bytes with the length of the header, the header in JSON, and the numbers. */

import { complaint, show } from "../core/errors.js";
import { allocated, type Bytes, DAMAGED, decodeUtf8, describeFile, expectBytes, viewOf } from "./bytes.js";
import { expectJsonObject, parseJsonObject } from "./json.js";
import {
  bytesOf,
  chosenNames,
  decodeArray,
  encodeArray,
  expectStoredShape,
  type FileDType,
  type ReadArraysOptions,
  readStoredArrays,
  type StoredArray,
  type StoredArrays,
} from "./stored-array.js";

const SAFETENSORS_DTYPES: ReadonlyMap<unknown, FileDType> = new Map<unknown, FileDType>([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U64", "uint64"],
  ["U32", "uint32"],
  ["U16", "uint16"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);
const METADATA = "__metadata__";
/** The limit of the reference implementation. */
const LONGEST_SAFETENSORS_HEADER = 100_000_000;

/**
 * Reads the arrays of a safetensors file.
 *
 * Supports F64, F32, I64 to I8, U64 to U8 and BOOL. F16 and BF16 are widened to float32 exactly. Arrays that are not in `names` are
 * skipped and may have any dtype. The arrays must be contiguous in the file, without gaps or overlaps.
 *
 * - **Cost**: one copy of the numbers that are read; no allocation exceeds twice the size of the file
 * - **Source**: github.com/huggingface/safetensors, "Format"
 *
 * @throws {TypeError} if it is not a safetensors file, a dtype is not supported, or `names` has a name that is not in the file
 * @throws {RangeError} if a length or an offset is outside the file, or there are gaps or overlaps between arrays
 * @throws {ShapeError} if an array has more or fewer bytes than its shape requires
 * @example
 * const file = writeSafetensors(new Map([["x", { shape: [2], dtype: "float64", values: Float64Array.of(1, 2) }]]));
 * readSafetensors(file).get("x")!.values;   // => Float64Array [1, 2]
 */
export function readSafetensors(bytes: Uint8Array, options: ReadArraysOptions = {}): StoredArrays {
  const who = "readSafetensors";
  const { header, data } = openFile(who, bytes);
  const ranges = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, entry]) => rangeOf(who, key, entry, data.length));
  // An empty array begins at the same byte as the next array, and is sorted before it.
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { key, begin, end } of ranges) {
    if (begin !== at) {
      const cure = begin > at ? "the file has a gap" : "arrays overlap";
      throw new RangeError(complaint(`${who}: ${show(key)}`, `data at byte ${at}`, `${begin}`, cure));
    }
    at = end;
  }
  if (at !== data.length) {
    throw new RangeError(complaint(who, `${at} bytes after the header`, `${data.length}`, DAMAGED));
  }
  const arrays = new Map<string, StoredArray>();
  const chosen = chosenNames(
    who,
    options,
    ranges.map(({ key }) => key),
  );
  for (const range of ranges) if (chosen.has(range.key)) arrays.set(range.key, readRange(who, range, data));
  return arrays;
}

/**
 * Reads the metadata of a safetensors file, a record of strings such as `{ format: "pt" }`.
 *
 * @throws {TypeError | RangeError} if it is not a safetensors file
 * @example
 * readSafetensorsMetadata(writeSafetensors(new Map(), { format: "pt" }));   // => { format: "pt" }
 */
export function readSafetensorsMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  const name = "readSafetensorsMetadata";
  return metadataOf(name, openFile(name, bytes).header);
}

/**
 * Writes a safetensors file, optionally with metadata (Hugging Face's libraries expect `{ format: "pt" }`).
 *
 * The arrays are sorted by the width of their numbers, widest first, which aligns them. Arrays of equal width keep their order.
 *
 * - **Cost**: one copy of the numbers
 *
 * @throws {TypeError | ShapeError} if a value in `arrays` is not a stored array, a name is "__metadata__", or metadata are not
 * strings
 * @example
 * const norm = new BatchNorm({ features: 2 });
 * const file = writeSafetensors(toPyTorch(norm));
 * loadPyTorch(norm, readSafetensors(file));
 */
export function writeSafetensors(arrays: StoredArrays, metadata: Readonly<Record<string, string>> = {}): Bytes {
  const name = "writeSafetensors";
  const checked = readStoredArrays(name, arrays);
  expectTexts(name, metadata);
  if (checked.has(METADATA)) {
    throw new TypeError(complaint(name, "names of arrays", show(METADATA), "pass metadata as the second argument"));
  }
  for (const text of [...checked.keys(), ...Object.entries(metadata).flat()]) expectWellFormed(name, text);
  const tags = new Map([...SAFETENSORS_DTYPES].map(([tag, dtype]) => [dtype, tag]));
  const sorted = [...checked].sort(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype));

  const members = Object.keys(metadata).length > 0 ? [`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`] : [];
  let end = 0;
  for (const [key, { shape, dtype, values }] of sorted) {
    const begin = end;
    end += values.byteLength;
    members.push(
      `${JSON.stringify(key)}:${JSON.stringify({ dtype: tags.get(dtype), shape, data_offsets: [begin, end] })}`,
    );
  }
  // Escapes all characters beyond ASCII, which makes every character one byte.
  const text = `{${members.join(",")}}`.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = allocated(name, 8 + length + end, () => new Uint8Array(8 + length + end));
  bytes.fill(0x20, 8 + text.length, 8 + length);
  viewOf(bytes).setBigUint64(0, BigInt(length), true);
  for (let i = 0; i < text.length; i++) bytes[8 + i] = text.charCodeAt(i);
  let at = 8 + length;
  for (const [, array] of sorted) encodeArray(array, bytes.subarray(at, (at += array.values.byteLength)));
  return bytes;
}

/** The position of an array in the file and its entry in the header. Dtype and shape are checked when the array is read. */
interface StoredRange {
  readonly key: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly begin: number;
  readonly end: number;
}

function openFile(name: string, bytes: Uint8Array): { header: Readonly<Record<string, unknown>>; data: Uint8Array } {
  expectBytes(name, bytes);
  if (bytes.length < 8) {
    const cure = bytes.length === 0 ? "the file is empty" : "the file is cut short";
    throw new RangeError(complaint(name, "a safetensors file of at least 8 bytes", `${bytes.length}`, cure));
  }
  const length = Number(viewOf(bytes).getBigUint64(0, true));
  const longest = Math.min(bytes.length - 8, LONGEST_SAFETENSORS_HEADER);
  if (length > longest) {
    const { got, cure } = describeFile(bytes);
    if (cure !== undefined && bytes[8] !== 0x7b) throw new TypeError(complaint(name, "a safetensors file", got, cure));
    const expected = `a header of at most ${longest} bytes`;
    throw new RangeError(complaint(name, expected, `${length}`, "the file is cut short, or is not a safetensors file"));
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

/** Throws if a text has unpaired surrogates, because other readers would refuse the file. */
function expectWellFormed(name: string, text: string): void {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError(complaint(name, "text without unpaired surrogates", show(text)));
}

function rangeOf(who: string, key: string, entry: unknown, length: number): StoredRange {
  const self = `${who}: ${show(key)}`;
  expectJsonObject(self, "the entry", entry);
  const { data_offsets: offsets } = entry;
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    throw new TypeError(complaint(self, "two data_offsets", show(offsets)));
  }
  const [begin, end] = offsets as [number, number];
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin || end > length) {
    throw new RangeError(complaint(self, `data_offsets within the ${length} bytes after the header`, show(offsets)));
  }
  return { key, entry, begin, end };
}

function readRange(who: string, { key, entry, begin, end }: StoredRange, data: Uint8Array): StoredArray {
  const self = `${who}: ${show(key)}`;
  const { dtype: tag, shape } = entry;
  const dtype = SAFETENSORS_DTYPES.get(tag);
  if (dtype === undefined) {
    const cure = "convert it before saving, as in PyTorch's tensor.float(), or leave it out with the option names";
    throw new TypeError(complaint(self, `dtype ${[...SAFETENSORS_DTYPES.keys()].join(", ")}`, show(tag), cure));
  }
  expectStoredShape(self, shape);
  return decodeArray(self, shape, dtype, data.subarray(begin, end));
}
