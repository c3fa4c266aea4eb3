/** Samples: the properties of an activation that the probes read. They therefore work without the library's tensors. */

/** Values in row-major order, with one row per sample of the data. Every `Tensor` has this form. */
export interface Samples {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
