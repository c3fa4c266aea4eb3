/**
 * The package as its users get it: packed, unpacked into a folder of a stranger, imported, compiled against, weighed.
 *
 * It looks at what `npm run build` made, so it is part of `npm run check -- build package`, and not of `npm test`, which needs no build.
 * Nothing here needs the network.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeMappings, decodeNumbers, type DeclarationMap } from "./support/declaration-map.js";
import { brokenLinks } from "./support/doc-links.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const consumer = mkdtempSync(join(tmpdir(), "batchnorm-consumer-"));
const installed = join(consumer, "node_modules", "batchnorm");
const SUBPATHS = ["kernels", "variants", "probes", "formats", "tools"];
const ENTRIES = ["batchnorm", ...SUBPATHS.map((name) => `batchnorm/${name}`)];
let files: readonly string[] = [];
let size = 0;

beforeAll(() => {
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", consumer], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const [tarball] = JSON.parse(packed) as [{ filename: string; size: number; files: { path: string }[] }];
  files = tarball.files.map((file) => file.path);
  size = tarball.size;
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball.filename, "-C", installed, "--strip-components=1"], { cwd: consumer });
});

afterAll(() => {
  rmSync(consumer, { recursive: true });
});

/** Runs a program in the stranger's folder and returns what it prints, parsed. */
function run(name: string, text: string): unknown {
  writeFileSync(join(consumer, name), text);
  return JSON.parse(execFileSync(process.execPath, [name], { cwd: consumer, encoding: "utf8" }));
}

describe("the tarball", () => {
  it("contains the build, the source, the guides, the short examples, and one folder per subpath", () => {
    const others = files.filter((path) => !/^(dist|src|docs)\//.test(path));
    expect(others.filter((path) => !path.startsWith("examples/")).sort()).toEqual(
      ["LICENSE", "README.md", ...SUBPATHS.map((name) => `${name}/package.json`).sort(), "package.json"].sort(),
    );
    expect(files).toEqual(expect.arrayContaining(["src/index.ts", "docs/changelog.md", "docs/images/demo.svg"]));
    expect(files.filter((path) => /\/(test|node_modules|site|api)\//.test(path))).toEqual([]);
    expect(files.filter((path) => /^examples\/.*\//.test(path))).toEqual(["examples/data/NOTICE.md"]);
  });

  it("is at most 1.4 MB", () => {
    expect(size).toBeLessThan(1.4e6);
  });

  it("leaves no folders of subpaths behind in the repository", () => {
    expect(SUBPATHS.filter((name) => existsSync(join(root, name)))).toEqual([]);
  });

  it("contains every image and page that its README links to, and every target of the guides except tests, programs and tools", () => {
    const pages = new Map(
      files.filter((path) => path.endsWith(".md")).map((path) => [path, readFileSync(join(installed, path), "utf8")]),
    );
    expect(pages.size).toBeGreaterThan(10);
    const exists = (path: string): boolean => files.some((file) => file === path || file.startsWith(`${path}/`));
    const broken = [...pages.keys()].flatMap((path) => brokenLinks(path, { pages, exists }));
    const outside = /^docs\/.* links to \.\.\/(test|examples|scripts|[.\w-]+\.[jt]s,)|^examples\/.* links to (?!\.)/;
    expect(broken.filter((finding) => !outside.test(finding))).toEqual([]);
  });

  it("has source maps that refer to its files instead of embedding them", () => {
    const maps = files.filter((path) => path.endsWith("js.map"));
    expect(maps).toContain("dist/index.js.map");
    for (const path of maps) {
      const text = readFileSync(join(installed, path), "utf8");
      const { sources, sourcesContent } = JSON.parse(text) as { sources: string[]; sourcesContent?: unknown };
      expect(text, path).not.toContain(process.cwd());
      expect(sourcesContent, path).toBeUndefined();
      const places = sources.map((source) => join(dirname(path), source).replaceAll("\\", "/"));
      expect(
        places.filter((place) => !files.includes(place)),
        path,
      ).toEqual([]);
    }
  });

  it("has no dependencies", () => {
    expect(readdirSync(join(consumer, "node_modules"))).toEqual(["batchnorm"]);
    expect(readdirSync(installed)).not.toContain("node_modules");
  });
});

describe("every entry", () => {
  const report = `
    const names = entries.map((entry) => Object.keys(entry).filter((name) => name !== "default" && name !== "module.exports").sort());
    const differing = names[0].filter((name) => entries.some((entry) => name in entry && entry[name] !== entries[0][name]));
    console.log(JSON.stringify({ names, differing, batchNorm: typeof entries[0].BatchNorm }));`;
  const imports = ENTRIES.map((entry) => `await import("${entry}")`).join();
  const requires = ENTRIES.map((entry) => `require("${entry}")`).join();

  it("has the same exports for import, require and the script tag, with one copy of the module state", () => {
    const esm = run("entries.mjs", `const entries = [${imports}]; ${report}`) as { names: string[][] };
    const cjs = run("entries.cjs", `const entries = [${requires}]; ${report}`);
    expect(cjs).toEqual(esm);
    // The losses: of tensors in ".", of plain arrays in "./kernels". What else is shared is one and the same thing.
    expect(esm).toMatchObject({ differing: ["meanSquaredError", "softmaxCrossEntropy"], batchNorm: "function" });
    for (const names of esm.names) expect(names.length).toBeGreaterThan(0);

    // A context without any host: no console, no process, no document.
    const page = createContext({});
    runInContext(readFileSync(join(installed, "dist/batchnorm.global.js"), "utf8"), page);
    expect(runInContext("Object.keys(batchnorm).sort()", page)).toEqual([...esm.names[0]!, ...SUBPATHS].sort());
    for (const [i, name] of SUBPATHS.entries()) {
      expect(runInContext(`Object.keys(batchnorm.${name}).sort()`, page)).toEqual(esm.names[i + 1]);
    }
    expect(runInContext("Object.keys(globalThis)", page)).toEqual(["batchnorm"]);
    expect(runInContext("typeof batchnorm.BatchNorm", page)).toBe("function");
  });

  it("keeps class names, as shown in logs and stacks", () => {
    const names = `
      const classes = entries.flatMap(Object.entries).filter(([, value]) => /^class\\b/.test(value));
      const wrong = classes.filter(([name, value]) => value.name !== name).map(([name, value]) => name + ": " + value.name);`;
    const print = "console.log(JSON.stringify({ wrong, count: classes.length }));";
    const esm = run("classes.mjs", `const entries = [${imports}]; ${names} ${print}`) as { count: number };
    expect(esm).toMatchObject({ wrong: [] });
    expect(esm.count).toBeGreaterThan(20);
    expect(run("classes.cjs", `const entries = [${requires}]; ${names} ${print}`)).toMatchObject({ wrong: [] });
    const page = createContext({});
    const entries = `[batchnorm, ${SUBPATHS.map((name) => `batchnorm.${name}`).join()}]`;
    runInContext(readFileSync(join(installed, "dist/batchnorm.global.js"), "utf8"), page);
    runInContext(`const entries = ${entries}; ${names}`, page);
    expect(runInContext("wrong", page)).toEqual([]);
  });

  it.each(["main", "module", "types"])("is found by tools that do not read exports, by %s of its folder", (field) => {
    const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      exports: Record<string, Record<"import" | "require", { types: string; default: string }>>;
    };
    for (const name of ["", ...SUBPATHS]) {
      const manifest = JSON.parse(readFileSync(join(installed, name, "package.json"), "utf8")) as Record<
        string,
        string
      >;
      const { import: esm, require: cjs } = exports[name === "" ? "." : `./${name}`]!;
      const expected = { main: cjs.default, module: esm.default, types: cjs.types }[field]!;
      expect(join(name, manifest[field]!)).toBe(join(expected));
      expect(files).toContain(join(expected).replaceAll("\\", "/"));
    }
  });

  it("includes the manifest", () => {
    expect(run("manifest.cjs", `console.log(JSON.stringify(require("batchnorm/package.json").name))`)).toBe(
      "batchnorm",
    );
  });
});

describe("types", () => {
  it("pass in a strict program, as ESM and CommonJS, without the types of any host", () => {
    const options = {
      ...{ target: "ES2022", lib: ["ES2022"], types: [], module: "NodeNext", noEmit: true },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    };
    writeFileSync(
      join(consumer, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["types.mts", "types.cts"] }),
    );
    const program = `
      import { BatchNorm } from "batchnorm";
      import * as kernels from "batchnorm/kernels";
      import * as variants from "batchnorm/variants";
      import * as probes from "batchnorm/probes";
      import * as formats from "batchnorm/formats";
      import * as tools from "batchnorm/tools";
      export const layer: BatchNorm = new BatchNorm({ features: 4 });
      // @ts-expect-error -- types are there, and not any
      new BatchNorm({ features: "4" });
      // @ts-expect-error
      kernels.absent;
      // @ts-expect-error
      variants.absent;
      // @ts-expect-error
      probes.absent;
      // @ts-expect-error
      formats.absent;
      // @ts-expect-error
      tools.absent;`;
    writeFileSync(join(consumer, "types.mts"), program);
    writeFileSync(join(consumer, "types.cts"), program);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const read = execFileSync(process.execPath, [tsc, "-p", consumer, "--listFiles"], { encoding: "utf8" });
    expect(read).toContain("batchnorm/dist/types/index.d.ts");
    expect(read).toContain("batchnorm/dist/types-cjs/index.d.ts");
  });

  it("allow tensors and files where a platform requires memory that is not shared", () => {
    const program = `
      import { Tensor } from "batchnorm";
      import { writeSafetensors } from "batchnorm/formats";
      declare const sound: AudioBuffer;
      const { data } = Tensor.zeros([2, 2]);
      if (data instanceof Float32Array) sound.copyToChannel(data, 0);
      export const blob: Blob = new Blob([data, writeSafetensors(new Map())]);
      // What comes in may be shared.
      new Tensor(new Float32Array(new SharedArrayBuffer(8)), [2]);`;
    const options = { target: "ES2022", lib: ["ES2022", "DOM"], types: [], noEmit: true, strict: true };
    for (const resolution of [
      { module: "NodeNext" },
      { module: "ESNext", moduleResolution: "bundler" },
      // Reads no exports: the folders of the subpaths.
      { module: "CommonJS", moduleResolution: "node10", ignoreDeprecations: "6.0" },
    ]) {
      const compilerOptions = { ...options, ...resolution };
      writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["platform.ts"] }));
      writeFileSync(join(consumer, "platform.ts"), program);
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const { stdout } = spawnSync(process.execPath, [tsc, "-p", consumer], { encoding: "utf8" });
      expect(stdout, JSON.stringify(resolution)).toBe("");
    }
  });

  it("are traced by a decoder of declaration maps that reads known numbers", () => {
    // From the source-map specification: A is 0, C is 1, D is -1, and 16 needs two digits.
    expect(decodeNumbers("ACDgB")).toEqual([0, 1, -1, 16]);
    expect(decodeMappings({ sources: ["a.ts"], mappings: "AAAA;EACE,GAAC" })).toEqual([
      { line: 0, column: 0, source: 0, sourceLine: 0, sourceColumn: 0 },
      { line: 1, column: 2, source: 0, sourceLine: 1, sourceColumn: 2 },
      { line: 1, column: 5, source: 0, sourceLine: 1, sourceColumn: 3 },
    ]);
  });

  it("map every declared name to the same name in the published source", () => {
    const declarations = files.filter((path) => path.endsWith(".d.ts"));
    expect(declarations).toContain("dist/types/index.d.ts");
    expect(declarations).toContain("dist/types-cjs/probes/index.d.ts");
    const lost: string[] = [];
    let found = 0;
    for (const path of declarations) {
      const map = JSON.parse(readFileSync(join(installed, `${path}.map`), "utf8")) as DeclarationMap;
      const mappings = decodeMappings(map);
      const sources = map.sources.map((source) =>
        relative(installed, join(installed, dirname(path), source)).replaceAll("\\", "/"),
      );
      expect(files).toEqual(expect.arrayContaining(sources));
      const texts = sources.map((source) => readFileSync(join(installed, source), "utf8").split("\n"));
      for (const [line, text] of readFileSync(join(installed, path), "utf8").split("\n").entries()) {
        const declared = /^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/d.exec(text);
        const name = declared?.[1];
        const column = declared?.indices?.[1]?.[0];
        if (name === undefined || column === undefined) continue;
        const mapping = mappings.find((candidate) => candidate.line === line && candidate.column === column);
        const there = mapping && texts[mapping.source]?.[mapping.sourceLine]?.slice(mapping.sourceColumn);
        if (there?.startsWith(name)) found++;
        else lost.push(`${path}:${line + 1} ${name}`);
      }
    }
    expect(lost).toEqual([]);
    expect(found).toBeGreaterThan(0);
  });
});

describe("sizes, minified and gzipped", () => {
  const budgets = JSON.parse(readFileSync(new URL("size-budgets.json", import.meta.url), "utf8")) as Record<
    string,
    number
  >;

  it.each(Object.entries(budgets))("%s takes at most %i bytes", async (what, budget) => {
    const bytes = what.startsWith("dist/") ? readFileSync(join(installed, what)) : await bundle(what);
    const size = gzipSync(bytes, { level: 9 }).length;
    console.log(`${String(size).padStart(6)} of ${budget} bytes  ${what}`);
    expect(size).toBeLessThanOrEqual(budget);
  });

  /** What a bundler makes of a program with this one import. */
  async function bundle(statement: string): Promise<Uint8Array> {
    const names = /import (?:\* as )?\{? ?([\w, ]+?) ?\}? from/.exec(statement)?.[1];
    if (names === undefined) throw new SyntaxError(`size-budgets.json: expected an import statement, got ${statement}`);
    const result = await build({
      stdin: { contents: `${statement}; export { ${names} };`, resolveDir: consumer },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    return result.outputFiles[0]?.contents ?? new Uint8Array();
  }
});
