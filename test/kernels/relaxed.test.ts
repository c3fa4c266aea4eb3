/** The relaxed products: that they come from the sources, and what they give where the host compiles them, which Node 20 does not. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tolerances } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { buildRelaxed } from "../../src/kernels/wasm/assembly/build.mjs";
import { decodeBytes } from "../../src/kernels/wasm/instance.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { relaxedModuleText } from "../../src/kernels/wasm/relaxed-module.js";
import { relaxedKernels } from "../../src/kernels/wasm/relaxed.js";
import { expectClose } from "../support/close.js";
import { inDoubles, randomFloats, unwritten } from "../support/kernel-sets.js";
import { thrownBy } from "../support/throws.js";

const compiles = WebAssembly.validate(decodeBytes(relaxedModuleText) as BufferSource);

it("the module is what `npm run build:wasm` makes of the sources, byte by byte", async () => {
  const path = fileURLToPath(new URL("../../src/kernels/wasm/relaxed-module.ts", import.meta.url));
  expect(readFileSync(path, "utf8")).toBe(await buildRelaxed());
}, 60_000);

if (compiles) {
  describe("on a host with relaxed SIMD", () => {
    it.each(["float32", "float64"] as const)("the products agree with the plain set, %s", (dtype) => {
      const random = new Random(1);
      for (const form of ["matmul", "matmulTransposedA", "matmulTransposedB"] as const) {
        for (const [rows, inner, columns] of [
          [6, 7, 6],
          [17, 33, 65],
          [97, 257, 31],
        ] as const) {
          const a = randomFloats(random, dtype, rows * inner);
          const b = randomFloats(random, dtype, inner * columns);
          const args = { rows, inner, columns, a, b, out: unwritten(dtype, rows * columns) };
          const expected = inDoubles(args);
          plainKernels[form](expected);
          relaxedKernels()[form](args);
          expectClose(form, args.out, expected.out, tolerances[dtype].parity);
        }
      }
    });

    it("the set is made once, and has a name of its own", () => {
      expect(relaxedKernels()).toBe(relaxedKernels());
      expect(relaxedKernels().name).toBe("wasm relaxed");
    });
  });
} else {
  it("a host without relaxed SIMD is refused every time, and the error names the alternative", () => {
    for (let i = 0; i < 2; i++) expect(thrownBy(relaxedKernels)).toMatch(/^Error: relaxedKernels: .+ wasmKernels/);
  });
}
