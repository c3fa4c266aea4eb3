/** Batch normalization of both kernel sets: against the reference, and where float32 has few digits to spare. */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import type { Kernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import type { ChannelView } from "../../src/core/shape.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";
import * as reference from "../support/reference.js";

/** Rows and planes of each size, beside sizes that are no multiple of a vector. */
const views: readonly ChannelView[] = sizes.flatMap((size, i) => [
  { outer: 7, channels: size, inner: 1 },
  { outer: size + 1, channels: 5, inner: 1 },
  { outer: 3, channels: 3, inner: size },
  { outer: size, channels: sizes[(i * 7 + 3) % sizes.length]!, inner: 3 },
]);

/** Views that do not pass in one piece: many rows, many channels of few rows, planes in groups, and planes larger than a piece. */
const largeViews: readonly ChannelView[] = [
  { outer: 61_700, channels: 17, inner: 1 },
  { outer: 3, channels: 45_000, inner: 1 },
  { outer: 130, channels: 3, inner: 400 },
  { outer: 9000, channels: 5, inner: 3 },
  { outer: 1, channels: 2, inner: 132_000 },
];

/** gamma and beta, one of them, none. */
const options = [
  { gamma: true, beta: true },
  { gamma: true, beta: false },
  { gamma: false, beta: true },
  { gamma: false, beta: false },
] as const;

interface Problem {
  readonly view: ChannelView;
  readonly x: Floats;
  readonly dy: Floats;
  readonly gamma: Floats | undefined;
  readonly beta: Floats | undefined;
}

function problem(random: Random, dtype: DType, view: ChannelView, { gamma, beta }: (typeof options)[number]): Problem {
  const size = view.outer * view.channels * view.inner;
  return {
    view,
    x: randomFloats(random, dtype, size),
    dy: randomFloats(random, dtype, size),
    gamma: gamma ? randomFloats(random, dtype, view.channels) : undefined,
    beta: beta ? randomFloats(random, dtype, view.channels) : undefined,
  };
}

/** Runs the forward pass into fresh arrays. */
function forward(kernels: Kernels, { view, x, gamma, beta }: Omit<Problem, "dy">, dtype: DType, epsilon: number) {
  const y = unwritten(dtype, x.length);
  const [mean, variance, rstd] = [0, 1, 2].map(() => new Float64Array(view.channels).fill(NaN)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  kernels.batchNormForward({ view, x, gamma, beta, epsilon, y, mean, variance, rstd });
  return { y, mean, variance, rstd };
}

/** Runs a backward pass into fresh arrays. */
function backward(
  kernels: Kernels,
  name: "batchNormBackward" | "normalizeBackward",
  { view, x, dy, gamma }: Omit<Problem, "beta">,
  { mean, rstd }: { readonly mean: Float64Array; readonly rstd: Float64Array },
  dtype: DType,
) {
  const dx = unwritten(dtype, x.length);
  const [dgamma, dbeta] = [unwritten(dtype, view.channels), unwritten(dtype, view.channels)];
  kernels[name]({ view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta });
  return { dx, dgamma, dbeta };
}

const print = ({ outer, channels, inner }: ChannelView): string => `[${outer}, ${channels}, ${inner}]`;

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  function compare(one: Problem, epsilon: number, within: number): void {
    const { view, x } = one;
    const what = print(view);
    const statistics = reference.statistics(view, x, epsilon);
    const result = forward(kernels, one, dtype, epsilon);
    expectClose(`mean of ${what}`, result.mean, statistics.mean, 1e-13);
    expectClose(`variance of ${what}`, result.variance, statistics.variance, 1e-13);
    expectClose(`rstd of ${what}`, result.rstd, statistics.rstd, 1e-13);
    expectClose(`y of ${what}`, result.y, reference.normalize({ ...one, ...statistics }), within);

    const y = unwritten(dtype, x.length);
    kernels.normalize({ ...one, ...statistics, y });
    expectClose(`normalized ${what}`, y, reference.normalize({ ...one, ...statistics }), within);

    for (const name of ["batchNormBackward", "normalizeBackward"] as const) {
      const gradients = backward(kernels, name, one, statistics, dtype);
      const expected = reference.normalizeBackward({ ...one, ...statistics }, name === "batchNormBackward");
      // The two terms of dx nearly cancel where a channel has two values: what may be lost is a part of the first.
      const first = reference.normalizeBackward({ ...one, ...statistics }, false).dx;
      expectClose(`dx of ${name} ${what}`, [...gradients.dx, ...first], [...expected.dx, ...first], within);
      expectClose(`dgamma of ${name} ${what}`, gradients.dgamma, expected.dgamma, within);
      expectClose(`dbeta of ${name} ${what}`, gradients.dbeta, expected.dbeta, within);
    }
  }

  it("agrees with the reference at sizes around the vector", () => {
    const random = new Random(1);
    views.forEach((view, i) => {
      compare(problem(random, dtype, view, options[i % options.length]!), 1e-5, tolerance);
    });
  });

  it("writes no more than it is asked for", () => {
    const random = new Random(3);
    const view = { outer: 5, channels: 3, inner: 1 };
    const one = problem(random, dtype, view, options[0]);
    const { mean, rstd } = reference.statistics(view, one.x, 1e-5);
    const before = [one.x, one.dy, one.gamma!, mean, rstd].map((array) => array.slice());
    kernels.batchNormBackward({ ...one, mean, rstd, dx: unwritten(dtype, 15) });
    [one.x, one.dy, one.gamma!, mean, rstd].forEach((array, i) => {
      expectBits(`input ${i}`, array, before[i]!);
    });
  });

  it.each([1, 4])("loses no digits to a mean of 1e4 beside a deviation of 0.01, inner %i", (inner) => {
    const random = new Random(4);
    const view = { outer: 64, channels: 6, inner };
    const size = 64 * 6 * inner;
    const x = unwritten(dtype, size).map(() => random.normal(1e4, 1e-2));
    const one = { ...problem(random, dtype, view, options[0]), x };
    const statistics = reference.statistics(view, x, 1e-12);
    const result = forward(kernels, one, dtype, 1e-12);
    expectClose("mean", result.mean, statistics.mean, 1e-15);
    expectClose("variance", result.variance, statistics.variance, 1e-9);
    expectClose("y", result.y, reference.normalize({ ...one, ...statistics }), 1e-6);
    const gradients = backward(kernels, "batchNormBackward", one, statistics, dtype);
    const expected = reference.normalizeBackward({ ...one, ...statistics }, true);
    expectClose("dx", gradients.dx, expected.dx, 1e-6);
    expectClose("dgamma", gradients.dgamma, expected.dgamma, 1e-6);
  });

  it.each([1, 3])("finds exactly the value and 0 as mean and variance of a constant channel, inner %i", (inner) => {
    for (const value of [0, 0.1, -12345.678, 1e-30, 3e30, dtype === "float32" ? 1e-40 : 1e-310]) {
      for (const outer of [1, 2, 5, 7, 64, 1000]) {
        const view = { outer, channels: 3, inner };
        const x = unwritten(dtype, outer * 3 * inner).fill(value);
        const { y, mean, variance, rstd } = forward(kernels, { view, x, gamma: undefined, beta: undefined }, dtype, 0);
        expect([...mean], `mean of ${outer} times ${value}`).toEqual([x[0], x[0], x[0]]);
        expect([...variance]).toEqual([0, 0, 0]);
        expect([...rstd]).toEqual([0, 0, 0]);
        expect(y.every((each) => each === 0)).toBe(true);
      }
    }
  });

  it.each([1, 4])("keeps NaN and infinities in their channel, inner %i", (inner) => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const random = new Random(5);
      const view = { outer: 9, channels: 5, inner };
      const one = problem(random, dtype, view, options[0]);
      const clean = forward(kernels, one, dtype, 1e-5).y;
      const badChannel = 2;
      for (const at of [(0 * 5 + badChannel) * inner, (4 * 5 + badChannel) * inner]) {
        const x = one.x.slice();
        x[at] = bad;
        const { y, rstd } = forward(kernels, { ...one, x }, dtype, 1e-5);
        expect([...rstd].map((value) => Number.isNaN(value))).toEqual([false, false, true, false, false]);
        y.forEach((value, i) => {
          const channel = Math.floor(i / inner) % 5;
          expect(value, `y[${i}]`).toBe(channel === badChannel ? NaN : clean[i]);
        });
      }
    }
  });

  it.each([
    ["tiny", 1e-30],
    ["too small to square", 1e-36],
    ["subnormal", 1e-43],
    ["huge", 1e30],
    ["near overflow", 1e37],
  ])("normalizes values that are %s (%d) with epsilon 0", (_, scale) => {
    for (const inner of [1, 5]) {
      const random = new Random(6);
      const view = { outer: 16, channels: 3, inner };
      const one = problem(random, dtype, view, options[0]);
      const x = one.x.map((value) => value * scale);
      const statistics = reference.statistics(view, x, 0);
      const { y, rstd } = forward(kernels, { ...one, x }, dtype, 0);
      expectClose("rstd", rstd, statistics.rstd, 1e-13);
      expectClose("y", y, reference.normalize({ ...one, x, ...statistics }), tolerance);
      const gradients = backward(kernels, "batchNormBackward", { ...one, x }, statistics, dtype);
      const expected = reference.normalizeBackward({ ...one, x, ...statistics }, true);
      // in float32 the gradient of subnormal values overflows, in both
      const rounded = dtype === "float32" ? Float32Array.from(expected.dx) : expected.dx;
      if (rounded.every((value) => Number.isFinite(value))) expectClose("dx", gradients.dx, rounded, tolerance);
      else expect(gradients.dx.some((value) => !Number.isFinite(value))).toBe(true);
      expectClose("dgamma", gradients.dgamma, expected.dgamma, tolerance);
    }
  });

  it("gives a row the same bits whichever rows stand beside it, with given statistics", () => {
    const random = new Random(7);
    const view = { outer: 11, channels: 9, inner: 1 };
    const one = problem(random, dtype, view, options[0]);
    const statistics = reference.statistics(view, one.x, 1e-5);
    const all = unwritten(dtype, 99);
    kernels.normalize({ ...one, ...statistics, y: all });
    for (let row = 0; row < 11; row++) {
      const y = unwritten(dtype, 9);
      const x = one.x.slice(row * 9, row * 9 + 9);
      kernels.normalize({ ...one, ...statistics, view: { ...view, outer: 1 }, x, y });
      expectBits(`row ${row}`, y, all.subarray(row * 9, row * 9 + 9));
    }
  });
});

describe.each(["float32", "float64"] as const)("wasm %s", (dtype) => {
  it.each(largeViews)("agrees with the plain kernels on [$outer, $channels, $inner], more than one piece", (view) => {
    const one = problem(new Random(8), dtype, view, options[0]);
    const tolerance = 2 * tolerances[dtype].parity;
    const [wasm, plain] = [wasmKernels(), plainKernels].map((kernels) => forward(kernels, one, dtype, 1e-5));
    for (const name of ["mean", "variance", "rstd"] as const) expectClose(name, wasm![name], plain![name], 1e-13);
    expectClose("y", wasm!.y, plain!.y, tolerance);
    const [given, plainGiven] = [wasmKernels(), plainKernels].map((kernels) => {
      const y = unwritten(dtype, one.x.length);
      kernels.normalize({ ...one, ...plain!, y });
      return y;
    });
    expectClose("normalized", given!, plainGiven!, tolerance);
    for (const name of ["batchNormBackward", "normalizeBackward"] as const) {
      const [wasmGradients, plainGradients] = [wasmKernels(), plainKernels].map((kernels) =>
        backward(kernels, name, one, plain!, dtype),
      );
      for (const key of ["dx", "dgamma", "dbeta"] as const) {
        expectClose(`${key} of ${name}`, wasmGradients![key], plainGradients![key], tolerance);
      }
    }
  });
});
