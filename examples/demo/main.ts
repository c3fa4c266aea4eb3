/** The demo: trains the same networks with and without batch norm, prints the results and draws them. */
import { join } from "node:path";
import { defaultKernels } from "batchnorm";
import { stringifyReport } from "batchnorm/probes";
import { loadImages } from "../images/data.js";
import { planJobs as planImageJobs } from "../images/experiment.js";
import { accuracyTable as imageAccuracyTable } from "../images/tables.js";
import { writeWhole } from "../shared/files.js";
import { countWorkers } from "../shared/pool.js";
import { IMAGE_STEPS_SHARE, planJobs } from "./experiment.js";
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
  const imageSteps = Math.ceil(IMAGE_STEPS_SHARE * steps);
  const imageJobs = planImageJobs(["vgg"], 1, imageSteps);
  const images = await loadImages(undefined);
  const kernels = defaultKernels().name;
  const workers = countWorkers(jobs.length + imageJobs.length);
  console.log(
    `Training ${jobs.length} networks for ${steps} steps and ${imageJobs.length} convolutional networks for ${imageSteps}, ${workers} at a time, on the ${kernels} kernels.\n`,
  );

  const start = performance.now();
  const progress = new Progress(process.stderr, [...imageJobs, ...jobs]);
  const { runs, imageRuns } = await trainAll(jobs, imageJobs, images, progress);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;

  const summaries = summarize(runs);
  const tables = [accuracyTable(summaries), movementTable(summaries), landscapeTable(summaries)];
  for (const table of [...tables, imageAccuracyTable(imageRuns, images.facts)]) {
    console.log(printTable(table, process.stdout));
  }

  const page = join(out, "index.html");
  writeWhole(page, renderPage(runs, summaries, imageRuns, images.facts));
  if (picture !== undefined) writeWhole(picture, drawPicture(runs));
  if (json !== undefined) writeWhole(json, stringifyReport({ steps, seeds, kernels, summaries, runs, imageRuns }, 1));
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
