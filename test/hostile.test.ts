/**
 * Hostile values at every public function, class and method of the main entry and of the kernels: whatever is thrown has the form
 * `who: expected X, got Y`. The engine's own words (a property of undefined, an invalid length) name nobody and cure nothing.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import * as batchnorm from "batchnorm";
import { Dense, Random, Tensor } from "batchnorm";
import * as kernels from "batchnorm/kernels";

vi.setConfig({ testTimeout: 120_000 });

const OWN =
  /^(TypeError|RangeError|ShapeError): [A-Z]?\w+(\.\w+)?( "[^"]*")?(: "[^"]*")?( for "[^"]*")?: expected [^]+, got [^]+$/;

function transferred(): Float32Array {
  const array = new Float32Array(4);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function selfContaining(): unknown[] {
  const array: unknown[] = [];
  array[0] = array;
  return array;
}

const hostile = fc.oneof(
  fc.constantFrom<unknown>(0, -0, 1, -1, 2, 0.5, 1e-320, 1e13, 1e308, 2 ** 53, NaN, Infinity, -Infinity),
  fc.constantFrom<unknown>(undefined, null, true, false, "", "float64", "train", "__proto__", "x".repeat(1e5)),
  fc.constantFrom<unknown>(Symbol("s"), 3n, {}, [], [1, 2], [[1], [2, 3]], new Array(3), new Map(), new Set([1])),
  fc.constantFrom<unknown>(new Float32Array(2), new Float64Array(2), new Int8Array(2), new BigInt64Array(2)),
  fc.constantFrom<unknown>(new DataView(new ArrayBuffer(8)), transferred(), Object.create(null), new Date(NaN)),
  fc.constantFrom<unknown>(selfContaining(), Object.setPrototypeOf([1, 2], null), { length: 1e13 }, { length: -1 }),
  fc.constantFrom<unknown>({ mode: "probe" }, { features: 2 }, { inputs: 2, outputs: 1e13 }, { seed: 1 }),
  fc.constantFrom<unknown>({ dtype: "float32" }, { shape: [1e13] }, { key: [1, 2, 3, 4], words: new Array(4) }),
  fc.constant(null).map(() => Tensor.from([[1, 2]])),
  fc.constant(null).map(() => new Random(1)),
);

/** Whatever is thrown, in words. */
function thrownBy(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

type Call = (...args: unknown[]) => unknown;

/** The methods of an instance, by name. */
function methodsOf(make: () => object): [string, Call][] {
  const prototype = Object.getPrototypeOf(make()) as object;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    return name !== "constructor" && typeof descriptor?.value === "function";
  });
  return names.map((name) => [name, (...args) => (make() as Record<string, Call>)[name]!(...args)]);
}

const functions: [string, Call][] = [
  ...Object.entries({ ...batchnorm, kernels: undefined })
    // Classes whose constructors are called with `new`, below; the rest are functions.
    .filter(
      (entry): entry is [string, Call & (typeof entry)[1]] =>
        typeof entry[1] === "function" && !/^[A-Z]/.test(entry[0]),
    )
    .map(([name, call]): [string, Call] => [name, (...args) => call(...args)]),
  ...Object.entries(batchnorm)
    .filter(([name, value]) => typeof value === "function" && /^[A-Z]/.test(name) && name !== "ShapeError")
    .map(([name, made]): [string, Call] => [
      `new ${name}`,
      (...args) => new (made as unknown as new (...args: unknown[]) => unknown)(...args),
    ]),
  ...Object.entries(kernels)
    .filter(([name, value]) => typeof value === "function" && name !== "ShapeError" && !name.endsWith("Kernels"))
    .map(([name, call]): [string, Call] => [`kernels ${name}`, (...args) => (call as Call)(...args)]),
  ...(["from", "zeros", "filled", "normal", "uniform"] as const).map((name): [string, Call] => [
    `Tensor.${name}`,
    (...args) => (Tensor as unknown as Record<string, Call>)[name]!(...args),
  ]),
  ...methodsOf(() => Tensor.from([[1, 2]])).map(([name, call]): [string, Call] => [`Tensor ${name}`, call]),
  // The draws that a caller makes at every step, and the private ones.
  ...methodsOf(() => new Random(1)).map(([name, call]): [string, Call] => [`Random ${name}`, call]),
  ["Random.from", (...args) => Random.from(...(args as [never]))],
  [
    "Dense forward",
    (...args) => new Dense({ inputs: 2, outputs: 1, random: new Random(1) }).forward(...(args as [never, never])),
  ],
];

/** Calls run by another part of the library, or by a caller who has passed its checks. */
const INTERNAL = ["afterPass", "beginForward", "guardedForward"];

describe("a hostile value", () => {
  it.each(functions.filter(([name]) => !INTERNAL.includes(name)))("is refused by name: %s", (name, call) => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), (args) => {
        const message = thrownBy(() => {
          const result = call(...args);
          if (result instanceof Promise) result.catch(() => undefined);
        });
        if (message !== undefined) expect(message.slice(0, 300), name).toMatch(OWN);
      }),
      { numRuns: 150 },
    );
  });
});
