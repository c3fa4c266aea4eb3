/** The measurements of claims 19, 25 and 27, against closed forms. */
import {
  BatchNorm,
  checkLayer,
  Dense,
  type Layer,
  modelObjective,
  Random,
  ReLU,
  Sequential,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { momentsOf } from "batchnorm/probes";
import { BatchRMSNorm } from "batchnorm/variants";
import { describe, expect, it } from "vitest";
import { openSource } from "../../examples/laboratory/data.js";
import { DeviationOnlyNorm } from "../../examples/laboratory/layers.js";
import { meanOutput, pushOutputs, UNREACHED } from "../../examples/laboratory/measure/output-shift.js";
import { gradientCancellation } from "batchnorm/tools";
import { train } from "../../examples/laboratory/measure/train.js";
import { learnFor, prepare, type Trainee } from "../../examples/laboratory/measure/training.js";
import { columnsOf } from "../../examples/laboratory/measure/watcher.js";
import type { Network } from "../../examples/laboratory/networks.js";
import { relu } from "../../examples/laboratory/study.js";
import { median } from "../../examples/shared/spread.js";

const source = openSource(undefined);
const trained = (hidden: number, network: Network, steps: number, width = 16): Trainee => {
  const trainee = prepare(
    { network: relu(hidden, width, network), learningRate: 0.1, batchSize: 64, seed: 201 },
    source,
  );
  learnFor(trainee, steps);
  return trainee;
};
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

describe("a push along the gradient of a mean output", () => {
  it("has the closed form of a network with a single layer", async () => {
    const trainee = trained(0, "plain", 20, 64);
    const { images, labels } = trainee.probe(512);
    const { output } = trainee.model.forward(images, { mode: "inference" });
    const { weight, bias } = trainee.model.children.get("0") as Dense;
    // The gradient of the mean of output k is (mean of x, 1) in column k, so a push adds a number to output k.
    const inputs = columnsOf(images).map((column) => momentsOf(column).mean);
    const squared = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value ** 2, 0);
    const size = Math.sqrt(squared(weight.value.data) + squared(bias!.value.data));
    const gradient = Math.sqrt(squared(inputs) + 1);
    const pushed = (k: number, length: number): Tensor => {
      const moved = Float64Array.from(output.data);
      for (const [b] of labels.entries()) {
        const x = images.data.subarray(64 * b, 64 * b + 64);
        const along = inputs.reduce((sum, value, i) => sum + x[i]! * value, 1) / gradient;
        moved[10 * b + k]! += length * size * along;
      }
      return new Tensor(moved, output.shape);
    };
    const loss = (outputs: Tensor): number => softmaxCrossEntropy(outputs, labels).loss;
    const classes = Array.from({ length: 10 }, (_, k) => k);
    const ratio = (length: number): number =>
      median(classes.map((k) => loss(pushed(k, length)) / loss(output.cast("float64"))));

    const found = await pushOutputs(trainee, { profile: true }, 1);
    expect(found.profile.map(({ length }) => length)).toEqual([0, 0.0025, 0.005, 0.01, 0.015, 0.02]);
    for (const { length, ratio: measured } of found.profile) expect(measured).toBeCloseTo(ratio(length), 4);
    expect(found.ratio).toBe(found.profile[3]!.ratio);
    expect(found.lastLayer).toBeCloseTo(1, 12);
  });

  it("has the part (mean of h, 1) in the last layer, where h is its input", async () => {
    const trainee = trained(2, "batch norm", 5);
    const { images, labels } = trainee.probe(512);
    const { groups, objective, point } = modelObjective(
      trainee.model,
      { input: images, target: labels },
      (output) => {
        const { value, gradOutput } = meanOutput(3)(output);
        return { loss: value, gradOutput };
      },
      { mode: "probe" },
    );
    const { loss, gradient } = await objective(point);
    const { output } = trainee.model.forward(images, { mode: "probe" });
    expect(loss).toBeCloseTo(momentsOf(columnsOf(output)[3]!).mean, 6);
    let last: Float64Array[] = [];
    trainee.model.forward(images, {
      mode: "probe",
      observe: (path, values) => {
        if (path === trainee.hidden.at(-1)!.layerInput) last = columnsOf(values);
      },
    });
    const weight = gradient.subarray(groups.at(-2)!.start, groups.at(-2)!.end);
    last.forEach((unit, i) => {
      expect(weight[10 * i + 3]).toBeCloseTo(momentsOf(unit).mean, 6);
      expect(weight[10 * i + 2]).toBe(0);
    });
    expect([...gradient.subarray(groups.at(-1)!.start)].map((value) => Math.round(1e9 * value) / 1e9)).toEqual(
      Array.from({ length: 10 }, (_, k) => (k === 3 ? 1 : 0)),
    );
  });

  it("leaves the network unchanged, and finds directions in the span", async () => {
    const trainee = trained(2, "batch norm", 5);
    const state = (): unknown => [
      trainee.model.parameters.map(({ value, version }) => [version, [...value.data]]),
      trainee.model.statistics.map(({ values }) => [...values]),
    ];
    const before = state();
    const batch = await pushOutputs(trainee, { lanczosSteps: 12 }, 1);
    const constant = await pushOutputs(trainee, { constant: true, lanczosSteps: 12 }, 1);
    expect(state()).toEqual(before);
    for (const { inSpan, chance, sharpness } of [batch, constant]) {
      expect(inSpan).toHaveLength(9);
      for (const share of inSpan) expect(share).toBeGreaterThan(0);
      for (const share of inSpan) expect(share).toBeLessThan(1);
      expect(chance).toBe(10 / (64 * 16 + 16 * 16 + 2 * 32 + 170));
      expect(sharpness).toBeGreaterThan(0);
    }
    // Constant statistics are those of the images, so only the response to the push differs.
    expect(constant.profile[0]).toEqual(batch.profile[0]);
    expect(constant.ratio).not.toBeCloseTo(batch.ratio, 3);
  });

  it("is made at its step of a training run, or not at all if the run diverged before", async () => {
    const outputShift = [{ step: 2 }, { step: 4, constant: true }];
    const run = (learningRate: number) => {
      const setup = { network: relu(2, 16, "batch norm"), learningRate, batchSize: 64, seed: 201, steps: 4 };
      return train({ ...setup, outputShift }, source, () => undefined);
    };
    const { outputShift: found } = await run(0.1);
    expect(found).toEqual([
      await pushOutputs(trained(2, "batch norm", 2), {}, 201),
      await pushOutputs(trained(2, "batch norm", 4), { constant: true }, 201),
    ]);
    const diverged = await run(1e38);
    expect(diverged.divergedAt).not.toBeNull();
    expect(diverged.outputShift).toHaveLength(2);
    expect(diverged.outputShift.at(-1)).toBe(UNREACHED);
  });
});

describe("the halves of batch norm", () => {
  const random = new Random(1);
  const input = Tensor.normal([64, 3], { random, mean: 5, std: 2, dtype: "float64" });
  const ratios = columnsOf(input).map((column) => {
    const { mean: center, m2 } = momentsOf(column);
    return center / Math.sqrt(m2 / 64);
  });
  const meansAfter = (layer: DeviationOnlyNorm | BatchRMSNorm): number[] =>
    columnsOf(layer.forward(input, { mode: "probe" }).output).map((column) => momentsOf(column).mean);

  it("divide by the deviation with the right gradient", async () => {
    const layer = new DeviationOnlyNorm({ features: 3 });
    expect((await checkLayer(layer, input, { mode: "probe", random })).verdict).toBe("agrees");
    const spreads = columnsOf(layer.forward(input, { mode: "train" }).output).map(
      (column) => momentsOf(column).m2 / 64,
    );
    for (const spread of spreads) expect(spread).toBeCloseTo(1, 4);
  });

  it("leave the mean r for deviation only, and r / sqrt(1 + r^2) for RMS", () => {
    meansAfter(new DeviationOnlyNorm({ features: 3 })).forEach((value, i) => {
      expect(value).toBeCloseTo(ratios[i]!, 4);
    });
    meansAfter(new BatchRMSNorm({ features: 3, dtype: "float64" })).forEach((value, i) => {
      expect(value).toBeCloseTo(ratios[i]! / Math.sqrt(1 + ratios[i]! ** 2), 4);
    });
  });

  it("are built with or without learned parameters", () => {
    const roles = (network: Network, affine: boolean): string =>
      [
        ...prepare({ network: { ...relu(1, 4, network), affine }, learningRate: 1, batchSize: 8, seed: 201 }, source)
          .model.parameters,
      ]
        .map(({ role }) => role)
        .join(" ");
    for (const network of ["batch norm", "mean only", "deviation only", "RMS"] as const) {
      expect(roles(network, false)).toBe("weight bias weight bias");
    }
    expect(roles("batch norm", true)).toBe("weight scale shift weight bias");
    expect(roles("dynamic tanh", true)).toBe("weight scale scale shift weight bias");
  });

  it("have batch norm behind the ReLU where asked for", () => {
    const { model, hidden } = trained(2, "batch norm after ReLU", 0);
    const kinds = [...model.children.values()].map((layer) => layer.constructor);
    expect(kinds).toEqual([Dense, ReLU, BatchNorm, Dense, ReLU, BatchNorm, Dense]);
    expect(hidden[1]).toEqual({ linear: "3", preActivation: "3", layerInput: "5" });
  });
});

describe("the gradients of the samples", () => {
  const random = new Random(1);
  const dense = new Dense({ inputs: 5, outputs: 3, random });

  it("cancel to 1 / sqrt(n) if they are independent", () => {
    const n = 64;
    const draws = Array.from({ length: 4000 }, () => {
      const values = Array.from({ length: n }, () => random.normal());
      return Math.abs(values.reduce((a, b) => a + b)) / values.reduce((sum, value) => sum + Math.abs(value), 0);
    });
    expect(mean(draws)).toBeGreaterThan(0.97 / Math.sqrt(n));
    expect(mean(draws)).toBeLessThan(1.03 / Math.sqrt(n));
  });

  it("sum to 0 for each unit before batch norm, so what the inputs have in common drops out", () => {
    const images = Tensor.normal([16, 5], { random });
    // One input is the same for all samples.
    for (let b = 0; b < 16; b++) images.data[5 * b] = 3;
    const { backward } = new BatchNorm({ features: 3 }).forward(dense.forward(images, { mode: "probe" }).output, {
      mode: "probe",
    });
    const { gradInput } = backward(Tensor.normal([16, 3], { random }));
    for (const column of columnsOf(gradInput)) expect(Math.abs(momentsOf(column).mean)).toBeLessThan(1e-7);
    const batch = { input: images, target: Array.from({ length: 16 }, (_, b) => b % 3) };
    const ratioOf = (model: Layer): number =>
      gradientCancellation(model, batch, softmaxCrossEntropy, { mode: "probe" }).layers[0]!.mean!;
    const norm = new BatchNorm({ features: 3 });
    expect(ratioOf(new Sequential([dense, norm, new ReLU()]))).toBeLessThan(
      ratioOf(new Sequential([dense, new ReLU()])),
    );
  });
});
