/** addGradients: the gradients of the parts of a batch make those of the batch. */
import { describe, expect, it } from "vitest";
import {
  addGradients,
  BatchNorm,
  Dense,
  type Gradients,
  type Layer,
  LayerNorm,
  meanSquaredError,
  Parameter,
  Random,
  Sequential,
  Tanh,
  Tensor,
} from "batchnorm";
import { expectBits, expectClose } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { ordinary } from "../support/samples.js";

/** Gradients of the mean squared error over some rows. */
function gradientsOf(model: Layer, input: Tensor, target: Tensor, rows: readonly number[]): Gradients {
  const { output, backward } = model.forward(input.rows(rows), { mode: "probe" });
  return backward(meanSquaredError(output, target.rows(rows)).gradOutput).gradients;
}

function accumulate(model: Layer, input: Tensor, target: Tensor): Map<Parameter, Tensor> {
  const total = new Map<Parameter, Tensor>();
  for (const rows of [
    [0, 1, 2],
    [3, 4],
    [5, 6, 7, 8],
  ]) {
    addGradients(total, gradientsOf(model, input, target, rows), rows.length / 9);
  }
  return total;
}

describe("the gradients of parts of a batch, weighted by their rows", () => {
  const random = new Random(1);
  const input = ordinary([9, 3], random);
  const target = ordinary([9, 2], random);
  const make = (norm: Layer): Layer => {
    const dense = (inputs: number, outputs: number): Dense => new Dense({ inputs, outputs, random, dtype: "float64" });
    return new Sequential([dense(3, 4), norm, new Tanh(), dense(4, 2)]);
  };
  const all = Array.from({ length: 9 }, (_, row) => row);

  it("add up to those of the batch if rows are independent", () => {
    const model = make(new LayerNorm({ features: 4, dtype: "float64" }));
    const total = accumulate(model, input, target);
    const whole = gradientsOf(model, input, target, all);
    expect(total.size).toBe(6);
    for (const [parameter, gradient] of whole)
      expectClose(parameter.name, total.get(parameter)!.data, gradient.data, 1e-13);
  });

  it("do not add up with batch norm, which sees a different batch in each part", () => {
    const model = make(new BatchNorm({ features: 4, dtype: "float64" }));
    const last = model.parameters.at(-2)!;
    const parts = accumulate(model, input, target).get(last)!;
    const whole = gradientsOf(model, input, target, all).get(last)!;
    const off = Math.max(...whole.data.map((value, i) => Math.abs(value - parts.data[i]!)));
    expect(off).toBeGreaterThan(0.1 * Math.max(...whole.data.map(Math.abs)));
  });
});

it("addGradients does not change its arguments", () => {
  const weight = new Parameter("weight", "weight", Tensor.from([0, 0]));
  const gradient = Tensor.from([1, 2]);
  const total = new Map<Parameter, Tensor>();
  addGradients(total, new Map([[weight, gradient]]));
  addGradients(total, new Map([[weight, gradient]]), -0.5);
  addGradients(total, new Map([[weight, gradient]]), 4);
  expectBits("sum", total.get(weight)!.data, [4.5, 9]);
  expectBits("gradient", gradient.data, [1, 2]);
});

describe("refusals", () => {
  const weight = new Parameter("weight", "weight", Tensor.from([0, 0]));
  const bias = new Parameter("bias", "bias", Tensor.from([0]));
  it.each<[string, Tensor, number, string]>([
    ["another shape", Tensor.from([1]), 1, "ShapeError: addGradients: weight | [2] | [1]"],
    ["another dtype", Tensor.zeros([2], "float64"), 1, "TypeError: addGradients: weight | float32 | float64"],
    ["a weight of NaN", Tensor.from([1, 2]), NaN, "RangeError: addGradients: weight | NaN"],
  ])("of %s", async (_, gradient, factor, refusal) => {
    const total = new Map<Parameter, Tensor>();
    const from = new Map([
      [bias, Tensor.from([1])],
      [weight, gradient],
    ]);
    await expectRefusal(() => addGradients(total, from, factor), refusal);
    expect(total.size).toBe(0);
  });
});
