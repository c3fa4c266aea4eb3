/** BatchNorm against PyTorch: every layout, scale and center, both modes, forward and backward. */
import { BatchNorm, type DType, type Kernels, type Mode } from "batchnorm";
import { describe, expect, it } from "vitest";
import { tolerances, unitRoundoff } from "../../src/core/dtype.js";
import {
  expectTensor,
  expectValues,
  type GoldenTensor,
  type GoldenTensors,
  kernelSets,
  load,
  numbersOf,
  readCases,
  type Tolerance,
  toleranceOf,
  tensorOf,
} from "./golden.js";

interface Results {
  readonly output: GoldenTensor;
  readonly gradInput: GoldenTensor;
  readonly gradients: GoldenTensors;
}

interface BatchNormCase {
  readonly id: string;
  readonly dtype: DType;
  readonly axis: number;
  readonly features: number;
  readonly epsilon: number;
  readonly scale: boolean;
  readonly center: boolean;
  readonly input: GoldenTensor;
  readonly gradOutput: GoldenTensor;
  readonly parameters: GoldenTensors;
  readonly statistics: GoldenTensors;
  readonly batchMean: GoldenTensor;
  readonly batchVariance: GoldenTensor;
  readonly train: Results;
  readonly inference: Results;
}

const cases = readCases("batch-norm.json") as readonly BatchNormCase[];

function layerOf({ dtype, axis, features, epsilon, scale, center, parameters }: BatchNormCase): BatchNorm {
  // Momentum 1 leaves the statistics of the last batch in the running ones.
  const layer = new BatchNorm({
    dtype,
    axis,
    features,
    epsilon,
    scale,
    center,
    momentum: 1,
    varianceEstimator: "biased",
  });
  load(layer, parameters);
  return layer;
}

/** x - mean cannot be known better than the mean, whose round-off is large where the mean is far above the spread. */
function toleranceFor({ dtype, batchMean, batchVariance }: BatchNormCase): Tolerance {
  const largestMean = Math.max(...numbersOf(batchMean).map(Math.abs));
  const leastStd = Math.sqrt(Math.min(...numbersOf(batchVariance)));
  return toleranceOf(dtype, 1 + ((largestMean / leastStd) * unitRoundoff.float64) / tolerances[dtype].parity);
}

function expectPass(one: BatchNormCase, layer: BatchNorm, mode: Mode, kernels: Kernels, expected: Results): void {
  const tolerance = toleranceFor(one);
  const forward = layer.forward(tensorOf(one.input), { mode, kernels });
  expectTensor("output", forward.output, expected.output, tolerance);
  const { gradInput, gradients } = forward.backward(tensorOf(one.gradOutput));
  expectTensor("gradInput", gradInput, expected.gradInput, tolerance);
  const byName = new Map([...gradients].map(([parameter, gradient]) => [parameter.name, gradient]));
  expect([...byName.keys()]).toEqual(Object.keys(expected.gradients));
  for (const [name, gradient] of byName) expectTensor(name, gradient, expected.gradients[name]!, tolerance);
}

describe.each(kernelSets)("on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases)("training: $id", (one) => {
    const layer = layerOf(one);
    expectPass(one, layer, "train", kernels, one.train);
    expectValues("the batch's mean", layer.runningMean.values, one.batchMean, toleranceOf("float64"));
    expectValues("the batch's variance", layer.runningVariance.values, one.batchVariance, toleranceOf("float64"));
  });

  it.each(cases)("probe mode: $id", (one) => {
    const layer = layerOf(one);
    expectPass(one, layer, "probe", kernels, one.train);
    expect([...layer.runningMean.values, ...layer.batchesTracked.values].every((value) => value === 0)).toBe(true);
  });

  it.each(cases)("inference: $id", (one) => {
    const layer = layerOf(one);
    load(layer, { ...one.statistics, batchesTracked: 1 });
    expectPass(one, layer, "inference", kernels, one.inference);
    expectValues("runningMean", layer.runningMean.values, one.statistics["runningMean"]!, toleranceOf("float64", 0));
  });
});
