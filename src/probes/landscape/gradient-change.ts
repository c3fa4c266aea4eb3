/** Gradient change: compares a gradient G with the gradient G' at another point, in one pass over both. */

import { scaled } from "../../objective/vector.js";
import type { Stretch } from "../shared/arguments.js";
import type { Reasons } from "../shared/report.js";

/** The difference between two gradients. */
export interface GradientChange {
  /** ||G - G'||; Infinity if G' is not finite. */
  readonly difference: number;
  /** ||G - G'|| / ||G||. */
  readonly relativeDifference: number | null;
  /** <G, G'> / (||G|| ||G'||), in -1..1. */
  readonly cosine: number | null;
  readonly normG: number;
  readonly normGPrime: number;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** Below this fraction of the whole gradient, a group's gradient is round-off. That of a bias before BatchNorm is about 1e-17. */
const ROUND_OFF_SHARE = 1e-12;

/** Outside these bounds, sums of squares are recomputed in units of the largest number, because the product of two might overflow. */
const [SMALL_SQUARES, LARGE_SQUARES] = [1e-140, 1e140];

/**
 * Compares two gradients within the given ranges.
 *
 * Pass `null` as the second gradient if it is not finite. `wholeNorm`, the norm of the whole first gradient, determines whether
 * a gradient counts as round-off.
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
  if (normGPrime === Infinity) reasons["cosine"] = "the gradient at the other point is not finite";
  else if (isRoundOff(normGPrime, wholeNorm)) reasons["cosine"] = roundOff("the gradient at the other point");
  if (isRoundOff(normG, wholeNorm)) reasons["cosine"] = reasons["relativeDifference"] = roundOff("the gradient");
  return {
    difference,
    relativeDifference: "relativeDifference" in reasons ? null : difference / normG,

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
