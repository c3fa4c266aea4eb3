/**
 * Maximum mean discrepancy: a distance between two samples of rows that includes the dependence between features, and the
 * corresponding test.
 *
 *     k(x, y) = exp(-||x - y||² / (2 h²))        mmd² = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)
 */

import { complaint } from "../../core/errors.js";
import { exp } from "../../core/math.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Samples } from "../../core/samples.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import { type Kinds, kindsOf, type Reasons } from "../shared/report.js";
import { quantilesOfRange } from "../values/quantiles.js";
import {
  type PermutationOptions,
  type PermutationsMade,
  permuteRows,
  type PooledRows,
  poolRows,
  reserveSplits,
  resultInTurns,
} from "./row-permutations.js";

/** Options for `maximumMeanDiscrepancy`. */
export interface MmdOptions {
  /** The bandwidth h. Default: the median of the positive distances between all pairs of rows of both samples. */
  readonly bandwidth?: number | undefined;
}

const mmdRules = {
  bandwidth: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies OptionRules<MmdOptions>;

/** The report of `maximumMeanDiscrepancy`. */
export interface MmdReport {
  readonly probe: "maximumMeanDiscrepancy";
  /** The kind of each value, for this bandwidth. */
  readonly kinds: Kinds;
  /** The number of rows of a. */
  readonly n: number;
  /** The number of rows of b. */
  readonly m: number;
  /** The bandwidth h. Null if all rows are equal and none was given. */
  readonly bandwidth: number | null;
  readonly bandwidthFrom: "median" | "given";
  /** The square root of `mmdSquaredBiased`. */
  readonly mmd: number;
  /** The estimate from all pairs, including each row with itself. Never negative. */
  readonly mmdSquaredBiased: number;
  /** The estimate from pairs of different rows. For equal distributions its mean is 0, so it is often negative. */
  readonly mmdSquaredUnbiased: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/**
 * Computes the maximum mean discrepancy of two samples of rows, with a Gaussian kernel.
 *
 * - **Shapes**: a [n, ...], b [m, ...], with rows of the same shape
 * - **Units**: dimensionless, between 0 and √2, and comparable only at the same bandwidth
 * - **Numerics**: compensated sums, so identical and permuted samples yield exactly 0
 * - **Cost**: O((n + m)² width) time and 8 (n + m)² bytes, or 4 with a given bandwidth. 512 rows of 100 values take about 30 ms
 * - **Source**: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012. The median bandwidth is a common heuristic
 *
 * @throws {ShapeError} if a sample has no rows, or the rows differ in shape
 * @throws {RangeError} if a value is not finite, the bandwidth is not above 0, or the pairs of rows need more than 2 GB
 * @example
 * const a = { shape: [3, 2], data: [0, 0, 1, 0, 0, 2] };
 * const b = { shape: [2, 2], data: [1, 1, 2, 2] };
 * maximumMeanDiscrepancy(a, b).mmd;   // => about 0.6587
 */
export function maximumMeanDiscrepancy(a: Samples, b: Samples, options: MmdOptions = {}): MmdReport {
  const who = "maximumMeanDiscrepancy";
  const read = readOptions(who, options, mmdRules);
  const rows = poolRows(who, a, b);
  const { n, m } = rows;
  expectRoom(who, rows, read.bandwidth);
  const { kernel, bandwidth, bandwidthFrom } = resultOf(kernelMatrix(rows, read.bandwidth));
  const [xx, yy, xy] = [new ExactSum(), new ExactSum(), new ExactSum()];
  for (let i = 0; i < n + m; i++) {
    for (let j = 0; j < i; j++) {
      const k = kernel[rowStart(i) + j]!;
      if (i < n) xx.add(2 * k);
      else if (j >= n) yy.add(2 * k);
      else xy.add(k);
    }
  }
  const unbiased = xx.value / (n * (n - 1)) + yy.value / (m * (m - 1)) - (2 * xy.value) / (n * m);
  // A row with itself: k = 1.
  xx.add(n);
  yy.add(m);
  const biased = Math.max(0, xx.value / (n * n) + yy.value / (m * m) - (2 * xy.value) / (n * m));
  const single = n === 1 || m === 1;
  const figures = {
    mmd: Math.sqrt(biased),
    mmdSquaredBiased: biased,
    mmdSquaredUnbiased: single ? null : unbiased,
  };
  return {
    probe: who,
    kinds: kindsOf(figures, "exact"),
    n,
    m,
    bandwidth,
    bandwidthFrom,
    ...figures,
    reasons: {
      ...(bandwidth === null ? { bandwidth: "all rows are equal" } : {}),
      ...(single ? { mmdSquaredUnbiased: "a single row has no other row" } : {}),
    },
  };
}

/** The largest memory that is allocated. Beyond it, hosts fail with their own errors or end without one. */
const MOST_BYTES = 2 ** 31;

/** Requires that the kernel of all pairs of rows fits into memory, and their distances if the median is needed. */
function expectRoom(who: string, { n, m }: PooledRows, chosen: number | undefined): void {
  const pairs = ((n + m) * (n + m - 1)) / 2;
  const bytes = 8 * pairs * (chosen === undefined ? 2 : 1);
  if (bytes <= MOST_BYTES) return;
  const got = `${n} and ${m} rows, which need ${bytes} bytes`;
  throw new RangeError(
    complaint(who, `rows whose pairs need at most ${MOST_BYTES} bytes`, got, "use a random sample of the rows"),
  );
}

/** Returns the index of the first pair of row i. */
function rowStart(i: number): number {
  return (i * (i - 1)) / 2;
}

/** The kernel between all rows of both samples, with its bandwidth. */
interface KernelMatrix {
  /** The kernel of rows i and j < i is at index i (i - 1) / 2 + j. That of a row with itself is 1. */
  readonly kernel: Float64Array;
  readonly bandwidth: number | null;
  readonly bandwidthFrom: "median" | "given";
}

/**
 * Computes the kernel between all pairs of rows. Without a given bandwidth it uses the median distance. Yields after every row.
 */
function* kernelMatrix(rows: PooledRows, chosen: number | undefined): Generator<undefined, KernelMatrix, undefined> {
  const { n, m, width, values } = rows;
  const count = n + m;
  const kernel = new Float64Array(rowStart(count));
  // A copy, because finding the median reorders the values.
  const distances = new Float64Array(chosen === undefined ? kernel.length : 0);
  let positive = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let c = 0; c < width; c++) {
        const d = values[i * width + c]! - values[j * width + c]!;
        square += d * d;
      }
      // The squared distance, until the bandwidth is known.
      kernel[rowStart(i) + j] = square;
      if (chosen === undefined && square > 0) distances[positive++] = Math.sqrt(square);
    }
    yield;
  }
  const median = positive === 0 ? null : quantilesOfRange(distances, 0, positive, [0.5])[0]!;
  const bandwidth = chosen ?? median;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const r = bandwidth === null ? 0 : Math.sqrt(kernel[rowStart(i) + j]!) / bandwidth;
      kernel[rowStart(i) + j] = exp(-0.5 * r * r);
    }
    yield;
  }
  return { kernel, bandwidth, bandwidthFrom: chosen === undefined ? "median" : "given" };
}

/** Runs a computation to its end and returns the result. */
function resultOf<Result>(steps: Generator<undefined, Result, undefined>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Options for `mmdTest`. */
export interface MmdTestOptions extends MmdOptions, PermutationOptions {}

const mmdTestRules = {
  bandwidth: { kind: "number", low: 0, withoutLow: true, optional: true },
  permutations: { kind: "any", default: 999 },
  random: { kind: "random", optional: true },
} as const satisfies ProbeRules<MmdTestOptions>;

/** The report of `mmdTest`. */
export interface MmdTestReport extends PermutationsMade {
  readonly probe: "mmdTest";
  readonly kinds: Kinds;
  /** The number of rows of a. */
  readonly n: number;
  /** The number of rows of b. */
  readonly m: number;
  /** The bandwidth h. Null if all rows are equal and none was given. */
  readonly bandwidth: number | null;
  readonly bandwidthFrom: "median" | "given";
  /** `mmdSquaredBiased` between a and b; see `maximumMeanDiscrepancy`. */
  readonly observed: number;
  readonly pValue: number;
}

/**
 * Tests whether two sets of rows may have the same distribution, using the maximum mean discrepancy. There is one p-value for
 * all features together. The two sets must be *independent*; see `permutationTest`.
 *
 * - **Shapes**: a [n, ...], b [m, ...], with rows of the same shape
 * - **Numerics**: the bandwidth is the same for all permutations, because the median is over all rows of both sets
 * - **Cost**: O((n + m)² (width + permutations)). Twice 256 rows with 999 permutations take about 0.3 s
 * - **Source**: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012
 *
 * @throws {ShapeError} if a sample has no rows, or the rows differ in shape
 * @throws {RangeError | TypeError} if a value is not finite or an option is invalid
 * @example
 * const a = { shape: [3, 2], data: [0, 0, 1, 0, 0, 2] };
 * const b = { shape: [2, 2], data: [1, 1, 2, 2] };
 * const { pValue, permutations } = await mmdTest(a, b, { permutations: "all" });
 * pValue;         // => 0.3
 * permutations;   // => 10
 */
export async function mmdTest(a: Samples, b: Samples, options: MmdTestOptions): Promise<MmdTestReport> {
  const who = "mmdTest";
  const read = readProbeOptions(who, options, mmdTestRules);
  const rows = poolRows(who, a, b);
  const { n, m } = rows;
  expectRoom(who, rows, read.bandwidth);
  const splits = await reserveSplits(who, rows, read);
  const steps = kernelMatrix(rows, read.bandwidth);
  const { kernel, bandwidth, bandwidthFrom } = await resultInTurns(who, steps, read);
  const counts = await permuteRows(who, rows, read, splits, [1], (weights, into) => {
    into[0] = mmdOfSplit(kernel, weights, n, m);
  });
  return {
    probe: who,
    kinds: { observed: "exact", pValue: counts.kind },
    n,
    m,
    bandwidth,
    bandwidthFrom,
    observed: counts.observed[0]!,
    pValue: counts.pValues[0]!,
    ...counts.made,
  };
}

/** Returns mmdSquaredBiased = Σ w_i w_j k_ij / (n m)². */
function mmdOfSplit(kernel: Float64Array, weights: Float64Array, n: number, m: number): number {
  const count = n + m;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const start = rowStart(i);
    let row = 0;
    for (let j = 0; j < i; j++) row += weights[j]! * kernel[start + j]!;
    sum += weights[i]! * (2 * row + weights[i]!);
  }
  return Math.max(0, sum) / (n * m) ** 2;
}

/**
 * A compensated sum, whose result does not depend on the order of the terms.
 *
 * - **Source**: Neumaier 1974
 */
class ExactSum {
  private sum = 0;
  private rest = 0;

  add(term: number): void {
    const sum = this.sum + term;
    this.rest += Math.abs(this.sum) >= Math.abs(term) ? this.sum - sum + term : term - sum + this.sum;
    this.sum = sum;
  }

  get value(): number {
    return this.sum + this.rest;
  }
}
