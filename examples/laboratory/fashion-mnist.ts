/** Fashion-MNIST: its four files, as Debian's package dataset-fashion-mnist installs them, gzipped or not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Random, Tensor } from "batchnorm";
import type { Digits } from "../data/digits.js";
import type { Source } from "./data.js";

/** Numbers of training and test images per seed, or all if there are fewer. */
const TRAIN = 5000;
const TEST = 1000;
const CLASSES = 10;

/** Thrown if a folder or a file is missing or malformed. */
export class DataError extends Error {}

interface Raw {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  readonly side: number;
}

/** Reads the files; an error names the file and what is wrong with it. */
export function readFashionMnist(folder: string): Source {
  const train = readPart(folder, "train");
  const test = readPart(folder, "t10k");
  if (train.side !== test.side) {
    throw new DataError(`${folder}: expected images of one size, got a side of ${train.side} and one of ${test.side}`);
  }
  return {
    name: `Fashion-MNIST, ${Math.min(TRAIN, train.labels.length)} images to train and ${Math.min(TEST, test.labels.length)} to test`,
    shape: [train.side ** 2],
    split: (random) => ({
      train: draw(train, TRAIN, random.fork("train")),
      test: draw(test, TEST, random.fork("test")),
    }),
  };
}

function draw({ pixels, labels, side }: Raw, count: number, random: Random): Digits {
  const rows = random.permutation(labels.length).subarray(0, count);
  const size = side * side;
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    for (let j = 0; j < size; j++) data[i * size + j] = pixels[row * size + j]! / 255;
  });
  return { images: new Tensor(data, [rows.length, size]), labels: Array.from(rows, (row) => labels[row]!) };
}

function readPart(folder: string, part: "train" | "t10k"): Raw {
  const images = readIdx(folder, `${part}-images-idx3-ubyte`, 3);
  const labels = readIdx(folder, `${part}-labels-idx1-ubyte`, 1);
  const [count, height, width] = images.sizes as [number, number, number];
  const where = `${folder}/${part}-images-idx3-ubyte`;
  if (height !== width) throw new DataError(`${where}: expected square images, got ${height}x${width}`);
  if (count !== labels.sizes[0]) {
    throw new DataError(`${where}: expected as many images as labels, got ${count} and ${labels.sizes[0]!}`);
  }
  const wrong = labels.values.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    const label = labels.values[wrong]!;
    throw new DataError(`${folder}/${part}-labels-idx1-ubyte: expected labels 0 to 9, got ${label} at ${wrong}`);
  }
  return { pixels: images.values, labels: labels.values, side: height };
}

/** The IDX format: two zeros, the type 8 (unsigned bytes), the number of axes, their lengths as 32-bit numbers, the bytes. */
function readIdx(
  folder: string,
  name: string,
  axes: number,
): { readonly sizes: number[]; readonly values: Uint8Array } {
  const path = [join(folder, `${name}.gz`), join(folder, name)].find(existsSync);
  if (path === undefined) throw new DataError(`expected the file ${name}.gz or ${name} in ${folder}, found neither`);
  const bytes = unpack(path);
  const header = 4 + 4 * axes;
  if (bytes.length < header || bytes.readUInt32BE(0) !== 0x800 + axes) {
    const got = bytes.subarray(0, 4).toString("hex");
    throw new DataError(
      `${path}: expected an IDX file of bytes on ${axes} axes, got one that begins with ${got || "nothing"}`,
    );
  }
  const sizes = Array.from({ length: axes }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = header + sizes.reduce((product, size) => product * size, 1);
  if (sizes.includes(0)) throw new DataError(`${path}: expected at least one value, got sizes ${sizes.join(" x ")}`);
  if (bytes.length !== expected) {
    throw new DataError(`${path}: expected ${expected} bytes for ${sizes.join(" x ")}, got ${bytes.length}`);
  }
  return { sizes, values: bytes.subarray(header) };
}

function unpack(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new DataError(`${path}: cannot be read - ${(error as Error).message}`);
  }
}
