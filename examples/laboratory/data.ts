/** Data: training and test images for each kind of network. */
import type { Random } from "batchnorm";
import { type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { type ImageSet, received } from "../images/data.js";
import { openFashionMnist } from "./fashion-mnist.js";

/** A set of square images in ten classes, with pixels from 0 to 1, possibly centered. */
export interface Source {
  readonly name: string;
  /** The shape of one image: [64] for an MLP, [1, 32, 32] for a VGG. */
  readonly shape: readonly number[];
  /** Returns the training and test images of a seed. */
  split(random: Random): { readonly train: Digits; readonly test: Digits };
}

/** What to train on: a folder of Fashion-MNIST or, if undefined, the digits; or images in memory that threads share. */
export type Data = string | undefined | ImageSet;

/** Returns the data as a source. */
export function openSource(data: Data): Source {
  if (typeof data === "object") return imageSource(received(data));
  if (data !== undefined) return openFashionMnist(data);
  const digits = loadDigits();
  return { name: "1797 handwritten digits of 8x8 pixels", shape: [64], split: (random) => splitDigits(digits, random) };
}

/** Returns images as a source, the same for every seed. */
function imageSource({ facts, train, test }: ImageSet): Source {
  const { name, trainImages, testImages } = facts;
  return {
    name: `${trainImages} training and ${testImages} test images of ${name}`,
    shape: train.images.shape.slice(1),
    split: () => ({ train, test }),
  };
}
