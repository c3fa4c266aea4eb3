// Runs a benchmark:
//   npm run bench                       the kernels
//   npm run bench -- peers [arguments]  another one
import { execFileSync, execSync } from "node:child_process";

const page = "test/bench/browser-page.ts test/bench/index.html";
const BENCHES = {
  kernels: { programs: ["kernels.ts"] },
  cost: { programs: ["cost.ts"] },
  cold: { programs: ["cold.ts"], before: "npm run -s build" },
  errors: { programs: ["errors.ts"] },
  probes: { programs: ["probes.ts"] },
  browser: {
    programs: ["browser.ts"],
    before: `npx esbuild ${page} --bundle --format=esm --target=es2022 --loader:.html=copy --log-level=warning --outdir=.build/bench/browser`,
  },
  peers: {
    programs: ["peers.ts", "peers/process.ts", "peers/ours.ts"],
    before: "npm ci --prefix test/bench/peers --silent",
  },
};

const [name = "kernels", ...rest] = process.argv.slice(2);
if (!Object.hasOwn(BENCHES, name)) {
  console.error(`bench: expected one of ${Object.keys(BENCHES).join(", ")}, got ${name}`);
  process.exit(2);
}
const { programs, before } = BENCHES[name];
if (before !== undefined) execSync(before, { stdio: ["ignore", "ignore", "inherit"] });
const list = programs.map((program) => `test/bench/${program}`).join();
execFileSync(process.execPath, ["test/support/run.mjs", list, ...rest], { stdio: "inherit" });
