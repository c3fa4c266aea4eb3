/** BatchRenorm, GhostBatchNorm and LpNorm against PyTorch, forward and backward. */
import { type Layer } from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm } from "batchnorm/variants";
import { describe, expect, it } from "vitest";
import {
  expectTensor,
  type GoldenTensor,
  type GoldenTensors,
  kernelSets,
  load,
  readCases,
  tensorOf,
  toleranceOf,
} from "./golden.js";

interface SpecialLayerCase {
  readonly id: string;
  readonly layer: string;
  readonly options: Readonly<Record<string, number | string>>;
  readonly input: GoldenTensor;
  readonly gradOutput: GoldenTensor;
  readonly parameters: GoldenTensors;
  readonly statistics: GoldenTensors;
  readonly output: GoldenTensor;
  readonly gradInput: GoldenTensor;
  readonly gradients: GoldenTensors;
}

const makers: Readonly<Record<string, (options: never) => Layer>> = {
  BatchRenorm: (options) => new BatchRenorm(options),
  GhostBatchNorm: (options) => new GhostBatchNorm(options),
  LpNorm: (options) => new LpNorm(options),
};

describe.each(kernelSets)("on $name kernels, as in PyTorch", (kernels) => {
  it.each(readCases("special-layers.json") as readonly SpecialLayerCase[])("$id", (one) => {
    const tolerance = toleranceOf("float64");
    const options = { ...one.options, ...("p" in one.options && { p: Number(one.options["p"]) }), dtype: "float64" };
    const layer = makers[one.layer]!(options as never);
    load(layer, { ...one.parameters, ...one.statistics });
    const { output, backward } = layer.forward(tensorOf(one.input), { mode: "probe", kernels });
    expectTensor("output", output, one.output, tolerance);
    const { gradInput, gradients } = backward(tensorOf(one.gradOutput));
    expectTensor("gradInput", gradInput, one.gradInput, tolerance);
    expect([...gradients].map(([{ name }]) => name).sort()).toEqual(Object.keys(one.gradients).sort());
    for (const [{ name }, gradient] of gradients) expectTensor(name, gradient, one.gradients[name]!, tolerance);
  });
});
