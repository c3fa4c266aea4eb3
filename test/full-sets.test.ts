/** Full data sets, read from tiny files of the same formats. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
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
  function idx(sizes: readonly number[], values: readonly number[]): Buffer {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    header.writeUInt32BE(0x800 + sizes.length);
    sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
    return Buffer.concat([header, Buffer.from(values)]);
  }

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
