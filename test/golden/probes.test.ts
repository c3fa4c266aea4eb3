/** The gradients of whole networks, seen as objectives, against PyTorch. */
import { modelObjective, softmaxCrossEntropy } from "batchnorm";
import { describe, expect, it } from "vitest";
import {
  buildNetwork,
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

interface ProbeCase {
  readonly id: string;
  readonly layers: readonly GoldenLayer[];
  readonly mode: "probe" | "inference";
  readonly state: Readonly<Record<string, GoldenTensor | number>>;
  readonly input: GoldenTensor;
  readonly labels: GoldenTensor;
  readonly groups: readonly { readonly name: string }[];
  readonly point: GoldenTensor;
  readonly loss: number;
  readonly gradient: GoldenTensor;
}

const cases = readCases("probes.json") as readonly ProbeCase[];

describe.each(kernelSets)("objectives on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases)("$id", async ({ layers, mode, state, input, labels, groups, point, loss, gradient }) => {
    const model = buildNetwork(layers);
    load(model, state);
    const batch = { input: tensorOf(input), target: numbersOf(labels) };
    const seen = modelObjective(model, batch, softmaxCrossEntropy, { mode, kernels });
    expect(seen.groups).toEqual(groups);
    expect([...seen.point]).toEqual(numbersOf(point));
    const found = await seen.objective(seen.point);
    expectValues("loss", [found.loss], [loss], toleranceOf("float64"));
    expectValues("gradient", found.gradient, gradient, toleranceOf("float64"));
  });
});
