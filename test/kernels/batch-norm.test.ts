/**
 * Batch normalization: closed forms at every view for both kernel sets, the WebAssembly set and float32 against plain float64,
 * and values for which float32 has few digits to spare.
 */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import type { Kernels } from "../../src/kernels/types.js";
import { reciprocalStd } from "../../src/kernels/plain/batch-norm.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { beyondSingle, tooLargeForSingle } from "../../src/kernels/wasm/batch-norm.js";
import { type Wasm, wasmOrRefusal } from "../../src/kernels/wasm/instance.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import type { ChannelView } from "../../src/core/shape.js";
import { expectBits, expectClose } from "../support/close.js";
import {
  comparedCases,
  inDoubles,
  kernelCases,
  randomFloats,
  sizes,
  unwritten,
  wasmAtEverySize,
} from "../support/kernel-sets.js";

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

interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly rstd: Float64Array;
}

function unwrittenStatistics(channels: number): Statistics {
  const [mean, variance, rstd] = [0, 1, 2].map(() => new Float64Array(channels).fill(NaN));
  return { mean: mean!, variance: variance!, rstd: rstd! };
}

/** The statistics by `moments`, in fresh arrays. */
function statisticsOf(kernels: Kernels, view: ChannelView, x: Floats, epsilon: number): Statistics {
  const statistics = unwrittenStatistics(view.channels);
  kernels.moments({ view, x, ...statistics });
  reciprocalStd({ ...statistics, epsilon });
  return statistics;
}

/** Runs the forward pass into fresh arrays. */
function forward(kernels: Kernels, { view, x, gamma, beta }: Omit<Problem, "dy">, dtype: DType, epsilon: number) {
  const outputs = { y: unwritten(dtype, x.length), ...unwrittenStatistics(view.channels) };
  kernels.batchNormForward({ view, x, gamma, beta, epsilon, ...outputs });
  return outputs;
}

/** Normalizes into a fresh array. */
function normalize(kernels: Kernels, one: Omit<Problem, "dy">, statistics: Statistics, dtype: DType): Floats {
  const y = unwritten(dtype, one.x.length);
  kernels.normalize({ ...one, ...statistics, y });
  return y;
}

/** Runs a backward pass into fresh arrays. */
function backward(
  kernels: Kernels,
  name: "batchNormBackward" | "normalizeBackward",
  { view, x, dy, gamma }: Omit<Problem, "beta">,
  { mean, rstd }: Statistics,
  dtype: DType,
) {
  const dx = unwritten(dtype, x.length);
  const [dgamma, dbeta] = [unwritten(dtype, view.channels), unwritten(dtype, view.channels)];
  kernels[name]({ view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta });
  return { dx, dgamma, dbeta };
}

/** The channel of the value at an index, and its number in the channel. */
function placeOf({ channels, inner }: ChannelView, at: number): { c: number; j: number } {
  const row = Math.floor(at / inner);
  return { c: row % channels, j: Math.floor(row / channels) * inner + (at % inner) };
}

const print = ({ outer, channels, inner }: ChannelView): string => `[${outer}, ${channels}, ${inner}]`;

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  /** Values 0, 1, ... M - 1, moved by half the channel's number: mean (M - 1) / 2 and variance (M² - 1) / 12, without round-off. */
  it("has the closed forms of an arithmetic progression at sizes around the vector", () => {
    const random = new Random(1);
    const epsilon = 0.25;
    views.forEach((view, i) => {
      const m = view.outer * view.inner;
      const one = problem(random, dtype, view, options[i % options.length]!);
      const places = Array.from(one.x, (_, at) => placeOf(view, at));
      const x = one.x.map((_, at) => places[at]!.c / 2 + places[at]!.j);
      const what = print(view);
      const statistics = statisticsOf(kernels, view, x, epsilon);
      const rstd = 1 / Math.sqrt((m * m - 1) / 12 + epsilon);
      const perChannel = statistics.mean.map((_, c) => c);
      expectBits(
        `mean of ${what}`,
        statistics.mean,
        perChannel.map((c) => c / 2 + (m - 1) / 2),
      );
      expectBits(`variance of ${what}`, statistics.variance, perChannel.fill((m * m - 1) / 12));

      const result = forward(kernels, { ...one, x }, dtype, epsilon);
      for (const name of ["mean", "variance", "rstd"] as const) {
        expectBits(`${name} of ${what}`, result[name], statistics[name]);
      }
      const xhat = (j: number): number => (j - (m - 1) / 2) * rstd;
      const y = places.map(({ c, j }) => (one.gamma?.[c] ?? 1) * xhat(j) + (one.beta?.[c] ?? 0));
      const tolerance = tolerances[dtype].parity;
      expectClose(`y of ${what}`, result.y, y, tolerance);
      expectClose(`normalized ${what}`, normalize(kernels, { ...one, x }, statistics, dtype), y, tolerance);

      // dy is c + 1 at value k of channel c, else 0: dx is a column of the Jacobian
      const k = (c: number): number => c % m;
      const dy = one.dy.map((_, at) => (places[at]!.j === k(places[at]!.c) ? places[at]!.c + 1 : 0));
      const first = places.map(({ c, j }) => (one.gamma?.[c] ?? 1) * rstd * (j === k(c) ? c + 1 : 0));
      const others = places.map(
        ({ c, j }) => (((one.gamma?.[c] ?? 1) * rstd * (c + 1)) / m) * (1 + xhat(j) * xhat(k(c))),
      );
      const dgamma = Array.from(statistics.mean, (_, c) => (c + 1) * xhat(k(c)));
      const dbeta = Array.from(statistics.mean, (_, c) => c + 1);
      for (const name of ["batchNormBackward", "normalizeBackward"] as const) {
        const gradients = backward(kernels, name, { ...one, x, dy }, statistics, dtype);
        const dx = name === "batchNormBackward" ? first.map((value, at) => value - others[at]!) : first;
        expectClose(`dx of ${name} ${what}`, [...gradients.dx, ...first], [...dx, ...first], 2 * tolerance);
        expectClose(`dgamma of ${name} ${what}`, [...gradients.dgamma, 1], [...dgamma, 1], tolerance);
        expectBits(`dbeta of ${name} ${what}`, gradients.dbeta, dbeta);
      }
    });
  });

  it.each([1, 4])("finds the variance beside a mean of 10,000 without round-off, inner %i", (inner) => {
    const view = { outer: 64, channels: 5, inner };
    const m = 64 * inner;
    // steps of 2^-8: every number is one of float32
    const x = unwritten(dtype, 5 * m).map((_, at) => 10_000 + placeOf(view, at).j / 256);
    const { mean, variance } = statisticsOf(kernels, view, x, 0);
    expectBits("mean", mean, new Float64Array(5).fill(10_000 + (m - 1) / 512));
    expectBits("variance", variance, new Float64Array(5).fill((m * m - 1) / 12 / 2 ** 16));
  });

  it("leaves the inputs as they were, and computes dx without dgamma and dbeta", () => {
    const random = new Random(3);
    const view = { outer: 5, channels: 3, inner: 1 };
    const one = problem(random, dtype, view, options[0]);
    const { mean, rstd } = statisticsOf(plainKernels, view, one.x, 1e-5);
    const before = [one.x, one.dy, one.gamma!, mean, rstd].map((array) => array.slice());
    kernels.batchNormBackward({ ...one, mean, rstd, dx: unwritten(dtype, 15) });
    [one.x, one.dy, one.gamma!, mean, rstd].forEach((array, i) => {
      expectBits(`input ${i}`, array, before[i]!);
    });
  });

  it.each([1, 3])("finds exactly the value and 0 as mean and variance of a constant channel, inner %i", (inner) => {
    for (const value of [0, 0.1, -12345.678, 1e-30, 3e30, dtype === "float32" ? 1e-40 : 1e-310]) {
      for (const outer of [1, 2, 5, 7, 64, 1000]) {
        const view = { outer, channels: 3, inner };
        const x = unwritten(dtype, outer * 3 * inner).fill(value);
        const { y, mean, variance, rstd } = forward(kernels, { view, x, gamma: undefined, beta: undefined }, dtype, 0);
        expect([...mean], `mean of ${outer} times ${value}`).toEqual([x[0], x[0], x[0]]);
        expect([...variance]).toEqual([0, 0, 0]);
        const alone = statisticsOf(kernels, view, x, 0);
        for (const name of ["mean", "variance"] as const) expectBits(name, alone[name], { mean, variance }[name]);
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
        const { y, rstd, ...statistics } = forward(kernels, { ...one, x }, dtype, 1e-5);
        const alone = statisticsOf(kernels, view, x, 1e-5);
        for (const name of ["mean", "variance"] as const) expectBits(name, alone[name], statistics[name]);
        expect([...alone.variance].map((value) => Number.isNaN(value))).toEqual([false, false, true, false, false]);
        expect([...rstd].map((value) => Number.isNaN(value))).toEqual([false, false, true, false, false]);
        y.forEach((value, i) => {
          const channel = Math.floor(i / inner) % 5;
          expect(value, `y[${i}]`).toBe(channel === badChannel ? NaN : clean[i]);
        });
      }
    }
  });

  it("gives a row the same bits whichever rows stand beside it, with given statistics", () => {
    const random = new Random(7);
    const view = { outer: 11, channels: 9, inner: 1 };
    const one = problem(random, dtype, view, options[0]);
    const statistics = statisticsOf(plainKernels, view, one.x, 1e-5);
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

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it("agrees with the plain set at sizes around the vector", () => {
    const random = new Random(1);
    views.forEach((view, i) => {
      const one = problem(random, dtype, view, options[i % options.length]!);
      const doubles = inDoubles(one);
      const what = print(view);
      const statistics = statisticsOf(plainKernels, view, doubles.x, 1e-5);
      const alone = statisticsOf(kernels, view, one.x, 1e-5);
      const result = forward(kernels, one, dtype, 1e-5);
      for (const name of ["mean", "variance", "rstd"] as const) {
        expectClose(`${name} of ${what}`, result[name], statistics[name], 1e-13);
        expectBits(`${name} of ${what} by moments`, alone[name], result[name]);
      }
      const y = normalize(plainKernels, doubles, statistics, "float64");
      expectClose(`y of ${what}`, result.y, y, tolerance);
      expectClose(`normalized ${what}`, normalize(kernels, one, statistics, dtype), y, tolerance);

      // The two terms of dx nearly cancel where a channel has two values: what may be lost is a part of the first.
      const first = backward(plainKernels, "normalizeBackward", doubles, statistics, "float64").dx;
      for (const name of ["batchNormBackward", "normalizeBackward"] as const) {
        const gradients = backward(kernels, name, one, statistics, dtype);
        const expected = backward(plainKernels, name, doubles, statistics, "float64");
        expectClose(`dx of ${name} ${what}`, [...gradients.dx, ...first], [...expected.dx, ...first], tolerance);
        expectClose(`dgamma of ${name} ${what}`, gradients.dgamma, expected.dgamma, tolerance);
        expectClose(`dbeta of ${name} ${what}`, gradients.dbeta, expected.dbeta, tolerance);
      }
    });
  });

  it.each([1, 4])("loses no digits to a mean of 1e4 beside a deviation of 0.01, inner %i", (inner) => {
    const random = new Random(4);
    const view = { outer: 64, channels: 6, inner };
    const size = 64 * 6 * inner;
    const x = unwritten(dtype, size).map(() => random.normal(1e4, 1e-2));
    const one = { ...problem(random, dtype, view, options[0]), x };
    const doubles = inDoubles(one);
    const statistics = statisticsOf(plainKernels, view, doubles.x, 1e-12);
    const result = forward(kernels, one, dtype, 1e-12);
    expectClose("mean", result.mean, statistics.mean, 1e-15);
    expectClose("variance", result.variance, statistics.variance, 1e-9);
    expectClose("y", result.y, normalize(plainKernels, doubles, statistics, "float64"), 1e-6);
    const gradients = backward(kernels, "batchNormBackward", one, statistics, dtype);
    const expected = backward(plainKernels, "batchNormBackward", doubles, statistics, "float64");
    expectClose("dx", gradients.dx, expected.dx, 1e-6);
    expectClose("dgamma", gradients.dgamma, expected.dgamma, 1e-6);
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
      const ordinary = problem(random, dtype, view, options[0]);
      const one = { ...ordinary, x: ordinary.x.map((value) => value * scale) };
      const doubles = inDoubles(one);
      const statistics = statisticsOf(plainKernels, view, doubles.x, 0);
      const { y, rstd } = forward(kernels, one, dtype, 0);
      expectClose("rstd", rstd, statistics.rstd, 1e-13);
      expectClose("y", y, normalize(plainKernels, doubles, statistics, "float64"), tolerance);
      const gradients = backward(kernels, "batchNormBackward", one, statistics, dtype);
      const expected = backward(plainKernels, "batchNormBackward", doubles, statistics, "float64");
      // in float32 the gradient of subnormal values overflows, in both
      const rounded = dtype === "float32" ? Float32Array.from(expected.dx) : expected.dx;
      if (rounded.every((value) => Number.isFinite(value))) expectClose("dx", gradients.dx, rounded, tolerance);
      else expect(gradients.dx.some((value) => !Number.isFinite(value))).toBe(true);
      expectClose("dgamma", gradients.dgamma, expected.dgamma, tolerance);
    }
  });
});

it.each([2 ** -300, 2 ** 300])("the plain set in float64 gives the bits of values of any size times %d", (scale) => {
  const view = { outer: 16, channels: 3, inner: 5 };
  const one = problem(new Random(6), "float64", view, options[0]);
  const scaled = { ...one, x: one.x.map((value) => value * scale) };
  const [ordinary, moved] = [one, scaled].map((each) => forward(plainKernels, each, "float64", 0));
  expectBits(
    "mean",
    moved!.mean,
    ordinary!.mean.map((value) => value * scale),
  );
  expectBits(
    "rstd",
    moved!.rstd,
    ordinary!.rstd.map((value) => value / scale),
  );
  expectBits("y", moved!.y, ordinary!.y);
  const dx = backward(plainKernels, "batchNormBackward", one, ordinary!, "float64").dx;
  const { dx: movedDx, dgamma } = backward(plainKernels, "batchNormBackward", scaled, moved!, "float64");
  expectBits(
    "dx",
    movedDx,
    dx.map((value) => value / scale),
  );
  expectBits("dgamma", dgamma, backward(plainKernels, "batchNormBackward", one, ordinary!, "float64").dgamma);
});

describe.each(["float32", "float64"] as const)("wasm %s", (dtype) => {
  it.each(largeViews)("agrees with the plain kernels on [$outer, $channels, $inner], more than one piece", (view) => {
    const one = problem(new Random(8), dtype, view, options[0]);
    const tolerance = 2 * tolerances[dtype].parity;
    const [wasm, plain] = [wasmKernels(), plainKernels].map((kernels) => forward(kernels, one, dtype, 1e-5));
    const alone = statisticsOf(wasmKernels(), view, one.x, 1e-5);
    for (const name of ["mean", "variance", "rstd"] as const) {
      expectClose(name, wasm![name], plain![name], 1e-13);
      expectBits(`${name} by moments`, alone[name], wasm![name]);
    }
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

it("passes tensors larger than the memory of the module through it in pieces", () => {
  const kernels = wasmKernels();
  const view = { outer: 16, channels: 2 ** 18, inner: 1 };
  const { outer, channels } = view;
  // Channel c is c - 1, c + 1, c - 1, ...: mean c, variance 1. dy is orthogonal to 1 and to xhat: dx is dy.
  const [xhat, dy] = [1, 2].map((run) =>
    Float64Array.from({ length: outer * channels }, (_, i) => (Math.floor(i / channels / run) % 2 === 0 ? -1 : 1)),
  ) as [Floats, Floats];
  const x = xhat.map((value, i) => (i % channels) + value);
  const same = (a: Floats, b: Floats): boolean => a.every((value, i) => value === b[i]);
  const means = Float64Array.from({ length: channels }, (_, c) => c);

  const { y, mean, variance, rstd } = forward(kernels, { view, x, gamma: undefined, beta: undefined }, "float64", 0);
  const alone = statisticsOf(kernels, view, x, 0);
  for (const each of [mean, alone.mean]) expect(same(each, means)).toBe(true);
  for (const each of [variance, alone.rstd, rstd]) expect(each.every((value) => value === 1)).toBe(true);
  expect(same(y, xhat)).toBe(true);
  const { dx } = backward(kernels, "batchNormBackward", { view, x, dy, gamma: undefined }, { mean, variance, rstd }, "float64"); // prettier-ignore
  expect(same(dx, dy)).toBe(true);
});

it("float32 holds the normal numbers, with a bit in reserve above, and no factor between 0 and the least of them", () => {
  const within = [0, -0, 2 ** -126, 1, 2 ** 127, NaN];
  const beyond = [2 ** -127, 2 ** -126 * (1 - 2 ** -53), 2 ** -149, 2 ** 127 * (1 + 2 ** -52), 2 ** 128, Infinity];
  for (const sign of [1, -1]) {
    for (const factor of within) expect(beyondSingle(sign * factor), `${sign * factor}`).toBe(false);
    for (const factor of beyond) expect(beyondSingle(sign * factor), `${sign * factor}`).toBe(true);
    for (const mean of [0, 2 ** -149, 1, 2 ** 127, Infinity, NaN]) expect(tooLargeForSingle(sign * mean)).toBe(false);
    for (const mean of [2 ** 127 * (1 + 2 ** -52), 2 ** 128, 1e308]) expect(tooLargeForSingle(sign * mean)).toBe(true);
  }
});

it.each(["batchNormBackward", "normalizeBackward"] as const)("%s over dy has the bits of dx elsewhere", (name) => {
  const view = { outer: 3, channels: 90_000, inner: 1 };
  const one = problem(new Random(9), "float32", view, options[0]);
  const ordinary = statisticsOf(plainKernels, view, one.x, 1e-5);
  // A factor beyond float32 in the last channel, which is found when others could have been written.
  const beyond = { ...ordinary, rstd: ordinary.rstd.map((value, c) => (c === view.channels - 1 ? 1e39 : value)) };
  for (const [set, statistics] of [
    [wasmKernels(), ordinary],
    [plainKernels, beyond],
  ] as const) {
    const expected = backward(set, name, one, statistics, "float32");
    const dx = one.dy.slice();
    const [dgamma, dbeta] = [unwritten("float32", view.channels), unwritten("float32", view.channels)];
    wasmKernels()[name]({ ...one, ...statistics, dy: dx, dx, dgamma, dbeta });
    for (const [key, values] of Object.entries({ dx, dgamma, dbeta })) {
      expectBits(key, values, expected[key as keyof typeof expected]);
    }
  }
});

it.each(["float32", "float64"] as const)("has the same bits on resident tensors of several pieces, in %s", (dtype) => {
  const { memory } = wasmOrRefusal() as Wasm;
  for (const view of [
    { outer: 130, channels: 3, inner: 400 },
    { outer: 1, channels: 2, inner: 132_000 },
  ]) {
    const one = problem(new Random(10), dtype, view, options[0]);
    const { y, ...statistics } = forward(wasmAtEverySize, one, dtype, 1e-5);
    const { dx, dgamma } = backward(wasmAtEverySize, "batchNormBackward", one, statistics, dtype);
    const [x, dy, out] = [one.x, one.dy, y].map((values) => {
      const array = memory.take(dtype, values.length)!;
      array.set(values);
      return array;
    }) as [Floats, Floats, Floats];
    wasmAtEverySize.batchNormForward({
      ...one,
      x,
      epsilon: 1e-5,
      ...unwrittenStatistics(view.channels),
      y: out.fill(0),
    });
    expectBits("y", out, y);
    const gradients = { dgamma: unwritten(dtype, view.channels), dbeta: unwritten(dtype, view.channels) };
    wasmAtEverySize.batchNormBackward({ ...one, ...statistics, x, dy, dx: out.fill(0), ...gradients });
    expectBits("dx", out, dx);
    expectBits("dgamma", gradients.dgamma, dgamma);
    for (const array of [x, dy, out]) memory.give(array);
  }
});
