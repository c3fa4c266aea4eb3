/** Numbers for property tests. Importing this file fixes the seed of all properties of the test file. */
import fc from "fast-check";

fc.configureGlobal({ seed: 20150211 });

/** Numbers up to a size, multiples of 2^-20: what is not equal then differs by enough to be squared without underflow. */
export function plainNumber(size: number): fc.Arbitrary<number> {
  return fc.double({ min: -size, max: size, noNaN: true }).map((x) => Math.round(x * 2 ** 20) / 2 ** 20 + 0);
}

/** A list and the same list in another order. */
export function withShuffled<T>(list: fc.Arbitrary<T[]>): fc.Arbitrary<[T[], T[]]> {
  return list.chain((items) => fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })));
}
