/**
 * batchnorm/probes: instruments to measure why batch normalization works. They need an objective or values, not a model of this
 * library.
 *
 * @module
 */

// The loss landscape
export {
  alongGradient,
  type AlongGradientOptions,
  type AlongGradientReport,
  type AlongGradientStep,
  type Extreme,
  stepSizesAround,
} from "./landscape/along-gradient.js";
export {
  type FilterNormalizationOptions,
  filterNormalizedDirection,
  type FilterNormalizedDirection,
} from "./landscape/filter-normalization.js";
export type { GradientChange } from "./landscape/gradient-change.js";
export {
  type GradientNormOfGroup,
  gradientNorms,
  type GradientNormsOptions,
  type GradientNormsReport,
} from "./landscape/gradient-norms.js";
export {
  lipschitzAlongTrajectory,
  type LipschitzAlongTrajectoryReport,
  lipschitzFromPairs,
  type LipschitzFromPairsOptions,
  type LipschitzFromPairsReport,
  type LipschitzPair,
  type LipschitzReport,
  type QuotientSummary,
} from "./landscape/lipschitz.js";
export {
  type DirectionReport,
  lossPlane,
  type LossPlaneOptions,
  type LossPlaneReport,
  lossSlice,
  type LossSliceOptions,
  type LossSliceReport,
  type SliceDirection,
} from "./landscape/loss-slice.js";

// Curvature
export { curvature, type CurvatureOptions, type CurvatureReport, type Eigenvalue } from "./curvature/curvature.js";
export { hessianTrace, type HessianTraceOptions, type HessianTraceReport } from "./curvature/hessian-trace.js";
export {
  hessianVectorProduct,
  type HessianVectorProductOptions,
  type HessianVectorProductReport,
} from "./curvature/hessian.js";
export { spanShares, type SpanSharesReport } from "./curvature/span-shares.js";
export {
  spectralDensity,
  type SpectralDensityOptions,
  type SpectralDensityReport,
  type SpectralNode,
} from "./curvature/spectral-density.js";

// Internal covariate shift, as a change of gradients and as a change of values
export {
  type BlockRule,
  type BlockShift,
  internalCovariateShift,
  type InternalCovariateShiftOptions,
  type InternalCovariateShiftReport,
} from "./shift/internal-covariate-shift.js";
export {
  type ActivationPlace,
  type Shift,
  type ShiftPassOptions,
  ShiftOverTraining,
  type ShiftOverTrainingOptions,
  type ShiftOverTrainingReport,
  type ShiftRecord,
  type UnitFigures,
} from "./shift/shift-over-training.js";
export {
  type RotationOfWeight,
  WeightRotation,
  type WeightRotationOptions,
  type WeightRotationReport,
  type WeightRotationReportOptions,
} from "./shift/weight-rotation.js";

// The values inside a network
export {
  type ActivationRecord,
  ActivationRecorder,
  type ActivationRecorderOptions,
  type ActivationReport,
  mergeActivationRecords,
  type Observer,
  type RecordOptions,
} from "./values/activation-recorder.js";
export { type Histogram, histogramOf, histogramQuantile, mergeHistograms } from "./values/histogram.js";
export {
  mergeMoments,
  type Moments,
  momentsOf,
  type MomentStatistics,
  momentStatistics,
  noMoments,
} from "./values/moments.js";
export { quantilesOf } from "./values/quantiles.js";
export type { RowWeights } from "./values/row-weights.js";
export { signalPropagation, type SignalPropagationReport } from "./values/signal-propagation.js";
export type { FeatureHistograms, FeatureSummaries, LayerSummary, Summary } from "./values/summary.js";

// Distances between two samples, and tests for two independent ones
export { benjaminiHochberg } from "./distances/benjamini-hochberg.js";
export { type GaussianDistances, gaussianDistances } from "./distances/gaussian-distances.js";
export {
  compareHistograms,
  type CompareHistogramsOptions,
  type HistogramDistances,
} from "./distances/histogram-distances.js";
export {
  maximumMeanDiscrepancy,
  type MmdOptions,
  type MmdReport,
  mmdTest,
  type MmdTestOptions,
  type MmdTestReport,
} from "./distances/mmd.js";
export {
  permutationTest,
  type PermutationTestOptions,
  type PermutationTestReport,
  type TestStatistic,
} from "./distances/permutation-test.js";
export type { PermutationOptions, PermutationsMade } from "./distances/row-permutations.js";
export {
  compareSamples,
  energyDistance,
  kolmogorovSmirnov,
  type SampleDistances,
  wasserstein1,
} from "./distances/sample-distances.js";

// Theory
export { theorem41, type Theorem41Feature, type Theorem41Options, type Theorem41Report } from "./theory/theorem41.js";

// Samples and reports
export type { Samples } from "../core/samples.js";
export type { Stretch } from "./shared/arguments.js";
export {
  type Figure,
  type FigureKind,
  type Kinds,
  parseReport,
  type ProbeReport,
  type Reasons,
  stringifyReport,
} from "./shared/report.js";
