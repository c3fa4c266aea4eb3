/** The embedded module: that it comes from the sources beside it, and what happens on hosts that refuse it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { build, encodeBytes } from "../../src/kernels/wasm/assembly/build.mjs";
import { Random } from "../../src/core/random.js";
import { defaultKernels } from "../../src/kernels/default.js";
import type { Kernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { decodeBytes } from "../../src/kernels/wasm/instance.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { moduleText } from "../../src/kernels/wasm/module.js";
import { randomFloats, wasmAtEverySize } from "../support/kernel-sets.js";
import { expectRefusal } from "../support/refusal.js";

describe("the module", () => {
  it("is what `npm run build:wasm` makes of the sources, byte by byte", async () => {
    const path = fileURLToPath(new URL("../../src/kernels/wasm/module.ts", import.meta.url));
    expect(readFileSync(path, "utf8")).toBe(await build());
  }, 60_000);

  it("uses no relaxed instruction, imports nothing, and has a memory of 26 MB that grows to 512 MB at most", () => {
    const bytes = decodeBytes(moduleText);
    const module = new WebAssembly.Module(bytes as BufferSource);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const { memory } = new WebAssembly.Instance(module).exports as { memory: WebAssembly.Memory };
    expect(memory.buffer.byteLength).toBe(416 * 2 ** 16);
    expect(() => memory.grow(8192 - 416 + 1)).toThrow(RangeError);
  });

  it("is decoded to what was encoded, whatever the bytes, in text that needs no escape", () => {
    const random = new Random(1);
    const all = Uint8Array.from({ length: 4096 }, (_, i) => (i < 256 ? i : random.integer(256)));
    for (const bytes of [all, all.subarray(0, 1), new Uint8Array(0), decodeBytes(moduleText)]) {
      const text = encodeBytes(bytes);
      expect(text).toMatch(/^[ !#-;=-[\]-~]*$/);
      expect([...decodeBytes(text)]).toEqual([...bytes]);
    }
  });

  it("is compiled once", () => {
    expect(wasmKernels()).toBe(wasmKernels());
    expect(wasmKernels().name).toBe("wasm");
  });
});

describe("the public set", () => {
  const shapes = [1, 4, 7, 8, 11, 12, 15, 16, 64].map((rows) => ({ rows, inner: 6, columns: 6 }));

  it.each(shapes)(
    "leaves small products to the plain kernels: $rows x $inner x $columns",
    ({ rows, inner, columns }) => {
      const random = new Random(1);
      const a = randomFloats(random, "float32", rows * inner);
      const b = randomFloats(random, "float32", inner * columns);
      const product = (kernels: Kernels): Float32Array => {
        const out = new Float32Array(rows * columns);
        kernels.matmul({ rows, inner, columns, a, b, out });
        return out;
      };
      const [plain, everySize] = [product(plainKernels), product(wasmAtEverySize)];
      if (rows > 4) expect(plain).not.toEqual(everySize);
      expect(product(wasmKernels())).toEqual(rows * inner * columns < 216 ? plain : everySize);
    },
  );

  it("is the default", () => {
    expect(defaultKernels()).toBe(wasmKernels());
  });
});

describe("a host that refuses", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  /** Fresh copies of the files that remember what the host allowed. */
  async function onHost(webAssembly: unknown) {
    vi.resetModules();
    vi.stubGlobal("WebAssembly", webAssembly);
    const { wasmKernels: named } = await import("../../src/kernels/wasm/kernels.js");
    const { defaultKernels: best } = await import("../../src/kernels/default.js");
    return { named, best };
  }

  /** WebAssembly as it is, but for its compiler, which gives a reason instead. */
  function refusing(reason: Error): unknown {
    return {
      Module: function Module() {
        throw reason;
      },
    };
  }

  it.each([
    ["no WebAssembly", undefined, "a host without WebAssembly"],
    ["no SIMD", refusing(new Error("invalid opcode 0xfd")), "invalid opcode 0xfd"],
    ["a content security policy", refusing(new EvalError("blocked by CSP")), "blocked by CSP"],
  ])("with %s names its reason, and the default is the plain set", async (_, webAssembly, reason) => {
    const { named, best } = await onHost(webAssembly);
    const refusal = `Error: wasmKernels: ${reason} | cure`;
    await expectRefusal(named, refusal);
    await expectRefusal(named, refusal);
    expect(best().name).toBe("plain");
  });
});
