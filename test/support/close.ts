/** Comparisons that say what was off, by how much and where. */
import { expect } from "vitest";
import type { Floats } from "../../src/core/dtype.js";
import type { Gradients, Layer } from "../../src/layers/contract.js";
import { parametersByPath, statisticsByPath } from "../../src/model/tree.js";

/** The largest difference, and where it is. A NaN on one side alone is infinitely far off. */
export function furthest(actual: ArrayLike<number>, expected: ArrayLike<number>): { off: number; at: number } {
  let off = actual.length === expected.length ? 0 : Infinity;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(actual[i], expected[i]);
    const difference = same ? 0 : Math.abs(actual[i]! - expected[i]!);
    const distance = Number.isNaN(difference) ? Infinity : difference;
    if (distance > off) {
      off = distance;
      at = i;
    }
  }
  return { off, at };
}

/** Requires |actual - expected| <= tolerance max|expected| everywhere. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.length, `number of values of ${what}`).toBe(expected.length);
  const { off, at } = furthest(actual, expected);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  expect(off, `${what} at ${at}: ${actual[at]} instead of ${expected[at]}`).toBeLessThanOrEqual(tolerance * largest);
}

/** Requires the same numbers, bit by bit (0 and -0 differ, NaN equals NaN). */
export function expectBits(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length, `number of values of ${what}`).toBe(expected.length);
  const at = Array.from(expected).findIndex((value, i) => !Object.is(value, actual[i]));
  expect(at, `${what} at ${at}: ${actual[at]} instead of ${expected[at]}`).toBe(-1);
}

/** All that a model may remember, to be compared before and after: values, versions and statistics, copied. */
export function memoryOf(model: Layer): unknown {
  return {
    parameters: [...parametersByPath(model)].map(([path, { value, version }]) => [path, version, [...value.data]]),
    statistics: [...statisticsByPath(model)].map(([path, { values }]) => [path, [...values]]),
  };
}

/** The gradients of a model by path, as copies. */
export function gradientsByPath(model: Layer, gradients: Gradients): Map<string, Floats> {
  const named = new Map<string, Floats>();
  for (const [path, parameter] of parametersByPath(model)) {
    const gradient = gradients.get(parameter);
    if (gradient !== undefined) named.set(path, gradient.data.slice());
  }
  return named;
}

/** Requires that `work` throws (or rejects with) an error of that name, and its whole message. */
export async function expectError(work: () => unknown, name: string, message: string): Promise<void> {
  let thrown: unknown;
  try {
    await work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, "what was thrown").toBeInstanceOf(Error);
  const { name: itsName, message: itsMessage } = thrown as Error;
  expect({ name: itsName, message: itsMessage }).toEqual({ name, message });
}
