/** checkGradient: is a gradient the gradient of its loss? Finite differences, with an estimate of their own error. */

import { complaint, expectCount, expectNumber, ShapeError } from "../ground/errors.js";
import { type DType, tolerances, unitRoundoff } from "../ground/numbers.js";
import { expectRandom, type Random } from "../ground/random.js";
import { Evaluator, expectObjective } from "./evaluate.js";
import type { Group, Objective, ProbeOptions } from "./objective.js";
import { addScaled, dot, norm, randomDirection } from "./vector.js";

/**
 * What a comparison found: the two derivatives agree; they differ; or the finite difference cannot tell, because the loss has
 * a kink there or its round-off is too large.
 */
export type Verdict = "agrees" | "differs" | "undecided";

/** What `checkGradient` takes. */
export interface CheckGradientOptions extends ProbeOptions {
  /** Chooses the direction and the coordinates. */
  readonly random: Random;
  /** Named stretches of the point, each of which is looked at. The whole point is one group when not said. */
  readonly groups?: readonly Group[] | undefined;
  /** How many coordinates of each group to look at, all where it has fewer; 3 when not said. */
  readonly coordinatesPerGroup?: number | undefined;
  /** The finite-difference step; 1e-5 for a float64 objective and 1e-3 for float32 when not said. */
  readonly step?: number | undefined;
  /** Allowed error, relative to the root mean square of the gradient; 1e-7 (float64) or 5e-3 (float32) when not said. */
  readonly tolerance?: number | undefined;
}

/** One derivative, by the gradient and by finite differences. */
export interface GradientComparison {
  /** As in "1.gamma[3]", or "random direction". */
  readonly name: string;
  /** By the gradient. */
  readonly analytic: number;
  /** By central differences. */
  readonly numeric: number;
  /** How far the finite difference itself may be off. */
  readonly estimatedError: number;
  readonly verdict: Verdict;
}

/** What `checkGradient` found. Plain JSON. */
export interface GradientReport {
  /** "differs" if any comparison differs, else "undecided" if any is, else "agrees". */
  readonly verdict: Verdict;
  /** The comparison that decided, or the one furthest off. */
  readonly worst: GradientComparison;
  /** The derivative along a random direction: it sees every coordinate at once. */
  readonly direction: GradientComparison;
  readonly coordinates: readonly GradientComparison[];
  /** Root mean square of the gradient: errors are relative to it. */
  readonly gradientRms: number;
  readonly step: number;
  readonly tolerance: number;
  readonly dtype: DType;
  readonly evaluations: number;
  /** The whole finding in one sentence. */
  readonly text: string;
}

/**
 * Compares a gradient with finite differences of its loss: first along one random direction, then coordinate by coordinate.
 *
 *   numeric = (L(x + h d) - L(x - h d)) / 2h, at h and at h/2        analytic = <gradient, d>
 *
 * The disagreement between h and h/2, together with the round-off of the loss, estimates the error of the finite
 * difference. Where both sides of the point have different slopes at h and still at h/2, there is a kink.
 *
 * Units     all derivatives in loss per unit of the coordinate
 * Numerics  the step is multiplied by the size of a coordinate where that is above 1
 * Cost      1 gradient and 4 losses a derivative: one direction, and `coordinatesPerGroup` a group
 *
 * @throws {TypeError | RangeError | ShapeError} if the objective, point, groups or numbers make no sense, or the loss is not finite at the point
 * @example
 * const bowl: Objective = (x) => ({ loss: x[0]! ** 2 + x[1]! ** 2, gradient: Float64Array.of(2 * x[0]!, 2 * x[1]!) });
 * const report = await checkGradient(bowl, Float64Array.of(1, 2), { random: new Random(1) });
 * report.verdict;   // => "agrees"
 */
export async function checkGradient(
  objective: Objective,
  point: Float64Array,
  options: CheckGradientOptions,
): Promise<GradientReport> {
  const who = "checkGradient";
  expectObjective(who, objective, point);
  const dtype = objective.dtype ?? "float64";
  const {
    random,
    coordinatesPerGroup = 3,
    step = tolerances[dtype].step,
    tolerance = tolerances[dtype].gradient,
  } = options;
  expectRandom(who, random);
  if (coordinatesPerGroup !== Infinity) expectCount(who, "coordinatesPerGroup", coordinatesPerGroup);
  expectNumber(who, "step", step, { low: 0, withoutLow: true });
  expectNumber(who, "tolerance", tolerance, { low: 0, withoutLow: true });
  const groups = options.groups ?? [{ name: "point", start: 0, end: point.length }];
  expectGroups(who, groups, point.length);

  const chosen = groups.flatMap(({ name, start, end }) => {
    const places = random.permutation(end - start).slice(0, coordinatesPerGroup);
    return [...places].sort((a, b) => a - b).map((place) => ({ name: `${name}[${place}]`, index: start + place }));
  });
  const evaluator = new Evaluator(who, objective, options, 1 + 4 * (1 + chosen.length));
  const { loss, gradient } = await evaluator.at(point.slice());
  if (!Number.isFinite(loss)) throw new RangeError(complaint(who, "a finite loss at the point", String(loss)));
  const gradientRms = norm(gradient) / Math.sqrt(point.length);
  // How far the loss sways when each coordinate is rounded, per unit of round-off: a loss near 0 may be a sum of large terms.
  const sway = norm(gradient.map((slope, i) => slope * point[i]!));

  const compare = async (
    name: string,
    direction: Float64Array,
    analytic: number,
    h: number,
  ): Promise<GradientComparison> => {
    const at = (t: number): Promise<number> => evaluator.lossAt(addScaled(point, t, direction));
    const [forth, back, halfForth, halfBack] = [await at(h), await at(-h), await at(h / 2), await at(-h / 2)];
    // Each loss carries a few roundings of its own size; on sums of some thousand terms, 8 is on the safe side.
    const noise = (8 * unitRoundoff[dtype] * (Math.max(Math.abs(loss), Math.abs(forth), Math.abs(back)) + sway)) / h;
    const difference = finiteDifference(loss, forth, back, halfForth, halfBack, h, noise);
    return { name, analytic, ...judge(analytic, difference, tolerance * gradientRms) };
  };

  const pointRms = norm(point) / Math.sqrt(point.length);
  const along = randomDirection(point.length, random);
  const direction = await compare("random direction", along, dot(gradient, along), step * Math.max(1, pointRms));
  const coordinates: GradientComparison[] = [];
  for (const { name, index } of chosen) {
    const unit = new Float64Array(point.length);
    unit[index] = 1;
    coordinates.push(await compare(name, unit, gradient[index]!, step * Math.max(1, Math.abs(point[index]!))));
  }

  const worst = worstOf([...coordinates, direction]);
  const { verdict } = worst;
  const { evaluations } = evaluator;
  const text = textOf(worst, coordinates.length, step);
  return { verdict, worst, direction, coordinates, gradientRms, step, tolerance, dtype, evaluations, text };
}

interface FiniteDifference {
  readonly numeric: number;
  readonly estimatedError: number;
  readonly kink: boolean;
}

function finiteDifference(
  loss: number,
  forth: number,
  back: number,
  halfForth: number,
  halfBack: number,
  h: number,
  noise: number,
): FiniteDifference {
  const coarse = (forth - back) / (2 * h);
  const numeric = (halfForth - halfBack) / h;
  const estimatedError = Math.abs(coarse - numeric) + noise;
  // The two slopes at the point: for a smooth loss their gap halves with h, at a kink it stays.
  const gap = Math.abs(forth - 2 * loss + back) / h;
  const halfGap = (2 * Math.abs(halfForth - 2 * loss + halfBack)) / h;
  const kink = halfGap > 0.8 * gap && halfGap > 16 * noise;
  return { numeric, estimatedError, kink };
}

function judge(
  analytic: number,
  { numeric, estimatedError, kink }: FiniteDifference,
  allowed: number,
): Omit<GradientComparison, "name" | "analytic"> {
  const off = Math.abs(analytic - numeric);
  let verdict: Verdict;
  // NaN, from a loss that is not finite beside the point, fails every comparison and stays undecided
  if (kink) verdict = "undecided";
  else if (off <= Math.max(allowed, estimatedError))
    verdict = estimatedError <= 1000 * allowed || off === 0 ? "agrees" : "undecided";
  else verdict = off > 10 * estimatedError ? "differs" : "undecided";
  return { numeric, estimatedError, verdict };
}

const severity: Readonly<Record<Verdict, number>> = { agrees: 0, undecided: 1, differs: 2 };

function worstOf(comparisons: readonly GradientComparison[]): GradientComparison {
  const off = ({ analytic, numeric }: GradientComparison): number => Math.abs(analytic - numeric);
  return comparisons.reduce((worst, next) => {
    const step = severity[next.verdict] - severity[worst.verdict];
    return step > 0 || (step === 0 && off(next) > off(worst)) ? next : worst;
  });
}

function textOf(
  { name, analytic, numeric, estimatedError, verdict }: GradientComparison,
  count: number,
  step: number,
): string {
  const figures = `analytic ${analytic.toPrecision(6)}, numeric ${numeric.toPrecision(6)} ± ${estimatedError.toExponential(0)} (step ${step})`;
  if (verdict === "agrees")
    return `gradient agrees along a random direction and at ${count} coordinates; furthest off at ${name}: ${figures}`;
  if (verdict === "differs") return `gradient differs at ${name}: ${figures}`;
  return `undecided at ${name}, a kink or too much round-off: ${figures}`;
}

function expectGroups(who: string, groups: readonly Pick<Group, "name" | "start" | "end">[], length: number): void {
  for (const { name, start, end } of groups) {
    expectCount(who, `start of group "${name}"`, start, 0);
    expectCount(who, `end of group "${name}"`, end, start + 1);
    if (end > length)
      throw new ShapeError(
        complaint(who, `groups within the ${length} coordinates of the point`, `"${name}" up to ${end}`),
      );
  }
}
