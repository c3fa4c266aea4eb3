/** checkGradient: compares a gradient with finite differences of the loss, and estimates the error of those differences. */

import { complaint, expectCount, expectObject, expectOneOf, show, ShapeError } from "../core/errors.js";
import { type DType, tolerances, unitRoundoff } from "../core/dtype.js";
import type { Random, RandomState } from "../core/random.js";
import { Evaluator, expectObjective, readProbeOptions } from "./evaluate.js";
import {
  DerivativeComparison,
  type GradientComparison,
  type LineOfLosses,
  type LossesAtStep,
  type Verdict,
} from "./finite-difference.js";
import type { Group, Objective, ProbeOptions } from "./objective.js";
import { addScaled, dot, norm, randomDirection, scaled } from "./vector.js";

/** Options for `checkGradient`. */
export interface CheckGradientOptions extends ProbeOptions {
  /** Draws the direction and the coordinates. */
  readonly random: Random;
  /** Named ranges of the point. Each is checked. Default: the whole point as one group. */
  readonly groups?: readonly Group[] | undefined;
  /** The number of coordinates to check in each group. Smaller groups are checked completely. Default: 3. */
  readonly coordinatesPerGroup?: number | undefined;
  /** The first finite-difference step. Smaller steps follow if it is inconclusive. Default: 1e-5, or 1e-3 for a float32 objective. */
  readonly step?: number | undefined;
  /** The allowed error relative to the root mean square of the gradient. Default: 1e-7, or 5e-3 for a float32 objective. */
  readonly tolerance?: number | undefined;
}

/** The rules for `CheckGradientOptions`. */
export const checkGradientRules = {
  random: { kind: "random" },
  groups: { kind: "any", optional: true },
  coordinatesPerGroup: { kind: "any", default: 3 },
  step: { kind: "number", low: 0, withoutLow: true, optional: true },
  tolerance: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const;

/** The report of `checkGradient`. Plain JSON. */
export interface GradientReport {
  /** "differs" if any comparison differs. Otherwise "undecided" if any is undecided, else "agrees". */
  readonly verdict: Verdict;
  /** The comparison that determined the verdict. If all agree, the one with the largest error. */
  readonly worst: GradientComparison;
  /**
   * The derivative along a random direction, which depends on every coordinate. Groups with a small gradient get a larger
   * share of the direction, so that the other groups do not hide an error in them.
   */
  readonly direction: GradientComparison;
  readonly coordinates: readonly GradientComparison[];
  /** The root mean square of the gradient. */
  readonly gradientRms: number;
  /** The first step for coordinates of magnitude 1 or less. Each comparison reports the step that it used. */
  readonly step: number;
  readonly tolerance: number;
  readonly dtype: DType;
  readonly evaluations: number;
  /** The state of the random stream before the first draw: `Random.from` repeats the check. */
  readonly randomState: RandomState;
  /** A one-sentence summary. */
  readonly text: string;
}

/** A gradient that should be 0 may contain up to this many rounding errors of the other gradients. */
const ROUNDINGS = 2 ** 14;
/** The smallest step relative to a coordinate. A smaller one would change the coordinate by only a few roundings. */
const LEAST_MOVE = 2 ** -40;

/**
 * Compares a gradient with finite differences of its loss, along one random direction and for some coordinates of each group.
 *
 *     numeric = (L(x + h d) - L(x - h d)) / 2h, at h and at h/2        analytic = <gradient, d>
 *
 * The error of a finite difference is estimated from the difference between h and h/2 and from the round-off of the loss. If
 * the gradient does not agree, h is reduced until the difference quotients converge or round-off dominates. This is needed
 * where the loss varies within a distance much shorter than h, for example if the weights before a BatchNorm are small. A
 * verdict of "differs" is confirmed at two more steps. If the slopes on both sides of the point differ at every h, the loss
 * has a kink there and the verdict is "undecided".
 *
 * - **Units**: loss per unit of the coordinate
 * - **Numerics**: for coordinates larger than 1 the first step is multiplied by the magnitude of the coordinate or by the root
 *   mean square of its group, whichever is larger. The allowed error is relative to the root mean square of the group's
 *   gradient, but at least 16,384 rounding errors of the whole gradient: a gradient that should be 0 contains round-off
 *   from the others
 * - **Cost**: 1 gradient, and 4 losses per derivative, for one direction and `coordinatesPerGroup` coordinates per group. A
 *   derivative that does not agree at the first step costs up to 40 more
 *
 * @throws {TypeError | RangeError | ShapeError} if an argument is invalid, or loss or gradient is not finite at the point
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
  const groups = expectNamedStretches(
    who,
    read.groups ?? [{ name: "point", start: 0, end: point.length }],
    point.length,
  );

  // Read the caller's arrays and draw from its stream before the first evaluation, which may be asynchronous.
  const x = point.slice();
  const randomState = random.state;
  const { orders, direction: drawn } = drawChecks(x.length, groups, random);
  const chosen = groups.flatMap((group, i) => {
    const places = orders[i]!.slice(0, coordinatesPerGroup);
    return [...places].sort((a, b) => a - b).map((place) => ({ group, place }));
  });
  const evaluator = new Evaluator(who, objective, read, 1 + 4 * (1 + chosen.length));
  const { loss, gradient } = await evaluator.at(x.slice());
  expectFiniteEvaluation(who, loss, gradient, groups);
  const claimed = gradient.slice(); // the objective may overwrite its array in the next evaluation
  const gradientRms = rootMeanSquare(claimed);

  const inherited = Math.min(tolerance, ROUNDINGS * unitRoundoff[dtype]) * gradientRms;
  const lineOf = (
    line: Pick<Line, "name" | "group" | "analytic" | "move">,
    { size, least, rms }: { readonly size: number; readonly least: number; readonly rms: number },
  ): Line => ({
    ...line,
    firstStep: step * Math.max(1, size),
    smallestStep: LEAST_MOVE * least,
    allowed: Math.max(tolerance * rms, inherited),
    tolerated: Math.max(tolerance * (line.group === "" ? gradientRms : rms), inherited),
    goodError: 1000 * Math.max(tolerance * rms, inherited),
    largestError: 1000 * tolerance * gradientRms,
    quotients: [],
  });
  const scale = scaleByGroup(groups, claimed, dtype);
  const stretched = drawn.map((value, i) => value * scale[i]!);
  const direction = scaled(1 / norm(stretched), stretched);
  // The typical derivative along this direction, given the size of the gradient of each group.
  const directionRms = norm(direction.map((value, i) => (value * gradientRms) / scale[i]!));
  const lines = [
    lineOf(
      {
        name: "random direction",
        group: "",
        analytic: dot(claimed, direction),
        move: (t) => addScaled(x, t, direction),
      },
      { size: rootMeanSquare(x), least: 0, rms: directionRms },
    ),
    ...chosen.map(({ group: { name, start, end }, place }) => {
      const index = start + place;
      const size = Math.max(Math.abs(x[index]!), rootMeanSquare(x.subarray(start, end)));
      const move = (t: number): Float64Array => {
        const moved = x.slice();
        moved[index]! += t;
        return moved;
      };
      return lineOf(
        { name: `${name}[${place}]`, group: name, analytic: claimed[index]!, move },
        { size, least: Math.abs(x[index]!), rms: rootMeanSquare(claimed.subarray(start, end)) },
      );
    }),
  ];
  const lossesAt = async ({ move }: Line, h: number): Promise<LossesAtStep> => {
    const at = (t: number): Promise<number> => evaluator.lossAt(move(t));
    const [back, halfBack, halfForth, forth] = [await at(-h), await at(-h / 2), await at(h / 2), await at(h)];
    return { step: h, losses: [back, halfBack, loss, halfForth, forth] };
  };
  const derivatives = new DerivativeComparison<Line>(dtype, norm(x.map((value, i) => value * claimed[i]!)));
  let open = lines.map((line) => [line, line.firstStep] as const);
  while (open.length > 0) {
    const found: (readonly [Line, LossesAtStep])[] = [];
    for (const [line, h] of open) found.push([line, await lossesAt(line, h)]);
    open = derivatives.add(found);
    evaluator.expectMore(4 * open.length);
  }
  const unconfirmed = derivatives.toConfirm(lines);
  evaluator.expectMore(4 * unconfirmed.length);
  for (const [line, h] of unconfirmed) derivatives.confirm(line, await lossesAt(line, h));
  const [alongDirection, ...coordinates] = lines.map((line) => derivatives.compare(line)) as [
    GradientComparison,
    ...GradientComparison[],
  ];
  const worst = worstOf(alongDirection, coordinates);
  return {
    verdict: worst.verdict,
    worst,
    direction: alongDirection,
    coordinates,
    gradientRms,
    step,
    tolerance,
    dtype,
    evaluations: evaluator.evaluations,
    randomState,
    text: sentenceOf(worst, coordinates.length),
  };
}

/** The largest factor of `scaleByGroup`. With a larger one, round-off would hide the groups that are not scaled. */
const MOST_STRETCH: Readonly<Record<DType, number>> = { float32: 10, float64: 1000 };

/**
 * Returns a factor per coordinate that is inversely proportional to the gradient of its group. In a direction scaled by these
 * factors, a group with a small gradient has as much weight as the others. Gradients that are 0 up to round-off are not scaled.
 */
function scaleByGroup(groups: readonly NamedStretch[], gradient: Float64Array, dtype: DType): Float64Array {
  const whole = rootMeanSquare(gradient);
  const scale = new Float64Array(gradient.length).fill(1);
  for (const { start, end } of groups) {
    const rms = rootMeanSquare(gradient.subarray(start, end));
    const isRoundOff = rms <= ROUNDINGS * unitRoundoff[dtype] * whole;
    scale.fill(isRoundOff ? 1 : Math.min(MOST_STRETCH[dtype], Math.max(1, whole / rms)), start, end);
  }
  return scale;
}

/** Makes all draws of `checkGradient`: a random order of the coordinates of each group, and a direction. */
export function drawChecks(
  length: number,
  groups: readonly NamedStretch[],
  random: Random,
): { readonly orders: readonly Uint32Array[]; readonly direction: Float64Array } {
  const orders = groups.map(({ start, end }) => random.permutation(end - start));
  return { orders, direction: randomDirection(length, random) };
}

/** A line along which the loss is evaluated. */
interface Line extends LineOfLosses {
  readonly move: (t: number) => Float64Array;
  readonly firstStep: number;
}

function rootMeanSquare(values: Float64Array): number {
  return norm(values) / Math.sqrt(values.length);
}

function expectFiniteEvaluation(
  who: string,
  loss: number,
  gradient: Float64Array,
  groups: readonly NamedStretch[],
): void {
  if (!Number.isFinite(loss)) throw new RangeError(complaint(who, "a finite loss at the point", String(loss)));
  const bad = gradient.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const group = groups.find(({ start, end }) => start <= bad && bad < end) ?? { name: "point", start: 0 };
  const got = `${gradient[bad]} at ${group.name}[${bad - group.start}]`;
  throw new RangeError(complaint(who, "a finite gradient at the point", got));
}

const severity: Readonly<Record<Verdict, number>> = { agrees: 0, undecided: 1, differs: 2 };

/** Returns the most severe comparison with the largest error. The direction is returned only if no coordinate is as severe. */
function worstOf(direction: GradientComparison, coordinates: readonly GradientComparison[]): GradientComparison {
  const off = ({ analytic, numeric }: GradientComparison): number =>
    numeric === null ? Infinity : Math.abs(analytic - numeric);
  const worst = coordinates.reduce((worst, next) => {
    const step = severity[next.verdict] - severity[worst.verdict];
    return step > 0 || (step === 0 && off(next) > off(worst)) ? next : worst;
  });
  return severity[direction.verdict] > severity[worst.verdict] ? direction : worst;
}

function sentenceOf(
  { name, analytic, numeric, estimatedError, step, verdict }: GradientComparison,
  count: number,
): string {
  const at = `(step ${Number(step.toPrecision(3))})`;
  if (numeric === null || estimatedError === null) {
    return `undecided at ${name}, the loss is not finite beside the point: analytic ${analytic.toPrecision(6)} ${at}`;
  }
  const figures = `analytic ${analytic.toPrecision(6)}, numeric ${numeric.toPrecision(6)} ± ${estimatedError.toExponential(0)} ${at}`;
  if (verdict === "agrees")
    return `gradient agrees along a random direction and at ${count} coordinates; furthest off at ${name}: ${figures}`;
  if (verdict === "differs") return `gradient differs at ${name}: ${figures}`;
  return `undecided at ${name}, a kink, too much round-off or no convergence: ${figures}`;
}

type NamedStretch = Pick<Group, "name" | "start" | "end">;

/** Requires groups within the point; returns a copy. */
export function expectNamedStretches(who: string, groups: readonly NamedStretch[], length: number): NamedStretch[] {
  if (!Array.isArray(groups) || groups.length === 0) {
    throw new TypeError(complaint(who, "groups to be a non-empty array", show(groups)));
  }
  return Array.from(groups as readonly Group[], (group) => {
    expectObject(who, "every group", group);
    const { name, start, end } = group;
    expectCount(who, `start of group "${name}"`, start, 0);
    expectCount(who, `end of group "${name}"`, end, start + 1);
    if (end > length)
      throw new ShapeError(
        complaint(who, `groups within the ${length} coordinates of the point`, `"${name}" up to ${end}`),
      );
    return { name, start, end };
  });
}
