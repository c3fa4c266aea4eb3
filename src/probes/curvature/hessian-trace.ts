/** The trace of the Hessian: the sum of all its eigenvalues, estimated from random signs. */

import type { Random, RandomState } from "../../core/random.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { dot, randomSigns } from "../../objective/vector.js";
import type { ProbeReport, Reasons } from "../shared/report.js";
import { ProbeRun, reserveDraws } from "../shared/run.js";
import { CheckedProducts, checksOf, defaultDifferenceStep, productNote } from "./hessian.js";

/** Options for `hessianTrace`. */
export interface HessianTraceOptions extends ProbeOptions {
  /** Draws the signs. */
  readonly random: Random;
  /** The number of sign vectors to average over. A standard error needs at least 2. */
  readonly count: number;
  /** The finite-difference step. Default: as for `hessianVectorProduct`. */
  readonly differenceStep?: number | undefined;
}

const hessianTraceRules = {
  random: { kind: "random" },
  count: { kind: "count" },
  differenceStep: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies ProbeRules<HessianTraceOptions>;

/** The report of `hessianTrace`. */
export interface HessianTraceReport extends ProbeReport {
  readonly probe: "hessianTrace";
  /** The mean of z'Hz. */
  readonly trace: number;
  /** The sample standard deviation of z'Hz (with count - 1), divided by sqrt(count). Null if count is 1. */
  readonly standardError: number | null;
  /** z'Hz for each sign vector. */
  readonly samples: readonly number[];
  readonly count: number;
  readonly differenceStep: number;
  /** The largest ||Hz at h - Hz at h/2|| / ||z|| among the checked products: up to 8, evenly spaced. */
  readonly productError: number;
  /** The largest |<u, Hv> - <v, Hu>| for two consecutive sign vectors, divided by their squared length. It is 0 for a true Hessian, and if count is 1. */
  readonly asymmetry: number;
  /** A warning if the products are too inaccurate for a reliable trace; otherwise null. */
  readonly note: string | null;
  /** The state of the random stream before the draws. `Random.from` draws the same signs again. */
  readonly randomState: RandomState;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/**
 * Estimates the trace of the Hessian.
 *
 *     trace = mean of z'Hz, each z of random signs        standard error = sd(z'Hz) / sqrt(count)
 *
 * Read the standard error first. For a batch-normalized network at initialization the result was -26 +- 25.
 *
 * - **Numerics**: exact for a diagonal Hessian. Otherwise the off-diagonal elements cause scatter. Check `note`: if a ReLU
 *   switches within the difference step, the products are not those of the Hessian
 * - **Cost**: 2 evaluations per sign vector, and 2 for each of up to 8 products that are checked at half the difference step
 * - **Source**: Hutchinson 1989
 *
 * @throws {TypeError | RangeError} if the options or the point are invalid, or loss or gradient is not finite near the point
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const { trace } = await hessianTrace(bowl, Float64Array.of(3, 1), { count: 2, random: new Random(1) });
 * trace.toFixed(6); // => "10.000000"
 */
export async function hessianTrace(
  objective: Objective,
  point: Float64Array,
  options: HessianTraceOptions,
): Promise<HessianTraceReport> {
  const who = "hessianTrace";
  const read = readProbeOptions(who, options, hessianTraceRules);
  const { random, count } = read;
  const run = new ProbeRun(who, objective, point, read, 2 * (count + checksOf(count)));
  const draw = (stream: Random): Float64Array => randomSigns(run.point.length, stream);
  const { own, randomState } = await reserveDraws(who, random, count, draw, read);
  const step = read.differenceStep ?? defaultDifferenceStep(run);
  const products = new CheckedProducts(run, step, count);
  const samples: number[] = [];
  let asymmetry = 0;
  let before: { readonly signs: Float64Array; readonly product: Float64Array } | undefined;
  for (let i = 0; i < count; i++) {
    const signs = randomSigns(run.point.length, own);
    const product = await products.times(signs);
    samples.push(dot(signs, product));
    if (before !== undefined) {
      asymmetry = Math.max(asymmetry, Math.abs(dot(before.signs, product) - dot(signs, before.product)));
    }
    before = { signs, product };
  }
  // For vectors of length 1, as in the other Hessian probes.
  asymmetry /= run.point.length;
  const trace = samples.reduce((sum, sample) => sum + sample, 0) / count;
  const squares = samples.reduce((sum, sample) => sum + (sample - trace) ** 2, 0);
  return {
    ...run.describe(who, { trace: "estimate", standardError: "estimate", samples: "exact" }),
    trace,
    standardError: count === 1 ? null : Math.sqrt(squares / (count - 1) / count),
    samples,
    count,
    differenceStep: step,
    productError: products.error,
    asymmetry,
    note: productNote(asymmetry, products.relativeError, products.largestProduct, step),
    randomState,
    reasons: count === 1 ? { standardError: "a single sample has no standard error" } : {},
  };
}
