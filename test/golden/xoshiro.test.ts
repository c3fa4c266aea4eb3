/** The random stream and the hash behind seeds, bit for bit. */
import { describe, expect, it } from "vitest";
import { murmur3, Random } from "../../src/core/random.js";
import { readCases } from "./golden.js";

interface StreamCase {
  readonly kind: "xoshiro128**";
  readonly state: readonly number[];
  readonly words: readonly number[];
  readonly stateAfter24: readonly number[];
  readonly stateAfter10000: readonly number[];
}

interface HashCase {
  readonly kind: "murmur3";
  readonly bytes: readonly number[];
  readonly seed: number;
  readonly hash: number;
}

const cases = readCases("xoshiro.json") as readonly (StreamCase | HashCase)[];

describe("Random is xoshiro128**", () => {
  it.each(cases.filter((one) => one.kind === "xoshiro128**"))("from state $state", (one) => {
    const random = Random.from({ key: [1, 2, 3, 4], words: one.state });
    expect(one.words.map(() => random.bits())).toEqual(one.words);
    expect(random.state.words).toEqual(one.stateAfter24);
    for (let i = 24; i < 10_000; i++) random.bits();
    expect(random.state.words).toEqual(one.stateAfter10000);
  });
});

describe("murmur3 is MurmurHash3_x86_32", () => {
  it.each(cases.filter((one) => one.kind === "murmur3"))("of $bytes with seed $seed", ({ bytes, seed, hash }) => {
    expect(murmur3(bytes, seed)).toBe(hash);
  });
});
