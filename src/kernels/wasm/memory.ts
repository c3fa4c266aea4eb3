/**
 * The memory of the WebAssembly kernels, in two parts.
 *
 * The first part is scratch, filled anew by every kernel call: what a kernel reads is copied in, what it writes is copied out,
 * and large tensors pass through it piece by piece. The second part holds resident arrays, which live until they are given
 * back: the tensors that only the library sees. A kernel reads and writes them in place.
 *
 * The system provides only those pages of the memory that were touched.
 */

import type { DType, Floats } from "../../core/dtype.js";
import type { Residence } from "../residence.js";

/** Bytes after every array: loops in steps of 16 bytes may run past its end by less than that. */
const SLACK = 16;
/** Resident arrays begin on a cache line. */
const LINE = 64;
/** Numbers up to which a loop is faster than `subarray`, which allocates. */
const SHORT = 32;
/** Bytes of a page, the unit in which a memory grows. */
const PAGE = 2 ** 16;

/** The part of `WebAssembly.Memory` that is used. */
export interface GrowableMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** Addresses count bytes; those of scratch hold until the next `reset`. */
export class Memory implements Residence {
  /** The whole memory as single-precision numbers: the number at an address has the index address / 4. */
  single: Float32Array;
  /** The whole memory as doubles: the number at an address has the index address / 8. */
  double: Float64Array;
  /** The whole memory as integers: the number at an address has the index address / 4. */
  integers: Int32Array;
  private readonly memory: GrowableMemory;
  private buffer: ArrayBuffer;
  private readonly start: number;
  private readonly scratchEnd: number;
  private readonly limit: number;
  private top: number;

  // Resident arrays lie from scratchEnd to residentTop. What was given back waits in `spare`, by size in bytes.
  private residentTop: number;
  private readonly spare = new Map<number, number[]>();
  private resident = 0;
  private refusedBytes = 0;
  private wantedTop = 0;

  /** Divides a memory: scratch from `start` to `scratchEnd`, then resident arrays, up to `limit`. All are bytes. */
  constructor(memory: GrowableMemory, start: number, scratchEnd: number, limit: number) {
    this.memory = memory;
    this.buffer = memory.buffer;
    this.single = new Float32Array(this.buffer);
    this.double = new Float64Array(this.buffer);
    this.integers = new Int32Array(this.buffer);
    this.start = Math.ceil(start / SLACK) * SLACK;
    this.scratchEnd = scratchEnd;
    this.limit = limit;
    this.top = this.start;
    this.residentTop = scratchEnd;
  }

  /** Frees all reservations in scratch. */
  reset(): void {
    this.top = this.start;
  }

  /** Reserves scratch for `length` numbers of the dtype of `like`; it holds whatever the last call left. */
  reserve(like: Floats, length: number): number {
    return this.reserveBytes(length * like.BYTES_PER_ELEMENT + SLACK);
  }

  /** Reserves scratch for bytes. */
  reserveBytes(bytes: number): number {
    const at = this.top;
    this.top += Math.ceil(bytes / SLACK) * SLACK;
    return at;
  }

  /** Reserves scratch for doubles. */
  reserveDoubles(length: number): number {
    return this.reserveBytes(8 * length + SLACK);
  }

  /** Returns the address of a resident array, or 0 for any other. */
  addressOf(array: Floats): number {
    // The offset first: asking a small array for its buffer makes the engine allocate one.
    const { byteOffset } = array;
    return byteOffset >= this.scratchEnd && array.buffer === this.buffer ? byteOffset : 0;
  }

  /** Returns the address of array[from..to), to be read: where it lies, if resident, else that of a copy in scratch. */
  loadPart(array: Floats, from: number, to: number): number {
    const resident = this.addressOf(array);
    return resident === 0 ? this.copyPart(array, from, to) : resident + from * array.BYTES_PER_ELEMENT;
  }

  /** Copies array[from..to) to scratch, to be overwritten there. */
  copyPart(array: Floats, from: number, to: number): number {
    const at = this.reserve(array, to - from);
    this.load(at, array, from, to);
    return at;
  }

  /**
   * Returns the address at which to compute array[from..to) from an input of the same length: where it lies, if resident, else
   * in scratch, over the input if that is a copy. `store` then copies it out.
   */
  outputPart(array: Floats, from: number, to: number, input: number): number {
    const resident = this.addressOf(array);
    if (resident !== 0) return resident + from * array.BYTES_PER_ELEMENT;
    return input < this.scratchEnd ? input : this.reserve(array, to - from);
  }

  /** Copies array[from..to) in. */
  load(at: number, array: Floats, from: number, to: number): void {
    const whole = from === 0 && to === array.length;
    this.viewLike(array).set(whole ? array : array.subarray(from, to), at / array.BYTES_PER_ELEMENT);
  }

  /** Copies array[from..to) out, unless it was computed where it lies. */
  store(at: number, array: Floats, from: number, to: number): void {
    if (at >= this.scratchEnd) return;
    const view = this.viewLike(array);
    const start = at / array.BYTES_PER_ELEMENT;
    if (to - from > SHORT) array.set(view.subarray(start, start + to - from), from);
    else for (let i = 0; i < to - from; i++) array[from + i] = view[start + i]!;
  }

  /** Returns the whole memory as numbers of an array's dtype. */
  viewLike(array: Floats): Floats {
    return array.BYTES_PER_ELEMENT === 4 ? this.single : this.double;
  }

  take(dtype: DType, length: number): Floats | undefined {
    if (this.resident === 0) this.beginAnew();
    const bytes = sizeOfBlock(dtype, length);
    let at = this.spare.get(bytes)?.pop();
    if (at === undefined) {
      at = this.residentTop;
      this.wantedTop = Math.max(this.wantedTop, at + this.refusedBytes + bytes);
      if (at + bytes > this.buffer.byteLength) {
        this.refusedBytes += bytes;
        return undefined;
      }
      this.residentTop += bytes;
    }
    this.resident++;
    return dtype === "float32" ? new Float32Array(this.buffer, at, length) : new Float64Array(this.buffer, at, length);
  }

  give(array: Floats): void {
    const dtype = array.BYTES_PER_ELEMENT === 4 ? "float32" : "float64";
    const bytes = sizeOfBlock(dtype, array.length);
    const at = this.addressOf(array);
    if (at === 0) {
      this.refusedBytes = Math.max(0, this.refusedBytes - bytes);
      return;
    }
    this.resident--;
    const spare = this.spare.get(bytes);
    if (spare === undefined) this.spare.set(bytes, [at]);
    else spare.push(at);
  }

  /** Nothing is resident: all of the second part is free again, and the memory may grow, which detaches every array over it. */
  private beginAnew(): void {
    this.residentTop = this.scratchEnd;
    this.spare.clear();
    this.refusedBytes = 0;
    const size = this.buffer.byteLength;
    if (this.wantedTop <= size) return;
    const wanted = Math.min(Math.max(this.wantedTop, 2 * size), this.limit);
    this.wantedTop = 0;
    if (wanted <= size) return;
    try {
      this.memory.grow(Math.ceil((wanted - size) / PAGE));
    } catch {
      return; // The host has no more memory: resident arrays make do with what there is.
    }
    this.buffer = this.memory.buffer;
    this.single = new Float32Array(this.buffer);
    this.double = new Float64Array(this.buffer);
    this.integers = new Int32Array(this.buffer);
  }
}

function sizeOfBlock(dtype: DType, length: number): number {
  return Math.ceil(((dtype === "float32" ? 4 : 8) * length + SLACK) / LINE) * LINE;
}
