/** Running statistics over five training steps against PyTorch, and by Keras's biased rule. */
import { BatchNorm } from "batchnorm";
import { describe, expect, it } from "vitest";
import {
  expectTensor,
  expectValues,
  type GoldenTensor,
  type GoldenTensors,
  kernelSets,
  load,
  readCases,
  tensorOf,
  toleranceOf,
} from "./golden.js";

interface RunningStatisticsCase {
  readonly id: string;
  readonly features: number;
  readonly momentum: number | null;
  readonly epsilon: number;
  readonly parameters: GoldenTensors;
  readonly steps: readonly {
    readonly input: GoldenTensor;
    readonly output: GoldenTensor;
    readonly runningMean: GoldenTensor;
    readonly runningVariance: GoldenTensor;
    readonly runningVarianceBiased: GoldenTensor;
    readonly batchesTracked: number;
  }[];
  readonly inference: {
    readonly input: GoldenTensor;
    readonly output: GoldenTensor;
    readonly outputBiased: GoldenTensor;
  };
}

const cases = readCases("running-statistics.json") as readonly RunningStatisticsCase[];
const tolerance = toleranceOf("float64");

describe.each(kernelSets)("on $name kernels", (kernels) => {
  describe.each(["unbiased", "biased"] as const)("%s running variance", (varianceEstimator) => {
    it.each(cases)("$id", ({ features, momentum, epsilon, parameters, steps, inference }) => {
      const norm = new BatchNorm({ features, momentum, epsilon, varianceEstimator, dtype: "float64" });
      load(norm, parameters);
      for (const step of steps) {
        const x = tensorOf(step.input);
        // Neither moves a statistic: the values below are those of the training passes alone.
        norm.forward(x, { mode: "probe", kernels });
        if (norm.batchesTracked.values[0]! > 0) norm.forward(x, { mode: "inference", kernels });
        expectTensor("output", norm.forward(x, { mode: "train", kernels }).output, step.output, tolerance);
        const variance = varianceEstimator === "biased" ? step.runningVarianceBiased : step.runningVariance;
        expectValues("runningMean", norm.runningMean.values, step.runningMean, tolerance);
        expectValues("runningVariance", norm.runningVariance.values, variance, tolerance);
        expect([...norm.batchesTracked.values]).toEqual([step.batchesTracked]);
      }
      const { output } = norm.forward(tensorOf(inference.input), { mode: "inference", kernels });
      const expected = varianceEstimator === "biased" ? inference.outputBiased : inference.output;
      expectTensor("output in inference", output, expected, tolerance);
    });
  });
});
