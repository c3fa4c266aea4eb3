/** Whole networks over 20 optimizer steps against PyTorch: layers, losses, optimizers and state together. */
import { Adam, meanSquaredError, SGD, softmaxCrossEntropy, stateDict } from "batchnorm";
import { describe, expect, it } from "vitest";
import {
  buildNetwork,
  expectTensor,
  expectValues,
  type GoldenLayer,
  type GoldenTensor,
  kernelSets,
  load,
  numbersOf,
  readCases,
  tensorOf,
  toleranceOf,
} from "./golden.js";

interface NetworkCase {
  readonly id: string;
  readonly layers: readonly GoldenLayer[];
  readonly optimizer: "SGD" | "Adam";
  readonly options: { readonly learningRate: number };
  readonly loss: "softmaxCrossEntropy" | "meanSquaredError";
  readonly initial: Readonly<Record<string, GoldenTensor | number>>;
  readonly steps: readonly { readonly input: GoldenTensor; readonly target: GoldenTensor; readonly loss: number }[];
  readonly final: Readonly<Record<string, GoldenTensor | number>>;
  readonly inference: { readonly input: GoldenTensor; readonly output: GoldenTensor };
}

const cases = readCases("networks.json") as readonly NetworkCase[];

// Twenty steps feed each other's round-off; what they may gather is still far below any mistake.
const tolerance = toleranceOf("float64", 100);

describe.each(kernelSets)("on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases)("$id", ({ layers, optimizer, options, loss, initial, steps, final, inference }) => {
    const model = buildNetwork(layers);
    load(model, initial);
    const stepper = new { SGD, Adam }[optimizer](model.parameters, { ...options, kernels });
    for (const [index, step] of steps.entries()) {
      const forward = model.forward(tensorOf(step.input), { mode: "train", kernels });
      const found =
        loss === "softmaxCrossEntropy"
          ? softmaxCrossEntropy(forward.output, numbersOf(step.target), { kernels })
          : meanSquaredError(forward.output, tensorOf(step.target), { kernels });
      expectValues(`loss at step ${index}`, [found.loss], [step.loss], tolerance);
      stepper.step(forward.backward(found.gradOutput).gradients);
    }
    const state = stateDict(model);
    expect(Object.keys(state).sort()).toEqual(Object.keys(final).sort());
    for (const [path, expected] of Object.entries(final)) {
      const numbers = typeof expected === "number" ? [expected] : numbersOf(expected);
      expectValues(path, state[path]!.values, numbers, tolerance);
    }
    const { output } = model.forward(tensorOf(inference.input), { mode: "inference", kernels });
    expectTensor("output on held-out rows", output, inference.output, tolerance);
  });
});
