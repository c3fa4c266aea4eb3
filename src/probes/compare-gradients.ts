/** The difference between a gradient G and the gradient G' after a move, in one pass over both. */

import { scaled, squaresAreSafe } from "../objective/vector.js";
import type { Stretch } from "./stretches.js";

/** How a gradient changed. */
export interface GradientComparison {
  /** ||G - G'||; Infinity where G' is not finite. */
  readonly difference: number;
  /** ||G - G'|| / ||G||. */
  readonly relativeDifference: number | null;
  /** <G, G'> / (||G|| ||G'||), in -1..1. */
  readonly cosine: number | null;
  readonly normG: number;
  readonly normGPrime: number;
  /** Why a figure here is null; null when none is. */
  readonly reason: string | null;
}

/** Below this share of the whole gradient a group's gradient is round-off: that of a bias in front of BatchNorm is 1e-17. */
const ROUND_OFF_SHARE = 1e-12;

/**
 * Compares the same stretches of two gradients.
 *
 * `null` for the second stands for a gradient that is not finite. `wholeNorm` is the norm of the whole first gradient,
 * against which a direction is told from round-off.
 */
export function compareGradients(
  g: Float64Array,
  gPrime: Float64Array | null,
  stretches: readonly Stretch[],
  wholeNorm: number,
): GradientComparison {
  let [gg, pp, gp, dd] = [0, 0, 0, 0];
  let largest = 0;
  const other = gPrime ?? g;
  for (const { start, end } of stretches) {
    for (let i = start; i < end; i++) {
      const a = g[i]!;
      const b = other[i]!;
      gg += a * a;
      pp += b * b;
      gp += a * b;
      dd += (b - a) * (b - a);
      largest = Math.max(largest, Math.abs(a), Math.abs(b));
    }
  }
  if (largest > 0 && !squaresAreSafe(largest * largest)) {
    const unit = compareGradients(
      scaled(1 / largest, g),
      gPrime && scaled(1 / largest, gPrime),
      stretches,
      wholeNorm / largest,
    );
    return {
      ...unit,
      difference: largest * unit.difference,
      normG: largest * unit.normG,
      normGPrime: largest * unit.normGPrime,
    };
  }
  return conclude(Math.sqrt(gg), gPrime === null ? Infinity : Math.sqrt(pp), gp, Math.sqrt(dd), wholeNorm);
}

function conclude(
  normG: number,
  normGPrime: number,
  product: number,
  difference: number,
  wholeNorm: number,
): GradientComparison {
  const least = ROUND_OFF_SHARE * wholeNorm;
  const vanished = normG === 0 || normG < least;
  const share = `below ${ROUND_OFF_SHARE} of the norm of the whole gradient, which is round-off`;
  if (normGPrime === Infinity) {
    return {
      difference: Infinity,
      relativeDifference: vanished ? null : Infinity,
      cosine: null,
      normG,
      normGPrime,
      reason: "the gradient after the move is not finite, so it has no direction",
    };
  }
  const vanishedPrime = normGPrime === 0 || normGPrime < least;
  return {
    difference,
    relativeDifference: vanished ? null : difference / normG,
    // Round-off may carry the quotient past 1 by a unit in the last place.
    cosine: vanished || vanishedPrime ? null : Math.max(-1, Math.min(1, product / (normG * normGPrime))),
    normG,
    normGPrime,
    reason: vanished
      ? `the gradient is 0 or ${share}`
      : vanishedPrime
        ? `the gradient after the move is 0 or ${share}`
        : null,
  };
}
