/** Signal propagation: how distinct the samples of a batch remain after a layer. */

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
  /** The number of samples. */
  readonly rows: number;
  /** The number of values per sample. */
  readonly width: number;
  /** (tr K)^2 / tr(K^2), K = H H': the effective number of dimensions, from 1 to the smaller of rows and width. */
  readonly effectiveRank: number | null;
  /** The exponential of the entropy of the normalized eigenvalues of K. It is more sensitive to small eigenvalues. */
  readonly entropicRank: number | null;
  /** The mean |cosine| over all pairs of samples. It is 1 if the layer maps all samples to one direction. */
  readonly meanAbsoluteCosine: number | null;
  /** The number of samples of norm 0, which are excluded from the cosines. */
  readonly zeroRows: number;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

const KINDS: Kinds = {
  effectiveRank: "exact",
  entropicRank: "exact",
  meanAbsoluteCosine: "exact",
};

/**
 * Measures how distinct the samples of a batch remain after a layer, by the rank and cosines of its outputs (not centered).
 *
 *     effectiveRank = (tr K)^2 / tr(K^2)        entropicRank = exp(-sum p_i ln p_i), p = eigenvalues of K / tr K,  K = H H'
 *
 * In a deep network without normalization, the samples collapse to one direction with depth. Batch norm prevents this.
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
  // In units of the largest value, because the sums below contain fourth powers.
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
  // H H' and H'H have the same eigenvalues except for zeros, so use the smaller matrix.
  const k = gramMatrix(h.length <= h[0]!.length ? h : transposeRows(h));
  const trace = k.reduce((sum, row, i) => sum + row[i]!, 0);
  const squares = k.reduce((sum, row) => sum + dot(row, row), 0);
  let entropy = 0;
  for (const eigenvalue of symmetricEigenvalues(k)) {
    const share = eigenvalue / trace;
    // An eigenvalue of 0 may be negative because of round-off.
    if (share > 0) entropy -= share * log(share);
  }
  return { effectiveRank: trace ** 2 / squares, entropicRank: exp(entropy) };
}

function cosinesOf(h: readonly Float64Array[]): { meanAbsoluteCosine: number | null; zeroRows: number } {
  const directions = h.flatMap((row) => {
    // Each sample is scaled by its largest value, so that small samples do not underflow.
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
