/** summary, clone and WeightAverage: functions for whole models. */
import {
  BatchNorm,
  checkpoint,
  Conv2d,
  Dense,
  Dropout,
  Flatten,
  GELU,
  type Layer,
  meanSquaredError,
  Parameter,
  parametersByPath,
  Random,
  ReLU,
  Residual,
  Sequential,
  SGD,
  Tensor,
} from "batchnorm";
import { clone, recalibrate, summary, WeightAverage } from "batchnorm/tools";
import { describe, expect, it } from "vitest";
import { expectBits } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";

const random = (): Random => new Random(1);
const as = (value: unknown): never => value as never;

describe("summary", () => {
  const model = new Sequential([
    new Conv2d({ inputs: 1, outputs: 4, size: 3, padding: 1, bias: false, random: random() }),
    new BatchNorm({ features: 4 }),
    new Residual({ body: new Sequential([new GELU()]) }),
    new Flatten(),
    new Dense({ inputs: 64, outputs: 2, random: random(), dtype: "float32" }),
  ]);

  it("lists paths, shapes, parameters and memory, and leaves the model as it was", () => {
    const before = JSON.stringify(checkpoint({ model }));
    const report = summary(model, Tensor.zeros([8, 1, 4, 4]));
    expect(JSON.stringify(checkpoint({ model }))).toBe(before);
    expect(report.layers).toEqual([
      { path: "0", kind: "Conv2d", output: [8, 4, 4, 4], parameters: 36 },
      { path: "1", kind: "BatchNorm", output: [8, 4, 4, 4], parameters: 8 },
      { path: "2.body.0", kind: "GELU", output: [8, 4, 4, 4], parameters: 0 },
      { path: "3", kind: "Flatten", output: [8, 64], parameters: 0 },
      { path: "4", kind: "Dense", output: [8, 2], parameters: 130 },
    ]);
    expect(report).toMatchObject({
      parameters: 174,
      trainable: 174,
      bytes: 174 * 4 + (4 + 4 + 1) * 8,
      activationBytes: (4 * 512 + 16) * 4,
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report.text.split("\n")).toEqual([
      "path      layer      output        parameters",
      "0         Conv2d     [8, 4, 4, 4]          36",
      "1         BatchNorm  [8, 4, 4, 4]           8",
      "2.body.0  GELU       [8, 4, 4, 4]           0",
      "3         Flatten    [8, 64]                0",
      "4         Dense      [8, 2]               130",
      "174 parameters; 0.768 kB with statistics, 8.26 kB of activations",
    ]);
  });

  it("without an input has no shapes, and counts shared and frozen parameters", () => {
    const dense = new Dense({ inputs: 2, outputs: 2, random: random() });
    const norm = new BatchNorm({ features: 2 });
    norm.freeze();
    const report = summary(new Sequential([dense, norm, dense]));
    expect(report.layers.map(({ output, parameters }) => [output, parameters])).toEqual([
      [null, 6],
      [null, 4],
      [null, 0],
    ]);
    expect(report).toMatchObject({ parameters: 10, trainable: 6, activationBytes: null });
    expect(report.text).toContain("10 parameters, of which 6 are trainable");
    expect(summary(norm).layers).toMatchObject([{ path: "", kind: "BatchNorm" }]);
  });

  it("refuses what is no model, no batch, or another shape", async () => {
    await expectRefusal(() => summary(as({})), "TypeError: summary: layer | object");
    await expectRefusal(() => summary(model, as([8, 1, 4, 4])), "TypeError: summary: input | Tensor | [8, 1, 4, 4]");
    await expectRefusal(() => summary(model, Tensor.zeros([8, 2, 4, 4])), 'ShapeError: Conv2d "0": [8, 2, 4, 4]');
  });
});

/** A model of everything that has state, after one step. */
function trained(): { model: Sequential; x: Tensor } {
  const stream = random();
  const shared = new Dense({ inputs: 3, outputs: 3, random: stream });
  const norm = new BatchNorm({ features: 3, momentum: 0.3 });
  norm.freeze({ normalization: false, updates: false });
  const model: Sequential = new Sequential([
    shared,
    norm,
    new Dropout({ rate: 0.5, random: stream }),
    new Residual({ body: new Sequential([new ReLU(), shared]) }),
  ]);
  const x = Tensor.normal([6, 3], { random: stream });
  model.forward(x, { mode: "train" });
  return { model, x };
}

describe("clone", () => {
  const step = (model: Layer, x: Tensor): Tensor => {
    const { output, backward } = model.forward(x, { mode: "train" });
    new SGD(model.parameters, { learningRate: 0.1 }).step(
      backward(meanSquaredError(output, Tensor.zeros(output.shape)).gradOutput).gradients,
    );
    return output;
  };

  it("trains on its own, with the same bits", () => {
    const { model, x } = trained();
    const copy = clone(model);
    expect(checkpoint({ model: copy })).toEqual(checkpoint({ model }));
    const before = checkpoint({ model });
    const outputs = [step(copy, x), step(copy, x)];
    expect(checkpoint({ model })).toEqual(before);
    for (const output of outputs) expectBits("output", step(model, x).data, output.data);
    expect(checkpoint({ model: copy })).toEqual(checkpoint({ model }));
    expectBits("predict", copy.predict(x).data, model.predict(x).data);
  });

  it("shares nothing but what the model shares with itself", () => {
    const { model } = trained();
    const copy = clone(model);
    const [first, norm, , residual] = copy.layers as unknown as [Dense, BatchNorm, unknown, Residual];
    expect(residual.body.children!.get("1")).toBe(first);
    expect(copy.children.get("0")).toBe(first);
    expect(norm.frozen).toEqual({ normalization: false, updates: false, parameters: true });
    norm.unfreeze();
    expect(norm.gamma!.trainable).toBe(true);
    expect(model.layers[1]).toMatchObject({ frozen: { parameters: true }, momentum: 0.3 });
    const own = new Set([...parametersByPath(model).values()]);
    expect(copy.parameters.filter((parameter) => own.has(parameter))).toEqual([]);
    expect(copy).toBeInstanceOf(Sequential);
    expect(Object.isFrozen(first.weight.value.shape)).toBe(true);
  });

  it("copies layers of your own", () => {
    class Scale implements Layer {
      readonly parameters = [new Parameter("weight", "scale", Tensor.from([2]))];
      readonly statistics = [];
      readonly seen = new Set([1]);
      forward(): never {
        throw new Error("unused");
      }
    }
    const model = new Scale();
    const copy = clone(model);
    copy.parameters[0]!.update((values) => values.fill(5));
    copy.seen.add(2);
    expect([model.parameters[0]!.value.at(0), model.seen.size, copy instanceof Scale]).toEqual([2, 1, true]);
  });

  it("refuses what is no model", () => expectRefusal(() => clone(as([])), "TypeError: clone: layer | []"));
});

describe("WeightAverage", () => {
  const fill = ({ parameters }: Layer, value: number): void => {
    for (const parameter of parameters) parameter.update((values) => values.fill(value));
  };

  it("follows its recurrence, in double precision also for float32", () => {
    const norm = new BatchNorm({ features: 1 });
    fill(norm, 1);
    const average = new WeightAverage(norm, { decay: 0.9999 });
    fill(norm, 1.001);
    for (let step = 0; step < 1000; step++) average.update();
    // 1 + 0.001 (1 - 0.9999^1000); in float32, no single update would change 1.
    const target = Math.fround(1.001);
    const exact = target + (1 - target) * Math.exp(1000 * Math.log(0.9999));
    expect(average.values.get(norm.gamma!)!.at(0)).toBe(Math.fround(exact));
    expect(norm.gamma!.value.at(0)).toBe(target);
    average.apply();
    expect(norm.gamma!.value.at(0)).toBe(Math.fround(exact));
  });

  it("evaluates without changing the model, and with recalibrated statistics", () => {
    const { model, x } = trained();
    const average = new WeightAverage(model, { decay: 0.5 });
    const first = clone(model);
    fill(model, 0.25);
    average.update();
    const values = [...average.values].map(([parameter, { data }]) => [parameter.value.data[0]!, data[0]!]);
    const before = [...parametersByPath(first).values()].map(({ value }) => value.data[0]!);
    values.forEach(([now, mean], i) => expect([now, mean]).toEqual([0.25, Math.fround((before[i]! + 0.25) / 2)]));

    const held = Parameter.holding(average.values, () => model.forward(x, { mode: "probe" }).output);
    average.apply();
    expectBits("output", model.forward(x, { mode: "probe" }).output.data, held.data);
    const { layers } = recalibrate(model, [x]);
    expect(layers[0]!.valuesPerFeature).toBe(6);
  });

  it("resumes from its state", async () => {
    const norm = new BatchNorm({ features: 2 });
    const average = new WeightAverage(norm, { decay: 0.75 });
    fill(norm, 1 / 3);
    average.update();
    const saved = JSON.parse(JSON.stringify(average.state)) as typeof average.state;
    const other = new WeightAverage(new BatchNorm({ features: 2 }), { decay: 0.75 });
    other.restore(saved);
    expect(other.state).toEqual(average.state);
    const refusals: [unknown, string][] = [
      [null, "TypeError: WeightAverage.restore: state | object | null"],
      [{ gamma: saved["gamma"] }, 'TypeError: WeightAverage.restore: "beta": entry | none'],
      [{ ...saved, delta: saved["beta"] }, 'TypeError: WeightAverage.restore: "delta"'],
      [{ ...saved, beta: { shape: [1], values: [1] } }, 'ShapeError: WeightAverage.restore: "beta": [2] | [1]'],
      [{ ...saved, beta: { shape: [2], values: [1, null] } }, 'TypeError: WeightAverage.restore: "beta": null | 1'],
      [{ ...saved, beta: { shape: [2] } }, 'TypeError: WeightAverage.restore: "beta": object'],
    ];
    for (const [state, refusal] of refusals) {
      await expectRefusal(() => other.restore(as(state)), refusal);
      expect(other.state).toEqual(average.state);
    }
  });

  it("refuses a decay outside of [0, 1) and what is no model", async () => {
    const norm = new BatchNorm({ features: 2 });
    await expectRefusal(() => new WeightAverage(norm, { decay: 1 }), "RangeError: WeightAverage: decay | [0, 1) | 1");
    await expectRefusal(() => new WeightAverage(as([]), { decay: 0.5 }), "TypeError: *: layer | []");
  });
});
