/** The embedded module: that it comes from the sources beside it, and what happens on hosts that refuse it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { build } from "../../src/kernels/wasm/assembly/build.mjs";
import { decodeBase64 } from "../../src/kernels/wasm/base64.js";
import { wasmKernels } from "../../src/kernels/wasm/kernels.js";
import { moduleBase64 } from "../../src/kernels/wasm/module.js";
import { thrownBy } from "../support/throws.js";

describe("the module", () => {
  it("is what `npm run build:wasm` makes of the sources, byte by byte", async () => {
    const path = fileURLToPath(new URL("../../src/kernels/wasm/module.ts", import.meta.url));
    expect(readFileSync(path, "utf8")).toBe(await build());
  }, 60_000);

  it("uses no relaxed instruction, imports nothing, and has a memory of fixed size", () => {
    const bytes = decodeBase64(moduleBase64);
    const module = new WebAssembly.Module(bytes as BufferSource);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const { memory } = new WebAssembly.Instance(module).exports as { memory: WebAssembly.Memory };
    expect(memory.buffer.byteLength).toBe(2 ** 24);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  it("is decoded as the host would decode it", () => {
    expect(Buffer.from(decodeBase64(moduleBase64)).toString("base64")).toBe(moduleBase64);
    for (const text of ["", "a", "ab", "abc", "abcd"]) {
      expect([...decodeBase64(Buffer.from(text).toString("base64"))]).toEqual([...Buffer.from(text)]);
    }
  });

  it("is compiled once", () => {
    expect(wasmKernels()).toBe(wasmKernels());
    expect(wasmKernels().name).toBe("wasm");
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
    const { defaultKernels } = await import("../../src/kernels/default.js");
    return { named, defaultKernels };
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
    const { named, defaultKernels } = await onHost(webAssembly);
    const message = `Error: wasmKernels: expected a host that compiles WebAssembly SIMD, got ${reason} - use plainKernels`;
    expect(thrownBy(named)).toBe(message);
    expect(thrownBy(named)).toBe(message);
    expect(defaultKernels().name).toBe("plain");
  });
});
