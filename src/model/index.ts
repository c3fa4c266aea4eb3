/**
 * batchnorm/tools: functions for whole models. Compare training and inference, recompute running statistics, inspect a model for
 * common problems, fold batch norm layers into their neighbors, summarize and copy a model, and average its weights.
 *
 * @module
 */

export {
  compareModes,
  type CompareModesOptions,
  type LayerModes,
  type ModesReport,
  type OutputDifference,
} from "./compare-modes.js";
export {
  recalibrate,
  type RecalibratedLayer,
  type RecalibrateOptions,
  type RecalibrationBatch,
  type RecalibrationReport,
} from "./recalibrate.js";
export {
  foldBatchNorm,
  type FoldBatchNormOptions,
  type FoldedLayer,
  type FoldedModel,
  type FoldReport,
} from "./fold.js";
export {
  gradientCancellation,
  type GradientCancellationOptions,
  type GradientCancellationReport,
  type LayerCancellation,
} from "./gradient-cancellation.js";
export { inspect, type InspectOptions, type InspectReport } from "./inspect/inspect.js";
export type { Finding, FindingKind } from "./inspect/finding.js";
export type { LayerSignal } from "./inspect/value-findings.js";
export type { StatisticsGap } from "./feature-statistics.js";
export { summary, type SummaryLayer, type SummaryReport } from "./summary.js";
export { clone } from "./clone.js";
export { WeightAverage, type WeightAverageOptions } from "./weight-average.js";
