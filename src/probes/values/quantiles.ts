/**
 * Quantiles of a sample, by selection instead of sorting.
 *
 *     h = (n - 1) p        quantile(p) = x_(⌊h⌋) + (h - ⌊h⌋) (x_(⌊h⌋ + 1) - x_(⌊h⌋)),  x_(0) <= x_(1) <= ...
 *
 * This is "type 7", the default of NumPy, R and SciPy.
 */

import { complaint, expectNumber, show } from "../../core/errors.js";
import { expectFiniteValues } from "../shared/arguments.js";

/**
 * Computes the quantiles of some values at ascending levels in 0..1.
 *
 * - **Units**: those of the values
 * - **Numerics**: exact order statistics, one rounded interpolation
 * - **Cost**: O(n) per level on average, O(n log n) in the worst case, and one copy of the values
 * - **Source**: Hyndman & Fan, Sample quantiles in statistical packages, 1996: type 7
 *
 * @throws {ShapeError} if there are no values
 * @throws {RangeError} if a value is not finite, or the levels are not ascending within [0, 1]
 * @example
 * quantilesOf([5, 2, 1, 2], [0.15, 0.5, 0.85]);   // => about [1.45, 2, 3.65]
 */
export function quantilesOf(values: ArrayLike<number>, levels: readonly number[]): number[] {
  expectLevels("quantilesOf", levels);
  const copy = expectFiniteValues("quantilesOf", "values", values, 1);
  return quantilesOfRange(copy, 0, copy.length, levels);
}

/** Requires ascending levels in 0..1. */
export function expectLevels(who: string, levels: unknown): asserts levels is readonly number[] {
  if (!Array.isArray(levels)) throw new TypeError(complaint(who, "the quantile levels to be an array", show(levels)));
  let before = 0;
  for (const level of levels) {
    expectNumber(who, "each quantile level", level, { low: 0, high: 1 });
    if (level < before) throw new RangeError(complaint(who, "ascending quantile levels", show(levels)));
    before = level;
  }
}

/** Returns the quantiles of `values[start]` up to but not including `values[end]`, which must be finite. Reorders them. */
export function quantilesOfRange(
  values: Float64Array,
  start: number,
  end: number,
  levels: readonly number[],
): number[] {
  let from = start;
  return levels.map((level) => {
    const h = (end - start - 1) * level;
    const rank = start + Math.floor(h);
    // The previous selection moved smaller values before `from`, so only the rest must be searched.
    select(values, rank, from, end - 1);
    from = rank;
    // Adding 0 turns -0 into 0, so the result does not depend on the order of the two zeros.
    const low = values[rank]! + 0;
    const fraction = h - Math.floor(h);
    if (fraction === 0) return low;
    const high = smallest(values, rank + 1, end);
    // Interpolates from the nearer end, like NumPy. This rounds less and never leaves [low, high].
    return fraction < 0.5 ? low + fraction * (high - low) : high - (1 - fraction) * (high - low);
  });
}

/**
 * Returns the quantiles of weighted values, all finite and at least one, without reordering them.
 *
 *     t_k = w_1 + ... + w_(k-1) + w_k / 2        quantile(p) = x at t = t_1 + p (t_n - t_1), linear between (t_k, x_k)
 *
 * Only the ratios of the weights matter. With equal weights the result is that of `quantilesOf`.
 */
export function weightedQuantilesOfRange(
  values: Float64Array,
  weights: Float64Array,
  start: number,
  end: number,
  levels: readonly number[],
): number[] {
  // Equal values are ordered by weight, so the result does not depend on the order of the rows.
  const order = Uint32Array.from({ length: end - start }, (_, i) => start + i).sort(
    (i, j) => values[i]! - values[j]! || weights[i]! - weights[j]!,
  );
  const places = new Float64Array(order.length);
  for (let k = 1; k < order.length; k++) {
    places[k] = places[k - 1]! + weights[order[k - 1]!]! / 2 + weights[order[k]!]! / 2;
  }
  let k = 0;
  return levels.map((level) => {
    const place = level * places.at(-1)!;
    while (k < places.length - 2 && places[k + 1]! <= place) k++;
    const low = values[order[k]!]! + 0;
    const high = values[order[Math.min(k + 1, order.length - 1)]!]! + 0;
    if (low === high) return low;
    const fraction = Math.min(1, (place - places[k]!) / (places[k + 1]! - places[k]!));
    return fraction < 0.5 ? low + fraction * (high - low) : high - (1 - fraction) * (high - low);
  });
}

function smallest(values: Float64Array, start: number, end: number): number {
  let least = values[start]!;
  for (let i = start + 1; i < end; i++) if (values[i]! < least) least = values[i]!;
  return least;
}

/**
 * Reorders `values[left..right]` so that index k has the value it would have after sorting, with no larger values before it and
 * no smaller ones after it.
 *
 * - **Source**: Hoare, Algorithm 65: Find, 1961, with the median of three as pivot. After too many bad pivots it sorts
 */
function select(values: Float64Array, k: number, left: number, right: number): void {
  let rounds = 2 * (32 - Math.clz32(right - left + 1));
  while (right > left) {
    if (rounds-- === 0) {
      values.subarray(left, right + 1).sort();
      return;
    }
    const pivot = medianOfThree(values[left]!, values[(left + right) >>> 1]!, values[right]!);
    // Both partitions swap every value and count without branching. Branches would be mispredicted half of the time and take
    // twice as long.
    let equal = left;
    for (let i = left; i <= right; i++) {
      const x = values[i]!;
      values[i] = values[equal]!;
      values[equal] = x;
      equal += Number(x < pivot);
    }
    if (k < equal) {
      right = equal - 1;
      continue;
    }
    let larger = equal;
    for (let i = equal; i <= right; i++) {
      const x = values[i]!;
      values[i] = values[larger]!;
      values[larger] = x;
      larger += Number(x === pivot);
    }
    // values[left..equal-1] < pivot, values[equal..larger-1] are equal to it, values[larger..right] > pivot.
    if (k < larger) return;
    left = larger;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : Math.max(a, c);
  return a < c ? a : Math.max(b, c);
}
