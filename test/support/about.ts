import { expect } from "vitest";

/** Matches a number up to half a unit of its `digits`th decimal. */
export function about(expected: number, digits = 6): unknown {
  return expect.closeTo(expected, digits);
}

/** Matches a list of numbers the same way. */
export function allAbout(expected: readonly number[], digits = 6): unknown[] {
  return expected.map((value) => about(value, digits));
}
