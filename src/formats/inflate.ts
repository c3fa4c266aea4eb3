/** Inflate: synchronous decompression of zip archives in memory, which not all hosts provide. */

import { complaint } from "../core/errors.js";
import { allocated, DAMAGED } from "./bytes.js";

/** The maximum compression of deflate: two bits can stand for a copy of 258 bytes. */
const MOST_BYTES_PER_BYTE = 1032;
/** The order in which a block lists the lengths of the codes that encode its code lengths. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST_CODE = 15;

/**
 * Decompresses a raw deflate stream of known size.
 *
 * - **Cost**: allocates `size` bytes, after a check that the stream could be that long; about 10 ns per byte
 * - **Source**: RFC 1951
 *
 * @throws {RangeError} if the stream is damaged or has a different size
 */
export function inflate(who: string, packed: Uint8Array, size: number): Uint8Array {
  if (size > packed.length * MOST_BYTES_PER_BYTE) {
    const expected = `at most ${packed.length * MOST_BYTES_PER_BYTE} bytes from ${packed.length} compressed ones`;
    throw new RangeError(complaint(who, expected, `${size}`, DAMAGED));
  }
  const out = allocated(who, size, () => new Uint8Array(size));
  let end = 0;
  let at = 0;
  let bits = 0;
  let count = 0;

  function fail(got: string): never {
    throw new RangeError(complaint(who, `${size} bytes of compressed data`, got, DAMAGED));
  }
  /** Returns up to 16 bits, the first one lowest. */
  function take(length: number): number {
    while (count < length) {
      if (at >= packed.length) fail("an early end");
      bits |= packed[at++]! << count;
      count += 8;
    }
    const value = bits & ((1 << length) - 1);
    bits >>>= length;
    count -= length;
    return value;
  }
  function decode({ table, longest }: Huffman, mask = (1 << longest) - 1): number {
    while (count < longest && at < packed.length) {
      bits |= packed[at++]! << count;
      count += 8;
    }
    const entry = table[bits & mask]!;
    const length = entry & 15;
    if (length === 0 || length > count) fail("an unknown code");
    bits >>>= length;
    count -= length;
    return entry >> 4;
  }
  function stored(): void {
    // Unreads the whole bytes that were read ahead.
    at -= count >> 3;
    bits = count = 0;
    const length = packed[at]! | (packed[at + 1]! << 8);
    const complement = packed[at + 2]! | (packed[at + 3]! << 8);
    at += 4;
    if (at + length > packed.length || (length ^ complement) !== 0xffff) fail("a damaged block");
    if (end + length > size) fail("more");
    out.set(packed.subarray(at, at + length), end);
    at += length;
    end += length;
  }
  // Keeps the state in local variables, because engines access those of an outer function many times slower.
  function compressed(literals: Huffman, distances: Huffman): void {
    let [from, to, buffer, held] = [at, end, bits, count];
    const [literalMask, distanceMask] = [(1 << literals.longest) - 1, (1 << distances.longest) - 1];
    for (;;) {
      while (held < 15 && from < packed.length) {
        buffer |= packed[from++]! << held;
        held += 8;
      }
      const entry = literals.table[buffer & literalMask]!;
      const symbol = entry >> 4;
      buffer >>>= entry & 15;
      held -= entry & 15;
      if ((entry & 15) === 0 || held < 0 || symbol > 285) fail("an unknown code");
      if (symbol < 256) {
        if (to >= size) fail("more");
        out[to++] = symbol;
        continue;
      }
      if (symbol === 256) break;
      [at, bits, count] = [from, buffer, held];
      const length = lengthOf(symbol - 257, take);
      const code = decode(distances, distanceMask);
      if (code > 29) fail("an unknown distance");
      const distance = distanceOf(code, take);
      [from, buffer, held] = [at, bits, count];
      if (distance > to) fail("a copy from before the start");
      if (to + length > size) fail("more");
      for (const last = to + length; to < last; to++) out[to] = out[to - distance]!;
    }
    [at, end, bits, count] = [from, to, buffer, held];
  }
  function dynamic(): void {
    const literals = take(5) + 257;
    const distances = take(5) + 1;
    const listed = take(4) + 4;
    const lengths = new Uint8Array(19);
    for (const symbol of LENGTHS_ORDER.slice(0, listed)) lengths[symbol] = take(3);
    const code = huffman(lengths) ?? fail("damaged code lengths");
    const all = new Uint8Array(literals + distances);
    for (let i = 0; i < all.length;) {
      const symbol = decode(code);
      if (symbol < 16) {
        all[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) fail("damaged code lengths");
      const value = symbol === 16 ? all[i - 1]! : 0;
      const repeats = symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
      if (i + repeats > all.length) fail("damaged code lengths");
      all.fill(value, i, (i += repeats));
    }
    const ofLiterals = huffman(all.subarray(0, literals)) ?? fail("damaged code lengths");
    compressed(ofLiterals, huffman(all.subarray(literals)) ?? fail("damaged code lengths"));
  }

  for (let last = 0; last === 0;) {
    last = take(1);
    const kind = take(2);
    if (kind === 0) stored();
    else if (kind === 1) compressed(huffman(fixedLengths())!, huffman(new Uint8Array(32).fill(5))!);
    else if (kind === 2) dynamic();
    else fail("a block of unknown kind");
  }
  if (end !== size) fail(`${end}`);
  return out;
}

/** A Huffman code. The table maps the next bits to 16 times the symbol plus the length of its code, or 0 without such a code. */
interface Huffman {
  readonly table: Uint16Array;
  readonly longest: number;
}

/** Builds the code with the given lengths (0 for unused symbols). Returns undefined if there are too many codes. */
function huffman(lengths: Uint8Array): Huffman | undefined {
  const counts = new Uint16Array(LONGEST_CODE + 1);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const next = new Uint32Array(LONGEST_CODE + 1);
  let longest = 1;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    next[length] = (next[length - 1]! + counts[length - 1]!) << 1;
    if (next[length]! + counts[length]! > 1 << length) return undefined;
    if (counts[length]! > 0) longest = length;
  }
  const table = new Uint16Array(1 << longest);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) continue;
    // Codes start with their highest bit, but the stream is read from its lowest.
    const code = next[length]!++;
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let i = reversed; i < table.length; i += 1 << length) table[i] = (symbol << 4) | length;
  }
  return { table, longest };
}

function fixedLengths(): Uint8Array {
  return new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
}

/** Returns the length of a copy: 3 to 10, then groups of four codes with one more extra bit each, and finally 258. */
function lengthOf(code: number, take: (length: number) => number): number {
  if (code < 8) return code + 3;
  if (code === 28) return 258;
  const extra = (code >> 2) - 1;
  return ((4 + (code & 3)) << extra) + 3 + take(extra);
}

/** Returns the distance of a copy: 1 to 4, then groups of two codes with one more extra bit each. */
function distanceOf(code: number, take: (length: number) => number): number {
  if (code < 4) return code + 1;
  const extra = (code >> 1) - 1;
  return ((2 + (code & 1)) << extra) + 1 + take(extra);
}
