/**
 * Bytes as printable characters, in a form that compression still understands. Base64 cuts bytes in pieces, so that a module
 * of 6.8 kB gzipped becomes 10.5 kB of gzipped text; this one becomes 6.9 kB.
 *
 * A byte b is v = (b + SHIFT) mod 256: one character for v < SINGLES, else one for v div SINGLES and one for the rest. "!" stands
 * for the backslash and a space for "<", which could end a script. The encoder is in assembly/build.mjs.
 */

const FIRST = 35; // "#"
const SINGLES = 90;
/** Puts the bytes that are frequent in a module among the single characters. */
const SHIFT = 40;

/** The bytes of a text of `encodeBytes`. */
export function decodeBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  let high = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = (code === 33 ? 92 : code === 32 ? 60 : code) - FIRST;
    if (value >= SINGLES) {
      high = value - SINGLES + 1;
    } else {
      bytes[length++] = high * SINGLES + value - SHIFT; // modulo 256, as the array has it
      high = 0;
    }
  }
  return bytes.slice(0, length);
}
