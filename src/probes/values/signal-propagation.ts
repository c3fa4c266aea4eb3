/** Signal propagation: whether a layer keeps the samples of a batch distinct. */

import { exp, log } from "../../core/math.js";
import type { Samples } from "../../core/samples.js";
import { dot, norm } from "../../objective/vector.js";
import { symmetricEigenvalues } from "../curvature/symmetric-eigen.js";
import { expectFiniteValues } from "../shared/arguments.js";
import type { Kinds, Reasons } from "../shared/report.js";
import { sampleView } from "./feature-columns.js";

/** The report of `signalPropagation`. */
export interface SignalPropagationReport {
  readonly probe: "signalPropagation";
  readonly kinds: Kinds;
  /** How many samples and how many values each. */
  readonly rows: number;
  readonly width: number;
  /** (tr K)^2 / tr(K^2), K = H H': how many directions the samples fill, from 1 to the smaller of rows and width. */
  readonly effectiveRank: number | null;
  /** exp of the entropy of the eigenvalues of K as shares of their sum: the same, more attentive to the small ones. */
  readonly entropicRank: number | null;
  /** Mean |cosine| over all pairs of samples: 1 where the layer maps them all to one direction. */
  readonly meanAbsoluteCosine: number | null;
  /** Samples of norm 0, left out of the cosines. */
  readonly zeroRows: number;
  /** Why a figure here is null. */
  readonly reasons: Reasons;
}

const KINDS: Kinds = {
  effectiveRank: "exact",
  entropicRank: "exact",
  meanAbsoluteCosine: "exact",
};

/**
 * Measures how well a layer keeps the samples of a batch apart: rank and cosines of its preactivations, not centered.
 *
 *     effectiveRank = (tr K)^2 / tr(K^2)        entropicRank = exp(-sum p_i ln p_i), p = eigenvalues of K / tr K,  K = H H'
 *
 * In a deep network without normalization they fall towards one direction with depth; batch norm keeps several.
 *
 * - **Shapes**: samples: [rows, ...], one row per sample
 * - **Cost**: rows^2 width for the cosines, and 4/3 min(rows, width)^3 for the eigenvalues
 * - **Source**: Daneshmand, Kohler, Bach, Hofmann & Lucchi 2020; entropic rank: Roy & Vetterli 2007
 *
 * @throws {TypeError | RangeError | ShapeError} if the samples are empty or a value is not finite
 * @example
 * const report = signalPropagation({ shape: [3, 2], data: [1, 0, 1, 1, 0, 2] });
 * [report.effectiveRank?.toFixed(4), report.entropicRank?.toFixed(4)]; // => ["1.5806", "1.7400"]
 */
export function signalPropagation(samples: Samples): SignalPropagationReport {
  const who = "signalPropagation";
  const { rows } = sampleView(who, samples, 1);
  const values = expectFiniteValues(who, "the samples", samples.data, 1);
  const width = values.length / rows;
  // In units of the largest value: the sums below are of fourth powers.
  const unit = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const found = { probe: "signalPropagation", kinds: KINDS, rows, width } as const;
  if (unit === 0) {
    const reason = "all values are 0";
    const reasons = { effectiveRank: reason, entropicRank: reason, meanAbsoluteCosine: reason };
    return { ...found, effectiveRank: null, entropicRank: null, meanAbsoluteCosine: null, zeroRows: rows, reasons };
  }
  const samplesInRows = Array.from({ length: rows }, (_, i) => values.subarray(i * width, (i + 1) * width));
  const { meanAbsoluteCosine, zeroRows } = cosinesOf(samplesInRows);
  return {
    ...found,
    ...ranksOf(samplesInRows.map((row) => row.map((value) => value / unit))),
    meanAbsoluteCosine,
    zeroRows,
    reasons: meanAbsoluteCosine === null ? { meanAbsoluteCosine: "fewer than 2 samples differ from 0" } : {},
  };
}

function ranksOf(h: readonly Float64Array[]): { effectiveRank: number; entropicRank: number } {
  // H H' and H'H share their eigenvalues but for zeros: take the smaller.
  const k = gramMatrix(h.length <= h[0]!.length ? h : transposeRows(h));
  const trace = k.reduce((sum, row, i) => sum + row[i]!, 0);
  const squares = k.reduce((sum, row) => sum + dot(row, row), 0);
  let entropy = 0;
  for (const eigenvalue of symmetricEigenvalues(k)) {
    const share = eigenvalue / trace;
    // Round-off may carry an eigenvalue of 0 below it.
    if (share > 0) entropy -= share * log(share);
  }
  return { effectiveRank: trace ** 2 / squares, entropicRank: exp(entropy) };
}

function cosinesOf(h: readonly Float64Array[]): { meanAbsoluteCosine: number | null; zeroRows: number } {
  const directions = h.flatMap((row) => {
    // Each in its own unit: a small sample beside a large one has a direction too.
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest === 0) return [];
    const direction = row.map((value) => value / largest);
    return [[direction, norm(direction)] as const];
  });
  let sum = 0;
  let pairs = 0;
  directions.forEach(([a, sizeOfA], i) => {
    for (const [b, sizeOfB] of directions.slice(i + 1)) {
      sum += Math.min(1, Math.abs(dot(a, b)) / (sizeOfA * sizeOfB));
      pairs++;
    }
  });
  return { meanAbsoluteCosine: pairs === 0 ? null : sum / pairs, zeroRows: h.length - directions.length };
}

function gramMatrix(rows: readonly Float64Array[]): Float64Array[] {
  const gram = rows.map(() => new Float64Array(rows.length));
  rows.forEach((row, i) => {
    for (let j = 0; j <= i; j++) gram[i]![j] = gram[j]![i] = dot(row, rows[j]!);
  });
  return gram;
}

function transposeRows(rows: readonly Float64Array[]): Float64Array[] {
  return Array.from(rows[0]!, (_, j) => Float64Array.from(rows, (row) => row[j]!));
}
