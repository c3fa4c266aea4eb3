/** MMD test: whether two independent sets of rows differ at all, all features at once. */

import type { Samples } from "../../core/samples.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Kinds } from "../shared/report.js";
import { kernelMatrix, type MmdOptions } from "./mmd.js";
import { type PermutationOptions, type PermutationsMade, permuteRows, poolRows } from "./row-permutations.js";

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
  /** How many rows a and b have. */
  readonly n: number;
  readonly m: number;
  /** h; null when all rows are equal. */
  readonly bandwidth: number | null;
  readonly bandwidthFrom: "median" | "given";
  /** `mmdSquaredBiased` between a and b: see `maximumMeanDiscrepancy`. */
  readonly observed: number;
  readonly pValue: number;
}

/**
 * Tests by the maximum mean discrepancy whether two sets of rows may come from one distribution, with one p-value for all
 * features together. Only for two *independent* sets of rows: see `permutationTest`.
 *
 * Shapes    a [n, ...], b [m, ...]: the same but for the number of rows
 * Numerics  no permutation changes the bandwidth: the median is over all rows of both
 * Cost      O((n + m)² (width + permutations)): two times 256 rows 999 times take about 0.3 s
 * Source    Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012
 *
 * @throws {ShapeError} if a sample has no rows, or the rows differ in shape
 * @throws {RangeError | TypeError} if a value is not finite, or an option is not what it should be
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
  const { kernel, bandwidth, bandwidthFrom } = kernelMatrix(rows, read.bandwidth);
  const counts = await permuteRows(who, rows, read, [1], (weights, into) => {
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

/** Σ w_i w_j k_ij / (n m)², that is mmdSquaredBiased. */
function mmdOfSplit(kernel: Float64Array, weights: Float64Array, n: number, m: number): number {
  const count = n + m;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    let row = 0;
    for (let j = 0; j < i; j++) row += weights[j]! * kernel[i * count + j]!;
    sum += weights[i]! * (2 * row + weights[i]!);
  }
  return Math.max(0, sum) / (n * m) ** 2;
}
