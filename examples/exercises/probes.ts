/**
 * Exercises 13 and 14: measurements on a model.
 *
 * Each function contains one mistake. docs/probes.md defines what the probes measure.
 */
import { softmaxCrossEntropy } from "batchnorm";
import type { Answers } from "./answers.js";

const norm = (v: Float64Array): number => Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));

/** 13. How much the gradient changes between two points, relative to its norm at the first: 0 if it does not change. */
export const relativeChange: Answers["relativeChange"] = (gradient, other) =>
  Math.abs(norm(other) - norm(gradient)) / norm(gradient);

/** 14. The training loss at the current weights. A probe calls this at many trial weights, and must leave no trace. */
export const lossForProbe: Answers["lossForProbe"] = (model, input, labels) =>
  softmaxCrossEntropy(model.forward(input, { mode: "train" }).output, labels).loss;
