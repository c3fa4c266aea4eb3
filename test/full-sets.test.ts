/** Full data sets, read from tiny files of the same formats. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { loadImages, received } from "../examples/images/data.js";
import { DataError, readCifar10, readFashionMnist } from "../examples/data/full-sets.js";

const scratch = mkdtempSync(join(tmpdir(), "full-sets-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Writes a file; returns its path. */
function file(name: string, bytes: Buffer): string {
  const path = join(mkdtempSync(join(scratch, "data-")), name);
  writeFileSync(path, bytes);
  return path;
}

/** A batch of CIFAR-10: image i has the given label, and 10 i + c in every pixel of channel c, except the first, which is 255. */
function batch(labels: readonly number[]): Buffer {
  const images = labels.map((label, i) => {
    const pixels = Array.from({ length: 3072 }, (_, k) => 10 * i + Math.floor(k / 1024));
    pixels[0] = 255;
    return Buffer.from([label, ...pixels]);
  });
  return Buffer.concat(images);
}

/** A file in the IDX format. */
function idx(sizes: readonly number[], values: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x800 + sizes.length);
  sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, Buffer.from(values)]);
}

describe("CIFAR-10", () => {
  it("is read in the order of the files, gzipped or not, test images apart", () => {
    const files = [
      file("data_batch_1.bin", batch([3, 9])),
      file("test_batch.bin", batch([7])),
      file("data_batch_2.bin.gz", gzipSync(batch([5]))),
    ];
    const reports: unknown[] = [];
    const { name, train, test } = readCifar10(files, (...report) => reports.push(report));
    expect(name).toBe("CIFAR-10");
    expect([train.channels, train.side]).toEqual([3, 32]);
    expect([...train.labels]).toEqual([3, 9, 5]);
    expect([...test.labels]).toEqual([7]);
    expect(train.pixels).toHaveLength(3 * 3072);
    // Image 1: red, its second pixel, green and blue. Image 2 is the first of its file.
    expect([0, 1, 1024, 2048, 3071].map((k) => train.pixels[3072 + k])).toEqual([255, 10, 11, 12, 12]);
    expect([0, 1, 1024, 2048, 3071].map((k) => train.pixels[2 * 3072 + k])).toEqual([255, 0, 1, 2, 2]);
    expect(reports).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  const train = file("data_batch_1.bin", batch([1]));
  const test = file("test_batch.bin", batch([1]));

  it.each<[string, readonly string[], RegExp]>([
    ["no test file", [train], /^expected at least one test file of CIFAR-10, such as test_batch.bin, got none$/],
    ["no training file", [test], /^expected at least one train file of CIFAR-10, such as data_batch_1.bin, got none$/],
    ["a missing file", [train, test, "nowhere.bin"], /^nowhere.bin: cannot be read - ENOENT/],
    ["a folder", [train, test, scratch], /cannot be read - EISDIR/],
    [
      "a file that is cut off",
      [test, file("data_batch_3.bin", batch([1, 2]).subarray(0, 6000))],
      /data_batch_3.bin: expected a multiple of 3073 bytes, got 6000$/,
    ],
    ["an empty file", [test, file("data_batch_4.bin", Buffer.alloc(0))], /expected a multiple of 3073 bytes, got 0$/],
    [
      "labels of CIFAR-100",
      [test, file("data_batch_5.bin", batch([9, 10]))],
      /data_batch_5.bin: expected labels 0 to 9, got 10 for image 1$/,
    ],
  ])("is refused with %s", (_what, files, message) => {
    expect(() => readCifar10(files)).toThrow(DataError);
    expect(() => readCifar10(files)).toThrow(message);
  });
});

describe("Fashion-MNIST in full", () => {
  // Malformed files: see the tests of the laboratory, which reads the same files.
  it("is read as bytes, and every file is reported", () => {
    const folder = mkdtempSync(join(scratch, "data-"));
    writeFileSync(join(folder, "train-images-idx3-ubyte.gz"), gzipSync(idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 255])));
    writeFileSync(join(folder, "train-labels-idx1-ubyte"), idx([2], [9, 4]));
    writeFileSync(join(folder, "t10k-images-idx3-ubyte"), idx([1, 2, 2], [8, 8, 8, 9]));
    writeFileSync(join(folder, "t10k-labels-idx1-ubyte.gz"), gzipSync(idx([1], [2])));
    const reports: unknown[] = [];
    const { train, test } = readFashionMnist(folder, (...report) => reports.push(report));
    expect([train.channels, train.side, ...train.labels]).toEqual([1, 2, 9, 4]);
    expect([...train.pixels, ...test.pixels]).toEqual([1, 2, 3, 4, 5, 6, 7, 255, 8, 8, 8, 9]);
    expect([...test.labels]).toEqual([2]);
    expect(reports.map((report) => (report as number[])[0])).toEqual([1, 2, 3, 4]);
  });
});

describe("the images of the example", () => {
  it("are centered by channel, from 0 to 1", async () => {
    const labels = Array.from({ length: 64 }, (_, i) => i % 10);
    const paths = [file("data_batch_1.bin", batch(labels)), file("test_batch.bin", batch([7, 8]))];
    const { facts, train, test } = received(structuredClone(await loadImages({ name: "cifar-10", paths })));
    expect(facts).toMatchObject({ name: "CIFAR-10", channels: 3, trainImages: 64, testImages: 2 });
    expect(train.labels).toEqual(labels);
    // Channel c of image i is 10 i + c modulo 256, so that green and blue differ by a constant, until they wrap around.
    const bytes = (c: number): number[] => labels.map((_, i) => (10 * i + c) % 256);
    const mean = (c: number): number => bytes(c).reduce((sum, value) => sum + value, 0) / 64 / 255;
    for (const c of [1, 2]) {
      expect(train.images.at(5, c, 3, 4)).toBeCloseTo((50 + c) / 255 - mean(c), 6);
      expect(test.images.at(1, c, 31, 31)).toBeCloseTo((10 + c) / 255 - mean(c), 6);
    }
    expect(test.images.at(0, 0, 0, 0) - test.images.at(0, 0, 0, 1)).toBeCloseTo(1, 6);
  });

  it("get a border of background if they are smaller than 32x32", async () => {
    const folder = mkdtempSync(join(scratch, "data-"));
    const pixels = (images: number): number[] => Array.from({ length: images * 4 }, (_, i) => (i % 4 === 3 ? 255 : 0));
    for (const [part, images] of [
      ["train", 64],
      ["t10k", 2],
    ] as const) {
      writeFileSync(join(folder, `${part}-images-idx3-ubyte`), idx([images, 2, 2], pixels(images)));
      writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), idx([images], new Array<number>(images).fill(1)));
    }
    const { train } = await loadImages({ name: "fashion-mnist", paths: [folder] });
    expect(train.images.shape).toEqual([64, 1, 32, 32]);
    const mean = 1 / 32 ** 2;
    expect(train.images.at(3, 0, 16, 16)).toBeCloseTo(1 - mean, 6);
    expect(train.images.at(3, 0, 15, 15)).toBeCloseTo(-mean, 6);
    expect(train.images.at(3, 0, 0, 0)).toBeCloseTo(-mean, 6);
  });

  it("must be at least one batch", async () => {
    const paths = [file("data_batch_1.bin", batch([1])), file("test_batch.bin", batch([7]))];
    const message = "CIFAR-10: expected at least 64 training images, got 1";
    await expect(loadImages({ name: "cifar-10", paths })).rejects.toThrow(new DataError(message));
  });
});
