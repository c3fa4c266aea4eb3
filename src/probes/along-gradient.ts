/** Along the gradient: how loss and gradient change on the way that a step of gradient descent takes. */

import { complaint, expectNumber, show } from "../ground/errors.js";
import { Evaluations } from "../objective/evaluations.js";
import type { Objective, ProbeOptions } from "../objective/objective.js";
import { addScaled, norm } from "../objective/vector.js";
import { compareGradients } from "./compare-gradients.js";
import type { Extreme, FigureKind, ProbeReport } from "./report.js";
import { expectStretches, type Stretch } from "./stretches.js";

const WHO = "alongGradient";

/** What `alongGradient` takes. */
export interface AlongGradientOptions extends ProbeOptions {
  /** Multiples of the gradient itself, as a learning rate is one; each above 0. `stepSizesAround` makes them from a learning rate. */
  readonly stepSizes: readonly number[];
  /** The coordinates that move and are compared, for example some groups of a model; all when not said. */
  readonly groups?: readonly Stretch[] | undefined;
}

/** What was found at y = x - stepSize g. */
export interface AlongGradientStep {
  /** eta, a multiple of the gradient. */
  readonly stepSize: number;
  /** eta ||g||, how far y lies from x. */
  readonly distance: number;
  /** L(y); Infinity when it is not finite. */
  readonly loss: number;
  /** ||g(y)||. */
  readonly gradNorm: number;
  /** ||g(y) - g||: gradient predictiveness; smaller is more predictive. */
  readonly gradientChange: number;
  /** ||g(y) - g|| / ||g||. No unit; equal to beta times the step size. */
  readonly relativeGradientChange: number | null;
  /** The cosine between g(y) and g. */
  readonly gradientCosine: number | null;
  /** ||g(y) - g|| / (eta ||g||): effective beta-smoothness at this distance. */
  readonly beta: number | null;
  /** |L(y) - L(x)| / (eta ||g||): the local Lipschitz quotient of the loss. */
  readonly lossSlope: number | null;
  /** (L(x) - L(y)) / (eta ||g||^2): the part of the promised decrease that came true. */
  readonly gain: number | null;
  /** Why a figure here is null; null when none is. */
  readonly reason: string | null;
}

/** What `alongGradient` returns. */
export interface AlongGradientReport extends ProbeReport {
  readonly probe: "alongGradient";
  readonly stepSizes: readonly number[];
  /** The coordinates that moved; null when all did. */
  readonly groups: readonly Stretch[] | null;
  /** L(x). */
  readonly loss: number;
  /** ||g||, of the coordinates that move. */
  readonly gradNorm: number;
  /** One entry a step size, in the order given: the result. What follows is drawn from it. */
  readonly profile: readonly AlongGradientStep[];
  /** max - min of L(y) over the step sizes, x itself not included. */
  readonly lossRange: number;
  /** The same with L(x) included. */
  readonly lossRangeWithOrigin: number;
  /** max |L(y) - L(x)|. */
  readonly maxLossChange: Extreme;
  readonly gradientChangeMin: Extreme;
  readonly gradientChangeMax: Extreme;
  readonly betaMax: Extreme;
  readonly lossSlopeMax: Extreme;
}

const KINDS: Readonly<Record<string, FigureKind>> = {
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
 * Probes the loss landscape on the way that gradient descent takes: loss range, gradient predictiveness and effective
 * beta-smoothness, as a profile over step sizes.
 *
 *   y = x - eta g,  g = g(x)        gradientChange = ||g(y) - g||        beta = ||g(y) - g|| / (eta ||g||)
 *   lossSlope = |L(y) - L(x)| / (eta ||g||)        gain = (L(x) - L(y)) / (eta ||g||^2)
 *
 * Every step starts from the same x with the same g, on the objective's one batch: this is a look around, not training.
 * Gain is 1 where the loss falls as its slope promises, 0 where nothing is gained and negative where the loss rises; it does
 * not depend on the scale of loss and weights, so it compares networks where beta does not.
 *
 * Numerics  a loss that is not finite is data: Infinity in loss, gradient change and beta, -Infinity in gain. Where the
 *           gradient is 0 the quotients are null. On a float32 objective steps below 1e-6 are round-off.
 * Cost      one evaluation a step size and one at x
 * Source    Santurkar, Tsipras, Ilyas & Madry 2018, section 3.2 and figure 4
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are wrong, or loss or gradient at x is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const report = await alongGradient(bowl, Float64Array.of(3, 1), { stepSizes: [0.05, 0.1, 0.2, 0.4] });
 * report.profile.map((step) => step.gain); // => about [0.795, 0.59, 0.18, -0.64]
 */
export async function alongGradient(
  objective: Objective,
  point: Float64Array,
  options: AlongGradientOptions,
): Promise<AlongGradientReport> {
  const stepSizes = options.stepSizes;
  const evaluations = new Evaluations(WHO, objective, point, options, 1 + (stepSizes?.length ?? 0));
  expectStepSizes(stepSizes);
  const groups = options.groups === undefined ? null : expectStretches(WHO, options.groups, point.length);
  const x = evaluations.point;
  const compared = groups ?? [{ start: 0, end: x.length }];

  const { loss, gradient } = await evaluations.at(x);
  const g = keepOnly(gradient, compared);
  const gradNorm = norm(g);
  const profile: AlongGradientStep[] = [];
  for (const stepSize of stepSizes) {
    const there = await evaluations.along(addScaled(x, -stepSize, g));
    profile.push(describeStep(stepSize, loss, g, gradNorm, there.loss, there.gradient, compared));
  }

  const losses = profile.map((step) => step.loss);
  return {
    probe: "alongGradient",
    kinds: KINDS,
    dtype: evaluations.dtype,
    parameters: x.length,
    evaluations: evaluations.count,
    stepSizes: [...stepSizes],
    groups,
    loss,
    gradNorm,
    profile,
    lossRange: range(losses),
    lossRangeWithOrigin: range([...losses, loss]),
    maxLossChange: extreme(profile, (step) => Math.abs(step.loss - loss), 1),
    gradientChangeMin: extreme(profile, (step) => step.gradientChange, -1),
    gradientChangeMax: extreme(profile, (step) => step.gradientChange, 1),
    betaMax: betaMaximum(profile),
    lossSlopeMax: extreme(profile, (step) => step.lossSlope, 1),
  };
}

/**
 * Step sizes around a learning rate: by default .01, .1, .5, 1, 2 and 4 times it.
 *
 * @example
 * stepSizesAround(0.5); // => [0.005, 0.05, 0.25, 0.5, 1, 2]
 */
export function stepSizesAround(
  learningRate: number,
  multiples: readonly number[] = [0.01, 0.1, 0.5, 1, 2, 4],
): number[] {
  expectNumber("stepSizesAround", "learningRate", learningRate, { low: 0, withoutLow: true });
  return multiples.map((multiple) => multiple * learningRate);
}

function describeStep(
  stepSize: number,
  lossAtX: number,
  g: Float64Array,
  gradNormAtX: number,
  loss: number,
  gradient: Float64Array | null,
  compared: readonly Stretch[],
): AlongGradientStep {
  const change = compareGradients(g, gradient, compared, gradNormAtX);
  const distance = stepSize * gradNormAtX;
  const still = gradNormAtX === 0;
  return {
    stepSize,
    distance,
    loss,
    gradNorm: change.normGPrime,
    gradientChange: change.difference,
    relativeGradientChange: change.relativeDifference,
    gradientCosine: change.cosine,
    beta: still ? null : change.difference / distance,
    lossSlope: still ? null : Math.abs(loss - lossAtX) / distance,
    gain: still ? null : (lossAtX - loss) / distance / gradNormAtX,
    reason: change.reason,
  };
}

/** Zero outside the stretches. */
function keepOnly(gradient: Float64Array, stretches: readonly Stretch[]): Float64Array {
  const kept = new Float64Array(gradient.length);
  for (const { start, end } of stretches) kept.set(gradient.subarray(start, end), start);
  return kept;
}

/** Largest less smallest. All at Infinity is no range of 0: where the loss has diverged its range is not finite either. */
function range(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest === Infinity ? Infinity : largest - Math.min(...values);
}

/** The largest (sign 1) or smallest (sign -1) of a column of the profile. */
function extreme(
  profile: readonly AlongGradientStep[],
  read: (step: AlongGradientStep) => number | null,
  sign: 1 | -1,
): Extreme {
  const values = profile.map(read).filter((value) => value !== null);
  if (values.length === 0)
    return { value: null, stepSize: null, reason: "the gradient is 0, so no step leads anywhere" };
  const value = sign * Math.max(...values.map((each) => sign * each));
  const agreeing = profile.filter((step) => agrees(read(step), value));
  if (agreeing.length === 1) return { value, stepSize: agreeing[0]!.stepSize, reason: null };
  return { value, stepSize: null, reason: `${agreeing.length} step sizes agree within 1e-6` };
}

function agrees(a: number | null, b: number): boolean {
  return a === b || (a !== null && Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)));
}

/** The maximum of beta, with a warning where it is an artefact of the grid. */
function betaMaximum(profile: readonly AlongGradientStep[]): Extreme {
  const found = extreme(profile, (step) => step.beta, 1);
  const smallest = Math.min(...profile.map((step) => step.stepSize));
  if (found.stepSize !== smallest) return found;
  const reason = "at the grid's edge: 1/(smallest step) is its typical value after a saturating change of gradient";
  return { ...found, reason };
}

function expectStepSizes(stepSizes: unknown): asserts stepSizes is readonly number[] {
  if (!Array.isArray(stepSizes)) {
    throw new TypeError(
      complaint(WHO, "stepSizes to be an array of numbers", show(stepSizes), "use stepSizesAround(0.1)"),
    );
  }
  if (stepSizes.length === 0) throw new RangeError(complaint(WHO, "at least 1 step size", "0"));
  stepSizes.forEach((stepSize, i) => {
    expectNumber(WHO, `stepSizes[${i}]`, stepSize, { low: 0, withoutLow: true });
  });
}
