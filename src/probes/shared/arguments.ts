/** Arguments: checks and copies the vectors, groups and values that are passed to probes. */

import {
  complaint,
  expectCount,
  expectLength,
  expectNumber,
  expectObject,
  type Interval,
  ShapeError,
  show,
} from "../../core/errors.js";
import { isFloat64Array } from "../../objective/evaluate.js";
import type { Group } from "../../objective/objective.js";

/** Requires a finite Float64Array of the length of the point. Returns a copy. */
export function expectVector(who: string, name: string, vector: unknown, length: number): Float64Array {
  if (!isFloat64Array(vector)) throw new TypeError(complaint(who, `${name} to be a Float64Array`, show(vector)));
  expectLength(who, name, vector, length);
  const bad = vector.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new RangeError(complaint(who, `${name} to be finite`, `${show(vector[bad])} at coordinate ${bad}`));
  return vector.slice();
}

/** A range of coordinates of a point: from `start` up to but not including `end`. Every `Group` is also a `Stretch`. */
export interface Stretch {
  readonly name?: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** Requires ranges within the point that do not overlap. Returns their names and bounds. */
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

const ROLES: readonly unknown[] = ["weight", "bias", "scale", "shift"];

/** Requires groups within the point that do not overlap and whose shape matches their range. Returns a copy. */
export function expectParameterGroups(who: string, groups: unknown, length: number): readonly Group[] {
  const stretches = expectStretches(who, groups, length);
  const named = groups as Partial<Group>[];
  return named.map((group, i): Group => {
    expectObject(who, `groups[${i}]`, group);
    const { name, role, shape, outputAxis = -1 } = group;
    if (typeof name !== "string" || !ROLES.includes(role)) {
      const got = `name ${show(name)}, role ${show(role)}`;
      throw new TypeError(complaint(who, `groups[${i}] to have a name and the role of a parameter`, got));
    }
    const size = stretches[i]!.end - stretches[i]!.start;
    if (!Array.isArray(shape) || shape.reduce((product: number, each: number) => product * each, 1) !== size) {
      throw new ShapeError(complaint(who, `groups[${i}] to have a shape of ${size} values`, show(shape)));
    }
    if (!Number.isInteger(outputAxis) || outputAxis < -shape.length || outputAxis >= Math.max(1, shape.length)) {
      throw new RangeError(complaint(who, `groups[${i}] to have an outputAxis of its shape`, show(outputAxis)));
    }
    const { start, end } = stretches[i]!;
    return { name, role: role!, shape: shape.slice(), outputAxis, start, end };
  });
}

/** Requires at least `least` numbers, all finite. Returns a copy in double precision. */
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

/** Requires a non-empty array of numbers within an interval. Returns a copy. */
export function expectNumbers(who: string, name: string, list: unknown, interval: Interval, cure?: string): number[] {
  if (!Array.isArray(list)) throw new TypeError(complaint(who, `${name} to be an array of numbers`, show(list), cure));
  if (list.length === 0) throw new RangeError(complaint(who, `at least 1 number in ${name}`, "0"));
  return Array.from(list as readonly unknown[], (value, i) => {
    expectNumber(who, `${name}[${i}]`, value, interval);
    return value;
  });
}
