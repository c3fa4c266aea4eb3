/**
 * batchnorm/variants: layers that research uses instead of batch norm or after it, for comparison.
 *
 * @module
 */

export { BatchRenorm, type BatchRenormOptions } from "./batch-renorm.js";
export { GhostBatchNorm, type GhostBatchNormOptions } from "./ghost-batch-norm.js";
export { LpNorm, type LpNormOptions } from "./lp-norm.js";
export { NoiseInjection, type NoiseInjectionOptions } from "./noise-injection.js";
