/** Files: each is there as a whole or not at all, whenever somebody stops the program. */
import { accessSync, constants, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Writes beside the file and then puts the result in its place. Makes the folders that are missing. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.unfinished`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, path);
}

/** Whether `writeWhole` will succeed, asked before the work whose result it is to write. Leaves nothing behind. */
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
