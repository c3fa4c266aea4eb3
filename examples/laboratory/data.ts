/** Data: training and test images, the digits or another set in the same form. */
import type { Random } from "batchnorm";
import { type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { openFashionMnist } from "./fashion-mnist.js";

/** A set of square images in ten classes. */
export interface Source {
  readonly name: string;
  /** Images have side x side pixels. */
  readonly side: number;
  /** Returns the training and test images of a seed. */
  split(random: Random): { readonly train: Digits; readonly test: Digits };
}

/** Returns the digits, or Fashion-MNIST if a folder is given. */
export function openSource(folder: string | undefined): Source {
  if (folder !== undefined) return openFashionMnist(folder);
  const digits = loadDigits();
  return { name: "1797 handwritten digits of 8x8 pixels", side: 8, split: (random) => splitDigits(digits, random) };
}
