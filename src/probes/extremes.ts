/** Extremes: the largest and the smallest of a profile, each with the step size where it lies. */

/** The largest or smallest of a profile, with the place where it lies. */
export interface Extreme {
  readonly value: number | null;
  /** The step size where it lies; null when several agree within 1e-6, or when there is no value. */
  readonly stepSize: number | null;
  /** Why something here is null, or what to keep in mind; null when there is nothing to say. */
  readonly note: string | null;
}

/** The largest value over the step sizes; null where a figure is not defined at a step. */
export function largestOver(stepSizes: readonly number[], values: readonly (number | null)[]): Extreme {
  const defined = values.filter((value) => value !== null);
  return locate(stepSizes, values, defined.length === 0 ? null : Math.max(...defined));
}

/** The smallest value over the step sizes. */
export function smallestOver(stepSizes: readonly number[], values: readonly number[]): Extreme {
  return locate(stepSizes, values, Math.min(...values));
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

/** Largest less smallest. Where any has diverged the range is not finite, also where all have. */
export function range(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest === Infinity ? Infinity : largest - Math.min(...values);
}
