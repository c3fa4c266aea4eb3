/**
 * Group and layer normalization: a sample by hand, and the WebAssembly set and float32 against
 * plain float64. PyTorch holds both in test/golden/layers.test.ts.
 */
import { describe, expect, it } from "vitest";
import { type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import type { Kernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { GroupNorm, LayerNorm } from "../../src/layers/group-norm.js";
import { Tensor } from "../../src/core/tensor.js";
import { expectBits, expectClose } from "../support/close.js";
import { comparedCases, inDoubles, kernelCases, randomFloats, sizes } from "../support/kernel-sets.js";

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

/** A pass of the layer; one group of rows is what LayerNorm does. */
function run(kernels: Kernels, { samples, groups, channels, inner, x, dy, gamma, beta }: Problem, epsilon: number) {
  const shape = inner === 1 ? [samples, channels] : [samples, channels, inner];
  const input = new Tensor(x, shape);
  const [scale, center] = [gamma !== undefined, beta !== undefined];
  const options = { features: channels, epsilon, scale, center, dtype: input.dtype };
  const layer = groups === 1 && inner === 1 ? new LayerNorm(options) : new GroupNorm({ ...options, groups });
  if (gamma) layer.gamma!.update((values) => values.set(gamma));
  if (beta) layer.beta!.update((values) => values.set(beta));
  const { output, backward } = layer.forward(input, { mode: "train", kernels });
  const { gradInput, gradients } = backward(new Tensor(dy, shape));
  return { y: output.data, dx: gradInput.data, gradients: layer.parameters.map((each) => gradients.get(each)!.data) };
}

/** 1 / sqrt(variance + epsilon) of the group that holds the value at an index. */
function rstdOf({ samples, groups, x }: Problem, epsilon: number, at: number): number {
  const size = x.length / (samples * groups);
  const start = Math.floor(at / size) * size;
  const values = Array.from(x.subarray(start, start + size));
  const mean = values.reduce((sum, value) => sum + value) / size;
  return 1 / Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size + epsilon);
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
  it.each([1, 4])("normalizes a constant group to beta with epsilon 0, inner %i", (inner) => {
    const one = problem(dtype, [3, 2, 5, inner]);
    const x = one.x.slice().fill(0.1);
    run(kernels, { ...one, x }, 0).y.forEach((value, at) => {
      expect(value).toBe(one.beta![Math.floor(at / inner) % 10]);
    });
  });

  it.each([1, 4])("confines NaN to its group, inner %i", (inner) => {
    const one = problem(dtype, [3, 2, 5, inner]);
    const clean = run(kernels, one, 1e-5).y;
    const x = one.x.slice();
    const perGroup = 5 * inner;
    x[3 * perGroup + 1] = NaN;
    run(kernels, { ...one, x }, 1e-5).y.forEach((value, at) => {
      expect(value).toBe(Math.floor(at / perGroup) === 3 ? NaN : clean[at]);
    });
  });

  it("normalizes the groups [1, 2, 3] and [10, 20, 60] separately", () => {
    const floats = (values: readonly number[]): Floats =>
      dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
    const one = {
      ...{
        samples: 1,
        groups: 2,
        channels: 6,
        inner: 1,
        x: floats([1, 2, 3, 10, 20, 60]),
        dy: floats([0, 0, 6, 1, 1, 1]),
      },
      ...{ gamma: floats([1, 1, 2, 3, 3, 3]), beta: floats([0, 0, 0, 5, 5, 6]) },
    };
    const { y, dx, gradients } = run(kernels, one, 0);
    // mean 2 and variance 2/3, mean 30 and variance 1400/3
    const [r, s] = [Math.sqrt(3 / 2), Math.sqrt(3 / 1400)];
    expectClose("y", y, [-r, 0, 2 * r, 5 - 60 * s, 5 - 30 * s, 6 + 90 * s], 2 * tolerances[dtype].parity);
    // dxhat is [0, 0, 12] and [3, 3, 3], its mean 4 and 3, its mean with xhat [-r, 0, r] 4 r and 0; r² = 3/2
    expectClose("dx", dx, [2 * r, -4 * r, 2 * r, 0, 0, 0], 4 * tolerances[dtype].parity);
    expectClose("dgamma", gradients[0]!, [0, 0, 6 * r, -20 * s, -10 * s, 30 * s], 2 * tolerances[dtype].parity);
    expectBits("dbeta", gradients[1]!, one.dy);
  });
});

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  const tolerance = tolerances[dtype].parity;

  it("agrees with the plain set at sizes around the vector length", () => {
    shapes.forEach((shape, i) => {
      const one = problem(dtype, shape, i % 2 === 0);
      const result = run(kernels, one, 1e-5);
      const expected = run(plainKernels, inDoubles(one), 1e-5);
      // dx is the difference of terms as large as gamma rstd dy
      const first = one.dy.map((d, at) => d * rstdOf(one, 1e-5, at));
      const what = `[${shape.join(", ")}]`;
      expectClose(`y of ${what}`, result.y, expected.y, tolerance);
      expectClose(`dx of ${what}`, [...result.dx, ...first], [...expected.dx, ...first], 2 * tolerance);
      expected.gradients.forEach((gradient, each) => {
        expectClose(`${["dgamma", "dbeta"][each]} of ${what}`, result.gradients[each]!, gradient, tolerance);
      });
    });
  });

  it.each([1, 4])("stays accurate for a mean of 1e4 and a deviation of 0.01, inner %i", (inner) => {
    const random = new Random(2);
    const ordinary = problem(dtype, [8, 2, 16, inner]);
    const one = { ...ordinary, x: ordinary.x.map(() => random.normal(1e4, 1e-2)) };
    const result = run(kernels, one, 1e-12);
    const expected = run(plainKernels, inDoubles(one), 1e-12);
    expectClose("y", result.y, expected.y, 1e-6);
    expectClose("dx", result.dx, expected.dx, 1e-6);
  });

  it.each([
    [1, 1e-36],
    [4, 1e-36],
    [1, 1e36],
    [4, 1e36],
  ])("normalizes values whose squares overflow or underflow float32, inner %i, scale %d", (inner, scale) => {
    const ordinary = problem(dtype, [3, 2, 5, inner]);
    const one = { ...ordinary, x: ordinary.x.map((value) => value * scale) };
    const expected = run(plainKernels, inDoubles(one), 0);
    const result = run(kernels, one, 0);
    expectClose("y", result.y, expected.y, tolerance);
    expectClose("dx", result.dx, expected.dx, 4 * tolerance);
  });
});

describe.each(["float32", "float64"] as const)("wasm %s", (dtype) => {
  it.each([
    [300, 1, 500, 1],
    [40, 4, 100, 9],
    [2, 1, 70_000, 2],
  ] as const)("agrees with the plain kernels on samples that are processed in pieces: [%i, %i, %i, %i]", (...shape) => {
    const one = problem(dtype, shape);
    const wasm = run(wasmKernels(), one, 1e-5);
    const plain = run(plainKernels, one, 1e-5);
    const tolerance = 2 * tolerances[dtype].parity;
    for (const key of ["y", "dx"] as const) expectClose(key, wasm[key], plain[key], tolerance);
    plain.gradients.forEach((gradient, i) => {
      expectClose(["dgamma", "dbeta"][i]!, wasm.gradients[i]!, gradient, tolerance);
    });
  });
});

describe("with another axis", () => {
  it.each([1, 2, 6])("agrees with channels first, %i groups", (groups) => {
    const [samples, features, positions] = [3, 6, 5];
    const first = new GroupNorm({ groups, features, dtype: "float64" });
    const last = new GroupNorm({ groups, features, axis: -1, dtype: "float64" });
    const x = Tensor.normal([samples, features, positions], { random: new Random(1), mean: 0.5, dtype: "float64" });
    const moved = (from: Tensor): Tensor => {
      const to = Tensor.zeros([samples, positions, features], "float64");
      for (let i = 0; i < to.size; i++) {
        const [n, p, c] = [Math.floor(i / positions / features), Math.floor(i / features) % positions, i % features];
        to.data[i] = from.at(n, c, p);
      }
      return to;
    };
    const forwards = [first.forward(x, { mode: "probe" }), last.forward(moved(x), { mode: "probe" })] as const;
    expectClose("output", forwards[1].output.data, moved(forwards[0].output).data, 1e-14);
    const dy = Tensor.normal([samples, features, positions], { random: new Random(2), dtype: "float64" });
    const gradInput = forwards[0].backward(dy).gradInput;
    expectClose("gradInput", forwards[1].backward(moved(dy)).gradInput.data, moved(gradInput).data, 1e-13);
  });
});
