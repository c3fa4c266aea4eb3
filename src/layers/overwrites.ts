/**
 * Notices when somebody has written to a tensor that a backward pass is about to read.
 *
 * A backward pass reads its input where it lies, without a copy. A sample of the values, taken in the forward pass, shows
 * whether the memory still holds the same numbers: a buffer that was filled with the next batch would give a wrong gradient.
 */

import { complaint } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import type { Tensor } from "../core/tensor.js";
import { isPrivate } from "./private-memory.js";

/** The most places that are sampled; a tensor of at most so many values is sampled whole. */
const PLACES = 64;
/** How many equal neighbors one place covers: in sparse data, a place alone would often hold the same 0 in every batch. */
const LONGEST_RUN = 64;
/** Spreads the places unevenly by multiples of the golden ratio, here in units of 1 / 65536: or all might lie in one column. */
const GOLDEN_RATIO = 40503;

/**
 * Returns a check that throws if a tensor has been overwritten since. Nobody can write to a private tensor.
 *
 * @throws {RangeError} by the check, if a sampled value has changed
 */
export function watch(name: string, what: string, tensor: Tensor): () => void {
  if (isPrivate(tensor)) return () => undefined;
  const before = sample(tensor.data);
  return () => {
    if (areSame(sample(tensor.data), before)) return;
    const cure = "write the next batch to a new tensor, or call backward first";
    throw new RangeError(complaint(name, `${what} as it was in the forward pass`, "overwritten values", cure));
  };
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  // NaN is a value like any other here.
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(a[i] !== a[i] && b[i] !== b[i])) return false;
  return true;
}

/** Returns the values at up to 64 places of an array; where equal ones follow, also how many, and the first different one. */
function sample(values: Floats): number[] {
  const { length } = values;
  const places = Math.min(length, PLACES);
  const step = length / places;
  const taken: number[] = [];
  for (let i = 0; i < places; i++) {
    const from = Math.floor(step * (i + ((i * GOLDEN_RATIO) & 65535) / 65536));
    const value = values[from]!;
    taken.push(value);
    const end = Math.min(length - 1, from + LONGEST_RUN);
    let to = from;
    while (to < end && values[to] === value) to++;
    if (to > from + 1) taken.push(to - from, values[to]!);
  }
  return taken;
}
