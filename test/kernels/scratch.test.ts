/** The kernels have one private memory between them: whatever runs in between, no result depends on it. */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  Dense,
  type DType,
  type Kernels,
  meanSquaredError,
  Random,
  ReLU,
  Sequential,
  SGD,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { wasmOrRefusal } from "../../src/kernels/wasm/instance.js";
import { moduleKernels } from "../../src/kernels/wasm/kernels.js";
import { PIECE, ROWS } from "../../src/kernels/wasm/pieces.js";
import { expectBits, gradientsByPath } from "../support/close.js";
import { kernelSets, randomFloats, unwritten } from "../support/kernel-sets.js";
import { thrownBy } from "../support/throws.js";

/** A model and a batch of its own. */
function setUp(kernels: Kernels, dtype: DType, widths: readonly [number, number, number], seed: number) {
  const [inputs, features, classes] = widths;
  const random = new Random(seed);
  const model = new Sequential([
    new Dense({ inputs, outputs: features, bias: false, random, dtype }),
    new BatchNorm({ features, dtype }),
    new ReLU(),
    new Dense({ inputs: features, outputs: classes, random, dtype }),
  ]);
  const x = Tensor.normal([37, inputs], { random, dtype });
  const labels = Array.from({ length: 37 }, () => random.integer(classes));
  const forward = (observe?: () => void) => model.forward(x, { mode: "train", kernels, observe });
  const loss = (output: Tensor) => softmaxCrossEntropy(output, labels, { kernels });
  const optimizer = new SGD(model.parameters, { learningRate: 0.1, kernels });
  return { model, forward, loss, optimizer };
}

type Side = ReturnType<typeof setUp>;

/** Every number of a training step, `between` run at each of its seams. */
function train({ model, forward, loss, optimizer }: Side, between: () => void = () => undefined): number[] {
  const { output, backward } = forward(between);
  between();
  const { loss: value, gradOutput } = loss(output);
  between();
  const { gradients, gradInput } = backward(gradOutput);
  between();
  const numbers = [value, ...output.data, ...[...gradientsByPath(model, gradients).values()].flatMap((g) => [...g])];
  numbers.push(...gradInput.data);
  optimizer.step(gradients);
  return [...numbers, ...model.parameters.flatMap(({ value: { data } }) => [...data])];
}

describe.each(kernelSets)("on $name kernels", (kernels) => {
  const one = (): Side => setUp(kernels, "float32", [9, 33, 5], 1);
  const other = (): Side => setUp(kernels, "float64", [21, 65, 7], 2);

  it("a model trained inside another's passes changes none of its bits, nor is it changed", () => {
    const alone = train(one());
    const reference = other();
    const otherAlone = [0, 1, 2].map(() => train(reference));
    const inside = other();
    const seen: number[][] = [];
    expectBits(
      "outside",
      train(one(), () => seen.push(train(inside))),
      alone,
    );
    // Four layers observed, and three seams.
    expect(seen).toHaveLength(7);
    for (const [i, numbers] of otherAlone.entries()) expectBits(`inside, step ${i}`, seen[i]!, numbers);
  });

  it("two models whose steps are interleaved get the bits that each gets alone", () => {
    const [a, b] = [one(), other()];
    const [alone, otherAlone] = [train(one()), train(other())];
    const [forwardA, forwardB] = [a.forward(), b.forward()];
    const [lossB, lossA] = [b.loss(forwardB.output), a.loss(forwardA.output)];
    const [backwardA, backwardB] = [forwardA.backward(lossA.gradOutput), forwardB.backward(lossB.gradOutput)];
    const numbers = (side: Side, loss: number, output: Tensor, backward: typeof backwardA): number[] => [
      ...[loss, ...output.data],
      ...[...gradientsByPath(side.model, backward.gradients).values()].flatMap((gradient) => [...gradient]),
      ...backward.gradInput.data,
    ];
    const ofB = numbers(b, lossB.loss, forwardB.output, backwardB);
    const ofA = numbers(a, lossA.loss, forwardA.output, backwardA);
    expectBits("one", ofA, alone.slice(0, ofA.length));
    expectBits("the other", ofB, otherAlone.slice(0, ofB.length));
  });

  it("a throw at any seam of a pass, or inside a kernel, spoils nothing of what comes after", () => {
    const alone = train(one());
    for (let seam = 1; seam <= 7; seam++) {
      let left = seam;
      const explode = (): void => {
        if (--left === 0) throw new Error("stop");
      };
      expect(thrownBy(() => train(other(), explode))).toBe("Error: stop");
      expectBits(`after seam ${seam}`, train(one()), alone);
    }
    // Labels that can be read once, when they are checked, and no more: the kernel stops half way.
    for (const readable of [40, 41, 60]) {
      let reads = 0;
      const labels = new Proxy([] as number[], {
        get: (_, key) => {
          if (key === "length") return 40;
          if (++reads > readable) throw new Error("stop");
          return 0;
        },
      }) as unknown as Int32Array;
      const logits = randomFloats(new Random(1), "float32", 160);
      const args = { rows: 40, classes: 4, logits, labels, labelSmoothing: 0, dlogits: new Float32Array(160) };
      expect(thrownBy(() => kernels.softmaxCrossEntropy(args))).toBe("Error: stop");
      expectBits(`after ${readable} labels`, train(one()), alone);
    }
    const short = { prediction: new Float32Array(300), target: new Float32Array(299) };
    expect(thrownBy(() => kernels.meanSquaredError({ ...short, dprediction: new Float32Array(300) }))).toContain("299");
    expect(thrownBy(() => meanSquaredError(Tensor.zeros([3]), Tensor.zeros([4]), { kernels }))).toContain("ShapeError");
    expectBits("after refusals", train(one()), alone);
  });
});

it("the WebAssembly memory stays within its bounds over calls of every size, and starts anew at each", () => {
  const wasm = wasmOrRefusal();
  if (typeof wasm === "string") throw new Error(wasm);
  const { memory } = wasm;
  const { buffer, byteLength } = memory.single;
  const kernels = moduleKernels(wasm);
  const random = new Random(1);
  const lengths = [1, 17, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 3];
  /** Where the next array would start. */
  const top = (): number => memory.reserveBytes(0);
  for (const dtype of ["float32", "float64"] as const) {
    for (const length of lengths) {
      const x = randomFloats(random, dtype, length);
      const [y, dy, dx] = [unwritten(dtype, length), x.slice(), unwritten(dtype, length)];
      const statistics = (channels: number) => ({
        mean: new Float64Array(channels),
        variance: new Float64Array(channels),
        rstd: new Float64Array(channels),
      });
      const calls: Record<string, () => void> = {
        relu: () => kernels.relu({ x, y }),
        matmul: () => kernels.matmul({ rows: length, inner: 1, columns: 1, a: x, b: x.slice(0, 1), out: y }),
        matmulTransposedA: () =>
          kernels.matmulTransposedA({ rows: 1, inner: length, columns: 1, a: x, b: dy, out: y.subarray(0, 1) }),
        loss: () => void kernels.meanSquaredError({ prediction: x, target: dy, dprediction: y }),
      };
      for (const view of [
        { outer: length, channels: 1, inner: 1 },
        { outer: 1, channels: length, inner: 1 },
        { outer: 1, channels: 1, inner: length },
      ]) {
        const args = { view, x, epsilon: 1e-5, y, dy, dx, ...statistics(view.channels) };
        calls[`batch norm, ${JSON.stringify(view)}`] = () => kernels.batchNormForward(args);
        calls[`its gradient, ${JSON.stringify(view)}`] = () => kernels.batchNormBackward(args);
      }
      for (const [name, call] of Object.entries(calls)) {
        call();
        const first = top();
        call();
        expect(top(), `${name}, ${dtype}, ${length}`).toBe(first);
        expect(first, `${name}, ${dtype}, ${length}`).toBeLessThanOrEqual(byteLength);
      }
    }
  }
  // The most that rows take at once, and rows of one channel more.
  for (const channels of [4096, 4097]) {
    const view = { outer: ROWS / 4096, channels, inner: 1 };
    const x = new Float64Array(view.outer * channels).map((_, i) => i % 7);
    const [mean, variance, rstd] = [0, 0, 0].map(() => new Float64Array(channels)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    kernels.batchNormForward({ view, x, epsilon: 1e-5, y: x.slice(), mean, variance, rstd });
    expect(top()).toBeLessThanOrEqual(byteLength);
    kernels.batchNormBackward({ view, x, dy: x.slice(), mean, rstd, dx: x.slice() });
    expect(top()).toBeLessThanOrEqual(byteLength);
  }
  expect(memory.single.buffer).toBe(buffer);
  expect(memory.double.buffer).toBe(buffer);
  expect(buffer.byteLength).toBe(288 * 2 ** 16);
});
