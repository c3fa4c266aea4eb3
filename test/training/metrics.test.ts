/** Metrics by value. */
import { accuracy, argmax, confusionMatrix, oneHot, Tensor } from "batchnorm";
import { describe, expect, it } from "vitest";

const output = Tensor.from([
  [0.1, 0.7, 0.2],
  [0.5, 0.4, 0.1],
  [0.2, 0.3, 0.5],
  [0.9, 0.1, 0.0],
]);
const labels = [1, 1, 2, 0];

describe("argmax", () => {
  it("is the first of equal values, also of negative ones, and NaN counts as the largest", () => {
    expect(argmax(output)).toEqual([1, 0, 2, 0]);
    const odd = [
      [-3, -1, -1],
      [-Infinity, -Infinity, -Infinity],
      [1, NaN, Infinity],
      [1, NaN, NaN],
    ];
    expect(argmax(Tensor.from(odd))).toEqual([1, 0, 1, 1]);
  });
});

describe("accuracy", () => {
  it("is the fraction of rows that are right, by labels and by distributions", () => {
    expect(accuracy(output, labels)).toBe(0.75);
    expect(accuracy(output, Int32Array.from(labels))).toBe(0.75);
    expect(accuracy(output, oneHot(labels, { classes: 3 }))).toBe(0.75);
  });

  it("weights the rows and ignores those of weight 0, whatever their label", () => {
    expect(accuracy(output, labels, { rowWeights: [1, 3, 0, 2] })).toBe(0.5);
    expect(accuracy(output, [1, -100, 2, 0], { rowWeights: Tensor.from([1, 0, 1, 1]) })).toBe(1);
  });
});

describe("confusionMatrix", () => {
  it("has one row per label and one column per prediction", () => {
    expect(confusionMatrix(output, labels)).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
  });

  it("sums the weights as they are given", () => {
    expect(confusionMatrix(output, [1, 1, -100, 0], { rowWeights: [2, 3, 0, 0.5] })).toEqual([
      [0.5, 0, 0],
      [3, 2, 0],
      [0, 0, 0],
    ]);
  });
});

describe("oneHot", () => {
  it("is 1 at the label, in the dtype that is asked for", () => {
    const tensor = oneHot(Uint8Array.of(2, 0), { classes: 3, dtype: "float64" });
    expect([tensor.dtype, tensor.toNested()]).toEqual([
      "float64",
      [
        [0, 0, 1],
        [1, 0, 0],
      ],
    ]);
    expect(argmax(oneHot([3, 1, 2, 0], { classes: 4 }))).toEqual([3, 1, 2, 0]);
  });
});
