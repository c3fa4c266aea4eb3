/** What is true of every batch norm, whatever the numbers: identities of its output and of its gradients. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchNorm, type Mode, Random, type Shape, Tensor } from "../../src/index.js";
import { kernelSets } from "../support/kernel-sets.js";
import { expectBits, expectClose } from "../support/close.js";
import { anyGradient, ordinary, settle } from "../support/samples.js";
import "../support/numbers.js";

const batchModes: readonly Mode[] = ["train", "probe"];

/** A shape of any rank, where its features are, and a seed for the numbers. */
const situations = fc
  .record({
    outer: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 2 }),
    features: fc.integer({ min: 1, max: 6 }),
    inner: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
    seed: fc.nat(),
  })
  .filter(({ outer, inner }) => [...outer, ...inner].reduce((product, axis) => product * axis, 1) >= 3)
  .map(({ outer, features, inner, seed }) => ({
    shape: [...outer, features, ...inner] as Shape,
    axis: outer.length,
    seed,
  }));

/** [N, C, H, W] */
const images = fc.tuple(
  fc.integer({ min: 2, max: 4 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 2, max: 3 }),
  fc.integer({ min: 2, max: 4 }),
);

/** Calls back with every value of one feature, by feature. */
function eachFeature(shape: Shape, axis: number, look: (feature: number, places: readonly number[]) => void): void {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const size = shape.reduce((product, axis) => product * axis, 1);
  for (let c = 0; c < shape[axis]!; c++) {
    look(
      c,
      Array.from({ length: size }, (_, i) => i).filter((i) => Math.floor(i / inner) % shape[axis]! === c),
    );
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const meanOf = (values: readonly number[]): number => sum(values) / values.length;
const varianceOf = (values: readonly number[]): number => meanOf(values.map((v) => (v - meanOf(values)) ** 2));

interface Ready {
  readonly norm: BatchNorm;
  readonly x: Tensor;
  readonly dy: Tensor;
}

function ready({ shape, axis, seed }: { shape: Shape; axis: number; seed: number }, epsilon = 0.3): Ready {
  const random = new Random(seed);
  const norm = settle(
    new BatchNorm({ features: shape[axis]!, axis, epsilon, dtype: "float64" }),
    shape,
    random.fork("settle"),
  );
  const x = ordinary(shape, random);
  return { norm, x, dy: anyGradient(x, random) };
}

/** [N, C, H, W] as [N, H, W, C]. */
function channelsLast(tensor: Tensor): Tensor {
  const [n, c, h, w] = tensor.shape as [number, number, number, number];
  const moved = Tensor.zeros([n, h, w, c], tensor.dtype);
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j < h; j++)
      for (let k = 0; k < w; k++) for (let l = 0; l < c; l++) moved.data[at++] = tensor.at(i, l, j, k);
  return moved;
}

describe.each(kernelSets)("on $name kernels", (kernels) => {
  describe.each(batchModes)("in mode %s", (mode) => {
    it("gives a feature mean beta and deviation |gamma| sqrt(variance / (variance + epsilon))", () => {
      fc.assert(
        fc.property(situations, (situation) => {
          const { norm, x } = ready(situation);
          const { output } = norm.forward(x, { mode, kernels });
          eachFeature(situation.shape, situation.axis, (c, places) => {
            const variance = varianceOf(places.map((i) => x.data[i]!));
            const y = places.map((i) => output.data[i]!);
            const gamma = norm.gamma!.value.data[c]!;
            expect(meanOf(y)).toBeCloseTo(norm.beta!.value.data[c]!, 12);
            expect(Math.sqrt(varianceOf(y))).toBeCloseTo(Math.abs(gamma) * Math.sqrt(variance / (variance + 0.3)), 12);
          });
        }),
      );
    });

    it("gives an input gradient that sums to 0, and against xhat to the remainder due to epsilon", () => {
      fc.assert(
        fc.property(situations, (situation) => {
          const { norm, x, dy } = ready(situation);
          const { gradInput, gradients } = norm.forward(x, { mode, kernels }).backward(dy);
          eachFeature(situation.shape, situation.axis, (c, places) => {
            const values = places.map((i) => x.data[i]!);
            const variance = varianceOf(values);
            const rstd = 1 / Math.sqrt(variance + 0.3);
            const xhat = values.map((value) => (value - meanOf(values)) * rstd);
            const dx = places.map((i) => gradInput.data[i]!);
            const dyXhat = sum(places.map((i, k) => dy.data[i]! * xhat[k]!));
            expect(sum(dx)).toBeCloseTo(0, 11);
            const left = norm.gamma!.value.data[c]! * rstd * dyXhat * (0.3 / (variance + 0.3));
            expect(sum(dx.map((value, k) => value * xhat[k]!))).toBeCloseTo(left, 11);
            expect(gradients.get(norm.gamma!)!.data[c]).toBeCloseTo(dyXhat, 11);
            expect(gradients.get(norm.beta!)!.data[c]).toBeCloseTo(sum(places.map((i) => dy.data[i]!)), 11);
          });
        }),
      );
    });

    it("is invariant to a shift of a feature, up to round-off", () => {
      fc.assert(
        fc.property(situations, fc.double({ min: -8, max: 8, noNaN: true }), (situation, shift) => {
          const { norm, x, dy } = ready(situation);
          const shifted = new Tensor(
            x.data.map((value) => value + shift),
            x.shape,
          );
          const [before, after] = [x, shifted].map((input) => norm.forward(input, { mode, kernels }));
          expectClose("output", [...after!.output.data, 1], [...before!.output.data, 1], 1e-13);
          const [dx, dxShifted] = [before!, after!].map((forward) => forward.backward(dy).gradInput.data);
          expectClose("gradInput", [...dxShifted!, 1], [...dx!, 1], 1e-13);
        }),
      );
    });

    it("is invariant to a scale of the input with epsilon scaled by its square, to the bit; the gradient is divided by it", () => {
      fc.assert(
        fc.property(situations, fc.integer({ min: -20, max: 20 }), (situation, power) => {
          // powers of two, by which floating-point numbers are multiplied exactly
          const scale = 2 ** power;
          const { norm, x, dy } = ready(situation);
          const other = ready(situation, 0.3 * scale * scale).norm;
          const scaled = new Tensor(
            x.data.map((value) => value * scale),
            x.shape,
          );
          const before = norm.forward(x, { mode, kernels });
          const after = other.forward(scaled, { mode, kernels });
          expectBits("output", after.output.data, before.output.data);
          const [dx, dxScaled] = [before.backward(dy), after.backward(dy)];
          expectBits(
            "gradInput",
            dxScaled.gradInput.data,
            dx.gradInput.data.map((value) => value / scale),
          );
          expectBits("dgamma", dxScaled.gradients.get(other.gamma!)!.data, dx.gradients.get(norm.gamma!)!.data);
        }),
      );
    });

    it("permutes its output with the rows, and keeps the gradients of gamma and beta", () => {
      fc.assert(
        fc.property(situations, (situation) => {
          const order = new Random(situation.seed).fork("order").permutation(situation.shape[0]!);
          const [one, two] = [ready(situation), ready(situation)];
          const straight = one.norm.forward(one.x, { mode, kernels });
          const permuted = two.norm.forward(two.x.rows(order), { mode, kernels });
          expectClose("output", permuted.output.data, straight.output.rows(order).data, 1e-13);
          const [back, permutedBack] = [straight.backward(one.dy), permuted.backward(two.dy.rows(order))];
          const dx = back.gradInput.rows(order).data;
          expectClose("gradInput", [...permutedBack.gradInput.data, 1], [...dx, 1], 1e-13);
          for (const name of ["gamma", "beta"] as const) {
            const [actual, expected] = [
              permutedBack.gradients.get(two.norm[name]!)!,
              back.gradients.get(one.norm[name]!)!,
            ];
            expectClose(`d${name}`, [...actual.data, 1], [...expected.data, 1], 1e-13);
          }
          expectClose("runningMean", two.norm.runningMean.values, one.norm.runningMean.values, 1e-13);
          expectClose("runningVariance", two.norm.runningVariance.values, one.norm.runningVariance.values, 1e-13);
        }),
      );
    });
  });

  it.each(["train", "probe", "inference"] as const)(
    "in mode %s images with channels first and last agree, and so do flattened positions",
    (mode) => {
      fc.assert(
        fc.property(images, fc.nat(), (shape, seed) => {
          const features = shape[1];
          const make = (axis: number): BatchNorm =>
            settle(new BatchNorm({ features, axis, dtype: "float64" }), [7, features], new Random(seed));
          const first = make(1);
          const x = ordinary(shape, new Random(seed).fork("x"));
          const dy = anyGradient(x, new Random(seed).fork("dy"));
          const flat: Shape = [shape[0], features, shape[2] * shape[3]];
          const straight = first.forward(x, { mode, kernels });
          const back = straight.backward(dy);
          for (const [axis, arrange] of [
            [-1, channelsLast],
            [1, (tensor: Tensor) => tensor.reshape(flat)],
          ] as const) {
            const other = make(axis);
            const forward = other.forward(arrange(x), { mode, kernels });
            expectClose("output", forward.output.data, arrange(straight.output).data, 1e-13);
            const otherBack = forward.backward(arrange(dy));
            expectClose("gradInput", otherBack.gradInput.data, arrange(back.gradInput).data, 1e-12);
            const dgamma = otherBack.gradients.get(other.gamma!)!.data;
            expectClose("dgamma", [...dgamma, 1], [...back.gradients.get(first.gamma!)!.data, 1], 1e-12);
            expectClose("runningVariance", other.runningVariance.values, first.runningVariance.values, 1e-13);
          }
        }),
      );
    },
  );

  it("computes a row and its gradient independently of other rows in inference, but not in training", () => {
    fc.assert(
      fc.property(situations, (situation) => {
        fc.pre(situation.axis > 0 && situation.shape[0]! > 1);
        const { norm, x, dy } = ready(situation);
        const whole = norm.forward(x, { mode: "inference", kernels });
        const dx = whole.backward(dy).gradInput;
        for (let row = 0; row < x.shape[0]!; row++) {
          const alone = norm.forward(x.rows([row]), { mode: "inference", kernels });
          expectBits(`row ${row}`, alone.output.data, whole.output.rows([row]).data);
          expectBits(`dx of row ${row}`, alone.backward(dy.rows([row])).gradInput.data, dx.rows([row]).data);
        }
        const changed = x.copy();
        changed.data[0]! += 1;
        const last = [x.shape[0]! - 1];
        const [before, after] = [x, changed].map(
          (input) => norm.forward(input, { mode: "probe", kernels }).output.rows(last).data,
        );
        expect([...after!]).not.toEqual([...before!]);
      }),
    );
  });

  it.each([1, 3])("confines NaN and infinity to their feature, forward and backward (%i positions)", (positions) => {
    const shape: Shape = [6, 4, positions];
    for (const bad of [NaN, Infinity]) {
      for (const mode of batchModes) {
        const clean = ready({ shape, axis: 1, seed: 5 });
        const spoiled = ready({ shape, axis: 1, seed: 5 });
        spoiled.x.data[2 * positions] = bad; // feature 2 of row 0
        const [one, two] = [clean, spoiled].map(({ norm, x, dy }) => {
          const { output, backward } = norm.forward(x, { mode, kernels });
          return { output, back: backward(dy) };
        });
        const unlike = (a: Tensor, b: Tensor): number[] => {
          const features = new Set<number>();
          a.data.forEach((value, i) => {
            if (!Object.is(value, b.data[i])) features.add(Math.floor(i / positions) % 4);
          });
          return [...features];
        };
        expect(unlike(one!.output, two!.output)).toEqual([2]);
        expect(unlike(one!.back.gradInput, two!.back.gradInput)).toEqual([2]);
        expect([...spoiled.norm.runningMean.values].map(Number.isFinite)).toEqual([true, true, mode === "probe", true]);
      }
    }
  });

  it.each([
    ["a mean of 1e4 beside a deviation of 1e-2", 1e4, 1e-2],
    ["huge values", 0, 1e30],
    ["tiny values", 0, 1e-30],
  ])("normalizes %s in float32 as in double precision", (_, mean, std) => {
    const x = Tensor.normal([64, 3], { random: new Random(6), mean, std });
    const dy = anyGradient(x, new Random(7));
    const results = (["float32", "float64"] as const).map((dtype) => {
      const norm = new BatchNorm({ features: 3, epsilon: 0, dtype });
      const { output, backward } = norm.forward(x.cast(dtype), { mode: "train", kernels });
      return { norm, output: output.data, gradInput: backward(dy.cast(dtype)).gradInput.data };
    });
    const [narrow, wide] = results as [(typeof results)[0], (typeof results)[0]];
    expect(varianceOf(Array.from(wide.output).filter((__, i) => i % 3 === 0))).toBeCloseTo(1, 10);
    expectClose("output", narrow.output, wide.output, 1e-6);
    expectClose("gradInput", narrow.gradInput, wide.gradInput, 1e-6);
    expectBits("runningMean", narrow.norm.runningMean.values, wide.norm.runningMean.values);
    expectBits("runningVariance", narrow.norm.runningVariance.values, wide.norm.runningVariance.values);
  });

  it.each([0, 1e-5])("normalizes a constant feature to beta with a finite gradient, at epsilon %d", (epsilon) => {
    for (const value of [0, 0.1, -12345.678, 3e30]) {
      const norm = settle(new BatchNorm({ features: 3, epsilon }), [5, 3], new Random(8), "float32");
      const x = Tensor.filled([7, 3], value);
      const { output, backward } = norm.forward(x, { mode: "train", kernels });
      for (let row = 0; row < 7; row++) expectBits("output", output.rows([row]).data, norm.beta!.value.data);
      const { gradInput, gradients } = backward(anyGradient(x, new Random(9)));
      expect(gradInput.data.every(Number.isFinite)).toBe(true);
      expect([...gradients.get(norm.gamma!)!.data]).toEqual([0, 0, 0]);
    }
  });
});
