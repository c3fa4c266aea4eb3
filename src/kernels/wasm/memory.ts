/**
 * The memory of the WebAssembly kernels, in two parts.
 *
 * The first part is scratch, which every kernel call overwrites. A kernel's inputs are copied in, its outputs are copied out,
 * and large tensors are processed piece by piece. The second part holds resident arrays, which stay until they are freed. They
 * are the tensors that only the library can access, and kernels read and write them in place.
 *
 * The operating system allocates only the pages that have been written.
 */

import type { DType, Floats } from "../../core/dtype.js";
import type { Residence } from "../residence.js";

/** Unused bytes after every array, because loops in steps of 16 bytes may run past its end by up to 15 bytes. */
const SLACK = 16;
/** The size of a cache line in bytes. Every resident array begins at the start of one. */
const LINE = 64;
/** The length up to which a loop is faster than `subarray`, which allocates. */
const SHORT = 32;
/** The size in bytes of a page, the unit in which a memory grows. */
const PAGE = 2 ** 16;

/** The part of `WebAssembly.Memory` that is used. */
export interface GrowableMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The memory of a module. Addresses are in bytes. Addresses in scratch are valid until the next `reset`. */
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

  // Resident arrays are between scratchEnd and residentTop. `spare` contains the freed blocks, by size in bytes.
  private residentTop: number;
  private readonly spare = new Map<number, number[]>();
  private resident = 0;
  private refusedBytes = 0;
  private wantedTop = 0;

  /** Divides a memory: scratch from `start` to `scratchEnd`, then resident arrays, up to `limit`. All three are in bytes. */
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

  /** Reserves uninitialized scratch for `length` numbers with the dtype of `like`. */
  reserve(like: Floats, length: number): number {
    return this.reserveBytes(length * like.BYTES_PER_ELEMENT + SLACK);
  }

  /** Reserves a number of bytes of scratch. */
  reserveBytes(bytes: number): number {
    const at = this.top;
    this.top += Math.ceil(bytes / SLACK) * SLACK;
    return at;
  }

  /** Reserves scratch for doubles. */
  reserveDoubles(length: number): number {
    return this.reserveBytes(8 * length + SLACK);
  }

  /** Returns the address of a resident array, or 0 for any other array. */
  addressOf(array: Floats): number {
    // Checks the offset first, because reading the `buffer` of a small array makes the engine allocate one.
    const { byteOffset } = array;
    return byteOffset >= this.scratchEnd && array.buffer === this.buffer ? byteOffset : 0;
  }

  /** Returns an address for reading array[from..to): that of the array itself if it is resident, or that of a copy in scratch. */
  loadPart(array: Floats, from: number, to: number): number {
    const resident = this.addressOf(array);
    return resident === 0 ? this.copyPart(array, from, to) : resident + from * array.BYTES_PER_ELEMENT;
  }

  /** Copies array[from..to) to scratch, where it may be overwritten. */
  copyPart(array: Floats, from: number, to: number): number {
    const at = this.reserve(array, to - from);
    this.load(at, array, from, to);
    return at;
  }

  /**
   * Returns the address at which to compute array[from..to) from an input of the same length. If the array is resident, this is
   * its own address. If not, it is an address in scratch, that of the input if the input is a copy, and `store` copies the
   * result out.
   */
  outputPart(array: Floats, from: number, to: number, input: number): number {
    const resident = this.addressOf(array);
    if (resident !== 0) return resident + from * array.BYTES_PER_ELEMENT;
    return input < this.scratchEnd ? input : this.reserve(array, to - from);
  }

  /** Copies array[from..to) into the memory. */
  load(at: number, array: Floats, from: number, to: number): void {
    const whole = from === 0 && to === array.length;
    this.viewLike(array).set(whole ? array : array.subarray(from, to), at / array.BYTES_PER_ELEMENT);
  }

  /** Copies array[from..to) out of the memory, unless it was computed in place. */
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

  /** Frees the whole second part, and grows the memory if needed. Growing detaches all its arrays, so nothing may be resident. */
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
      return; // The host has no more memory, so resident arrays are limited to the present size.
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
