/** Outputs that are not zero: layers work with every kernel set, also with one that finds NaN in its outputs. */
import { describe, expect, it } from "vitest";
import { type DType, isFloats } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { Tensor } from "../../src/core/tensor.js";
import type { Kernels } from "../../src/kernels/types.js";
import { meanSquaredError, type Mode, softmaxCrossEntropy } from "../../src/index.js";
import { layerCases } from "../support/cases.js";
import { expectBits } from "../support/close.js";
import { kernelSets } from "../support/kernel-sets.js";

/** The outputs that a kernel writes without reading them. */
const outputs: Readonly<Record<Exclude<keyof Kernels, "name">, readonly string[]>> = {
  matmul: ["out"],
  matmulTransposedA: ["out"],
  matmulTransposedB: ["out"],
  columnSums: ["out"],
  convolve2d: ["y"],
  convolve2dGradInput: ["dx"],
  convolve2dGradWeight: ["dweight", "dbias"],
  maxPool2d: ["y"],
  maxPool2dGradient: ["dx"],
  moments: ["mean", "variance"],
  batchNormForward: ["y", "mean", "variance", "rstd"],
  batchNormBackward: ["dx", "dgamma", "dbeta"],
  normalize: ["y"],
  normalizeBackward: ["dx", "dgamma", "dbeta"],
  relu: ["y"],
  reluBackward: ["dx"],
  leakyRelu: ["y"],
  leakyReluBackward: ["dx"],
  sigmoid: ["y"],
  sigmoidBackward: ["dx"],
  tanh: ["y"],
  tanhBackward: ["dx"],
  softmaxCrossEntropy: ["dlogits"],
  meanSquaredError: ["dprediction"],
  sgd: [],
  adam: [],
};

/** The same kernels, whose outputs hold NaN when they get them, unless an input is the same array. */
function fromNaN(kernels: Kernels): Kernels {
  const entries = Object.entries(outputs).map(([name, written]) => {
    const kernel = (args: object): unknown =>
      (kernels as never as Record<string, (args: object) => unknown>)[name]!(args);
    const call = (args: Record<string, unknown>): unknown => {
      const read = Object.keys(args).filter((key) => !written.includes(key));
      for (const key of written) {
        const output = args[key];
        if (isFloats(output) && !read.some((other) => args[other] === output)) output.fill(NaN);
      }
      return kernel(args);
    };
    return [name, call] as const;
  });
  return { name: kernels.name, ...Object.fromEntries(entries) } as unknown as Kernels;
}

/** Every number of a forward and a backward pass. */
function numbersOf(row: (typeof layerCases)[number], kernels: Kernels, mode: Mode, dtype: DType): Tensor[] {
  const layer = row.make({ random: new Random(2), dtype });
  const input = Tensor.normal(row.shape, { random: new Random(3), dtype });
  if (mode === "inference") layer.forward(input, { mode: "train", kernels });
  const { output, backward } = layer.forward(input, { mode, kernels });
  const back = backward(Tensor.normal(output.shape, { random: new Random(4), dtype }));
  return [output, back.gradInput, ...layer.parameters.map((parameter) => back.gradients.get(parameter)!)];
}

describe.each(kernelSets)("$name kernels that find NaN in their outputs", (kernels) => {
  it.each(layerCases.map((row) => [row.name, row] as const))("give the same numbers for %s", (_, row) => {
    for (const mode of ["train", "probe", "inference"] as const) {
      for (const dtype of ["float32", "float64"] as const) {
        const expected = numbersOf(row, kernels, mode, dtype);
        numbersOf(row, fromNaN(kernels), mode, dtype).forEach((tensor, i) => {
          expectBits(`${mode} ${dtype}, number ${i}`, tensor.data, expected[i]!.data);
        });
      }
    }
  });

  it("give the same losses and steps", () => {
    const logits = Tensor.normal([5, 3], { random: new Random(1) });
    const other = Tensor.normal([5, 3], { random: new Random(2) });
    const labels = [0, 1, 2, 1, 0];
    const [clean, dirty] = [kernels, fromNaN(kernels)].map((set) => ({
      entropy: softmaxCrossEntropy(logits, labels, { kernels: set }),
      squares: meanSquaredError(logits, other, { kernels: set }),
    }));
    expect(dirty).toEqual(clean);
  });
});

it("the list of outputs has every kernel", () => {
  expect(["name", ...Object.keys(outputs)].sort()).toEqual(Object.keys(kernelSets[0]!).sort());
});
