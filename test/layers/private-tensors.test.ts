/** What stays inside a Sequential is kept and overwritten instead of copied: nobody outside may notice. */
import { describe, expect, it, vi } from "vitest";
import {
  BatchNorm,
  Dense,
  type Forward,
  type Kernels,
  type Layer,
  LeakyReLU,
  type Pass,
  plainKernels,
  Random,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
  Tensor,
} from "batchnorm";
import { GhostBatchNorm } from "batchnorm/variants";
import { keptValues } from "../../src/layers/private-tensors.js";
import { expectBits, gradientsByPath } from "../support/close.js";
import { kernelSets } from "../support/kernel-sets.js";

const features = 5;
const random = new Random(1);
const dense = (): Layer => new Dense({ inputs: features, outputs: features, random });
const norm = (): Layer => new BatchNorm({ features });

/** A layer of somebody else who writes into what comes in, into what went out, and keeps both. */
class Scribbler implements Layer {
  readonly parameters = [];
  readonly statistics = [];
  readonly held: Tensor[] = [];

  forward(input: Tensor, pass: Pass): Forward {
    const inner = new Tanh().forward(input, pass);
    input.data.fill(7);
    const output = inner.output.copy();
    this.held.push(output);
    return {
      output,
      backward: (gradOutput) => {
        const backward = inner.backward(gradOutput);
        gradOutput.data.fill(9);
        this.held.push(backward.gradInput);
        return backward;
      },
    };
  }
}

/** Looks like a ReLU, but writes over its output once it was handed on. */
class LateReLU extends ReLU {
  last: Tensor | undefined;

  override forward(input: Tensor, pass: Pass): Forward {
    this.last?.data.fill(7);
    const forward = super.forward(input, pass);
    this.last = forward.output;
    return forward;
  }
}

const rows: readonly (readonly [string, () => Layer[]])[] = [
  ["a usual net", () => [dense(), norm(), new ReLU(), dense(), norm(), new Sigmoid(), dense()]],
  ["activations in a row", () => [new Tanh(), new Sigmoid(), new ReLU(), new LeakyReLU(), new Tanh()]],
  ["dense layers in a row", () => [dense(), dense(), dense()]],
  ["an activation after each", () => [dense(), new ReLU(), norm(), new Tanh(), norm(), norm(), new LeakyReLU()]],
  ["a layer twice", () => [dense(), new ReLU(), dense()].flatMap((layer) => [layer, layer])],
  ["a Sequential inside", () => [dense(), new Sequential([norm(), new ReLU(), dense()]), new Tanh(), dense()]],
  ["a layer with layers of its own", () => [dense(), new GhostBatchNorm({ features, groupSize: 4 }), new ReLU()]],
  ["a layer that scribbles", () => [dense(), new ReLU(), new Scribbler(), new ReLU(), dense()]],
  ["a class derived from a layer", () => [dense(), new LateReLU(), dense(), new ReLU(), dense()]],
];

const numbersOf = (
  model: Sequential,
  { output, backward }: Forward,
  gradOutput: Tensor,
): [string, ArrayLike<number>][] => {
  const { gradInput, gradients } = backward(gradOutput);
  return [
    ["output", output.data.slice()],
    ["gradInput", gradInput.data.slice()],
    ...[...gradientsByPath(model, gradients)].map(([path, values]): [string, ArrayLike<number>] => [
      path,
      Array.from(values),
    ]),
  ];
};

describe.each(kernelSets)("on $name kernels", (kernels) => {
  // Small tensors share memory; the gradients of large ones pass theirs on.
  const cases = [8, 600].flatMap((batch) => rows.map(([name, layers]) => ({ batch, name, layers })));
  describe.each(cases)("$name, batch $batch", ({ batch, layers }) => {
    it("gives the same bits with an observer, which receives copies", () => {
      const model = new Sequential(layers());
      const input = Tensor.normal([batch, features], { random });
      const gradOutput = Tensor.normal([batch, features], { random });
      const [sent, sentBack] = [input.copy(), gradOutput.copy()];
      const seen: Tensor[] = [];
      const observe = (path: string, output: Tensor): void => {
        if (!path.includes(".")) seen.push(output);
      };
      const observed = model.forward(input, { mode: "probe", kernels, observe });
      const before = seen.map((tensor) => tensor.data.slice());
      const expected = numbersOf(model, observed, gradOutput.copy());
      if (!layers().some((layer) => layer instanceof Scribbler)) {
        for (const [i, tensor] of seen.entries()) expectBits(`what was observed of ${i}`, tensor.data, before[i]!);
      }

      const forward = model.forward(input, { mode: "probe", kernels });
      const other = model.forward(Tensor.normal([batch, features], { random }), { mode: "probe", kernels });
      other.backward(gradOutput.copy());
      for (const call of ["first", "second"]) {
        const actual = numbersOf(model, forward, gradOutput.copy());
        for (const [j, [name, values]] of expected.entries())
          expectBits(`${name}, ${call} call`, actual[j]![1], values);
      }
      expectBits("input", input.data, sent.data);
      expectBits("gradOutput", gradOutput.data, sentBack.data);
    });
  });
});

it("copies tensors that others may hold, and does not copy those that only the next layer receives", () => {
  const model = new Sequential([dense(), new Tanh(), dense()]);
  const spy = vi.spyOn(Tanh.prototype, "forward");
  model.forward(Tensor.normal([8, features], { random }), { mode: "probe" });
  model.forward(Tensor.normal([8, features], { random }), { mode: "probe", observe: () => undefined });
  const given = spy.mock.calls.map(([input]) => input);
  spy.mockRestore();
  expect(given.map((tensor) => keptValues(tensor) === tensor.data)).toEqual([true, false]);
});

it("reuses the memory of large gradients within a backward pass", () => {
  const model = new Sequential(Array.from({ length: 16 }, (_, i): Layer => (i % 2 === 0 ? dense() : new Tanh())));
  const made = new Set<ArrayBufferLike>();
  const kernels: Kernels = {
    ...plainKernels,
    matmulTransposedB: (args) => {
      made.add(args.out.buffer);
      expect(args.out.buffer).not.toBe(args.a.buffer);
      plainKernels.matmulTransposedB(args);
    },
  };
  const input = Tensor.normal([600, features], { random });
  const { output, backward } = model.forward(input, { mode: "probe", kernels });
  const first = backward(output.copy());
  const gradInput = first.gradInput.data.slice();
  // Two take turns inside; the input gradient belongs to the caller.
  expect(made.size).toBe(3);
  expect(made).toContain(first.gradInput.data.buffer);
  backward(output.copy());
  expectBits("gradInput of the first call", first.gradInput.data, gradInput);
});

it("returns no arrays that share memory, so that transferring one to a worker detaches no other", () => {
  for (const [name, layers] of rows) {
    const model = new Sequential(layers());
    const input = Tensor.normal([8, features], { random });
    for (const observing of [false, true]) {
      const held: Tensor[] = [];
      const observe = (_: string, output: Tensor, entering: Tensor): void => void held.push(output, entering);
      const { output, backward } = model.forward(input, { mode: "train", ...(observing ? { observe } : {}) });
      const { gradInput, gradients } = backward(Tensor.normal(output.shape, { random }));
      held.push(output, gradInput, ...gradients.values());
      for (const { data } of held) expect(data.buffer.byteLength, name).toBe(data.byteLength);
    }
  }
});
