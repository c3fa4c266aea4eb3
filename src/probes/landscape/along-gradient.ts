/** Along the gradient: how loss and gradient change along the path of a gradient descent step. */

import { expectNumber } from "../../core/errors.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, norm } from "../../objective/vector.js";
import { expectNumbers, expectStretches, type Stretch } from "../shared/arguments.js";
import type { Kinds, ProbeReport, Reasons } from "../shared/report.js";
import { ProbeRun } from "../shared/run.js";
import { type GradientChange, gradientChange } from "./gradient-change.js";

const WHO = "alongGradient";
const NO_WAY = "the gradient is 0, so every step has length 0";

/** Options for `alongGradient`. */
export interface AlongGradientOptions extends ProbeOptions {
  /** Step sizes as multiples of the gradient, like a learning rate; each above 0. `stepSizesAround` derives them from a learning rate. */
  readonly stepSizes: readonly number[];
  /** The coordinates to change and compare, for example some groups of a model. Default: all. */
  readonly groups?: readonly Stretch[] | undefined;
}

const alongGradientRules = {
  stepSizes: { kind: "any" },
  groups: { kind: "any", optional: true },
} as const satisfies ProbeRules<AlongGradientOptions>;

/** The loss and the gradient at y = x - stepSize g. */
export interface AlongGradientStep {
  /** eta, a multiple of the gradient. */
  readonly stepSize: number;
  /** eta ||g||, how far y lies from x. */
  readonly distance: number;
  /** L(y); Infinity if it is not finite. */
  readonly loss: number;
  /** ||g(y)||. */
  readonly gradNorm: number;
  /** ||g(y) - g||: gradient predictiveness; smaller is more predictive. */
  readonly gradientChange: number;
  /** ||g(y) - g|| / ||g||: dimensionless, and equal to beta times the step size. */
  readonly relativeGradientChange: number | null;
  /** The cosine between g(y) and g. */
  readonly gradientCosine: number | null;
  /** ||g(y) - g|| / (eta ||g||): effective beta-smoothness at this distance. */
  readonly beta: number | null;
  /** |L(y) - L(x)| / (eta ||g||): the local Lipschitz quotient of the loss. */
  readonly lossSlope: number | null;
  /** (L(x) - L(y)) / (eta ||g||^2): actual / predicted decrease of the loss. */
  readonly gain: number | null;
  /** Why any value here is null. */
  readonly reasons: Reasons;
}

/** The report of `alongGradient`. */
export interface AlongGradientReport extends ProbeReport {
  readonly probe: "alongGradient";
  readonly stepSizes: readonly number[];
  /** The coordinates that changed. Null if all did. */
  readonly groups: readonly Stretch[] | null;
  /** L(x). */
  readonly loss: number;
  /** ||g|| over the coordinates that change. */
  readonly gradNorm: number;
  /** One entry per step size, in the given order. This is the main result; the fields below are derived from it. */
  readonly profile: readonly AlongGradientStep[];
  /** max - min of L(y) over the step sizes, excluding x itself. */
  readonly lossRange: number;
  /** The range including L(x). */
  readonly lossRangeWithOrigin: number;
  /** max |L(y) - L(x)|. */
  readonly maxLossChange: Extreme;
  readonly gradientChangeMin: Extreme;
  readonly gradientChangeMax: Extreme;
  readonly betaMax: Extreme;
  readonly lossSlopeMax: Extreme;
}

const KINDS: Kinds = {
  profile: "exact",
  lossRange: "lower bound",
  lossRangeWithOrigin: "lower bound",
  maxLossChange: "lower bound",
  gradientChangeMin: "upper bound",
  gradientChangeMax: "lower bound",
  betaMax: "lower bound",
  lossSlopeMax: "lower bound",
};

/**
 * Probes the loss landscape along the gradient descent direction: loss range, gradient predictiveness and effective
 * beta-smoothness, as a profile over step sizes.
 *
 *     y = x - eta g,  g = g(x)        gradientChange = ||g(y) - g||        beta = ||g(y) - g|| / (eta ||g||)
 *     lossSlope = |L(y) - L(x)| / (eta ||g||)        gain = (L(x) - L(y)) / (eta ||g||^2)
 *
 * Every step starts from the same x with the same g and uses the same batch, so this is a measurement, not training. The gain
 * is 1 if the loss decreases as much as its slope predicts, 0 if it does not change, and negative if it increases. It does not
 * depend on the scale of loss and weights. Unlike beta, it can therefore be compared across networks.
 *
 * - **Numerics**: if the loss is not finite, loss, gradient change and beta are Infinity, and gain is -Infinity. If the gradient
 *   is 0, the quotients are null. With a float32 objective, round-off dominates for steps below 1e-6
 * - **Cost**: one evaluation per step size and one at x
 * - **Source**: Santurkar, Tsipras, Ilyas & Madry 2018, section 3.2 and figure 4
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are invalid, or loss or gradient at x is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const report = await alongGradient(bowl, Float64Array.of(3, 1), { stepSizes: [0.05, 0.1, 0.2, 0.4] });
 * report.profile.map((step) => step.gain?.toFixed(3)); // => ["0.795", "0.590", "0.180", "-0.640"]
 */
export async function alongGradient(
  objective: Objective,
  point: Float64Array,
  options: AlongGradientOptions,
): Promise<AlongGradientReport> {
  const read = readProbeOptions(WHO, options, alongGradientRules);
  const positive = { low: 0, withoutLow: true };
  const stepSizes = expectNumbers(WHO, "stepSizes", read.stepSizes, positive, "use stepSizesAround(0.1)");
  const run = new ProbeRun(WHO, objective, point, read, 1 + stepSizes.length);
  const x = run.point;
  const groups = read.groups === undefined ? null : expectStretches(WHO, read.groups, x.length);
  const compared = groups ?? [{ start: 0, end: x.length }];

  const { loss, gradient } = await run.finiteAt(x);
  const g = keepOnly(gradient, compared);
  const gradNorm = norm(g);
  const profile: AlongGradientStep[] = [];
  for (const stepSize of stepSizes) {
    const far = await run.farAt(addScaled(x, -stepSize, g));
    const change = gradientChange(g, far.gradient, compared, gradNorm);
    profile.push(describeStep(stepSize, { loss, gradNorm }, far.loss, change));
  }

  const losses = profile.map((step) => step.loss);
  const lossChanges = losses.map((each) => Math.abs(each - loss));
  const changes = profile.map((step) => step.gradientChange);
  const betas = profile.map((step) => step.beta);
  const slopes = profile.map((step) => step.lossSlope);
  return {
    ...run.describe(WHO, KINDS),
    stepSizes,
    groups,
    loss,
    gradNorm,
    profile,
    lossRange: range(losses),
    lossRangeWithOrigin: range([...losses, loss]),
    maxLossChange: largestOver(stepSizes, lossChanges),
    gradientChangeMin: smallestOver(stepSizes, changes),
    gradientChangeMax: largestOver(stepSizes, changes),
    betaMax: largestBeta(stepSizes, betas),
    lossSlopeMax: largestOver(stepSizes, slopes),
  };
}

function describeStep(
  stepSize: number,
  origin: { readonly loss: number; readonly gradNorm: number },
  loss: number,
  change: GradientChange,
): AlongGradientStep {
  // The bound avoids Infinity / Infinity in the quotients if the gradient is close to overflow.
  const distance = Math.min(stepSize * origin.gradNorm, Number.MAX_VALUE);
  const found = {
    stepSize,
    distance,
    loss,
    gradNorm: change.normGPrime,
    gradientChange: change.difference,
    relativeGradientChange: change.relativeDifference,
    gradientCosine: change.cosine,
  };
  if (distance === 0) {
    const undefinedHere = {
      relativeGradientChange: null,
      gradientCosine: null,
      beta: null,
      lossSlope: null,
      gain: null,
    };
    const reasons = Object.fromEntries(Object.keys(undefinedHere).map((name) => [name, NO_WAY]));
    return { ...found, ...undefinedHere, reasons };
  }
  const { cosine } = change.reasons;
  return {
    ...found,
    beta: change.difference / distance,
    lossSlope: Math.abs(loss - origin.loss) / distance,
    gain: (origin.loss - loss) / distance / origin.gradNorm,
    reasons: cosine === undefined ? {} : { gradientCosine: cosine },
  };
}

/** Returns a copy of the gradient that is 0 outside the given ranges. */
function keepOnly(gradient: Float64Array, stretches: readonly Stretch[]): Float64Array {
  const kept = new Float64Array(gradient.length);
  for (const { start, end } of stretches) kept.set(gradient.subarray(start, end), start);
  return kept;
}

/** Returns the maximum of beta, with a note if it may be an artifact of the grid. */
function largestBeta(stepSizes: readonly number[], betas: readonly (number | null)[]): Extreme {
  const found = largestOver(stepSizes, betas);
  if (found.stepSize !== smallest(stepSizes)) return found;
  const note = "at the grid's edge, 1/(smallest step) is its typical value after a saturating change of gradient";
  return { ...found, note };
}

/** The largest or smallest value in a profile, and where it occurs. */
export interface Extreme {
  readonly value: number | null;
  /** The step size at which it occurs. Null if several values agree within 1e-6, or if there is no value. */
  readonly stepSize: number | null;
  /** The reason for a null above, or a caveat. Null if there is neither. */
  readonly note: string | null;
}

/** Returns the largest value over the step sizes. Values that are null are ignored. */
function largestOver(stepSizes: readonly number[], values: readonly (number | null)[]): Extreme {
  const defined = values.filter((value) => value !== null);
  return locate(stepSizes, values, defined.length === 0 ? null : largest(defined));
}

/** Returns the smallest value over the step sizes. */
function smallestOver(stepSizes: readonly number[], values: readonly number[]): Extreme {
  return locate(stepSizes, values, smallest(values));
}

function locate(stepSizes: readonly number[], values: readonly (number | null)[], value: number | null): Extreme {
  if (value === null) return { value, stepSize: null, note: "not defined at any step size" };
  const places = stepSizes.filter((_, i) => agrees(values[i]!, value));
  if (places.length > 1) return { value, stepSize: null, note: `${places.length} step sizes agree within 1e-6` };
  return { value, stepSize: places[0]!, note: null };
}

function agrees(a: number | null, b: number): boolean {
  if (a === null || !Number.isFinite(b)) return a === b;
  return Math.abs(a - b) <= 1e-6 * Math.abs(b);
}

/** Returns the largest value minus the smallest. Infinity if any value is not finite, even if none is. */
function range(values: readonly number[]): number {
  const most = largest(values);
  return most === Infinity ? Infinity : most - smallest(values);
}

// Not Math.max(...values): 100,000 or more arguments overflow the stack.
function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

/**
 * Returns step sizes around a learning rate, by default 0.01, 0.1, 0.5, 1, 2 and 4 times the learning rate.
 *
 * @example
 * stepSizesAround(0.5); // => [0.005, 0.05, 0.25, 0.5, 1, 2]
 */
export function stepSizesAround(
  learningRate: number,
  multiples: readonly number[] = [0.01, 0.1, 0.5, 1, 2, 4],
): number[] {
  expectNumber("stepSizesAround", "learningRate", learningRate, { low: 0, withoutLow: true });
  const factors = expectNumbers("stepSizesAround", "multiples", multiples, { low: 0, withoutLow: true });
  return factors.map((multiple) => multiple * learningRate);
}
