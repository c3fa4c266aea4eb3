// Everything that must hold. The quick checks run side by side, then the slow ones one after the other:
//   npm run check                    all of them: what continuous integration runs
//   npm run check:fast               the quick ones: format, types, lint, unit
//   npm run check -- types package   some of them
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, resolve } from "node:path";

const browsers = [
  process.env.CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const hasBrowser = browsers.some((path) => path !== "" && existsSync(path));
const vitest = (project, more = "") =>
  `vitest run --project ${project} --reporter=default --reporter=json --outputFile.json=.build/test-results/${project}.json ${more}`;
// Half of the processors: the other quick checks have the rest.
const workers = `--maxWorkers=${Math.max(1, availableParallelism() >> 1)}`;

const names = process.argv.slice(2);
const fast = names[0] === "fast";
const QUICK = [["format", "types", "lint"], ["unit"]];
const SLOW = ["programs", "build", "package", "browser"];
const COMMANDS = {
  format: ["prettier --check ."],
  types: ["tsc", "tsc -p test", "tsc -p examples/tfjs"],
  lint: ["eslint --max-warnings 0"],
  unit: [vitest("unit", fast ? workers : `${workers} --coverage`)],
  // The examples, the demo and the laboratory of claims, as their users run them.
  programs: [vitest("programs")],
  build: ["npm run -s build"],
  package: ["publint --strict", "attw --pack .", vitest("package")],
  // One file after the other: two browsers at once would slow each other down. The test of the site writes the API pages.
  browser: [hasBrowser ? vitest("browser", "--no-file-parallelism") : "typedoc"],
};

const PATH = `${resolve("node_modules/.bin")}${delimiter}${process.env.PATH}`;

/** Runs a command and gives its exit status; `quietly` shows what it printed at its end. */
function run(command, quietly) {
  return new Promise((done) => {
    const stdio = ["ignore", ...(quietly ? ["pipe", "pipe"] : ["inherit", "inherit"])];
    const child = spawn(command, { shell: true, stdio, env: { ...process.env, PATH } });
    let text = "";
    child.stdout?.on("data", (data) => (text += data));
    child.stderr?.on("data", (data) => (text += data));
    child.on("close", (status) => {
      process.stdout.write(text);
      done(status ?? 1);
    });
  });
}

const results = [];
/** Runs one check after the other, up to the first that fails. */
async function runAll(checks, quietly) {
  for (const name of checks) {
    const start = performance.now();
    let status = 0;
    for (const command of COMMANDS[name]) if (status === 0) status = await run(command, quietly);
    results.push([name, status]);
    console.log(
      `${status === 0 ? "ok    " : "FAILED"} ${name}, ${((performance.now() - start) / 1000).toFixed(0)} s\n`,
    );
    if (status !== 0) return;
  }
}

const failed = () => results.filter(([, status]) => status !== 0).map(([name]) => name);
if (names.length > 0 && !fast) {
  const unknown = names.filter((name) => !Object.hasOwn(COMMANDS, name));
  if (unknown.length > 0) {
    console.error(`check: expected some of ${Object.keys(COMMANDS).join(", ")}, got ${unknown.join(", ")}`);
    process.exit(2);
  }
  await runAll(names, false);
} else {
  await Promise.all(QUICK.map((checks) => runAll(checks, true)));
  if (!fast && failed().length === 0) await runAll(SLOW, false);
  if (!fast && !hasBrowser) {
    console.log(
      "SKIPPED the browser tests: install Chromium (Debian: apt-get install chromium) or set CHROMIUM to its path.",
    );
    if (process.env.CI === "true") results.push(["browser", 1]);
  }
}
if (failed().length > 0) console.log(`check: failed in ${failed().join(", ")}`);
process.exitCode = failed().length > 0 ? 1 : 0;
