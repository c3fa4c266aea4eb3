/** Base64, decoded without the host: `atob` and `Buffer` are not part of the language. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes of a base64 text; four characters hold three bytes, "=" fills up the last four. */
export function decodeBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < text.length; from += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => values[text.charCodeAt(from + i)]!) as [
      number,
      number,
      number,
      number,
    ];
    // A typed array ignores what is written behind its end: the padding's zeros.
    bytes[to++] = (a << 2) | (b >> 4);
    bytes[to++] = (b << 4) | (c >> 2);
    bytes[to++] = (c << 6) | d;
  }
  return bytes;
}
