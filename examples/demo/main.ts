/** The demo: trains the same networks with and without batch norm, prints the results and draws them. */
import { join } from "node:path";
import { defaultKernels } from "batchnorm";
import { stringifyReport } from "batchnorm/probes";
import { writeWhole } from "../shared/files.js";
import { countWorkers } from "../shared/pool.js";
import { planJobs } from "./experiment.js";
import { UsageError } from "../shared/usage.js";
import { type Options, readOptions, USAGE } from "./options.js";
import { trainAll } from "./pool.js";
import { Progress } from "./progress.js";
import { renderPage } from "./report/page.js";
import { drawPicture } from "./report/picture.js";
import { summarize } from "./summary.js";
import { accuracyTable, landscapeTable, movementTable } from "./tables.js";
import { printTable } from "./terminal.js";

async function run({ steps, seeds, out, json, picture }: Options): Promise<void> {
  const jobs = planJobs(seeds, steps);
  const kernels = defaultKernels().name;
  console.log(
    `Training ${jobs.length} networks for ${steps} steps, ${countWorkers(jobs.length)} at a time, on the ${kernels} kernels.\n`,
  );

  const start = performance.now();
  const progress = new Progress(process.stderr, jobs);
  const runs = await trainAll(jobs, progress);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;

  const summaries = summarize(runs);
  for (const table of [accuracyTable(summaries), movementTable(summaries), landscapeTable(summaries)]) {
    console.log(printTable(table, process.stdout));
  }

  const page = join(out, "index.html");
  writeWhole(page, renderPage(runs, summaries));
  if (picture !== undefined) writeWhole(picture, drawPicture(runs));
  if (json !== undefined) writeWhole(json, stringifyReport({ steps, seeds, kernels, summaries, runs }, 1));
  console.log(`Trained and measured in ${seconds.toFixed(1)} s. Figures: ${page}`);
}

// Node runs this handler between two synchronous writes, never during one, so an interrupt leaves no half-written file.
process.on("SIGINT", () => process.exit(130));

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`demo: ${error.message} - see npm run demo -- --help`);
  process.exitCode = 2;
}
