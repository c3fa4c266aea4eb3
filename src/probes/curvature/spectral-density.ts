/** Spectral density: the distribution of the eigenvalues of the Hessian, without computing each of them. */

import { complaint, show } from "../../core/errors.js";
import { exp } from "../../core/math.js";
import type { Random, RandomState } from "../../core/random.js";
import { expectObjective, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { randomDirection } from "../../objective/vector.js";
import type { ProbeReport } from "../shared/report.js";
import { ProbeRun, reserveDraws } from "../shared/run.js";
import { CheckedProducts, checksOf, defaultDifferenceStep, productNote } from "./hessian.js";
import { lanczos } from "./lanczos.js";

const WHO = "spectralDensity";

/** Options for `spectralDensity`. */
export interface SpectralDensityOptions extends ProbeOptions {
  /** Draws the start directions. */
  readonly random: Random;
  /** The number of Lanczos steps per start, at most one per parameter. Default: 30. */
  readonly steps?: number | undefined;
  /** The number of random starts to average over. Default: 4. */
  readonly starts?: number | undefined;
  /** The standard deviation of the Gaussians. Default: 1% of the width of the spectrum. */
  readonly width?: number | undefined;
  /** The finite-difference step. Default: as for `hessianVectorProduct`. */
  readonly differenceStep?: number | undefined;
}

const spectralDensityRules = {
  random: { kind: "random" },
  steps: { kind: "count", default: 30 },
  starts: { kind: "count", default: 4 },
  width: { kind: "number", low: 0, withoutLow: true, optional: true },
  differenceStep: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies ProbeRules<SpectralDensityOptions>;

/** The Ritz values of one start, with their weights in the density. */
export interface SpectralNode {
  readonly values: readonly number[];
  readonly weights: readonly number[];
}

/** The report of `spectralDensity`. */
export interface SpectralDensityReport extends ProbeReport {
  readonly probe: "spectralDensity";
  /** Evenly spaced eigenvalues, the x axis of a plot. */
  readonly eigenvalues: readonly number[];
  /** The density at each of them. It integrates to 1. */
  readonly density: readonly number[];
  readonly width: number;
  readonly steps: number;
  readonly starts: number;
  readonly differenceStep: number;
  /** The largest |<u, Hv> - <v, Hu>| for two Lanczos vectors. It is 0 for a true Hessian, so it measures the error of the products. */
  readonly asymmetry: number;
  /** The largest ||Hv at h - Hv at h/2|| / ||v|| among the checked products: up to 8, evenly spaced. */
  readonly productError: number;
  /** A warning if the products are too inaccurate for a reliable density; otherwise null. */
  readonly note: string | null;
  /** The state of the random stream before the draws. `Random.from` draws the same starts again. */
  readonly randomState: RandomState;
  /** The Ritz values and weights of each start, from which the density is computed. */
  readonly nodes: readonly SpectralNode[];
}

/** How many widths the plot extends beyond the outermost Ritz values. Less than 2e-9 of the density lies outside. */
const MARGIN = 6;
const POINTS_PER_WIDTH = 3;
const MOST_POINTS = 20_000;

/**
 * Estimates the density of the Hessian's eigenvalues by stochastic Lanczos quadrature.
 *
 *     density(t) = mean over starts of sum_i w_i N(t; theta_i, width^2),  w_i = (first component of eigenvector i)^2
 *
 * - **Numerics**: isolated eigenvalues appear at the right position, but their weight varies from start to start
 * - **Cost**: 2 evaluations per step and start, and 2 for each of up to 8 products that are checked at half the difference
 *   step. Stores one vector per step
 * - **Source**: Ghorbani, Krishnan & Xiao 2019; Ubaru, Chen & Saad 2017
 *
 * @throws {TypeError | RangeError} if the options or the point are invalid, or loss or gradient is not finite near the point
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const { density, width } = await spectralDensity(bowl, Float64Array.of(3, 1), { random: new Random(1) });
 * width.toFixed(6); // => "0.080000"
 */
export async function spectralDensity(
  objective: Objective,
  point: Float64Array,
  options: SpectralDensityOptions,
): Promise<SpectralDensityReport> {
  const read = readProbeOptions(WHO, options, spectralDensityRules);
  const { random, starts } = read;
  expectObjective(WHO, objective, point);
  const steps = Math.min(read.steps, point.length);
  const run = new ProbeRun(WHO, objective, point, read, 2 * (steps * starts + checksOf(steps * starts)));
  const draw = (stream: Random): Float64Array => randomDirection(run.point.length, stream);
  const { own, randomState } = await reserveDraws(WHO, random, starts, draw, read);
  const step = read.differenceStep ?? defaultDifferenceStep(run);

  const nodes: SpectralNode[] = [];
  let largestAsymmetry = 0;
  const products = new CheckedProducts(run, step, steps * starts);
  const multiply = (vector: Float64Array): Promise<Float64Array> => products.times(vector);
  for (let start = 0; start < starts; start++) {
    const { values, weights, asymmetry } = await lanczos(multiply, run.point.length, steps, own);
    nodes.push({ values, weights });
    largestAsymmetry = Math.max(largestAsymmetry, asymmetry);
  }
  // Math.min(...all) would overflow the stack for 100,000 arguments.
  const all = nodes.flatMap((node) => node.values);
  const low = all.reduce((least, value) => Math.min(least, value), Infinity);
  const high = all.reduce((most, value) => Math.max(most, value), -Infinity);
  const width = read.width ?? defaultWidth(low, high);
  const eigenvalues = gridAround(low, high, width);
  return {
    ...run.describe(WHO, { density: "estimate", nodes: "estimate" }),
    eigenvalues,
    density: eigenvalues.map((eigenvalue) => densityAt(eigenvalue, nodes, width)),
    width,
    steps,
    starts,
    differenceStep: step,
    asymmetry: largestAsymmetry,
    productError: products.error,
    note: productNote(largestAsymmetry, products.relativeError, Math.max(Math.abs(low), Math.abs(high)), step),
    randomState,
    nodes,
  };
}

function defaultWidth(low: number, high: number): number {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  // Equal eigenvalues differ only by the error of finite differences, which is not a useful width.
  if (high - low > 1e-6 * largest) return (high - low) / 100;
  return largest === 0 ? 0.01 : largest / 100;
}

function gridAround(low: number, high: number, width: number): number[] {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const least = Math.max((POINTS_PER_WIDTH * (high - low)) / MOST_POINTS, 1e-9 * largest);
  if (width < least) {
    throw new RangeError(complaint(WHO, `a width of at least ${least} for this spectrum`, show(width)));
  }
  const count = Math.ceil(((high - low) / width + 2 * MARGIN) * POINTS_PER_WIDTH) + 1;
  return Array.from({ length: count }, (_, i) => low - MARGIN * width + (i * width) / POINTS_PER_WIDTH);
}

function densityAt(eigenvalue: number, nodes: readonly SpectralNode[], width: number): number {
  let sum = 0;
  for (const { values, weights } of nodes) {
    values.forEach((value, i) => {
      const z = (eigenvalue - value) / width;
      sum += weights[i]! * exp((-z * z) / 2);
    });
  }
  return sum / (nodes.length * width * Math.sqrt(2 * Math.PI));
}
