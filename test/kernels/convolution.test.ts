/** The convolution and its gradients, of both kernel sets: by hand, and against a loop over every pair of pixels. */
import { describe, expect, it } from "vitest";
import { allocate, type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import type { WindowShape } from "../../src/kernels/types.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelCases, randomFloats, unwritten } from "../support/kernel-sets.js";

/** The lengths of a shape: images, windows, strides, padding on all four sides. */
interface Lengths {
  readonly batch?: number;
  readonly channels?: number;
  readonly image: readonly [height: number, width: number];
  readonly window: readonly [height: number, width: number];
  readonly strides?: readonly [y: number, x: number];
  readonly padding?: readonly [top: number, bottom: number, left: number, right: number];
}

function shapeOf({
  batch = 1,
  channels = 1,
  image: [height, width],
  window: [windowHeight, windowWidth],
  strides: [strideY, strideX] = [1, 1],
  padding: [top, bottom, left, right] = [0, 0, 0, 0],
}: Lengths): WindowShape {
  const outHeight = Math.floor((height + top + bottom - windowHeight) / strideY) + 1;
  const outWidth = Math.floor((width + left + right - windowWidth) / strideX) + 1;
  const image = { batch, channels, height, width, top, left, outHeight, outWidth };
  return { ...image, windowHeight, windowWidth, strideY, strideX };
}

const sizesOf = (shape: WindowShape, outputs: number) => ({
  x: shape.batch * shape.channels * shape.height * shape.width,
  y: shape.batch * outputs * shape.outHeight * shape.outWidth,
  weight: outputs * shape.channels * shape.windowHeight * shape.windowWidth,
});

interface Arrays {
  readonly x: Floats;
  readonly weight: Floats;
  readonly bias: Floats;
  readonly dy: Floats;
}

/**
 * The definition from the other end: a pixel of x and a pixel of y share a weight if the one lies in the window of the other.
 * Sums are doubles.
 */
function naive(shape: WindowShape, outputs: number, { x, weight, bias, dy }: Arrays) {
  const { batch, channels, height, width, windowHeight, windowWidth, outHeight, outWidth } = shape;
  const size = sizesOf(shape, outputs);
  const y = new Float64Array(size.y);
  const dx = new Float64Array(size.x);
  const dweight = new Float64Array(size.weight);
  const dbias = new Float64Array(outputs);
  let atY = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < outHeight; i++) {
        for (let j = 0; j < outWidth; j++, atY++) {
          y[atY] = bias[o]!;
          dbias[o]! += dy[atY]!;
          let atX = n * channels * height * width;
          for (let c = 0; c < channels; c++) {
            for (let row = 0; row < height; row++) {
              for (let column = 0; column < width; column++, atX++) {
                const p = row + shape.top - i * shape.strideY;
                const q = column + shape.left - j * shape.strideX;
                if (p < 0 || p >= windowHeight || q < 0 || q >= windowWidth) continue;
                const atWeight = ((o * channels + c) * windowHeight + p) * windowWidth + q;
                y[atY]! += weight[atWeight]! * x[atX]!;
                dx[atX]! += weight[atWeight]! * dy[atY]!;
                dweight[atWeight]! += dy[atY]! * x[atX]!;
              }
            }
          }
        }
      }
    }
  }
  return { y, dx, dweight, dbias };
}

const cases: readonly (readonly [name: string, outputs: number, lengths: Lengths])[] = [
  ["1x1", 3, { batch: 2, channels: 5, image: [4, 7], window: [1, 1] }],
  [
    "1x1 with padding and stride",
    2,
    { channels: 3, image: [4, 5], window: [1, 1], strides: [2, 3], padding: [1, 2, 2, 1] },
  ],
  ["3x3 with padding 1", 5, { batch: 3, channels: 2, image: [6, 9], window: [3, 3], padding: [1, 1, 1, 1] }],
  ["3x3 on 3x3 images", 9, { batch: 7, channels: 6, image: [3, 3], window: [3, 3], padding: [1, 1, 1, 1] }],
  ["rows of eight", 8, { batch: 2, channels: 3, image: [8, 16], window: [3, 3], padding: [1, 1, 1, 1] }],
  ["odd sizes", 7, { batch: 2, channels: 3, image: [5, 11], window: [2, 5], padding: [0, 1, 3, 1] }],
  ["stride 2", 4, { batch: 2, channels: 3, image: [9, 8], window: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1] }],
  [
    "stride 3 and 1",
    3,
    { batch: 2, channels: 2, image: [10, 7], window: [3, 2], strides: [3, 1], padding: [1, 0, 0, 2] },
  ],
  [
    "stride 1 and 2",
    3,
    { batch: 2, channels: 2, image: [5, 12], window: [3, 4], strides: [1, 2], padding: [2, 0, 1, 1] },
  ],
  ["strides larger than the window", 2, { batch: 2, channels: 2, image: [8, 9], window: [2, 1], strides: [3, 3] }],
  [
    "a window as large as the padded image",
    4,
    { batch: 3, channels: 2, image: [3, 2], window: [6, 5], padding: [1, 2, 2, 1] },
  ],
  ["a window as large as the image", 5, { batch: 2, channels: 3, image: [4, 5], window: [4, 5] }],
  ["more padding than window", 2, { channels: 2, image: [3, 4], window: [2, 2], padding: [3, 4, 4, 3] }],
  ["one row", 3, { batch: 2, channels: 2, image: [1, 33], window: [1, 5], padding: [0, 0, 2, 2] }],
  ["one column", 3, { batch: 2, channels: 2, image: [33, 1], window: [5, 1], padding: [2, 2, 0, 0] }],
  ["1x3 on single pixels", 2, { batch: 3, channels: 2, image: [1, 1], window: [1, 3], padding: [0, 0, 1, 1] }],
  ["pixels at the end that no window covers", 2, { channels: 2, image: [8, 10], window: [3, 3], strides: [3, 4] }],
  [
    "more than one block of the sums",
    3,
    { batch: 2, channels: 33, image: [4, 4], window: [3, 3], padding: [1, 1, 1, 1] },
  ],
  ["many pixels", 2, { batch: 3, channels: 1, image: [19, 31], window: [3, 3], padding: [1, 1, 1, 1] }],
  ["many outputs", 101, { batch: 1, channels: 2, image: [2, 3], window: [2, 2] }],
];

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  const of = (...values: number[]): Floats => allocate(dtype, values.length).map((_, i) => values[i]!);

  function run(shape: WindowShape, outputs: number, { x, weight, bias, dy }: Arrays, type: DType = dtype) {
    const size = sizesOf(shape, outputs);
    const y = unwritten(type, size.y);
    const dx = unwritten(type, size.x);
    const dweight = unwritten(type, size.weight);
    const dbias = unwritten(type, outputs);
    kernels.convolve2d({ shape, outputs, x, weight, bias, y });
    kernels.convolve2dGradInput({ shape, outputs, dy, weight, dx });
    kernels.convolve2dGradWeight({ shape, outputs, x, dy, dweight, dbias });
    return { y, dx, dweight, dbias };
  }

  function arrays(shape: WindowShape, outputs: number, label: string): Arrays {
    const random = new Random(1).fork(label);
    const size = sizesOf(shape, outputs);
    return {
      x: randomFloats(random, dtype, size.x),
      weight: randomFloats(random, dtype, size.weight),
      bias: randomFloats(random, dtype, outputs),
      dy: randomFloats(random, dtype, size.y),
    };
  }

  it("computes a convolution by hand", () => {
    const shape = shapeOf({ image: [2, 3], window: [2, 2], padding: [1, 0, 0, 1] });
    const { y, dx, dweight, dbias } = run(shape, 1, {
      x: of(1, 2, 3, 4, 5, 6),
      weight: of(1, 10, 100, 1000),
      bias: of(7),
      dy: of(1, 0, 0, 0, 0, 2),
    });
    expectBits("y", y, of(2107, 3207, 307, 5428, 6539, 610));
    expectBits("dx", dx, of(100, 1000, 2, 0, 0, 200));
    expectBits("dweight", dweight, of(6, 0, 13, 2));
    expectBits("dbias", dbias, of(3));
  });

  it.each(cases)("agrees with a loop over all pairs of pixels: %s", (name, outputs, lengths) => {
    const shape = shapeOf(lengths);
    const given = arrays(shape, outputs, name);
    const expected = naive(shape, outputs, given);
    const actual = run(shape, outputs, given);
    for (const key of ["y", "dx", "dweight", "dbias"] as const) {
      expectClose(key, actual[key], expected[key], tolerances[dtype].parity);
    }
  });

  it("does without a bias", () => {
    const shape = shapeOf({ batch: 2, channels: 3, image: [5, 6], window: [3, 3], padding: [1, 1, 1, 1] });
    const { x, weight, bias, dy } = arrays(shape, 4, "bias");
    const y = unwritten(dtype, 2 * 4 * 30);
    kernels.convolve2d({ shape, outputs: 4, x, weight, y });
    const expected = naive(shape, 4, { x, weight, bias: bias.map(() => 0), dy });
    expectClose("y", y, expected.y, tolerances[dtype].parity);
    const dweight = unwritten(dtype, weight.length);
    kernels.convolve2dGradWeight({ shape, outputs: 4, x, dy, dweight });
    expectClose("dweight", dweight, expected.dweight, tolerances[dtype].parity);
  });

  it("keeps NaN and infinities in the windows that hold them", () => {
    const shape = shapeOf({ batch: 2, channels: 2, image: [6, 7], window: [3, 3], padding: [1, 1, 1, 1] });
    for (const value of [NaN, Infinity, -Infinity]) {
      const given = arrays(shape, 3, "nan");
      given.x[1 * 84 + 42 + 2 * 7 + 3] = value; // image 1, channel 1, row 2, column 3
      given.dy[3 * 42 + 2 * 42 + 4 * 7 + 4] = value; // image 1, output 2, row 4, column 4
      const { y, dx, dweight, dbias } = run(shape, 3, given);
      const broken = (values: Floats): number[] => [...values.keys()].filter((at) => !Number.isFinite(values[at]));
      const around = (plane: number, row: number, column: number): number[] =>
        [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => plane * 42 + (row + i) * 7 + column + j));
      expect(broken(y)).toEqual([3, 4, 5].flatMap((plane) => around(plane, 2, 3)));
      expect(broken(dx)).toEqual([2, 3].flatMap((plane) => around(plane, 4, 4)));
      // x is in every window of channel 1, dy in every window of output 2
      const touched = [...dweight.keys()].filter((at) => Math.floor(at / 9) % 2 === 1 || at >= 36);
      expect(broken(dweight)).toEqual(touched);
      expect(broken(dbias)).toEqual([2]);
    }
  });
});
