/** Residence: the memory of a kernel set, for arrays that only the library can access. */

import type { DType, Floats } from "../core/dtype.js";
import type { Kernels } from "./types.js";

/** A memory whose arrays a kernel set reads and writes in place. */
export interface Residence {
  /** Returns an array with arbitrary contents, or undefined if there is no room. */
  take(dtype: DType, length: number): Floats | undefined;
  /** Frees an array that `take` returned, or the array that was used instead because there was no room. */
  give(array: Floats): void;
}

const residences = new WeakMap<Kernels, Residence>();

/** Registers the memory of a kernel set. */
export function registerResidence(kernels: Kernels, residence: Residence): void {
  residences.set(kernels, residence);
}

/** Returns the memory of a kernel set. A custom set has none, even if it contains kernels of another set. */
export function residenceOf(kernels: Kernels): Residence | undefined {
  return residences.get(kernels);
}
