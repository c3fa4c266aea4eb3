/**
 * batchnorm/probes: instruments to see why batch normalization works. They need an objective or values, not a model of this library.
 *
 * @module
 */

// The loss landscape
export {
  alongGradient,
  type AlongGradientOptions,
  type AlongGradientReport,
  type AlongGradientStep,
} from "./along-gradient.js";
export { stepSizesAround } from "./step-sizes.js";
export {
  lipschitzAlongTrajectory,
  type LipschitzAlongTrajectoryReport,
  lipschitzFromPairs,
  type LipschitzFromPairsOptions,
  type LipschitzFromPairsReport,
  type LipschitzPair,
  type LipschitzReport,
  type QuotientSummary,
} from "./lipschitz.js";

// Curvature
export { curvature, type CurvatureOptions, type CurvatureReport, type Eigenvalue } from "./curvature.js";
export { hessianTrace, type HessianTraceOptions, type HessianTraceReport } from "./hessian-trace.js";
export { hessianVectorProduct, type HessianVectorProductOptions, type HessianVectorProductReport } from "./hessian.js";
export {
  spectralDensity,
  type SpectralDensityOptions,
  type SpectralDensityReport,
  type SpectralNode,
} from "./spectral-density.js";

// The values inside a network
export {
  ActivationRecorder,
  type ActivationRecorderOptions,
  type ActivationRecord,
  type ActivationReport,
  mergeActivationRecords,
  type Observer,
} from "./activation-recorder.js";
export type { FeatureHistograms, FeatureSummaries, LayerSummary } from "./feature-summaries.js";
export type { Figure, Summary } from "./summary.js";
export {
  mergeMoments,
  type Moments,
  momentsOf,
  type MomentStatistics,
  momentStatistics,
  noMoments,
} from "./moments.js";
export { quantilesOf } from "./quantiles.js";
export { type Histogram, histogramOf, histogramQuantile, mergeHistograms } from "./histogram.js";
export type { Reasons } from "./finite-values.js";
export {
  ShiftOverTraining,
  type ShiftOverTrainingOptions,
  type ShiftOverTrainingReport,
} from "./shift-over-training.js";
export type { Place, ShiftRecord } from "./shift-record.js";
export type { Shift, UnitFigures } from "./shift.js";

// Distances between two samples
export {
  compareSamples,
  energyDistance,
  kolmogorovSmirnov,
  type SampleDistances,
  wasserstein1,
} from "./sample-distances.js";
export { type GaussianDistances, gaussianDistances } from "./gaussian-distances.js";
export { compareHistograms, type HistogramDistances } from "./histogram-distances.js";
export { maximumMeanDiscrepancy, type MmdOptions, type MmdReport } from "./mmd.js";

// Tests for two independent samples
export { permutationTest, type PermutationTestOptions, type PermutationTestReport } from "./permutation-test.js";
export type { PermutationOptions } from "./row-permutations.js";
export type { TestStatistic } from "./split-statistics.js";
export { mmdTest, type MmdTestOptions, type MmdTestReport } from "./mmd-test.js";
export { benjaminiHochberg } from "./benjamini-hochberg.js";
export type { Samples } from "../core/samples.js";

// Slices
export {
  type DirectionReport,
  lossPlane,
  type LossPlaneOptions,
  type LossPlaneReport,
  lossSlice,
  type LossSliceOptions,
  type LossSliceReport,
  type SliceDirection,
} from "./loss-slice.js";
export {
  type FilterNormalizationOptions,
  filterNormalizedDirection,
  type FilterNormalizedDirection,
} from "./filter-normalization.js";

// Theory, and networks at initialization
export { theorem41, type Theorem41Feature, type Theorem41Options, type Theorem41Report } from "./theorem41.js";
export {
  gradientNorms,
  type GradientNormsOptions,
  type GradientNormsReport,
  type GroupNorm,
} from "./gradient-norms.js";
export { signalPropagation, type SignalPropagationReport } from "./signal-propagation.js";

// Internal covariate shift
export {
  type BlockShift,
  internalCovariateShift,
  type InternalCovariateShiftOptions,
  type InternalCovariateShiftReport,
} from "./internal-covariate-shift.js";
export type { BlockRule } from "./blocks.js";
export type { GradientChange } from "./gradient-change.js";

// Reports
export { type FigureKind, parseReport, type ProbeReport, stringifyReport } from "./report.js";
export type { Extreme } from "./extremes.js";
export type { Stretch } from "./stretches.js";
