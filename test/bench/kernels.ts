/**
 * `npm run bench -- kernels`: the kernel sets of the library against each other and against naive loops, all in one run.
 *
 *   npm run bench -- kernels [words of a work's name] [--quick] [--json FILE]
 *
 * Figures are medians of alternating rounds, in milliseconds; a ratio says how many times faster a set is than naive loops.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { efforts, run } from "./works.js";

const { values: options, positionals } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const effort = options.quick ? efforts.quick : efforts.usual;
const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };
console.log(`${machine.cpu}, Node ${machine.node}, one thread; milliseconds, and times faster than naive loops\n`);
const results = run(positionals, effort, (line) => console.log(line));
if (options.json !== undefined) {
  const report = { date: new Date().toISOString(), machine, effort, results };
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
