/** Where the arrays live that only the library sees: in the memory of the kernels that compute them, if those have one. */

import type { DType, Floats } from "../core/dtype.js";
import type { Kernels } from "./types.js";

/** A memory whose arrays a kernel set reads and writes in place. */
export interface Residence {
  /** Returns an array, not of zeros but of whatever was there; undefined if there is no room. */
  take(dtype: DType, length: number): Floats | undefined;
  /** Gives an array back that `take` has returned, or the one that replaced it where there was no room. */
  give(array: Floats): void;
}

const residences = new WeakMap<Kernels, Residence>();

/** Registers the memory of a kernel set. */
export function registerResidence(kernels: Kernels, residence: Residence): void {
  residences.set(kernels, residence);
}

/** Returns the memory of a kernel set; a set of a user's own has none, also if it is made of parts of another. */
export function residenceOf(kernels: Kernels): Residence | undefined {
  return residences.get(kernels);
}
