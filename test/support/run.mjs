// Runs a program of this repository, which Node cannot do by itself as it is written in TypeScript; its workers come along:
//   node test/support/run.mjs PROGRAM[,WORKER...] [arguments of the program]
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [, , list, ...rest] = process.argv;
const entryPoints = list.split(",");
const [program] = entryPoints;
const folder = dirname(program);
const outdir = `.build/${basename(folder)}`;
const format = { platform: "node", format: "esm", target: "node20", packages: "external", sourcemap: true };
await build({ entryPoints, outdir, outbase: folder, bundle: true, logLevel: "warning", ...format });
const file = resolve(outdir, basename(program).replace(/ts$/, "js"));
process.argv = [process.argv[0], file, ...rest];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(file).href);
