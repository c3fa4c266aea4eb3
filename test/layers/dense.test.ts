/** Dense: where its values start, and that a bias in front of a batch norm does nothing. */
import { describe, expect, it } from "vitest";
import { BatchNorm, Dense, Random, Sequential, Tensor } from "../../src/index.js";
import { expectClose } from "../support/close.js";
import { anyGradient, ordinary } from "../support/samples.js";

const [inputs, outputs] = [300, 100];
const start = (initial?: "glorot" | "he"): Dense => new Dense({ inputs, outputs, initial, random: new Random(1) });

describe("initial values", () => {
  it("are uniform in ±sqrt(6 / (inputs + outputs)) by default, as in Glorot & Bengio", () => {
    const values = start().weight.value.data;
    const limit = Math.sqrt(6 / 400);
    let [largest, sum, squares] = [0, 0, 0];
    for (const value of values) {
      largest = Math.max(largest, Math.abs(value));
      sum += value;
      squares += value * value;
    }
    // of 30,000 values; the bounds are five standard deviations of each figure
    expect(largest).toBeLessThanOrEqual(limit * (1 + 2 ** -24));
    expect(largest).toBeGreaterThan(limit * 0.999);
    expect(Math.abs(sum / values.length)).toBeLessThan((5 * limit) / Math.sqrt(3 * 30_000));
    expect(Math.abs((3 * squares) / (values.length * limit * limit) - 1)).toBeLessThan(5 * Math.sqrt(0.8 / 30_000));
    expect(start("glorot").weight.value.data).toEqual(values);
  });

  it('are normal with variance 2 / inputs for initial "he"', () => {
    const values = start("he").weight.value.data;
    const squares = Array.from(values).reduce((total, value) => total + value * value, 0);
    expect(Math.abs((squares * inputs) / (2 * values.length) - 1)).toBeLessThan(5 * Math.sqrt(2 / 30_000));
    const beyond = values.filter((value) => Math.abs(value) > 2 * Math.sqrt(2 / inputs)).length / values.length;
    expect(beyond).toBeCloseTo(0.0455, 2); // a uniform distribution has none there
  });

  it("of the bias are 0", () => {
    expect(start("he").bias!.value.data.every((value) => value === 0)).toBe(true);
  });

  it("are copied if given", () => {
    const [weight, bias] = [Tensor.from([[1, 2]]), Tensor.from([3, 4])];
    const layer = new Dense({ inputs: 1, outputs: 2, initial: { weight, bias } });
    weight.data.fill(9);
    bias.data.fill(9);
    expect(layer.forward(Tensor.from([[10]]), { mode: "inference" }).output.toNested()).toEqual([[13, 24]]);
  });
});

describe("a bias before a batch norm", () => {
  it("changes neither output nor gradients, and has gradient 0", () => {
    const weight = ordinary([3, 4], new Random(2));
    const models = [ordinary([4], new Random(3)), undefined].map((bias) => {
      const dense = new Dense({
        inputs: 3,
        outputs: 4,
        bias: bias !== undefined,
        initial: { weight, bias },
        dtype: "float64",
      });
      return { dense, model: new Sequential([dense, new BatchNorm({ features: 4, dtype: "float64" })]) };
    });
    const x = ordinary([9, 3], new Random(4));
    const [withBias, without] = models.map(({ model, dense }) => {
      const { output, backward } = model.forward(x, { mode: "train" });
      const { gradients, gradInput } = backward(anyGradient(output, new Random(5)));
      return {
        output,
        gradInput,
        dweight: gradients.get(dense.weight)!,
        dbias: dense.bias && gradients.get(dense.bias)!,
      };
    });
    expectClose("output", withBias!.output.data, without!.output.data, 1e-13);
    expectClose("gradInput", withBias!.gradInput.data, without!.gradInput.data, 1e-12);
    expectClose("dweight", withBias!.dweight.data, without!.dweight.data, 1e-12);
    for (const value of withBias!.dbias!.data) expect(value).toBeCloseTo(0, 13);
    expect(without!.dbias).toBeUndefined();
  });
});
