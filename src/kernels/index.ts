/**
 * batchnorm/kernels: the arithmetic of the library as functions on typed arrays, for models that have no Tensor.
 *
 * The functions exported by name (`matmul`, `batchNormForward`, ...) are the plain set, written for reading. For speed call
 * the same functions of `defaultKernels()`: WebAssembly SIMD where the host allows it, several times as fast.
 *
 * @module
 */

export type { DType, Floats } from "../core/dtype.js";
export { ShapeError } from "../core/errors.js";
export { channelView, type ChannelView } from "../core/shape.js";
export type * from "./types.js";
export { defaultKernels, imageKernels } from "./default.js";
export { plainKernels } from "./plain/kernels.js";
export { wasmKernels } from "./wasm/kernels.js";
export { relaxedKernels } from "./wasm/relaxed.js";

// The plain set, function by function; `defaultKernels()` is the fast one.
export { columnSums, matmul, matmulTransposedA, matmulTransposedB } from "./plain/matmul.js";
export { convolve2d, convolve2dGradInput, convolve2dGradWeight } from "./plain/convolution.js";
export { maxPool2d, maxPool2dGradient } from "./plain/pooling.js";
export {
  batchNormBackward,
  batchNormForward,
  moments,
  normalize,
  normalizeBackward,
  reciprocalStd,
} from "./plain/batch-norm.js";
export {
  leakyRelu,
  leakyReluBackward,
  relu,
  reluBackward,
  sigmoid,
  sigmoidBackward,
  tanh,
  tanhBackward,
} from "./plain/elementwise.js";
export { meanSquaredError, softmaxCrossEntropy } from "./plain/losses.js";
export { adam, sgd } from "./plain/optimizers.js";
