/** Stretches: the coordinates of a point that a probe is asked to look at. */

import { complaint, expectCount, ShapeError, show } from "../core/errors.js";

/** Some coordinates of a point: `start` up to but not including `end`. A `Group` is one. */
export interface Stretch {
  readonly name?: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** Requires stretches that lie within a point and do not overlap; returns their names and bounds. */
export function expectStretches(who: string, stretches: unknown, length: number): Stretch[] {
  if (!Array.isArray(stretches)) {
    throw new TypeError(complaint(who, "groups to be an array of { start, end }", show(stretches)));
  }
  if (stretches.length === 0) throw new RangeError(complaint(who, "at least 1 group", "0"));
  const bounds = stretches.map((stretch: Partial<Stretch> | null, i) => {
    const { name, start, end } = stretch ?? {};
    expectCount(who, `groups[${i}].start`, start, 0);
    expectCount(who, `groups[${i}].end`, end, start);
    if (end > length) {
      throw new ShapeError(complaint(who, `groups[${i}] to end within the point's ${length} coordinates`, `${end}`));
    }
    return name === undefined ? { start, end } : { name, start, end };
  });
  const sorted = bounds.toSorted((a, b) => a.start - b.start);
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.start < sorted[i - 1]!.end) {
      throw new ShapeError(
        complaint(who, "groups that do not overlap", `coordinate ${sorted[i]!.start} in two of them`),
      );
    }
  }
  return bounds;
}
