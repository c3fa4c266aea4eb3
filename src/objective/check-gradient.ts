/** checkGradient: is a gradient the gradient of its loss? Finite differences, with an estimate of their own error. */

import { complaint, expectCount, expectObject, expectOneOf, show, ShapeError } from "../core/errors.js";
import { type DType, tolerances } from "../core/dtype.js";
import type { Random } from "../core/random.js";
import { Evaluator, expectObjective, readProbeOptions } from "./evaluate.js";
import { compareDerivatives, type GradientComparison, type LineOfLosses, type Verdict } from "./finite-difference.js";
import type { Group, Objective, ProbeOptions } from "./objective.js";
import { addScaled, dot, norm, randomDirection } from "./vector.js";

/** Options for `checkGradient`. */
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

/** Checked against `CheckGradientOptions` where `readOptions` reads them. */
export const checkGradientRules = {
  random: { kind: "random" },
  groups: { kind: "any", optional: true },
  coordinatesPerGroup: { kind: "any", default: 3 },
  step: { kind: "number", low: 0, withoutLow: true, optional: true },
  tolerance: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const;

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
 *     numeric = (L(x + h d) - L(x - h d)) / 2h, at h and at h/2        analytic = <gradient, d>
 *
 * The disagreement between h and h/2, together with the round-off of the loss, estimates the error of the finite
 * difference. Where both sides of the point have different slopes at h and still at h/2, there is a kink.
 *
 * - **Units**: all derivatives in loss per unit of the coordinate
 * - **Numerics**: the step is multiplied by the size of a coordinate where that is above 1
 * - **Cost**: 1 gradient and 4 losses a derivative: one direction, and `coordinatesPerGroup` a group
 *
 * @throws {TypeError | RangeError | ShapeError} if the objective, point, groups or numbers make no sense, or loss and gradient are not finite at the point
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
  const { dtype = "float64" } = objective;
  expectOneOf(who, "the objective's dtype", dtype, ["float32", "float64"]);
  const read = readProbeOptions(who, options, checkGradientRules);
  const { random, coordinatesPerGroup, step = tolerances[dtype].step, tolerance = tolerances[dtype].gradient } = read;
  if (coordinatesPerGroup !== Infinity) expectCount(who, "coordinatesPerGroup", coordinatesPerGroup);
  const groups = read.groups ?? [{ name: "point", start: 0, end: point.length }];
  expectNamedStretches(who, groups, point.length);

  const chosen = groups.flatMap(({ name, start, end }) => {
    const places = random.permutation(end - start).slice(0, coordinatesPerGroup);
    return [...places].sort((a, b) => a - b).map((place) => ({ name: `${name}[${place}]`, index: start + place }));
  });
  const evaluator = new Evaluator(who, objective, read, 1 + 4 * (1 + chosen.length));
  const { loss, gradient } = await evaluator.at(point.slice());
  if (!Number.isFinite(loss)) throw new RangeError(complaint(who, "a finite loss at the point", String(loss)));
  const bad = gradient.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const group = groups.find(({ start, end }) => start <= bad && bad < end) ?? { name: "point", start: 0 };
    const got = `${gradient[bad]} at ${group.name}[${bad - group.start}]`;
    throw new RangeError(complaint(who, "a finite gradient at the point", got));
  }
  const claimed = gradient.slice(); // a copy: the objective may write to its array at the next evaluation
  const gradientRms = norm(claimed) / Math.sqrt(point.length);

  const along = async (name: string, direction: Float64Array, size: number): Promise<LineOfLosses> => {
    const h = step * Math.max(1, size);
    const at = (t: number): Promise<number> => evaluator.lossAt(addScaled(point, t, direction));
    const [back, halfBack, halfForth, forth] = [await at(-h), await at(-h / 2), await at(h / 2), await at(h)];
    return { name, analytic: dot(claimed, direction), step: h, losses: [back, halfBack, loss, halfForth, forth] };
  };
  const pointRms = norm(point) / Math.sqrt(point.length);
  const lines = [await along("random direction", randomDirection(point.length, random), pointRms)];
  for (const { name, index } of chosen) {
    const unit = new Float64Array(point.length);
    unit[index] = 1;
    lines.push(await along(name, unit, Math.abs(point[index]!)));
  }
  const comparisons = compareDerivatives(lines, dtype, tolerance * gradientRms);
  const direction = comparisons[0]!;
  const coordinates = comparisons.slice(1);
  const worst = worstOf(direction, coordinates);
  return {
    verdict: worst.verdict,
    worst,
    direction,
    coordinates,
    gradientRms,
    step,
    tolerance,
    dtype,
    evaluations: evaluator.evaluations,
    text: sentenceOf(worst, coordinates.length, step),
  };
}

const severity: Readonly<Record<Verdict, number>> = { agrees: 0, undecided: 1, differs: 2 };

/** The gravest comparison, and of those the one furthest off; the direction only where it alone tells, as it names no place. */
function worstOf(direction: GradientComparison, coordinates: readonly GradientComparison[]): GradientComparison {
  const off = ({ analytic, numeric }: GradientComparison): number => Math.abs(analytic - numeric);
  const worst = coordinates.reduce((worst, next) => {
    const step = severity[next.verdict] - severity[worst.verdict];
    return step > 0 || (step === 0 && off(next) > off(worst)) ? next : worst;
  });
  return severity[direction.verdict] > severity[worst.verdict] ? direction : worst;
}

function sentenceOf(
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

function expectNamedStretches(
  who: string,
  groups: readonly Pick<Group, "name" | "start" | "end">[],
  length: number,
): void {
  if (!Array.isArray(groups) || groups.length === 0) {
    throw new TypeError(complaint(who, "groups to be an array of at least one", show(groups)));
  }
  for (const group of groups as readonly Group[]) {
    expectObject(who, "every group", group);
    const { name, start, end } = group;
    expectCount(who, `start of group "${name}"`, start, 0);
    expectCount(who, `end of group "${name}"`, end, start + 1);
    if (end > length)
      throw new ShapeError(
        complaint(who, `groups within the ${length} coordinates of the point`, `"${name}" up to ${end}`),
      );
  }
}
