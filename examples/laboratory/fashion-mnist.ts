/** Fashion-MNIST as a source of the laboratory: a random subset of its images for each seed. */
import { type Random, Tensor } from "batchnorm";
import type { Digits } from "../data/digits.js";
import { type RawImages, readFashionMnist } from "../data/full-sets.js";
import type { Source } from "./data.js";

/** Numbers of training and test images per seed, or all if there are fewer. */
const TRAIN = 5000;
const TEST = 1000;

/** Reads the files; throws a `DataError` if one is missing or malformed. */
export function openFashionMnist(folder: string): Source {
  const { name, train, test } = readFashionMnist(folder);
  return {
    name: `${name}, ${Math.min(TRAIN, train.labels.length)} images to train and ${Math.min(TEST, test.labels.length)} to test`,
    shape: [train.side ** 2],
    split: (random) => ({
      train: draw(train, TRAIN, random.fork("train")),
      test: draw(test, TEST, random.fork("test")),
    }),
  };
}

function draw({ pixels, labels, side }: RawImages, count: number, random: Random): Digits {
  const rows = random.permutation(labels.length).subarray(0, count);
  const size = side * side;
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    for (let j = 0; j < size; j++) data[i * size + j] = pixels[row * size + j]! / 255;
  });
  return { images: new Tensor(data, [rows.length, size]), labels: Array.from(rows, (row) => labels[row]!) };
}
