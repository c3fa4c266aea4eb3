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
} from "./landscape/along-gradient.js";
export { stepSizesAround } from "./landscape/along-gradient.js";
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

// Curvature
export { curvature, type CurvatureOptions, type CurvatureReport, type Eigenvalue } from "./curvature/curvature.js";
export { hessianTrace, type HessianTraceOptions, type HessianTraceReport } from "./curvature/hessian-trace.js";
export {
  hessianVectorProduct,
  type HessianVectorProductOptions,
  type HessianVectorProductReport,
} from "./curvature/hessian.js";
export {
  spectralDensity,
  type SpectralDensityOptions,
  type SpectralDensityReport,
  type SpectralNode,
} from "./curvature/spectral-density.js";

// The values inside a network
export {
  ActivationRecorder,
  type ActivationRecorderOptions,
  type ActivationRecord,
  type ActivationReport,
  mergeActivationRecords,
  type Observer,
} from "./values/activation-recorder.js";
export type { FeatureHistograms, FeatureSummaries, LayerSummary } from "./values/summary.js";
export type { Summary } from "./values/summary.js";
export {
  mergeMoments,
  type Moments,
  momentsOf,
  type MomentStatistics,
  momentStatistics,
  noMoments,
} from "./values/moments.js";
export { quantilesOf } from "./values/quantiles.js";
export { type Histogram, histogramOf, histogramQuantile, mergeHistograms } from "./values/histogram.js";

export {
  ShiftOverTraining,
  type ShiftOverTrainingOptions,
  type ShiftOverTrainingReport,
} from "./shift/shift-over-training.js";
export type { ActivationPlace, ShiftRecord } from "./shift/shift-over-training.js";
export type { Shift, UnitFigures } from "./shift/shift-over-training.js";

// Distances between two samples
export {
  compareSamples,
  energyDistance,
  kolmogorovSmirnov,
  type SampleDistances,
  wasserstein1,
} from "./distances/sample-distances.js";
export { type GaussianDistances, gaussianDistances } from "./distances/gaussian-distances.js";
export {
  compareHistograms,
  type CompareHistogramsOptions,
  type HistogramDistances,
} from "./distances/histogram-distances.js";
export { maximumMeanDiscrepancy, type MmdOptions, type MmdReport } from "./distances/mmd.js";

// Tests for two independent samples
export {
  permutationTest,
  type PermutationTestOptions,
  type PermutationTestReport,
} from "./distances/permutation-test.js";
export type { PermutationOptions } from "./distances/row-permutations.js";
export type { TestStatistic } from "./distances/permutation-test.js";
export { mmdTest, type MmdTestOptions, type MmdTestReport } from "./distances/mmd-test.js";
export { benjaminiHochberg } from "./distances/benjamini-hochberg.js";
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
} from "./landscape/loss-slice.js";
export {
  type FilterNormalizationOptions,
  filterNormalizedDirection,
  type FilterNormalizedDirection,
} from "./landscape/filter-normalization.js";

// Theory, and networks at initialization
export { theorem41, type Theorem41Feature, type Theorem41Options, type Theorem41Report } from "./theory/theorem41.js";
export {
  gradientNorms,
  type GradientNormsOptions,
  type GradientNormsReport,
  type GradientNormOfGroup,
} from "./landscape/gradient-norms.js";
export { signalPropagation, type SignalPropagationReport } from "./values/signal-propagation.js";

// Internal covariate shift
export {
  type BlockShift,
  internalCovariateShift,
  type InternalCovariateShiftOptions,
  type InternalCovariateShiftReport,
} from "./shift/internal-covariate-shift.js";
export type { BlockRule } from "./shift/internal-covariate-shift.js";
export type { GradientChange } from "./landscape/gradient-change.js";

// Reports
export {
  type Figure,
  type FigureKind,
  type Kinds,
  parseReport,
  type ProbeReport,
  type Reasons,
  stringifyReport,
} from "./shared/report.js";
export type { Extreme } from "./landscape/along-gradient.js";
export type { Stretch } from "./shared/arguments.js";
