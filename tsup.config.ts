import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, isAbsolute } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";
import { defineConfig } from "tsup";

export default defineConfig([
  {
    entry: {
      index: "src/index.ts",
      kernels: "src/kernels/index.ts",
      variants: "src/variants/index.ts",
      probes: "src/probes/index.ts",
      formats: "src/formats/index.ts",
      tools: "src/model/index.ts",
    },
    format: ["esm", "cjs"],
    target: "es2022",
    sourcemap: true,
    esbuildOptions,
    esbuildPlugins: [orderOfFiles()],
    // Also for CommonJS, where it is off by default: without it each entry gets a copy of its own of the module state.
    splitting: true,
    onSuccess: async () => {
      relativeSources();
      declarations();
    },
  },
  {
    // For a script tag: one file, one global.
    entry: { batchnorm: "src/index.ts" },
    format: ["iife"],
    globalName: "batchnorm",
    outExtension: () => ({ js: ".global.js" }),
    platform: "browser",
    target: "es2022",
    minify: true,
    sourcemap: true,
    esbuildOptions,
    esbuildPlugins: [orderOfFiles()],
  },
]);

function esbuildOptions(options: BuildOptions): void {
  // Source maps name the files of src, which are in the package: a second copy inside the maps would double it.
  options.sourcesContent = false;
  // orderOfFiles wants them for their order alone.
  options.logOverride = { "ignored-bare-import": "silent" };
}

/**
 * Imports without names, which add no code and decide what stands where.
 *
 * The text of the WebAssembly module comes first: in the midst of code it would push what is before it out of gzip's window, and
 * the whole entry would be half a kilobyte larger. The entries for models of ours import the whole main entry, so that it falls
 * into few files: Node takes most of a millisecond for each.
 */
function orderOfFiles(): Plugin {
  const src = `${import.meta.dirname}/src`;
  return {
    name: "order of files",
    setup({ onLoad }) {
      onLoad({ filter: /src[/\\]((kernels|variants|formats|model)[/\\])?index\.ts$/ }, ({ path }) => {
        const first = `import "${src}/kernels/wasm/module.ts";`;
        const whole = /variants|formats|model/.test(path) ? `import "${src}/index.ts";` : "";
        return { contents: first + whole + readFileSync(path, "utf8"), loader: "ts" };
      });
    },
  };
}

/** tsup writes paths of this machine into the source maps of CommonJS, for the file itself: here it goes by its name. */
function relativeSources(): void {
  for (const name of readdirSync("dist").filter((file) => file.endsWith(".cjs.map"))) {
    const map = JSON.parse(readFileSync(`dist/${name}`, "utf8")) as { file: string; sources: string[] };
    map.file = basename(map.file);
    map.sources = map.sources.map((source) => (isAbsolute(source) ? basename(source) : source));
    writeFileSync(`dist/${name}`, JSON.stringify(map));
  }
}

/**
 * Declarations file by file, from the compiler: tsup's own bundle the types into one file and lose the declaration maps,
 * which lead an editor's "go to definition" to the commented source.
 *
 * CommonJS users get the same files in a folder that calls itself CommonJS, so that nobody sees ESM types for a CommonJS module.
 * It is as deep as the first, so the maps hold.
 */
function declarations(): void {
  const options = ["--noEmit", "false", "--emitDeclarationOnly", "--declarationMap"];
  execFileSync(
    process.execPath,
    ["node_modules/typescript/bin/tsc", ...options, "--rootDir", "src", "--outDir", "dist/types"],
    {
      stdio: "inherit",
    },
  );
  cpSync("dist/types", "dist/types-cjs", { recursive: true });
  writeFileSync("dist/types-cjs/package.json", '{ "type": "commonjs" }\n');
}
