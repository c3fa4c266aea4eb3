// Runs before and after `npm pack` and `npm publish`: gives the tarball one folder per subpath, for tools that do not read
// `exports` (TypeScript's node10 resolution, ts-jest, Metro, Parcel, eslint-plugin-import), and removes them again.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const { exports, repository } = JSON.parse(readFileSync("package.json", "utf8"));
if (process.env.npm_command === "publish" && repository === undefined) {
  console.error("package.json: expected repository, got none - fill it as docs/contributing.md says under Publishing");
  process.exit(1);
}

for (const [subpath, conditions] of Object.entries(exports)) {
  const folder = subpath.slice(2);
  if (folder === "" || typeof conditions === "string") continue;
  rmSync(folder, { recursive: true, force: true });
  if (process.argv[2] === "clean") continue;
  mkdirSync(folder);
  const { import: esm, require: cjs } = conditions;
  const fields = { main: `.${cjs.default}`, module: `.${esm.default}`, types: `.${cjs.types}` };
  writeFileSync(`${folder}/package.json`, `${JSON.stringify(fields, undefined, 2)}\n`);
}
