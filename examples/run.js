// Runs an example, which Node cannot do directly because it is written in TypeScript:  npm run example -- two-moons
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));
const name = process.argv[2]?.replace(/\.ts$/, "");

if (name === undefined || !existsSync(`${folder}${name}.ts`)) {
  const names = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  console.error(`example: expected one of ${names.map((file) => file.slice(0, -3)).join(", ")}, got ${name ?? "none"}`);
  process.exit(2);
}
const contents = `
await import("./${name}.ts");
import { defaultKernels } from "batchnorm";
console.error("(ran on the " + defaultKernels().name + " kernels)");`;
const outfile = `${folder}../.build/examples/${name}.js`;
const format = { platform: "node", format: "esm", target: "node20", sourcemap: true };
await build({ stdin: { contents, resolveDir: folder, loader: "ts" }, outfile, bundle: true, ...format });
process.setSourceMapsEnabled(true);
await import(outfile);
