/** All claims, in the order of the page. */
import type { Claim } from "./claim.js";
import { batchSize } from "./claims/batch-size.js";
import { betaProfile } from "./claims/beta-profile.js";
import { covariateShift } from "./claims/covariate-shift.js";
import { deepLinearClaim } from "./claims/deep-linear.js";
import { dynamicTanh } from "./claims/dynamic-tanh.js";
import { edgeOfStability } from "./claims/edge-of-stability.js";
import { gammaAndBeta } from "./claims/gamma-and-beta.js";
import { growingRate } from "./claims/growing-rate.js";
import { hiddenShift } from "./claims/hidden-shift.js";
import { initialization } from "./claims/initialization.js";
import { landscape } from "./claims/landscape.js";
import { learningRates } from "./claims/learning-rates.js";
import { lpNorms } from "./claims/lp-norms.js";
import { meanOrDeviation } from "./claims/mean-or-deviation.js";
import { noisyBatchNorm } from "./claims/noisy-batch-norm.js";
import { residualBlocks } from "./claims/residual-blocks.js";
import { rotation } from "./claims/rotation.js";
import { sampleGradientsClaim } from "./claims/sample-gradients.js";
import { sampleVariance } from "./claims/sample-variance.js";
import { scaleInvariance } from "./claims/scale-invariance.js";
import { sharpDirection } from "./claims/sharp-direction.js";
import { shiftedInputsClaim } from "./claims/shifted-inputs.js";
import { sigmoidInputs } from "./claims/sigmoid-inputs.js";
import { smallBatches } from "./claims/small-batches.js";
import { spectrum } from "./claims/spectrum.js";
import { theorem41Claim } from "./claims/theorem-4-1.js";
import { twoStories } from "./claims/two-stories.js";

/** This project's own experiment comes first. */
export const CLAIMS: readonly Claim[] = [
  twoStories,
  sigmoidInputs,
  hiddenShift,
  shiftedInputsClaim,
  learningRates,
  landscape,
  betaProfile,
  covariateShift,
  noisyBatchNorm,
  lpNorms,
  theorem41Claim,
  deepLinearClaim,
  edgeOfStability,
  scaleInvariance,
  initialization,
  spectrum,
  batchSize,
  gammaAndBeta,
  sharpDirection,
  sampleVariance,
  growingRate,
  rotation,
  residualBlocks,
  smallBatches,
  meanOrDeviation,
  dynamicTanh,
  sampleGradientsClaim,
];
