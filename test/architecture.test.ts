/** The rules of src: each is first shown code that breaks it. The linters' own words stand in .dependency-cruiser.js and eslint.config.js. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractConfig from "dependency-cruiser/config-utl/extract-depcruise-config";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { describe, expect, it } from "vitest";
import { unorderedDocstrings } from "./support/architecture-rules.js";

const root = join(import.meta.dirname, "..");
const { options, ...ruleSet } = await extractConfig(join(root, ".dependency-cruiser.js"));

/** What is wrong with the imports of a folder's src, as `rule: from -> to`. */
async function importViolations(folder: string): Promise<string[]> {
  const { output } = await cruise(["src"], { ...options, baseDir: folder, validate: true, ruleSet });
  return (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

describe("imports", () => {
  /** The same for files given by path and text. */
  async function violationsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
    const folder = mkdtempSync(join(tmpdir(), "batchnorm-imports-"));
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      return await importViolations(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it.each([
    ["core/a", "kernels/b", "imports of core"],
    ["kernels/a", "layers/b", "imports of kernels"],
    ["kernels/wasm/a", "core/tensor", "arrays, not tensors"],
    ["probes/a", "core/tensor", "arrays, not tensors"],
    ["layers/a", "training/b", "imports of layers"],
    ["layers/a", "probes/b", "imports of layers"],
    ["layers/a", "utils/b", "nothing from outside"],
    ["layers/a", "layers/index", "entries are for users"],
    ["training/a", "model/b", "imports of training"],
    ["variants/a", "training/b", "imports of variants"],
    ["objective/a", "probes/b", "imports of objective"],
    ["probes/a", "layers/b", "imports of probes"],
    ["model/inspect/a", "formats/b", "imports of model"],
    ["model/a", "index", "entries are for users"],
    ["formats/a", "variants/b", "imports of formats"],
    ["formats/a", "model/objective", "imports of formats"],
    ["layers/a", "../test/b", "nothing from outside"],
  ])("of %s may not reach %s", async (from, to, rule) => {
    const path = `${"../".repeat(from.split("/").length - 1)}${to}.js`;
    const file = join("src", `${to}.ts`);
    for (const statement of [`import type { A } from "${path}"`, `export * from "${path}"`, `void import("${path}")`]) {
      expect(await violationsOf({ [`src/${from}.ts`]: statement, [file]: "export type A = 1;" })).toContain(
        `${rule}: src/${from}.ts -> ${file}`,
      );
    }
  });

  it.each(["node:fs", "batchnorm", "typescript"])("do not name %s", async (name) => {
    const found = await violationsOf({ "src/layers/a.ts": `import "${name}";` });
    expect(found).toEqual([expect.stringMatching(`^nothing from outside: src/layers/a.ts -> .*${name.slice(-2)}`)]);
  });

  it("have no cycles, not even for types", async () => {
    const files = { "src/layers/a.ts": 'import "./b.js";', "src/layers/b.ts": 'import type { A } from "./a.js";' };
    expect(await violationsOf(files)).toContain("no cycles: src/layers/a.ts -> src/layers/b.ts");
  });

  it("in src follow all of these rules", async () => {
    expect(await importViolations(root)).toEqual([]);
  });
});

describe("the lint of src", () => {
  // The rules of `npm run lint` that need no types; on all of src they run there.
  const rules = { ...tseslint.configs.disableTypeChecked.rules };
  const languageOptions = { parserOptions: { projectService: false } };
  const eslint = new ESLint({ cwd: root, overrideConfig: { languageOptions, rules } });
  async function rulesBrokenBy(text: string, filePath = "src/layers/a.ts"): Promise<string[]> {
    const [result] = await eslint.lintText(text, { filePath });
    return result!.messages.map(({ ruleId, message }) => ruleId ?? message);
  }

  const hosts = [
    "console.log(1)",
    "process.env",
    "require('a')",
    "window",
    "performance.now()",
    "fetch('a')",
    "let a: HTMLElement",
  ];
  const refused = {
    "no-undef": [...hosts, "typeof WebAssembly"],
    "no-restricted-globals": ["new Date()", "globalThis", 'eval("1")', 'new Function("1")'],
    "no-restricted-syntax": [
      ...["declare const fetch: unknown", "declare function fetch(): void", "declare global { interface A { a: 1 } }"],
      ...["import.meta.url", "Math.random()", "Math.exp(1)", 'Math["random"]()', "const { random } = Math"],
      ...["a ** 3", "2 ** a", "a **= 2", "new Random(1)"],
      ...['throw new RangeError("a: expected b, got c")', "throw new ShapeError(message)"],
    ],
  };
  it.each(Object.entries(refused).flatMap(([rule, texts]) => texts.map((text) => ({ text, rule }))))(
    "refuses $text by $rule",
    async ({ text, rule }) => {
      expect(await rulesBrokenBy(text)).toContain(rule);
    },
  );

  it("accepts exact arithmetic, errors with messages, and host names as keys and in text", async () => {
    const text = `
      import { complaint } from "../core/errors.js";
      /** Like console.log(Math.random()). */
      export function a(window: number): ReadonlyMap<string, number> {
        if (window < 2 ** -32 || window > 2 ** 32) throw new RangeError(complaint("a", "b", "process", "fetch it"));
        return new Map(Object.entries({ document: Math.sqrt(window) ** 2 }));
      }`;
    expect(await rulesBrokenBy(text)).toEqual([]);
  });

  it("allows only the generator to start streams and only the WebAssembly kernels to declare WebAssembly", async () => {
    const stream = "export const random = new Random(1);";
    const declaration = "declare const WebAssembly: unknown; export const has = WebAssembly;";
    expect(await rulesBrokenBy(stream, "src/core/random.ts")).toEqual(["no-undef"]);
    expect(await rulesBrokenBy(declaration)).toEqual(["no-restricted-syntax"]);
    expect(await rulesBrokenBy(declaration, "src/kernels/wasm/a.ts")).toEqual([]);
    expect(await rulesBrokenBy("declare const process: 1;", "src/kernels/wasm/a.ts")).toContain("no-restricted-syntax");
  });

  it("of tests refuses tests that do not run", async () => {
    expect(await rulesBrokenBy('it.only("a", f);', "test/a.test.ts")).toContain("no-restricted-syntax");
  });
});

describe("docstrings", () => {
  it.each(["* Cost      one pass\n * Shapes    a [N]", "* - **Cost**: one pass\n * - **Shapes**: a [N]"])(
    "with parts in another order are found: %s",
    (parts) => {
      expect(
        unorderedDocstrings(`\n/**\n * Returns b.\n *\n ${parts}\n *\n * @throws {RangeError} never\n */`),
      ).toEqual(["2: Cost, Shapes, @throws"]);
    },
  );

  it("have a consistent order in src", () => {
    const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
    const found = paths
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) =>
        unorderedDocstrings(readFileSync(join(root, "src", path), "utf8")).map((at) => `${path}:${at}`),
      );
    expect(found).toEqual([]);
  });
});

describe("the package", () => {
  it("has no dependencies", () => {
    const manifest = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as object);
    expect(manifest).toContain("devDependencies");
    expect(manifest.filter((key) => /dependencies$/i.test(key) && key !== "devDependencies")).toEqual([]);
  });

  it("has a lock file without registry URLs", () => {
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toContain('"resolved"');
  });
});
