/**
 * Sigmoid and tanh of the WebAssembly set in units in the last place, against double precision. In float32: every number of
 * the binades where the result leaves 0 or reaches 1, and a million seeded points elsewhere. The plain set rounds a double.
 */
import { describe, expect, it } from "vitest";
import { exp, sigmoid, tanh } from "../../src/core/math.js";
import { Random } from "../../src/core/random.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";

const CHUNK = 2 ** 17;
const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/** The distance between float32 numbers near a value; subnormal numbers are as far apart as the smallest normal ones. */
function unitOf(value: number): number {
  number[0] = value;
  const exponent = Math.max(1, (bits[0]! >>> 23) & 255);
  return 2 ** (exponent - 150);
}

/** The largest error over chunks of inputs, in units in the last place of the exact result. */
function worst(name: "sigmoid" | "tanh", exact: (x: number) => number, chunks: Iterable<Float32Array>): number {
  const kernels = wasmKernels();
  const y = new Float32Array(CHUNK);
  let largest = 0;
  for (const x of chunks) {
    kernels[name]({ x, y });
    for (let i = 0; i < CHUNK; i++) {
      const result = exact(x[i]!);
      const off = Math.abs(y[i]! - result) / unitOf(result);
      // a NaN must not pass for a small error
      if (!(off <= largest)) largest = off;
    }
  }
  return largest;
}

/** Every float32 in [from, 2 from), with the sign of from. */
function* binade(from: number): Generator<Float32Array> {
  const x = new Float32Array(CHUNK);
  const codes = new Uint32Array(x.buffer);
  number[0] = from;
  const start = bits[0]!;
  for (let offset = 0; offset < 2 ** 23; offset += CHUNK) {
    for (let i = 0; i < CHUNK; i++) codes[i] = start + offset + i;
    yield x;
  }
}

/** A million float32 whose logarithms are uniform between those of two sizes, of either sign. */
function* million(smallest: number, largest: number): Generator<Float32Array> {
  const random = new Random(1);
  const x = new Float32Array(CHUNK);
  for (let chunk = 0; chunk < 8; chunk++) {
    for (let i = 0; i < CHUNK; i++) {
      const size = exp(random.uniform(Math.log(smallest), Math.log(largest)));
      x[i] = random.bits() % 2 === 0 ? size : -size;
    }
    yield x;
  }
}

describe("sigmoid in float32 is off by at most 2.5 units in the last place", () => {
  it.each([
    ["every number in (-128, -64], where it goes to 0", binade(-64)],
    ["every number in [16, 32), where it reaches 1", binade(16)],
    ["a million numbers of sizes 1e-40 to 64", million(1e-40, 64)],
  ])(
    "at %s",
    (_, chunks) => {
      expect(worst("sigmoid", sigmoid, chunks)).toBeLessThan(2.5);
    },
    60_000,
  );
});

describe("tanh in float32 is off by at most 2.5 units in the last place", () => {
  it.each([
    ["every number in [8, 16), where it reaches 1", binade(8)],
    ["every normal number of the smallest binade", binade(2 ** -126)],
    ["a million numbers of sizes 1e-44 to 16", million(1e-44, 16)],
  ])(
    "at %s",
    (_, chunks) => {
      expect(worst("tanh", tanh, chunks)).toBeLessThan(2.5);
    },
    60_000,
  );
});

describe("in float64 both agree with the functions of core/math.ts to a few units", () => {
  it.each([
    ["sigmoid", sigmoid, 740],
    ["tanh", tanh, 30],
  ] as const)("%s", (name, exact, limit) => {
    const random = new Random(2);
    const x = new Float64Array(CHUNK).map((_, i) =>
      i % 2 === 0 ? random.uniform(-limit, limit) : random.normal() * exp(random.uniform(-300, 0)),
    );
    const y = new Float64Array(CHUNK);
    wasmKernels()[name]({ x, y });
    let largest = 0;
    for (let i = 0; i < CHUNK; i++) {
      const result = exact(x[i]!);
      const off = Math.abs(y[i]! - result) / Math.max(Math.abs(result), 2 ** -1022);
      if (!(off <= largest)) largest = off;
    }
    expect(largest).toBeLessThan(6 * 2 ** -53);
  });
});
