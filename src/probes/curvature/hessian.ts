/** Hessian-vector products, by central differences of the gradient. No second derivatives are needed. */

import type { DType } from "../../core/dtype.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, distance, dot, norm, scaled } from "../../objective/vector.js";
import { expectVector } from "../shared/arguments.js";
import type { ProbeReport } from "../shared/report.js";
import { ProbeRun } from "../shared/run.js";

/** Options for `hessianVectorProduct`. */
export interface HessianVectorProductOptions extends ProbeOptions {
  /** The vector v, as long as the point. */
  readonly vector: Float64Array;
  /** The finite-difference step, independent of the length of v. Default: `1.5e-8 (1 + ||x||)`, with 3.5e-4 for a float32 objective. */
  readonly differenceStep?: number | undefined;
}

const hessianVectorProductRules = {
  vector: { kind: "any" },
  differenceStep: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies ProbeRules<HessianVectorProductOptions>;

/** The report of `hessianVectorProduct`. */
export interface HessianVectorProductReport extends ProbeReport {
  readonly probe: "hessianVectorProduct";
  /** The product H v. */
  readonly product: readonly number[];
  /** The finite-difference step h. */
  readonly differenceStep: number;
  /** The change of the product from h to h/2, per unit length of v: ||Hv at h - Hv at h/2|| / ||v||. */
  readonly productError: number;
  /**
   * |<u, Hv> - <v, Hu>| for the directions v and u = Hv / ||Hv||, both of length 1. It is 0 for a true Hessian, so it measures the
   * error of the products.
   */
  readonly asymmetry: number;
  /** A warning if the product is too inaccurate; otherwise null. */
  readonly note: string | null;
}

/**
 * The square root of the machine epsilon. For a smooth loss the cube root would balance truncation and round-off. But a larger
 * step crosses more ReLU kinks, each of which adds spurious curvature proportional to 1/h.
 */
const SQUARE_ROOT_OF_EPSILON: Readonly<Record<DType, number>> = { float32: 2 ** -11.5, float64: 2 ** -26 };

/**
 * Computes the product of the Hessian of the loss with a vector.
 *
 *     H v = ||v|| (g(x + h u) - g(x - h u)) / 2h,  u = v / ||v||
 *
 * - **Numerics**: relative errors of about 1e-8 for float64 networks. A ReLU that switches within h adds the jump of the gradient
 *   divided by 2h, which may be many times the curvature. `productError` and `asymmetry` show it, and a smaller step avoids it
 * - **Cost**: 6 evaluations: 2 for the product, 2 at half the step and 2 for the asymmetry. None if v = 0
 *
 * @throws {TypeError | RangeError | ShapeError} if point, vector or step are invalid, or loss or gradient is not finite near the point
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
  const read = readProbeOptions(who, options, hessianVectorProductRules);
  const run = new ProbeRun(who, objective, point, read, 6);
  const vector = expectVector(who, "vector", read.vector, run.point.length);
  const step = read.differenceStep ?? defaultDifferenceStep(run);
  const products = new CheckedProducts(run, step, 1);
  const product = await products.times(vector);
  const size = norm(product);
  let asymmetry = 0;
  if (size > 0) {
    const back = await products.times(scaled(1 / size, product), false);
    asymmetry = Math.abs(size - dot(vector, back)) / norm(vector);
  }
  return {
    ...run.describe(who, { product: "estimate", productError: "estimate", asymmetry: "estimate" }),
    product: Array.from(product),
    differenceStep: step,
    productError: products.error,
    asymmetry,
    note: productNote(asymmetry, products.relativeError, products.largestProduct, step),
  };
}

/** The allowed change from h to h/2, relative to the product, and the allowed asymmetry, relative to the largest eigenvalue. */
const TRUSTED_CHANGE = 0.1;
const TRUSTED_ASYMMETRY = 1e-3;

/**
 * Returns a warning if products are asymmetric by more than 0.1% of the largest eigenvalue, or change by more than 10% when the
 * difference step is halved. Otherwise null.
 */
export function productNote(asymmetry: number, change: number, spectralNorm: number, step: number): string | null {
  if (asymmetry > TRUSTED_ASYMMETRY * spectralNorm) {
    const found = `${asymmetry.toPrecision(3)} against a largest eigenvalue of ${spectralNorm.toPrecision(3)}`;
    return `the products are not symmetric (${found}): the gradient jumps within the difference step ${step}, use a smaller one`;
  }
  if (change > TRUSTED_CHANGE && spectralNorm > 0) {
    const cause = `the gradient jumps within the difference step ${step}, or is round-off there`;
    return `a product changes by a fraction of ${change.toPrecision(3)} when the step is halved: ${cause}`;
  }
  return null;
}

/** The largest number of products per probe that are computed a second time, at half the step. */
const MOST_CHECKS = 8;

/** Returns how many of `total` products `CheckedProducts` also computes at half the step, with 2 evaluations each. */
export function checksOf(total: number): number {
  return Math.min(total, MOST_CHECKS);
}

/** Computes Hessian-vector products, and records the largest error among up to 8 of them. */
export class CheckedProducts {
  /** The largest ||Hv at h - Hv at h/2|| / ||v||. */
  error = 0;
  private largest = 0;
  private made = 0;

  /** Creates a computation of `total` products. The checked ones are evenly spaced and include the first. */
  constructor(
    private readonly run: ProbeRun,
    private readonly step: number,
    private readonly total: number,
  ) {}

  /** The error relative to the largest product. */
  get relativeError(): number {
    return this.error === 0 ? 0 : Math.min(this.error / this.largest, Number.MAX_VALUE);
  }

  /** The largest ||Hv|| / ||v||. */
  get largestProduct(): number {
    return this.largest;
  }

  /** Returns H v with 2 evaluations, and 2 more if the product is checked. */
  async times(vector: Float64Array, isChecked: boolean = this.isNextChecked()): Promise<Float64Array> {
    const product = await hessianTimes(this.run, vector, this.step);
    const length = norm(vector);
    if (length === 0) return product;
    this.largest = Math.max(this.largest, norm(product) / length);
    if (isChecked) {
      const finer = await hessianTimes(this.run, vector, this.step / 2);
      this.error = Math.max(this.error, distance(product, finer) / length);
    }
    return product;
  }

  private isNextChecked(): boolean {
    const checks = checksOf(this.total);
    const place = (i: number): number => Math.ceil((i * checks) / this.total);
    const i = this.made++;
    return place(i + 1) > place(i);
  }
}

/** Returns the default finite-difference step. */
export function defaultDifferenceStep({ dtype, point }: ProbeRun): number {
  return SQUARE_ROOT_OF_EPSILON[dtype] * (1 + norm(point));
}

/** Returns H v at the starting point, with 2 evaluations, or none if v = 0. */
export async function hessianTimes(run: ProbeRun, vector: Float64Array, step: number): Promise<Float64Array> {
  const size = norm(vector);
  if (size === 0) return new Float64Array(vector.length);
  const where = `${step} from the point`;
  const ahead = await run.finiteAt(addScaled(run.point, step / size, vector), where);
  const behind = await run.finiteAt(addScaled(run.point, -step / size, vector), where);
  return scaled(size / (2 * step), addScaled(ahead.gradient, -1, behind.gradient));
}
