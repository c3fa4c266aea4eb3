/** Spread: one figure over the seeds. */

/** The middle and the ends. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle of some values, infinite ones included; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] ?? NaN) / 2 + (sorted[Math.floor(half)] ?? NaN) / 2;
}

/** The median, the least and the largest. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
