/** The three products of both kernel sets against three naive loops, and column sums. */
import { describe, expect, it } from "vitest";
import { tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import type { MatmulArguments } from "../../src/kernels/types.js";
import { expectBits, expectClose } from "../support/close.js";
import { comparedCases, inDoubles, kernelCases, randomFloats, sizes, unwritten } from "../support/kernel-sets.js";

const forms = ["matmul", "matmulTransposedA", "matmulTransposedB"] as const;

/** out(i, j) = bias(j) + Σ_k a(i, k) b(k, j) in double precision: the packed product of the plain set has no plainer form in src. */
function naiveProduct(
  { rows, inner, columns, a, b, bias }: MatmulArguments,
  form: (typeof forms)[number],
): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = bias?.[j] ?? 0;
      for (let k = 0; k < inner; k++) {
        const atA = form === "matmulTransposedA" ? k * rows + i : i * inner + k;
        const atB = form === "matmulTransposedB" ? j * inner + k : k * columns + j;
        sum += a[atA]! * b[atB]!;
      }
      out[i * columns + j] = sum;
    }
  }
  return out;
}

/** Each size once as rows, as inner length and as columns, beside sizes that are no multiple of anything. */
const shapes = sizes.flatMap((size, i): (readonly [number, number, number])[] => [
  [size, 7, 11],
  [5, size, 9],
  [3, 6, size],
  [size, sizes[(i * 7 + 3) % sizes.length]!, sizes[(i * 5 + 11) % sizes.length]!],
]);

describe.each(kernelCases)("$name", ({ kernels, dtype }) => {
  it.each(forms)("%s agrees with naive loops at sizes around the tile, with and without bias", (form) => {
    const random = new Random(1).fork(form);
    for (const [rows, inner, columns] of shapes) {
      const a = randomFloats(random, dtype, rows * inner);
      const b = randomFloats(random, dtype, inner * columns);
      for (const bias of [undefined, randomFloats(random, dtype, columns)]) {
        const args = { rows, inner, columns, a, b, bias, out: unwritten(dtype, rows * columns) };
        kernels[form](args);
        const what = `[${rows}, ${inner}] x [${inner}, ${columns}]${bias === undefined ? "" : " + bias"}`;
        expectClose(what, args.out, naiveProduct(args, form), tolerances[dtype].parity);
      }
    }
  });

  it.each(forms)("%s works through matrices that are larger than its blocks", (form) => {
    const random = new Random(2).fork(form);
    for (const [rows, inner, columns] of [
      [3, 2053, 5],
      [1029, 3, 2],
      [2, 3, 1029],
      [97, 257, 513],
    ] as const) {
      const a = randomFloats(random, dtype, rows * inner);
      const b = randomFloats(random, dtype, inner * columns);
      const bias = randomFloats(random, dtype, columns);
      const args = { rows, inner, columns, a, b, bias, out: unwritten(dtype, rows * columns) };
      kernels[form](args);
      expectClose(`${rows} x ${inner} x ${columns}`, args.out, naiveProduct(args, form), 5 * tolerances[dtype].parity);
    }
  });

  it.each(forms)("%s gives a row the same bits whichever rows stand beside it", (form) => {
    const random = new Random(3).fork(form);
    const [rows, inner, columns] = [13, 300, 21];
    const a = randomFloats(random, dtype, rows * inner);
    const b = randomFloats(random, dtype, inner * columns);
    const bias = randomFloats(random, dtype, columns);
    const all = unwritten(dtype, rows * columns);
    kernels[form]({ rows, inner, columns, a, b, bias, out: all });
    const valueOf = (row: number, k: number) =>
      form === "matmulTransposedA" ? a[k * rows + row]! : a[row * inner + k]!;
    // The WebAssembly set multiplies up to three rows in another way than four.
    for (const [from, count] of [
      [0, 1],
      [5, 2],
      [10, 3],
      [7, 4],
    ] as const) {
      const some = unwritten(dtype, count * inner);
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < inner; k++)
          some[form === "matmulTransposedA" ? k * count + i : i * inner + k] = valueOf(from + i, k);
      }
      const out = unwritten(dtype, count * columns);
      kernels[form]({ rows: count, inner, columns, a: some, b, bias, out });
      expectBits(`${count} rows from ${from}`, out, all.subarray(from * columns, (from + count) * columns));
    }
  });

  it("keeps NaN and infinities in the rows and columns that hold them", () => {
    const [rows, inner, columns] = [5, 6, 7];
    const random = new Random(4);
    const a = randomFloats(random, dtype, rows * inner);
    const b = randomFloats(random, dtype, inner * columns);
    a[2 * inner + 1] = NaN;
    b[3 * columns + 4] = Infinity;
    const out = unwritten(dtype, rows * columns);
    kernels.matmul({ rows, inner, columns, a, b, out });
    out.forEach((value, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const expected = row === 2 ? NaN : column === 4 ? Math.sign(a[row * inner + 3]!) * Infinity : 0;
      expect(Number.isFinite(value) ? 0 : value, `out[${row}, ${column}]`).toBe(expected);
    });
  });

  it("columnSums sums an arithmetic progression in each column exactly", () => {
    for (const [i, columns] of sizes.entries()) {
      const rows = sizes[(i * 7 + 3) % sizes.length]!;
      const x = unwritten(dtype, rows * columns).map((_, at) => Math.floor(at / columns) + 10 * (at % columns));
      const out = unwritten(dtype, columns);
      kernels.columnSums({ rows, columns, x, out });
      const expected = Array.from({ length: columns }, (_, c) => (rows * (rows - 1)) / 2 + 10 * c * rows);
      expectBits(`[${rows}, ${columns}]`, out, expected);
    }
  });

  it("columnSums adds in double precision", () => {
    const rows = 2 ** 18 + 3;
    const x = unwritten(dtype, rows).fill(1 + 2 ** -20);
    const out = unwritten(dtype, 1);
    kernels.columnSums({ rows, columns: 1, x, out });
    const exact = rows * (1 + 2 ** -20);
    expect(out[0]).toBe(dtype === "float32" ? Math.fround(exact) : exact);
  });
});

describe.each(comparedCases)("$name", ({ kernels, dtype }) => {
  it("columnSums agrees with the plain set, beyond one piece too", () => {
    const random = new Random(5);
    for (const [rows, columns] of [
      [13, 33],
      [61_700, 17],
      [3, 45_000],
    ] as const) {
      const args = { rows, columns, x: randomFloats(random, dtype, rows * columns), out: unwritten(dtype, columns) };
      const expected = inDoubles(args);
      plainKernels.columnSums(expected);
      kernels.columnSums(args);
      expectClose(`[${rows}, ${columns}]`, args.out, expected.out, tolerances[dtype].parity);
    }
  });

  it.each(forms)(
    "%s works through operands larger than the memory of the module, in each of the three sizes",
    (form) => {
      for (const [rows, inner, columns] of [
        [5200, 1024, 2],
        [2, 1024, 5200],
        [512, 5200, 2],
      ] as const) {
        // Whole numbers, whose products and sums are exact in any order.
        const wholes = (length: number, step: number) => unwritten(dtype, length).map((_, i) => ((i * step) % 7) - 3);
        const args = { rows, inner, columns, a: wholes(rows * inner, 3), b: wholes(inner * columns, 5) };
        const out = unwritten(dtype, rows * columns);
        kernels[form]({ ...args, out });
        const expected = unwritten(dtype, rows * columns);
        plainKernels[form]({ ...args, out: expected });
        expectBits(`[${rows}, ${inner}] by [${inner}, ${columns}]`, out, expected);
      }
    },
  );
});
