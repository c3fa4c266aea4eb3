import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeUtf8 } from "../../src/formats/bytes.js";
import { copyNumbers } from "../../src/formats/stored-array.js";
import { utf8 } from "../support/format-files.js";

describe("decodeUtf8", () => {
  it("reads every character", () => {
    const points = Array.from({ length: 0x110000 }, (_, point) => point).filter(
      (point) => point < 0xd800 || point > 0xdfff,
    );
    const text = points.map((point) => String.fromCodePoint(point)).join("");
    expect(decodeUtf8(utf8(text)) === text).toBe(true);
    expect(decodeUtf8(new Uint8Array())).toBe("");
  });

  it.each([
    ["a byte that continues nothing", [0x80]],
    ["a torn end", [0x61, 0xc3]],
    ["a torn middle", [0xe2, 0x82, 0x61]],
    ["an overlong slash of two bytes", [0xc0, 0xaf]],
    ["an overlong slash of three", [0xe0, 0x80, 0xaf]],
    ["an overlong slash of four", [0xf0, 0x80, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a point beyond the last", [0xf4, 0x90, 0x80, 0x80]],
    ["a lead byte that no character has", [0xf5, 0x80, 0x80, 0x80]],
    ["a lead byte of an abandoned form", [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ["a lead byte of the same form, whose low bits are a character's", [0xf8, 0x90, 0x80, 0x80]],
    ["0xff", [0xff]],
  ])("refuses %s", (_, bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
  });

  it("agrees with the host's decoder", () => {
    const host = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const expected = (bytes: Uint8Array): string | undefined => {
      try {
        return host.decode(bytes);
      } catch {
        return undefined;
      }
    };
    // Bytes of the ranges in which something is decided: uniform ones would hardly ever be a character.
    const byte = fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 6 }), (list) => {
        const bytes = Uint8Array.from(list);
        expect(decodeUtf8(bytes)).toBe(expected(bytes));
      }),
      { seed: 7, numRuns: 3000 },
    );
  });
});

describe("copyNumbers", () => {
  it("turns each number around where memory is not little-endian", () => {
    const from = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const to = (size: number, reverse: boolean): number[] => {
      const bytes = new Uint8Array(8);
      copyNumbers(from, bytes, size, reverse);
      return [...bytes];
    };
    expect(to(4, false)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(to(8, true)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(to(4, true)).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
    expect(to(1, true)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});
