/** The memory of the WebAssembly kernels: where arrays lie, what is copied, and when it grows. */
import { describe, expect, it } from "vitest";
import type { Floats } from "../../src/core/dtype.js";
import { type GrowableMemory, Memory } from "../../src/kernels/wasm/memory.js";

const PAGE = 2 ** 16;
const SLACK = 16;
const START = 20;

/** A memory of 2 pages, the first of them scratch, that counts how often it was asked to grow. */
class Host implements GrowableMemory {
  readonly asked: number[] = [];
  private readonly memory = new WebAssembly.Memory({ initial: 2 });

  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  grow(pages: number): number {
    this.asked.push(pages);
    return this.memory.grow(pages);
  }
}

class FullHost extends Host {
  override grow(pages: number): number {
    this.asked.push(pages);
    throw new RangeError("no more");
  }
}

const memoryOn = (host: Host, limit = 64 * PAGE): Memory => new Memory(host, START, PAGE, limit);
const counted = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i + 1);
const has = (array: Floats | undefined): Floats => {
  expect(array).toBeDefined();
  return array!;
};

describe("scratch", () => {
  it("lies on vectors, with room for one after each array, wastes nothing, and is free again after a reset", () => {
    const memory = memoryOn(new Host());
    const [single, double] = [new Float32Array(1), new Float64Array(1)];
    const sizes: number[] = [];
    const addresses: number[] = [];
    for (let n = 0; n < 12; n++) {
      addresses.push(memory.reserve(single, n), memory.reserve(double, n), memory.reserveDoubles(n));
      sizes.push(4 * n, 8 * n, 8 * n);
    }
    expect(addresses[0]).toBe(32); // the first vector after START
    for (const [i, size] of sizes.slice(1).entries()) {
      const room = addresses[i + 1]! - addresses[i]! - sizes[i]!;
      expect(addresses[i]! % SLACK).toBe(0);
      expect(room, `after ${size} bytes`).toBeGreaterThanOrEqual(SLACK);
      expect(room, `after ${size} bytes`).toBeLessThan(2 * SLACK);
    }
    memory.reset();
    expect(memory.reserve(single, 1)).toBe(32);
  });

  it("receives copies of the parts of ordinary arrays, and gives them back", () => {
    const memory = memoryOn(new Host());
    for (const array of [counted(100), Float64Array.from(counted(100))]) {
      const bytes = array.BYTES_PER_ELEMENT;
      for (const [from, to] of [
        [0, 100],
        [0, 32],
        [5, 37],
        [5, 38],
        [60, 100],
      ] as const) {
        // prettier-ignore
        memory.reset();
        const at = memory.loadPart(array, from, to);
        expect(memory.addressOf(array)).toBe(0);
        expect([...memory.viewLike(array).subarray(at / bytes, at / bytes + to - from)]).toEqual([
          ...array.subarray(from, to),
        ]);
        expect(memory.outputPart(array, from, to, at), "an output lies over a copy").toBe(at);
        const out = array.slice().fill(0);
        memory.store(at, out, from, to);
        expect([...out]).toEqual(Array.from(array, (value, i) => (i >= from && i < to ? value : 0)));
      }
    }
  });

  it("is not needed for resident arrays, which are read and written where they lie", () => {
    const memory = memoryOn(new Host());
    for (const dtype of ["float32", "float64"] as const) {
      const array = has(memory.take(dtype, 100));
      array.set(counted(100));
      const at = memory.addressOf(array);
      const bytes = array.BYTES_PER_ELEMENT;
      expect([at, at % 64]).toEqual([array.byteOffset, 0]);
      expect(memory.loadPart(array, 7, 50)).toBe(at + 7 * bytes);
      expect(memory.outputPart(array, 7, 50, 32)).toBe(at + 7 * bytes);
      memory.store(memory.outputPart(array, 7, 50, 32), array, 7, 50);
      expect([...array]).toEqual([...counted(100)]);
      memory.reset();
      expect(memory.outputPart(new Float32Array(100), 0, 100, at), "not over what somebody else holds").toBe(32);
      memory.reset();
      expect(memory.copyPart(array, 7, 50), "a copy, to be overwritten").toBe(32);
    }
    const [first] = [memoryOn(new Host()).take("float32", 1)];
    expect(first!.byteOffset).toBe(PAGE);
  });

  it("holds no resident array, and an array of another memory is none", () => {
    const host = new Host();
    const memory = memoryOn(host);
    expect(memory.addressOf(new Float32Array(host.buffer, 64, 4))).toBe(0);
    expect(memory.addressOf(new Float32Array(host.buffer, PAGE, 4))).toBe(PAGE);
    expect(memory.addressOf(new Float32Array(new Host().buffer, PAGE, 4))).toBe(0);
    // A result that was computed where it lies is not copied, even if it is the first resident array.
    const array = new Float32Array(host.buffer, PAGE, 4);
    const other = new Float32Array(4);
    array.fill(3);
    memory.store(PAGE, other, 0, 4);
    expect([...other]).toEqual([0, 0, 0, 0]);
  });
});

describe("resident arrays", () => {
  it("begin on a cache line, do not touch, and leave room for a vector", () => {
    const memory = memoryOn(new Host());
    let end = PAGE - SLACK;
    for (const dtype of ["float32", "float64"] as const) {
      for (let n = 1; n <= 40; n++) {
        const array = has(memory.take(dtype, n));
        expect(array.length).toBe(n);
        expect(array.byteOffset % 64).toBe(0);
        expect(array.byteOffset - end).toBeGreaterThanOrEqual(SLACK);
        expect(array.byteOffset - end).toBeLessThan(SLACK + 64);
        end = array.byteOffset + array.byteLength;
      }
    }
  });

  it("are taken again at the same place once they were given back, for as many bytes only", () => {
    const memory = memoryOn(new Host());
    has(memory.take("float32", 4)); // keeps the memory in use
    const [a, b, c] = [has(memory.take("float32", 100)), has(memory.take("float32", 100)), has(memory.take("float32", 300))]; // prettier-ignore
    memory.give(a);
    expect(has(memory.take("float32", 300)).byteOffset).toBeGreaterThan(c.byteOffset);
    memory.give(b);
    const again = [memory.take("float32", 100), memory.take("float64", 50), memory.take("float32", 100)];
    const places = again.map((array) => has(array).byteOffset);
    expect(places.slice(0, 2).sort()).toEqual([a.byteOffset, b.byteOffset].sort());
    expect(places[2]).toBeGreaterThan(c.byteOffset);
  });

  it("begin anew when all were given back, whatever their sizes", () => {
    const memory = memoryOn(new Host());
    for (let n = 1; n < 100; n++) {
      const arrays = [has(memory.take("float32", 100 * n)), has(memory.take("float64", 10 * n))];
      expect(arrays[0]!.byteOffset).toBe(PAGE);
      for (const array of arrays) memory.give(array);
    }
  });

  it("fill the memory to its last byte before one is refused", () => {
    const memory = memoryOn(new Host());
    has(memory.take("float32", 1)); // a cache line
    const rest = (PAGE - 64 - SLACK) / 4;
    expect(memory.take("float32", rest + 1)).toBeUndefined();
    expect(has(memory.take("float32", rest)).byteOffset).toBe(PAGE + 64);
    expect(memory.take("float32", 1)).toBeUndefined();
  });
});

describe("growth", () => {
  const numbers = (bytes: number): number => (bytes - SLACK) / 4;

  it("waits until nothing is resident, and then makes room for all that was refused at one time", () => {
    const host = new Host();
    const memory = memoryOn(host);
    const held = has(memory.take("float32", numbers(PAGE)));
    const refused = [numbers(5 * PAGE), numbers(3 * PAGE)];
    for (const length of refused) expect(memory.take("float32", length)).toBeUndefined();
    for (const length of refused) memory.give(new Float32Array(length));
    // Given back, and refused again: no more is needed than before.
    for (const length of refused) expect(memory.take("float32", length)).toBeUndefined();
    for (const length of refused) memory.give(new Float32Array(length));
    expect(host.asked).toEqual([]);
    memory.give(held);
    const arrays = [numbers(PAGE), ...refused].map((length) => has(memory.take("float32", length)));
    expect(host.asked).toEqual([8]); // scratch, 1 + 5 + 3 pages in place of 2
    expect(arrays.map(({ byteOffset }) => byteOffset / PAGE)).toEqual([1, 2, 7]);
    arrays[2]!.fill(1);
    expect(memory.addressOf(arrays[2]!)).toBe(7 * PAGE);
    expect(memory.single[(7 * PAGE) / 4]).toBe(1);
    expect(memory.double.byteLength).toBe(10 * PAGE);
    for (const array of arrays) memory.give(array);
    has(memory.take("float32", 1));
    expect(host.asked).toEqual([8]);
  });

  it("at least doubles the memory, up to the limit, where it stays", () => {
    const host = new Host();
    const memory = memoryOn(host, 7 * PAGE);
    const run = (): void => {
      const arrays = [1, 2, 3, 4, 5, 6, 7].map(() => memory.take("float32", numbers(PAGE)));
      for (const array of arrays) memory.give(array ?? new Float32Array(numbers(PAGE)));
    };
    const one = has(memory.take("float32", 1));
    expect(memory.take("float32", numbers(PAGE))).toBeUndefined();
    memory.give(one);
    memory.give(has(memory.take("float32", 1)));
    expect(host.asked, "doubled for a few bytes").toEqual([2]);
    for (let i = 0; i < 4; i++) run();
    expect(host.asked).toEqual([2, 3]);
    expect(memory.single.byteLength).toBe(7 * PAGE);
  });

  it("that the host refuses is tried once for each lack of room, and leaves the memory as it was", () => {
    const host = new FullHost();
    const memory = memoryOn(host);
    const tooMuch = numbers(2 * PAGE);
    expect(memory.take("float32", tooMuch)).toBeUndefined();
    for (let i = 0; i < 3; i++) memory.give(has(memory.take("float32", 1)));
    expect(host.asked).toEqual([2]);
    expect(has(memory.take("float32", numbers(PAGE))).byteOffset).toBe(PAGE);
    expect(memory.single.buffer).toBe(host.buffer);
  });
});
