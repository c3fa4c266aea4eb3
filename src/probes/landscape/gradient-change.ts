/** Gradient change: the gradient G against the gradient G' after a move, in one pass over both. */

import { scaled } from "../../objective/vector.js";
import type { Stretch } from "../shared/arguments.js";
import type { Reasons } from "../shared/report.js";

/** How a gradient changed. */
export interface GradientChange {
  /** ||G - G'||; Infinity where G' is not finite. */
  readonly difference: number;
  /** ||G - G'|| / ||G||. */
  readonly relativeDifference: number | null;
  /** <G, G'> / (||G|| ||G'||), in -1..1. */
  readonly cosine: number | null;
  readonly normG: number;
  readonly normGPrime: number;
  /** Why a figure here is null. */
  readonly reasons: Reasons;
}

/** Below this share of the whole gradient a group's gradient is round-off: that of a bias before BatchNorm is 1e-17. */
const ROUND_OFF_SHARE = 1e-12;

/** Sums of squares beyond these are taken again in units of the largest number: the product of two of them must stay in range. */
const [SMALL_SQUARES, LARGE_SQUARES] = [1e-140, 1e140];

/**
 * Compares the same stretches of two gradients.
 *
 * `null` for the second stands for a gradient that is not finite. `wholeNorm` is the norm of the whole first gradient, by
 * which a direction is distinguished from round-off.
 */
export function gradientChange(
  g: Float64Array,
  gPrime: Float64Array | null,
  stretches: readonly Stretch[],
  wholeNorm: number,
): GradientChange {
  const other = gPrime ?? g;
  let [squaresG, squaresPrime, squaresDifference, product] = [0, 0, 0, 0];
  for (const { start, end } of stretches) {
    for (let i = start; i < end; i++) {
      const a = g[i]!;
      const b = other[i]!;
      squaresG += a * a;
      squaresPrime += b * b;
      squaresDifference += (b - a) * (b - a);
      product += a * b;
    }
  }
  const squares = squaresG + squaresPrime;
  const largest = squares < SMALL_SQUARES || squares > LARGE_SQUARES ? largestOf([g, other], stretches) : 1;
  if (largest > 0 && largest !== 1) {
    const primeInUnits = gPrime === null ? null : scaled(1 / largest, gPrime);
    const unit = gradientChange(scaled(1 / largest, g), primeInUnits, stretches, wholeNorm / largest);
    return {
      ...unit,
      difference: largest * unit.difference,
      normG: largest * unit.normG,
      normGPrime: largest * unit.normGPrime,
    };
  }

  const normG = Math.sqrt(squaresG);
  const normGPrime = gPrime === null ? Infinity : Math.sqrt(squaresPrime);
  const difference = gPrime === null ? Infinity : Math.sqrt(squaresDifference);
  const reasons: Record<string, string> = {};
  if (normGPrime === Infinity) reasons["cosine"] = "the gradient after the move is not finite";
  else if (isRoundOff(normGPrime, wholeNorm)) reasons["cosine"] = roundOff("the gradient after the move");
  if (isRoundOff(normG, wholeNorm)) reasons["cosine"] = reasons["relativeDifference"] = roundOff("the gradient");
  return {
    difference,
    relativeDifference: "relativeDifference" in reasons ? null : difference / normG,
    // One root of the product makes it exactly 1 for equal gradients; round-off may carry others past 1 by a last place.
    cosine: "cosine" in reasons ? null : Math.max(-1, Math.min(1, product / Math.sqrt(squaresG * squaresPrime))),
    normG,
    normGPrime,
    reasons,
  };
}

function largestOf(vectors: readonly Float64Array[], stretches: readonly Stretch[]): number {
  let largest = 0;
  for (const vector of vectors) {
    for (const { start, end } of stretches) {
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(vector[i]!));
    }
  }
  return largest;
}

function isRoundOff(size: number, wholeNorm: number): boolean {
  return size === 0 || size < ROUND_OFF_SHARE * wholeNorm;
}

function roundOff(what: string): string {
  return `${what} is 0 or round-off: below ${ROUND_OFF_SHARE} of the norm of the whole gradient`;
}
