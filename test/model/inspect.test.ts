/** inspect: every finding where it belongs, with its evidence; none where nothing is wrong; no trace. */
import { describe, expect, it, vi } from "vitest";
import {
  Adam,
  AdamW,
  BatchNorm,
  type BatchNormOptions,
  Batcher,
  Dense,
  type Forward,
  type Layer,
  LayerNorm,
  type Pass,
  Random,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "batchnorm";
import { BatchRMSNorm, DynamicTanh, GhostBatchNorm, LpNorm, MeanOnlyNorm } from "batchnorm/variants";
import { type Finding, inspect, type InspectOptions, recalibrate } from "batchnorm/tools";
import { loadDigits } from "../../examples/data/digits.js";
import { memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { randomModel } from "../support/random-models.js";
import { ordinary } from "../support/samples.js";

// It trains networks, beside other work: no test here is about time.
vi.setConfig({ testTimeout: 120_000 });

const float64 = { dtype: "float64" } as const;
const column = (values: readonly number[]): Tensor =>
  Tensor.from(
    values.map((x) => [x]),
    float64,
  );

/** A batch norm whose running statistics are these. */
function norm(
  mean: readonly number[],
  variance: readonly number[],
  options: Partial<BatchNormOptions> = {},
): BatchNorm {
  const layer = new BatchNorm({ features: mean.length, ...float64, ...options });
  layer.runningMean.values.set(mean);
  layer.runningVariance.values.set(variance);
  layer.batchesTracked.values[0] = 1000;
  return layer;
}

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

const found = (model: Layer, input: Tensor, options?: InspectOptions): string[] =>
  inspect(model, input, options).findings.map(({ kind, severity, path }) => `${severity} "${path}" ${kind}`);

function only(model: Layer, input: Tensor, options?: InspectOptions): Finding {
  const { findings } = inspect(model, input, options);
  expect(findings.map(({ kind, path }) => [kind, path])).toHaveLength(1);
  return findings[0]!;
}

/** Mean 0, biased variance 1, in 16 rows. */
const sixteen = column(Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 1 : -1)));

describe("not finite", () => {
  it("is found in the input, by row, and not again behind it", () => {
    const x = Tensor.from([[1, 2], [3, Infinity], [NaN, 4], ...Array.from({ length: 16 }, (_, i) => [i, -i])], float64);
    expect(only(new Sequential([dense([[1], [1]]), norm([0], [50])]), x)).toEqual({
      kind: "not finite",
      severity: "error",
      path: "",
      evidence: "in the input, 2 of 38 values are not finite; the first is Infinity at index 3, in row 1",
      cure: "check the data: missing values, division by 0",
    });
  });

  it("is found in the layer where it begins", () => {
    const model = new Sequential([dense([[1]]), new Sequential([dense([[1e200]]), dense([[1e200]])]), new ReLU()]);
    expect(only(model, column([0, 1, 2]))).toEqual({
      kind: "not finite",
      severity: "error",
      path: "1.1",
      evidence: "in its output, 2 of 3 values are not finite; the first is Infinity at index 1, in row 1",
      cure: "scale down its input, which has values up to 2e+200, or lower the learning rate",
    });
  });

  it("is found in a parameter, and not again in its layer", () => {
    expect(only(new Sequential([dense([[1, NaN]], [0, 0]), new ReLU()]), column([1, 2]))).toMatchObject({
      path: "0.weight",
      evidence: "1 of 2 values is not finite; the first is NaN at index 1",
    });
  });

  it("is found in running statistics, which may not be below 0 either", () => {
    const model = new Sequential([norm([0, NaN], [1, -2])]);
    const x = Tensor.from(
      Array.from({ length: 16 }, (_, i) => [i % 2, 1 - (i % 2)]),
      float64,
    );
    expect(inspect(model, x).findings.map(({ path, evidence }) => [path, evidence])).toEqual([
      ["0.runningMean", "1 of 2 values is not finite; the first is NaN at index 1"],
      ["0.runningVariance", "1 of 2 values is not finite or below 0; the first is -2 at index 1"],
    ]);
  });

  it("is found where only inference has it", () => {
    const model = new Sequential([norm([0], [0], { epsilon: 1e-320 }), dense([[1e200]])]);
    expect(found(model, sixteen)).toContain('error "1" not finite');
  });
});

describe("batch too small", () => {
  const tell = (rows: number, features = 1): Finding[] =>
    inspect(
      norm(Array<number>(features).fill(0), Array<number>(features).fill(1)),
      ordinary([rows, features], new Random(1)),
    ).findings.filter(({ kind }) => kind === "batch too small");

  it("is an error at one value a feature, where training throws", () => {
    expect(tell(1, 3)).toEqual([
      {
        kind: "batch too small",
        severity: "error",
        path: "",
        evidence: "one value per feature has no variance, so training throws",
        cure: "use a larger batch; a Batcher drops a last batch of one row",
      },
    ]);
    const report = inspect(new Sequential([norm([0], [1]), new Tanh()]), column([0.5]));
    expect(report).toMatchObject({ tool: "inspect", rows: 1, passes: 1, mode: "inference" });
    expect(report.signal.map(({ path }) => path)).toEqual(["0", "1"]);
  });

  it("is an error too before there are running statistics, and nothing else can be said", () => {
    const report = inspect(new Sequential([new BatchNorm({ features: 1 }), new Tanh()]), Tensor.from([[0.5]]));
    expect(report.findings.map(({ kind }) => kind)).toEqual(["batch too small"]);
    expect(report.signal).toEqual([]);
  });

  it("is a warning below 16, with what so few values know", () => {
    expect(tell(9)).toMatchObject([
      {
        severity: "warning",
        evidence: "from 9 values per feature, the mean is known to 0.33 standard deviations and the variance to 50%",
      },
    ]);
    expect(tell(15)).toMatchObject([{ kind: "batch too small", severity: "warning" }]);
    expect(tell(16)).toEqual([]);
  });

  it("counts values, not rows", () => {
    expect(inspect(norm([0, 0], [4, 4]), ordinary([2, 2, 8], new Random(1))).findings).toEqual([]);
    expect(inspect(norm([0, 0], [4, 4]), ordinary([2, 2, 7], new Random(1))).findings).toMatchObject([
      { kind: "batch too small", severity: "warning", evidence: expect.stringContaining("from 14 values") as string },
    ]);
  });

  it("does not matter to a frozen batch norm", () => {
    const frozen = norm([0], [1]);
    frozen.freeze();
    expect(found(frozen, column([0.1]))).toEqual([]);
  });
});

describe("exploding and vanishing signal", () => {
  const deep = (factors: readonly number[], behind: () => Layer[] = () => []): Sequential =>
    new Sequential(factors.flatMap((factor) => [dense([[factor]]), ...behind()]));

  it("is the median growth to the power of the depth, beyond 1000", () => {
    expect(only(deep([10, 10, 10, 10]), sixteen)).toEqual({
      kind: "exploding signal",
      severity: "warning",
      path: "2",
      evidence:
        "the spread of the rows grows by a factor of 10 per layer (median of 4 layers with weights), from 1 to 10000",
      cure: 'add batch norm after these layers, or initialize them with initial: "he" (ReLU) or "glorot"',
    });
    expect(only(deep([0.1, 0.4, 0.02, 0.1]), sixteen)).toMatchObject({
      kind: "vanishing signal",
      path: "2",
      evidence:
        "the spread of the rows shrinks by a factor of 10 per layer (median of 4 layers with weights), from 1 to 0.00008",
    });
  });

  it("is not one layer that changes the scale, nor two layers, nor growth that batch norm undoes", () => {
    expect(found(deep([1, 1, 1e6]), sixteen)).toEqual([]);
    expect(found(deep([1e-6, 1, 1, 1]), sixteen)).toEqual([]);
    expect(found(deep([100, 100]), sixteen)).toEqual([]);
    expect(found(deep([5, 5, 5, 5]), sixteen)).toEqual([]);
    const norms = (): Layer[] => [norm([0], [10000])];
    expect(found(deep([100, 100, 100, 100], norms), sixteen)).toEqual([]);
  });

  it("is found where all rows become one", () => {
    const model = new Sequential([dense([[1]]), dense([[0]], [3]), dense([[1]])]);
    expect(only(model, sixteen)).toMatchObject({ kind: "vanishing signal", severity: "warning", path: "1" });
  });

  it("comes with the profile that it was found in", () => {
    const { signal } = inspect(deep([2, 3]), sixteen);
    expect(signal).toEqual([
      { path: "0", entering: 1, leaving: 2 },
      { path: "1", entering: 2, leaving: 6 },
    ]);
  });
});

describe("running statistics off", () => {
  it("is found where they are far from the batch, with the cause", () => {
    const stale = norm([2], [1], { epsilon: 0 });
    expect(only(stale, sixteen)).toMatchObject({ kind: "running statistics off", severity: "warning", path: "" });
    expect(only(stale, sixteen).evidence).toBe(
      "the batch mean of feature 0 is 2 running standard deviations away from the running mean",
    );
    expect(only(stale, sixteen).cure).toContain("recalibrate(model, batches)");
    recalibrate(stale, [sixteen]);
    expect(found(stale, sixteen)).toEqual([]);
  });

  it("is not a mean 0.3 off, nor anything that chance explains", () => {
    const many = column(Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 1 : -1)));
    expect(found(norm([0.3], [1]), many)).toEqual([]);
    expect(found(norm([0.5], [1]), many)).toEqual(['warning "" running statistics off']);
    expect(found(norm([0], [5]), many)).toEqual(['warning "" running statistics off']);
    // 0.4 standard deviations off: a variance of 1.4² = 1.96
    const wide = (variance: number): Tensor => column([...many.data].map((x) => x * Math.sqrt(variance)));
    expect(found(norm([0], [1]), wide(1.8))).toEqual([]);
    expect(found(norm([0], [1]), wide(2.1))).toEqual(['warning "" running statistics off']);
    // four standard errors of 82 values, but not yet far
    const some = column(Array.from({ length: 82 }, (_, i) => (i % 2 === 0 ? 1 : -1)));
    expect(found(norm([0.45], [1]), some)).toEqual([]);
    expect(found(norm([0.48], [1]), some)).toEqual(['warning "" running statistics off']);
    // sixteen values know their mean to 0.25
    expect(found(norm([0.5], [1]), sixteen)).toEqual([]);
  });

  it("is found from two values on, if they are far enough", () => {
    const kinds = (x: number): string[] => found(norm([0], [1]), column([x - 1, x + 1]));
    expect(kinds(100)).toEqual(['warning "" batch too small', 'warning "" running statistics off']);
    expect(kinds(2)).toEqual(['warning "" batch too small']);
  });

  it("is not said of a layer without statistics yet, without any, or frozen", () => {
    const far = sixteen.data.map((x) => x + 100);
    const x = column([...far]);
    const frozen = norm([0], [1]);
    frozen.freeze();
    for (const layer of [
      new BatchNorm({ features: 1, ...float64 }),
      new BatchNorm({ features: 1, trackRunningStatistics: false, ...float64 }),
      frozen,
    ]) {
      expect(found(layer, x)).toEqual([]);
    }
  });
});

describe("large momentum", () => {
  it("is above a half", () => {
    expect(only(norm([0], [1], { momentum: 0.99 }), sixteen)).toMatchObject({
      kind: "large momentum",
      severity: "note",
      evidence: "momentum 0.99: the running statistics are 99% those of the last batch",
      cure: "momentum 0.01, if 0.99 was meant as in Keras",
    });
    expect(found(norm([0], [1], { momentum: 0.5 }), sixteen)).toEqual([]);
    expect(found(norm([0], [1], { momentum: null }), sixteen)).toEqual([]);
  });
});

describe("near-constant features", () => {
  const rows = (f: (i: number) => number[], count = 32): Tensor =>
    Tensor.from(
      Array.from({ length: count }, (_, i) => f(i)),
      float64,
    );
  const sign = (i: number): number => (i % 2 === 0 ? 1 : -1);

  it("have a variance lost in epsilon", () => {
    const x = rows((i) => [sign(i), 5 + 0.003 * sign(i), sign(i)]);
    const finding = only(new BatchNorm({ features: 3, ...float64 }), x);
    expect(finding).toMatchObject({ kind: "near-constant features", severity: "note", features: [1] });
    expect(finding.evidence).toBe(
      "almost constant: feature 1 (1 of 3); feature 1 has mean 5 and variance 0.000009, epsilon is 0.00001",
    );
    expect(found(new BatchNorm({ features: 3, epsilon: 1e-6, ...float64 }), x)).toEqual([]);
  });

  it("have a std lost in the round-off of the mean", () => {
    const x = Tensor.from(Array.from({ length: 32 }, (_, i) => [1e6 + (i % 2) * 0.0625]));
    expect(found(new BatchNorm({ features: 1 }), x)).toEqual(['warning "" near-constant features']);
    expect(found(new BatchNorm({ features: 1, ...float64 }), x.cast("float64"))).toEqual([]);
  });

  it("are not features that are seldom there, as the running variance or a thousand rows tell", () => {
    const nine = (last: number): number[] => [...Array<number>(8).fill(1), last];
    const x = (count: number): Tensor => rows((i) => nine(1).map((_, c) => (c < 8 ? sign(i) : 0)), count);
    const running = (variance: number): BatchNorm => norm(Array<number>(9).fill(0), nine(variance));
    expect(found(new BatchNorm({ features: 9, ...float64 }), x(32))).toEqual(['note "" near-constant features']);
    expect(found(running(0), x(32))).toEqual(['note "" near-constant features']);
    expect(found(running(0.01), x(32))).toEqual([]);
    expect(found(running(0.01), x(1000))).toEqual(['note "" near-constant features']);
  });
});

it("finds near-constant features from two values on", () => {
  const kinds = inspect(norm([5], [0]), column([5, 5])).findings.map(({ kind }) => kind);
  expect(kinds).toEqual(["batch too small", "near-constant features"]);
});

it.each([
  [1, "feature 0 (1 of 1)"],
  [5, "features 0, 1, 2, 3, 4 (5 of 5)"],
  [6, "features 0, 1, 2 and 3 more (6 of 6)"],
])("lists up to five features, and three of more: %i", (count, listed) => {
  const constant = norm(Array<number>(count).fill(5), Array<number>(count).fill(0));
  const { evidence } = only(constant, Tensor.filled([16, count], 5, "float64"));
  expect(evidence).toContain(`almost constant: ${listed};`);
});

describe("a feature that is constant in one small batch", () => {
  it("does not make its running variance look off", () => {
    const x = Tensor.from(
      Array.from({ length: 32 }, (_, i) => [i % 2 === 0 ? 1 : -1, 0]),
      float64,
    );
    expect(found(norm([0, 0], [1, 1e-9], { epsilon: 0 }), x)).toEqual([]);
  });
});

describe("dead features", () => {
  const spreadRows = (count: number): Tensor => column(Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1 : -1)));

  it("give the same for every row, and would for any", () => {
    const model = new Sequential([dense([[1, 1, 1]], [-5, 0, 2]), new ReLU()]);
    expect(only(model, sixteen)).toEqual({
      kind: "dead features",
      severity: "note",
      path: "1",
      evidence:
        "the same for all 16 values: feature 0 (1 of 3); feature 0 is 0, from a mean of -5 and a standard deviation of 1",
      cure: "lower the learning rate, add batch norm before it, or use LeakyReLU",
      features: [0],
    });
  });

  it("are a warning when they are half of all, and named in short when they are many", () => {
    const bias = [0, ...Array<number>(9).fill(-5)];
    const finding = only(new Sequential([dense([bias.map(() => 1)], bias), new ReLU()]), sixteen);
    expect(finding.severity).toBe("warning");
    expect(finding.evidence).toContain("features 1, 2, 3 and 6 more (9 of 10); feature 1 is 0");
  });

  it("are not those that a larger batch may wake: 4 standard deviations or 1000 values decide", () => {
    const model = (bias: number): Sequential => new Sequential([dense([[1, 1, 1]], [bias, 0, 2]), new ReLU()]);
    expect(found(model(-3.9), spreadRows(998))).toEqual([]);
    expect(found(model(-4), spreadRows(998))).toEqual(['note "1" dead features']);
    expect(found(model(-3.9), spreadRows(1000))).toEqual(['note "1" dead features']);
  });

  it("are not those that were constant before the activation", () => {
    expect(found(new Sequential([dense([[0, 1]], [3, 0]), new ReLU()]), sixteen)).toEqual([]);
  });

  it("are saturated ones too", () => {
    const model = new Sequential([dense([[1, 1, 1]], [40, 0, 2]), new Tanh()]);
    expect(only(model, sixteen)).toMatchObject({ kind: "dead features", features: [0] });
  });

  it("are looked for on the axis of the batch norms", () => {
    const random = new Random(1);
    const model = new Sequential([norm([0, 0], [4, 4], { axis: -1 }), new ReLU()]);
    const layer = model.children.get("0") as BatchNorm;
    layer.beta!.update((values) => (values[1] = -50));
    expect(only(model, ordinary([8, 3, 2], random))).toMatchObject({ kind: "dead features", features: [1] });
  });
});

describe("redundant bias", () => {
  const batchNorm = (options: Partial<BatchNormOptions> = {}): BatchNorm => norm([0], [1], { ...options });

  it("stands directly in front of a batch norm that normalizes with the batch", () => {
    expect(only(new Sequential([new Sequential([dense([[1]], [0])]), batchNorm()]), sixteen)).toEqual({
      kind: "redundant bias",
      severity: "note",
      path: "0.0",
      evidence: "the batch norm after it subtracts this bias along with the mean, so its gradient is 0",
      cure: "bias: false",
    });
    const frozen = batchNorm();
    frozen.freeze();
    for (const layers of [
      [dense([[1]]), batchNorm()],
      [dense([[1]], [0]), new Tanh(), batchNorm()],
      [dense([[1]], [0]), frozen],
      [dense([[1]], [0])],
    ]) {
      expect(found(new Sequential(layers), sixteen).filter((text) => text.includes("bias"))).toEqual([]);
    }
  });

  it("is none where the batch norm is on another axis, or the layer's output goes elsewhere too", () => {
    const onRows = new Sequential([dense([[1]], [0]), new BatchNorm({ features: 8, ...float64 })]);
    expect(found(onRows, ordinary([16, 8, 1], new Random(1)))).toEqual([]);
    const [first, second, side] = [dense([[1]], [0]), batchNorm(), new Tanh()];
    const branches: Layer = {
      parameters: [...first.parameters, ...second.parameters],
      statistics: second.statistics,
      children: new Map<string, Layer>([
        ["first", first],
        ["second", second],
        ["side", side],
      ]),
      forward(x: Tensor, pass: Pass): Forward {
        const { output } = first.forward(x, pass);
        pass.observe?.("first", output, x);
        for (const [path, layer] of [["second", second] as const, ["side", side] as const]) {
          pass.observe?.(path, layer.forward(output, pass).output, output);
        }
        return new ReLU().forward(output, pass);
      },
    };
    expect(found(branches, sixteen)).toEqual([]);
    const twice = dense([[1]], [0]);
    expect(found(new Sequential([twice, batchNorm(), twice]), sixteen)).toEqual([]);
  });
});

describe("weight decay on scale or shift", () => {
  const model = new Sequential([
    dense([[1]]),
    norm([0], [1]),
    new LayerNorm({ features: 1, epsilon: 1, ...float64 }),
    dense([[1]]),
  ]);
  const quiet = new Sequential([dense([[1]]), norm([0], [1]), dense([[1]])]);

  it("is found by role, layer by layer", () => {
    const optimizer = new SGD(quiet.parameters, { learningRate: 0.1, weightDecay: 0.01 });
    expect(only(quiet, sixteen, { optimizer })).toEqual({
      kind: "weight decay on scale or shift",
      severity: "note",
      path: "1",
      evidence: "weight decay 0.01 pulls gamma and beta to 0, which does not make the model simpler",
      cure: 'withoutDecay: ["bias", "scale", "shift"]',
    });
    const paths = inspect(model, sixteen, { optimizer: new AdamW(model.parameters, { learningRate: 0.1 }) }).findings;
    expect(paths.filter(({ kind }) => kind.startsWith("weight decay")).map(({ path }) => path)).toEqual(["1", "2"]);
  });

  it("is none without decay, without these roles, of others' parameters, or of frozen ones", () => {
    const options = { learningRate: 0.1, weightDecay: 0.01 };
    const tell = (optimizer: InspectOptions["optimizer"]): string[] => found(quiet, sixteen, { optimizer });
    expect(tell(new Adam(quiet.parameters, { learningRate: 0.1 }))).toEqual([]);
    expect(tell(new SGD(quiet.parameters, { ...options, withoutDecay: ["scale", "shift"] }))).toEqual([]);
    expect(tell(new SGD(dense([[1]]).parameters, options))).toEqual([]);
    expect(tell(new SGD(quiet.parameters, { ...options, withoutDecay: ["scale"] }))).toEqual([
      'note "1" weight decay on scale or shift',
    ]);
    const frozen = norm([0], [1]);
    frozen.freeze({ normalization: false, updates: false });
    expect(found(frozen, sixteen, { optimizer: new SGD(frozen.parameters, options) })).toEqual([]);
  });
});

describe("a report", () => {
  it("has the worst first, is plain JSON, and the model is as it was", () => {
    const model = new Sequential([
      dense([[1, 1]], [0, -9]),
      norm([5, 0], [1, 1]),
      new ReLU(),
      dense([[1], [NaN]]),
      new BatchNorm({ features: 1, ...float64 }),
    ]);
    const before = memoryOf(model);
    const report = inspect(model, sixteen, { optimizer: new AdamW(model.parameters, { learningRate: 1 }) });
    expect(report.findings.map(({ severity }) => severity)).toEqual(["error", "warning", "note", "note", "note"]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report).toMatchObject({ rows: 16, passes: 2, mode: "probe" });
    expect(memoryOf(model)).toEqual(before);
  });

  it("leaves any model as it was, and none of its kinds throws", () => {
    for (let seed = 0; seed < 60; seed++) {
      const { model, input } = randomModel(seed);
      const before = memoryOf(model);
      for (const rows of [2, 7]) inspect(model, input(rows));
      expect(memoryOf(model)).toEqual(before);
    }
  });
});

describe("a healthy model", () => {
  const { images, labels } = loadDigits();
  const networks: Readonly<Record<string, (random: Random) => { model: Sequential; rate: number }>> = {
    "batch norm, ReLU": (random) => ({
      model: network(random, [64, 32, 32, 32], (f) => [new BatchNorm({ features: f }), new ReLU()]),
      rate: 0.1,
    }),
    "batch norm, sigmoid": (random) => ({
      model: network(random, [64, 32, 32, 32], (f) => [new BatchNorm({ features: f }), new Sigmoid()]),
      rate: 0.3,
    }),
    "ghost batch norm, tanh": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new GhostBatchNorm({ features: f, groupSize: 16 }), new Tanh()]),
      rate: 0.1,
    }),
    "l1 norm, ReLU": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new LpNorm({ features: f, p: 1 }), new ReLU()]),
      rate: 0.03,
    }),
    "batch RMS norm, ReLU": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new BatchRMSNorm({ features: f }), new ReLU()]),
      rate: 0.1,
    }),
    "mean only, ReLU": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new MeanOnlyNorm({ features: f }), new ReLU()]),
      rate: 0.05,
    }),
    "dynamic tanh": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new DynamicTanh({ features: f })]),
      rate: 0.1,
    }),
    "layer norm, ReLU": (random) => ({
      model: network(random, [64, 32, 32], (f) => [new LayerNorm({ features: f }), new ReLU()]),
      rate: 0.1,
    }),
    "nothing, ReLU": (random) => ({ model: network(random, [64, 32, 32, 32], () => [new ReLU()], true), rate: 0.05 }),
    "batch norm, ReLU, ten layers": (random) => ({
      model: network(random, [64, ...Array<number>(10).fill(24)], (f) => [new BatchNorm({ features: f }), new ReLU()]),
      rate: 0.02,
    }),
  };

  function network(
    random: Random,
    widths: readonly number[],
    behind: (features: number) => Layer[],
    bias = false,
  ): Sequential {
    const layers = widths
      .slice(1)
      .flatMap((outputs, i) => [
        new Dense({ inputs: widths[i]!, outputs, bias, initial: "he", random }),
        ...behind(outputs),
      ]);
    return new Sequential([...layers, new Dense({ inputs: widths.at(-1)!, outputs: 10, random })]);
  }

  it.each(Object.entries(networks))("gives no alarm: %s", (_, build) => {
    const random = new Random(3);
    const { model, rate } = build(random);
    const decay = { weightDecay: 1e-4, withoutDecay: ["bias", "scale", "shift"] } as const;
    const optimizer = new SGD(model.parameters, { learningRate: rate, momentum: 0.5, ...decay });
    const batcher = new Batcher({ input: images, target: labels, batchSize: 64, random });
    for (let epoch = 0; epoch < 12; epoch++) {
      for (const { input, target } of batcher) {
        const { output, backward } = model.forward(input, { mode: "train" });
        optimizer.step(backward(softmaxCrossEntropy(output, target).gradOutput).gradients);
      }
    }
    const { loss } = softmaxCrossEntropy(model.forward(images, { mode: "inference" }).output, labels);
    expect(loss, "it has learned").toBeLessThan(0.5);
    const batches = [...batcher].slice(0, 5).map(({ input }) => input);
    for (const input of [images, ...batches]) {
      const { findings } = inspect(model, input, { optimizer });
      expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
      // What it notes holds of all digits, not of this batch alone.
      for (const { kind, path, features } of findings) {
        expect(kind).toBe("dead features");
        expect(silentFeatures(model, path)).toEqual(expect.arrayContaining([...features!]));
      }
    }
  });

  /** The features that are 0 for every one of the digits. */
  function silentFeatures(model: Layer, path: string): number[] {
    let at: Tensor | undefined;
    const observe: Pass["observe"] = (observed, output) => {
      if (observed === path) at = output;
    };
    model.forward(images, { mode: "probe", observe });
    const [rows, width] = at!.shape as [number, number];
    return Array.from({ length: width }, (_, c) => c).filter((c) =>
      Array.from({ length: rows }, (_, i) => at!.at(i, c)).every((value) => value === 0),
    );
  }

  it("that trained too fast does not count as one", () => {
    const random = new Random(3);
    const model = network(random, [64, 32, 32], () => [new ReLU()], true);
    const optimizer = new SGD(model.parameters, { learningRate: 2 });
    for (const { input, target } of new Batcher({ input: images, target: labels, batchSize: 64, random })) {
      const { output, backward } = model.forward(input, { mode: "train" });
      optimizer.step(backward(softmaxCrossEntropy(output, target).gradOutput).gradients);
    }
    expect(found(model, images)).toContain('warning "1" dead features');
  });
});

describe("refuses", () => {
  it("what is no model, no input, no options, no optimizer, and a container that keeps silent", async () => {
    const layer = norm([0], [1]);
    const silent: Layer = {
      parameters: layer.parameters,
      statistics: layer.statistics,
      children: new Map([["inside", layer]]),
      forward: (x: Tensor, pass: Pass): Forward => layer.forward(x, pass),
    };
    for (const [facts, call] of [
      ["3", () => inspect(3 as never, sixteen)],
      ["input | Tensor | null", () => inspect(layer, null as never)],
      ["options | null", () => inspect(layer, sixteen, null as never)],
      ['"optimiser" | optimizer | cure', () => inspect(layer, sixteen, { optimiser: {} } as never)],
      ["optimizer | SGD", () => inspect(layer, sixteen, { optimizer: { weightDecay: 1 } as never })],
      ['"inside" | cure', () => inspect(silent, sixteen)],
    ] as const) {
      await expectRefusal(call, `TypeError: inspect: ${facts}`);
    }
  });

  it("a batch that a layer without running statistics cannot take", async () => {
    await expectRefusal(
      () => inspect(new BatchNorm({ features: 1, trackRunningStatistics: false, ...float64 }), column([1])),
      'RangeError: BatchNorm: 2 | "inference" | input | [1, 1] | cure',
    );
  });
});
