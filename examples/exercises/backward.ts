/**
 * Exercises 1 to 8: the gradient of batch norm with respect to its input.
 *
 * Each function computes dx for one feature of a batch, and each contains one mistake. Find it, correct it, and run
 * `npm run exercise` to see whether you were right. The functions organize the computation differently, so read before you copy.
 * docs/batch-norm.md derives the gradient. x affects y in three ways: directly, through the mean, and through the variance.
 */
import { type BackwardRule, meanOf, sumOf, times } from "./answers.js";

/** 1. The formula in one line. */
export const dxInOneLine: BackwardRule = ({ dy, xhat, gamma, rstd }) =>
  dy.map((d, n) => gamma * rstd * (d - xhat[n]! * meanOf(times(dy, xhat))));

/** 2. The formula as a loop. */
export const dxInALoop: BackwardRule = ({ dy, gamma, rstd }) => {
  const dx = new Float64Array(dy.length);
  const meanDy = meanOf(dy);
  for (let n = 0; n < dx.length; n++) {
    const inner = dy[n]! - meanDy;
    dx[n] = gamma * rstd * inner;
  }
  return dx;
};

/** 3. y is x times a scale, plus a constant, so dx is dy times this scale. */
export const dxOfAScale: BackwardRule = ({ dy, gamma, rstd }) => {
  const scale = gamma * rstd;
  return dy.map((d) => scale * d);
};

/** 4. The chain rule, one intermediate value after another: xhat, the variance, the mean, x. */
export const dxByChainRule: BackwardRule = ({ dy, xhat, gamma, rstd }) => {
  const rows = dy.length;
  const centered = xhat.map((value) => value / rstd);
  const dxhat = dy.map((d) => d * gamma);
  const dvariance = 0.5 * rstd ** 3 * sumOf(times(dxhat, centered));
  const dmean = -rstd * sumOf(dxhat);
  return dxhat.map((d, n) => d * rstd + (dvariance * 2 * centered[n]!) / rows + dmean / rows);
};

/** 5. From two sums over the batch, which are also the gradients of beta and gamma. */
export const dxFromSums: BackwardRule = ({ dy, xhat, gamma, rstd }) => {
  const rows = dy.length;
  const dbeta = sumOf(dy);
  const dgamma = sumOf(times(dy, xhat));
  return dy.map((d, n) => gamma * rstd * (d - dbeta / rows - (xhat[n]! * dgamma) / (rows - 1)));
};

/** 6. In two stages: first back through y = gamma xhat + beta, then through the normalization. */
export const dxFromDxhat: BackwardRule = ({ dy, xhat, rstd }) => {
  const dxhat = dy;
  const mean = meanOf(dxhat);
  const slope = meanOf(times(dxhat, xhat));
  return dxhat.map((d, n) => rstd * (d - mean - xhat[n]! * slope));
};

/** 7. As a projection: batch norm removes two directions from the gradient, the constant one and xhat. */
export const dxByProjection: BackwardRule = ({ dy, xhat, gamma }) => {
  const rows = dy.length;
  const without = (v: Float64Array, direction: Float64Array): Float64Array => {
    const along = sumOf(times(v, direction)) / rows;
    return v.map((value, n) => value - along * direction[n]!);
  };
  const ones = new Float64Array(rows).fill(1);
  return without(without(dy, ones), xhat).map((value) => gamma * value);
};

/** 8. In two steps: through the division by the standard deviation, then through the subtraction of the mean. */
export const dxInTwoSteps: BackwardRule = ({ dy, xhat, gamma, rstd }) => {
  const slope = meanOf(times(dy, xhat));
  const dcentered = dy.map((d, n) => gamma * rstd * (d - xhat[n]! * slope));
  const mean = meanOf(dcentered);
  return dcentered.map((d) => rstd * (d - mean));
};
