/** Bytes: what the readers share. A file is not to be trusted: each number in it is checked before it is used. */

import { typedArrayName } from "../core/dtype.js";
import { complaint, show } from "../core/errors.js";

/**
 * The bytes of a file, in memory that is shared with no other thread: what `Blob`, `Response` and `fs.writeFile` take. This is
 * `Uint8Array<ArrayBuffer>` from TypeScript 5.7 on, and `Uint8Array` before.
 */
export type Bytes = ReturnType<Uint8Array["slice"]>;

/** The cure in messages about files that contradict themselves. */
export const DAMAGED = "the file is damaged";

/** Requires the bytes of a file. */
export function expectBytes(who: string, bytes: unknown): asserts bytes is Uint8Array {
  if (typedArrayName(bytes) === "Uint8Array") return;
  const isBuffer = Object.prototype.toString.call(bytes) === "[object ArrayBuffer]";
  const cure = isBuffer ? "use new Uint8Array(buffer)" : "read the file as bytes, not as text";
  throw new TypeError(complaint(who, "the file as a Uint8Array", show(bytes), cure));
}

/** Returns a view of the bytes, to read and write numbers in. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes UTF-8; undefined if the bytes are not: overlong forms, surrogates and torn ends are refused. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  // In pieces: one long text that grows by a character takes many times its own memory.
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
