/**
 * Distances between two histograms with the same edges.
 *
 * p and q are the fractions of values in each cell, including the two cells outside the edges; r = (p + q) / 2 and 0 ln 0 = 0.
 */

import { complaint, ShapeError } from "../../core/errors.js";
import { log } from "../../core/math.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import { type Kinds, kindsOf, type Reasons } from "../shared/report.js";
import { expectSameEdges, type Histogram, histogramTotal } from "../values/histogram.js";

/** Options for `compareHistograms`. */
export interface CompareHistogramsOptions {
  /** The smallest fraction in `psiFloored`. Default: 1e-4. */
  readonly floor?: number | undefined;
}

const compareHistogramsRules = {
  floor: { kind: "number", low: 0, high: 1, withoutLow: true, withoutHigh: true, default: 1e-4 },
} as const satisfies OptionRules<CompareHistogramsOptions>;

/** The report of `compareHistograms`. Divergences are in nats unless the name ends in Bits. */
export interface HistogramDistances {
  readonly probe: "compareHistograms";
  /** The kind of each value, for these edges. */
  readonly kinds: Kinds;
  /** The number of values of a. */
  readonly n: number;
  /** The number of values of b. */
  readonly m: number;
  readonly edges: readonly number[];
  /** Σ p ln(p/r) / 2 + Σ q ln(q/r) / 2, between 0 and ln 2. */
  readonly jensenShannonDivergence: number;
  /** The same in bits, between 0 and 1. */
  readonly jensenShannonDivergenceBits: number;
  /** The square root of the divergence. It is a metric. */
  readonly jensenShannonDistance: number;
  /** The square root of the divergence in bits. */
  readonly jensenShannonDistanceBits: number;
  /** The population stability index Σ (p - q) ln(p/q) = KL(p||q) + KL(q||p). */
  readonly psi: number | null;
  /** psi with all fractions below `floor` replaced by `floor`. */
  readonly psiFloored: number;
  readonly floor: number;
  /** The contribution of cells with a replaced fraction to `psiFloored`. It depends on the floor. */
  readonly psiFromFloor: number;
  /** KL(p||q) = Σ p ln(p/q). */
  readonly klHistogramAB: number | null;
  /** KL(q||p). */
  readonly klHistogramBA: number | null;
  /** Σ |p - q| / 2, between 0 and 1. */
  readonly totalVariation: number;
  /** √(Σ (√p - √q)² / 2), between 0 and 1. */
  readonly hellinger: number;
  /** A caveat if the floor contributes to `psiFloored`; otherwise null. */
  readonly note: string | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/**
 * Computes all distances between two histograms with the same edges.
 *
 * - **Units**: nats, bits or dimensionless. The distances depend on the edges, but not on the unit of the values
 * - **Numerics**: exact for these edges, and exactly 0 for identical counts
 * - **Cost**: O(K)
 * - **Source**: Lin 1991 (Jensen-Shannon); Endres & Schindelin 2003 (its root is a metric). PSI is Jeffreys' divergence of the
 *   cells
 *
 * @throws {ShapeError} if the edges differ or a histogram is empty
 * @throws {RangeError} if the floor is not in (0, 1)
 * @example
 * const edges = [0, 2, 4, 6];
 * const shift = compareHistograms(histogramOf([1, 2, 2, 5], edges), histogramOf([0, 2, 4], edges));
 * shift.jensenShannonDistance;   // => about 0.1198
 * shift.psi;                     // => about 0.1155
 */
export function compareHistograms(
  a: Histogram,
  b: Histogram,
  options: CompareHistogramsOptions = {},
): HistogramDistances {
  const who = "compareHistograms";
  const { floor } = readOptions(who, options, compareHistogramsRules);
  expectSameEdges(who, a, b);
  const [n, m] = [histogramTotal(a), histogramTotal(b)];
  if (n === 0 || m === 0) {
    throw new ShapeError(complaint(who, "histograms of at least 1 value each", `${n} and ${m}`));
  }
  const cells = (h: Histogram, total: number): number[] =>
    [h.below, ...h.counts, h.above].map((count) => count / total);
  const [p, q] = [cells(a, n), cells(b, m)];
  const sum = (term: (pk: number, qk: number) => number): number =>
    p.reduce((total, pk, k) => total + term(pk, q[k]!), 0);

  const middleTerm = (pk: number, qk: number): number => (toMiddle(pk, qk) + toMiddle(qk, pk)) / 2;
  const jensenShannon = Math.max(0, sum(middleTerm));
  const raise = (part: number): number => Math.max(part, floor);
  const raised = (pk: number, qk: number): boolean => pk < floor || qk < floor;
  const psiTerm = (pk: number, qk: number): number => (raise(pk) - raise(qk)) * log(raise(pk) / raise(qk));
  const psiFloored = sum(psiTerm);
  const psiFromFloor = sum((pk, qk) => (raised(pk, qk) ? psiTerm(pk, qk) : 0));

  const onlyA = p.filter((pk, k) => pk > 0 && q[k] === 0).length;
  const onlyB = q.filter((qk, k) => qk > 0 && p[k] === 0).length;
  const klAB = onlyA > 0 ? null : Math.max(0, sum(klTerm));
  const reverseTerm = (pk: number, qk: number): number => klTerm(qk, pk);
  const klBA = onlyB > 0 ? null : Math.max(0, sum(reverseTerm));
  const figures = {
    jensenShannonDivergence: jensenShannon,
    jensenShannonDivergenceBits: jensenShannon / Math.LN2,
    jensenShannonDistance: Math.sqrt(jensenShannon),
    jensenShannonDistanceBits: Math.sqrt(jensenShannon / Math.LN2),
    psi: onlyA + onlyB > 0 ? null : sum((pk, qk) => (pk === 0 ? 0 : (pk - qk) * log(pk / qk))),
    psiFloored,
    psiFromFloor,
    klHistogramAB: klAB,
    klHistogramBA: klBA,
    totalVariation: sum((pk, qk) => Math.abs(pk - qk)) / 2,
    hellinger: Math.sqrt(sum((pk, qk) => (Math.sqrt(pk) - Math.sqrt(qk)) ** 2) / 2),
  };
  return {
    probe: who,
    kinds: kindsOf(figures, "exact"),
    n,
    m,
    edges: a.edges,
    floor,
    ...figures,
    note: psiFromFloor > 0 ? `the floor ${floor} decides ${psiFromFloor.toPrecision(6)} of psiFloored` : null,
    reasons: {
      ...(onlyA + onlyB > 0 ? { psi: `${onlyA + onlyB} cells are empty in one sample alone` } : {}),
      ...(onlyA > 0 ? { klHistogramAB: `${onlyA} cells of a are empty in b` } : {}),
      ...(onlyB > 0 ? { klHistogramBA: `${onlyB} cells of b are empty in a` } : {}),
    },
  };
}

/** Returns p ln(p / q), or 0 for p = 0. */
function klTerm(p: number, q: number): number {
  return p === 0 ? 0 : p * log(p / q);
}

/** Returns p ln(p / r) with r = (p + q) / 2. */
function toMiddle(p: number, q: number): number {
  return klTerm(p, (p + q) / 2);
}
