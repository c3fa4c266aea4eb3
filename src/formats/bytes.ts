/** Bytes: common functions of the readers. Files are untrusted, so every number in them is checked before use. */

import { typedArrayName } from "../core/dtype.js";
import { complaint, show } from "../core/errors.js";

/**
 * The bytes of a file, in a form that `Blob`, `Response` and `fs.writeFile` accept (memory not shared between threads).
 *
 * From TypeScript 5.7 on, this is `Uint8Array<ArrayBuffer>`. Before, it is `Uint8Array`.
 */
export type Bytes = ReturnType<Uint8Array["slice"]>;

/** The explanation in messages about inconsistent files. */
export const DAMAGED = "the file is damaged";

/** Requires the bytes of a file. */
export function expectBytes(who: string, bytes: unknown): asserts bytes is Uint8Array {
  if (typedArrayName(bytes) === "Uint8Array") return;
  const isBuffer = Object.prototype.toString.call(bytes) === "[object ArrayBuffer]";
  const cure = isBuffer ? "use new Uint8Array(buffer)" : "read the file as bytes, not as text";
  throw new TypeError(complaint(who, "the file as a Uint8Array", show(bytes), cure));
}

/** Returns a view for reading and writing numbers in the bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Allocates memory of a size given by a file or the caller, which may exceed the available memory. */
export function allocated<T>(who: string, bytes: number, create: () => T): T {
  try {
    return create();
  } catch {
    throw new RangeError(complaint(who, "arrays that fit into memory", `${bytes} bytes`, "use fewer arrays at a time"));
  }
}

/** What a .pt file is: a zip archive that contains a pickle, the first member. */
export const PT_FILE = "a .pt file, which is a Python pickle";
export const PT_CURE = "save the weights in Python with safetensors.torch.save_file(model.state_dict(), path)";

/** Files that are often passed by mistake: how they begin, what they are, and what to do instead. */
const OTHER_FORMATS: readonly (readonly [start: string, format: string, cure: string])[] = [
  ["\x93NUMPY", "a .npy file", "use readNpy"],
  [
    "PK\x03\x04",
    "a zip archive",
    "use readNpz for a .npz file; save the weights of a .pt or .keras file as safetensors",
  ],
  ["\x89HDF", "an HDF5 file", "save the weights as .npz, as in np.savez"],
  ["\x80\x02", "a Python pickle, such as an old .pt file", PT_CURE],
  ["\x1f\x8b", "a gzip file", "unpack it first"],
  ["version https://git-lfs", "a pointer of Git LFS", "run git lfs pull, or download the file itself"],
  ["<", "a page of HTML or XML", "check the address"],
];

/** Returns whether a zip archive begins with the member "archive/data.pkl". Its folder may have any name. */
function isPickledArchive(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 300));
  return start.startsWith("PK\x03\x04") && start.slice(30).split("\0")[0]!.includes("/data.pkl");
}

/** Identifies a file that a reader does not support, and returns what to do instead if it is a common mistake. */
export function describeFile(bytes: Uint8Array): { readonly got: string; readonly cure?: string } {
  if (bytes.length === 0) return { got: "an empty file" };
  if (isPickledArchive(bytes)) return { got: PT_FILE, cure: PT_CURE };
  for (const [start, format, cure] of OTHER_FORMATS) {
    if (Array.from(start).every((mark, i) => bytes[i] === mark.charCodeAt(0))) return { got: format, cure };
  }
  if (bytes[8] === 0x7b && bytes[7] === 0) return { got: "a safetensors file", cure: "use readSafetensors" };
  return { got: "a file of another kind" };
}

/** Decodes UTF-8. Returns undefined for invalid bytes (overlong forms, surrogates, incomplete characters). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  // In pieces, because appending single characters to a long text needs many times its memory.
  let text = "";
  let piece: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++]!;
    const more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next = bytes[at++];
      if (next === undefined || next >> 6 !== 2) return undefined;
      point = (point << 6) | (next & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more]!;
    const surrogate = point >= 0xd800 && point <= 0xdfff;
    if (first >> 6 === 2 || first > 0xf4 || point < least || point > 0x10ffff || surrogate) return undefined;
    piece.push(point);
    if (piece.length === 4096 || at === bytes.length) {
      text += String.fromCodePoint(...piece);
      piece = [];
    }
  }
  return text;
}
