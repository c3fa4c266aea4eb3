// Builds the package into dist/: ES modules, CommonJS, one file for a script tag, and declarations.
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { defineConfig, type Options } from "tsup";

const entry = {
  index: "src/index.ts",
  kernels: "src/kernels/index.ts",
  variants: "src/variants/index.ts",
  probes: "src/probes/index.ts",
  formats: "src/formats/index.ts",
  tools: "src/model/index.ts",
};
const subpaths = Object.keys(entry).filter((name) => name !== "index");

// Source maps name the files of src, which are in the package: copies inside the maps would double it.
const common: Options = {
  target: "es2022",
  sourcemap: true,
  outExtension: () => ({ js: ".js" }),
  esbuildOptions: (options) => void (options.sourcesContent = false),
};

export default defineConfig([
  { ...common, entry, format: "esm", splitting: true, outDir: "dist", onSuccess: finishModules },
  // CommonJS is one file, which the entries share: one copy of every class, as among the ES modules.
  { ...common, entry: { all: "src/global.ts" }, format: "cjs", outDir: "dist/cjs", onSuccess: finishCommonJS },
  // For a script tag. Minifying shortens the names of classes, which logs and stacks show: the footer restores them.
  {
    ...common,
    entry: { batchnorm: "src/global.ts" },
    format: "iife",
    globalName: "batchnorm",
    minify: true,
    outDir: "dist",
    outExtension: () => ({ js: ".global.js" }),
    footer: {
      js: `for (const part of [batchnorm, ...Object.values(batchnorm)]) for (const [name, value] of Object.entries(part))
  if (typeof value === "function") Object.defineProperty(value, "name", { value: name });`,
    },
  },
]);

/** Declarations from the compiler, file by file: their maps lead an editor's "go to definition" to the commented source. */
async function finishModules(): Promise<void> {
  restoreClassNames("dist");
  const tsc = ["node_modules/typescript/bin/tsc", "--noEmit", "false", "--emitDeclarationOnly", "--declarationMap"];
  execFileSync(process.execPath, [...tsc, "--rootDir", "src", "--outDir", "dist/types"], { stdio: "inherit" });
  // The same for CommonJS, where a `require` must not find the types of an ES module. As deep as the first, so the maps hold.
  cpSync("dist/types", "dist/types-cjs", { recursive: true });
  writeFileSync("dist/types-cjs/package.json", '{ "type": "commonjs" }\n');
}

async function finishCommonJS(): Promise<void> {
  restoreClassNames("dist/cjs");
  writeFileSync("dist/cjs/index.js", `const { ${subpaths}, ...main } = require("./all.js");\nmodule.exports = main;\n`);
  for (const name of subpaths) writeFileSync(`dist/cjs/${name}.js`, `module.exports = require("./all.js").${name};\n`);
  writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n'); // files end in .js: old resolvers know no .cjs
}

/** Turns esbuild's `var Tensor = class _Tensor` back into `class Tensor`: logs and stacks show the name. */
function restoreClassNames(folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(`${folder}/${file}`, "utf8");
    const names = [...text.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name!);
    const restore = (code: string, name: string): string =>
      code.replace(`var ${name} = class _`, "class ").replaceAll(RegExp(`\\b_${name}\\b`, "g"), name);
    writeFileSync(`${folder}/${file}`, names.reduce(restore, text));
  }
}
