/**
 * batchnorm/variants: what research puts in the place of batch norm or behind it, to compare with.
 *
 * @module
 */

export { BatchRenorm, type BatchRenormOptions } from "./batch-renorm.js";
export { GhostBatchNorm, type GhostBatchNormOptions } from "./ghost-batch-norm.js";
export { LpNorm, type LpNormOptions } from "./lp-norm.js";
export { NoiseInjection, type NoiseInjectionOptions } from "./noise-injection.js";
