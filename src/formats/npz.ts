/** .npz: several .npy files in a zip archive. */

import { complaint, show } from "../core/errors.js";
import { expectBytes } from "./bytes.js";
import { decodeNpy } from "./npy.js";
import type { StoredArray, StoredArrays } from "./stored-array.js";
import { readZip } from "./zip.js";

/**
 * Reads a `.npz` file, as `np.savez` writes it: arrays in the order in which they were given, named "arr_0", "arr_1", ...
 * where no name was.
 *
 * Compressed archives (`np.savez_compressed`), encrypted ones and those beyond 4 GB (zip64) are refused. The checksum of
 * every array is verified.
 *
 * Cost      one copy of the numbers, and a pass over the bytes for the checksums; never allocates more than the file's size
 * Source    numpy.org/doc/stable/reference/generated/numpy.savez.html
 *
 * @throws {TypeError} if it is no such archive, or a member is no `.npy` file that is read
 * @throws {RangeError} if an offset leaves the file, members overlap, or a checksum fails
 * @throws {ShapeError} if a member has more or fewer bytes than its shape needs
 */
export function readNpz(bytes: Uint8Array): StoredArrays {
  expectBytes("readNpz", bytes);
  const arrays = new Map<string, StoredArray>();
  for (const [file, content] of readZip("readNpz", bytes)) {
    const who = `readNpz: ${show(file)}`;
    const name = /^(.*)\.npy$/s.exec(file)?.[1];
    if (name === undefined) throw new TypeError(complaint(who, "members that are .npy files", "another name"));
    arrays.set(name, decodeNpy(who, content));
  }
  return arrays;
}
