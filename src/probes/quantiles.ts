/**
 * Quantiles of one sample, by selection instead of sorting.
 *
 *   h = (n - 1) p        quantile(p) = x_(⌊h⌋) + (h - ⌊h⌋) (x_(⌊h⌋ + 1) - x_(⌊h⌋)),  x_(0) <= x_(1) <= ...
 *
 * This is "type 7", the default of NumPy, R and SciPy.
 */

import { complaint, expectNumber, show } from "../ground/errors.js";
import { expectFiniteValues } from "./finite-values.js";

/**
 * The quantiles of some values at levels in 0..1, in the order of the levels.
 *
 * Units     as the values
 * Numerics  exact order statistics, one rounded interpolation
 * Cost      O(n) on average for each level, O(n log n) at worst, on one copy of the values
 * Source    Hyndman & Fan, Sample quantiles in statistical packages, 1996: type 7
 *
 * @throws {ShapeError} if there are no values
 * @throws {RangeError} if a value is not finite or a level lies outside [0, 1]
 * @example
 * quantilesOf([5, 2, 1, 2], [0.15, 0.5, 0.85]);   // => [1.45, 2, 3.65]
 */
export function quantilesOf(values: ArrayLike<number>, levels: readonly number[]): number[] {
  expectLevels("quantilesOf", levels);
  const copy = expectFiniteValues("quantilesOf", "values", values, 1);
  return quantilesOfRange(copy, 0, copy.length, levels);
}

/** Requires a list of levels, each in 0..1. */
export function expectLevels(who: string, levels: unknown): asserts levels is readonly number[] {
  if (!Array.isArray(levels)) throw new TypeError(complaint(who, "the quantile levels to be an array", show(levels)));
  for (const level of levels) expectNumber(who, "each quantile level", level, { low: 0, high: 1 });
}

/** The quantiles of `values[start]` up to but not including `values[end]`: at least one value, all finite. Reorders them. */
export function quantilesOfRange(
  values: Float64Array,
  start: number,
  end: number,
  levels: readonly number[],
): number[] {
  const result = new Array<number>(levels.length).fill(0);
  const ascending = levels.map((_, i) => i).sort((i, j) => levels[i]! - levels[j]!);
  let from = start;
  for (const i of ascending) {
    const h = (end - start - 1) * levels[i]!;
    const rank = start + Math.floor(h);
    // Below `from` all is smaller already, so each selection has less left to look through.
    select(values, rank, from, end - 1);
    from = rank;
    const low = values[rank]!;
    const fraction = h - Math.floor(h);
    const high = fraction > 0 ? smallest(values, rank + 1, end) : low;
    // Adding 0 turns -0 into 0: which of the two zeros comes first must not show.
    result[i] = low + fraction * (high - low) + 0;
  }
  return result;
}

function smallest(values: Float64Array, start: number, end: number): number {
  let least = values[start]!;
  for (let i = start + 1; i < end; i++) if (values[i]! < least) least = values[i]!;
  return least;
}

/**
 * Puts at place k the value that sorting `values[left..right]` would put there, smaller ones before it, larger ones behind it.
 *
 * Source    Hoare, Algorithm 65: Find, 1961, with the median of three as pivot; should the pivots be bad all the time, it sorts
 */
function select(values: Float64Array, k: number, left: number, right: number): void {
  let rounds = 2 * (32 - Math.clz32(right - left + 1));
  while (right > left) {
    if (rounds-- === 0) {
      values.subarray(left, right + 1).sort();
      return;
    }
    const pivot = medianOfThree(values[left]!, values[(left + right) >>> 1]!, values[right]!);
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const kept = values[i]!;
      values[i++] = values[j]!;
      values[j--] = kept;
    }
    // Now values[left..j] <= pivot <= values[i..right], and whatever lies between equals the pivot.
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else return;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : Math.max(a, c);
  return a < c ? a : Math.max(b, c);
}
