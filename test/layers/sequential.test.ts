/** Sequential: paths, observers, gradients of what is used twice, and that a pass that throws has changed nothing. */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  Dense,
  type Forward,
  GroupNorm,
  type Layer,
  type Pass,
  plainKernels,
  Random,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from "../../src/index.js";
import { NoiseInjection } from "../../src/variants/index.js";
import { expectBits, memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";
import { anyGradient, ordinary } from "../support/samples.js";

const random = (): Random => new Random(1);
const dense = (inputs: number, outputs: number): Dense => new Dense({ inputs, outputs, random: random() });

describe("a pass in mode train that throws", () => {
  const failing: Layer = {
    parameters: [],
    statistics: [],
    forward: () => {
      throw new RangeError("broken");
    },
  };

  it.each([
    ["a layer that fits no input", () => dense(5, 2), "[N, 5]"],
    ["a layer that breaks down", () => failing, "broken"],
    ["a layer inside a container", () => new Sequential([new ReLU(), failing]), "broken"],
  ])("at %s leaves the running statistics and random streams of earlier layers unchanged", (_, last, message) => {
    const stream = new Random(2);
    const noise = new NoiseInjection({ random: stream });
    const model = new Sequential([
      new Sequential([new BatchNorm({ features: 3 }), noise]),
      new BatchNorm({ features: 3 }),
      last(),
    ]);
    const before = [memoryOf(model), stream.state];
    const x = ordinary([6, 3], random(), "float32");
    expect(() => model.forward(x, { mode: "train" })).toThrow(message);
    expect([memoryOf(model), stream.state]).toEqual(before);
    // and without the last layer they move
    const [first, second] = [...model.children.values()].slice(0, 2) as [Layer, Layer];
    new Sequential([first, second]).forward(x, { mode: "train" });
    expect([memoryOf(model), stream.state]).not.toEqual(before);
  });

  it("in an observer leaves them unchanged too", () => {
    const model = new Sequential([new BatchNorm({ features: 3 }), new ReLU()]);
    const before = memoryOf(model);
    const observe = (path: string): void => {
      if (path === "1") throw new Error("enough");
    };
    const x = ordinary([6, 3], random(), "float32");
    expect(() => model.forward(x, { mode: "train", observe })).toThrow("enough");
    expect(memoryOf(model)).toEqual(before);
  });
});

describe("an observer", () => {
  it("receives path, output and input of every layer, inner layers first, in the order of the pass", async () => {
    const inner = new Sequential([dense(3, 4), new ReLU()]);
    const model = new Sequential([new BatchNorm({ features: 3 }), inner, inner]);
    const seen: [string, Tensor, Tensor][] = [];
    const x = ordinary([5, 3], random(), "float32");
    await expectRefusal(
      () => model.forward(x, { mode: "probe", observe: (...call) => seen.push(call) }),
      'ShapeError: Dense "2.0": input | [N, 3] | [5, 4]',
    );
    expect(seen.map(([path]) => path)).toEqual(["0", "1.0", "1.1", "1"]);
    expect(seen[0]![2]).toBe(x);
    expect(seen[1]![2]).toBe(seen[0]![1]); // what goes into 1.0 came out of 0
    expect(seen[2]![2]).toBe(seen[1]![1]);
    expect(seen[3]![1]).toBe(seen[2]![1]); // what comes out of 1 came out of 1.1
    expect(seen[3]![2]).toBe(seen[0]![1]);
    expect(seen.map(([, output]) => output.shape)).toEqual([
      [5, 3],
      [5, 4],
      [5, 4],
      [5, 4],
    ]);
  });
});

describe("the gradients", () => {
  it("of a parameter that is used twice are the sum of both uses", () => {
    const weight = Tensor.from([[2]], { dtype: "float64" });
    const layer = new Dense({ inputs: 1, outputs: 1, bias: false, initial: { weight }, dtype: "float64" });
    const { output, backward } = new Sequential([layer, layer]).forward(Tensor.from([[3]], { dtype: "float64" }), {
      mode: "probe",
    });
    // y = w (w x): dy/dw = 2 w x, dy/dx = w²
    expect(output.at(0, 0)).toBe(12);
    const { gradients, gradInput } = backward(Tensor.from([[1]], { dtype: "float64" }));
    expect(gradients.get(layer.weight)!.at(0, 0)).toBe(12);
    expect(gradInput.at(0, 0)).toBe(4);
  });

  it("of the input are computed only if read, and once", () => {
    let products = 0;
    const kernels = {
      ...plainKernels,
      matmulTransposedB: (args: Parameters<typeof plainKernels.matmulTransposedB>[0]): void => {
        products++;
        plainKernels.matmulTransposedB(args);
      },
    };
    const model = new Sequential([new Sequential([dense(3, 4), new ReLU()]), dense(4, 2)]);
    const x = ordinary([5, 3], random(), "float32");
    const { output, backward } = model.forward(x, { mode: "train", kernels });
    const back = backward(anyGradient(output, random()));
    expect(products).toBe(1);
    expect(back.gradInput.shape).toEqual([5, 3]);
    expect(back.gradInput).toBe(back.gradInput);
    expect(products).toBe(2);
  });
});

describe("nested and flat models", () => {
  it("give the same bits: outputs, gradients, statistics, steps", () => {
    const layers = (): Layer[] => [dense(3, 4), new BatchNorm({ features: 4 }), new ReLU(), dense(4, 2)];
    const flat: Sequential = new Sequential(layers());
    const own = layers();
    const nested: Sequential = new Sequential([
      new Sequential([own[0]!, new Sequential([own[1]!])]),
      own[2]!,
      new Sequential([own[3]!]),
    ]);
    const x = ordinary([6, 3], random(), "float32");
    const dy = Tensor.normal([6, 2], { random: random() });
    for (const mode of ["train", "probe", "inference"] as const) {
      const [one, two] = [flat, nested].map((model): Forward => model.forward(x, { mode }));
      expectBits("output", two!.output.data, one!.output.data);
      const [backOne, backTwo] = [one!.backward(dy), two!.backward(dy)];
      expectBits("gradInput", backTwo.gradInput.data, backOne.gradInput.data);
      flat.parameters.forEach((parameter, i) => {
        const other = backTwo.gradients.get(nested.parameters[i]!)!;
        expectBits(parameter.name, other.data, backOne.gradients.get(parameter)!.data);
      });
      new SGD(flat.parameters, { learningRate: 0.1 }).step(backOne.gradients);
      new SGD(nested.parameters, { learningRate: 0.1 }).step(backTwo.gradients);
    }
    flat.statistics.forEach(({ name, values }, i) => expectBits(name, nested.statistics[i]!.values, values));
    flat.parameters.forEach(({ name, value }, i) => expectBits(name, nested.parameters[i]!.value.data, value.data));
  });
});

describe("instance norm, with one group per feature", () => {
  it("equals BatchNorm on a batch of one sample", () => {
    const x = ordinary([1, 3, 7], random());
    const dy = anyGradient(x, new Random(2));
    const [batch, group] = [
      new BatchNorm({ features: 3, dtype: "float64" }),
      new GroupNorm({ features: 3, groups: 3, dtype: "float64" }),
    ].map((layer) => layer.forward(x, { mode: "probe" }));
    group!.output.data.forEach((value, i) => expect(value).toBeCloseTo(batch!.output.data[i]!, 13));
    const [dxBatch, dxGroup] = [batch!, group!].map((forward) => forward.backward(dy).gradInput.data);
    dxGroup!.forEach((value, i) => expect(value).toBeCloseTo(dxBatch![i]!, 13));
  });
});

describe("a pass that inherits or computes its keys", () => {
  const x = Tensor.from([[1], [3]]);
  const passes: [string, Pass][] = [
    ["inherits them", Object.create({ mode: "train", kernels: plainKernels }) as Pass],
    [
      "computes them",
      Object.defineProperties(
        {},
        {
          mode: { get: () => "train" },
          kernels: { get: () => plainKernels },
        },
      ) as Pass,
    ],
  ];

  it.each(passes)("works in a Sequential as it works alone (%s)", (_, pass) => {
    const alone = new BatchNorm({ features: 1 });
    const inside = new BatchNorm({ features: 1 });
    const { output } = new Sequential([inside]).forward(x, pass);
    expect(output.toNested()).toEqual(alone.forward(x, pass).output.toNested());
    expect(inside.batchesTracked.values[0]).toBe(1);
  });
});
