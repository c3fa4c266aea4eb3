/** Vectors that a caller gives beside the point: directions, updates, points of a trajectory. */

import { complaint, expectLength, show } from "../core/errors.js";

/** Requires a finite Float64Array as long as the point; returns a copy of it. */
export function expectGivenVector(who: string, name: string, vector: unknown, length: number): Float64Array {
  if (!(vector instanceof Float64Array)) {
    throw new TypeError(complaint(who, `${name} to be a Float64Array`, show(vector)));
  }
  expectLength(who, name, vector, length);
  const bad = vector.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new RangeError(complaint(who, `${name} to be finite`, `${show(vector[bad])} at coordinate ${bad}`));
  return vector.slice();
}
