/** Finite differences of a loss along a line: the derivative, how far it may be off, and whether it agrees with another. */

import { type DType, unitRoundoff } from "../core/dtype.js";

/**
 * What a comparison found: the two derivatives agree; they differ; or the finite difference cannot tell, because the loss has
 * a kink there or its round-off is too large.
 */
export type Verdict = "agrees" | "differs" | "undecided";

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

/** The losses along one line through the point, and the derivative that the gradient claims there. */
export interface LineOfLosses {
  readonly name: string;
  readonly analytic: number;
  readonly step: number;
  /** At -step, -step/2, 0, step/2 and step. */
  readonly losses: readonly [number, number, number, number, number];
}

/**
 * Compares each claimed derivative with the finite difference; `allowed` is the error that is always forgiven.
 *
 *     numeric = (L(h/2) - L(-h/2)) / h      estimated error = |numeric - (L(h) - L(-h)) / 2h| + noise / h
 *
 * The noise of the losses is judged from all lines together, since one alone may be small by chance.
 */
export function compareDerivatives(
  lines: readonly LineOfLosses[],
  dtype: DType,
  allowed: number,
): readonly GradientComparison[] {
  const noise = lossNoise(lines, dtype);
  return lines.map((line) => compare(line, noise, allowed));
}

function compare(line: LineOfLosses, lossNoise: number, allowed: number): GradientComparison {
  const { name, analytic, step, losses } = line;
  const [back, halfBack, , halfForth, forth] = losses;
  const numeric = (halfForth - halfBack) / step;
  const noise = lossNoise / step;
  const estimatedError = Math.abs((forth - back) / (2 * step) - numeric) + noise;
  const { halfGap, kinked } = bend(line);
  const off = Math.abs(analytic - numeric);
  let verdict: Verdict;
  // NaN, from a loss that is not finite beside the point, fails every comparison and stays undecided
  if (kinked && halfGap > 16 * noise) verdict = "undecided";
  else if (off > Math.max(allowed, 10 * estimatedError)) verdict = "differs";
  else if (off <= Math.max(allowed, estimatedError)) {
    verdict = off === 0 || estimatedError <= 1000 * allowed ? "agrees" : "undecided";
  } else verdict = "undecided";
  return { name, analytic, numeric, estimatedError, verdict };
}

/** The slopes on the two sides of the point: for a smooth loss their gap halves with the step, at a kink it stays. */
function bend({ step, losses: [back, halfBack, loss, halfForth, forth] }: LineOfLosses): {
  readonly halfGap: number;
  readonly kinked: boolean;
} {
  const gap = Math.abs(forth - 2 * loss + back) / step;
  const halfGap = (2 * Math.abs(halfForth - 2 * loss + halfBack)) / step;
  return { halfGap, kinked: Math.abs(halfGap - gap) <= 0.2 * gap };
}

/**
 * How far the losses may be off: a few roundings of their own size (8, measured on sums of some thousand terms), or what
 * their fourth differences show. Those vanish for a smooth loss, so that what is left of them is round-off, for example of
 * large terms that cancel. (The upper quartile of lines without a kink: where a loss takes few values, many are 0 by luck.)
 */
function lossNoise(lines: readonly LineOfLosses[], dtype: DType): number {
  const losses = lines.flatMap((line) => line.losses);
  // The loss of a float32 engine that does not say so is betrayed by its values.
  const rounded = losses.every((loss) => Math.fround(loss) === loss);
  const largest = losses.reduce((most, loss) => Math.max(most, Math.abs(loss)), 0);
  const fourth = lines
    .filter((line) => !bend(line).kinked)
    .map(({ losses: [a, b, c, d, e] }) => Math.abs(a - 4 * b + 6 * c - 4 * d + e))
    .sort((x, y) => x - y);
  const quartile = fourth[Math.floor(0.75 * fourth.length)] ?? 0;
  return Math.max(8 * unitRoundoff[rounded ? "float32" : dtype] * largest, quartile / 2);
}
