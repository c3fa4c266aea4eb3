/** Activations of both kernel sets: by value, against the plain set in float64, in place, at special values. */
import { describe, expect, it } from "vitest";
import { tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { expectBits, expectClose } from "../support/close.js";
import { comparedCases, inDoubles, kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";

const names = ["relu", "leakyRelu", "sigmoid", "tanh"] as const;
const slope = 0.125;

/** Inputs, outputs and derivatives that follow from the definitions alone. */
const known: Readonly<
  Record<(typeof names)[number], readonly (readonly [x: number, y: number, derivative: number])[]>
> = {
  relu: [
    [2.5, 2.5, 1],
    [-2.5, 0, 0],
  ],
  leakyRelu: [
    [2.5, 2.5, 1],
    [-2.5, -2.5 / 8, 1 / 8],
  ],
  // y = 1 / (1 + exp(-x)), y (1 - y)
  sigmoid: [
    [0, 1 / 2, 1 / 4],
    [Math.log(3), 3 / 4, 3 / 16],
    [-Math.log(9), 1 / 10, 9 / 100],
  ],
  // tanh(x) = (exp(2x) - 1) / (exp(2x) + 1), 1 - y²
  tanh: [
    [0, 0, 1],
    [Math.log(3) / 2, 1 / 2, 3 / 4],
    [-Math.log(2), -3 / 5, 16 / 25],
  ],
};

/** The outputs at NaN, infinities, zeros, the smallest subnormal number of either sign, 1000 and -1000. */
const atSpecialValues: Readonly<Record<(typeof names)[number], (tiny: number) => readonly number[]>> = {
  relu: (tiny) => [NaN, Infinity, 0, 0, 0, tiny, 0, 1000, 0],
  leakyRelu: (tiny) => [NaN, Infinity, -Infinity, 0, -0, tiny, -0, 1000, -125],
  sigmoid: () => [NaN, 1, 0, 0.5, 0.5, 0.5, 0.5, 1, 0],
  tanh: (tiny) => [NaN, 1, -1, 0, -0, tiny, -tiny, 1, -1],
};

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  describe.each(names)("%s", (name) => {
    it("gives known outputs and derivatives", () => {
      const [x, y, derivative] = [0, 1, 2].map((part) => {
        const array = unwritten(dtype, known[name].length);
        array.set(known[name].map((row) => row[part]!));
        return array;
      });
      const output = unwritten(dtype, x!.length);
      kernels[name]({ x: x!, y: output, slope });
      expectClose("y", output, y!, tolerances[dtype].parity);
      const dx = unwritten(dtype, x!.length);
      kernels[`${name}Backward`]({ y: output, dy: unwritten(dtype, x!.length).fill(-2), dx, slope });
      expectClose(
        "dx",
        dx,
        derivative!.map((value) => -2 * value),
        tolerances[dtype].parity,
      );
    });

    it("works in place, and on views into a larger array", () => {
      const random = new Random(2).fork(name);
      const x = randomFloats(random, dtype, 21);
      const y = unwritten(dtype, 21);
      kernels[name]({ x, y, slope });
      const around = unwritten(dtype, 30);
      const inside = around.subarray(4, 25);
      inside.set(x);
      kernels[name]({ x: inside, y: inside, slope });
      expectBits("y in place", inside, y);
      const dy = randomFloats(random, dtype, 21);
      const dx = unwritten(dtype, 21);
      kernels[`${name}Backward`]({ y, dy, dx, slope });
      inside.set(dy);
      kernels[`${name}Backward`]({ y, dy: inside, dx: inside, slope });
      expectBits("dx in place", inside, dx);
      expectBits("before", around.subarray(0, 4), unwritten(dtype, 4));
      expectBits("behind", around.subarray(25), unwritten(dtype, 5));
    });

    it("gives a value the same bits wherever it stands", () => {
      const x = randomFloats(new Random(3).fork(name), dtype, 67);
      const y = unwritten(dtype, 67);
      kernels[name]({ x, y, slope });
      const single = unwritten(dtype, 67);
      for (let i = 0; i < 67; i++) kernels[name]({ x: x.subarray(i, i + 1), y: single.subarray(i, i + 1), slope });
      expectBits("y", single, y);
    });

    it("is as defined at NaN, infinities, zeros and subnormal numbers", () => {
      const tiny = dtype === "float32" ? 2 ** -149 : 2 ** -1074;
      const special = [NaN, Infinity, -Infinity, 0, -0, tiny, -tiny, 1000, -1000];
      // at each place of a vector, and behind the last whole one
      for (let shift = 0; shift < 5; shift++) {
        const x = unwritten(dtype, special.length + shift).fill(1);
        x.set(special, shift);
        const y = unwritten(dtype, x.length);
        kernels[name]({ x, y, slope });
        expectBits("y", y.subarray(shift), atSpecialValues[name](tiny));
      }
    });
  });

  it("reluBackward passes no gradient at 0, -0 and NaN, and infinities where y > 0", () => {
    const y = unwritten(dtype, 6);
    y.set([0, -0, NaN, 1, Infinity, -1]);
    const dx = unwritten(dtype, 6);
    kernels.reluBackward({ y, dy: unwritten(dtype, 6).fill(Infinity), dx });
    expect([...dx]).toEqual([0, 0, 0, Infinity, Infinity, 0]);
  });
});

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  it.each(names)("%s agrees with the plain set at sizes around the vector and beyond one piece", (name) => {
    const random = new Random(1).fork(name);
    for (const size of [...sizes, 2 ** 17 + 5]) {
      const forward = { x: randomFloats(random, dtype, size), y: unwritten(dtype, size), slope };
      const expected = inDoubles(forward);
      plainKernels[name](expected);
      kernels[name](forward);
      expectClose(`y of ${size}`, forward.y, expected.y, tolerances[dtype].parity);

      const backward = { y: forward.y, dy: randomFloats(random, dtype, size), dx: unwritten(dtype, size), slope };
      const expectedBackward = inDoubles(backward);
      plainKernels[`${name}Backward`](expectedBackward);
      kernels[`${name}Backward`](backward);
      expectClose(`dx of ${size}`, backward.dx, expectedBackward.dx, tolerances[dtype].parity);
    }
  });
});
