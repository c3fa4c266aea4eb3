/** The layers for images by value: worked numbers, initial values, the distribution of dropout, and a network that learns. */
import {
  Adam,
  AveragePool2d,
  BatchNorm,
  checkpoint,
  Conv2d,
  Dense,
  Dropout,
  Flatten,
  GlobalAveragePool,
  type Layer,
  LogSoftmax,
  MaxPool2d,
  meanSquaredError,
  modelObjective,
  Random,
  ReLU,
  Residual,
  Sequential,
  ShapeError,
  Softmax,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { describe, expect, it } from "vitest";
import { expectBits } from "../support/close.js";
import { expectClose } from "../support/close.js";
import { ordinary } from "../support/samples.js";

const random = (): Random => new Random(1);
const probe = (layer: Layer, x: Tensor): unknown => layer.forward(x, { mode: "probe" }).output.toNested();
const doubles = (values: Parameters<typeof Tensor.from>[0]): Tensor => Tensor.from(values, { dtype: "float64" });

describe("Conv2d", () => {
  const momentsOf = (tensor: Tensor): { mean: number; variance: number; largest: number } => {
    const data = [...tensor.data];
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum: number, value) => sum + (value - mean) ** 2, 0) / data.length;
    return { mean, variance, largest: Math.max(...data.map(Math.abs)) };
  };

  it("draws its weight by fan: inputs and outputs count once per weight of the window", () => {
    const make = (initial: "he" | "glorot"): Tensor =>
      new Conv2d({ inputs: 20, outputs: 30, size: [3, 5], initial, random: random() }).weight.value;
    const [he, glorot] = [momentsOf(make("he")), momentsOf(make("glorot"))];
    expect(he.mean).toBeCloseTo(0, 2);
    expect(he.variance * 20 * 15).toBeCloseTo(2, 0.5);
    const limit = Math.sqrt(6 / (50 * 15));
    expect(glorot.largest / limit).toBeCloseTo(1, 2);
    expect(glorot.largest).toBeLessThanOrEqual(limit);
    expect(glorot.variance / (limit ** 2 / 3)).toBeCloseTo(1, 1);
  });

  it("reports size, stride and padding as pairs, and starts with a bias of zeros", () => {
    const conv = new Conv2d({ inputs: 1, outputs: 2, size: 3, stride: [2, 1], padding: 1, random: random() });
    expect([conv.size, conv.stride, conv.padding]).toEqual([
      [3, 3],
      [2, 1],
      [1, 1],
    ]);
    expect(conv.bias!.value.toNested()).toEqual([0, 0]);
    expect(new Conv2d({ inputs: 1, outputs: 2, size: 4, padding: "same", random: random() }).padding).toBe("same");
  });

  it("copies its initial values", () => {
    const weight = Tensor.filled([1, 1, 1, 1], 2);
    const bias = Tensor.from([3]);
    const conv = new Conv2d({ inputs: 1, outputs: 1, size: 1, initial: { weight, bias } });
    weight.data[0] = 7;
    bias.data[0] = 7;
    expect(probe(conv, Tensor.from([[[[5]]]]))).toEqual([[[[13]]]]);
  });

  it("is a Dense over the channels of each pixel with size 1, and over the image with a window as large", () => {
    const x = ordinary([2, 3, 2, 2], random());
    const weight = ordinary([4, 3, 1, 1], random());
    const conv = new Conv2d({ inputs: 3, outputs: 4, size: 1, bias: false, initial: { weight }, dtype: "float64" });
    const { output } = conv.forward(x, { mode: "probe" });
    const whole = ordinary([4, 3, 2, 2], random());
    const large = new Conv2d({
      inputs: 3,
      outputs: 4,
      size: 2,
      bias: false,
      initial: { weight: whole },
      dtype: "float64",
    }).forward(x, { mode: "probe" }).output;
    for (let n = 0; n < 2; n++) {
      for (let o = 0; o < 4; o++) {
        let sum = 0;
        for (let c = 0; c < 3; c++) sum += weight.at(o, c, 0, 0) * x.at(n, c, 1, 0);
        expect(output.at(n, o, 1, 0)).toBeCloseTo(sum, 13);
        let all = 0;
        for (let i = 0; i < 12; i++) all += whole.data[o * 12 + i]! * x.data[n * 12 + i]!;
        expect(large.at(n, o, 0, 0)).toBeCloseTo(all, 12);
      }
    }
  });

  it('pads with "same" as PyTorch does: the odd pixel below and on the right', () => {
    const initial = { weight: Tensor.from([[[[1, 10]]]]) };
    const conv = new Conv2d({ inputs: 1, outputs: 1, size: [1, 2], padding: "same", initial });
    expect(probe(conv, Tensor.from([[[[1, 2, 3]]]]))).toEqual([[[[21, 32, 3]]]]);
  });

  it.each([
    // length, size, stride: zeros before and after, as tf.nn.conv2d documents them
    [6, 3, 2, 0, 1],
    [7, 3, 2, 1, 1],
    [5, 2, 2, 0, 1],
    [7, 4, 3, 1, 2],
    [6, 1, 2, 0, 0],
    [8, 2, 3, 0, 0],
  ])('pads %i pixels with "same" as Keras does: size %i, stride %i', (length, size, stride, before, after) => {
    const options = { inputs: 2, outputs: 3, size: [1, size], stride: [1, stride], ...{ random: random() } } as const;
    const same = new Conv2d({ ...options, padding: "same", dtype: "float64" });
    const initial = { weight: same.weight.value, bias: same.bias!.value };
    const none = new Conv2d({ ...options, initial, dtype: "float64" });
    const x = ordinary([2, 2, 1, length], random());
    const padded = Tensor.zeros([2, 2, 1, before + length + after], "float64");
    for (let row = 0; row < 4; row++) {
      padded.data.set(x.data.subarray(row * length, (row + 1) * length), row * padded.shape[3]! + before);
    }
    const [{ output, backward }, other] = [same.forward(x, { mode: "train" }), none.forward(padded, { mode: "train" })];
    expect(output.shape[3]).toBe(Math.ceil(length / stride));
    expect(output.toNested()).toEqual(other.output.toNested());
    const dy = ordinary(output.shape, random());
    const dx = backward(dy).gradInput.toNested() as number[][][][];
    const dpadded = other.backward(dy).gradInput.toNested() as number[][][][];
    const inside = dpadded.map((n) => n.map((c) => c.map((row) => row.slice(before, before + length))));
    expectClose("dx", dx.flat(3), inside.flat(3), 1e-13);
  });

  it("computes the gradient of its input only if it is read", () => {
    const conv = new Conv2d({ inputs: 1, outputs: 1, size: 2, random: random() });
    const x = ordinary([1, 1, 3, 3], random(), "float32");
    const { output, backward } = conv.forward(x, { mode: "train" });
    const late = backward(output);
    conv.weight.update((values) => values.fill(0));
    expect(() => late.gradInput).toThrow(/weight to be unchanged/);
  });
});

describe("pooling", () => {
  it("passes the gradient of a maximum to the first of several equal ones", () => {
    const { backward } = new MaxPool2d({ size: 2 }).forward(
      Tensor.from([
        [
          [
            [1, 3],
            [3, 3],
          ],
        ],
      ]),
      { mode: "probe" },
    );
    expect(backward(Tensor.from([[[[5]]]])).gradInput.toNested()).toEqual([
      [
        [
          [0, 5],
          [0, 0],
        ],
      ],
    ]);
  });

  it("never takes padding for the maximum, and counts it in the average", () => {
    const x = Tensor.from([[[[-4]]]]);
    expect(probe(new MaxPool2d({ size: 2, padding: 1, stride: 1 }), x)).toEqual([
      [
        [
          [-4, -4],
          [-4, -4],
        ],
      ],
    ]);
    expect(probe(new AveragePool2d({ size: 2, padding: 1, stride: 1 }), x)).toEqual([
      [
        [
          [-1, -1],
          [-1, -1],
        ],
      ],
    ]);
  });

  it("takes NaN for the maximum", () => {
    expect(
      probe(
        new MaxPool2d({ size: 2 }),
        Tensor.from([
          [
            [
              [1, NaN],
              [3, 4],
            ],
          ],
        ]),
      ),
    ).toEqual([[[[NaN]]]]);
  });

  it("over the whole image is a GlobalAveragePool", () => {
    const x = ordinary([2, 3, 4, 5], random());
    const pooled = new AveragePool2d({ size: [4, 5] }).forward(x, { mode: "probe" }).output;
    expectBits("output", pooled.data, new GlobalAveragePool().forward(x, { mode: "probe" }).output.data);
  });
});

describe("Softmax and LogSoftmax", () => {
  it("are the gradient and the loss of softmaxCrossEntropy", () => {
    const logits = ordinary([5, 4], random());
    const labels = [0, 3, 1, 2, 2];
    const { loss, gradOutput } = softmaxCrossEntropy(logits, labels);
    const p = new Softmax().forward(logits, { mode: "probe" }).output;
    const logP = new LogSoftmax().forward(logits, { mode: "probe" }).output;
    expect(-labels.reduce((sum, label, n) => sum + logP.at(n, label), 0) / 5).toBeCloseTo(loss, 14);
    p.data.forEach((value, i) => {
      const target = labels[Math.floor(i / 4)] === i % 4 ? 1 : 0;
      expect((value - target) / 5).toBeCloseTo(gradOutput.data[i]!, 15);
    });
  });

  it("keep NaN in its row", () => {
    const x = doubles([
      [1, NaN],
      [0, 0],
    ]);
    expect(probe(new Softmax(), x)).toEqual([
      [NaN, NaN],
      [0.5, 0.5],
    ]);
    expect(probe(new LogSoftmax(), x)).toEqual([
      [NaN, NaN],
      [-Math.LN2, -Math.LN2],
    ]);
  });

  it("give probability 0 to a logit of -Infinity, as a mask does", () => {
    expect(probe(new Softmax(), doubles([[3, -Infinity, 3]]))).toEqual([[0.5, 0, 0.5]]);
  });
});

describe("Dropout", () => {
  const ones = Tensor.filled([1000, 20], 1, "float64");
  const maskOf = (layer: Layer, mode: "train" | "probe" = "probe"): Float64Array =>
    Float64Array.from(layer.forward(ones, { mode }).output.data);

  it.each([0.1, 0.5, 0.9])("drops at rate %s, and scales the others so that the mean stays", (rate) => {
    const mask = maskOf(new Dropout({ rate, random: random() }));
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    expect(Math.abs(dropped - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / mask.length));
    expect(new Set(mask)).toEqual(new Set([0, 1 / (1 - rate)]));
  });

  it("draws a new mask in each train pass, and in probe the next one's, however often", () => {
    const layer = new Dropout({ rate: 0.5, random: random() });
    const foreseen = maskOf(layer);
    layer.forward(ones, { mode: "inference" });
    expectBits("probe again", maskOf(layer), foreseen);
    expectBits("train", maskOf(layer, "train"), foreseen);
    const next = maskOf(layer, "train");
    const agreement = next.filter((value, i) => value === foreseen[i]).length / next.length;
    expect(agreement).toBeGreaterThan(0.47);
    expect(agreement).toBeLessThan(0.53);
  });

  it("returns the values of its input at inference and at rate 0, in another tensor", () => {
    for (const [rate, mode] of [
      [0.5, "inference"],
      [0, "train"],
    ] as const) {
      const { output, backward } = new Dropout({ rate, random: random() }).forward(ones, { mode });
      expectBits("output", output.data, ones.data);
      expect(output.data).not.toBe(ones.data);
      expectBits("gradInput", backward(ones).gradInput.data, ones.data);
    }
  });

  it("differs between two layers created from one stream, and between two occurrences of one layer", () => {
    const stream = random();
    const [a, b] = [new Dropout({ rate: 0.5, random: stream }), new Dropout({ rate: 0.5, random: stream })];
    expect(maskOf(a)).not.toEqual(maskOf(b));
    for (const mode of ["probe", "train"] as const) {
      const { output } = new Sequential([a, a]).forward(ones, { mode });
      const kept = output.data.filter((value) => value !== 0).length / ones.size;
      expect(kept).toBeGreaterThan(0.22);
      expect(kept).toBeLessThan(0.28);
    }
  });

  it("advances its stream once both occurrences have drawn, as two layers in a row would", () => {
    const layer = new Dropout({ rate: 0.5, random: random() });
    const twice = new Sequential([layer, layer]);
    const foreseen = twice.forward(ones, { mode: "probe" }).output.data.slice();
    expectBits("train", twice.forward(ones, { mode: "train" }).output.data, foreseen);
    expect(twice.forward(ones, { mode: "probe" }).output.data).not.toEqual(foreseen);
  });

  it("restores its stream if a later layer throws", () => {
    const dropout = new Dropout({ rate: 0.5, random: random() });
    const before = maskOf(dropout);
    const model = new Sequential([dropout, new BatchNorm({ features: 4 })]);
    expect(() => model.forward(ones.cast("float32"), { mode: "train" })).toThrow(ShapeError);
    expectBits("probe", maskOf(dropout), before);
  });

  it("is held still by an objective, and its stream is part of a checkpoint", async () => {
    const model = new Sequential([
      new Dense({ inputs: 20, outputs: 3, random: random(), dtype: "float64" }),
      new Dropout({ rate: 0.5, random: random() }),
    ]);
    const batch = { input: ones, target: Tensor.zeros([1000, 3], "float64") };
    const { objective, point } = modelObjective(model, batch, meanSquaredError, { mode: "probe" });
    expect((await objective(point)).loss).toBe((await objective(point)).loss);
    const before = JSON.stringify(checkpoint({ model }));
    model.forward(ones, { mode: "train" });
    expect(JSON.stringify(checkpoint({ model }))).not.toBe(before);
  });

  it("keeps NaN, whether or not it drops it", () => {
    const y = new Dropout({ rate: 0.5, random: random() }).forward(Tensor.filled([1, 9], NaN), { mode: "train" });
    expect([...y.output.data].every(Number.isNaN)).toBe(true);
  });
});

describe("Residual", () => {
  it("reports its branches to an observer, with paths", () => {
    const seen: string[] = [];
    const body = new Sequential([new Dense({ inputs: 3, outputs: 2, random: random() }), new ReLU()]);
    const model = new Sequential([
      new Residual({ body, projection: new Dense({ inputs: 3, outputs: 2, random: random() }) }),
    ]);
    model.forward(ordinary([4, 3], random(), "float32"), { mode: "probe", observe: (path) => seen.push(path) });
    expect(seen).toEqual(["0.body.0", "0.body.1", "0.body", "0.projection", "0"]);
  });

  it("changes no running statistic if its projection throws", () => {
    const norm = new BatchNorm({ features: 3 });
    const residual = new Residual({ body: norm, projection: new BatchNorm({ features: 4 }) });
    expect(() => residual.forward(ordinary([4, 3], random(), "float32"), { mode: "train" })).toThrow(ShapeError);
    expect(norm.batchesTracked.values[0]).toBe(0);
  });

  it("sums the gradients of a layer that both branches use", () => {
    const weight = doubles([[3]]);
    const shared = new Dense({ inputs: 1, outputs: 1, bias: false, initial: { weight }, dtype: "float64" });
    const residual = new Residual({ body: shared, projection: shared });
    const { output, backward } = residual.forward(doubles([[5]]), { mode: "probe" });
    expect(output.at(0, 0)).toBe(30);
    const { gradInput, gradients } = backward(doubles([[1]]));
    expect([gradInput.at(0, 0), gradients.get(shared.weight)!.at(0, 0)]).toEqual([6, 10]);
  });
});

it("a small convolutional network learns to tell vertical from horizontal bars", () => {
  const stream = random();
  const model = new Sequential([
    new Conv2d({ inputs: 1, outputs: 4, size: 3, padding: 1, bias: false, random: stream }),
    new BatchNorm({ features: 4 }),
    new ReLU(),
    new Residual({ body: new Conv2d({ inputs: 4, outputs: 4, size: 3, padding: "same", random: stream }) }),
    new MaxPool2d({ size: 2 }),
    new Flatten(),
    new Dense({ inputs: 64, outputs: 2, random: stream }),
  ]);
  const batch = (): { x: Tensor; labels: number[] } => {
    const x = Tensor.normal([32, 1, 8, 8], { random: stream, std: 0.5 });
    const labels = Array.from({ length: 32 }, () => stream.integer(2));
    labels.forEach((label, n) => {
      const at = stream.integer(8);
      for (let i = 0; i < 8; i++) x.data[n * 64 + (label === 0 ? at * 8 + i : i * 8 + at)]! += 2;
    });
    return { x, labels };
  };
  const optimizer = new Adam(model.parameters, { learningRate: 0.01 });
  for (let step = 0; step < 60; step++) {
    const { x, labels } = batch();
    const { output, backward } = model.forward(x, { mode: "train" });
    optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
  }
  const { x, labels } = batch();
  const logits = model.predict(x);
  const right = labels.filter((label, n) => logits.at(n, label) > logits.at(n, 1 - label)).length;
  expect(right).toBeGreaterThanOrEqual(30);
});
