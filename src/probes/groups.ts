/** Groups: the named stretches of a point, as a caller hands them to a probe. */

import { complaint, expectObject, ShapeError, show } from "../core/errors.js";
import type { Group } from "../objective/objective.js";
import { expectStretches } from "./stretches.js";

const ROLES: readonly unknown[] = ["weight", "bias", "scale", "shift"];

/** Requires groups with name, role and a shape as large as their stretch, within a point and without overlap. */
export function expectGroups(who: string, groups: unknown, length: number): readonly Group[] {
  const stretches = expectStretches(who, groups, length);
  const named = groups as Partial<Group>[];
  named.forEach((group, i) => {
    expectObject(who, `groups[${i}]`, group);
    const { name, role, shape } = group;
    if (typeof name !== "string" || !ROLES.includes(role)) {
      const got = `name ${show(name)}, role ${show(role)}`;
      throw new TypeError(complaint(who, `groups[${i}] to have a name and the role of a parameter`, got));
    }
    const size = stretches[i]!.end - stretches[i]!.start;
    if (!Array.isArray(shape) || shape.reduce((product: number, each: number) => product * each, 1) !== size) {
      throw new ShapeError(complaint(who, `groups[${i}] to have a shape of ${size} values`, show(shape)));
    }
  });
  return named as Group[];
}
