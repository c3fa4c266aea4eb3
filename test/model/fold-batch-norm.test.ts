/** foldBatchNorm: every legal case by value, what is refused and why, the old model as it was. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  BatchNorm,
  type BatchNormOptions,
  Dense,
  type Forward,
  type Layer,
  parametersByPath,
  type Pass,
  Random,
  ReLU,
  Sequential,
  Tensor,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm } from "batchnorm/variants";
import { foldBatchNorm } from "batchnorm/tools";
import { expectClose, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { randomModel } from "../support/random-models.js";
import { ordinary, settle } from "../support/samples.js";

// It folds hundreds of models, beside other work: no test here is about time.
vi.setConfig({ testTimeout: 120_000 });

const float64 = { dtype: "float64" } as const;

function dense(weight: number[][], bias?: number[]): Dense {
  const initial = { weight: Tensor.from(weight, float64), bias: bias && Tensor.from(bias, float64) };
  return new Dense({
    inputs: weight.length,
    outputs: weight[0]!.length,
    bias: bias !== undefined,
    initial,
    ...float64,
  });
}

/** A batch norm over two features, away from all that is special. */
function norm(options: Partial<BatchNormOptions> = {}, gamma = [3, -2], variance = [3.75, 15.75]): BatchNorm {
  const layer = new BatchNorm({ features: 2, epsilon: 0.25, ...float64, ...options });
  layer.runningMean.values.set([1, -1]);
  layer.runningVariance.values.set(variance);
  layer.batchesTracked.values[0] = 5;
  layer.gamma?.update((values) => values.set(gamma));
  layer.beta?.update((values) => values.set([10, 20]));
  return layer;
}

function parametersOf(model: Layer): Record<string, unknown> {
  return Object.fromEntries([...parametersByPath(model)].map(([path, { value }]) => [path, value.toNested()]));
}

const input = Tensor.from(
  [
    [1, 2],
    [-3, 5],
  ],
  float64,
);
const inference = (model: Layer, x: Tensor): Tensor => model.forward(x, { mode: "inference" }).output;

describe("into the preceding Dense", () => {
  // std 2 and 4, so scales 3 / 2 and -2 / 4, shifts 10 - 1.5 and 20 - 0.5
  it("scales columns and bias", () => {
    const { model, report } = foldBatchNorm(
      new Sequential([
        dense(
          [
            [2, 4],
            [6, 8],
          ],
          [1, 2],
        ),
        norm(),
      ]),
      input,
    );
    expect(parametersOf(model)).toEqual({
      "0.weight": [
        [3, -2],
        [9, -4],
      ],
      "0.bias": [10, 18.5],
    });
    expect(report).toEqual({
      tool: "foldBatchNorm",
      folded: [{ path: "1", into: "0", side: "preceding" }],
      kept: [],
      rows: 2,
      largestDifference: 0,
      largestOutput: 46,
    });
  });

  it("makes a bias where there was none", () => {
    const column = Tensor.from([[1], [2], [3]], float64);
    const { model, report } = foldBatchNorm(new Sequential([dense([[2, 4]]), norm()]), column);
    expect(report.rows).toBe(3);
    expect(parametersOf(model)).toEqual({ "0.weight": [[3, -2]], "0.bias": [8.5, 19.5] });
  });

  it.each([
    [{ scale: false }, [[1, 1]], [9.5, 20.25]],
    [{ center: false }, [[3, -2]], [-1.5, -0.5]],
    [{ scale: false, center: false }, [[1, 1]], [-0.5, 0.25]],
  ] as const)("goes by %o", (options, weight, bias) => {
    const { model } = foldBatchNorm(new Sequential([dense([[2, 4]]), norm(options)]), Tensor.from([[1]], float64));
    expect(parametersOf(model)).toEqual({ "0.weight": weight, "0.bias": bias });
  });

  it("takes a gamma of 0, and a variance of 0 at epsilon 0", () => {
    const model = new Sequential([dense([[2, 4]]), norm({ epsilon: 0 }, [0, 3], [4, 0])]);
    const { model: folded, report } = foldBatchNorm(model, Tensor.from([[7]], float64));
    expect(parametersOf(folded)).toEqual({ "0.weight": [[0, 0]], "0.bias": [10, 20] });
    expect(report.largestDifference).toBe(0);
  });
});

describe("into the following Dense", () => {
  it("scales rows, and sends the shift through the weight", () => {
    const w = [
      [2, 4],
      [6, 8],
    ];
    const { model, report } = foldBatchNorm(new Sequential([norm(), new Sequential([dense(w, [1, 2])])]), input);
    expect(parametersOf(model)).toEqual({
      "0.0.weight": [
        [3, 6],
        [-3, -4],
      ],
      "0.0.bias": [1 + 8.5 * 2 + 19.5 * 6, 2 + 8.5 * 4 + 19.5 * 8],
    });
    expect(report.folded).toEqual([{ path: "0", into: "1.0", side: "following" }]);
    expect(report.largestDifference).toBeLessThan(1e-13);
  });

  it("makes a bias where there was none", () => {
    const { model } = foldBatchNorm(new Sequential([norm(), dense([[1], [1]])]), input);
    expect(parametersOf(model)).toEqual({ "0.weight": [[1.5], [-0.5]], "0.bias": [28] });
  });
});

describe("a model", () => {
  it("loses every batch norm that stands beside a Dense, also one behind another", () => {
    const random = new Random(1);
    const model = settle(
      new Sequential([
        new BatchNorm({ features: 3, ...float64 }),
        new Sequential([new BatchRenorm({ features: 3, ...float64 })]),
        new Dense({ inputs: 3, outputs: 4, random, ...float64 }),
        new GhostBatchNorm({ features: 4, groupSize: 3, ...float64 }),
        new ReLU(),
        new Dense({ inputs: 4, outputs: 2, random, ...float64 }),
      ]),
      [9, 3],
      random,
    );
    const before = memoryOf(model);
    const { model: folded, report } = foldBatchNorm(model, ordinary([7, 3], random));
    expect(report.folded).toEqual([
      { path: "1.0", into: "2", side: "following" },
      { path: "3", into: "2", side: "preceding" },
      { path: "0", into: "2", side: "following" },
    ]);
    expect(folded.statistics).toEqual([]);
    expect([...parametersByPath(folded).keys()]).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
    const x = ordinary([20, 3], random);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
    expect(memoryOf(model)).toEqual(before);
    // What took up nothing is the same layer; what did is a new one.
    expect(folded.children.get("2")).toBe(model.children.get("5"));
    expect(folded.children.get("0")).not.toBe(model.children.get("2"));
  });

  it("folds each place of a layer that stands in it twice", () => {
    const twice = dense(
      [
        [1, 2],
        [3, 4],
      ],
      [1, 1],
    );
    const model = new Sequential([twice, norm(), new ReLU(), twice, norm({}, [1, 1], [8.75, 0.75])]);
    const { model: folded } = foldBatchNorm(model, input);
    expectClose("output", inference(folded, input).data, inference(model, input).data, 1e-14);
    expect(new Set(folded.children.values()).size).toBe(3);
  });

  it("keeps a batch norm between activations, in other containers and on another axis, and says why", () => {
    const random = new Random(2);
    const inner = new Sequential([dense([[1, 2]]), norm()]);
    const other: Layer = {
      parameters: inner.parameters,
      statistics: inner.statistics,
      children: new Map([["inside", inner]]),
      forward: (x: Tensor, pass: Pass): Forward => inner.forward(x, { ...pass, path: `${pass.path!}.inside` }),
    };
    const model = new Sequential([
      dense([[1]], [2]),
      other,
      norm({ trackRunningStatistics: false }),
      new ReLU(),
      norm(),
      new ReLU(),
      dense([[1], [2]], [2]),
      settle(new BatchNorm({ features: 1, axis: -1, ...float64 }), [4, 1], random),
      new ReLU(),
      norm(),
      dense([[1]], [3]),
    ]);
    const { model: folded, report } = foldBatchNorm(model, ordinary([3, 2, 1], random));
    expect(report.folded).toEqual([{ path: "7", into: "6", side: "preceding" }]);
    const beside = (front: string, behind: string): string =>
      `no Dense or Conv2d is directly before or after it ("${front}" is before it, "${behind}" is after it), and scale and shift do not pass through an activation or a maximum`;
    expect(report.kept).toEqual([
      { path: "1.inside.1", reason: "it is in a container other than a Sequential or Residual" },
      { path: "2", reason: "it keeps no running statistics and normalizes every batch with its own" },
      { path: "4", reason: beside("3", "5") },
      { path: "9", reason: "its features are on axis 1, and those of a Dense on the last" },
    ]);
    expect(folded.children.size).toBe(10);
    const between = new Sequential([dense([[1], [1]]), new ReLU(), norm1(), new ReLU(), dense([[1]]), norm1()]);
    expect(foldBatchNorm(between, input).report.kept).toEqual([{ path: "2", reason: beside("1", "3") }]);
  });

  it("keeps a batch norm whose scale does not fit into the dtype", () => {
    const tiny = new BatchNorm({ features: 1, epsilon: 0 });
    tiny.runningVariance.values[0] = 1e-80;
    tiny.batchesTracked.values[0] = 1;
    const initial = { weight: Tensor.from([[1]]) };
    const model = new Sequential([new Dense({ inputs: 1, outputs: 1, bias: false, initial }), tiny]);
    expect(() => foldBatchNorm(model, Tensor.from([[0]]))).toThrow('"1", but a folded weight would not be finite');
  });

  it("reports what float32 loses where the variance is tiny and the mean is not", () => {
    const tiny = new BatchNorm({ features: 1, epsilon: 0 });
    tiny.runningMean.values[0] = 1;
    tiny.runningVariance.values[0] = 1e-6;
    tiny.batchesTracked.values[0] = 1;
    const initial = { weight: Tensor.from([[1 / 3]]) };
    const model = new Sequential([new Dense({ inputs: 1, outputs: 1, bias: false, initial }), tiny]);
    const x = Tensor.from([[3.001], [2.999]]);
    const { model: folded, report } = foldBatchNorm(model, x);
    const [before, after] = [inference(model, x).data, inference(folded, x).data];
    const differences = [0, 1].map((i) => Math.abs(after[i]! - before[i]!));
    expect(report.largestDifference).toBe(Math.max(...differences));
    expect(report.largestDifference).toBeGreaterThan(1e-6);
    expect(report.largestDifference).toBeLessThan(1e-3);
  });

  it("does not take a layer for a Dense that only inherits from it", () => {
    class DenseReLU extends Dense {
      override forward(x: Tensor, pass: Pass): Forward {
        return new Sequential([
          new Dense({ inputs: 1, outputs: 1, initial: { weight: this.weight.value } }),
          new ReLU(),
        ]).forward(x, pass);
      }
    }
    const layer = new DenseReLU({ inputs: 1, outputs: 1, initial: { weight: Tensor.from([[1]]) } });
    const last = settle(new BatchNorm({ features: 1 }), [4, 1], new Random(3), "float32");
    expect(() => foldBatchNorm(new Sequential([layer, last]), Tensor.from([[1]]))).toThrow(
      "no Dense or Conv2d is directly before or after it",
    );
  });

  it("does not fold a batch norm that does more than one", () => {
    class NormReLU extends BatchNorm {
      override forward(x: Tensor, pass: Pass): Forward {
        return new ReLU().forward(super.forward(x, pass).output, pass);
      }
    }
    const last = settle(new NormReLU({ features: 1, ...float64 }), [4, 1], new Random(3));
    const model = new Sequential([dense([[1]]), norm1(), new ReLU(), dense([[1]]), last]);
    const x = Tensor.from([[1]], float64);
    expect(foldBatchNorm(model, x).report.kept).toEqual([{ path: "4", reason: "it is a layer of another kind" }]);
  });

  it("gives the same outputs, whatever the model", () => {
    let count = 0;
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), (seed) => {
        const { model, input: draw } = randomModel(seed);
        const before = memoryOf(model);
        const x = draw(8);
        const { model: folded, report } = foldBatchNorm(model, x);
        expect(memoryOf(model)).toEqual(before);
        const y = inference(model, x);
        expectClose("output", inference(folded, x).data, y.data, 1e-9);
        expect(report.largestDifference).toBeLessThanOrEqual(1e-9 * report.largestOutput);
        count += report.folded.length;
      }),
      { numRuns: 200, seed: 7 },
    );
    expect(count).toBeGreaterThan(200);
  });
});

function norm1(): BatchNorm {
  return settle(new BatchNorm({ features: 1, ...float64 }), [6, 1], new Random(5));
}

describe("refuses", () => {
  it.each([
    ["TypeError: foldBatchNorm: Sequential | cure", norm1()],
    ["TypeError: foldBatchNorm: batch norm", new Sequential([new ReLU()])],
    ['TypeError: foldBatchNorm: "0" | "1"', new Sequential([norm1(), new ReLU(), dense([[1]])])],
    [
      'RangeError: BatchNorm "1": "inference" | cure',
      new Sequential([dense([[1]]), new BatchNorm({ features: 1, ...float64 })]),
    ],
  ])("%s: %s", async (refusal, model) => {
    await expectRefusal(() => foldBatchNorm(model, Tensor.from([[1]], float64)), refusal);
  });

  it("outputs that are not finite, and what is no model, input or options", async () => {
    const model = new Sequential([dense([[1]]), norm1()]);
    await expectRefusal(
      () => foldBatchNorm(model, Tensor.from([[1], [NaN]], float64)),
      "RangeError: foldBatchNorm: NaN | 1 | cure",
    );
    await expectRefusal(() => foldBatchNorm({} as never, input), "TypeError: foldBatchNorm: parameters");
    await expectRefusal(() => foldBatchNorm(model, [1] as never), "TypeError: foldBatchNorm: input | Tensor | [1]");
    await expectRefusal(() => foldBatchNorm(model, input, 1 as never), "TypeError: foldBatchNorm: options | 1");
    const misspelled = { kernel: {} } as never;
    await expectRefusal(
      () => foldBatchNorm(model, input, misspelled),
      'TypeError: foldBatchNorm: "kernel" | kernels | cure',
    );
  });
});
