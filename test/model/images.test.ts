/** The tools over convolutional networks: batch norms folded into Conv2d, and statistics per channel. */
import { describe, expect, it } from "vitest";
import {
  AveragePool2d,
  BatchNorm,
  type BatchNormOptions,
  Conv2d,
  type Conv2dOptions,
  Dense,
  Flatten,
  GlobalAveragePool,
  type Layer,
  MaxPool2d,
  meanSquaredError,
  modelObjective,
  Random,
  ReLU,
  Residual,
  Sequential,
  Tensor,
} from "batchnorm";
import { filterNormalizedDirection } from "batchnorm/probes";
import { compareModes, foldBatchNorm, inspect, recalibrate } from "batchnorm/tools";
import { expectClose, memoryOf } from "../support/close.js";
import { ordinary, settle } from "../support/samples.js";

const random = new Random(1);
const dtype = "float64";
const conv = (inputs: number, outputs: number, options: Partial<Conv2dOptions> = {}): Conv2d =>
  new Conv2d({ inputs, outputs, size: 3, random, dtype, ...options });
const norm = (features: number, options: Partial<BatchNormOptions> = {}): BatchNorm =>
  new BatchNorm({ features, dtype, ...options });
const inference = (model: Layer, x: Tensor): Tensor => model.forward(x, { mode: "inference" }).output;

/** A residual block with a stride, and the network around it. */
function network(): Sequential {
  const block = (inputs: number, outputs: number, stride: number): Residual =>
    new Residual({
      body: new Sequential([
        conv(inputs, outputs, { stride, padding: 1, bias: false }),
        norm(outputs),
        new ReLU(),
        conv(outputs, outputs, { padding: 1, bias: false }),
        norm(outputs),
      ]),
      projection:
        stride === 1
          ? undefined
          : new Sequential([conv(inputs, outputs, { size: 1, stride, bias: false }), norm(outputs)]),
    });
  return new Sequential([
    conv(2, 4, { padding: 1, bias: false }),
    norm(4),
    new ReLU(),
    block(4, 4, 1),
    new ReLU(),
    new Sequential([block(4, 6, 2), new ReLU()]),
    new GlobalAveragePool(),
    new Dense({ inputs: 6, outputs: 3, random, dtype }),
  ]);
}

const pool = (padding: number): AveragePool2d => new AveragePool2d({ size: 2, stride: 1, padding });

describe("foldBatchNorm", () => {
  const shape = [3, 2, 6, 5];
  const x = ordinary(shape, random);

  it.each<[string, Conv2dOptions | object]>([
    ["no bias", { bias: false }],
    ["a bias", {}],
    ["padding", { padding: 1 }],
    ["padding same", { size: [2, 3], padding: "same" }],
    ["a stride", { stride: 2, padding: [1, 0] }],
    ["1 x 1", { size: 1 }],
  ])("folds into the Conv2d before it, with %s", (_, options) => {
    for (const axis of [1, -3]) {
      const layer = conv(2, 3, options);
      const model = settle(new Sequential([layer, norm(3, { axis })]), shape, random);
      const before = memoryOf(model);
      const { model: folded, report } = foldBatchNorm(model, x);
      expect(report.folded).toEqual([{ path: "1", into: "0", side: "preceding" }]);
      expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
      expect(report.largestDifference).toBeLessThanOrEqual(1e-13 * report.largestOutput);
      const [only] = [...folded.children.values()] as [Conv2d];
      expect([only.size, only.stride, only.padding]).toEqual([layer.size, layer.stride, layer.padding]);
      expect(memoryOf(model)).toEqual(before);
    }
  });

  it.each<[string, object]>([
    ["no bias", { bias: false }],
    ["a bias", {}],
    ["a stride", { stride: [1, 2] }],
    ["a window of one pixel that is padded to the same size", { size: 1, padding: "same" }],
  ])("folds into the Conv2d after it, with %s and no padding", (_, options) => {
    const model = settle(new Sequential([norm(2), conv(2, 3, options)]), shape, random);
    const { model: folded, report } = foldBatchNorm(model, x);
    expect(report.folded).toEqual([{ path: "0", into: "1", side: "following" }]);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
  });

  it.each([{ padding: 1 }, { padding: [0, 1] }, { padding: "same" }] as const)(
    "keeps a batch norm before a Conv2d that pads (%j), and says why",
    (options) => {
      const model = settle(new Sequential([norm(2), conv(2, 3, options)]), shape, random);
      expect(() => foldBatchNorm(model, x)).toThrow(
        /^foldBatchNorm: .*"0", but the Conv2d after it pads the image with zeros, to which its shift does not apply/,
      );
    },
  );

  it("folds it all the same if its shift is 0", () => {
    const free = settle(norm(2, { center: false }), shape, random);
    free.runningMean.values.fill(0);
    const model = new Sequential([free, conv(2, 3, { padding: 1 })]);
    const { model: folded } = foldBatchNorm(model, x);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
  });

  it("keeps a batch norm over another axis than the channels", () => {
    const model = settle(new Sequential([conv(2, 3), norm(3, { axis: -1 })]), shape, random);
    expect(() => foldBatchNorm(model, x)).toThrow(
      'foldBatchNorm: expected a batch norm that can be folded, got "1", but its features are on axis -1, and those of a Conv2d on axis 1',
    );
  });

  it("does not fold across pooling or an activation, nor into a class that inherits from Conv2d", () => {
    class Other extends Conv2d {
      override forward(...args: Parameters<Conv2d["forward"]>): ReturnType<Conv2d["forward"]> {
        return super.forward(...args);
      }
    }
    const other = new Other({ inputs: 2, outputs: 3, size: 3, random, dtype });
    for (const before of [[conv(2, 3), new MaxPool2d({ size: 2 })], [conv(2, 3), new ReLU()], [other]]) {
      const model = settle(new Sequential([...before, norm(3)]), shape, random);
      expect(() => foldBatchNorm(model, x)).toThrow("no Dense or Conv2d is directly before or after it");
    }
  });

  const dense = (inputs: number): Dense => new Dense({ inputs, outputs: 4, random, dtype });

  it.each<[string, () => Layer[], string]>([
    ["a Flatten", () => [norm(2), new Flatten(), dense(60)], "0 into 2"],
    ["a Flatten, from axis 2", () => [norm(6, { axis: 2 }), new Flatten(), dense(60)], "0 into 2"],
    ["a Flatten, from the last axis", () => [norm(5, { axis: -1 }), new Flatten(), dense(60)], "0 into 2"],
    ["two of them", () => [norm(2), new Flatten(), new Flatten(), dense(60)], "0 into 3"],
    ["an average over windows", () => [norm(2), new AveragePool2d({ size: 2 }), conv(2, 3, { size: 2 })], "0 into 2"],
    [
      "averages and a Flatten",
      () => [norm(2), new AveragePool2d({ size: 2 }), new AveragePool2d({ size: [3, 1] }), new Flatten(), dense(4)],
      "0 into 4",
    ],
    ["an average over all pixels", () => [norm(2), new GlobalAveragePool(), dense(2)], "0 into 2"],
    ["both", () => [norm(2), new GlobalAveragePool(), new Flatten(), dense(2)], "0 into 3"],
    ["nested", () => [norm(2), new Sequential([new GlobalAveragePool(), new Sequential([dense(2)])])], "0 into 1.1.0"],
    ["an average before it", () => [conv(2, 3), new AveragePool2d({ size: 2 }), norm(3)], "2 into 0"],
    ["all pixels before it", () => [conv(2, 3), new GlobalAveragePool(), norm(3)], "2 into 0"],
    [
      "a Flatten of one pixel before it",
      () => [conv(2, 3, { size: [6, 5] }), new Flatten(), norm(3), new ReLU()],
      "2 into 0",
    ],
  ])("folds across %s", (_, layers, expected) => {
    const model = settle(new Sequential(layers()), shape, random);
    const { model: folded, report } = foldBatchNorm(model, x);
    expect(report.folded.map(({ path, into }) => `${path} into ${into}`)).toEqual([expected]);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
    expect(folded.statistics).toEqual([]);
  });

  it("folds across an average with padding if the shift is 0", () => {
    const free = settle(norm(2, { center: false }), shape, random);
    free.runningMean.values.fill(0);
    const model = new Sequential([free, pool(1), new GlobalAveragePool(), dense(2)]);
    const { model: folded } = foldBatchNorm(model, x);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-13);
  });

  it.each<[string, () => Layer[], string]>([
    [
      "padding that an average counts",
      () => [norm(2), pool(1), new GlobalAveragePool(), dense(2)],
      '"0", but the AveragePool2d after it counts zeros as padding, to which its shift does not apply',
    ],
    [
      "padding that an average before it counts",
      () => [conv(2, 3), pool(1), norm(3)],
      '"2", but the AveragePool2d before it counts zeros as padding, to which its shift does not apply',
    ],
    [
      "a Flatten before it",
      () => [conv(2, 1), new Flatten(), norm(12)],
      '"2", but it has statistics for each pixel, after a Flatten',
    ],
    [
      "an average over another axis",
      () => [norm(5, { axis: -1 }), new GlobalAveragePool(), dense(2)],
      '"0", but its features are on axis -1, and those of an average on axis 1',
    ],
    [
      "a maximum",
      () => [norm(2), new MaxPool2d({ size: 2 }), new Flatten(), dense(12)],
      'but no Dense or Conv2d is directly before or after it (nothing is before it, "1" is after it)',
    ],
  ])("does not fold across %s, and says why", (_, layers, reason) => {
    const model = settle(new Sequential(layers()), shape, random);
    expect(() => foldBatchNorm(model, x)).toThrow(reason);
  });

  it("folds every batch norm of a ResNet, in each branch on its own", () => {
    const model = settle(network(), shape, random);
    const before = memoryOf(model);
    const { model: folded, report } = foldBatchNorm(model, x);
    expect(report.kept).toEqual([]);
    expect(report.folded.map(({ path, into }) => `${path} into ${into}`)).toEqual([
      "1 into 0",
      "3.body.1 into 3.body.0",
      "3.body.4 into 3.body.3",
      "5.0.body.1 into 5.0.body.0",
      "5.0.body.4 into 5.0.body.3",
      "5.0.projection.1 into 5.0.projection.0",
    ]);
    expect(folded.statistics).toEqual([]);
    expectClose("output", inference(folded, x).data, inference(model, x).data, 1e-12);
    expect(memoryOf(model)).toEqual(before);
  });

  it("does not fold across the edge of a branch: its input is also added to its output", () => {
    const residual = new Residual({ body: new Sequential([norm(3), new ReLU(), conv(3, 3, { padding: 1 })]) });
    const model = settle(new Sequential([conv(2, 3), residual, norm(3), new ReLU()]), shape, random);
    expect(() => foldBatchNorm(model, x)).toThrow(/"1.body.0", but no Dense or Conv2d .*"2", but no Dense or Conv2d/);
  });
});

it("modelObjective names the axis of the outputs of a Conv2d, for filter normalization", () => {
  const model = new Sequential([
    conv(2, 3),
    norm(3),
    new Flatten(),
    new Dense({ inputs: 36, outputs: 1, random, dtype }),
  ]);
  const batch = { input: ordinary([2, 2, 6, 5], random), target: Tensor.zeros([2, 1], dtype) };
  const { groups, point } = modelObjective(model, batch, meanSquaredError, { mode: "probe" });
  expect(groups.map(({ outputAxis }) => outputAxis)).toEqual([
    0,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  const { values } = filterNormalizedDirection(point, groups, { random });
  const normOf = (of: Float64Array, o: number): number => Math.hypot(...of.subarray(18 * o, 18 * (o + 1)));
  for (let o = 0; o < 3; o++) expect(normOf(values, o)).toBeCloseTo(normOf(point, o), 12);
});

describe("statistics per channel", () => {
  const channels = 3;
  const plane = 4 * 5;
  const x = ordinary([6, channels, 4, 5], random);
  x.data.forEach((value, i) => (x.data[i] = value * (1 + (Math.floor(i / plane) % channels))));
  const valuesOf = (c: number): number[] => [...x.data].filter((_, i) => Math.floor(i / plane) % channels === c);
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each(["layer by layer", "one pass"] as const)("recalibrate averages over images and pixels, %s", (order) => {
    const layer = norm(channels);
    const report = recalibrate(new Sequential([layer]), [x], { order });
    expect(report.layers[0]!.valuesPerFeature).toBe(6 * plane);
    for (let c = 0; c < channels; c++) {
      const mean = meanOf(valuesOf(c));
      const variance = (meanOf(valuesOf(c).map((value) => (value - mean) ** 2)) * 6 * plane) / (6 * plane - 1);
      expect(layer.runningMean.values[c]).toBeCloseTo(mean, 12);
      expect(layer.runningVariance.values[c]).toBeCloseTo(variance, 11);
    }
  });

  it("recalibrate and compareModes agree on a ResNet", () => {
    const model = settle(network(), [6, 2, 6, 5], random);
    const images = ordinary([6, 2, 6, 5], random);
    const { layers } = recalibrate(model, [images]);
    expect(layers.map(({ path }) => path).sort()).toEqual(
      ["1", "3.body.1", "3.body.4", "5.0.body.1", "5.0.body.4", "5.0.projection.1"].sort(),
    );
    const report = compareModes(model, images);
    expect(report.layers.map(({ valuesPerFeature }) => valuesPerFeature)).toEqual([180, 180, 180, 54, 54, 54]);
    for (const { meanShift, verdict, path } of report.layers) {
      expect(verdict, path).toBe("fits");
      for (const shift of meanShift) expect(Math.abs(shift)).toBeLessThan(0.2);
    }
  });

  it("inspect finds a bias before a batch norm in a Conv2d, unless a shortcut reads it too", () => {
    const redundant = (model: Layer): string[] =>
      inspect(settle(model, [8, 2, 6, 5], random), ordinary([8, 2, 6, 5], random))
        .findings.filter(({ kind }) => kind === "redundant bias")
        .map(({ path }) => path);
    expect(redundant(new Sequential([conv(2, 3), norm(3), new ReLU()]))).toEqual(["0"]);
    expect(redundant(new Sequential([conv(2, 3, { bias: false }), norm(3)]))).toEqual([]);
    expect(redundant(new Sequential([conv(2, 3), norm(4, { axis: 2 })]))).toEqual([]);
    const body = (): Sequential => new Sequential([norm(3), new ReLU()]);
    expect(redundant(new Sequential([conv(2, 3), new Residual({ body: body() })]))).toEqual([]);
    const projected = new Residual({ body: body(), projection: norm(3) });
    expect(redundant(new Sequential([conv(2, 3), projected]))).toEqual(["0"]);
  });

  it("inspect reports a dead channel of a network with a Flatten", () => {
    const layer = conv(2, 3, { padding: 1, bias: false });
    const batchNorm = norm(3);
    const model = new Sequential([
      layer,
      batchNorm,
      new ReLU(),
      new Flatten(),
      new Dense({ inputs: 90, outputs: 2, random, dtype }),
    ]);
    settle(model, [8, 2, 6, 5], random);
    batchNorm.gamma!.update((values) => (values[1] = 1e-3));
    batchNorm.beta!.update((values) => (values[1] = -9));
    const found = inspect(model, ordinary([8, 2, 6, 5], random)).findings;
    expect(
      found.filter(({ kind }) => /dead/.test(kind)).map(({ path, evidence }) => [path, /\b1\b/.test(evidence)]),
    ).toEqual([["2", true]]);
  });
});
