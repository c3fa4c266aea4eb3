/**
 * batchnorm/kernels: the arithmetic of the library as plain functions on typed arrays, for models that have no Tensor.
 *
 * @module
 */

export type { DType, Floats } from "../ground/numbers.js";
export { ShapeError } from "../ground/errors.js";
export { channelView, type ChannelView } from "../tensor/shape.js";
export type * from "./kernels.js";
export { defaultKernels } from "./default.js";
export { plainKernels } from "./plain.js";
export { wasmKernels } from "./wasm/kernels.js";
export { relaxedKernels } from "./wasm/relaxed.js";
export { columnSums, matmul, matmulTransposedA, matmulTransposedB } from "./matmul.js";
export { batchNormBackward, batchNormForward, normalize, normalizeBackward, reciprocalStd } from "./batch-norm.js";
export {
  leakyRelu,
  leakyReluBackward,
  relu,
  reluBackward,
  sigmoid,
  sigmoidBackward,
  tanh,
  tanhBackward,
} from "./elementwise.js";
export { meanSquaredError, softmaxCrossEntropy } from "./losses.js";
export { adam, sgd } from "./optimizers.js";
