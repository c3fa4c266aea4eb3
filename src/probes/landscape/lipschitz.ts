/** Lipschitz constants: lower bounds for the largest rate of change of loss and gradient, from pairs of points. */

import { complaint, expectNumber, show } from "../../core/errors.js";
import { exp, log } from "../../core/math.js";
import type { Random, RandomState } from "../../core/random.js";
import { expectObjective, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, distance, norm, randomDirection } from "../../objective/vector.js";
import { expectVector } from "../shared/arguments.js";
import type { Kinds, ProbeReport, Reasons } from "../shared/report.js";
import { type FarEvaluation, ProbeRun, reserveDraws } from "../shared/run.js";

/** The results for two points u and v. */
export interface LipschitzPair {
  /** ||u - v||. */
  readonly distance: number;
  /** ||u - v|| / ||x||, to compare networks whose weights differ in size. Null if x = 0. */
  readonly relativeDistance: number | null;
  /** |L(u) - L(v)| / ||u - v||; Infinity if a loss is not finite. */
  readonly lossQuotient: number;
  /** ||g(u) - g(v)|| / ||u - v||; Infinity if a gradient is not finite. */
  readonly gradientQuotient: number;
}

/** A summary of the quotients of all pairs. */
export interface QuotientSummary {
  /** The median. Null if there are no pairs. */
  readonly median: number | null;
  /** The 90th percentile. */
  readonly quantile90: number | null;
  /** A lower bound for the Lipschitz constant. It grows with the number of pairs, so compare only equal numbers of pairs. */
  readonly maximum: number | null;
  /** The distance of the pair with the maximum. */
  readonly distanceAtMaximum: number | null;
}

/** The common part of the reports of the two Lipschitz probes. */
export interface LipschitzReport extends ProbeReport {
  /** One entry per pair. */
  readonly pairs: readonly LipschitzPair[];
  /** The number of pairs that were skipped because their points coincide. */
  readonly skipped: number;
  /** The quotients of the loss. */
  readonly loss: QuotientSummary;
  /** The quotients of the gradient, whose Lipschitz constant is the smoothness beta. */
  readonly gradient: QuotientSummary;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** Options for `lipschitzFromPairs`. */
export interface LipschitzFromPairsOptions extends ProbeOptions {
  /** The number of pairs. */
  readonly count: number;
  /** The smallest distance, above 0. To compare networks of different sizes, use a fraction of the norm of the point. */
  readonly minRadius: number;
  /** The largest distance. */
  readonly maxRadius: number;
  readonly random: Random;
}

const fromPairsRules = {
  count: { kind: "count" },
  minRadius: { kind: "number", low: 0, withoutLow: true },
  maxRadius: { kind: "number", low: 0 },
  random: { kind: "random" },
} as const satisfies ProbeRules<LipschitzFromPairsOptions>;

/** The report of `lipschitzFromPairs`. */
export interface LipschitzFromPairsReport extends LipschitzReport {
  readonly probe: "lipschitzFromPairs";
  readonly count: number;
  readonly minRadius: number;
  readonly maxRadius: number;
  /** The state of the random stream before the draws. `Random.from` draws the same pairs again. */
  readonly randomState: RandomState;
}

/** The report of `lipschitzAlongTrajectory`. */
export interface LipschitzAlongTrajectoryReport extends LipschitzReport {
  readonly probe: "lipschitzAlongTrajectory";
}

const KINDS: Kinds = {
  pairs: "exact",
  median: "estimate",
  quantile90: "estimate",
  maximum: "lower bound",
};

/**
 * Computes lower bounds for the Lipschitz constants of loss and gradient around a point, from random pairs of points.
 *
 *     u = x + r d, v = x        |L(u) - L(v)| / ||u - v||        ||g(u) - g(v)|| / ||u - v||
 *
 * The direction d is uniform on the sphere, and the radius r is log-uniform in [minRadius, maxRadius], so all orders of
 * magnitude are covered. A uniform draw from a ball of many dimensions would almost always be close to its surface.
 *
 * - **Cost**: one evaluation per pair and one at x
 *
 * @throws {TypeError | RangeError} if the options or the point are invalid, or loss or gradient at x is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const options = { count: 100, minRadius: 0.01, maxRadius: 1, random: new Random(1) };
 * const report = await lipschitzFromPairs(bowl, Float64Array.of(3, 1), options);
 * report.gradient.maximum! <= 9; // => true
 */
export async function lipschitzFromPairs(
  objective: Objective,
  point: Float64Array,
  options: LipschitzFromPairsOptions,
): Promise<LipschitzFromPairsReport> {
  const who = "lipschitzFromPairs";
  const read = readProbeOptions(who, options, fromPairsRules);
  const { count, minRadius, maxRadius, random } = read;
  expectNumber(who, "maxRadius", maxRadius, { low: minRadius });
  const run = new ProbeRun(who, objective, point, read, 1 + count);
  const x = run.point;
  const drawPair = (stream: Random): Float64Array => {
    const radius = minRadius * exp(stream.uniform() * log(maxRadius / minRadius));
    return addScaled(x, radius, randomDirection(x.length, stream));
  };
  const { own, randomState } = await reserveDraws(who, random, count, drawPair, read);
  const v = await run.finiteAt(x);
  const pairs: LipschitzPair[] = [];
  for (let i = 0; i < count; i++) {
    const far = drawPair(own);
    pairs.push(describePair(await run.farAt(far), v, distance(far, x), norm(x)));
  }
  return { ...run.describe(who, KINDS), count, minRadius, maxRadius, randomState, ...summarizePairs(pairs) };
}

/**
 * Computes lower bounds for the Lipschitz constants of loss and gradient, from consecutive points of a trajectory.
 *
 * Use the same batch for all points, not the batch of each step. Otherwise sampling noise would count as curvature.
 *
 * - **Cost**: one evaluation per point
 *
 * @throws {TypeError | RangeError | ShapeError} if there are fewer than two points, or one is not finite or of another length
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const report = await lipschitzAlongTrajectory(bowl, [Float64Array.of(0, 0), Float64Array.of(0, 1)]);
 * [report.loss.maximum, report.gradient.maximum]; // => [4.5, 9]
 */
export async function lipschitzAlongTrajectory(
  objective: Objective,
  points: readonly Float64Array[],
  options: ProbeOptions = {},
): Promise<LipschitzAlongTrajectoryReport> {
  const who = "lipschitzAlongTrajectory";
  const read = readProbeOptions(who, options, {});
  if (!Array.isArray(points)) {
    throw new TypeError(complaint(who, "points to be an array of Float64Arrays", show(points)));
  }
  if (points.length < 2) throw new RangeError(complaint(who, "at least 2 points", `${points.length}`));
  const [start] = points as readonly Float64Array[];
  expectObjective(who, objective, start);
  const path = points.map((point, i) => expectVector(who, `points[${i}]`, point, start!.length));
  const run = new ProbeRun(who, objective, path[0]!, read, path.length);
  const pairs: LipschitzPair[] = [];
  let before: FarEvaluation | undefined;
  for (const [i, point] of path.entries()) {
    const { loss, gradient } = await run.farAt(point);
    if (before !== undefined) {
      const last = path[i - 1]!;
      pairs.push(describePair({ loss, gradient }, before, distance(point, last), norm(last)));
    }
    // A copy, since the objective may overwrite its array in the next evaluation.
    before = { loss, gradient: gradient && gradient.slice() };
  }
  return { ...run.describe(who, KINDS), ...summarizePairs(pairs) };
}

function describePair(u: FarEvaluation, v: FarEvaluation, apart: number, size: number): LipschitzPair {
  const change = u.gradient === null || v.gradient === null ? Infinity : distance(u.gradient, v.gradient);
  const diverged = u.loss === Infinity || v.loss === Infinity;
  return {
    distance: apart,
    relativeDistance: size === 0 ? null : apart / size,
    lossQuotient: diverged ? Infinity : Math.abs(u.loss - v.loss) / apart,
    gradientQuotient: change / apart,
  };
}

function summarizePairs(all: readonly LipschitzPair[]): Omit<LipschitzReport, keyof ProbeReport> {
  const pairs = all.filter((pair) => pair.distance > 0);
  const reasons: Record<string, string> = {};
  if (pairs.some((pair) => pair.relativeDistance === null)) reasons["relativeDistance"] = "the point is 0";
  if (pairs.length === 0) reasons["loss"] = reasons["gradient"] = "the points of every pair coincide";
  return {
    pairs,
    skipped: all.length - pairs.length,
    loss: summarizeQuotients(pairs, (pair) => pair.lossQuotient),
    gradient: summarizeQuotients(pairs, (pair) => pair.gradientQuotient),
    reasons,
  };
}

function summarizeQuotients(pairs: readonly LipschitzPair[], read: (pair: LipschitzPair) => number): QuotientSummary {
  const rising = pairs.toSorted((a, b) => read(a) - read(b));
  const last = rising.at(-1);
  if (last === undefined) return { median: null, quantile90: null, maximum: null, distanceAtMaximum: null };
  const quotients = rising.map(read);
  return {
    median: quantileOf(quotients, 0.5),
    quantile90: quantileOf(quotients, 0.9),
    maximum: read(last),
    distanceAtMaximum: last.distance,
  };
}

/** Returns a quantile by interpolation between order statistics ("type 7"). Values may be infinite. */
function quantileOf(rising: readonly number[], level: number): number {
  const h = (rising.length - 1) * level;
  const [low, high] = [rising[Math.floor(h)]!, rising[Math.ceil(h)]!];
  return low === high ? low : low + (h - Math.floor(h)) * (high - low);
}
