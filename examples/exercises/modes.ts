/**
 * Exercises 9 to 12: modes and running statistics.
 *
 * Each function contains one mistake. docs/modes.md describes the three modes and what momentum means.
 */
import type { Answers } from "./answers.js";

/** 9. The running mean after a batch. With momentum 0.1, as here and in PyTorch, the batch contributes a tenth. */
export const updateMean: Answers["updateMean"] = (running, batchMean, momentum) =>
  momentum * running + (1 - momentum) * batchMean;

/** 10. The running variance after a batch. It estimates the variance of the data, from which the batch is a sample. */
export const updateVariance: Answers["updateVariance"] = (running, values, momentum) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return running + momentum * (variance - running);
};

/** 11. The statistics that normalize in mode "train", "probe" or "inference". */
export const statisticsFor: Answers["statisticsFor"] = (mode, batch, running) => (mode === "probe" ? running : batch);

/** 12. The predictions of a trained model. */
export const predict: Answers["predict"] = (model, input) => model.forward(input, { mode: "train" }).output;
