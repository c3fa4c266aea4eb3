/** Group normalization of both kernel sets against the reference. */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/ground/numbers.js";
import { Random } from "../../src/ground/random.js";
import type { Kernels } from "../../src/kernels/kernels.js";
import { plainKernels } from "../../src/kernels/plain.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { expectClose } from "../support/close.js";
import { kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";
import * as reference from "../support/reference.js";

interface Problem {
  readonly samples: number;
  readonly groups: number;
  readonly channels: number;
  readonly inner: number;
  readonly x: Floats;
  readonly dy: Floats;
  readonly gamma: Floats | undefined;
  readonly beta: Floats | undefined;
}

function problem(
  dtype: DType,
  [samples, groups, perGroup, inner]: readonly [number, number, number, number],
  affine = true,
): Problem {
  const random = new Random(1).fork(`${samples} ${groups} ${perGroup} ${inner}`);
  const channels = groups * perGroup;
  const size = samples * channels * inner;
  return {
    ...{ samples, groups, channels, inner },
    x: randomFloats(random, dtype, size),
    dy: randomFloats(random, dtype, size),
    gamma: affine ? randomFloats(random, dtype, channels) : undefined,
    beta: affine ? randomFloats(random, dtype, channels) : undefined,
  };
}

function run(kernels: Kernels, dtype: DType, one: Problem, epsilon: number) {
  const rows = one.samples * one.groups;
  const y = unwritten(dtype, one.x.length);
  const [mean, rstd] = [new Float64Array(rows).fill(NaN), new Float64Array(rows).fill(NaN)];
  kernels.groupNormForward({ ...one, epsilon, y, mean, rstd });
  const dx = unwritten(dtype, one.x.length);
  const [dgamma, dbeta] = [unwritten(dtype, one.channels), unwritten(dtype, one.channels)];
  kernels.groupNormBackward({ ...one, mean, rstd, dx, dgamma, dbeta });
  return { y, mean, rstd, dx, dgamma, dbeta };
}

/** Layer normalization of rows, groups of neighboring channels, and planes, of each size. */
const shapes = sizes.flatMap((size): (readonly [number, number, number, number])[] => [
  [3, 1, size + 1, 1],
  [size, 3, 5, 1],
  [2, size, 2, 1],
  [2, 2, 3, size],
  [3, 1, size, 4],
]);

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it("agrees with the reference at sizes around the vector", () => {
    shapes.forEach((shape, i) => {
      const one = problem(dtype, shape, i % 2 === 0);
      const result = run(kernels, dtype, one, 1e-5);
      const expected = reference.groupNorm({ ...one, epsilon: 1e-5 });
      const gradients = reference.groupNormBackward({ ...one, ...expected });
      // dx is the difference of terms as large as gamma rstd dy
      const first = one.dy.map((d, at) => d * expected.rstd[Math.floor((at * expected.rstd.length) / one.x.length)]!);
      const what = `[${shape.join(", ")}]`;
      expectClose(`mean of ${what}`, result.mean, expected.mean, 1e-13);
      expectClose(`rstd of ${what}`, result.rstd, expected.rstd, 1e-13);
      expectClose(`y of ${what}`, result.y, expected.y, tolerance);
      expectClose(`dx of ${what}`, [...result.dx, ...first], [...gradients.dx, ...first], 2 * tolerance);
      expectClose(`dgamma of ${what}`, result.dgamma, gradients.dgamma, tolerance);
      expectClose(`dbeta of ${what}`, result.dbeta, gradients.dbeta, tolerance);
    });
  });

  it.each([1, 4])("loses no digits to a mean of 1e4 beside a deviation of 0.01, inner %i", (inner) => {
    const one = problem(dtype, [8, 2, 16, inner]);
    const random = new Random(2);
    const x = one.x.map(() => random.normal(1e4, 1e-2));
    const result = run(kernels, dtype, { ...one, x }, 1e-12);
    const expected = reference.groupNorm({ ...one, x, epsilon: 1e-12 });
    expectClose("y", result.y, expected.y, 1e-6);
    expectClose("dx", result.dx, reference.groupNormBackward({ ...one, x, ...expected }).dx, 1e-6);
  });

  it.each([1, 4])("normalizes a constant group to beta with epsilon 0, inner %i", (inner) => {
    const one = problem(dtype, [3, 2, 5, inner]);
    const x = one.x.slice().fill(0.1);
    const { y, mean, rstd } = run(kernels, dtype, { ...one, x }, 0);
    expect([...mean]).toEqual(new Array(6).fill(x[0]));
    expect([...rstd]).toEqual([0, 0, 0, 0, 0, 0]);
    y.forEach((value, at) => {
      expect(value).toBe(one.beta![Math.floor(at / inner) % 10]);
    });
  });

  it.each([
    [1, 1e-36],
    [4, 1e-36],
    [1, 1e36],
    [4, 1e36],
  ])("normalizes values whose squares float32 does not hold, inner %i, scale %d", (inner, scale) => {
    const one = problem(dtype, [3, 2, 5, inner]);
    const x = one.x.map((value) => value * scale);
    const expected = reference.groupNorm({ ...one, x, epsilon: 0 });
    const result = run(kernels, dtype, { ...one, x }, 0);
    expectClose("y", result.y, expected.y, tolerance);
    expectClose("dx", result.dx, reference.groupNormBackward({ ...one, x, ...expected }).dx, 4 * tolerance);
  });

  it.each([1, 4])("keeps NaN in its group, inner %i", (inner) => {
    const one = problem(dtype, [3, 2, 5, inner]);
    const clean = run(kernels, dtype, one, 1e-5).y;
    const x = one.x.slice();
    const perGroup = 5 * inner;
    x[3 * perGroup + 1] = NaN;
    run(kernels, dtype, { ...one, x }, 1e-5).y.forEach((value, at) => {
      expect(value).toBe(Math.floor(at / perGroup) === 3 ? NaN : clean[at]);
    });
  });
});

describe.each(["float32", "float64"] as const)("wasm %s", (dtype) => {
  it.each([
    [300, 1, 500, 1],
    [40, 4, 100, 9],
    [2, 1, 70_000, 2],
  ] as const)(
    "agrees with the plain kernels on samples that do not pass in one piece: [%i, %i, %i, %i]",
    (...shape) => {
      const one = problem(dtype, shape);
      const wasm = run(wasmKernels(), dtype, one, 1e-5);
      const plain = run(plainKernels, dtype, one, 1e-5);
      for (const key of ["mean", "rstd"] as const) expectClose(key, wasm[key], plain[key], 1e-13);
      for (const key of ["y", "dx", "dgamma", "dbeta"] as const) {
        expectClose(key, wasm[key], plain[key], 2 * tolerances[dtype].parity);
      }
    },
  );
});
