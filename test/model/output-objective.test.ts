/** outputObjective: any function of a model's outputs as a function of its parameters. */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  checkObjective,
  Dense,
  modelObjective,
  outputObjective,
  type OutputValue,
  Random,
  Sequential,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "../../src/index.js";
import { expectBits, memoryOf } from "../support/close.js";
import { ordinary, settle } from "../support/samples.js";

const ROWS = 7;

/** The mean of one output over the batch. */
const meanOf =
  (unit: number) =>
  (output: Tensor): OutputValue => {
    const [rows, units] = output.shape as [number, number];
    const gradOutput = Tensor.zeros(output.shape, output.dtype);
    let value = 0;
    for (let i = unit; i < output.size; i += units) {
      value += output.data[i]! / rows;
      gradOutput.data[i] = 1 / rows;
    }
    return { value, gradOutput };
  };

function build(dtype: "float32" | "float64" = "float64"): Sequential {
  const random = new Random(1);
  return settle(
    new Sequential([
      new Dense({ inputs: 3, outputs: 4, bias: false, random, dtype }),
      new BatchNorm({ features: 4, dtype }),
      new Tanh(),
      new Dense({ inputs: 4, outputs: 2, random, dtype }),
    ]),
    [ROWS, 3],
    random,
    dtype,
  );
}

const rows = (dtype: "float32" | "float64" = "float64"): Tensor => ordinary([ROWS, 3], new Random(2), dtype);

it("has the closed form of a linear model: the mean input, and 1 for the bias", async () => {
  const model = new Dense({ inputs: 3, outputs: 2, random: new Random(1), dtype: "float64" });
  const input = rows();
  const { objective, point } = outputObjective(model, input, meanOf(1), { mode: "probe" });
  const { loss, gradient } = await objective(point);
  const means = [0, 1, 2].map((i) => {
    let sum = 0;
    for (let n = 0; n < ROWS; n++) sum += input.at(n, i);
    return sum / ROWS;
  });
  // The weight is [inputs, outputs], so output 1 is every second value; then both biases.
  const expected = [0, means[0]!, 0, means[1]!, 0, means[2]!, 0, 1];
  gradient.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 14));
  const value = means.reduce((sum, mean, i) => sum + mean * point[2 * i + 1]!, point[7]!);
  expect(loss).toBeCloseTo(value, 14);
});

it("of the squared first row has that row's gradient alone", async () => {
  const model = new Dense({ inputs: 3, outputs: 1, bias: false, random: new Random(1), dtype: "float64" });
  const input = rows();
  const { objective, point } = outputObjective(
    model,
    input,
    (output) => {
      const gradOutput = Tensor.zeros(output.shape, output.dtype);
      gradOutput.data[0] = 2 * output.data[0]!;
      return { value: output.data[0]! ** 2, gradOutput };
    },
    { mode: "inference" },
  );
  const { loss, gradient } = await objective(point);
  const y = [0, 1, 2].reduce((sum, i) => sum + input.at(0, i) * point[i]!, 0);
  expect(loss).toBeCloseTo(y * y, 14);
  gradient.forEach((value, i) => expect(value).toBeCloseTo(2 * y * input.at(0, i), 13));
});

describe.each(["probe", "inference"] as const)("in mode %s", (mode) => {
  it("is the objective of a loss that returns the same value and gradient, bit for bit", async () => {
    const model = build();
    const [a, b] = [
      outputObjective(model, rows(), meanOf(1), { mode }),
      modelObjective(
        model,
        { input: rows(), target: 1 },
        (output, unit) => {
          const { value, gradOutput } = meanOf(unit)(output);
          return { loss: value, gradOutput };
        },
        { mode },
      ),
    ];
    expect([a.groups, a.mode, a.dtype, a.objective.mode]).toEqual([b.groups, mode, b.dtype, mode]);
    const [one, other] = [await a.objective(a.point), await b.objective(b.point)];
    expect(one.loss).toBe(other.loss);
    expect(await a.objective.lossOnly!(a.point)).toBe(one.loss);
    expectBits("gradient", one.gradient, other.gradient);
  });

  it.each(["float64", "float32"] as const)(
    "meets the four requirements, and leaves a %s model as it was",
    async (dtype) => {
      const model = build(dtype);
      const before = memoryOf(model);
      const { objective, point } = outputObjective(model, rows(dtype), meanOf(0), { mode });
      const report = await checkObjective(objective, point, { random: new Random(4) });
      expect(report.verdict, report.gradient.text).toBe("agrees");
      expect(memoryOf(model)).toEqual(before);
    },
  );
});

it("treats the statistics as functions of the weights in mode probe, and as constants in mode inference", async () => {
  // With batch statistics, the mean over the batch of the output of a BatchNorm layer is beta, whatever the weights are.
  const random = new Random(1);
  const model = settle(
    new Sequential([
      new Dense({ inputs: 3, outputs: 2, random, dtype: "float64" }),
      new BatchNorm({ features: 2, dtype: "float64" }),
    ]),
    [ROWS, 3],
    random,
    "float64",
  );
  const weights = async (mode: "probe" | "inference"): Promise<Float64Array> => {
    const { objective, point, groups } = outputObjective(model, rows(), meanOf(0), { mode });
    const { gradient } = await objective(point);
    const { start, end } = groups.find(({ name }) => name === "0.weight")!;
    return gradient.slice(start, end);
  };
  expect(Math.max(...(await weights("probe")).map(Math.abs))).toBeLessThan(1e-14);
  expect(Math.max(...(await weights("inference")).map(Math.abs))).toBeGreaterThan(0.1);
});

it("varies the chosen parameters and weights the rows of the batch statistics, as modelObjective does", async () => {
  const model = build();
  const [dense] = model.children.values();
  const rowWeights = [1, 1, 0, 1, 0.5, 1, 0];
  const options = { mode: "probe", parameters: dense!.parameters, rowWeights } as const;
  const { objective, point, groups } = outputObjective(model, rows(), meanOf(0), options);
  expect(groups.map(({ name }) => name)).toEqual(["0.weight"]);
  const { output } = model.forward(rows(), { mode: "probe", rowWeights });
  expect((await objective(point)).loss).toBe(meanOf(0)(output).value);
  const { output: unweighted } = model.forward(rows(), { mode: "probe" });
  expect(meanOf(0)(unweighted).value).not.toBeCloseTo(meanOf(0)(output).value, 3);
});

it("sums to the gradient of a linear combination of outputs", async () => {
  // d softmaxCrossEntropy = sum over rows and logits of its gradOutput d logit, an identity of the chain rule.
  const model = build();
  const target = [0, 1, 1, 0, 1, 0, 0];
  const { gradOutput } = softmaxCrossEntropy(model.forward(rows(), { mode: "probe" }).output, target);
  const linear = outputObjective(
    model,
    rows(),
    (output) => ({
      value: Array.from(output.data).reduce((sum, y, i) => sum + y * gradOutput.data[i]!, 0),
      gradOutput,
    }),
    { mode: "probe" },
  );
  const loss = modelObjective(model, { input: rows(), target }, softmaxCrossEntropy, { mode: "probe" });
  const [a, b] = [await linear.objective(linear.point), await loss.objective(loss.point)];
  expectBits("gradient", a.gradient, b.gradient);
});

it.each<[string, unknown]>([
  ["nothing", undefined],
  ["a number", 3],
  ["a loss", { loss: 1, gradOutput: Tensor.zeros([ROWS, 2], "float64") }],
  ["an array for a tensor", { value: 1, gradOutput: [1, 2] }],
])("refuses a function that returns %s", (_, returned) => {
  const { objective, point } = outputObjective(build(), rows(), () => returned as OutputValue, { mode: "probe" });
  expect(() => objective(point)).toThrow(
    "outputObjective: expected a function that returns { value: number, gradOutput: Tensor }, got ",
  );
});
