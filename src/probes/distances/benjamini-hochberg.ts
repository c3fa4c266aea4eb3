/** Benjamini-Hochberg: adjusts the p-values of many features for their number. */

import { expectNumber } from "../../core/errors.js";
import { expectFiniteValues } from "../shared/arguments.js";

/**
 * Adjusts p-values for the false discovery rate. Of the features with an adjusted p-value of at most q, the expected fraction
 * of false discoveries is at most q.
 *
 *     p_(1) <= ... <= p_(k):   adjusted p_(i) = min over j >= i of p_(j) k / j
 *
 * - **Numerics**: at least the p-value itself and at most 1. The order is that of the input
 * - **Cost**: O(k log k)
 * - **Source**: Benjamini & Hochberg 1995. The rate is guaranteed for independent or positively dependent features (Benjamini &
 *   Yekutieli 2001). The units of a layer may be neither
 *
 * @throws {RangeError} if a p-value lies outside [0, 1]
 * @example
 * benjaminiHochberg([0.001, 0.02, 0.03, 0.2, 0.5]);   // => about [0.005, 0.05, 0.05, 0.25, 0.5]
 */
export function benjaminiHochberg(pValues: ArrayLike<number>): number[] {
  const p = expectFiniteValues("benjaminiHochberg", "pValues", pValues);
  for (const value of p) expectNumber("benjaminiHochberg", "each p-value", value, { low: 0, high: 1 });
  const descending = Array.from(p, (_, i) => i).sort((i, j) => p[j]! - p[i]!);
  const adjusted = new Array<number>(p.length).fill(1);
  let least = 1;
  descending.forEach((feature, place) => {
    const rank = p.length - place;
    // The quotient is exactly 1 for the largest p-value, which therefore does not change.
    least = Math.min(least, p[feature]! * (p.length / rank));
    adjusted[feature] = least;
  });
  return adjusted;
}
