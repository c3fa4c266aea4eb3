/** checkGradient: compares a gradient with finite differences of its loss, and estimates the error of the differences too. */

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
  /** Named stretches of the point, each of which is checked. Default: the whole point as one group. */
  readonly groups?: readonly Group[] | undefined;
  /** How many coordinates of each group to check, all where it has fewer. Default: 3. */
  readonly coordinatesPerGroup?: number | undefined;
  /** The first finite-difference step; smaller ones follow where it does not decide. Default: 1e-5, on a float32 objective 1e-3. */
  readonly step?: number | undefined;
  /** Allowed error, relative to the root mean square of the gradient. Default: 1e-7, on a float32 objective 5e-3. */
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

/** The report of `checkGradient`. Plain JSON. */
export interface GradientReport {
  /** "differs" if any comparison differs, else "undecided" if any is, else "agrees". */
  readonly verdict: Verdict;
  /** The comparison that decided, or the one that is furthest off. */
  readonly worst: GradientComparison;
  /**
   * The derivative along a random direction, which depends on every coordinate. Groups of small gradient are stretched in it,
   * so that an error in one of them is not hidden by the others.
   */
  readonly direction: GradientComparison;
  readonly coordinates: readonly GradientComparison[];
  /** Root mean square of the gradient: errors are relative to it. */
  readonly gradientRms: number;
  /** The first step, for coordinates of size 1 and below; each comparison reports its own. */
  readonly step: number;
  readonly tolerance: number;
  readonly dtype: DType;
  readonly evaluations: number;
  /** The state of the random stream before the first draw: `Random.from` repeats the check. */
  readonly randomState: RandomState;
  /** The finding in one sentence. */
  readonly text: string;
}

/** A gradient of 0 carries up to this many roundings of the others. */
const ROUNDINGS = 2 ** 14;
/** A step below this part of a coordinate would move it by a few roundings. */
const LEAST_MOVE = 2 ** -40;

/**
 * Compares a gradient with finite differences of its loss: first along one random direction, then coordinate by coordinate.
 *
 *     numeric = (L(x + h d) - L(x - h d)) / 2h, at h and at h/2        analytic = <gradient, d>
 *
 * The disagreement between h and h/2, together with the round-off of the loss, estimates the error of the finite
 * difference. Where the two do not agree with the gradient, h is reduced until the difference quotients converge or
 * round-off hides the derivative: the loss may vary within a much shorter distance than h, as it does where the weights
 * before a norm are small. Where both sides of the point have different slopes at every h, there is a kink.
 *
 * - **Units**: all derivatives in loss per unit of the coordinate
 * - **Numerics**: the first step is multiplied by the size of the coordinate, or by the root mean square of its group,
 *   where that is above 1. The error allowed in a group is relative to the root mean square of its own gradient, but at
 *   least 16,384 roundings of that of the whole: a gradient that should be 0 carries the round-off of the others
 * - **Cost**: 1 gradient, and 4 losses per derivative: one direction, and `coordinatesPerGroup` per group. Up to 32 more
 *   per derivative that does not agree at the first step
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

  // All that is the caller's is read and drawn before the first evaluation, which may wait.
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
  const claimed = gradient.slice(); // a copy: the objective may write to its array at the next evaluation
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
  // What a direction of this scale adds up from gradients of their groups' sizes.
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

/** The most that a group is stretched in the direction: beyond, the round-off of the others would hide them. */
const MOST_STRETCH: Readonly<Record<DType, number>> = { float32: 10, float64: 1000 };

/**
 * Returns a factor per coordinate that stretches a direction by the inverse size of the gradient of each group, so that a
 * group of small gradient counts as much as the others. A gradient that is 0 up to round-off is not stretched.
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

/** Makes all draws of `checkGradient`: an order of the coordinates of each group, of which the first are checked, and a direction. */
export function drawChecks(
  length: number,
  groups: readonly NamedStretch[],
  random: Random,
): { readonly orders: readonly Uint32Array[]; readonly direction: Float64Array } {
  const orders = groups.map(({ start, end }) => random.permutation(end - start));
  return { orders, direction: randomDirection(length, random) };
}

/** A line to evaluate the loss along. */
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

/** The gravest comparison, and of those the one furthest off; the direction only where it alone shows it, as it names no place. */
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
    throw new TypeError(complaint(who, "groups to be an array of at least one", show(groups)));
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
