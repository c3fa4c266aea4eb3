/** modelObjective: a model, a batch and a loss as a function of all parameters, which leaves no trace. */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  checkObjective,
  Dense,
  type Layer,
  type LossValue,
  meanSquaredError,
  modelObjective,
  parametersByPath,
  Random,
  Sequential,
  softmaxCrossEntropy,
  Tanh,
  Tensor,
} from "../../src/index.js";
import { NoiseInjection } from "../../src/variants/index.js";
import { expectBits, gradientsByPath, memoryOf } from "../support/close.js";
import { ordinary, settle } from "../support/samples.js";

const ROWS = 7;

function build(dtype: "float32" | "float64" = "float64", ...more: Layer[]): Sequential {
  const random = new Random(1);
  return settle(
    new Sequential([
      new Dense({ inputs: 3, outputs: 4, bias: false, random, dtype }),
      new BatchNorm({ features: 4, dtype }),
      new Tanh(),
      ...more,
      new Dense({ inputs: 4, outputs: 2, random, dtype }),
    ]),
    [ROWS, 3],
    random,
    dtype,
  );
}

const labels = [0, 1, 1, 0, 1, 0, 0];
const batch = (dtype: "float32" | "float64" = "float64"): { input: Tensor; target: number[] } => ({
  input: ordinary([ROWS, 3], new Random(2), dtype),
  target: labels.slice(),
});

describe.each(["probe", "inference"] as const)("in mode %s", (mode) => {
  it("gives loss and gradient of the model, and groups that say whose numbers they are", async () => {
    const model = build();
    const data = batch();
    const { objective, point, groups } = modelObjective(model, data, softmaxCrossEntropy, { mode });
    expect(groups.map(({ name, role, shape, start, end }) => [name, role, shape, start, end])).toEqual([
      ["0.weight", "weight", [3, 4], 0, 12],
      ["1.gamma", "scale", [4], 12, 16],
      ["1.beta", "shift", [4], 16, 20],
      ["3.weight", "weight", [4, 2], 20, 28],
      ["3.bias", "bias", [2], 28, 30],
    ]);
    const { loss, gradient } = await objective(point);
    const { output, backward } = model.forward(data.input, { mode });
    const expected = softmaxCrossEntropy(output, labels);
    expect(loss).toBe(expected.loss);
    expect(await objective.lossOnly!(point)).toBe(expected.loss);
    const byPath = gradientsByPath(model, backward(expected.gradOutput).gradients);
    for (const { name, start, end } of groups) expectBits(name, gradient.subarray(start, end), byPath.get(name)!);
    for (const [path, { value }] of parametersByPath(model)) {
      const { start, end } = groups.find(({ name }) => name === path)!;
      expectBits(path, point.subarray(start, end), value.data);
    }
  });

  it("keeps its four promises, with noise in the model too", async () => {
    const noise = new NoiseInjection({ random: new Random(3) });
    for (const model of [build(), build("float64", noise)]) {
      const { objective, point } = modelObjective(model, batch(), softmaxCrossEntropy, { mode });
      const report = await checkObjective(objective, point, { random: new Random(4) });
      expect(report.verdict, report.gradient.text).toBe("agrees");
    }
  });

  it("leaves the model as it was, to the versions, wherever it is evaluated and also when that throws", async () => {
    const model = build("float32");
    const before = memoryOf(model);
    const { objective, point } = modelObjective(model, batch("float32"), softmaxCrossEntropy, { mode });
    const elsewhere = point.map((value) => 3 * value - 1);
    const { loss } = await objective(elsewhere);
    expect(loss).not.toBe((await objective(point)).loss);
    const broken = modelObjective(
      model,
      batch("float32"),
      () => {
        throw new Error("broken");
      },
      { mode },
    );
    expect(() => broken.objective(elsewhere)).toThrow("broken");
    expect(memoryOf(model)).toEqual(before);
  });
});

describe("an objective", () => {
  it("of some parameters varies these alone, in the order of the model, and holds the others", async () => {
    const model = build();
    const all = modelObjective(model, batch(), softmaxCrossEntropy, { mode: "probe" });
    const norm = [...model.children.values()][1] as BatchNorm;
    const some = modelObjective(model, batch(), softmaxCrossEntropy, {
      mode: "probe",
      parameters: [norm.beta!, norm.gamma!],
    });
    expect(some.groups.map(({ name, start, end }) => [name, start, end])).toEqual([
      ["1.gamma", 0, 4],
      ["1.beta", 4, 8],
    ]);
    expectBits("point", some.point, all.point.subarray(12, 20));
    const moved = some.point.map((value) => value + 0.25);
    const whole = all.point.slice();
    whole.set(moved, 12);
    const [part, full] = [await some.objective(moved), await all.objective(whole)];
    expect(part.loss).toBe(full.loss);
    expectBits("gradient", part.gradient, full.gradient.subarray(12, 20));
    // and holds them as they were when it was made
    model.parameters[0]!.update((values) => values.fill(0));
    expect((await some.objective(moved)).loss).toBe(full.loss);
  });

  it("does not see what happens to the batch later", async () => {
    const model = build();
    const targets = [labels.slice(), Int32Array.from(labels), Tensor.filled([ROWS, 2], 0.5, "float64")];
    for (const target of targets) {
      const data = { input: batch().input, target };
      const { objective, point } = modelObjective(model, data, softmaxCrossEntropy, { mode: "probe" });
      const { loss } = await objective(point);
      data.input.data.fill(1);
      if (target instanceof Tensor) target.data.fill(0.25);
      else target.fill(0);
      expect((await objective(point)).loss).toBe(loss);
    }
  });

  it.each(["probe", "inference"] as const)("gives the same answer in mode %s while training goes on", async (mode) => {
    const noise = new NoiseInjection({ random: new Random(3) });
    const model = build("float64", noise);
    const { objective, point } = modelObjective(model, batch(), softmaxCrossEntropy, { mode });
    const before = await objective(point);
    const [rest] = model.children.values();
    for (let step = 0; step < 3; step++)
      model.forward(ordinary([ROWS, 3], new Random(step), "float64"), { mode: "train" });
    rest!.parameters[0]!.update((values) => values.fill(1));
    const memory = [memoryOf(model), noise.streams.get("noise")!.state];
    const after = await objective(point);
    expect(after.loss).toBe(before.loss);
    expectBits("gradient", after.gradient, before.gradient);
    expect(await objective.lossOnly!(point)).toBe(before.loss);
    expect([memoryOf(model), noise.streams.get("noise")!.state]).toEqual(memory);
    // and an objective that is created now sees the new state
    const now = modelObjective(model, batch(), softmaxCrossEntropy, { mode });
    expect((await now.objective(point)).loss).not.toBe(before.loss);
  });

  it("with row weights is the loss that training has, wherever the mask is", async () => {
    const model = build();
    const data = batch();
    const rowWeights = [1, 1, 0, 1, 0.5, 1, 0];
    data.input.data.fill(100, 6, 9);
    const pass = { mode: "train", rowWeights } as const;
    for (const weights of [rowWeights, Tensor.from(rowWeights)]) {
      const options = { mode: "probe", rowWeights: weights } as const;
      const { objective, point } = modelObjective(model, data, softmaxCrossEntropy, options);
      if (Array.isArray(weights)) weights.fill(1);
      else weights.data.fill(1);
      rowWeights.splice(0, 7, 1, 1, 0, 1, 0.5, 1, 0);
      const { output, backward } = model.forward(data.input, { ...pass, mode: "probe" });
      const expected = softmaxCrossEntropy(output, labels, { rowWeights });
      const { loss, gradient } = await objective(point);
      expect(loss).toBe(expected.loss);
      const byPath = gradientsByPath(model, backward(expected.gradOutput).gradients);
      expectBits(
        "gradient",
        gradient,
        [...byPath.values()].flatMap((part) => [...part]),
      );
      const report = await checkObjective(objective, point, { random: new Random(4) });
      expect(report.verdict, report.gradient.text).toBe("agrees");
      const unweighted = modelObjective(model, data, softmaxCrossEntropy, { mode: "probe" });
      expect((await unweighted.objective(point)).loss).not.toBeCloseTo(loss, 2);
    }
  });

  it("hands a target that is neither tensor nor labels to the loss as it is", async () => {
    const target = { scale: 3 };
    const loss = (output: Tensor, given: typeof target): LossValue => {
      expect(given).toBe(target);
      return { loss: given.scale * output.at(0, 0), gradOutput: Tensor.zeros(output.shape, output.dtype) };
    };
    const model = build();
    const { objective, point } = modelObjective(model, { input: batch().input, target }, loss, { mode: "probe" });
    const { output } = model.forward(batch().input, { mode: "probe" });
    expect((await objective(point)).loss).toBe(3 * output.at(0, 0));
  });

  it("of a float32 model is evaluated in double precision unless float32 is asked for", async () => {
    const model = build("float32");
    const data = { input: batch("float32").input, target: Tensor.filled([ROWS, 2], 0.5) };
    const wide = modelObjective(model, data, meanSquaredError, { mode: "probe" });
    const narrow = modelObjective(model, data, meanSquaredError, { mode: "probe", dtype: "float32" });
    expect([wide.dtype, wide.objective.dtype, narrow.objective.dtype]).toEqual(["float64", "float64", "float32"]);
    const { output } = model.forward(data.input, { mode: "probe" });
    const own = meanSquaredError(output, data.target).loss;
    expect((await narrow.objective(narrow.point)).loss).toBe(own);
    const { loss } = await wide.objective(wide.point);
    expect(loss).not.toBe(own);
    expect(loss / own).toBeCloseTo(1, 5);
  });
});
