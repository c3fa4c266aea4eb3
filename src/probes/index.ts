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

// Reports
export { type FigureKind, parseReport, type ProbeReport, stringifyReport } from "./report.js";
export type { Extreme } from "./extremes.js";
export type { Stretch } from "./stretches.js";
