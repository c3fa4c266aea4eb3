/** The digits: 1797 real images of 8x8 pixels, and functions to split and batch them. Needs no file system and no network. */
import { type Random, Tensor } from "batchnorm";
import { digitsText } from "./digits-text.js";

export { accuracyOf } from "./accuracy.js";

/** Images and their labels. */
export interface Digits {
  /** Shape [images, 64]: pixels row by row, from 0 (paper) to 1 (ink). */
  readonly images: Tensor;
  /** The digit in each image, 0 to 9. */
  readonly labels: readonly number[];
}

/** Returns all 1797 digits, in the order of the source. */
export function loadDigits(): Digits {
  const lines = digitsText.trim().split("\n");
  const images = lines.map((line) => Array.from(line.slice(0, 64), (pixel) => parseInt(pixel, 17) / 16));
  return { images: Tensor.from(images), labels: lines.map((line) => Number(line[65])) };
}

/** Returns some of the digits, in the order of `rows`. */
export function pickDigits({ images, labels }: Digits, rows: ArrayLike<number>): Digits {
  return { images: images.rows(rows), labels: Array.from(rows, (row) => labels[row]!) };
}

/** Splits the digits at random: three quarters for training, one for testing. */
export function splitDigits(digits: Digits, random: Random): { readonly train: Digits; readonly test: Digits } {
  const order = random.permutation(digits.labels.length);
  const end = Math.floor(0.75 * order.length);
  return { train: pickDigits(digits, order.subarray(0, end)), test: pickDigits(digits, order.subarray(end)) };
}

/** Yields batches endlessly: each epoch in a new order, without the incomplete batch at its end. */
export function* batchesOf(digits: Digits, size: number, random: Random): Generator<Digits, never> {
  const count = digits.labels.length;
  if (size > count) throw new RangeError(`batchesOf: expected a size of at most ${count} digits, got ${size}`);
  for (;;) {
    const order = random.permutation(count);
    for (let end = size; end <= count; end += size) yield pickDigits(digits, order.subarray(end - size, end));
  }
}
