/**
 * Random: the seeded generator of all random numbers in the library.
 *
 * The generator is xoshiro128** 1.1 (Blackman & Vigna 2018). Its 128 bits of state are four MurmurHash3 hashes (x86, 32 bits)
 * of a seed or a label, with different hash seeds.
 */

import { withMemory } from "./dtype.js";
import { complaint, expectCount, expectNumber, expectObject, show } from "./errors.js";
import { log } from "./math.js";

/** The state of a random stream, from which it can continue. Plain JSON. */
export interface RandomState {
  /** Identifies the stream and never changes. `fork` derives new streams from it. Four 32-bit words. */
  readonly key: readonly number[];
  /** The 128 bits that determine the next number. Four 32-bit words. */
  readonly words: readonly number[];
}

/**
 * A seeded stream of random numbers. The same seed produces the same numbers in every run and on every engine.
 *
 * - **Source**: xoshiro128** 1.1: Blackman & Vigna, Scrambled linear pseudorandom number generators, 2018; period 2^128 - 1
 *
 * @throws {TypeError | RangeError} if the seed is not an integer
 * @example
 * const random = new Random(1);
 * random.uniform();            // => 0.4620203211821715
 * random.fork("weights");      // an independent stream, regardless of earlier draws
 */
export class Random {
  private key: Uint32Array;
  private words: Uint32Array;

  /** Creates a stream from a seed, an integer of absolute value below 2^53. */
  constructor(seed: number) {
    expectNumber("Random", "seed", seed, { low: -Infinity });
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(complaint("Random", "seed to be a whole number", show(seed)));
    }
    this.key = hashToWords(`seed ${seed + 0}`, [0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834]);
    this.words = this.key.slice();
  }

  /** Draws 32 random bits, as an integer in [0, 2^32 - 1]. */
  bits(): number {
    // Reads each word once and calls no function, because weights are drawn before the engine has compiled anything.
    const words = this.words;
    const second = words[1]!;
    const third = words[2]! ^ words[0]!;
    const fourth = words[3]! ^ second;
    words[0]! ^= fourth;
    words[1] = second ^ third;
    words[2] = third ^ (second << 9);
    words[3] = (fourth << 11) | (fourth >>> 21);
    const product = second * 5;
    return (((product << 7) | (product >>> 25)) * 9) >>> 0;
  }

  /** Draws a uniformly distributed number in [low, high) from 53 random bits. Default: [0, 1). */
  uniform(low = 0, high = 1): number {
    // One test accepts valid bounds, for the same reason.
    if (!(typeof low === "number" && typeof high === "number" && high >= low && high - low < Infinity)) {
      expectNumber("Random.uniform", "low", low, { low: -Infinity });
      expectNumber("Random.uniform", "high", high, { low });
      expectNumber("Random.uniform", "high - low", high - low, { low: 0 });
    }
    for (;;) {
      const value = low + (high - low) * this.unit();
      if (value < high || low === high) return value; // the sum may have been rounded up to high
    }
  }

  /** Draws a number in [0, 1) from 27 bits of one draw and 26 of the next. */
  private unit(): number {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }

  /**
   * Draws a normally distributed number. Default: mean 0, standard deviation 1.
   *
   * - **Source**: the polar method: Marsaglia & Bray 1964. The second number of each pair is discarded, because keeping it
   *   would add to the state.
   */
  normal(mean = 0, std = 1): number {
    if (!(Number.isFinite(mean) && typeof std === "number" && std >= 0 && std < Infinity)) {
      expectNumber("Random.normal", "mean", mean, { low: -Infinity });
      expectNumber("Random.normal", "std", std, { low: 0 });
    }
    for (;;) {
      const u = 2 * this.unit() - 1;
      const v = 2 * this.unit() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return mean + std * (u * Math.sqrt((-2 * log(s)) / s));
    }
  }

  /** Draws an integer in [0, bound - 1], each with equal probability (by rejection, without modulo bias). */
  integer(bound: number): number {
    expectCount("Random.integer", "bound", bound);
    if (bound > 2 ** 32) throw new RangeError(complaint("Random.integer", "bound in [1, 4294967296]", show(bound)));
    const fair = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = this.bits();
      if (draw < fair) return draw % bound;
    }
  }

  /** Returns the integers from 0 to length - 1 in random order (Fisher-Yates shuffle: Durstenfeld 1964). */
  permutation(length: number): Uint32Array {
    expectCount("Random.permutation", "length", length, 0);
    if (length > 2 ** 32) {
      throw new RangeError(complaint("Random.permutation", "length in [0, 4294967296]", show(length)));
    }
    const order = withMemory(
      "Random.permutation",
      () => `${length} numbers`,
      4 * length,
      () => new Uint32Array(length),
    );
    for (let i = 0; i < length; i++) order[i] = i;
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }

  /**
   * Creates an independent stream. It depends on this stream's seed and the label, not on earlier draws. Adding a layer to a
   * model thus does not change the random numbers of the other layers. The same label always produces the same stream.
   */
  fork(label: string): Random {
    if (typeof label !== "string") {
      throw new TypeError(complaint("Random.fork", "label to be a string", show(label)));
    }
    const child = this.copy();
    child.key = hashToWords(label, this.key);
    child.words = child.key.slice();
    return child;
  }

  /** Creates a stream that will draw the same numbers as this one from now on. */
  copy(): Random {
    return Random.from(this.state);
  }

  /** The current position in the stream. Save it with a model, and continue with `Random.from`. */
  get state(): RandomState {
    return { key: [...this.key], words: [...this.words] };
  }

  /** Creates a stream that continues from a saved state. */
  static from(state: RandomState): Random {
    expectObject("Random.from", "state", state);
    const random = new Random(0);
    random.key = wordsOf("key", state.key);
    random.words = wordsOf("words", state.words);
    return random;
  }

  /** Sets this stream to a saved state. */
  restore(state: RandomState): void {
    const other = Random.from(state);
    this.key = other.key;
    this.words = other.words;
  }
}

/** Requires a random stream. Checks for a method, because the class differs between the ESM and the CommonJS build. */
export function expectRandom(who: string, random: unknown): asserts random is Random {
  const known =
    typeof random === "object" && random !== null && typeof (random as Partial<Random>).uniform === "function";
  if (!known) throw new TypeError(complaint(who, "random to be a Random", show(random), "pass new Random(seed)"));
}

function wordsOf(name: string, words: unknown): Uint32Array {
  // The copy has no holes and the prototype of an array.
  const copied: unknown[] = Array.isArray(words) && words.length === 4 ? [words[0], words[1], words[2], words[3]] : [];
  const valid =
    copied.length === 4 &&
    copied.every((word): word is number => Number.isInteger(word) && Number(word) >= 0 && Number(word) < 2 ** 32);
  if (!valid) throw new TypeError(complaint("Random.from", `${name} to be four 32-bit words`, show(words)));
  // An all-zero state is a fixed point of the generator.
  if (copied.every((word) => word === 0)) {
    throw new RangeError(complaint("Random.from", `${name} not to be all zeros`, show(words)));
  }
  return Uint32Array.from(copied);
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function hashToWords(text: string, seeds: ArrayLike<number>): Uint32Array {
  const bytes = utf8(text);
  const words = new Uint32Array(4);
  for (let i = 0; i < 4; i++) words[i] = murmur3(bytes, seeds[i]!);
  if (words.every((word) => word === 0)) words[0] = 1;
  return words;
}

/** Encodes a text in UTF-8. (`TextEncoder` is a host API and not part of the language.) */
function utf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return bytes;
}

/**
 * Returns a 32-bit hash of bytes.
 *
 * - **Source**: MurmurHash3 x86_32: Appleby 2011 (public domain)
 */
export function murmur3(bytes: readonly number[], seed: number): number {
  let h = seed | 0;
  const blocks = bytes.length >> 2;
  for (let i = 0; i < blocks; i++) {
    const at = 4 * i;
    h ^= scramble(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    h = (Math.imul(rotateLeft(h, 13), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = bytes.length - 1; i >= 4 * blocks; i--) rest = (rest << 8) | bytes[i]!;
  h ^= scramble(rest);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scramble(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}
