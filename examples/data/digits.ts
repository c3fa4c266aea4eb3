/** The digits: 1797 real images of 8x8 pixels, and how to split and batch them. Needs neither files nor network. */
import { type Random, Tensor } from "batchnorm";
import { digitsText } from "./digits-text.js";

/** Images and what they show. */
export interface Digits {
  /** [images, 64], row by row, 0 (paper) to 1 (ink). */
  readonly images: Tensor;
  /** What each image shows: 0 to 9. */
  readonly labels: readonly number[];
}

/** All 1797 digits, in the order of the source. */
export function loadDigits(): Digits {
  const lines = digitsText.trim().split("\n");
  const images = lines.map((line) => Array.from(line.slice(0, 64), (pixel) => parseInt(pixel, 17) / 16));
  return { images: Tensor.from(images), labels: lines.map((line) => Number(line[65])) };
}

/** Some of the digits, in the order asked for. */
export function pickDigits({ images, labels }: Digits, rows: ArrayLike<number>): Digits {
  return { images: images.rows(rows), labels: Array.from(rows, (row) => labels[row]!) };
}

/** Three quarters to train with and one to test with, drawn at random. */
export function splitDigits(digits: Digits, random: Random): { readonly train: Digits; readonly test: Digits } {
  const order = random.permutation(digits.labels.length);
  const end = Math.floor(0.75 * order.length);
  return { train: pickDigits(digits, order.subarray(0, end)), test: pickDigits(digits, order.subarray(end)) };
}

/** Batches for ever: each epoch in a new order, without the incomplete batch at its end. */
export function* batchesOf(digits: Digits, size: number, random: Random): Generator<Digits, never> {
  const count = digits.labels.length;
  if (size > count) throw new RangeError(`batchesOf: expected a size of at most ${count} digits, got ${size}`);
  for (;;) {
    const order = random.permutation(count);
    for (let end = size; end <= count; end += size) yield pickDigits(digits, order.subarray(end - size, end));
  }
}

/** The part of the rows whose largest output is the right digit. A row with NaN is never right. */
export function accuracyOf(outputs: Tensor, labels: readonly number[]): number {
  const classes = outputs.shape[1]!;
  const right = labels.filter((label, row) => {
    const scores = outputs.data.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / labels.length;
}
