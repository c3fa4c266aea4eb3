/** The activation functions at values that can be worked out by hand. */
import { describe, expect, it } from "vitest";
import { type Layer, LeakyReLU, ReLU, Sigmoid, Tanh, Tensor } from "../../src/index.js";

const wide = (...values: number[]): Tensor => Tensor.from([values], { dtype: "float64" });

describe("LeakyReLU", () => {
  it("has a slope of 0.01 by default, or the given one", () => {
    const x = wide(-100, 0, 5);
    expect(new LeakyReLU().forward(x, { mode: "inference" }).output.toNested()).toEqual([[-1, 0, 5]]);
    const { output, backward } = new LeakyReLU({ slope: 0.25 }).forward(x, { mode: "inference" });
    expect(output.toNested()).toEqual([[-25, 0, 5]]);
    expect(backward(wide(4, 4, 4)).gradInput.toNested()).toEqual([[1, 1, 4]]);
  });
});

describe("every activation", () => {
  it.each<[string, Layer, number[], number[], number[]]>([
    ["ReLU", new ReLU(), [-2, 0, 3], [0, 0, 3], [0, 0, 1]],
    // ln 3: 1 / (1 + 1/3), whose derivative is y (1 - y)
    ["Sigmoid", new Sigmoid(), [0, Math.log(3), -Math.log(3)], [0.5, 0.75, 0.25], [0.25, 0.1875, 0.1875]],
    // (3 - 1/3) / (3 + 1/3), whose derivative is 1 - y²
    ["Tanh", new Tanh(), [0, Math.log(3), -Math.log(3)], [0, 0.8, -0.8], [1, 0.36, 0.36]],
  ])("%s has the value and derivative of its definition", (_, layer, x, y, derivative) => {
    for (const mode of ["train", "probe", "inference"] as const) {
      const { output, backward } = layer.forward(wide(...x), { mode });
      output.data.forEach((value, i) => expect(value).toBeCloseTo(y[i]!, 15));
      backward(wide(2, 2, 2)).gradInput.data.forEach((value, i) => expect(value).toBeCloseTo(2 * derivative[i]!, 15));
    }
  });

  it("propagates NaN", () => {
    for (const layer of [new ReLU(), new LeakyReLU(), new Sigmoid(), new Tanh()]) {
      const { output } = layer.forward(wide(1, NaN, -1), { mode: "inference" });
      expect([...output.data].map(Number.isNaN), layer.constructor.name).toEqual([false, true, false]);
    }
  });
});
