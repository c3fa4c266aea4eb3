/**
 * batchnorm/formats: weights from PyTorch, Keras and NumPy, and back. All of it works on bytes in memory; reading the file is
 * the caller's part, as in `readSafetensors(new Uint8Array(await response.arrayBuffer()))`.
 *
 * @module
 */

// Files
export { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "./safetensors.js";
export { readNpy } from "./npy.js";
export { readNpz } from "./npz.js";
export type { Bytes } from "./bytes.js";
export type { StoredArray, StoredArrayOf, StoredArrays, StoredDType, StoredValues } from "./stored-array.js";

// Models
export { loadPyTorch, type LoadPyTorchOptions, toPyTorch } from "./pytorch.js";
export { kerasDefaults, loadKeras, toKeras } from "./keras.js";
export type { LoadOptions } from "./model-arrays.js";
