/**
 * Row permutations: the probability that a statistic is at least as large as observed by chance.
 *
 * If two samples have the same distribution, their rows can be exchanged. A permutation moves whole rows, because the values
 * within a row depend on each other.
 */

import { complaint, expectCount, ShapeError } from "../../core/errors.js";
import { expectRandom, type Random, type RandomState } from "../../core/random.js";
import type { Samples } from "../../core/samples.js";
import { EventLoopTurns, throwIfAborted } from "../../objective/evaluate.js";
import type { ProbeOptions } from "../../objective/objective.js";
import { expectFiniteValues } from "../shared/arguments.js";
import type { FigureKind } from "../shared/report.js";
import { type ReservedDraws, reserveDraws } from "../shared/run.js";
import { sampleView } from "../values/feature-columns.js";

/** Options for the permutations in `permutationTest` and `mmdTest`. */
export interface PermutationOptions extends ProbeOptions {
  /** The number of random permutations, or "all" for every split of the rows. Default: 999. */
  readonly permutations?: number | "all" | undefined;
  /** Draws the permutations. Not needed for "all". */
  readonly random?: Random | undefined;
}

/** The part of a report that describes the permutations. */
export interface PermutationsMade {
  /** The number of permutations, or of all splits. */
  readonly permutations: number;
  /** Whether all splits of the rows were counted. The p-values are then exact. */
  readonly exhaustive: boolean;
  /** The smallest possible p-value. */
  readonly smallestPValue: number;
  /** The state of the random stream before the first draw. Null if all splits were counted. */
  readonly randomState: RandomState | null;
  /** A warning if there are too few permutations for the number of features; otherwise null. */
  readonly note: string | null;
}

/** The results of the permutations. */
export interface PermutationCounts {
  /** The statistics of the original samples. */
  readonly observed: Float64Array;
  /** For each statistic, the fraction of splits in which it is at least as large as observed. */
  readonly pValues: number[];
  /** For each statistic, the fraction of splits in which the largest scaled statistic is at least as large as this one. */
  readonly pValuesFamilywise: number[];
  /** The kind of the p-values. */
  readonly kind: FigureKind;
  readonly made: PermutationsMade;
}

/**
 * Computes the statistics of a split. weights[i] is m if row i is among the n rows of a, and -n if it is among the m rows of b.
 * Divided by n m, the weights are 1/n and -1/m, so a weighted sum is the difference of two means.
 */
export type SplitStatistics = (weights: Float64Array, into: Float64Array) => void;

const MOST_SPLITS = 1e6;

/** The number of splits, and the draws for random ones; undefined for all splits. */
export interface ReservedSplits {
  readonly total: number;
  readonly drawn: ReservedDraws | undefined;
}

/** Makes the draws of a permutation test. Call it before any other asynchronous work. */
export async function reserveSplits(
  who: string,
  { n, m }: { readonly n: number; readonly m: number },
  options: PermutationOptions & { readonly permutations: number | "all" },
): Promise<ReservedSplits> {
  const { permutations, random } = options;
  const exhaustive = permutations === "all";
  const total = exhaustive ? splitsOf(who, n, m) : permutations;
  expectCount(who, "permutations", total);
  if (exhaustive) return { total, drawn: undefined };
  expectRandom(who, random);
  const drawn = await reserveDraws(who, random, total, (stream) => stream.permutation(n + m), options);
  return { total, drawn };
}

/**
 * Counts the splits of n + m rows whose statistics are at least those of the original samples. Ties are counted, up to a
 * relative 1e-12. Dividing by `scales` makes the statistics comparable; those with a scale of 0 are set to 0.
 *
 *     random splits   p = (1 + splits that reach it) / (1 + permutations), where the 1 is the original split
 *     all splits      p = splits that reach it / splits, which include the original one
 */
export async function permuteRows(
  who: string,
  { n, m }: { readonly n: number; readonly m: number },
  { signal, onProgress }: ProbeOptions,
  { total, drawn }: ReservedSplits,
  scales: ArrayLike<number>,
  statistics: SplitStatistics,
): Promise<PermutationCounts> {
  const exhaustive = drawn === undefined;
  const splits = exhaustive ? allSplits(n, m) : randomSplits(n, m, total, drawn.own);
  const observed = new Float64Array(scales.length);
  const ofSplit = new Float64Array(scales.length);
  const reached = new Float64Array(scales.length);
  const reachedByLargest = new Float64Array(scales.length);
  const scaled = (values: Float64Array, j: number): number => (scales[j]! === 0 ? 0 : values[j]! / scales[j]!);
  statistics(weightsOf(n, m, firstRows(n)), observed);
  const least = observed.map((value) => value * (1 - 1e-12));
  const tick = Math.ceil(total / 100);
  const turns = new EventLoopTurns();
  let done = 0;
  for (const weights of splits) {
    throwIfAborted(who, signal);
    statistics(weights, ofSplit);
    let largest = 0;
    for (let j = 0; j < ofSplit.length; j++) largest = Math.max(largest, scaled(ofSplit, j));
    for (let j = 0; j < ofSplit.length; j++) {
      if (ofSplit[j]! >= least[j]!) reached[j]!++;
      if (largest >= scaled(least, j)) reachedByLargest[j]!++;
    }
    done++;
    // Report progress at most 100 times, because each call may wait for a repaint.
    if (onProgress !== undefined && (done % tick === 0 || done === total)) await onProgress(done, total);
    if (turns.isDue) await turns.take();
  }
  const one = exhaustive ? 0 : 1;
  const part = (counts: Float64Array): number[] => Array.from(counts, (count) => (one + count) / (one + total));
  return {
    observed,
    pValues: part(reached),
    pValuesFamilywise: part(reachedByLargest),
    kind: exhaustive ? "exact" : "estimate",
    made: {
      permutations: total,
      exhaustive,
      smallestPValue: 1 / (one + total),
      randomState: drawn?.randomState ?? null,
      note: tooFewPermutations(total, exhaustive, scales.length),
    },
  };
}

/** Runs a computation to its end. The event loop gets its turns, and the signal is checked after each of them. */
export async function resultInTurns<Result>(
  who: string,
  steps: Generator<undefined, Result, undefined>,
  { signal }: ProbeOptions,
): Promise<Result> {
  const turns = new EventLoopTurns();
  throwIfAborted(who, signal);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (!turns.isDue) continue;
    await turns.take();
    throwIfAborted(who, signal);
  }
}

/** Returns a warning if the permutations are too few to find a single feature among k, otherwise null. */
function tooFewPermutations(permutations: number, exhaustive: boolean, k: number): string | null {
  if (k / (permutations + (exhaustive ? 0 : 1)) <= 0.05 * (1 + 1e-12)) return null;
  const lone = k === 1 ? "no difference" : `no lone feature among ${k}`;
  if (exhaustive) return `${lone} can be found at level 0.05: there are only ${permutations} splits of the rows`;
  return `${lone} can be found at level 0.05 with ${permutations} permutations: use at least ${20 * k - 1}`;
}

function firstRows(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** Returns the weights of the split with the first n of the given rows as its first part. */
function weightsOf(n: number, m: number, rows: ArrayLike<number>): Float64Array {
  const weights = new Float64Array(n + m).fill(-n);
  for (let i = 0; i < n; i++) weights[rows[i]!] = m;
  return weights;
}

function* randomSplits(n: number, m: number, count: number, random: Random): Generator<Float64Array> {
  for (let done = 0; done < count; done++) yield weightsOf(n, m, random.permutation(n + m));
}

/** Yields every choice of n rows, starting with the first n. */
function* allSplits(n: number, m: number): Generator<Float64Array> {
  const chosen = firstRows(n);
  for (;;) {
    yield weightsOf(n, m, chosen);
    // Increments the last index that can be incremented, and sets those after it to the following numbers.
    let i = n - 1;
    while (i >= 0 && chosen[i] === m + i) i--;
    if (i < 0) return;
    for (let row = chosen[i]! + 1; i < n; i++, row++) chosen[i] = row;
  }
}

/** Returns n + m choose n. */
function splitsOf(who: string, n: number, m: number): number {
  let splits = 1;
  for (let i = 1; i <= n && splits <= MOST_SPLITS; i++) splits = Math.round((splits * (m + i)) / i);
  if (splits <= MOST_SPLITS) return splits;
  const got = `${n} and ${m} rows`;
  throw new RangeError(
    complaint(who, `at most ${MOST_SPLITS} splits for permutations "all"`, got, "draw random permutations"),
  );
}

/** The rows of a, then those of b. */
export interface PooledRows {
  /** The number of rows of a. */
  readonly n: number;
  /** The number of rows of b. */
  readonly m: number;
  /** The number of values per row. */
  readonly width: number;
  /** Value j of row i has the index i * width + j. */
  readonly values: Float64Array;
  /** The shape of all rows, [n + m, ...]. */
  readonly shape: readonly number[];
}

/** Requires two samples of finite values with at least one row each and rows of the same shape. Concatenates them. */
export function poolRows(who: string, a: Samples, b: Samples): PooledRows {
  const [x, y] = [expectRows(who, "a", a), expectRows(who, "b", b)];
  const [rowA, rowB] = [a, b].map(({ shape }) => `rows of shape [${shape.slice(1).join(", ")}]`);
  if (rowA !== rowB) throw new ShapeError(complaint(who, `${rowA!} in b, as in a`, rowB!));
  const values = new Float64Array(x.length + y.length);
  values.set(x);
  values.set(y, x.length);
  const [n, m] = [a.shape[0]!, b.shape[0]!];
  return { n, m, width: x.length / n, values, shape: [n + m, ...a.shape.slice(1)] };
}

function expectRows(who: string, name: string, samples: Samples): Float64Array {
  const { rows } = sampleView(`${who}, ${name}`, samples, 1);
  if (rows === 0)
    throw new ShapeError(complaint(who, `${name} to have at least 1 row`, `shape [${samples.shape.join(", ")}]`));
  return expectFiniteValues(who, name, samples.data);
}
