/** Full data sets that are not part of this repository, read from files: Fashion-MNIST and CIFAR-10. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Thrown if a folder or a file is missing or malformed. The message names the file and what is wrong with it. */
export class DataError extends Error {}

/** Square images in ten classes, as bytes. */
export interface RawImages {
  /** [images, channels, side, side], from 0 to 255. */
  readonly pixels: Uint8Array;
  /** The class of each image, 0 to 9. */
  readonly labels: Uint8Array;
  readonly channels: number;
  readonly side: number;
}

/** A data set. */
export interface FullSet {
  readonly name: string;
  readonly train: RawImages;
  readonly test: RawImages;
}

/** Called with the number of files read so far. */
export type OnFile = (done: number, total: number) => void;

const CLASSES = 10;
const CIFAR_SIDE = 32;
const CIFAR_CHANNELS = 3;
const CIFAR_PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE;

/**
 * Reads the four files of Fashion-MNIST or MNIST, gzipped or not: train-images-idx3-ubyte, train-labels-idx1-ubyte, and the same
 * names with t10k.
 *
 * @throws {DataError} if a file is missing or malformed
 */
export function readFashionMnist(folder: string, onFile: OnFile = () => undefined): FullSet {
  const train = readPart(folder, "train", (done) => onFile(done, 4));
  const test = readPart(folder, "t10k", (done) => onFile(2 + done, 4));
  if (train.side !== test.side) {
    throw new DataError(`${folder}: expected images of one size, got a side of ${train.side} and one of ${test.side}`);
  }
  return { name: "Fashion-MNIST", train, test };
}

/**
 * Reads CIFAR-10 in its binary version, gzipped or not. A file consists of 3073 bytes per image: the label, then 32x32 pixels of
 * red, of green and of blue. Files with "test" in their name contain test images, all others training images.
 *
 * @throws {DataError} if a file is missing or malformed, or there are no files of one kind
 */
export function readCifar10(files: readonly string[], onFile: OnFile = () => undefined): FullSet {
  const isTest = (path: string): boolean => basename(path).includes("test");
  const parts = { train: files.filter((path) => !isTest(path)), test: files.filter(isTest) };
  for (const [part, paths] of Object.entries(parts)) {
    if (paths.length > 0) continue;
    const example = part === "test" ? "test_batch.bin" : "data_batch_1.bin";
    throw new DataError(`expected at least one ${part} file of CIFAR-10, such as ${example}, got none`);
  }
  let done = 0;
  const read = (path: string): Buffer => {
    const bytes = readBatch(path);
    onFile(++done, files.length);
    return bytes;
  };
  return { name: "CIFAR-10", train: imagesOf(parts.train.map(read)), test: imagesOf(parts.test.map(read)) };
}

function readBatch(path: string): Buffer {
  const bytes = unpack(path);
  const images = bytes.length / (1 + CIFAR_PIXELS);
  if (!Number.isInteger(images) || images === 0) {
    throw new DataError(`${path}: expected a multiple of ${1 + CIFAR_PIXELS} bytes, got ${bytes.length}`);
  }
  for (let image = 0; image < images; image++) {
    const label = bytes[image * (1 + CIFAR_PIXELS)]!;
    if (label >= CLASSES) throw new DataError(`${path}: expected labels 0 to 9, got ${label} for image ${image}`);
  }
  return bytes;
}

/** Separates labels from pixels. */
function imagesOf(batches: readonly Buffer[]): RawImages {
  const count = batches.reduce((sum, bytes) => sum + bytes.length, 0) / (1 + CIFAR_PIXELS);
  const pixels = new Uint8Array(count * CIFAR_PIXELS);
  const labels = new Uint8Array(count);
  let image = 0;
  for (const bytes of batches) {
    for (let start = 0; start < bytes.length; start += 1 + CIFAR_PIXELS, image++) {
      labels[image] = bytes[start]!;
      pixels.set(bytes.subarray(start + 1, start + 1 + CIFAR_PIXELS), image * CIFAR_PIXELS);
    }
  }
  return { pixels, labels, channels: CIFAR_CHANNELS, side: CIFAR_SIDE };
}

function readPart(folder: string, part: "train" | "t10k", onFile: (done: number) => void): RawImages {
  const images = readIdx(folder, `${part}-images-idx3-ubyte`, 3);
  onFile(1);
  const labels = readIdx(folder, `${part}-labels-idx1-ubyte`, 1);
  onFile(2);
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
  return { pixels: images.values, labels: labels.values, channels: 1, side: height };
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
