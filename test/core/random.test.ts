/** Random: the distributions that it promises, and which stream is which. The generator itself is held by golden/xoshiro.test.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { murmur3 } from "../../src/core/random.js";
import { Random } from "../../src/index.js";
import "../support/numbers.js";

const draws = (random: Random, count = 4): number[] => Array.from({ length: count }, () => random.bits());

describe("a stream", () => {
  it("is decided by its seed, any whole number, and no two seeds share it", () => {
    const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => String(draws(new Random(seed))))).size).toBe(seeds.length);
    expect(draws(new Random(-0))).toEqual(draws(new Random(0)));
    for (const seed of seeds) expect(draws(new Random(seed))).toEqual(draws(new Random(seed)));
  });

  it("goes on from a saved state, also one that went through JSON, as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat({ max: 50 }), (seed, drawn) => {
        const random = new Random(seed);
        draws(random, drawn);
        const state = JSON.parse(JSON.stringify(random.state)) as Random["state"];
        const [copy, saved, restored] = [random.copy(), Random.from(state), new Random(7)];
        restored.restore(state);
        const expected = draws(random);
        for (const other of [copy, saved, restored]) {
          expect(draws(other)).toEqual(expected);
          expect(draws(other.fork("a"))).toEqual(draws(random.fork("a")));
        }
      }),
    );
  });

  it("has forks that depend on its seed and on their label alone, and draws none of its own numbers for them", () => {
    const [random, other] = [new Random(1), new Random(1)];
    draws(other, 10);
    expect(draws(random.fork("weights"))).toEqual(draws(other.fork("weights")));
    expect(draws(random)).toEqual(draws(new Random(1)));
    const labels = ["", "weights", "Weights", "weights ", "batches", "é", "漢", "😀"];
    const streams = [random, new Random(2)].flatMap((root) => labels.map((label) => String(draws(root.fork(label)))));
    expect(new Set([...streams, String(draws(new Random(1)))]).size).toBe(2 * labels.length + 1);
    expect(draws(random.fork("a").fork("b"))).not.toEqual(draws(random.fork("b").fork("a")));
  });

  it("hashes a label as the bytes of its UTF-8 form", () => {
    const { key } = new Random(5).state;
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (label) => {
        const bytes = [...new TextEncoder().encode(label)];
        expect(new Random(5).fork(label).state.key).toEqual(key.map((word) => murmur3(bytes, word)));
      }),
    );
  });
});

describe("the numbers", () => {
  it("of uniform lie within their bounds, the upper one left out, and spread evenly", () => {
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[Math.floor(random.uniform(-3, 7) + 3)]!++;
    // χ² of 9 degrees of freedom is above 27.9 once in a thousand seeds
    expect(counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9);
    // where the sum would be rounded up to the bound: only low itself lies below it
    const tight = Array.from({ length: 200 }, () => random.uniform(1, 1 + 2 ** -52));
    expect(new Set(tight)).toEqual(new Set([1]));
    expect(random.uniform(2, 2)).toBe(2);
  });

  it("of normal have the moments of the normal distribution", () => {
    const random = new Random(2);
    const values = Array.from({ length: 20_000 }, () => random.normal(3, 2));
    const moment = (power: number): number =>
      values.reduce((sum, value) => sum + ((value - 3) / 2) ** power, 0) / values.length;
    // each bound is four standard deviations of that mean of 20,000
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / 20_000));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / 20_000));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / 20_000));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / 20_000));
    expect(random.normal(5, 0)).toBe(5);
  });

  it("of integer are whole, below the bound, and equally likely, also where 2^32 is no multiple of it", () => {
    const random = new Random(3);
    for (const bound of [1, 2, 3, 7, 3 * 2 ** 30]) {
      const counts = [0, 0, 0];
      for (let i = 0; i < 6000; i++) {
        const drawn = random.integer(bound);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
        counts[Math.floor((3 * drawn) / bound)]!++;
      }
      // By the remainder alone the first third of 3 · 2^30 would come up twice as often.
      if (bound % 3 === 0) for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(4 * Math.sqrt(2000));
    }
  });

  it("of permutation are 0..n-1, and every order is equally likely", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat({ max: 40 }), (seed, length) => {
        const order = new Random(seed).permutation(length);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
    const random = new Random(4);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = String(random.permutation(3));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // χ² of 5 degrees of freedom is above 20.5 once in a thousand seeds
    expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5);
  });
});
