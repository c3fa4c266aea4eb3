/** Products of the Hessian with a vector, by central differences of the gradient: no second derivative is needed. */

import { expectNumber, expectObject } from "../ground/errors.js";
import type { DType } from "../ground/numbers.js";
import type { Objective, ProbeOptions } from "../objective/objective.js";
import { addScaled, distance, norm, scaled } from "../objective/vector.js";
import { expectGivenVector } from "./given-vector.js";
import { ProbeRun } from "./probe-run.js";
import type { FigureKind, ProbeReport } from "./report.js";

/** What `hessianVectorProduct` takes. */
export interface HessianVectorProductOptions extends ProbeOptions {
  /** The vector v, as long as the point. */
  readonly vector: Float64Array;
  /** How far to go to each side, whatever the length of v; `6e-6 (1 + ||x||)` when not said, on a float32 objective 5e-3. */
  readonly step?: number | undefined;
}

/** What `hessianVectorProduct` returns. */
export interface HessianVectorProductReport extends ProbeReport {
  readonly probe: "hessianVectorProduct";
  /** H v. */
  readonly product: readonly number[];
  /** h. */
  readonly step: number;
  /** The norm of the difference between the products at h and at h/2. */
  readonly errorEstimate: number;
}

const KINDS: Readonly<Record<string, FigureKind>> = { product: "estimate", errorEstimate: "estimate" };

/** The cube root of the distance from 1 to the next number: where truncation and round-off of a central difference balance. */
const CUBE_ROOT_OF_EPSILON: Readonly<Record<DType, number>> = {
  float32: 4.921566601151848e-3,
  float64: 6.055454452393343e-6,
};

/**
 * Multiplies the Hessian of the loss with a vector.
 *
 *   H v = ||v|| (g(x + h u) - g(x - h u)) / 2h,  u = v / ||v||
 *
 * Numerics  relative errors from 2e-11 to 1e-7 on small float64 networks; where a ReLU changes sides within h the product is
 *           that of the piece-wise gradient, and the error estimate shows it
 * Cost      4 evaluations; none for v = 0
 *
 * @throws {TypeError | RangeError | ShapeError} if point, vector or step are wrong, or loss or gradient is not finite near the point
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const { product } = await hessianVectorProduct(bowl, Float64Array.of(3, 1), { vector: Float64Array.of(1, 1) });
 * product.map((value) => value.toFixed(6)); // => ["1.000000", "9.000000"]
 */
export async function hessianVectorProduct(
  objective: Objective,
  point: Float64Array,
  options: HessianVectorProductOptions,
): Promise<HessianVectorProductReport> {
  const who = "hessianVectorProduct";
  expectObject(who, "options", options);
  const run = new ProbeRun(who, objective, point, options, 4);
  const vector = expectGivenVector(who, "vector", options.vector, run.point.length);
  const { step = differenceStep(run) } = options;
  expectNumber(who, "step", step, { low: 0, withoutLow: true });
  const product = await hessianTimes(run, vector, step);
  const finer = await hessianTimes(run, vector, step / 2);
  const errorEstimate = distance(product, finer);
  return { ...run.describe(who, KINDS), product: Array.from(product), step, errorEstimate };
}

/** The default step at a run's point. */
export function differenceStep(run: ProbeRun): number {
  return CUBE_ROOT_OF_EPSILON[run.dtype] * (1 + norm(run.point));
}

/** H v at a run's point: 2 evaluations, none for v = 0. */
export async function hessianTimes(run: ProbeRun, vector: Float64Array, step: number): Promise<Float64Array> {
  const size = norm(vector);
  if (size === 0) return new Float64Array(vector.length);
  const where = `${step} from the point`;
  const ahead = await run.at(addScaled(run.point, step / size, vector), where);
  const behind = await run.at(addScaled(run.point, -step / size, vector), where);
  return scaled(size / (2 * step), addScaled(ahead.gradient, -1, behind.gradient));
}
