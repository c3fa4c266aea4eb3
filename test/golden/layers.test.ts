/** Dense, LayerNorm, RMSNorm, GroupNorm, the activations, the layers for images, Softmax and the losses against PyTorch, forward and backward. */
import { type DType, meanSquaredError, sigmoidCrossEntropy, softmaxCrossEntropy } from "batchnorm";
import { describe, expect, it } from "vitest";
import {
  buildLayer,
  expectTensor,
  expectValues,
  type GoldenTensor,
  type GoldenTensors,
  kernelSets,
  load,
  numbersOf,
  readCases,
  tensorOf,
  toleranceOf,
} from "./golden.js";

interface LayerCase {
  readonly id: string;
  readonly kind: "layer";
  readonly layer: string;
  readonly dtype: DType;
  readonly options: object;
  readonly input: GoldenTensor;
  readonly gradOutput: GoldenTensor;
  readonly parameters: GoldenTensors;
  readonly output: GoldenTensor;
  readonly gradInput: GoldenTensor;
  readonly gradients: GoldenTensors;
}

interface LossCase {
  readonly id: string;
  readonly kind: "loss";
  readonly loss: "softmaxCrossEntropy" | "meanSquaredError" | "sigmoidCrossEntropy";
  readonly options: { readonly labelSmoothing?: number };
  readonly output: GoldenTensor;
  readonly target: GoldenTensor;
  readonly value: number;
  readonly gradOutput: GoldenTensor;
}

const cases = [...readCases("layers.json"), ...readCases("images.json")] as readonly (LayerCase | LossCase)[];

describe.each(kernelSets)("layers on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases.filter((one) => one.kind === "layer"))("$id", (one) => {
    const tolerance = toleranceOf(one.dtype);
    const layer = buildLayer(one.layer, one.options, one.dtype);
    load(layer, one.parameters);
    const forward = layer.forward(tensorOf(one.input), { mode: "train", kernels });
    expectTensor("output", forward.output, one.output, tolerance);
    const { gradInput, gradients } = forward.backward(tensorOf(one.gradOutput));
    expectTensor("gradInput", gradInput, one.gradInput, tolerance);
    const byName = new Map([...gradients].map(([parameter, gradient]) => [parameter.name, gradient]));
    expect([...byName.keys()].sort()).toEqual(Object.keys(one.gradients).sort());
    for (const [name, gradient] of byName) expectTensor(name, gradient, one.gradients[name]!, tolerance);
  });
});

describe.each(kernelSets)("losses on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases.filter((one) => one.kind === "loss"))("$id", ({ loss, options, output, target, value, gradOutput }) => {
    const labels = target.dtype === "int32" ? numbersOf(target) : tensorOf(target);
    const found =
      loss === "softmaxCrossEntropy"
        ? softmaxCrossEntropy(tensorOf(output), labels, { ...options, kernels })
        : (loss === "meanSquaredError" ? meanSquaredError : sigmoidCrossEntropy)(tensorOf(output), tensorOf(target), {
            kernels,
          });
    expectValues("loss", [found.loss], [value], toleranceOf("float64"));
    expectTensor("gradOutput", found.gradOutput, gradOutput, toleranceOf("float64"));
  });
});
