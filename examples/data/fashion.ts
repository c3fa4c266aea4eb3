/** Fashion-MNIST, a subset: 5000 training and 1000 test images of clothes, the same number from each class. For Node and browsers. */
import { Tensor } from "batchnorm";

export { accuracyOf } from "./accuracy.js";

/** Images and their labels. */
export interface LabeledImages {
  /** Shape [images, 1, 32, 32]: pixels from 0 (background) to 1, minus the mean pixel of the training images. */
  readonly images: Tensor;
  /** The class of each image, an index into `CLASSES`. */
  readonly labels: readonly number[];
}

/** The subset. */
export interface Fashion {
  readonly train: LabeledImages;
  readonly test: LabeledImages;
  /** The mean of all training pixels, including the border. It has been subtracted from the images. */
  readonly meanPixel: number;
}

/** Called with the number of bytes decoded so far. */
export type OnProgress = (done: number, total: number) => void;

export const CLASSES: readonly string[] =
  "T-shirt,trousers,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot".split(",");
export const TRAIN_IMAGES = 5000;
export const TEST_IMAGES = 1000;
/** Images have 28x28 pixels in the file, and a border of two pixels of background here. */
export const SIDE = 32;
const SIZE = SIDE * SIDE;

const FILE_SIDE = 28;
const BORDER = (SIDE - FILE_SIDE) / 2;
/** Levels of a pixel in the file: 0 to 31. */
const LEVELS = 32;
const IMAGES = TRAIN_IMAGES + TEST_IMAGES;
const BYTES = IMAGES * (1 + FILE_SIDE * FILE_SIDE);

/** Downloads the subset, in a page: `fetchFashion(new URL("fashion-mnist.bin", import.meta.url))`. */
export async function fetchFashion(url: URL | string, onProgress?: OnProgress): Promise<Fashion> {
  const { ok, status, body } = await fetch(url);
  if (!ok || body === null) throw new Error(`fetchFashion: expected a file at ${String(url)}, got status ${status}`);
  return decodeFashion(body, onProgress);
}

/** Decodes fashion-mnist.bin; make-fashion.js describes the format. */
export async function decodeFashion(
  file: ReadableStream<Uint8Array<ArrayBuffer>>,
  onProgress?: OnProgress,
): Promise<Fashion> {
  const bytes = await unpack(file, onProgress);
  const labels = Array.from(bytes.subarray(0, IMAGES));
  const pixels = decodePixels(bytes.subarray(IMAGES));
  const ofTraining = pixels.subarray(0, TRAIN_IMAGES * SIZE);
  const meanPixel = ofTraining.reduce((sum, pixel) => sum + pixel, 0) / ofTraining.length;
  const centered = pixels.map((pixel) => pixel - meanPixel);
  return {
    train: {
      images: new Tensor(centered.slice(0, TRAIN_IMAGES * SIZE), [TRAIN_IMAGES, 1, SIDE, SIDE]),
      labels: labels.slice(0, TRAIN_IMAGES),
    },
    test: {
      images: new Tensor(centered.slice(TRAIN_IMAGES * SIZE), [TEST_IMAGES, 1, SIDE, SIDE]),
      labels: labels.slice(TRAIN_IMAGES),
    },
    meanPixel,
  };
}

/** Returns the unzipped bytes: all labels, then all images. */
async function unpack(file: ReadableStream<Uint8Array<ArrayBuffer>>, onProgress?: OnProgress): Promise<Uint8Array> {
  const bytes = new Uint8Array(BYTES);
  const reader = file.pipeThrough(new DecompressionStream("gzip")).getReader();
  let done = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    if (done + chunk.value.length > BYTES) throw new Error(`decodeFashion: expected ${BYTES} bytes, got more`);
    bytes.set(chunk.value, done);
    done += chunk.value.length;
    onProgress?.(done, BYTES);
  }
  if (done < BYTES) throw new Error(`decodeFashion: expected ${BYTES} bytes, got ${done}`);
  return bytes;
}

/** Returns all images with their borders, pixels from 0 to 1. In the file, a pixel is the difference from the one above it. */
function decodePixels(differences: Uint8Array): Float32Array<ArrayBuffer> {
  const pixels = new Float32Array(IMAGES * SIZE);
  const row = new Uint8Array(FILE_SIDE);
  for (let image = 0, next = 0; image < IMAGES; image++) {
    row.fill(0);
    for (let y = BORDER; y < BORDER + FILE_SIDE; y++) {
      const start = image * SIZE + y * SIDE + BORDER;
      for (let x = 0; x < FILE_SIDE; x++) {
        row[x] = (row[x]! + differences[next++]!) % LEVELS;
        pixels[start + x] = row[x]! / (LEVELS - 1);
      }
    }
  }
  return pixels;
}
