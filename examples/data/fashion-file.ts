/** Reads the Fashion-MNIST subset from this repository's folder, in Node. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeFashion, type Fashion, type OnProgress } from "./fashion.js";

const FILE = join("examples", "data", "fashion-mnist.bin");

/** Reads examples/data/fashion-mnist.bin, or another copy of it. */
export async function readFashion(onProgress?: OnProgress, path: string = findFile()): Promise<Fashion> {
  return decodeFashion(new Blob([await readFile(path)]).stream(), onProgress);
}

/** Bundling moves this module into another folder of the repository, so the file is looked for from here upward. */
function findFile(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, FILE))) return join(folder, FILE);
    if (folder === dirname(folder)) throw new Error(`readFashion: expected ${FILE} in a folder above ${start}`);
  }
}
