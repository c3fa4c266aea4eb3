/** Private memory of the plain kernels: three arrays of one number a channel, grown to the largest count of channels met. */

/** Three arrays for whatever a kernel needs to know of each channel; what they hold is lost at the next kernel call. */
export interface Scratch {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;
}

let scratch: Scratch | undefined;

/** The scratch arrays, at least `length` long. A kernel never calls another kernel while it uses them. */
export function scratchFor(length: number): Scratch {
  if (scratch === undefined || scratch.a.length < length) {
    scratch = { a: new Float64Array(length), b: new Float64Array(length), c: new Float64Array(length) };
  }
  return scratch;
}
