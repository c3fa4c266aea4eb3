// Runs an example, which Node cannot do directly because it is written in TypeScript:  npm run example -- two-moons
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));
const [node, , argument, ...rest] = process.argv;
const name = argument?.replace(/\.ts$/, "");

// An example with options and worker threads has a folder of its own.
if (name === "images") {
  process.argv = [node, "run.mjs", "examples/images/main.ts,examples/images/worker.ts", ...rest];
  await import("../test/support/run.mjs");
} else if (name === undefined || !existsSync(`${folder}${name}.ts`)) {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -3));
  console.error(`example: expected one of ${[...names, "images"].sort().join(", ")}, got ${name ?? "none"}`);
  process.exitCode = 2;
} else {
  await run();
}

async function run() {
  const contents = `
await import("./${name}.ts");
import { defaultKernels } from "batchnorm";
console.error("(ran on the " + defaultKernels().name + " kernels)");`;
  const outfile = `${folder}../.build/examples/${name}.js`;
  const format = { platform: "node", format: "esm", target: "node20", sourcemap: true };
  await build({ stdin: { contents, resolveDir: folder, loader: "ts" }, outfile, bundle: true, ...format });
  process.setSourceMapsEnabled(true);
  await import(outfile);
}
