/** Error messages: every value can be shown, briefly. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { complaint, isDetached, show, ShapeError } from "../../src/core/errors.js";

function withoutPrototype<T extends object>(value: T): T {
  return Object.setPrototypeOf(value, null) as T;
}

function transferred(): Float32Array {
  const array = new Float32Array(3);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

const revoked = Proxy.revocable([], {});
revoked.revoke();
const throwing = new Proxy([1], {
  get: () => {
    throw new Error("no");
  },
});

describe("show", () => {
  it.each<[string, unknown]>([
    ["-0", -0],
    ["NaN", NaN],
    ['"a\\n"', "a\n"],
    ["undefined", undefined],
    ["null", null],
    ["true", true],
    ["12n", 12n],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["an object", {}],
    ["an object", Object.create(null)],
    ["an object", revoked.proxy],
    ["an object", throwing],
    ["[1, an array of 2, null]", [1, [2, 3], null]],
    ["[1, 2, 3, 4, 5, 6, 7, 8]", [1, 2, 3, 4, 5, 6, 7, 8]],
    ["an array of 9", [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["[1, undefined]", Object.assign(new Array<number>(2), [1])],
    ["[1, 2]", withoutPrototype([1, 2])],
    ["Float32Array(2)", new Float32Array(2)],
    ["Uint8Array(0)", new Uint8Array(0)],
    ["a typed array(?)", withoutPrototype(new Float32Array(2))],
    ["DataView(?)", new DataView(new ArrayBuffer(1))],
    ["a Float32Array whose buffer was transferred", transferred()],
    [`"${"x".repeat(80)}"`, "x".repeat(80)],
    [`a string of 81 characters, "${"x".repeat(80)}"...`, "x".repeat(81)],
  ])("prints %s", (text, value) => {
    expect(show(value)).toBe(text);
  });

  it("is short and throws for no value", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withTypedArray: true }), (value) => {
        expect(show(value).length).toBeLessThan(1000);
      }),
    );
    expect(show("x".repeat(1e6)).length).toBeLessThan(150);
    expect(show(10n ** 1000n).length).toBeLessThan(100);
  });
});

describe("complaint", () => {
  it("has the form who: expected X, got Y - cure, and parts of at most 1000 letters", () => {
    expect(complaint("f", "a number", "1n")).toBe("f: expected a number, got 1n");
    expect(complaint("f", "a number", "1n", "use 1")).toBe("f: expected a number, got 1n - use 1");
    const long = "x".repeat(1e6);
    const short = `${"x".repeat(980)}...${"x".repeat(20)}`;
    expect(complaint(long, long, long, long)).toBe(`${short}: expected ${short}, got ${short} - ${short}`);
    expect(complaint(`f "${long}"`, "x", "y")).toMatch(/^f "x+\.{3}x+": expected x, got y$/);
    expect(complaint("f", "x".repeat(1000), "y")).toBe(`f: expected ${"x".repeat(1000)}, got y`);
  });
});

describe("isDetached", () => {
  it("is true of an array whose buffer was transferred, and of nothing else", () => {
    expect(isDetached(transferred())).toBe(true);
    for (const value of [new Float32Array(0), new Float32Array(1), [], null, undefined, { byteLength: 0 }])
      expect(isDetached(value)).toBe(false);
  });
});

describe("ShapeError", () => {
  it("knows the errors of another copy of the library by their name", () => {
    class Other extends Error {
      override readonly name = "ShapeError";
    }
    expect(new Other("m")).toBeInstanceOf(ShapeError);
    for (const value of [new Error("m"), null, undefined, { name: "ShapeError" }, "ShapeError"])
      expect(value instanceof ShapeError).toBe(false);
    class Own extends ShapeError {}
    expect(new ShapeError("m") instanceof Own).toBe(false);
    expect(new Own("m") instanceof Own).toBe(true);
  });
});
