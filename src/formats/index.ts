/**
 * batchnorm/formats: import and export weights of PyTorch, Keras and NumPy. All functions work on bytes in memory. Read the file
 * yourself, as in `readSafetensors(new Uint8Array(await response.arrayBuffer()))`.
 *
 * @module
 */

// Files
export { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "./safetensors.js";
export { readNpy } from "./npy.js";
export { readNpz } from "./npz.js";
export type { Bytes } from "./bytes.js";
export type {
  ReadArraysOptions,
  StoredArray,
  StoredArrayOf,
  StoredArrays,
  StoredDType,
  StoredValues,
} from "./stored-array.js";

// Models
export { loadPyTorch, type LoadPyTorchOptions, toPyTorch } from "./pytorch.js";
export { kerasDefaults, loadKeras, toKeras } from "./keras.js";
export type { LoadOptions, LoadReport } from "./model-arrays.js";
