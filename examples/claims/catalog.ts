/** The catalog: all claims, in the order of the page. */
import type { Claim } from "./claim.js";
import { betaProfile } from "./claims/beta-profile.js";
import { covariateShift } from "./claims/covariate-shift.js";
import { edgeOfStability } from "./claims/edge-of-stability.js";
import { hiddenShift } from "./claims/hidden-shift.js";
import { landscape } from "./claims/landscape.js";
import { noisyBatchNorm } from "./claims/noisy-batch-norm.js";
import { sigmoidInputs } from "./claims/sigmoid-inputs.js";
import { twoStories } from "./claims/two-stories.js";

/** What nobody else shows comes first. */
export const CLAIMS: readonly Claim[] = [
  twoStories,
  sigmoidInputs,
  hiddenShift,
  landscape,
  betaProfile,
  covariateShift,
  noisyBatchNorm,
  edgeOfStability,
];
