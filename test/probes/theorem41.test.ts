import { BatchNorm, Random, Tensor } from "batchnorm";
import { theorem41 } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { about } from "../support/about.js";

const y = { shape: [4, 1], data: [1, 2, 4, 5] };
const gz = { shape: [4, 1], data: [1, -1, 2, 0] };

describe("theorem41", () => {
  it("gives the worked numbers at epsilon 0", () => {
    const report = theorem41(y, gz, { epsilon: 0, gamma: [2] });
    expect(report).toMatchObject({ probe: "theorem41", epsilon: 0, valuesPerFeature: 4, gradInput: "formula" });
    expect(report.features).toEqual([
      {
        lhs: about(7.84, 12),
        scale: 6,
        mean: 1,
        projection: about(0.1, 12),
        factor: about(1.6, 12),
        rho: 1,
        rhs: about(7.84, 12),
        rhsIdentity: about(7.84, 12),
        rhsPrinted: about(7.68, 12),
        reasons: {},
      },
    ]);
  });

  it("gives the worked numbers at epsilon 0.5", () => {
    const [feature] = theorem41(y, gz, { epsilon: 0.5, gamma: [2] }).features;
    expect(feature).toMatchObject({ lhs: about(6.537037), rhsIdentity: about(6.537037), rhs: about(6.555556) });
    expect(feature!.rho).toBeCloseTo(2.5 / 3, 12);
  });

  it.each([0, 1e-5, 1e-3, 1])("is an identity for the real gradients of a BatchNorm with epsilon %s", (epsilon) => {
    const random = new Random(4);
    const layer = new BatchNorm({ features: 3, epsilon, dtype: "float64" });
    for (const parameter of layer.parameters) {
      parameter.update((values) => values.set(values.map(() => random.normal(0.5, 2))));
    }
    const gamma = layer.parameters.find((parameter) => parameter.name === "gamma")!.value.data;
    for (const shape of [
      [32, 3],
      [6, 3, 2, 4],
    ]) {
      const input = Tensor.normal(shape, { random, mean: 0.5, std: 2, dtype: "float64" });
      const gradOutput = Tensor.normal(shape, { random, dtype: "float64" });
      const { gradInput } = layer.forward(input, { mode: "probe" }).backward(gradOutput);
      const report = theorem41(input, gradOutput, { epsilon, gamma, gradInput });
      expect(report.gradInput).toBe("given");
      expect(report.features).toHaveLength(3);
      for (const { lhs, rhs, rhsIdentity, rhsPrinted } of report.features) {
        expect(lhs! / rhsIdentity!).toBeCloseTo(1, 11);
        expect(lhs).toBeLessThanOrEqual(rhs! * (1 + 1e-12));
        if (epsilon === 0) expect(lhs).toBeGreaterThan(rhsPrinted!);
      }
      const formula = theorem41(input, gradOutput, { epsilon, gamma });
      formula.features.forEach((feature, j) => {
        expect(feature.lhs! / report.features[j]!.lhs!).toBeCloseTo(1, 11);
      });
    }
  });

  it("reads the features along the axis it is told", () => {
    const columns = [
      [1, 2, 4, 5],
      [3, -1, 0, 2],
    ];
    const gradients = [
      [1, -1, 2, 0],
      [0.5, 1, -2, 1],
    ];
    const rows = (values: number[][]): number[] => values[0]!.flatMap((_, i) => values.map((column) => column[i]!));
    const options = { epsilon: 0.1, gamma: [2, -3] };
    const single = columns.map(
      (data, j) =>
        theorem41(
          { shape: [4, 1], data },
          { shape: [4, 1], data: gradients[j]! },
          { epsilon: 0.1, gamma: [options.gamma[j]!] },
        ).features[0],
    );
    const last = { shape: [2, 2, 2], data: rows(columns) };
    expect(theorem41(last, { ...last, data: rows(gradients) }, { ...options, axis: -1 }).features).toEqual(single);
    // The same values as [2 rows, 2 features, 2 places].
    const channelsFirst = (values: number[][]): number[] =>
      [0, 1].flatMap((row) => values.flatMap((column) => column.slice(2 * row, 2 * row + 2)));
    const first = { shape: [2, 2, 2], data: channelsFirst(columns) };
    expect(theorem41(first, { ...first, data: channelsFirst(gradients) }, options).features).toEqual(single);
  });

  it("takes gamma as 1 when there is none", () => {
    expect(theorem41(y, gz, { epsilon: 0 }).features[0]!.lhs).toBeCloseTo(7.84 / 4, 12);
  });

  it("says nothing about a constant feature at epsilon 0", () => {
    const constant = { shape: [4, 1], data: [3, 3, 3, 3] };
    const why = "the feature is constant and epsilon is 0";
    expect(theorem41(constant, gz, { epsilon: 0 }).features[0]).toEqual({
      lhs: null,
      scale: 6,
      mean: 1,
      projection: null,
      factor: null,
      rho: null,
      rhs: null,
      rhsIdentity: null,
      rhsPrinted: null,
      reasons: { lhs: why, projection: why, factor: why, rho: why, rhs: why, rhsIdentity: why, rhsPrinted: why },
    });
    const [feature] = theorem41(constant, gz, { epsilon: 0.25 }).features;
    expect(feature).toMatchObject({ projection: 0, rho: 0, lhs: about(20, 12), rhs: about(20, 12) });
  });

  it.each([
    [y, gz, { epsilon: -1 }, "theorem41: expected epsilon to be a finite number >= 0, got -1"],
    [
      y,
      { ...gz, shape: [2, 2] },
      { epsilon: 0 },
      "theorem41: expected gradOutput of shape [4, 1], as the input, got shape [2, 2]",
    ],
    [y, gz, { epsilon: 0, gamma: [1, 2] }, "theorem41: expected gamma to have 1 values, got 2"],
    [{ ...y, data: [1, 2, NaN, 4] }, gz, { epsilon: 0 }, "theorem41: expected input to be finite, got NaN at 2"],
    [y, gz, { epsilon: 0, axis: 0 }, "theorem41: expected axis to be other than 0, which counts the rows, got 0"],
  ])("refuses %o, %o, %o", (input, gradOutput, options, message) => {
    expect(() => theorem41(input, gradOutput, options)).toThrow(message);
  });
});
