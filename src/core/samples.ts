/** Samples: all that the probes read of an activation, so that they work without the library's tensors. */

/** Values laid out row by row. The first axis counts the rows, one per sample of the data. A `Tensor` is one. */
export interface Samples {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
