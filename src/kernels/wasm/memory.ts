/**
 * The one memory of the WebAssembly kernels: private, of fixed size, filled anew by every kernel call.
 *
 * What a kernel reads is copied in, what it writes is copied out, so tensors stay plain typed arrays; the copies cost a few
 * percent of a training step. The memory never grows, hence no view of it is ever detached, and the system provides only
 * those of its pages that were touched. Large tensors pass through it piece by piece.
 */

import type { Floats } from "../../core/dtype.js";

/** Bytes after every array: loops in steps of 16 bytes may run past its end by less than that. */
const SLACK = 16;
/** Numbers up to which a loop is faster than `subarray`, which allocates. */
const SHORT = 32;

/** Addresses count bytes; they hold until the next `reset`. */
export class Memory {
  /** The whole memory as single-precision numbers: the number at an address has the index address / 4. */
  readonly single: Float32Array;
  /** The whole memory as doubles: the number at an address has the index address / 8. */
  readonly double: Float64Array;
  readonly #start: number;
  #top: number;

  constructor(buffer: ArrayBuffer, start: number) {
    this.single = new Float32Array(buffer);
    this.double = new Float64Array(buffer);
    this.#start = Math.ceil(start / SLACK) * SLACK;
    this.#top = this.#start;
  }

  /** Frees all reservations. */
  reset(): void {
    this.#top = this.#start;
  }

  /** Reserves room for `length` numbers of the dtype of `like`; it holds whatever the last call left. */
  reserve(like: Floats, length: number): number {
    return this.reserveBytes(length * like.BYTES_PER_ELEMENT + SLACK);
  }

  /** Reserves room for bytes. */
  reserveBytes(bytes: number): number {
    const at = this.#top;
    this.#top += Math.ceil(bytes / SLACK) * SLACK;
    return at;
  }

  /** Reserves room for doubles. */
  reserveDoubles(length: number): number {
    return this.reserveBytes(8 * length + SLACK);
  }

  /** Reserves room for array[from..to) and copies it in. */
  loadPart(array: Floats, from: number, to: number): number {
    const at = this.reserve(array, to - from);
    this.load(at, array, from, to);
    return at;
  }

  /** Copies array[from..to) in. */
  load(at: number, array: Floats, from: number, to: number): void {
    const whole = from === 0 && to === array.length;
    this.viewLike(array).set(whole ? array : array.subarray(from, to), at / array.BYTES_PER_ELEMENT);
  }

  /** Copies array[from..to) out. */
  store(at: number, array: Floats, from: number, to: number): void {
    const view = this.viewLike(array);
    const start = at / array.BYTES_PER_ELEMENT;
    if (to - from > SHORT) array.set(view.subarray(start, start + to - from), from);
    else for (let i = 0; i < to - from; i++) array[from + i] = view[start + i]!;
  }

  /** Returns the whole memory as numbers of an array's dtype. */
  viewLike(array: Floats): Floats {
    return array.BYTES_PER_ELEMENT === 4 ? this.single : this.double;
  }
}
