/** Samples: all that the measuring tower sees of an activation, so that it needs no tensor of ours. */

/** Values laid out row by row; the first axis counts the rows (one a sample of the data). A `Tensor` is one. */
export interface Samples {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
