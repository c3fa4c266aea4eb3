/** The gradients of whole networks, seen as objectives, and the probes of them, against PyTorch. */
import { type Kernels, modelObjective, type ModelObjective, softmaxCrossEntropy } from "batchnorm";
import { alongGradient, stepSizesAround } from "batchnorm/probes";
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
  readonly alongTheGradient: AlongTheGradient;
}

const stepFigures = [
  "loss",
  "gradNorm",
  "gradientChange",
  "relativeGradientChange",
  "gradientCosine",
  "beta",
  "lossSlope",
  "gain",
] as const;
const extremeFigures = ["gradientChangeMin", "gradientChangeMax", "betaMax", "lossSlopeMax", "maxLossChange"] as const;

interface AlongTheGradient extends Readonly<Record<(typeof extremeFigures)[number], number>> {
  readonly learningRate: number;
  readonly profile: readonly (Readonly<Record<(typeof stepFigures)[number], number>> & { readonly eta: number })[];
  readonly lossRange: number;
  readonly lossRangeWithOrigin: number;
}

const cases = readCases("probes.json") as readonly ProbeCase[];

function objectiveOf({ layers, mode, state, input, labels }: ProbeCase, kernels: Kernels): ModelObjective {
  const model = buildNetwork(layers);
  load(model, state);
  const batch = { input: tensorOf(input), target: numbersOf(labels) };
  return modelObjective(model, batch, softmaxCrossEntropy, { mode, kernels });
}

// Figures are differences of losses and gradients, divided by steps that are small.
const figureTolerance = toleranceOf("float64", 100);

describe.each(kernelSets)("on $name kernels, as in PyTorch", (kernels) => {
  it.each(cases)("objective: $id", async (one) => {
    const { objective, point, groups } = objectiveOf(one, kernels);
    expect(groups).toEqual(one.groups);
    expect([...point]).toEqual(numbersOf(one.point));
    const { loss, gradient } = await objective(point);
    expectValues("loss", [loss], [one.loss], toleranceOf("float64"));
    expectValues("gradient", gradient, one.gradient, toleranceOf("float64"));
  });

  it.each(cases)("along the gradient: $id", async (one) => {
    const { objective, point } = objectiveOf(one, kernels);
    const expected = one.alongTheGradient;
    const report = await alongGradient(objective, point, { stepSizes: stepSizesAround(expected.learningRate) });
    expect(report.stepSizes).toEqual(expected.profile.map((step) => step.eta));
    for (const figure of stepFigures) {
      const got = report.profile.map((step) => step[figure] ?? NaN);
      const wanted = expected.profile.map((step) => step[figure]);
      expectValues(figure, got, wanted, figureTolerance);
    }
    expectValues("lossRange", [report.lossRange], [expected.lossRange], figureTolerance);
    expectValues("lossRangeWithOrigin", [report.lossRangeWithOrigin], [expected.lossRangeWithOrigin], figureTolerance);
    for (const figure of extremeFigures) {
      expectValues(figure, [report[figure].value ?? NaN], [expected[figure]], figureTolerance);
    }
  });
});
