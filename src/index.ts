/**
 * batchnorm: batch normalization for TypeScript, and the instruments to see why it works.
 *
 * @module
 */

// Numbers with a shape
export { type Nested, type NormalOptions, Tensor, type TensorFromOptions, type UniformOptions } from "./core/tensor.js";
export { channelView, type ChannelView, type Shape } from "./core/shape.js";
export type { DType, Floats, OwnFloats } from "./core/dtype.js";
export { Random, type RandomState } from "./core/random.js";

// Layers
export { BatchNorm, type BatchNormOptions, type FreezeOptions } from "./layers/batch-norm.js";
export { Dense, type DenseOptions, type DenseInitialValues } from "./layers/dense.js";
export { Conv2d, type Conv2dInitialValues, type Conv2dOptions } from "./layers/conv2d.js";
export { AveragePool2d, GlobalAveragePool, MaxPool2d, type PoolOptions } from "./layers/pooling.js";
export type { Pixels } from "./layers/windows.js";
export { LeakyReLU, type LeakyReLUOptions, ReLU, Sigmoid, Tanh } from "./layers/activations.js";
export { ELU, type ELUOptions, GELU, type GELUOptions, SiLU, Softplus } from "./layers/smooth-activations.js";
export { GroupNorm, type GroupNormOptions, LayerNorm, type LayerNormOptions } from "./layers/group-norm.js";
export { RMSNorm, type RMSNormOptions } from "./layers/rms-norm.js";
export { Dropout, type DropoutOptions } from "./layers/dropout.js";
export { Flatten } from "./layers/flatten.js";
export { LogSoftmax, Softmax, type SoftmaxOptions } from "./layers/softmax.js";
export { Sequential } from "./layers/sequential.js";
export { Residual, type ResidualOptions } from "./layers/residual.js";
export type { PredictOptions } from "./layers/predict.js";
export { parametersByPath, statisticsByPath } from "./model/tree.js";

// The contract, and what a layer of your own needs
export type { Backward, Forward, Gradients, Layer, Mode, Pass } from "./layers/contract.js";
export { afterPass, beginForward, type ForwardStart, guardedForward, type LazyBackward } from "./layers/forward.js";
export { Parameter, type Role, RunningStatistic } from "./layers/parameter.js";

// Training
export {
  type CrossEntropyOptions,
  type Loss,
  type LossOptions,
  type LossValue,
  meanSquaredError,
  rowLosses,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
} from "./training/losses.js";
export {
  accuracy,
  argmax,
  confusionMatrix,
  type MetricOptions,
  oneHot,
  type OneHotOptions,
} from "./training/metrics.js";
export {
  Adam,
  type AdamOptions,
  AdamW,
  type Optimizer,
  type OptimizerMemory,
  type OptimizerOptions,
  SGD,
  type SGDOptions,
} from "./training/optimizers.js";
export { RMSprop, type RMSpropOptions } from "./training/rmsprop.js";
export { addGradients } from "./layers/gradients.js";
export {
  clipByNorm,
  clipByValue,
  type GradientsClippedByNorm,
  type GradientsClippedByValue,
} from "./training/clipping.js";
export {
  cosineSchedule,
  type CosineScheduleOptions,
  oneCycleSchedule,
  type OneCycleScheduleOptions,
  type Schedule,
  stepSchedule,
  type StepScheduleOptions,
  warmUp,
  type WarmUpOptions,
} from "./training/schedules.js";
export { Batcher, type BatcherOptions, type BatcherState, type RowBatch, type TargetRows } from "./training/batcher.js";
export {
  type Checkpoint,
  checkpoint,
  restore,
  type SavedArray,
  type SavedMemory,
  type SavedNumber,
  type TrainingRun,
} from "./model/checkpoint.js";
export { loadStateDict, stateDict, type StateDict, type StateEntry } from "./model/state.js";

// Objectives and their checks
export { meanObjective } from "./objective/mean-objective.js";
export type { Evaluation, Group, Objective, ProbeOptions } from "./objective/objective.js";
export { checkGradient, type CheckGradientOptions, type GradientReport } from "./objective/check-gradient.js";
export type { GradientComparison, Verdict } from "./objective/finite-difference.js";
export { checkObjective, type ObjectiveReport, type PromiseReport } from "./objective/check-objective.js";
export { checkLayer, type CheckLayerOptions } from "./model/check-layer.js";
export {
  type Batch,
  modelObjective,
  type ModelObjective,
  type ModelObjectiveOptions,
  outputObjective,
  type OutputValue,
} from "./model/objective.js";

// Kernels and errors
export type { AllKernels, ImageKernels, Kernels } from "./kernels/types.js";
export { defaultKernels } from "./kernels/default.js";
export { plainKernels } from "./kernels/plain/kernels.js";
export { wasmKernels } from "./kernels/wasm/kernels.js";
export { ShapeError } from "./core/errors.js";
