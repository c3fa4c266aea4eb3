/** Max pooling of both kernel sets: by hand, ties, NaN and padding. The numbers are those of PyTorch. */
import { describe, expect, it } from "vitest";
import { allocate, type Floats } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import type { WindowShape } from "../../src/kernels/types.js";
import { wasmOrRefusal } from "../../src/kernels/wasm/instance.js";
import { expectBits } from "../support/close.js";
import { kernelCases, unwritten, wasmAtEverySize } from "../support/kernel-sets.js";

const square: WindowShape = {
  ...{ batch: 1, channels: 1, height: 4, width: 4, windowHeight: 2, windowWidth: 2, strideY: 2, strideX: 2 },
  ...{ top: 0, left: 0, outHeight: 2, outWidth: 2 },
};

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const of = (...values: number[]): Floats => allocate(dtype, values.length).map((_, i) => values[i]!);

  function pool(shape: WindowShape, x: Floats): { y: Floats; argmax: Int32Array } {
    const size = shape.batch * shape.channels * shape.outHeight * shape.outWidth;
    const result = { y: unwritten(dtype, size), argmax: new Int32Array(size).fill(-1) };
    kernels.maxPool2d({ shape, x, ...result });
    return result;
  }

  it("finds the maximum of each window and its index in the plane, and the first of equal ones", () => {
    const { y, argmax } = pool(square, of(1, 2, 5, 5, 3, 0, 5, 5, -1, -2, 0, -0, -1, -3, 0, 0));
    expectBits("y", y, of(3, 5, -1, 0));
    expect([...argmax]).toEqual([4, 2, 8, 10]);
  });

  it("adds each dy to its maximum, and writes zeros elsewhere", () => {
    const shape = { ...square, batch: 2, height: 2, width: 3, strideY: 1, strideX: 1, outHeight: 1 };
    const x = of(0, 9, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6);
    const { argmax } = pool(shape, x);
    expect([...argmax]).toEqual([1, 1, 4, 5]);
    const dx = unwritten(dtype, 12);
    kernels.maxPool2dGradient({ shape, dy: of(1, 10, 100, 1000), argmax, dx });
    expectBits("dx", dx, of(0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1000));
  });

  it("never takes padding, also if all pixels are -Infinity", () => {
    const shape = {
      ...square,
      height: 2,
      width: 2,
      strideY: 1,
      strideX: 1,
      top: 1,
      left: 1,
      outHeight: 3,
      outWidth: 3,
    };
    const { y, argmax } = pool(shape, of(-4, -3, -2, -1));
    expectBits("y", y, of(-4, -3, -3, -2, -1, -1, -2, -1, -1));
    expect([...argmax]).toEqual([0, 1, 1, 2, 3, 3, 2, 3, 3]);
    const lowest = pool(shape, of(-Infinity, -Infinity, -Infinity, -Infinity));
    expect([...lowest.argmax]).toEqual([0, 0, 1, 0, 0, 1, 2, 2, 3]);
    expect(lowest.y.every((value) => value === -Infinity)).toBe(true);
  });

  it("lets NaN win, the last of several", () => {
    const shape = { ...square, height: 2, width: 4, windowWidth: 4, windowHeight: 1, strideY: 1, outWidth: 1 };
    const { y, argmax } = pool(shape, of(1, NaN, NaN, 2, 5, 5, -1, NaN));
    expectBits("y", y, of(NaN, NaN));
    expect([...argmax]).toEqual([2, 7]);
  });

  it("agrees with a sort of each window, at strides of 1 to 3 and windows that overlap", () => {
    const random = new Random(1);
    for (let i = 0; i < 30; i++) {
      const [windowHeight, windowWidth] = [1 + random.integer(4), 1 + random.integer(4)];
      const [strideY, strideX] = [1 + random.integer(3), 1 + random.integer(3)];
      const [top, left] = [random.integer(windowHeight), random.integer(windowWidth)];
      const [height, width] = [4 + random.integer(6), 4 + random.integer(6)];
      const outHeight = Math.floor((height + top - windowHeight) / strideY) + 1;
      const outWidth = Math.floor((width + left - windowWidth) / strideX) + 1;
      const image = { batch: 2, channels: 3, height, width, top, left, outHeight, outWidth };
      const shape = { ...image, windowHeight, windowWidth, strideY, strideX };
      const x = allocate(dtype, 6 * height * width).map(() => random.integer(5));
      const { y, argmax } = pool(shape, x);
      y.forEach((value, at) => {
        const plane = Math.floor(at / (outHeight * outWidth));
        const [row, column] = [Math.floor(at / outWidth) % outHeight, at % outWidth];
        const pixels = [...x.subarray(plane * height * width, (plane + 1) * height * width).entries()].filter(
          ([index]) => {
            const p = Math.floor(index / width) - row * strideY + top;
            const q = (index % width) - column * strideX + left;
            return p >= 0 && p < windowHeight && q >= 0 && q < windowWidth;
          },
        );
        const [index, largest] = pixels.sort(([a, v], [b, w]) => w - v || a - b)[0]!;
        expect([value, argmax[at]]).toEqual([largest, index]);
      });
    }
  });
});

describe.each(["float32", "float64"] as const)("the module, %s", (dtype) => {
  const wasm = wasmOrRefusal();
  if (typeof wasm === "string") throw new Error(wasm);
  const { memory } = wasm;

  it.each([
    ["a row that is no multiple of a vector", { ...square, batch: 3, channels: 5, height: 7, width: 11 }],
    ["several groups of planes", { ...square, batch: 70, channels: 8, height: 16, width: 17 }],
    [
      "padding all around",
      { ...square, ...{ height: 9, width: 10, windowHeight: 3, windowWidth: 4, top: 2, left: 3 } },
    ],
    ["a large plane", { ...square, height: 700, width: 701 }],
    ["a plane that is too large", { ...square, height: 725, width: 726 }],
  ])("gives what the plain set does, wherever the arrays lie: %s", (_, { top, left, ...rest }) => {
    const outHeight = Math.floor((rest.height + top + 1 - rest.windowHeight) / rest.strideY) + 1;
    const outWidth = Math.floor((rest.width + left + 1 - rest.windowWidth) / rest.strideX) + 1;
    const shape = { ...rest, top, left, outHeight, outWidth };
    const random = new Random(2);
    const planes = shape.batch * shape.channels;
    const values = allocate(dtype, planes * shape.height * shape.width).map(() => random.integer(9));
    for (let i = 0; i < values.length; i += 97) values[i] = i % 2 === 0 ? NaN : -Infinity;
    const size = planes * outHeight * outWidth;
    const expected = { y: unwritten(dtype, size), argmax: new Int32Array(size) };
    plainKernels.maxPool2d({ shape, x: values, ...expected });
    for (const [residentX, residentY] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const take = (resident: boolean | undefined, length: number): Floats =>
        (resident === true ? memory.take(dtype, length) : undefined) ?? allocate(dtype, length);
      const [x, y] = [take(residentX, values.length), take(residentY, size)];
      x.set(values);
      y.fill(NaN);
      const argmax = new Int32Array(size).fill(-1);
      wasmAtEverySize.maxPool2d({ shape, x, y, argmax });
      expectBits("y", y, expected.y);
      expectBits("argmax", argmax, expected.argmax);
      expectBits("x", x, values);
      memory.give(x);
      memory.give(y);
    }
  });
});
