/**
 * Detects whether a tensor has been overwritten before a backward pass reads it.
 *
 * A backward pass reads its input in place, without a copy. If that memory has been filled with the next batch, the gradient
 * would be wrong. To detect this, the values are sampled in the forward pass and again in the backward pass.
 */

import { complaint } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import type { Tensor } from "../core/tensor.js";
import { isPrivate } from "./private-memory.js";

/** The maximum number of sampled positions. All values are sampled in a tensor that has no more than this. */
const PLACES = 64;
/**
 * The maximum length of a run of equal values that is compared at a position. In sparse data, a single position often holds 0 in
 * every batch.
 */
const LONGEST_RUN = 64;
/**
 * The golden ratio in units of 1 / 65536. Its multiples space the positions unevenly, because otherwise all could be in one
 * column.
 */
const GOLDEN_RATIO = 40503;

/**
 * Returns a check that throws if a tensor has been overwritten in the meantime. Private tensors are not checked, because no
 * other code can write to them.
 *
 * @throws {RangeError} when the check is called, if a sampled value has changed
 */
export function watch(name: string, what: string, tensor: Tensor): () => void {
  if (isPrivate(tensor)) return () => undefined;
  const before = sample(tensor.data);
  return () => {
    if (areSame(sample(tensor.data), before)) return;
    const cure = "write the next batch to a new tensor, or call backward first";
    throw new RangeError(complaint(name, `${what} to be unchanged since the forward pass`, "overwritten values", cure));
  };
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  // NaN counts as equal to NaN.
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(a[i] !== a[i] && b[i] !== b[i])) return false;
  return true;
}

/**
 * Returns the values at up to 64 positions of an array. If equal values follow, it also returns their number and the next
 * value.
 */
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
