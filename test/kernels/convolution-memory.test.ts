/** Where the arrays of a convolution lie, and how large ones pass through the memory of the module, does not show in the results. */
import { describe, expect, it } from "vitest";
import { allocate, type DType, type Floats, tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import type { AllKernels, WindowShape } from "../../src/kernels/types.js";
import { wasmOrRefusal } from "../../src/kernels/wasm/instance.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { expectBits, expectClose } from "../support/close.js";
import { inDoubles, randomFloats, unwritten, wasmAtEverySize } from "../support/kernel-sets.js";

const wasm = wasmOrRefusal();
if (typeof wasm === "string") throw new Error(wasm);
const { memory } = wasm;

/** 3x3 with padding 1, unless something else is given. */
function shapeOf(
  batch: number,
  channels: number,
  height: number,
  width: number,
  rest: Partial<WindowShape> = {},
): WindowShape {
  const window = { windowHeight: 3, windowWidth: 3, strideY: 1, strideX: 1, top: 1, left: 1, ...rest };
  const outHeight = Math.floor((height + 2 * window.top - window.windowHeight) / window.strideY) + 1;
  const outWidth = Math.floor((width + 2 * window.left - window.windowWidth) / window.strideX) + 1;
  return { batch, channels, height, width, ...window, outHeight, outWidth };
}

const noPadding = { top: 0, left: 0 };
const single = { ...noPadding, windowHeight: 1, windowWidth: 1 };

/** Shapes that pass through the memory in every way that there is. */
const cases: readonly (readonly [name: string, shape: WindowShape, outputs: number])[] = [
  ["a few samples", shapeOf(3, 4, 5, 6), 5],
  ["no padding, read in place", shapeOf(3, 4, 5, 6, noPadding), 5],
  ["padding on one side", shapeOf(3, 2, 6, 7, { top: 2, left: 0, windowWidth: 1 }), 3],
  ["strides that skip the end", shapeOf(3, 2, 9, 9, { ...noPadding, strideY: 4, strideX: 5 }), 3],
  ["one sample", shapeOf(1, 3, 9, 9), 4],
  ["several groups of samples", shapeOf(70, 8, 16, 16), 3],
  ["several groups of samples without padding", shapeOf(70, 8, 18, 18, noPadding), 3],
  ["several groups of samples at stride 2", shapeOf(70, 8, 16, 17, { strideY: 2, strideX: 2 }), 3],
  ["images in bands of rows", shapeOf(2, 3, 300, 310), 2],
  ["images in bands of rows without padding", shapeOf(2, 3, 301, 310, { ...noPadding, windowHeight: 2 }), 2],
  ["images in bands of rows at strides 3 and 2", shapeOf(2, 3, 300, 310, { strideY: 3, strideX: 2 }), 2],
  [
    "images in bands of rows, strides larger than the window",
    shapeOf(1, 3, 300, 310, { ...single, strideY: 2, strideX: 3 }),
    2,
  ],
  ["weights in groups", shapeOf(2, 300, 2, 3), 101],
  ["weights in groups and images in bands", shapeOf(1, 520, 40, 14, { ...single, strideY: 8, strideX: 8 }), 520],
  [
    "images that exceed scratch, of which little is read",
    shapeOf(32, 8, 100, 100, { ...single, strideY: 100, strideX: 99 }),
    1,
  ],
  ["weights that exceed scratch", shapeOf(1, 520, 1, 1), 520],
  ["a row that is too large", shapeOf(1, 1, 1, 90_000), 1],
  ["a window that is too large", shapeOf(1, 1, 513, 513, { ...noPadding, windowHeight: 513, windowWidth: 513 }), 1],
];

const lengthsOf = (shape: WindowShape, outputs: number): Record<string, number> => {
  const x = shape.batch * shape.channels * shape.height * shape.width;
  const y = shape.batch * outputs * shape.outHeight * shape.outWidth;
  const weight = outputs * shape.channels * shape.windowHeight * shape.windowWidth;
  return { x, weight, bias: outputs, dy: y, y, dx: x, dweight: weight, dbias: outputs };
};
/** Requires the same bits, of arrays so large that a comparison number by number would take most of the time. */
function expectSameBits(what: string, actual: Floats, expected: Floats): void {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Floats): Buffer => Buffer.from(buffer, byteOffset, byteLength);
  if (!bytesOf(actual).equals(bytesOf(expected))) expectBits(what, actual, expected);
}

const INPUTS = ["x", "weight", "bias", "dy"];
const OUTPUTS = ["y", "dx", "dweight", "dbias"];

type Arrays = Record<string, Floats>;

function run(kernels: AllKernels, shape: WindowShape, outputs: number, arrays: Arrays): Arrays {
  const args = { shape, outputs, ...arrays } as never;
  kernels.convolve2d(args);
  kernels.convolve2dGradInput(args);
  kernels.convolve2dGradWeight(args);
  return arrays;
}

/** Inputs and unwritten outputs, in the memory of the module where `isResident` says so. */
function withArrays(
  inputs: Arrays,
  lengths: Record<string, number>,
  dtype: DType,
  isResident: (name: string) => boolean,
  work: (arrays: Arrays) => void,
): void {
  const taken: Floats[] = [];
  const arrays = Object.fromEntries(
    Object.entries(lengths).map(([name, length]) => {
      const resident = isResident(name) ? memory.take(dtype, length) : undefined;
      if (resident !== undefined) taken.push(resident);
      const array = resident ?? allocate(dtype, length);
      const values = inputs[name];
      if (values === undefined) array.fill(NaN);
      else array.set(values);
      return [name, array];
    }),
  );
  work(arrays);
  for (const array of taken) memory.give(array);
}

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  it.each(cases)("resident arrays, others and a mixture give the same bits: %s", (name, shape, outputs) => {
    const random = new Random(1).fork(name);
    const lengths = lengthsOf(shape, outputs);
    const inputs: Arrays = Object.fromEntries(
      INPUTS.map((each) => [each, randomFloats(random, dtype, lengths[each]!)]),
    );
    const results: Arrays[] = [];
    const places = [
      () => false,
      () => true,
      (each: string) => "xwyb".includes(each[0]!),
      (each: string) => each.startsWith("d"),
    ];
    for (const isResident of places) {
      withArrays(inputs, lengths, dtype, isResident, (arrays) => {
        run(wasmAtEverySize, shape, outputs, arrays);
        for (const each of INPUTS) expectSameBits(`the input ${each}`, arrays[each]!, inputs[each]!);
        results.push(Object.fromEntries(OUTPUTS.map((each) => [each, arrays[each]!.slice()])));
      });
    }
    for (const other of results.slice(1))
      for (const each of OUTPUTS) expectSameBits(each, other[each]!, results[0]![each]!);
  });

  it.each(cases)("whole numbers, whose sums are exact, give those of the plain set: %s", (_, shape, outputs) => {
    const lengths = lengthsOf(shape, outputs);
    const inputs: Arrays = Object.fromEntries(
      INPUTS.map((each, i) => [each, allocate(dtype, lengths[each]!).map((__, at) => ((at * (2 * i + 3)) % 7) - 3)]),
    );
    const expected = run(plainKernels, shape, outputs, {
      ...inputs,
      ...Object.fromEntries(OUTPUTS.map((each) => [each, unwritten(dtype, lengths[each]!)])),
    });
    withArrays(
      inputs,
      lengths,
      dtype,
      () => false,
      (arrays) => {
        run(wasmAtEverySize, shape, outputs, arrays);
        // 0 and -0 are equal here
        for (const each of OUTPUTS) expectClose(each, arrays[each]!, expected[each]!, 0);
      },
    );
  });

  it("agrees with the plain set at sizes around the tile", () => {
    const random = new Random(2);
    for (const channels of [1, 2, 7, 29]) {
      for (const outputs of [1, 3, 4, 5, 8, 9]) {
        for (const width of [1, 2, 3, 4, 5, 7, 8, 9, 16, 17]) {
          const shape = shapeOf(1 + (width % 3), channels, 1 + (outputs % 4), width);
          const lengths = lengthsOf(shape, outputs);
          const inputs = Object.fromEntries(INPUTS.map((each) => [each, randomFloats(random, dtype, lengths[each]!)]));
          const unset = () => Object.fromEntries(OUTPUTS.map((each) => [each, unwritten(dtype, lengths[each]!)]));
          const actual = run(wasmAtEverySize, shape, outputs, { ...inputs, ...unset() });
          const expected = run(plainKernels, shape, outputs, inDoubles({ ...inputs, ...unset() }));
          for (const each of OUTPUTS) {
            const what = `${each} of [${channels}, ${shape.height}, ${width}] -> ${outputs}`;
            expectClose(what, actual[each]!, expected[each]!, tolerances[dtype].parity);
          }
        }
      }
    }
  });
});

it("the public set leaves small convolutions to the plain kernels", () => {
  const random = new Random(3);
  for (const width of [8, 16, 17]) {
    const shape = shapeOf(1, 3, 4, width);
    const lengths = lengthsOf(shape, 1);
    const inputs = Object.fromEntries(INPUTS.map((each) => [each, randomFloats(random, "float32", lengths[each]!)]));
    const results = [plainKernels, wasmAtEverySize, wasmKernels()].map((kernels) => {
      const unset = Object.fromEntries(OUTPUTS.map((each) => [each, unwritten("float32", lengths[each]!)]));
      return run(kernels, shape, 1, { ...inputs, ...unset });
    });
    const [plain, everySize, actual] = results as [Arrays, Arrays, Arrays];
    for (const each of ["y", "dx", "dweight"]) {
      expect(plain[each]).not.toEqual(everySize[each]);
      expect(actual[each]).toEqual((27 * 4 * width < 2048 ? plain : everySize)[each]);
    }
  }
});
