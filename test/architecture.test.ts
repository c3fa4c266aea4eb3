/** The house keeps its plan. Each rule is first shown code that breaks it, then applied to src. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  countLines,
  floorViolations,
  hostNames,
  importCycles,
  inexactMath,
  loneErrors,
  MAXIMUM_LINES,
  oversized,
  ownSeeds,
  readSources,
  runtimeDependencies,
  unorderedDocstrings,
} from "./support/architecture-rules.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = readSources(`${root}src`);

/** Findings of one rule over the whole of src. */
function everywhere(rule: (path: string, text: string) => string[]): string[] {
  return [...sources].flatMap(([path, text]) => rule(path, text));
}

describe("floors", () => {
  it.each([
    ["ground/numbers.ts", "../tensor/shape.js", "ground/numbers.ts:1 may not import tensor/shape.ts"],
    ["tensor/tensor.ts", "../kernels/matmul.js", "tensor/tensor.ts:1 may not import kernels/matmul.ts"],
    ["kernels/matmul.ts", "../tensor/tensor.js", "kernels/matmul.ts:1 may not import tensor/tensor.ts"],
    ["layers/dense.ts", "../training/losses.js", "layers/dense.ts:1 may not import training/losses.ts"],
    ["layers/dense.ts", "../probes/shift.js", "layers/dense.ts:1 may not import probes/shift.ts"],
    ["layers/dense.ts", "../model-objective.js", "layers/dense.ts:1 may not import model-objective.ts"],
    ["layers/dense.ts", "../index.js", "layers/dense.ts:1 may not import index.ts"],
    ["training/state-dict.ts", "../formats/npy.js", "training/state-dict.ts:1 may not import formats/npy.ts"],
    ["training/batcher.ts", "../tools/inspect.js", "training/batcher.ts:1 may not import tools/inspect.ts"],
    ["probes/shift.ts", "../tools/places.js", "probes/shift.ts:1 may not import tools/places.ts"],
    ["tools/inspect.ts", "../formats/npy.js", "tools/inspect.ts:1 may not import formats/npy.ts"],
    ["tools/inspect.ts", "../model-objective.js", "tools/inspect.ts:1 may not import model-objective.ts"],
    ["formats/npy.ts", "../kernels/matmul.js", "formats/npy.ts:1 may not import kernels/matmul.ts"],
    ["objective/vector.ts", "../probes/shift.js", "objective/vector.ts:1 may not import probes/shift.ts"],
    ["probes/shift.ts", "../tensor/tensor.js", "probes/shift.ts:1 may not import tensor/tensor.ts"],
    ["probes/shift.ts", "../layers/layer.js", "probes/shift.ts:1 may not import layers/layer.ts"],
    ["check-layer.ts", "./index.js", "check-layer.ts:1 may not import index.ts"],
    ["layers/dense.ts", "node:fs", "layers/dense.ts:1 imports node:fs, which is no relative path ending in .js"],
    ["layers/dense.ts", "batchnorm", "layers/dense.ts:1 imports batchnorm, which is no relative path ending in .js"],
    [
      "layers/dense.ts",
      "../../test/support/cases.js",
      "layers/dense.ts:1 imports ../../test/support/cases.js, which lies outside src",
    ],
  ])("%s may not import %s", (path, module, finding) => {
    for (const statement of [
      `import { a } from "${module}";`,
      `import type { a } from "${module}";`,
      `export * from "${module}";`,
      `type A = import("${module}").a;`,
      `const a = import("${module}");`,
      `import a = require("${module}");`,
    ]) {
      expect(floorViolations(path, statement)).toEqual([finding]);
    }
  });

  it("knows every folder", () => {
    expect(floorViolations("utils/misc.ts", "")).toEqual(["utils/misc.ts stands on no floor of the house"]);
    expect(floorViolations("helper.ts", "")).toEqual(["helper.ts stands on no floor of the house"]);
  });

  it.each([
    ["tensor/tensor.ts", "./shape.js"],
    ["kernels/index.ts", "./wasm/kernels.js"],
    ["kernels/kernels.ts", "../tensor/shape.js"],
    ["kernels/wasm/kernels.ts", "../kernels.js"],
    ["layers/dense.ts", "../kernels/kernels.js"],
    ["training/optimizers.ts", "../layers/parameter.js"],
    ["formats/keras.ts", "../training/state-dict.js"],
    ["tools/recalibrate.ts", "../probes/moments.js"],
    ["tools/inspect.ts", "../training/optimizer.js"],
    ["probes/shift.ts", "../objective/vector.js"],
    ["check-layer.ts", "./model-objective.js"],
    ["model-objective.ts", "./training/losses.js"],
    ["index.ts", "./check-layer.js"],
  ])("%s may import %s", (path, module) => {
    expect(floorViolations(path, `import { a } from "${module}"; // import "node:fs"`)).toEqual([]);
  });

  it("hold in src", () => {
    expect(everywhere(floorViolations)).toEqual([]);
  });
});

describe("import cycles", () => {
  it("are found, through types too", () => {
    const circle = new Map([
      ["layers/a.ts", 'import "../layers/b.js";'],
      ["layers/b.ts", 'import type { C } from "./c.js";'],
      ["layers/c.ts", 'export * from "./b.js";'],
    ]);
    expect(importCycles(circle)).toEqual(["layers/b.ts -> layers/c.ts -> layers/b.ts"]);
    expect(importCycles(new Map([["layers/a.ts", 'import "./a.js";']]))).toEqual(["layers/a.ts -> layers/a.ts"]);
  });

  it("are not seen in a diamond", () => {
    const diamond = new Map([
      ["layers/a.ts", 'import "./b.js"; import "./c.js";'],
      ["layers/b.ts", 'import "./d.js";'],
      ["layers/c.ts", 'import "./d.js";'],
      ["layers/d.ts", ""],
    ]);
    expect(importCycles(diamond)).toEqual([]);
  });

  it("do not exist in src", () => {
    expect(importCycles(sources)).toEqual([]);
  });
});

describe("host names", () => {
  it.each(
    "console process Buffer require module global window self document navigator performance setTimeout setInterval queueMicrotask fetch crypto structuredClone TextDecoder URL AbortController WebAssembly Deno".split(
      " ",
    ),
  )("%s is found", (name) => {
    const finding = [`layers/a.ts:2 uses ${name}, a name of the host`];
    expect(hostNames("layers/a.ts", `\n${name}.x(1);`)).toEqual(finding);
    expect(hostNames("layers/a.ts", `\nif (typeof ${name} === "object") { }`)).toEqual(finding);
    expect(hostNames("layers/a.ts", `\nexport const a = { ${name} };`)).toEqual(finding);
    expect(hostNames("layers/a.ts", `\nconst { x } = ${name};`)).toEqual(finding);
  });

  it("are found as types", () => {
    expect(hostNames("layers/a.ts", "export let a: HTMLElement;")).toEqual([
      "layers/a.ts:1 uses HTMLElement, a name of the host",
    ]);
  });

  it("cannot be declared", () => {
    expect(hostNames("layers/a.ts", "declare const console: unknown;")).toEqual([
      "layers/a.ts:1 declares console, a name of the host",
    ]);
    expect(hostNames("layers/a.ts", "declare function fetch(): void;")).toEqual([
      "layers/a.ts:1 declares fetch, a name of the host",
    ]);
    expect(hostNames("layers/a.ts", "declare global { var a: number }")).toContain(
      "layers/a.ts:1 declares global, a name of the host",
    );
    expect(hostNames("layers/a.ts", "declare const WebAssembly: unknown;")).toEqual([
      "layers/a.ts:1 declares WebAssembly, a name of the host",
    ]);
  });

  it("WebAssembly alone may be declared, where the kernels for it are", () => {
    const text = "declare const WebAssembly: unknown; export const has = typeof WebAssembly === 'object';";
    expect(hostNames("kernels/wasm/instance.ts", text)).toEqual([]);
    expect(hostNames("kernels/wasm/instance.ts", "declare const process: unknown;")).toEqual([
      "kernels/wasm/instance.ts:1 declares process, a name of the host",
    ]);
    expect(hostNames("kernels/wasm/instance.ts", "performance.now();")).toEqual([
      "kernels/wasm/instance.ts:1 uses performance, a name of the host",
    ]);
  });

  it.each([
    ['eval("1");', "uses eval, which runs text as code"],
    ['new Function("return 1");', "uses Function, which runs text as code"],
    ["new Date();", "uses Date, which reads the host's clock"],
    ['globalThis["console"];', "uses globalThis, which reaches host names"],
    ["import.meta.url;", "uses import.meta"],
  ])("%s is found", (text, message) => {
    expect(hostNames("layers/a.ts", text)).toEqual([`layers/a.ts:1 ${message}`]);
  });

  it("are not seen in comments, strings, keys and local names", () => {
    const innocent = `
      // console.log(process.env)
      /** window.document */
      import { fetch as load } from "./b.js";
      export { load as document };
      export { performance } from "./b.js";
      export interface Timer { performance: number; setTimeout(window: number): void }
      export class A { process = 1; declare readonly Buffer: number; get document(): number { return this.process; } }
      export function smooth<T extends readonly number[]>(values: T, window: number): [self: number, rest: Float64Array] {
        const text = "console.log" + \`\${String(window)} process\`;
        outer: for (const { fetch: value } of [{ fetch: load }]) { if (value) break outer; }
        return [{ console: text.length }.console, new Float64Array(values as never)];
      }
      export const modes = ["train"] as const;
      export type Kind<T> = T extends Promise<infer U> ? ReadonlyMap<string, U> : { [key in keyof T]: T[key] };
    `;
    expect(hostNames("layers/a.ts", innocent)).toEqual([]);
  });

  it("do not occur in src", () => {
    expect(everywhere(hostNames)).toEqual([]);
  });
});

describe("arithmetic that engines may do differently", () => {
  it.each([
    ["Math.random();", "uses Math.random, which differs between engines or runs"],
    ["Math.exp(1);", "uses Math.exp, which differs between engines or runs"],
    ['Math["random"]();', "uses Math other than as Math.name"],
    ["const { random } = Math;", "uses Math other than as Math.name"],
    ["const m = Math;", "uses Math other than as Math.name"],
    ["(a - b) ** 3;", "uses **, which differs between engines: multiply"],
    ["2 ** a;", "uses **, which differs between engines: multiply"],
    ["a **= b;", "uses **=, which differs between engines: multiply"],
  ])("%s is found", (text, message) => {
    expect(inexactMath("layers/a.ts", text)).toEqual([`layers/a.ts:1 ${message}`]);
  });

  it("is not seen in exact operations, comments and keys", () => {
    expect(
      inexactMath(
        "layers/a.ts",
        "Math.sqrt(Math.max(2 ** 32, 2 ** -32)) ** 2; // Math.random()\nconst a = { Math: 1 }.Math;",
      ),
    ).toEqual([]);
  });

  it("does not occur in src", () => {
    expect(everywhere(inexactMath)).toEqual([]);
  });
});

describe("errors", () => {
  it("that are not worded by complaint() are found", () => {
    const text = `
      throw new RangeError(complaint("a", "b", "c"));
      throw new RangeError("a: expected b, got c");
      const error = new ShapeError(message);
      throw new TypeError();
      throw signal.reason; // new TypeError("in a comment")`;
    expect(loneErrors("layers/a.ts", text)).toEqual([
      "layers/a.ts:3 words a RangeError by itself, without complaint()",
      "layers/a.ts:4 words a ShapeError by itself, without complaint()",
      "layers/a.ts:5 words a TypeError by itself, without complaint()",
    ]);
  });

  it("are worded in one place in src", () => {
    expect(everywhere(loneErrors)).toEqual([]);
  });
});

describe("randomness", () => {
  it("of its own is found", () => {
    const text = "const random = options.random ?? new Random(1);";
    expect(ownSeeds("layers/a.ts", text)).toEqual(["layers/a.ts:1 starts a random stream of its own"]);
  });

  it("is passed in everywhere in src but where the generator itself is", () => {
    expect(everywhere(ownSeeds).filter((finding) => !finding.startsWith("ground/random.ts:"))).toEqual([]);
  });
});

describe("docstrings", () => {
  it("with their parts in another order are found", () => {
    const text = `
/**
 * Gives b.
 *
 * Cost      one pass
 * Shapes    a [N]
 *
 * @throws {RangeError} never
 * @throws {TypeError} never
 */
export const a = 1;
/**
 * Gives c. Source of all:
 *
 * Modes     all
 * Source    a paper
 *
 * @throws {RangeError} never
 * @example
 * a;   // => 1
 */`;
    expect(unorderedDocstrings("layers/a.ts", text)).toEqual([
      "layers/a.ts:2 has its docstring's parts in the order Cost, Shapes, @throws, @throws",
    ]);
  });

  it("have one order in src", () => {
    expect(everywhere(unorderedDocstrings)).toEqual([]);
  });
});

describe("file sizes", () => {
  it("are counted in lines", () => {
    expect(oversized("layers/a.ts", "\n".repeat(250))).toEqual([]);
    expect(oversized("layers/a.ts", "\n".repeat(251))).toEqual(["layers/a.ts has 251 lines, more than 250"]);
    expect(oversized("layers/a.ts", "\n".repeat(250) + "x")).toEqual(["layers/a.ts has 251 lines, more than 250"]);
  });

  it(`are at most ${MAXIMUM_LINES} lines in src`, () => {
    console.log([...sources].map(([path, text]) => `${String(countLines(text)).padStart(4)}  src/${path}`).join("\n"));
    expect(everywhere(oversized)).toEqual([]);
  });
});

describe("the package", () => {
  it("a manifest with dependencies is found", () => {
    expect(runtimeDependencies({ dependencies: {} })).toEqual(["dependencies"]);
    expect(runtimeDependencies({ peerDependencies: { a: "1" }, optionalDependencies: {} })).toEqual([
      "peerDependencies",
      "optionalDependencies",
    ]);
  });

  it("makes its users install nothing else", () => {
    const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Record<string, unknown>;
    expect(manifest["name"]).toBe("batchnorm");
    expect(runtimeDependencies(manifest)).toEqual([]);
  });

  it("has a lock file that names no registry", () => {
    expect(readFileSync(`${root}package-lock.json`, "utf8")).not.toContain('"resolved"');
  });
});
