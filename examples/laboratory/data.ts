/** Data: training and test images for each kind of network. */
import type { Random } from "batchnorm";
import { type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { readFashion } from "../data/fashion-file.js";
import type { Column } from "./claim.js";
import { readFashionMnist } from "./fashion-mnist.js";

/** A set of square images in ten classes, with pixels from 0 to 1, possibly centered. */
export interface Source {
  readonly name: string;
  /** The shape of one image: [64] for an MLP, [1, 32, 32] for a VGG. */
  readonly shape: readonly number[];
  /** Returns the training and test images of a seed. */
  split(random: Random): { readonly train: Digits; readonly test: Digits };
}

/** Returns the images for a kind of network: the digits or, if a folder is given, Fashion-MNIST for an MLP. */
export async function openSource(column: Column, folder: string | undefined): Promise<Source> {
  if (column === "VGG") return clothes();
  if (folder !== undefined) return readFashionMnist(folder);
  const digits = loadDigits();
  return { name: "1797 handwritten digits of 8x8 pixels", shape: [64], split: (random) => splitDigits(digits, random) };
}

/** Returns the subset of Fashion-MNIST in this repository, the same images for every seed. */
async function clothes(): Promise<Source> {
  const { train, test } = await readFashion();
  const name = "5000 training and 1000 test images of Fashion-MNIST, 28x28 pixels with a border of 2";
  return { name, shape: train.images.shape.slice(1), split: () => ({ train, test }) };
}
