/** Row weights in the tools: a model that was trained with a mask is measured with it, and what is masked may hold anything. */
import { describe, expect, it } from "vitest";
import {
  Batcher,
  BatchNorm,
  Dense,
  type Forward,
  type Layer,
  meanSquaredError,
  modelObjective,
  type Pass,
  Random,
  ReLU,
  Sequential,
  Tensor,
} from "batchnorm";
import { compareModes, inspect, recalibrate } from "batchnorm/tools";
import { expectClose, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { ordinary } from "../support/samples.js";

const float64 = { dtype: "float64" } as const;

/** 24 rows of mean 5.05 and 16 rows of padding: all 40 have mean 3.03 and another variance. */
const real = Array.from({ length: 24 }, (_, i) => [5.05 + (i % 2 === 0 ? 1 : -1) * (1 + (i % 5) / 10)]);
const mean = real.reduce((sum, [x]) => sum + x!, 0) / 24;
const rowWeights = Array.from({ length: 40 }, (_, i): number => (i < 24 ? 1 : 0));
const padded = (value = 0): Tensor => Tensor.from([...real, ...Array.from({ length: 16 }, () => [value])], float64);

function trained(): BatchNorm {
  const norm = new BatchNorm({ features: 1, momentum: null, ...float64 });
  for (let step = 0; step < 20; step++) norm.forward(padded(), { mode: "train", rowWeights });
  return norm;
}

describe("a batch norm that was trained with a mask", () => {
  it("has running statistics that fit, with the mask; without it, they are off", () => {
    for (const value of [0, NaN, Infinity]) {
      const norm = trained();
      const before = memoryOf(norm);
      expect(norm.runningMean.values[0]).toBeCloseTo(mean, 12);
      const options = { rowWeights, loss: meanSquaredError, target: padded() };
      const { layers, output, loss } = compareModes(norm, padded(value), options);
      expect(layers[0]).toMatchObject({ verdict: "fits", valuesPerFeature: 24, featuresOff: 0 });
      expectClose("meanShift", [1 + layers[0]!.meanShift[0]!], [1], 1e-13);
      // the running variance is divided by M - 1
      expect(output.difference / output.size).toBeLessThan(0.05);
      expect(loss!.difference / loss!.batch).toBeLessThan(0.05);
      expect(inspect(norm, padded(value), { rowWeights }).findings).toEqual([]);
      expect(memoryOf(norm)).toEqual(before);
    }
    const norm = trained();
    expect(compareModes(norm, padded()).layers[0]!.verdict).toBe("off");
    expect(inspect(norm, padded()).findings.map(({ kind }) => kind)).toEqual(["running statistics off"]);
  });

  it.each(["layer by layer", "one pass"] as const)(
    "keeps its mean when it is recalibrated %s with the mask",
    (order) => {
      const norm = trained();
      const [own, variance] = [norm.runningMean.values[0]!, norm.runningVariance.values[0]!];
      for (const value of [0, NaN]) {
        const report = recalibrate(norm, [{ input: padded(value), rowWeights }], { order });
        expect(norm.runningMean.values[0]).toBeCloseTo(own, 12);
        expect(norm.runningVariance.values[0]).toBeCloseTo(variance, 12);
        expect(report.layers[0]!.valuesPerFeature).toBe(24);
      }
      recalibrate(norm, [padded()], { order });
      expect(norm.runningMean.values[0]).toBeCloseTo((mean * 24) / 40, 12);
    },
  );
});

describe("recalibrate", () => {
  it("weights batches by the sums of their weights, whatever their scale", () => {
    const rows = [
      [1, 3],
      [10, 12, 14],
      [100, 101, 102],
    ];
    const weights = [
      [1, 0.5],
      [0.25, 2, 1],
      [0, 0, 0],
    ];
    const flat = weights.flat();
    const total = flat.reduce((sum, w) => sum + w, 0);
    const weightedMean = rows.flat().reduce((sum, x, i) => sum + flat[i]! * x, 0) / total;
    const spread = rows.flat().reduce((sum, x, i) => sum + flat[i]! * (x - weightedMean) ** 2, 0) / total;
    const count = total ** 2 / flat.reduce((sum, w) => sum + w * w, 0);
    for (const scale of [1, 1e-160, 1e160]) {
      const norm = new BatchNorm({ features: 1, ...float64 });
      const batches = rows.map((values, b) => ({
        input: Tensor.from(
          values.map((x) => [x]),
          float64,
        ),
        rowWeights: weights[b]!.map((w) => scale * w),
      }));
      const { layers } = recalibrate(norm, batches);
      expectClose("mean", norm.runningMean.values, [weightedMean], 1e-14);
      expectClose("variance", norm.runningVariance.values, [(spread * count) / (count - 1)], 1e-13);
      expectClose("valuesPerFeature", [layers[0]!.valuesPerFeature], [count], 1e-14);
      expect(norm.batchesTracked.values[0]).toBe(2);
    }
  });

  it("takes positions [N, L], behind a Dense on sequences too", () => {
    const random = new Random(1);
    const model = new Sequential([
      new Dense({ inputs: 2, outputs: 3, random, ...float64 }),
      new BatchNorm({ features: 3, axis: -1, ...float64 }),
      new ReLU(),
      new BatchNorm({ features: 3, axis: -1, ...float64 }),
    ]);
    const input = ordinary([4, 5, 2], random);
    const lengths = [5, 2, 3, 1];
    const mask = Tensor.from(lengths.map((length) => [0, 1, 2, 3, 4].map((i) => (i < length ? 1 : 0))));
    const kept = lengths.flatMap((length, n) => Array.from({ length }, (_, i) => 5 * n + i));
    const dirty = input.copy();
    for (let p = 0; p < 20; p++) if (!kept.includes(p)) dirty.data.fill(NaN, 2 * p, 2 * p + 2);
    const other = new Sequential([...model.children.values()]);
    recalibrate(model, [{ input: dirty, rowWeights: mask }]);
    const masked = memoryOf(model);
    recalibrate(other, [input.reshape([20, 2]).rows(kept)]);
    const numbers = (memory: unknown): number[] =>
      (memory as { statistics: [string, number[]][] }).statistics.flatMap(([, values]) => values);
    expectClose("statistics", numbers(masked), numbers(memoryOf(other)), 1e-13);

    const { findings, signal } = inspect(model, dirty, { rowWeights: mask });
    expect(findings.map(({ kind }) => kind)).toEqual(["batch too small", "batch too small", "redundant bias"]);
    expect(signal.every(({ entering, leaving }) => entering !== null && leaving !== null)).toBe(true);
    const compared = compareModes(model, dirty, { rowWeights: mask });
    expect(compared.layers.map(({ verdict }) => verdict)).toEqual(["fits", "fits"]);
    expect(Number.isFinite(compared.output.difference)).toBe(true);
  });

  it("takes a Batcher, and loaders of any kind", async () => {
    const input = ordinary([20, 2], new Random(1));
    const target = Array.from({ length: 20 }, () => 0);
    const create = (): BatchNorm => new BatchNorm({ features: 2, ...float64 });
    const expected = create();
    recalibrate(expected, [input]);
    const batcher = new Batcher({ input, target, batchSize: 6, random: new Random(2) });
    async function* loader(): AsyncGenerator<{ input: Tensor; label: string }> {
      for (const batch of [
        input.rows([0, 1, 2, 3, 4, 5, 6, 7]),
        input.rows(Array.from({ length: 12 }, (_, i) => i + 8)),
      ]) {
        await Promise.resolve();
        yield { input: batch, label: "a" };
      }
    }
    const stream = new ReadableStream<Tensor>({
      start: (controller) => {
        controller.enqueue(input);
        controller.close();
      },
    });
    for (const batches of [batcher, new Set([input]), loader(), stream as unknown as AsyncIterable<Tensor>]) {
      const norm = create();
      const report = await recalibrate(norm, batches as AsyncIterable<Tensor>);
      expect(report.layers[0]!.valuesPerFeature).toBe(20);
      expectClose("mean", norm.runningMean.values, expected.runningMean.values, 1e-13);
      expectClose("variance", norm.runningVariance.values, expected.runningVariance.values, 1e-13);
    }
    async function* broken(): AsyncGenerator<Tensor> {
      yield input;
      await Promise.reject(new Error("the loader broke"));
    }
    const norm = create();
    await expect(recalibrate(norm, broken())).rejects.toThrow("the loader broke");
    expect(norm.batchesTracked.values[0]).toBe(0);
  });
});

/** A weight of 3 is three rows of weight 1; only the ratios of the weights matter. */
describe("row weights between 0 and 1", () => {
  const random = new Random(7);
  const rows = ordinary([6, 2], random);
  const counts = [3, 1, 2, 0, 1, 4];
  const repeated = rows.rows(counts.flatMap((count, row) => Array.from({ length: count }, () => row)));
  const masked = rows.copy();
  masked.data.fill(NaN, 6, 8); // row 3, of weight 0

  it("weigh in the spread of the rows at each layer", () => {
    const model = new Sequential([new Dense({ inputs: 2, outputs: 5, random, ...float64 }), new ReLU()]);
    const expected = inspect(model, repeated).signal;
    for (const scale of [1, 0.25, 1e-170]) {
      const { signal } = inspect(model, masked, { rowWeights: counts.map((count) => scale * count) });
      expect(signal.map(({ path }) => path)).toEqual(["0", "1"]);
      for (const [i, { entering, leaving }] of signal.entries()) {
        expectClose("spread", [entering!, leaving!], [expected[i]!.entering!, expected[i]!.leaving!], 1e-14);
      }
    }
  });

  it("weigh in the spread by position", () => {
    const model = new Sequential([new Dense({ inputs: 2, outputs: 5, random, ...float64 }), new ReLU()]);
    const expected = inspect(model, repeated).signal;
    const rowWeights = Tensor.from([counts.slice(0, 3), counts.slice(3)].map((row) => row.map((count) => count / 4)));
    const { signal } = inspect(model, masked.reshape([2, 3, 2]), { rowWeights });
    for (const [i, { entering, leaving }] of signal.entries()) {
      expectClose("spread", [entering!, leaving!], [expected[i]!.entering!, expected[i]!.leaving!], 1e-14);
    }
  });

  it("weigh in the difference between the outputs of both modes", () => {
    const norm = new BatchNorm({ features: 2, ...float64 });
    norm.forward(ordinary([50, 2], random), { mode: "train" });
    const expected = compareModes(norm, repeated);
    const rowWeights = counts.map((count) => count / 4);
    const { layers, output } = compareModes(norm, masked, { rowWeights });
    for (const [own, other] of [
      [output, expected.output],
      [layers[0]!.output, expected.layers[0]!.output],
    ] as const) {
      expectClose("output", [own.difference, own.size], [other.difference, other.size], 1e-14);
    }
  });

  it("do not apply to what has other rows than the batch", () => {
    const twice: Layer = {
      parameters: [],
      statistics: [],
      forward: (input) => {
        const output = input.rows([0, 1, 0, 1]);
        return { output, backward: () => ({ gradInput: input, gradients: new Map() }) };
      },
    };
    const { signal } = inspect(new Sequential([twice]), Tensor.from([[1], [5]], float64), { rowWeights: [1, 0.5] });
    // Weights 2/3 and 1/3 at the input: variance 16 (2/9). Equal ones at the output: variance 4.
    expectClose("spread", [signal[0]!.entering!, signal[0]!.leaving!], [Math.sqrt(32 / 9), 2], 1e-14);
  });

  it("weigh in the search for dead features", () => {
    // Ten rows near -10, and ten near -100 that hardly count: 9.7 standard deviations below 0 with the weights, 1.2 without.
    const values = Array.from({ length: 20 }, (_, i) => [(i < 10 ? -10 : -100) + (i % 2 === 0 ? 0.5 : -0.5)]);
    const rowWeights = values.map((_, i) => (i < 10 ? 1 : 1e-4));
    const input = Tensor.from([...values, [NaN]], float64);
    const { findings } = inspect(new Sequential([new ReLU()]), input, { rowWeights: [...rowWeights, 0] });
    const dead = findings.filter(({ kind }) => kind === "dead features");
    expect(dead).toMatchObject([{ path: "0", features: [0], severity: "warning" }]);
    // mean -10.009, variance 0.25 + 90² 1e-4 (1 - 1e-4) / (1 + 1e-4)²
    expect(dead[0]!.evidence).toContain("all 20 values");
    expect(dead[0]!.evidence).toContain("a mean of -10 and a standard deviation of 1");
    const unweighted = inspect(new Sequential([new ReLU()]), Tensor.from(values, float64)).findings;
    expect(unweighted.filter(({ kind }) => kind === "dead features")).toEqual([]);
  });
});

/** A container that runs one of two batch norms, as for two domains, and reports what it runs. */
class OneOfTwo implements Layer {
  readonly children: ReadonlyMap<string, Layer>;
  readonly parameters;
  readonly statistics;
  chosen = "a";

  constructor(private readonly isSilent = false) {
    const layers = [new BatchNorm({ features: 1, ...float64 }), new BatchNorm({ features: 1, ...float64 })] as const;
    this.children = new Map<string, Layer>([
      ["a", layers[0]],
      ["b", new Sequential([layers[1]])],
    ]);
    this.parameters = layers.flatMap(({ parameters }) => parameters);
    this.statistics = layers.flatMap(({ statistics }) => statistics);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const path = pass.path === undefined ? this.chosen : `${pass.path}.${this.chosen}`;
    const { observe, ...silent } = pass;
    const forward = this.children.get(this.chosen)!.forward(input, { ...(this.isSilent ? silent : pass), path });
    if (!this.isSilent) observe?.(path, forward.output, input);
    return forward;
  }
}

describe("a container that runs one of its batch norms", () => {
  const x = padded();

  it.each(["a", "b"])("is measured where it ran (%s)", (chosen) => {
    for (const order of ["layer by layer", "one pass"] as const) {
      const model = new OneOfTwo();
      model.chosen = chosen;
      const report = recalibrate(new Sequential([model]), [x], { order });
      const [ran, rested] = chosen === "a" ? ["0.a", "0.b.0"] : ["0.b.0", "0.a"];
      expect(report.layers.map(({ path }) => path)).toEqual([ran]);
      expect(report.skipped).toEqual([{ path: rested, reason: "no batch reached it" }]);
      expect(compareModes(model, x).layers.map(({ path }) => `0.${path}`)).toEqual([ran]);
      expect(inspect(model, x).findings).toEqual([]);
      const tracked = model.statistics.filter(({ name }) => name === "batchesTracked").map(({ values }) => values[0]);
      expect(tracked).toEqual(chosen === "a" ? [1, 0] : [0, 1]);
    }
  });

  it("is refused if it reports nothing, and the message says how to", async () => {
    const model = new Sequential([new OneOfTwo(true)]);
    const before = memoryOf(model);
    await expectRefusal(() => recalibrate(model, [x]), 'TypeError: recalibrate: "0" | "0.a" | cure');
    await expectRefusal(() => inspect(model, x), 'TypeError: inspect: "0" | "0.a" | cure');
    expect(memoryOf(model)).toEqual(before);
  });
});

describe("refusals", () => {
  const norm = trained();
  const x = padded();
  it("of row weights that do not fit", async () => {
    const short = [1, 1];
    await expectRefusal(
      () => recalibrate(norm, [{ input: x, rowWeights: short }]),
      'ShapeError: recalibrate: "": [40] | [2]',
    );
    // A model without batch norm would not notice.
    for (const model of [norm, new Sequential([new ReLU()])]) {
      for (const [name, run] of [
        ["inspect", (rowWeights: number[]) => inspect(model, x, { rowWeights })],
        ["compareModes", (rowWeights: number[]) => compareModes(model, x, { rowWeights })],
      ] as const) {
        await expectRefusal(() => run(short), `ShapeError: ${name}: 40 | 2`);
        for (const wrong of [-1, NaN, Infinity]) {
          const weights = rowWeights.with(3, wrong);
          await expectRefusal(() => run(weights), `RangeError: ${name}: ${wrong} | 3`);
        }
      }
    }
    const none = new Float64Array(40);
    await expectRefusal(
      () => recalibrate(norm, [{ input: x, rowWeights: none }]),
      "RangeError: recalibrate: weight | 0",
    );
    await expectRefusal(() => inspect(norm, x, { rowWeights: none }), "RangeError: inspect: weight | 0");
    await expectRefusal(() => compareModes(norm, x, { rowWeights: none }), "RangeError: compareModes: weight | 0");
    await expectRefusal(
      () => modelObjective(norm, { input: x, target: x }, meanSquaredError, { mode: "probe", rowweights: [] } as never),
      'TypeError: modelObjective: "rowweights" | rowWeights | cure',
    );
  });
});
