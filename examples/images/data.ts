/** The images: the subset of Fashion-MNIST in this repository, or a full data set that the user has. */
import { Tensor } from "batchnorm";
import { type LabeledImages, SIDE } from "../data/fashion.js";
import { readFashion } from "../data/fashion-file.js";
import {
  DataError,
  type FullSet,
  type OnFile,
  type RawImages,
  readCifar10,
  readFashionMnist,
} from "../data/full-sets.js";
import { BATCH_SIZE } from "./experiment.js";

export const DATA_SETS = ["fashion-mnist", "cifar-10"] as const;

/** A full data set: its name and its files, or the folder that contains them. */
export interface DataOption {
  readonly name: (typeof DATA_SETS)[number];
  readonly paths: readonly string[];
}

/** What the page and the tables report about the images. */
export interface DataFacts {
  readonly name: string;
  /** The option of the command line that reads them; "" for the subset. */
  readonly option: string;
  readonly channels: number;
  readonly trainImages: number;
  readonly testImages: number;
}

/** Images in memory that threads share, because a full data set takes up to 740 MB. */
export interface ImageSet {
  readonly facts: DataFacts;
  readonly train: LabeledImages;
  readonly test: LabeledImages;
}

/** Reads the images: [N, channels, 32, 32], from 0 to 1, minus the mean of each channel over the training images. */
export async function loadImages(data: DataOption | undefined, onFile?: OnFile): Promise<ImageSet> {
  if (data !== undefined) return centered(readFull(data, onFile), data);
  const { train, test } = await readFashion();
  return describe("Fashion-MNIST", "", shared(train), shared(test));
}

/** Returns images with the class of tensors, which is lost when they are sent to another thread. */
export function received(set: ImageSet): ImageSet {
  const revive = ({ images, labels }: LabeledImages): LabeledImages => ({
    images: new Tensor(images.data, images.shape),
    labels,
  });
  return { ...set, train: revive(set.train), test: revive(set.test) };
}

function readFull({ name, paths }: DataOption, onFile?: OnFile): FullSet {
  const set = name === "fashion-mnist" ? readFashionMnist(paths[0]!, onFile) : readCifar10(paths, onFile);
  const { side, labels } = set.train;
  if (side > SIDE || side % 2 !== 0) {
    throw new DataError(`${set.name}: expected images with an even side of at most ${SIDE} pixels, got ${side}`);
  }
  if (labels.length < BATCH_SIZE) {
    throw new DataError(`${set.name}: expected at least ${BATCH_SIZE} training images, got ${labels.length}`);
  }
  return set;
}

function centered({ name, train, test }: FullSet, { name: option, paths }: DataOption): ImageSet {
  const means = meansOf(train);
  const what = option === "fashion-mnist" ? "FOLDER" : `FILES (${paths.length})`;
  return describe(name, `--data ${option} ${what}`, withBorder(train, means), withBorder(test, means));
}

function describe(name: string, option: string, train: LabeledImages, test: LabeledImages): ImageSet {
  const [trainImages, testImages] = [train, test].map(({ labels }) => labels.length) as [number, number];
  return { facts: { name, option, channels: train.images.shape[1]!, trainImages, testImages }, train, test };
}

/** Returns the mean of each channel, from 0 to 1, over images that have a border of zeros. */
function meansOf({ pixels, labels, channels, side }: RawImages): number[] {
  const sums = new Array<number>(channels).fill(0);
  const size = side * side;
  for (let plane = 0; plane < pixels.length / size; plane++) {
    for (let i = plane * size; i < (plane + 1) * size; i++) sums[plane % channels]! += pixels[i]!;
  }
  return sums.map((sum) => sum / (255 * labels.length * SIDE * SIDE));
}

function withBorder({ pixels, labels, channels, side }: RawImages, means: readonly number[]): LabeledImages {
  const border = (SIDE - side) / 2;
  const data = sharedFloats(labels.length * channels * SIDE * SIDE);
  let next = 0;
  for (let plane = 0; plane < labels.length * channels; plane++) {
    const mean = means[plane % channels]!;
    data.fill(-mean, plane * SIDE * SIDE, (plane + 1) * SIDE * SIDE);
    for (let y = border; y < border + side; y++) {
      const start = (plane * SIDE + y) * SIDE + border;
      for (let x = 0; x < side; x++) data[start + x] = pixels[next++]! / 255 - mean;
    }
  }
  return { images: new Tensor(data, [labels.length, channels, SIDE, SIDE]), labels: Array.from(labels) };
}

function shared({ images, labels }: LabeledImages): LabeledImages {
  const data = sharedFloats(images.size);
  data.set(images.data);
  return { images: new Tensor(data, images.shape), labels };
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}
