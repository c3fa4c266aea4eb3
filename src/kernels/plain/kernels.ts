/** The plain kernel set: the readable TypeScript kernels gathered under the interface. */

import { batchNormBackward, batchNormForward, moments, normalize, normalizeBackward } from "./batch-norm.js";
import { convolve2d, convolve2dGradInput, convolve2dGradWeight } from "./convolution.js";
import {
  leakyRelu,
  leakyReluBackward,
  relu,
  reluBackward,
  sigmoid,
  sigmoidBackward,
  tanh,
  tanhBackward,
} from "./elementwise.js";
import type { AllKernels, Kernels } from "../types.js";
import { meanSquaredError, softmaxCrossEntropy } from "./losses.js";
import { columnSums, matmul, matmulTransposedA, matmulTransposedB } from "./matmul.js";
import { maxPool2d, maxPool2dGradient } from "./pooling.js";
import { adam, sgd } from "./optimizers.js";

/** The plain kernels without those of images, which a bundler leaves out of a program that has no images. */
export const basicPlainKernels: Kernels = {
  name: "plain",
  matmul,
  matmulTransposedA,
  matmulTransposedB,
  columnSums,
  moments,
  batchNormForward,
  batchNormBackward,
  normalize,
  normalizeBackward,
  relu,
  reluBackward,
  leakyRelu,
  leakyReluBackward,
  sigmoid,
  sigmoidBackward,
  tanh,
  tanhBackward,
  softmaxCrossEntropy,
  meanSquaredError,
  sgd,
  adam,
};

/** The kernels in plain TypeScript: for every host, and the reference for every other set. */
export const plainKernels: AllKernels = /* @__PURE__ */ Object.assign({}, basicPlainKernels, {
  convolve2d,
  convolve2dGradInput,
  convolve2dGradWeight,
  maxPool2d,
  maxPool2dGradient,
}); // a spread would keep these in every program: bundlers do not remove one that is unused
