/** Images: trains convolutional networks with and without batch norm, prints the results and draws them. */
import { defaultKernels } from "batchnorm";
import { stringifyReport } from "batchnorm/probes";
import { DataError } from "../data/full-sets.js";
import { printTable } from "../demo/terminal.js";
import { writeWhole } from "../shared/files.js";
import { countWorkers, Pool } from "../shared/pool.js";
import { UsageError } from "../shared/usage.js";
import { type ImageSet, loadImages } from "./data.js";
import { type Job, planJobs } from "./experiment.js";
import { type Options, readOptions, USAGE } from "./options.js";
import { type Memory, Progress, showFiles } from "./progress.js";
import { renderPage } from "./report/page.js";
import { accuracyTable, landscapeTable } from "./tables.js";
import type { Run } from "./train.js";

async function run({ architectures, data, steps, seed, page, json }: Options): Promise<void> {
  const images = await loadImages(data, (done, total) => showFiles(process.stderr, done, total));
  const { facts } = images;
  const jobs = planJobs(architectures, seed, steps);
  const workers = countWorkers(jobs.length);
  const kernels = defaultKernels().name;
  console.log(
    `Training ${jobs.length} networks for ${steps} steps, ${workers} at a time, on the ${kernels} kernels.\n`,
  );

  const start = performance.now();
  const progress = new Progress(process.stderr, jobs);
  const runs = await trainAll(jobs, images, progress);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;

  for (const table of [accuracyTable(runs, facts), landscapeTable(runs)])
    console.log(printTable(table, process.stdout));
  const memory = describe(progress.memory, workers);
  console.log(memory);
  writeWhole(page, renderPage(runs, facts, memory));
  if (json !== undefined)
    writeWhole(json, stringifyReport({ data: facts, steps, seed, kernels, memory: progress.memory, runs }, 1));
  console.log(`Trained and measured in ${seconds.toFixed(1)} s. Figures: ${page}`);
}

async function trainAll(jobs: readonly Job[], images: ImageSet, progress: Progress): Promise<Run[]> {
  const pool = new Pool<Job, Run>(new URL("worker.js", import.meta.url), images);
  const train = async (job: Job): Promise<Run> => {
    const result = await pool.ask(job, (done) => progress.onProgress(job, done));
    progress.onFinished(job, result.divergedAt ?? job.steps);
    return result;
  };
  try {
    return await Promise.all(jobs.map(train));
  } finally {
    await pool.close();
  }
}

function describe({ early, end, peak }: Memory, workers: number): string {
  const [first, last, most] = [early, end, peak].map((bytes) => (bytes / 1e6).toFixed(0));
  const threads = workers === 1 ? "one training thread" : `${workers} training threads`;
  return `Memory of the process with ${threads}: ${first!} MB after a quarter of the steps, ${last!} MB at the end, at most ${most!} MB.`;
}

// Node runs this handler between two synchronous writes, never during one, so an interrupt leaves no half-written file.
process.on("SIGINT", () => process.exit(130));

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof DataError)) throw error;
  const hint = error instanceof UsageError ? " - see npm run example -- images --help" : "";
  console.error(`images: ${error.message}${hint}`);
  process.exitCode = 2;
}
