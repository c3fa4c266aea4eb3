/** Benjamini-Hochberg: p-values of many features, adjusted for how many there are. */

import { expectNumber } from "../../core/errors.js";
import { expectFiniteValues } from "../shared/arguments.js";

/**
 * Adjusts p-values so that of all features found at a level no more than that part is expected to be found by chance.
 *
 *     p_(1) <= ... <= p_(k):   adjusted p_(i) = min over j >= i of p_(j) k / j
 *
 * - **Units**: none; in the order given
 * - **Numerics**: never below the p-value itself, never above 1
 * - **Cost**: O(k log k)
 * - **Source**: Benjamini & Hochberg 1995. It controls the false discovery rate for independent features and for those that
 *   depend on each other positively (Benjamini & Yekutieli 2001); units of one layer may do neither
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
    // The quotient first: it is exactly 1 for the largest p-value, which then stays what it is.
    least = Math.min(least, p[feature]! * (p.length / rank));
    adjusted[feature] = least;
  });
  return adjusted;
}
