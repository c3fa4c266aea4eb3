/**
 * Bytes as printable characters, in a form that compression still understands: base64 cuts bytes in pieces, so that a module of
 * 6.2 kB gzipped becomes 9.5 kB of gzipped text; this one becomes 6.4 kB, and less among code.
 *
 * The first 256 characters are the key: at the place of each byte value stands its character. The rarest bytes have none, a
 * space in the key; they are written as a space and two letters from a to p, their halves. No quote, no backslash, and no "<",
 * which could end a script. The encoder is in assembly/build.mjs.
 */

const SPACE = 32;
const LETTER_A = 97;

/** The bytes of a text of `encodeBytes`. */
export function decodeBytes(text: string): Uint8Array {
  const byteOf = new Uint8Array(128);
  for (let byte = 0; byte < 256; byte++) byteOf[text.charCodeAt(byte)] = byte;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 256; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === SPACE) {
      bytes[length++] = 16 * (text.charCodeAt(i + 1) - LETTER_A) + text.charCodeAt(i + 2) - LETTER_A;
      i += 2;
    } else {
      bytes[length++] = byteOf[code]!;
    }
  }
  return bytes.slice(0, length);
}
