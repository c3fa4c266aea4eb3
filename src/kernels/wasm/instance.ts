/** The WebAssembly module: decoded from its text and compiled once, synchronously, on first use. */

import type { Floats } from "../../core/dtype.js";
import { type GrowableMemory, Memory } from "./memory.js";
import { moduleText, type Routines } from "./module.js";

/** The part of the host's WebAssembly API that is used here. src is compiled without the host's types. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
declare const WebAssembly: WebAssemblyHost | undefined;

/** A module's memory and its routines for each dtype. */
export interface Wasm<Exported = Routines> {
  readonly memory: Memory;
  /** Returns the routines for the dtype of an array. */
  readonly routinesFor: (array: Floats) => Exported;
}

let wasm: Wasm | undefined;
let refusal: string | undefined;

/** Returns the module, or why this host cannot run it: no WebAssembly, no SIMD, or a content security policy that forbids it. */
export function wasmOrRefusal(): Wasm | string {
  if (wasm !== undefined) return wasm;
  if (refusal !== undefined) return refusal;
  try {
    wasm = instantiate<Routines>(moduleText);
    return wasm;
  } catch (error) {
    refusal = reasonOf(error);
    return refusal;
  }
}

/** Returns the message of a thrown value. */
export function reasonOf(thrown: unknown): string {
  return String((thrown as { readonly message?: unknown } | null | undefined)?.message ?? thrown);
}

/** Compiles the text of a module. Throws if the host cannot compile it. */
export function instantiate<Exported>(text: string): Wasm<Exported> {
  if (typeof WebAssembly === "undefined") throw new Error("a host without WebAssembly");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeBytes(text)));
  const { memory, scratchStart, scratchEnd, memoryLimit } = exports as {
    readonly memory: GrowableMemory;
    readonly scratchStart: () => number;
    readonly scratchEnd: () => number;
    readonly memoryLimit: () => number;
  };
  const single = routines(exports, "32") as Exported;
  const double = routines(exports, "64") as Exported;
  return {
    memory: new Memory(memory, scratchStart(), scratchEnd(), memoryLimit()),
    routinesFor: (array) => (array.BYTES_PER_ELEMENT === 4 ? single : double),
  };
}

/** Returns the exports whose names end in a suffix, by name without the suffix. */
function routines(exports: Readonly<Record<string, unknown>>, suffix: string): object {
  const entries = Object.entries(exports).filter(([name]) => name.endsWith(suffix));
  return Object.fromEntries(entries.map(([name, routine]) => [name.slice(0, -suffix.length), routine]));
}

const SPACE = 32;
const LETTER_A = 97;

/**
 * Decodes text from `encodeBytes` (assembly/build.mjs), which encodes bytes as printable characters that still compress well.
 * Base64 hides repetition from gzip: a module of 6.2 kB after gzip becomes 9.5 kB as gzipped base64, but 6.4 kB in this form.
 *
 * The first 256 characters are the key: the character for each byte value. The rarest byte values have a space in the key. They
 * are written as a space and two letters from a to p, one for each half. The text contains no quotes, no backslash, and no "<",
 * which could end a script.
 */
export function decodeBytes(text: string): Uint8Array {
  const byteOf = new Uint8Array(128);
  for (let byte = 0; byte < 256; byte++) byteOf[text.charCodeAt(byte)] = byte;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 256; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === SPACE) {
      bytes[length++] = 16 * (text.charCodeAt(i + 1) - LETTER_A) + text.charCodeAt(i + 2) - LETTER_A;
      i += 2;
    } else {
      bytes[length++] = byteOf[code]!;
    }
  }
  return bytes.slice(0, length);
}
