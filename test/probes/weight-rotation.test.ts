/** WeightRotation: angles and norms against closed forms, and the equilibrium of a walk on a sphere. */
import { BatchNorm, Dense, meanSquaredError, parametersByPath, Random, Sequential, SGD, Tensor } from "batchnorm";
import { stringifyReport, WeightRotation } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { addScaled, dot, norm, randomNormal, scaled } from "../../src/objective/vector.js";
import { allAbout } from "../support/about.js";

describe("WeightRotation", () => {
  it("has the angle of a known turn, the norm, and learning rate / norm^2", () => {
    const turns = [0, 0.3, 0.3 + 1e-9, 1.2, 1.2 + Math.PI];
    const lengths = [1, 2, 0.5, 3, 10];
    const rotation = new WeightRotation({ learningRate: 0.3 });
    turns.forEach((angle, i) => {
      rotation.record(i + 4, { a: [lengths[i]! * Math.cos(angle), lengths[i]! * Math.sin(angle)], b: [5] });
    });
    const { weights, steps, ...rest } = rotation.report();
    expect(steps).toEqual([4, 5, 6, 7, 8]);
    expect(rest).toMatchObject({ probe: "WeightRotation", learningRate: 0.3, weightDecay: 0, momentum: 0, from: 0 });
    expect(weights[0]!.norms).toEqual(allAbout(lengths, 14));
    expect(weights[0]!.effectiveLearningRates).toEqual(allAbout([0.3, 0.075, 1.2, 0.3 / 9, 0.003], 14));
    expect(weights[0]!.angles[0]).toBeNull();
    expect(weights[0]!.angles.slice(1)).toEqual(allAbout([0.3, 1e-9, 0.9 - 1e-9, Math.PI], 14));
    expect(weights[0]!.angles[2]! / 1e-9).toBeCloseTo(1, 6);
    expect(weights[1]!).toMatchObject({
      name: "b",
      norms: [5, 5, 5, 5, 5],
      angles: [null, 0, 0, 0, 0],
      rootMeanSquareAngle: 0,
    });
    const meanSquare = (0.09 + 0.81 + Math.PI ** 2) / 4;
    expect(weights[0]!.rootMeanSquareAngle).toBeCloseTo(Math.sqrt(meanSquare), 8);
    expect(rotation.report({ from: 8 }).weights[0]!.rootMeanSquareAngle).toBeCloseTo(Math.PI, 13);
    expect(rotation.report({ from: 7 }).weights[0]!.rootMeanSquareAngle).toBeCloseTo(Math.sqrt((0.81 + Math.PI ** 2) / 2), 8); // prettier-ignore
  });

  it("predicts the equilibrium of SGD, with and without momentum", () => {
    const predicted = (momentum?: number): number | null =>
      new WeightRotation({ learningRate: 0.1, weightDecay: 0.01, momentum }).report().equilibriumAngle;
    expect(predicted()).toBeCloseTo(0.0447, 4);
    expect(predicted(0.9)).toBeCloseTo(0.0324, 4);
    const { equilibriumAngle, reasons } = new WeightRotation({ learningRate: 0.1 }).report();
    expect(equilibriumAngle).toBeNull();
    expect(reasons).toEqual({ equilibriumAngle: "without weight decay there is no equilibrium" });
  });

  it("finds the equilibrium of a walk whose gradient is orthogonal to w and as long as 1 / ||w||", () => {
    // With w' = (1 - a) w - eta g, the norm is constant if cos(angle) = 1 - a, whatever the dimension.
    const [learningRate, weightDecay] = [0.1, 0.01];
    const random = new Random(1);
    const rotation = new WeightRotation({ learningRate, weightDecay });
    let w = randomNormal(30, random);
    rotation.record(0, { w });
    for (let step = 1; step <= 6000; step++) {
      const noise = randomNormal(30, random);
      const orthogonal = addScaled(noise, -dot(noise, w) / dot(w, w), w);
      w = addScaled(scaled(1 - learningRate * weightDecay, w), -learningRate / norm(w) / norm(orthogonal), orthogonal);
      rotation.record(step, { w });
    }
    const { weights, equilibriumAngle } = rotation.report({ from: 5000 });
    const exact = Math.acos(1 - learningRate * weightDecay);
    expect(weights[0]!.rootMeanSquareAngle! / exact).toBeCloseTo(1, 3);
    expect(equilibriumAngle! / exact).toBeCloseTo(1, 3);
  });

  it("of a scale-invariant weight turns by the arc tangent of learningRate ||g|| / ||w|| in a step of SGD", () => {
    const random = new Random(1);
    const dense = new Dense({ inputs: 3, outputs: 2, bias: false, random, dtype: "float64" });
    const model = new Sequential([dense, new BatchNorm({ features: 2, epsilon: 0, dtype: "float64" })]);
    const weights = (): Record<string, ArrayLike<number>> => ({ "0.weight": parametersByPath(model).get("0.weight")!.value.data }); // prettier-ignore
    const [x, target] = [3, 2].map((width) => Tensor.normal([8, width], { random, dtype: "float64" })) as [
      Tensor,
      Tensor,
    ];
    const rotation = new WeightRotation({ learningRate: 0.2 });
    rotation.record(0, weights());
    const before = Float64Array.from(dense.weight.value.data);
    const { output, backward } = model.forward(x, { mode: "train" });
    const { gradients } = backward(meanSquaredError(output, target).gradOutput);
    const g = Float64Array.from(gradients.get(dense.weight)!.data);
    new SGD(model.parameters, { learningRate: 0.2 }).step(gradients);
    rotation.record(1, weights());
    expect(dot(g, before)).toBeCloseTo(0, 13);
    const [course] = rotation.report().weights;
    expect(course!.angles[1]).toBeCloseTo(Math.atan((0.2 * norm(g)) / norm(before)), 13);
    expect(course!.norms[1]! ** 2 - course!.norms[0]! ** 2).toBeCloseTo(0.04 * norm(g) ** 2, 13);
  });

  it("has no angle after a gap, and none for a weight that is 0 or not finite", () => {
    const rotation = new WeightRotation({ learningRate: 1, weightDecay: 1 });
    const values = [[1, 0], [0, 1], [0, 0], [1, 0], [NaN, 1], [1, Infinity], [3, 4]]; // prettier-ignore
    [0, 1, 2, 3, 4, 5, 7].forEach((step, i) => rotation.record(step, { w: values[i]! }));
    const report = rotation.report({ from: 2 });
    expect(report.weights).toEqual([
      {
        name: "w",
        norms: [1, 1, 0, 1, null, null, 5],
        effectiveLearningRates: [1, 1, null, 1, null, null, 1 / 25],
        angles: [null, expect.closeTo(Math.PI / 2, 14), null, null, null, null, null],
        rootMeanSquareAngle: null,
      },
    ]);
    expect(report.reasons).toEqual({ "weights[0].rootMeanSquareAngle": "no angle from step 2 on" });
    expect(stringifyReport(report)).not.toContain("NaN");
  });

  it("has no angle between steps 0 and 2, because the theory is about single steps", () => {
    const rotation = new WeightRotation({ learningRate: 1 });
    for (const [step, w] of [[0, [1, 0]], [2, [0, 1]], [3, [1, 0]]] as const) rotation.record(step, { w }); // prettier-ignore
    expect(rotation.report().weights[0]!.angles).toEqual([null, null, expect.closeTo(Math.PI / 2, 14)]);
  });

  it("records nothing of what it refuses", () => {
    const rotation = new WeightRotation({ learningRate: 1 });
    const record = (step: unknown, weights: unknown): string => {
      try {
        rotation.record(step as number, weights as Record<string, number[]>);
        return "recorded";
      } catch (error) {
        return String(error);
      }
    };
    expect(record(0, {})).toBe("RangeError: WeightRotation.record: expected at least 1 weight, got 0");
    expect(record(0, { a: [1, 2], b: [3] })).toBe("recorded");
    const before = stringifyReport(rotation.report());
    for (const [step, weights, message] of [
      [
        0,
        { a: [1, 2], b: [3] },
        "RangeError: WeightRotation.record: expected step to be a whole number of at least 1, got 0",
      ],
      [1.5, { a: [1, 2], b: [3] }, "RangeError: WeightRotation.record: expected step to be a whole number"],
      [1, undefined, "TypeError: WeightRotation.record: expected weights to be an object"],
      [1, { a: [1, 2] }, "RangeError: WeightRotation.record: expected the weights of the first record, a, b, got a"],
      [
        1,
        { a: [1, 2], c: [3] },
        "RangeError: WeightRotation.record: expected the weights of the first record, a, b, got a, c",
      ],
      [1, { a: [5, 2], b: [3, 4] }, 'ShapeError: WeightRotation.record: expected "b" to have 1 values, got 2'],
      [1, { a: [1, 2], b: 3 }, 'TypeError: WeightRotation.record: expected "b" to be an array of numbers, got 3'],
      [1, { a: [1, 2], b: [] }, 'ShapeError: WeightRotation.record: expected "b" to have at least 1 value, got 0'],
      [1, { a: [1, "2"], b: [3] }, 'TypeError: WeightRotation.record: expected "a" to hold numbers, got "2" at 1'],
    ] as const) {
      const thrown = record(step, weights);
      expect(thrown.slice(0, message.length)).toBe(message);
      expect(stringifyReport(rotation.report())).toBe(before);
    }
  });

  it.each([
    [{ learningRate: 0 }, "learningRate to be a finite number > 0, got 0"],
    [{ learningRate: 1, weightDecay: -1 }, "weightDecay to be a finite number"],
    [{ learningRate: 1, momentum: 1 }, "momentum in "],
  ])("refuses %o", (options, message) => {
    expect(() => new WeightRotation(options)).toThrow(`WeightRotation: expected ${message}`);
    expect(() => new WeightRotation({ learningRate: 1 }).report({ from: -1 })).toThrow(
      "WeightRotation.report: expected from",
    );
  });
});
