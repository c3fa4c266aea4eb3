/** The compiled module: built synchronously when first asked for, once. */

import type { Floats } from "../../core/dtype.js";
import { decodeBytes } from "./encoding.js";
import { Memory } from "./memory.js";
import { moduleText, type Routines } from "./module.js";

/** What is used of the host's WebAssembly; src is compiled without the host's types. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
declare const WebAssembly: WebAssemblyHost | undefined;

/** A module's memory and its routines for each dtype. */
export interface Wasm<Exported = Routines> {
  readonly memory: Memory;
  /** The routines for the dtype of an array. */
  readonly of: (array: Floats) => Exported;
}

let wasm: Wasm | undefined;
let refusal: string | undefined;

/** The module, or why this host has none: no WebAssembly, no SIMD, or a content security policy that forbids it. */
export function wasmOrRefusal(): Wasm | string {
  if (wasm !== undefined) return wasm;
  if (refusal !== undefined) return refusal;
  try {
    wasm = instantiate<Routines>(moduleText);
    return wasm;
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error);
    return refusal;
  }
}

/** Compiles the text of a module; throws where the host refuses. */
export function instantiate<Exported>(text: string): Wasm<Exported> {
  if (typeof WebAssembly === "undefined") throw new Error("a host without WebAssembly");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeBytes(text)));
  const { memory, scratchStart } = exports as { memory: { buffer: ArrayBuffer }; scratchStart: () => number };
  const single = routines(exports, "32") as Exported;
  const double = routines(exports, "64") as Exported;
  return {
    memory: new Memory(memory.buffer, scratchStart()),
    of: (array) => (array instanceof Float32Array ? single : double),
  };
}

/** The exports that end in a suffix, by their names without it. */
function routines(exports: Readonly<Record<string, unknown>>, suffix: string): object {
  const entries = Object.entries(exports).filter(([name]) => name.endsWith(suffix));
  return Object.fromEntries(entries.map(([name, routine]) => [name.slice(0, -suffix.length), routine]));
}
