/** gradientCancellation: against closed forms, one objective per sample, and the gradient of the whole batch. */
import {
  BatchNorm,
  Conv2d,
  Dense,
  Flatten,
  type Layer,
  meanSquaredError,
  modelObjective,
  Random,
  ReLU,
  Residual,
  Sequential,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "batchnorm";
import { gradientCancellation, type GradientCancellationReport } from "batchnorm/tools";
import { NoiseInjection } from "batchnorm/variants";
import { describe, expect, it } from "vitest";
import { allAbout } from "../support/about.js";
import { memoryOf } from "../support/close.js";
import { ordinary, settle } from "../support/samples.js";

const ROWS = 6;
const target = [0, 1, 1, 0, 1, 0];
const random = (): Random => new Random(1);
const dense = (inputs: number, outputs: number, seed: number): Dense =>
  new Dense({ inputs, outputs, random: new Random(seed), dtype: "float64" });
const probe = (model: Layer, input: Tensor): GradientCancellationReport =>
  gradientCancellation(model, { input, target }, softmaxCrossEntropy, { mode: "probe" });

/** |sum| / sum of magnitudes over the samples, each an objective of its own; only for models without batch statistics. */
async function ratiosBySample(model: Layer, input: Tensor): Promise<Map<string, (number | null)[]>> {
  const each: Float64Array[] = [];
  const width = input.size / ROWS;
  const { groups, point } = modelObjective(model, { input, target }, softmaxCrossEntropy, { mode: "probe" });
  for (let b = 0; b < ROWS; b++) {
    const row = new Tensor(input.data.slice(b * width, (b + 1) * width), [1, ...input.shape.slice(1)]);
    const one = modelObjective(model, { input: row, target: [target[b]!] }, softmaxCrossEntropy, { mode: "probe" });
    each.push((await one.objective(point)).gradient);
  }
  return new Map(
    groups.map(({ name, start, end }) => [
      name,
      Array.from({ length: end - start }, (_, i) => {
        const gradients = each.map((gradient) => gradient[start + i]!);
        const magnitude = gradients.reduce((sum, g) => sum + Math.abs(g), 0);
        return magnitude === 0 ? null : Math.abs(gradients.reduce((sum, g) => sum + g, 0)) / magnitude;
      }),
    ]),
  );
}

const expectRatios = (actual: readonly (number | null)[], expected: readonly (number | null)[]): void => {
  expect(actual.map((ratio) => ratio === null)).toEqual(expected.map((ratio) => ratio === null));
  expect(actual.map((ratio) => ratio ?? 0)).toEqual(allAbout(expected.map((ratio) => ratio ?? 0), 12)); // prettier-ignore
};

describe("gradientCancellation", () => {
  it("has the closed form of a linear layer, and none where no sample has a gradient", () => {
    // The loss is the mean of (x w - t)^2 with w = 0, so g_b is -2/4 t_b x_b.
    const weight = Tensor.zeros([2, 1], "float64");
    const model = new Dense({ inputs: 2, outputs: 1, bias: false, initial: { weight }, dtype: "float64" });
    const input = Tensor.from([[1, 0], [2, 0], [-1, 0], [3, 0]], { dtype: "float64" }); // prettier-ignore
    const batch = { input, target: Tensor.from([[1], [1], [5], [-2]], { dtype: "float64" }) };
    const report = gradientCancellation(model, batch, meanSquaredError, { mode: "inference" });
    // t x is 1, 2, -5 and -6: the sum is -8, the sum of magnitudes 14.
    expect(report).toEqual({
      tool: "gradientCancellation",
      mode: "inference",
      rows: 4,
      loss: (1 + 1 + 25 + 4) / 4,
      layers: [{ path: "", mean: 8 / 14, ratios: [8 / 14, null] }],
    });
  });

  it("is that of the samples' own gradients in models without batch statistics: MLP, convolutions, residuals", async () => {
    const shared = dense(4, 4, 3);
    const models: readonly (readonly [Layer, readonly number[], readonly string[]])[] = [
      [
        new Sequential([new Sequential([dense(3, 5, 1), new ReLU()]), dense(5, 4, 2), new Tanh(), dense(4, 2, 3)]),
        [ROWS, 3],
        ["0.0", "1", "3"],
      ],
      [
        new Sequential([
          new Conv2d({ inputs: 2, outputs: 3, size: 2, padding: 1, random: random(), dtype: "float64" }),
          new Tanh(),
          new Flatten(),
          dense(36, 2, 4),
        ]),
        [ROWS, 2, 3, 2],
        ["0", "3"],
      ],
      [
        new Sequential([
          new Residual({ body: new Sequential([dense(3, 4, 5), new Tanh()]), projection: dense(3, 4, 6) }),
          new Residual({ body: dense(4, 4, 7) }),
          dense(4, 2, 8),
        ]),
        [ROWS, 3],
        ["0.body.0", "0.projection", "1.body", "2"],
      ],
      [new Sequential([dense(3, 4, 9), shared, new Tanh(), shared, dense(4, 2, 10)]), [ROWS, 3], ["0", "1", "4"]],
    ];
    for (const [model, shape, paths] of models) {
      const input = ordinary([...shape], new Random(2), "float64");
      const { layers } = probe(model, input);
      const expected = await ratiosBySample(model, input);
      expect(layers.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
      for (const { path, ratios, mean } of layers) {
        expectRatios(ratios, expected.get(`${path}.weight`)!);
        const found = ratios.filter((ratio) => ratio !== null);
        expect(mean).toBeCloseTo(found.reduce((sum, ratio) => sum + ratio, 0) / found.length, 13);
      }
    }
  });

  it("is 1 for one sample, and for copies of one sample", () => {
    const model = new Sequential([dense(3, 4, 1), new Tanh(), dense(4, 2, 2)]);
    const row = [0.3, -1, 2];
    for (const rows of [1, 5]) {
      const input = Tensor.from(Array.from({ length: rows }, () => row), { dtype: "float64" }); // prettier-ignore
      const batch = { input, target: new Array<number>(rows).fill(1) };
      for (const { mean } of gradientCancellation(model, batch, softmaxCrossEntropy, { mode: "probe" }).layers) {
        expect(mean).toBeCloseTo(1, 13);
      }
    }
  });

  describe("with batch norm", () => {
    const build = (): Sequential =>
      settle(
        new Sequential([dense(3, 4, 1), new BatchNorm({ features: 4, dtype: "float64" }), new Tanh(), dense(4, 2, 2)]),
        [ROWS, 3],
        random(),
        "float64",
      );

    it("sums the terms of the whole batch's gradient", () => {
      const model = build();
      const input = ordinary([ROWS, 3], new Random(2), "float64");
      const [first] = model.children.values();
      // By hand, from the gradient at the output of the first Dense: dW = sum x_b dy_b'.
      const rest = new Sequential([...model.children.values()].slice(1));
      const hidden = first!.forward(input, { mode: "probe" }).output;
      const { output, backward } = rest.forward(hidden, { mode: "probe" });
      const dy = backward(softmaxCrossEntropy(output, target).gradOutput).gradInput;
      const expected: number[] = [];
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 4; j++) {
          const terms = target.map((_, b) => input.at(b, i) * dy.at(b, j));
          const magnitude = terms.reduce((sum, term) => sum + Math.abs(term), 0);
          expected.push(Math.abs(terms.reduce((sum, term) => sum + term, 0)) / magnitude);
        }
      }
      const report = probe(model, input);
      expectRatios(report.layers[0]!.ratios, expected);
      expect(report.loss).toBe(softmaxCrossEntropy(output, target).loss);
    });

    it("cancels entirely in a weight whose input is constant, because the dy of a unit sum to 0", () => {
      const model = build();
      const input = ordinary([ROWS, 3], new Random(2), "float64");
      for (let b = 0; b < ROWS; b++) input.data[3 * b + 1] = 5;
      const { ratios } = probe(model, input).layers[0]!;
      for (const ratio of ratios.slice(4, 8)) expect(ratio).toBeLessThan(1e-10);
      // In mode "inference" the statistics are constants.
      const constant = gradientCancellation(model, { input, target }, softmaxCrossEntropy, { mode: "inference" });
      expect(Math.max(...constant.layers[0]!.ratios.slice(4, 8).map((ratio) => ratio!))).toBeGreaterThan(0.01);
    });

    it("leaves the model as it was", () => {
      const noise = new NoiseInjection({ random: new Random(3) });
      const model = new Sequential([build(), noise]);
      const before = [memoryOf(model), noise.streams.get("noise")!.state];
      const input = ordinary([ROWS, 3], new Random(2), "float64");
      const report = probe(model, input);
      expect(probe(model, input)).toEqual(report);
      expect([memoryOf(model), noise.streams.get("noise")!.state]).toEqual(before);
      expect(input).toEqual(ordinary([ROWS, 3], new Random(2), "float64"));
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    });
  });
});

it.each<[string, () => unknown, string]>([
  [
    "no model",
    () => probe(undefined as never, ordinary([ROWS, 3], random())),
    "TypeError: gradientCancellation: expected a layer",
  ],
  [
    "no batch",
    () => gradientCancellation(dense(3, 2, 1), undefined as never, softmaxCrossEntropy, { mode: "probe" }),
    "TypeError: gradientCancellation: expected the batch to be",
  ],
  [
    "no loss",
    () => gradientCancellation(dense(3, 2, 1), { input: Tensor.zeros([1, 3]), target }, 7 as never, { mode: "probe" }),
    "TypeError: gradientCancellation: expected the loss to be a function, got 7",
  ],
  [
    "no tensor",
    () => gradientCancellation(dense(3, 2, 1), { input: [1] as never, target }, softmaxCrossEntropy, { mode: "probe" }),
    "TypeError: gradientCancellation: expected batch.input to be a Tensor",
  ],
  [
    "mode train",
    () =>
      gradientCancellation(dense(3, 2, 1), { input: Tensor.zeros([1, 3]), target }, softmaxCrossEntropy, {
        mode: "train" as never,
      }),
    'TypeError: gradientCancellation: expected mode to be "probe" or "inference", got "train" - training would',
  ],
  [
    "another container",
    () => {
      const model = new Sequential([dense(3, 2, 1)]);
      const { children, parameters, statistics } = model;
      const other: Layer = { children, parameters, statistics, forward: (x, pass) => model.forward(x, pass) };
      return probe(new Sequential([other]), ordinary([ROWS, 3], random(), "float64"));
    },
    'TypeError: gradientCancellation: expected a model whose containers are Sequential and Residual, got another container at "0"',
  ],
  [
    "a loss that is not finite",
    () => {
      const batch = { input: Tensor.filled([1, 3], 1, "float64"), target: Tensor.filled([1, 2], NaN, "float64") };
      return gradientCancellation(dense(3, 2, 1), batch, meanSquaredError, { mode: "probe" });
    },
    "RangeError: gradientCancellation: expected a finite loss, got NaN",
  ],
])("refuses %s", (_, call, message) => {
  let thrown = "";
  try {
    call();
  } catch (error) {
    thrown = String(error);
  }
  expect(thrown.slice(0, message.length)).toBe(message);
});
