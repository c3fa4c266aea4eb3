/** The solutions. Each differs from its exercise in one place. */
import { softmaxCrossEntropy } from "batchnorm";
import { type Answers, meanOf, sumOf, times } from "./answers.js";

const norm = (v: Float64Array): number => Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));

export const solutions: Answers = {
  // 1. The term through the mean was missing.
  dxInOneLine: ({ dy, xhat, gamma, rstd }) =>
    dy.map((d, n) => gamma * rstd * (d - meanOf(dy) - xhat[n]! * meanOf(times(dy, xhat)))),

  // 2. The term through the variance was missing.
  dxInALoop: ({ dy, xhat, gamma, rstd }) => {
    const dx = new Float64Array(dy.length);
    const meanDy = meanOf(dy);
    const meanDyXhat = meanOf(times(dy, xhat));
    for (let n = 0; n < dx.length; n++) {
      const inner = dy[n]! - meanDy - xhat[n]! * meanDyXhat;
      dx[n] = gamma * rstd * inner;
    }
    return dx;
  },

  // 3. The scale and the constant depend on x too: both the mean and the variance contribute a term.
  dxOfAScale: ({ dy, xhat, gamma, rstd }) => {
    const scale = gamma * rstd;
    return dy.map((d, n) => scale * (d - meanOf(dy) - xhat[n]! * meanOf(times(dy, xhat))));
  },

  // 4. The derivative of variance ** -0.5 is negative.
  dxByChainRule: ({ dy, xhat, gamma, rstd }) => {
    const rows = dy.length;
    const centered = xhat.map((value) => value / rstd);
    const dxhat = dy.map((d) => d * gamma);
    const dvariance = -0.5 * rstd ** 3 * sumOf(times(dxhat, centered));
    const dmean = -rstd * sumOf(dxhat);
    return dxhat.map((d, n) => d * rstd + (dvariance * 2 * centered[n]!) / rows + dmean / rows);
  },

  // 5. Batch norm normalizes with the biased variance, so both terms divide by the number of rows.
  dxFromSums: ({ dy, xhat, gamma, rstd }) => {
    const rows = dy.length;
    const dbeta = sumOf(dy);
    const dgamma = sumOf(times(dy, xhat));
    return dy.map((d, n) => gamma * rstd * (d - dbeta / rows - (xhat[n]! * dgamma) / rows));
  },

  // 6. dxhat lacked the factor gamma.
  dxFromDxhat: ({ dy, xhat, gamma, rstd }) => {
    const dxhat = dy.map((d) => d * gamma);
    const mean = meanOf(dxhat);
    const slope = meanOf(times(dxhat, xhat));
    return dxhat.map((d, n) => rstd * (d - mean - xhat[n]! * slope));
  },

  // 7. The result lacked the factor rstd.
  dxByProjection: ({ dy, xhat, gamma, rstd }) => {
    const rows = dy.length;
    const without = (v: Float64Array, direction: Float64Array): Float64Array => {
      const along = sumOf(times(v, direction)) / rows;
      return v.map((value, n) => value - along * direction[n]!);
    };
    const ones = new Float64Array(rows).fill(1);
    return without(without(dy, ones), xhat).map((value) => gamma * rstd * value);
  },

  // 8. The first step already contains the factor rstd.
  dxInTwoSteps: ({ dy, xhat, gamma, rstd }) => {
    const slope = meanOf(times(dy, xhat));
    const dcentered = dy.map((d, n) => gamma * rstd * (d - xhat[n]! * slope));
    const mean = meanOf(dcentered);
    return dcentered.map((d) => d - mean);
  },

  // 9. The weights of the two means were exchanged, which is Keras's meaning of momentum.
  updateMean: (running, batchMean, momentum) => (1 - momentum) * running + momentum * batchMean,

  // 10. The variance of a sample underestimates the variance of the data by the factor (n - 1) / n.
  updateVariance: (running, values, momentum) => {
    const mean = meanOf(values);
    const variance = sumOf(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
    return running + momentum * (variance - running);
  },

  // 11. Only mode "inference" uses the running statistics. Mode "probe" measures what training does.
  statisticsFor: (mode, batch, running) => (mode === "inference" ? running : batch),

  // 12. Mode "train" normalizes with the statistics of the batch, and updates the running statistics.
  predict: (model, input) => model.forward(input, { mode: "inference" }).output,

  // 13. The norm of the difference, not the difference of the norms: a gradient that turns changes too.
  relativeChange: (gradient, other) => norm(other.map((value, i) => value - gradient[i]!)) / norm(gradient),

  // 14. Mode "probe" uses the statistics of the batch, as training does, and leaves the running statistics alone.
  lossForProbe: (model, input, labels) =>
    softmaxCrossEntropy(model.forward(input, { mode: "probe" }).output, labels).loss,
};
