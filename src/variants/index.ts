/**
 * batchnorm/variants: layers used in research in place of batch norm or after it.
 *
 * @module
 */

export { BatchRenorm, type BatchRenormOptions } from "./batch-renorm.js";
export { BatchRMSNorm, type BatchRMSNormOptions } from "./batch-rms-norm.js";
export { DynamicTanh, type DynamicTanhOptions } from "./dynamic-tanh.js";
export { GhostBatchNorm, type GhostBatchNormOptions } from "./ghost-batch-norm.js";
export { LpNorm, type LpNormOptions } from "./lp-norm.js";
export { MeanOnlyNorm, type MeanOnlyNormOptions } from "./mean-only-norm.js";
export { NoiseInjection, type NoiseInjectionOptions } from "./noise-injection.js";
