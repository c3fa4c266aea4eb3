/**
 * Histograms with fixed edges, which can be added over shards and compared over time.
 *
 *     cell k = [e_k, e_(k+1)), the last one closed;   below: x < e_0;   above: x > e_K
 */

import { complaint, expectNumber, ShapeError, show } from "../../core/errors.js";
import { expectFiniteValues } from "../shared/arguments.js";

/** The numbers of finite values in each cell and on either side of the edges. */
export interface Histogram {
  /** e_0 < e_1 < ... < e_K. */
  readonly edges: readonly number[];
  /** The K counts, one per cell. */
  readonly counts: readonly number[];
  readonly below: number;
  readonly above: number;
}

/**
 * Counts the values in each cell between fixed edges.
 *
 * - **Cost**: O(n log K)
 *
 * @throws {RangeError} if a value is not finite, or the edges are not ascending
 * @throws {ShapeError} if there are fewer than 2 edges
 * @example
 * histogramOf([1, 2, 2, 5], [0, 2, 4, 6]).counts;   // => [1, 2, 1]
 */
export function histogramOf(values: ArrayLike<number>, edges: ArrayLike<number>): Histogram {
  const copy = expectFiniteValues("histogramOf", "values", values);
  return histogramOfRange(copy, 0, copy.length, expectEdges("histogramOf", edges));
}

/** Requires at least two finite, strictly ascending edges. Returns a copy. */
export function expectEdges(who: string, edges: unknown): readonly number[] {
  const copy = expectFiniteValues(who, "edges", edges, 2);
  for (let k = 1; k < copy.length; k++) {
    if (!(copy[k]! > copy[k - 1]!)) {
      const got = `${copy[k - 1]!} and then ${copy[k]!} at ${k}`;
      throw new RangeError(complaint(who, "ascending edges", got));
    }
  }
  return Array.from(copy);
}

/**
 * Counts `values[start]` up to but not including `values[end]`, which must be finite. With weights, the counts are sums of
 * weights.
 */
export function histogramOfRange(
  values: Float64Array,
  start: number,
  end: number,
  edges: readonly number[],
  weights?: Float64Array,
): Histogram {
  const cells = edges.length - 1;
  const counts = new Array<number>(cells).fill(0);
  let below = 0;
  let above = 0;
  for (let i = start; i < end; i++) {
    const x = values[i]!;
    const weight = weights === undefined ? 1 : weights[i]!;
    if (x < edges[0]!) below += weight;
    else if (x > edges[cells]!) above += weight;
    else {
      // Finds the last edge that is not above x. The last cell is closed.
      let low = 0;
      let high = cells;
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (x < edges[middle]!) high = middle;
        else low = middle;
      }
      counts[low]! += weight;
    }
  }
  return { edges, counts, below, above };
}

/**
 * Adds two histograms with the same edges.
 *
 * @throws {ShapeError} if the edges differ
 */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  expectSameEdges("mergeHistograms", a, b);
  const counts = a.counts.map((count, k) => count + b.counts[k]!);
  return { edges: a.edges, counts, below: a.below + b.below, above: a.above + b.above };
}

/** Requires a histogram. */
function expectHistogram(who: string, name: string, histogram: unknown): asserts histogram is Histogram {
  const { edges, counts, below, above } = (histogram ?? {}) as Partial<Histogram>;
  const hasCells = Array.isArray(edges) && Array.isArray(counts) && counts.length === edges.length - 1;
  if (hasCells && typeof below === "number" && typeof above === "number") return;
  throw new TypeError(complaint(who, `${name} to be a histogram`, show(histogram), "pass what histogramOf returns"));
}

/** Requires two histograms that count on the same edges. */
export function expectSameEdges(who: string, a: Histogram, b: Histogram): void {
  expectHistogram(who, "a", a);
  expectHistogram(who, "b", b);
  const same = a.edges.length === b.edges.length && a.edges.every((edge, k) => edge === b.edges[k]);
  if (!same)
    throw new ShapeError(
      complaint(who, `b with the edges of a, ${show(a.edges)}`, show(b.edges), "choose the edges before counting"),
    );
}

/** Returns the total count, including values outside the edges. */
export function histogramTotal({ counts, below, above }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, below + above);
}

/**
 * Estimates a quantile, assuming that the values of a cell are evenly spread. Returns null if it lies outside the edges.
 *
 * - **Numerics**: the error is at most the width of the cell
 *
 * @throws {RangeError} if the level lies outside [0, 1]
 */
export function histogramQuantile(histogram: Histogram, level: number): number | null {
  expectHistogram("histogramQuantile", "the first argument", histogram);
  expectNumber("histogramQuantile", "level", level, { low: 0, high: 1 });
  const { edges, counts, below, above } = histogram;
  const total = histogramTotal(histogram);
  const target = level * total;
  if (total === 0 || target < below || target > total - above) return null;
  let before = below;
  for (let k = 0; k < counts.length; k++) {
    const count = counts[k]!;
    if (count > 0 && target <= before + count) {
      const share = (target - before) / count;
      return edges[k]! + share * (edges[k + 1]! - edges[k]!);
    }
    before += count;
  }
  return null;
}
