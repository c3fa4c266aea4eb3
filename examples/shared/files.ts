/** Files: written atomically, so that an interrupt never leaves a partial file. */
import { accessSync, constants, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Writes a temporary file and renames it. Creates missing folders. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.unfinished`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, path);
}

/** Returns whether `writeWhole` can write the file, without writing it; a check before a long computation. */
export function canWrite(path: string): boolean {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    return false;
  }
  const taken = existsSync(path) && statSync(path).isDirectory();
  return statSync(folder).isDirectory() && !taken;
}
