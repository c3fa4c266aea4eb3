// `npm run test:browser`: the tests of test/browser in a real Chromium; says so and passes where none is installed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const places = [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
if (!places.some((path) => path !== "" && existsSync(path))) {
  console.log(
    "SKIPPED: no Chromium found. Install one (Debian: apt-get install chromium) or set CHROMIUM to its path.",
  );
  process.exit(process.env.CI === "true" ? 1 : 0);
}
const results = ["--reporter=default", "--reporter=json", "--outputFile.json=.build/test-results/browser.json"];
// One file after the other: two browsers at once would slow each other down.
const oneByOne = "--no-file-parallelism";
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--project",
  "browser",
  oneByOne,
  ...results,
  ...process.argv.slice(2),
];
process.exit(spawnSync(process.execPath, vitest, { stdio: "inherit" }).status ?? 1);
