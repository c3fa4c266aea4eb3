/** Curvature: the largest and smallest eigenvalues of the Hessian, and the gradient's share in the leading eigenvectors. */

import type { Random, RandomState } from "../../core/random.js";
import { expectObjective, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { dot, norm, randomDirection, scaled } from "../../objective/vector.js";
import type { Kinds, ProbeReport, Reasons } from "../shared/report.js";
import { ProbeRun, reserveDraws } from "../shared/run.js";
import { CheckedProducts, checksOf, defaultDifferenceStep, productNote } from "./hessian.js";
import { lanczos, type RitzValues } from "./lanczos.js";

const WHO = "curvature";

/** Options for `curvature`. */
export interface CurvatureOptions extends ProbeOptions {
  /** Draws the start direction. */
  readonly random: Random;
  /** The number of Lanczos steps, at most one per parameter. Default: 30. */
  readonly steps?: number | undefined;
  /** The number of Ritz vectors to return, starting with that of the largest value; at most one per step. Default: 0. */
  readonly ritzVectors?: number | undefined;
  /** The learning rate, for `sharpnessTimesLearningRate`. Default: none. */
  readonly learningRate?: number | undefined;
  /** The finite-difference step. Default: as for `hessianVectorProduct`. */
  readonly differenceStep?: number | undefined;
}

const curvatureRules = {
  random: { kind: "random" },
  steps: { kind: "count", default: 30 },
  ritzVectors: { kind: "count", least: 0, default: 0 },
  learningRate: { kind: "number", low: 0, withoutLow: true, optional: true },
  differenceStep: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies ProbeRules<CurvatureOptions>;

/** An estimate of an extreme eigenvalue. */
export interface Eigenvalue {
  readonly value: number;
  /** An eigenvalue lies within this distance of `value`, up to the error of the products. */
  readonly residual: number;
}

/** The report of `curvature`. */
export interface CurvatureReport extends ProbeReport {
  readonly probe: "curvature";
  /** L(x) and ||g(x)||. */
  readonly loss: number;
  readonly gradNorm: number;
  /** The number of Lanczos steps. */
  readonly steps: number;
  /** The finite-difference step h of the products. */
  readonly differenceStep: number;
  /** The largest ||Hv at h - Hv at h/2|| / ||v|| among the checked products: the one along the gradient and up to 8 others. */
  readonly productError: number;
  /** The largest |<u, Hv> - <v, Hu>| for two Lanczos vectors. It is 0 for a true Hessian, so it measures the error of the products. */
  readonly asymmetry: number;
  /** The state of the random stream before the draw. `Random.from` draws the same start again. */
  readonly randomState: RandomState;
  /** In descending order. */
  readonly ritzValues: readonly number[];
  /** The residual of each Ritz value. */
  readonly residuals: readonly number[];
  /**
   * The Ritz vectors of the first of these values, each of length 1 and as long as the point. Their number is the option
   * `ritzVectors`, by default 0. ||H v - value v|| is the residual of the value.
   */
  readonly ritzVectors: readonly (readonly number[])[];
  /** A lower bound for the largest eigenvalue (with its sign, not by magnitude). */
  readonly largest: Eigenvalue;
  /** An upper bound for the smallest eigenvalue. */
  readonly smallest: Eigenvalue;
  /** Whichever of the two has the larger magnitude, with its sign. Null if the magnitudes agree within their errors. */
  readonly largestMagnitude: number | null;
  /** A lower bound for the largest magnitude. */
  readonly spectralNorm: number;
  /** The value of `largest`. It is not a magnitude: strongly negative curvature does not count as sharp. */
  readonly sharpness: number;
  readonly learningRate: number | null;
  /** About 2 at the edge of stability. Null without a learning rate. */
  readonly sharpnessTimesLearningRate: number | null;
  /** g'Hg / g'g, the curvature along the gradient. Null if the gradient is 0. */
  readonly rayleighQuotient: number | null;
  /** ||P g||^2 / ||g||^2, where P projects onto the first 1, 2, 3, ... Ritz vectors. Null if the gradient is 0. */
  readonly gradientShare: readonly number[] | null;
  /** A warning if the products are too inaccurate for reliable eigenvalues; otherwise null. */
  readonly note: string | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

const KINDS: Kinds = {
  largest: "lower bound",
  smallest: "upper bound",
  spectralNorm: "lower bound",
  sharpness: "lower bound",
  ritzValues: "estimate",
  ritzVectors: "estimate",
  gradientShare: "estimate",
  rayleighQuotient: "estimate",
};

/**
 * Estimates the largest and the smallest eigenvalue of the Hessian, the sharpness, and how much of the gradient lies in the
 * sharpest directions.
 *
 *     sharpness = largest algebraic Ritz value of k Lanczos steps        gradientShare_i = sum over j <= i of <v_j, g>^2 / ||g||^2
 *
 * Gradient descent with learning rate lr becomes unstable in directions with an eigenvalue above 2 / lr. If the weights of a
 * batch-normalized network grow, its eigenvalues shrink as 1 / ||W||^2 although it computes the same function. Compare
 * sharpness times learning rate instead.
 *
 * - **Numerics**: Ritz values lie within the spectrum. If a residual is large, use more steps. The products have the error of
 *   finite differences, so check `note` and `asymmetry` first. The asymmetry is large if a ReLU switches within the difference
 *   step, and a smaller step helps
 * - **Cost**: 2 evaluations per Lanczos step, 2 for each of up to 8 products that are checked at half the difference step, and
 *   5 more. Stores one vector per step, and returns one more per Ritz vector: 8 bytes times the number of parameters for each
 * - **Source**: Cohen et al. 2021 (edge of stability); Ghorbani, Krishnan & Xiao 2019 (gradient share)
 *
 * @throws {TypeError | RangeError} if the options or the point are invalid, or loss or gradient is not finite near the point
 * @example
 * const saddle: Objective = (p) => ({ loss: p[0]! ** 2 - 3 * p[1]! ** 2, gradient: Float64Array.of(2 * p[0]!, -6 * p[1]!) });
 * const report = await curvature(saddle, Float64Array.of(1, 1), { random: new Random(1), learningRate: 0.5 });
 * [report.sharpness.toFixed(6), report.largestMagnitude?.toFixed(6)]; // => ["2.000000", "-6.000000"]
 * report.sharpnessTimesLearningRate?.toFixed(6);                      // => "1.000000"
 */
export async function curvature(
  objective: Objective,
  point: Float64Array,
  options: CurvatureOptions,
): Promise<CurvatureReport> {
  const read = readProbeOptions(WHO, options, curvatureRules);
  const { random, learningRate } = read;
  expectObjective(WHO, objective, point);
  const steps = Math.min(read.steps, point.length);
  const run = new ProbeRun(WHO, objective, point, read, 2 * (steps + checksOf(steps)) + 5);
  const draw = (stream: Random): Float64Array => randomDirection(run.point.length, stream);
  const { own, randomState } = await reserveDraws(WHO, random, 1, draw, read);
  const step = read.differenceStep ?? defaultDifferenceStep(run);

  const { loss, gradient } = await run.finiteAt(run.point);
  const products = new CheckedProducts(run, step, steps);
  const ritz = await lanczos((vector) => products.times(vector), run.point.length, steps, own);
  const { reasons, ...alongGradient } = await describeGradient(products, gradient, ritz);
  const largest = { value: ritz.values.at(-1)!, residual: ritz.residuals.at(-1)! };
  const smallest = { value: ritz.values[0]!, residual: ritz.residuals[0]! };
  const magnitude = largerMagnitude(largest, smallest, 2 * products.error + ritz.asymmetry);
  const spectralNorm = Math.max(Math.abs(largest.value), Math.abs(smallest.value));
  return {
    ...run.describe(WHO, KINDS),
    loss,
    gradNorm: norm(gradient),
    steps,
    differenceStep: step,
    productError: products.error,
    asymmetry: ritz.asymmetry,
    randomState,
    ritzValues: ritz.values.toReversed(),
    residuals: ritz.residuals.toReversed(),
    ritzVectors: Array.from({ length: Math.min(read.ritzVectors, steps) }, (_, i) =>
      Array.from(ritz.vectorOf(steps - 1 - i)),
    ),
    largest,
    smallest,
    largestMagnitude: magnitude.value,
    spectralNorm,
    sharpness: largest.value,
    learningRate: learningRate ?? null,
    sharpnessTimesLearningRate: learningRate === undefined ? null : largest.value * learningRate,
    ...alongGradient,
    note: productNote(ritz.asymmetry, products.relativeError, spectralNorm, step),
    reasons: {
      ...magnitude.reasons,
      ...reasons,
      ...(learningRate === undefined && { sharpnessTimesLearningRate: "no learningRate was given" }),
    },
  };
}

/** Computes the curvature along the gradient and its share in the Ritz vectors: 4 evaluations, or none if it is 0. */
async function describeGradient(
  products: CheckedProducts,
  gradient: Float64Array,
  ritz: RitzValues,
): Promise<Pick<CurvatureReport, "rayleighQuotient" | "gradientShare" | "reasons">> {
  const size = norm(gradient);
  if (size === 0) {
    const reason = "the gradient is 0";
    const reasons = { rayleighQuotient: reason, gradientShare: reason };
    return { rayleighQuotient: null, gradientShare: null, reasons };
  }
  const direction = scaled(1 / size, gradient);
  let sum = 0;
  return {
    rayleighQuotient: dot(direction, await products.times(direction, true)),
    gradientShare: ritz
      .sharesOf(direction)
      .toReversed()
      .map((share) => (sum += share)),
    reasons: {},
  };
}

/** Returns the eigenvalue of larger magnitude, or null if the magnitudes agree within their errors. */
function largerMagnitude(
  largest: Eigenvalue,
  smallest: Eigenvalue,
  errorOfProducts: number,
): { readonly value: number | null; readonly reasons: Reasons } {
  const [above, below] = [Math.abs(largest.value), Math.abs(smallest.value)];
  // The last term covers finite differences that happen to agree at h and h/2.
  const doubt = largest.residual + smallest.residual + errorOfProducts + 1e-9 * Math.max(above, below);
  if (largest.value > 0 && smallest.value < 0 && Math.abs(above - below) <= doubt) {
    const reason = `undecided: ${largest.value} and ${smallest.value} agree in magnitude within ${doubt}`;
    return { value: null, reasons: { largestMagnitude: reason } };
  }
  return { value: above >= below ? largest.value : smallest.value, reasons: {} };
}
