// Builds the playground into a folder: a plain static site with relative paths, which works under any address and needs no network.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = fileURLToPath(new URL("../../src/", import.meta.url));

/** Writes the page into `folder`, which is emptied first; with a link to `home` where the page is part of a site. */
export async function buildPlayground(folder, home) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(`${here}style.css`, `${folder}/style.css`);
  const link = home === undefined ? "" : `<a href="${home}">About batchnorm</a>`;
  writeFileSync(`${folder}/index.html`, readFileSync(`${here}index.html`, "utf8").replace("<!-- home -->", link));
  await build({
    entryPoints: { main: `${here}page/main.ts`, worker: `${here}page/worker.ts` },
    outdir: folder,
    bundle: true,
    // What only an export needs becomes a file of its own, which is loaded then.
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    sourcemap: true,
    logLevel: "warning",
    alias: {
      batchnorm: `${source}index.ts`,
      "batchnorm/probes": `${source}probes/index.ts`,
      "batchnorm/variants": `${source}variants/index.ts`,
      svgcanvas: "svgcanvas/dist/svgcanvas.esm.js",
    },
  });
}
