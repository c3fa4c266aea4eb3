// Builds the package into dist/: ES modules, CommonJS, one file for a script tag, and declarations.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const entries = {
  index: "./src/index.ts",
  kernels: "./src/kernels/index.ts",
  variants: "./src/variants/index.ts",
  probes: "./src/probes/index.ts",
  formats: "./src/formats/index.ts",
  tools: "./src/model/index.ts",
};
// Source maps name the files of src, which are in the package: copies inside the maps would double it.
const options = { target: "es2022", bundle: true, sourcemap: true, sourcesContent: false, logLevel: "warning" };

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/cjs", { recursive: true });

// ES modules. `splitting` moves what entries share into files of its own: one copy of the state for all of them.
await write({ ...options, entryPoints: entries, format: "esm", splitting: true, outdir: "dist" });

// CommonJS, which esbuild does not split: one file with everything, and for each entry one that picks its part.
await write({ ...options, entryPoints: { all: "src/global.ts" }, format: "cjs", platform: "node", outdir: "dist/cjs" });
const names = Object.keys(entries).filter((name) => name !== "index");
writeFileSync("dist/cjs/index.js", `const { ${names}, ...main } = require("./all.js");\nmodule.exports = main;\n`);
for (const name of names) writeFileSync(`dist/cjs/${name}.js`, `module.exports = require("./all.js").${name};\n`);
// Files that end in .js, since old resolvers know no .cjs.
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');

// The global for a script tag. Minifying shortens the names of classes, which logs and stacks show: the last line restores them.
const footer = `for (const part of [batchnorm, ...Object.values(batchnorm)]) for (const [name, value] of Object.entries(part))
  if (typeof value === "function") Object.defineProperty(value, "name", { value: name });`;
const iife = { ...options, format: "iife", globalName: "batchnorm", minify: true, footer: { js: footer } };
await build({ ...iife, entryPoints: ["src/global.ts"], outfile: "dist/batchnorm.global.js" });

// Declarations from the compiler, file by file: their maps lead an editor's "go to definition" to the commented source.
const tsc = ["node_modules/typescript/bin/tsc", "--noEmit", "false", "--emitDeclarationOnly", "--declarationMap"];
execFileSync(process.execPath, [...tsc, "--rootDir", "src", "--outDir", "dist/types"], { stdio: "inherit" });
// The same for CommonJS, where a `require` must not find the types of an ES module. As deep as the first, so the maps hold.
cpSync("dist/types", "dist/types-cjs", { recursive: true });
cpSync("dist/cjs/package.json", "dist/types-cjs/package.json");

/** Builds, and turns esbuild's `var Tensor = class _Tensor` back into `class Tensor`: logs and stacks show the name. */
async function write(settings) {
  for (const { path, text } of (await build({ ...settings, write: false })).outputFiles) {
    let code = text;
    for (const [, name] of text.matchAll(/^var (\w+) = class _\1\b/gm)) {
      code = code.replace(`var ${name} = class _`, "class ").replace(RegExp(`\\b_${name}\\b`, "g"), name);
    }
    writeFileSync(path, code);
  }
}
