/** What float32 arithmetic can take; the kernels hand the rest to the plain ones, whose arithmetic is double throughout. */

const SMALLEST = 2 ** -126;
const LARGEST = 2 ** 127;

/** Whether a factor lies beyond the normal numbers of float32, with a bit in reserve; 0 and NaN do not. */
export function beyondSingle(factor: number): boolean {
  const size = Math.abs(factor);
  return size > LARGEST || (size < SMALLEST && size > 0);
}

/** Whether subtracting a mean could overflow float32; one that is infinite itself spoils no digits. */
export function tooLargeForSingle(mean: number): boolean {
  return Math.abs(mean) > LARGEST && Math.abs(mean) < Infinity;
}
