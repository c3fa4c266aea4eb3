/** Data: training and test images, the digits or another set in the same form. */
import type { Random } from "batchnorm";
import { type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { readFashionMnist } from "./fashion-mnist.js";

/** A set of square images in ten classes, with pixels from 0 to 1, possibly centered. */
export interface Source {
  readonly name: string;
  /** The shape of one image: [64] for an MLP, [1, 32, 32] for a convolutional network. */
  readonly shape: readonly number[];
  /** Returns the training and test images of a seed. */
  split(random: Random): { readonly train: Digits; readonly test: Digits };
}

/** Returns the digits, or Fashion-MNIST if a folder is given. */
export function openSource(folder: string | undefined): Source {
  if (folder !== undefined) return readFashionMnist(folder);
  const digits = loadDigits();
  return { name: "1797 handwritten digits of 8x8 pixels", shape: [64], split: (random) => splitDigits(digits, random) };
}
