/** checkLayer with row weights: the derivative through weighted statistics, and masked rows that hold anything. */
import { BatchNorm, checkLayer, Dense, type Forward, type Layer, type Pass, Random, Sequential, Tanh, Tensor } from "batchnorm"; // prettier-ignore
import { describe, expect, it } from "vitest";
import { ordinary } from "../support/samples.js";

const float64 = { dtype: "float64" } as const;

/** A layer whose backward pass is wrong in some way; the forward pass is that of the layer inside. */
class Wrong implements Layer {
  readonly parameters;
  readonly statistics;
  readonly axis: number | undefined;
  constructor(
    readonly layer: Layer,
    readonly wrong: (input: Tensor, pass: Pass, gradOutput: Tensor) => Tensor,
  ) {
    this.parameters = layer.parameters;
    this.statistics = layer.statistics;
  }
  forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = this.layer.forward(input, pass);
    return {
      output,
      backward: (gradOutput) => ({
        gradInput: this.wrong(input, pass, gradOutput),
        gradients: backward(gradOutput).gradients,
      }),
    };
  }
}

const gradInputOf = (layer: Layer, input: Tensor, pass: Pass, gradOutput: Tensor): Tensor =>
  layer.forward(input, pass).backward(gradOutput).gradInput;

/** The backward pass of unweighted statistics. */
const unweighted = (layer: Layer): Layer =>
  new Wrong(layer, (input, pass, grad) => gradInputOf(layer, input, { ...pass, rowWeights: undefined }, grad));
/** Right, but every row of the gradient is multiplied by its weight. */
const weightedTwice = (layer: Layer, weights: readonly number[]): Layer =>
  new Wrong(layer, (input, pass, grad) => {
    const right = gradInputOf(layer, input, pass, grad);
    const width = right.size / weights.length;
    return new Tensor(
      right.data.map((value, i) => value * weights[Math.floor(i / width)]!),
      right.shape,
    );
  });

const weights = [1, 0, 2.5, 0.5, 1, 0];
const mask = [1, 0, 1, 1, 1, 0];
const norm = (): BatchNorm => {
  const layer = new BatchNorm({ features: 3, ...float64 });
  layer.parameters[0]!.update((gamma) => gamma.set([0.7, -1.3, 2]));
  return layer;
};
const all = { mode: "probe", coordinatesPerGroup: Infinity } as const;

describe.each([
  ["weights", weights],
  ["a mask", mask],
])("%s of the rows", (_, rowWeights) => {
  it.each([undefined, NaN, Infinity, -Infinity])("agrees, also where masked rows hold %s", async (junk) => {
    const input = ordinary([6, 3], new Random(1));
    for (const row of [1, 5]) if (junk !== undefined) input.data.fill(junk, row * 3, row * 3 + 2);
    const before = input.data.slice();
    const report = await checkLayer(norm(), input, { ...all, random: new Random(2), rowWeights });
    expect(report.verdict, report.text).toBe("agrees");
    expect(report.coordinates).toHaveLength(18 + 6);
    expect(input.data).toEqual(before);
  });

  it("differs where the backward pass ignores the weights, whatever the masked rows hold", async () => {
    for (const junk of [0.5, NaN]) {
      const input = ordinary([6, 3], new Random(1));
      input.data.fill(junk, 3, 6);
      const report = await checkLayer(unweighted(norm()), input, {
        ...all,
        random: new Random(2),
        rowWeights,
      }).catch((error: unknown) => error);
      // With NaN the unweighted gradient is NaN everywhere.
      if (junk === 0.5) expect(report).toMatchObject({ verdict: "differs" });
      else
        expect(String(report)).toMatch(/^RangeError: checkGradient: expected a finite gradient at the point, got NaN/);
    }
  });

  it("differs where the backward pass weighs the gradient of the rows", async () => {
    const input = ordinary([6, 3], new Random(1));
    const options = { ...all, random: new Random(2), rowWeights };
    expect((await checkLayer(weightedTwice(norm(), rowWeights), input, options)).verdict).toBe("differs");
  });
});

it("checks a model, and rows that the caller changes while it waits do not matter", async () => {
  const random = new Random(3);
  const model = new Sequential([
    new Dense({ inputs: 3, outputs: 3, random, ...float64 }),
    norm(),
    new Tanh(),
    new Dense({ inputs: 3, outputs: 2, random, ...float64 }),
  ]);
  const changing = weights.slice();
  const promise = checkLayer(model, ordinary([6, 3], new Random(4)), {
    ...all,
    random: new Random(5),
    rowWeights: changing,
  });
  changing.fill(7);
  const right = await checkLayer(model, ordinary([6, 3], new Random(4)), {
    ...all,
    random: new Random(5),
    rowWeights: weights,
  });
  expect(await promise).toEqual(right);
  expect(right.verdict).toBe("agrees");
});

describe("weights by position", () => {
  const positions = Tensor.from([[1, 1, 0, 2], [1, 0, 0, 1]], float64); // prettier-ignore
  it.each([
    ["[N, C, L]", [2, 3, 4], 1, (n: number, l: number, c: number) => (n * 3 + c) * 4 + l],
    ["[N, L, C]", [2, 4, 3], -1, (n: number, l: number, c: number) => (n * 4 + l) * 3 + c],
  ] as const)("of %s: agrees with NaN at the masked ones, alone and in a model", async (_, shape, axis, at) => {
    for (const inModel of [false, true]) {
      const layer = new BatchNorm({ features: 3, axis, ...float64 });
      const input = ordinary(shape, new Random(1));
      for (const [n, l] of [
        [0, 2],
        [1, 1],
        [1, 2],
      ] as const) {
        // prettier-ignore
        for (let c = 0; c < 3; c++) input.data[at(n, l, c)] = NaN;
      }
      const checked = inModel ? new Sequential([layer]) : layer;
      const options = { ...all, random: new Random(2), rowWeights: positions };
      const report = await checkLayer(checked, input, options);
      expect(report.verdict, report.text).toBe("agrees");
      // 15 of the 24 values vary, and the derivative with respect to each is tested against one that is not 0.
      const moving = report.coordinates.filter(({ name, numeric }) => name.startsWith("input") && numeric !== 0);
      expect(moving.length).toBe(15);
      const wrong = await checkLayer(unweighted(layer), ordinary(shape, new Random(1)), options);
      expect(wrong.verdict).toBe("differs");
    }
  });
});

it("without row weights refuses what is not finite, and with them where it is not masked", async () => {
  const input = ordinary([6, 3], new Random(1));
  input.data[0] = NaN;
  for (const rowWeights of [undefined, mask]) {
    await expect(checkLayer(norm(), input, { ...all, random: new Random(2), rowWeights })).rejects.toThrow(
      "expected a finite point, got NaN at coordinate 0",
    );
  }
  await expect(
    checkLayer(norm(), ordinary([6, 3], new Random(1)), { ...all, random: new Random(2), rowWeights: [1, 1] }),
  ).rejects.toThrow("checkLayer: expected rowWeights of shape [6] or of more axes of [6], got shape [2]");
});
