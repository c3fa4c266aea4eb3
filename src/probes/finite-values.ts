/** Values as probes take them from callers: plain lists of finite numbers. */

import { complaint, ShapeError, show } from "../core/errors.js";

/** Why a figure of the same report is null, by the figure's name. */
export type Reasons = Readonly<Record<string, string>>;

/** A copy of some values in double precision; requires that they are finite, and at least `least` of them. */
export function expectFiniteValues(who: string, name: string, values: unknown, least = 0): Float64Array {
  if (typeof values !== "object" || values === null || typeof (values as { length?: unknown }).length !== "number") {
    throw new TypeError(complaint(who, `${name} to be an array of numbers`, show(values)));
  }
  const list = values as ArrayLike<unknown>;
  if (list.length < least) {
    const expected = `${name} to have at least ${least} value${least === 1 ? "" : "s"}`;
    throw new ShapeError(complaint(who, expected, `${list.length}`));
  }
  const copy = new Float64Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "number")
      throw new TypeError(complaint(who, `${name} to hold numbers`, `${show(value)} at ${i}`));
    if (!Number.isFinite(value)) throw new RangeError(complaint(who, `${name} to be finite`, `${value} at ${i}`));
    copy[i] = value;
  }
  return copy;
}
