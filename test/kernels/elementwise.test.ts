/** Activations of both kernel sets: against the reference, in place, at special values. */
import { describe, expect, it } from "vitest";
import { tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { expectBits, expectClose } from "../support/close.js";
import { kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";
import { activations } from "../support/reference.js";

const names = ["relu", "leakyRelu", "sigmoid", "tanh"] as const;
const slope = 0.125;

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  describe.each(names)("%s", (name) => {
    const { of, derivative } = activations[name];

    it("agrees with the reference at sizes around the vector and beyond one piece", () => {
      const random = new Random(1).fork(name);
      for (const size of [...sizes, 2 ** 17 + 5]) {
        const x = randomFloats(random, dtype, size);
        const y = unwritten(dtype, size);
        kernels[name]({ x, y, slope });
        expectClose(
          `y of ${size}`,
          y,
          Array.from(x, (value) => of(value, slope)),
          tolerances[dtype].parity,
        );

        const dy = randomFloats(random, dtype, size);
        const dx = unwritten(dtype, size);
        kernels[`${name}Backward`]({ y, dy, dx, slope });
        const expected = Array.from(y, (value, i) => dy[i]! * derivative(value, slope));
        expectClose(`dx of ${size}`, dx, expected, tolerances[dtype].parity);
      }
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

    it("does what the reference does at NaN, infinities, zeros and subnormal numbers", () => {
      const tiny = dtype === "float32" ? 2 ** -149 : 2 ** -1074;
      const special = [NaN, Infinity, -Infinity, 0, -0, tiny, -tiny, 1000, -1000];
      // at each place of a vector, and behind the last whole one
      for (let shift = 0; shift < 5; shift++) {
        const x = unwritten(dtype, special.length + shift).fill(1);
        x.set(special, shift);
        const y = unwritten(dtype, x.length);
        kernels[name]({ x, y, slope });
        const expected = unwritten(dtype, x.length).map((_, i) => of(x[i]!, slope));
        expectBits("y", y, expected);
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
