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
/** Spreads the places unevenly, or all might lie in one column. */
const GOLDEN_RATIO = 0.618034;

/**
 * Returns a check that throws if a tensor has been overwritten since. Nobody can write to a private tensor.
 *
 * @throws {RangeError} by the check, if a sampled value has changed
 */
export function watch(name: string, what: string, tensor: Tensor): () => void {
  if (isPrivate(tensor)) return () => undefined;
  const before = sample(tensor.data);
  return () => {
    const now = sample(tensor.data);
    for (let i = 0; i < before.length; i++) {
      // Object.is, since NaN is a value like any other here.
      if (Object.is(before[i], now[i])) continue;
      const cure = "write the next batch to a new tensor, or call backward first";
      throw new RangeError(complaint(name, `${what} as it was in the forward pass`, "overwritten values", cure));
    }
  };
}

/** Returns the values at up to 64 places spread over an array, each with the first value after it that differs, and their distance. */
function sample(values: Floats): Float64Array {
  const { length } = values;
  const places = Math.min(length, PLACES);
  const step = length / places;
  const taken = new Float64Array(3 * places);
  for (let i = 0; i < places; i++) {
    const from = Math.floor(step * (i + ((i * GOLDEN_RATIO) % 1)));
    const value = values[from]!;
    let to = from;
    const end = Math.min(length - 1, from + LONGEST_RUN);
    while (to < end && values[to] === value) to++;
    taken[3 * i] = value;
    taken[3 * i + 1] = values[to]!;
    taken[3 * i + 2] = to - from;
  }
  return taken;
}
