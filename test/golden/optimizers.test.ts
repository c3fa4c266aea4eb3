/** SGD, Adam, AdamW and RMSprop against PyTorch over five steps with given gradients. */
import { Adam, AdamW, Parameter, RMSprop, SGD } from "batchnorm";
import { describe, it } from "vitest";
import {
  expectTensor,
  type GoldenTensor,
  type GoldenTensors,
  kernelSets,
  readCases,
  tensorOf,
  toleranceOf,
} from "./golden.js";

interface OptimizerCase {
  readonly id: string;
  readonly optimizer: keyof typeof optimizers;
  readonly options: { readonly learningRate: number };
  readonly parameters: GoldenTensors;
  readonly steps: readonly {
    readonly gradients: Readonly<Record<string, GoldenTensor | null>>;
    readonly parameters: GoldenTensors;
  }[];
}

const optimizers = { SGD, Adam, AdamW, RMSprop };
const cases = readCases("optimizers.json") as readonly OptimizerCase[];

describe.each(kernelSets)("on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases)("$id", ({ optimizer, options, parameters, steps }) => {
    const own = new Map(
      (["weight", "bias"] as const).map((role) => [role, new Parameter(role, role, tensorOf(parameters[role]!))]),
    );
    const stepper =
      optimizer === "RMSprop"
        ? new RMSprop(own.values(), options)
        : new optimizers[optimizer](own.values(), { ...options, kernels });
    for (const [index, step] of steps.entries()) {
      const present = [...own].filter(([name]) => step.gradients[name] !== null);
      stepper.step(new Map(present.map(([name, parameter]) => [parameter, tensorOf(step.gradients[name]!)])));
      for (const [name, parameter] of own) {
        const expected = step.parameters[name]!;
        expectTensor(`${name} after step ${index + 1}`, parameter.value, expected, toleranceOf("float64"));
      }
    }
  });
});
