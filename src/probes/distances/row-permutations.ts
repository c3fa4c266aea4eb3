/**
 * Row permutations: how often chance alone gives as much as was observed.
 *
 * If two samples come from one distribution, which rows belong to which is a matter of chance. One permutation moves whole
 * rows, all features together: the values of one row depend on each other, so they may not be shuffled one by one.
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

/** Options for `permutationTest` and `mmdTest`: how the rows are permuted. */
export interface PermutationOptions extends ProbeOptions {
  /** How many random permutations, or "all" to go through every split of the rows. Default: 999. */
  readonly permutations?: number | "all" | undefined;
  /** Where the permutations come from; not needed for "all". */
  readonly random?: Random | undefined;
}

/** What a report says of its permutations. */
export interface PermutationsMade {
  /** How many permutations were drawn, or how many splits there are. */
  readonly permutations: number;
  /** Whether every split of the rows was counted, so that the p-values are exact. */
  readonly exhaustive: boolean;
  /** No p-value can be smaller. */
  readonly smallestPValue: number;
  /** Where the stream stood before the first draw; null when every split was counted. */
  readonly randomState: RandomState | null;
  /** Says when there are too few permutations for so many features; null when there are enough. */
  readonly note: string | null;
}

/** What the permutations gave. */
export interface PermutationCounts {
  /** The statistics of the samples as they are. */
  readonly observed: Float64Array;
  /** For each statistic, the part of the splits in which it is at least as large as observed. */
  readonly pValues: number[];
  /** For each statistic, the part of the splits in which the largest of all, scaled, is at least as large as it is, scaled. */
  readonly pValuesFamilywise: number[];
  /** How far the p-values may be trusted. */
  readonly kind: FigureKind;
  readonly made: PermutationsMade;
}

/**
 * Fills in the statistics of a split: weights[i] is m where row i counts as one of the n rows of a, -n where it counts as one
 * of the m rows of b. Divided by n m they are 1/n and -1/m: a weighted sum is then the difference of two means.
 */
export type SplitStatistics = (weights: Float64Array, into: Float64Array) => void;

const MOST_SPLITS = 1e6;

/** How many splits are made, and where the random ones are drawn from; undefined for all splits. */
export interface ReservedSplits {
  readonly total: number;
  readonly drawn: ReservedDraws | undefined;
}

/** Makes the draws of a permutation test, before anything of it waits. */
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
 * Counts the splits of n + m rows into n and m whose statistics reach those of the first n against the last m. Ties count,
 * up to a relative 1e-12. `scales` makes statistics comparable with each other; those of scale 0 are 0.
 *
 *     random splits   p = (1 + how many reach it) / (1 + permutations): the samples as they are count as one
 *     all splits      p = how many reach it / how many there are: the samples as they are are one of them
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
    // A hundred times are enough for a bar; each one may wait for a repaint.
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

/** Runs a computation to its end; the event loop gets its turns, and the signal is checked at each. */
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

/** What to keep in mind about p-values of k features, or null: whether a lone feature could be found at all. */
function tooFewPermutations(permutations: number, exhaustive: boolean, k: number): string | null {
  if (k / (permutations + (exhaustive ? 0 : 1)) <= 0.05 * (1 + 1e-12)) return null;
  const lone = k === 1 ? "no difference" : `no lone feature among ${k}`;
  if (exhaustive) return `${lone} can be found at level 0.05: there are only ${permutations} splits of the rows`;
  return `${lone} can be found at level 0.05 with ${permutations} permutations: take at least ${20 * k - 1}`;
}

function firstRows(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** The weights of the split whose first part are the first n of these rows. */
function weightsOf(n: number, m: number, rows: ArrayLike<number>): Float64Array {
  const weights = new Float64Array(n + m).fill(-n);
  for (let i = 0; i < n; i++) weights[rows[i]!] = m;
  return weights;
}

function* randomSplits(n: number, m: number, count: number, random: Random): Generator<Float64Array> {
  for (let done = 0; done < count; done++) yield weightsOf(n, m, random.permutation(n + m));
}

/** Every choice of n rows, the first n first. */
function* allSplits(n: number, m: number): Generator<Float64Array> {
  const chosen = firstRows(n);
  for (;;) {
    yield weightsOf(n, m, chosen);
    // The last choice that can still move up does; those after it follow closely.
    let i = n - 1;
    while (i >= 0 && chosen[i] === m + i) i--;
    if (i < 0) return;
    for (let row = chosen[i]! + 1; i < n; i++, row++) chosen[i] = row;
  }
}

/** n + m choose n. */
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
  /** How many rows come from a. */
  readonly n: number;
  /** How many come from b. */
  readonly m: number;
  /** How many values per row has. */
  readonly width: number;
  /** Value j of row i stands at i * width + j. */
  readonly values: Float64Array;
  /** Of all rows: [n + m, ...]. */
  readonly shape: readonly number[];
}

/** Requires two samples of finite values, at least one row each, with rows of the same shape; puts one on top of the other. */
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
