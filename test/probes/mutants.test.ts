/** Wrong probes must not pass: each mistake found in published reproductions is made once, and told from the right probe. */
import { modelObjective, softmaxCrossEntropy } from "batchnorm";
import { alongGradient, internalCovariateShift } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { buildNetwork, load, numbersOf, tensorOf } from "../golden/golden.js";
import type { Objective } from "../../src/objective/objective.js";
import { goldenNetworks } from "../support/golden-probes.js";
import { bowl, linearChain } from "../support/objectives.js";
import {
  faultsAlong,
  faultsShift,
  profileWith,
  shiftWith,
  type LayerShift,
  type StepAlong,
} from "../support/probe-mutants.js";

/** What the worked example and the tests of `alongGradient` say, for any implementation. */
function verifyProfile(profile: readonly StepAlong[]): void {
  const expected = [
    [5.4225, 4.052777, 0.979937, 8.544004, 0.795],
    [3.69, 8.105554, 0.6, 8.544004, 0.59],
    [5.76, 16.211107, -0.8, 8.544004, 0.18],
    [32.04, 32.422215, -0.921635, 8.544004, -0.64],
  ];
  profile.forEach(({ loss, gradientChange, gradientCosine, beta, gain }, i) => {
    const found = [loss, gradientChange, gradientCosine, beta, gain];
    found.forEach((value, j) => {
      expect(value).toBeCloseTo(expected[i]![j]!, 5);
    });
  });
}

describe("a wrong profile along the gradient is caught:", () => {
  const point = Float64Array.of(3, 1);
  const stepSizes = [0.05, 0.1, 0.2, 0.4];

  it("the right one passes, in the library and in plain lines", async () => {
    const { profile } = await alongGradient(bowl(1, 9), point, { stepSizes });
    verifyProfile(profile as readonly StepAlong[]);
    verifyProfile(await profileWith("none", bowl(1, 9), bowl(2, 8), point, stepSizes));
  });

  it.each(faultsAlong)("%s", async (fault) => {
    const profile = await profileWith(fault, bowl(1, 9), bowl(2, 8), point, stepSizes);
    expect(() => {
      verifyProfile(profile);
    }).toThrow();
  });
});

describe("a wrong internal covariate shift is caught:", () => {
  const weights = [1.1, 0.7, -0.9, 1.3, 0.8];
  const learningRate = 0.5;
  const { objective, point, groups } = linearChain(...weights);
  // The same network with 2 as its target.
  const otherBatch: Objective = (at) => {
    const p = at.reduce((product, weight) => product * weight, 1);
    return { loss: (p - 2) ** 2 / 2, gradient: at.map((weight) => ((p - 2) * p) / weight) };
  };

  /** The closed form: the gradient of layer i is (p - 1) p / w_i, before and after the layers below moved. */
  function verifyShift(shifts: readonly LayerShift[]): void {
    const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);
    const p = product(weights);
    const moved = weights.map((weight) => weight - (learningRate * (p - 1) * p) / weight);
    weights.forEach((weight, i) => {
      const q = product(weights.map((each, j) => (j < i ? moved[j]! : each)));
      const [before, after] = [((p - 1) * p) / weight, ((q - 1) * q) / weight];
      expect(shifts[i]!.difference).toBeCloseTo(Math.abs(after - before), 12);
      expect(shifts[i]!.relativeDifference).toBeCloseTo(Math.abs((after - before) / before), 12);
      expect(shifts[i]!.cosine).toBeCloseTo(Math.sign(after * before), 12);
    });
  }

  it("the right one passes, in the library and in plain lines", async () => {
    const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate });
    verifyShift(blocks.map((block) => block.all as LayerShift));
    verifyShift(await shiftWith("none", objective, otherBatch, point, groups, learningRate));
  });

  it.each(faultsShift)("%s", async (fault) => {
    const shifts = await shiftWith(fault, objective, otherBatch, point, groups, learningRate);
    expect(() => {
      verifyShift(shifts);
    }).toThrow();
  });
});

describe("a wrong objective is caught:", () => {
  it("statistics frozen where they stood at x", async () => {
    const { golden, objective, point } = goldenNetworks[0]!;
    const stepSizes = golden.alongTheGradient.profile.map((step) => step["eta"]!);
    // With momentum 1 and the biased variance the running statistics become those of the batch: the same loss at x.
    const model = buildNetwork(
      golden.layers.map(({ layer, options }) =>
        layer === "BatchNorm"
          ? { layer, options: { ...options, momentum: 1, varianceEstimator: "biased" } }
          : { layer, options },
      ),
    );
    load(model, golden.state);
    const batch = { input: tensorOf(golden.input), target: numbersOf(golden.labels) };
    model.forward(batch.input, { mode: "train" });
    const frozen = modelObjective(model, batch, softmaxCrossEntropy, { mode: "inference" });
    const right = await alongGradient(objective, point, { stepSizes });
    const wrong = await alongGradient(frozen.objective, point, { stepSizes });
    expect(wrong.loss).toBeCloseTo(golden.loss, 12);
    expect([right.mode, wrong.mode]).toEqual(["probe", "inference"]);
    golden.alongTheGradient.profile.forEach(({ gradientChange }, i) => {
      expect(right.profile[i]!.gradientChange / gradientChange!).toBeCloseTo(1, 8);
      expect(Math.abs(wrong.profile[i]!.gradientChange / gradientChange! - 1)).toBeGreaterThan(0.01);
    });
  });
});
