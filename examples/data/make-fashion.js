// Creates fashion-mnist.bin from the four files of Fashion-MNIST:
//   node examples/data/make-fashion.js [/usr/share/datasets/fashion-mnist]
//
// The file is a gzip of 6000 labels and then 6000 images: the first 500 images of each class in the training set and the first 100
// of each class in the test set, both in their original order. A pixel has 32 levels, round(31 pixel / 255), and is stored as the
// difference from the pixel above it, modulo 32: 1.5 MB. Without the rounding it would be 2.5 MB.
// The name does not end in .gz, because some servers would then declare the contents to be compressed in transit.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";

const SIDE = 28;
const SIZE = SIDE * SIDE;
const LEVELS = 32;
const folder = process.argv[2] ?? "/usr/share/datasets/fashion-mnist";

function read(name, headerBytes) {
  return gunzipSync(readFileSync(join(folder, `${name}-ubyte.gz`))).subarray(headerBytes);
}

/** Returns the indices of the first `count` images of each class, in the order of the file. */
function firstOfEachClass(labels, count) {
  const seen = new Array(10).fill(0);
  return [...labels.keys()].filter((i) => seen[labels[i]]++ < count);
}

/** Returns the levels of an image, each minus the level above it. */
function differences(pixels) {
  const levels = pixels.map((pixel) => Math.round(((LEVELS - 1) * pixel) / 255));
  return levels.map((level, i) => (LEVELS + level - (i < SIDE ? 0 : levels[i - SIDE])) % LEVELS);
}

const parts = [
  ["train", 500],
  ["t10k", 100],
].map(([name, count]) => {
  const images = read(`${name}-images-idx3`, 16);
  const labels = read(`${name}-labels-idx1`, 8);
  const rows = firstOfEachClass(labels, count);
  return {
    labels: rows.map((row) => labels[row]),
    images: rows.map((row) => differences(images.subarray(row * SIZE, (row + 1) * SIZE))),
  };
});
const bytes = Buffer.concat([
  ...parts.map(({ labels }) => Buffer.from(labels)),
  ...parts.flatMap(({ images }) => images),
]);
writeFileSync(
  new URL("fashion-mnist.bin", import.meta.url),
  gzipSync(bytes, { level: 9, memLevel: 9, strategy: constants.Z_FILTERED }),
);
