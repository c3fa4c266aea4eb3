/** Data: images to train and to test with, the digits or another set in the same form. */
import type { Random } from "batchnorm";
import { type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { readFashionMnist } from "./fashion-mnist.js";

/** A set of square images in ten classes. */
export interface Source {
  readonly name: string;
  /** An image has side x side pixels. */
  readonly side: number;
  /** What one seed trains and tests with. */
  split(random: Random): { readonly train: Digits; readonly test: Digits };
}

/** The digits, or what a folder holds. */
export function openSource(folder: string | undefined): Source {
  if (folder !== undefined) return readFashionMnist(folder);
  const digits = loadDigits();
  return { name: "1797 handwritten digits of 8x8 pixels", side: 8, split: (random) => splitDigits(digits, random) };
}
