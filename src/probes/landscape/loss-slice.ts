/** Slices: the loss along one direction through a point, or over the plane spanned by two. */

import { complaint, show } from "../../core/errors.js";
import type { RandomState } from "../../core/random.js";
import { expectObjective, isFloat64Array, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, dot, norm } from "../../objective/vector.js";
import { expectNumbers, expectVector } from "../shared/arguments.js";
import type { Kinds, ProbeReport, Reasons } from "../shared/report.js";
import { ProbeRun } from "../shared/run.js";
import type { FilterNormalizedDirection } from "./filter-normalization.js";

/** A vector, or the result of `filterNormalizedDirection`, whose settings are then included in the report. */
export type SliceDirection = Float64Array | FilterNormalizedDirection;

/** The description of a direction in a report. */
export interface DirectionReport {
  readonly norm: number;
  readonly source: "given" | "filter-normalized";
  /** How biases, gammas and betas were treated. Null for a given direction. */
  readonly vectors: "ignore" | "copy" | null;
  /** The state of the random stream before the draw. Null for a given direction. */
  readonly randomState: RandomState | null;
}

/** Options for `lossSlice`. */
export interface LossSliceOptions extends ProbeOptions {
  readonly direction: SliceDirection;
  /** The values of s in x + s d, in order of evaluation. */
  readonly coefficients: readonly number[];
}

const lossSliceRules = {
  direction: { kind: "any" },
  coefficients: { kind: "any" },
} as const satisfies ProbeRules<LossSliceOptions>;

/** The report of `lossSlice`. */
export interface LossSliceReport extends ProbeReport {
  readonly probe: "lossSlice";
  /** L(x). */
  readonly lossAtPoint: number;
  readonly coefficients: readonly number[];
  /** L(x + s d) for each coefficient. Infinity if it is not finite. */
  readonly loss: readonly number[];
  readonly direction: DirectionReport;
}

/** Options for `lossPlane`. */
export interface LossPlaneOptions extends ProbeOptions {
  readonly directions: readonly [SliceDirection, SliceDirection];
  /** The values of s and of t in x + s d1 + t d2. */
  readonly coefficients: readonly [readonly number[], readonly number[]];
}

const lossPlaneRules = {
  directions: { kind: "any" },
  coefficients: { kind: "any" },
} as const satisfies ProbeRules<LossPlaneOptions>;

/** The report of `lossPlane`. */
export interface LossPlaneReport extends ProbeReport {
  readonly probe: "lossPlane";
  /** L(x). */
  readonly lossAtPoint: number;
  readonly coefficients: readonly [readonly number[], readonly number[]];
  /** L(x + s d1 + t d2), one row per t and one column per s. Infinity if it is not finite. */
  readonly loss: readonly (readonly number[])[];
  readonly directions: readonly [DirectionReport, DirectionReport];
  /** The cosine of the angle between the directions, close to 0 for random ones. Null if one of them is 0. */
  readonly cosine: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

const KINDS: Kinds = { loss: "exact" };

/**
 * Computes the loss along a direction: L(x + s d).
 *
 * - **Numerics**: a loss that is not finite is reported as Infinity
 * - **Cost**: one loss per coefficient and one at x, computed by `lossOnly` if the objective defines it
 * - **Source**: Goodfellow, Vinyals & Saxe 2015; with filter normalization: Li et al. 2018
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are invalid, or the loss at x is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const options = { direction: Float64Array.of(1, 0), coefficients: [-1, 0, 1] };
 * (await lossSlice(bowl, Float64Array.of(3, 1), options)).loss; // => [6.5, 9, 12.5]
 */
export async function lossSlice(
  objective: Objective,
  point: Float64Array,
  options: LossSliceOptions,
): Promise<LossSliceReport> {
  const who = "lossSlice";
  expectObjective(who, objective, point);
  const read = readProbeOptions(who, options, lossSliceRules);
  const coefficients = expectNumbers(who, "coefficients", read.coefficients, { low: -Infinity });
  const [direction, described] = expectDirection(who, "direction", read.direction, point.length);
  const run = new ProbeRun(who, objective, point, read, 1 + coefficients.length);
  const lossAtPoint = await run.finiteLossAt(run.point);
  const loss: number[] = [];
  for (const s of coefficients) loss.push(await run.farLossAt(addScaled(run.point, s, direction)));
  return { ...run.describe(who, KINDS), lossAtPoint, coefficients, loss, direction: described };
}

/**
 * Computes the loss over the plane spanned by two directions: L(x + s d1 + t d2).
 *
 * - **Numerics**: a loss that is not finite is reported as Infinity
 * - **Cost**: one loss per grid point and one at x, computed by `lossOnly` if the objective defines it
 * - **Source**: Li, Xu, Taylor, Studer & Goldstein 2018
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are invalid, or the loss at x is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const report = await lossPlane(bowl, Float64Array.of(3, 1), {
 *   directions: [Float64Array.of(1, 0), Float64Array.of(0, 1)],
 *   coefficients: [[-3, 0], [-1, 0, 1]],
 * });
 * report.loss; // => [[0, 4.5], [4.5, 9], [18, 22.5]]
 */
export async function lossPlane(
  objective: Objective,
  point: Float64Array,
  options: LossPlaneOptions,
): Promise<LossPlaneReport> {
  const who = "lossPlane";
  expectObjective(who, objective, point);
  const read = readProbeOptions(who, options, lossPlaneRules);
  const { directions, coefficients } = read;
  expectPair(who, "directions", directions);
  expectPair(who, "coefficients", coefficients);
  const [first, firstDescribed] = expectDirection(who, "directions[0]", directions[0], point.length);
  const [second, secondDescribed] = expectDirection(who, "directions[1]", directions[1], point.length);
  const across = expectNumbers(who, "coefficients[0]", coefficients[0], { low: -Infinity });
  const down = expectNumbers(who, "coefficients[1]", coefficients[1], { low: -Infinity });
  const run = new ProbeRun(who, objective, point, read, 1 + across.length * down.length);
  const lossAtPoint = await run.finiteLossAt(run.point);
  const loss: number[][] = [];
  for (const t of down) {
    const origin = addScaled(run.point, t, second);
    const row: number[] = [];
    for (const s of across) row.push(await run.farLossAt(addScaled(origin, s, first)));
    loss.push(row);
  }
  const sizes = firstDescribed.norm * secondDescribed.norm;
  return {
    ...run.describe(who, KINDS),
    lossAtPoint,
    coefficients: [across, down],
    loss,
    directions: [firstDescribed, secondDescribed],
    cosine: sizes === 0 ? null : dot(first, second) / sizes,
    reasons: sizes === 0 ? { cosine: "a direction is 0" } : {},
  };
}

function expectDirection(
  who: string,
  name: string,
  direction: unknown,
  length: number,
): [Float64Array, DirectionReport] {
  const drawn = (
    isFloat64Array(direction) ? { values: direction } : (direction ?? {})
  ) as Partial<FilterNormalizedDirection>;
  const { values, vectors = null, randomState = null } = drawn;
  if (!isFloat64Array(values)) {
    const cure = "pass a Float64Array or what filterNormalizedDirection returns";
    throw new TypeError(complaint(who, `${name} to be a direction`, show(direction), cure));
  }
  const copy = expectVector(who, name, values, length);
  const source = values === direction ? "given" : "filter-normalized";
  return [copy, { norm: norm(copy), source, vectors, randomState }];
}

function expectPair(who: string, name: string, pair: unknown): void {
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new TypeError(complaint(who, `${name} to be an array of 2`, show(pair)));
  }
}
