/** Trains all networks in worker threads, as many at a time as there are processors. */
import type { ImageSet } from "../images/data.js";
import type { Job as ImageJob } from "../images/experiment.js";
import type { Run as ImageRun } from "../images/train.js";
import { Pool } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import type { Run } from "./train.js";

/** Called with the progress of each network, in steps, and with its result. */
export interface PoolListener {
  onProgress(job: Job | ImageJob, done: number): void;
  onFinished(job: Job | ImageJob, run: Run | ImageRun): void;
}

/** The results, in the order of the jobs. */
export interface Trained {
  readonly runs: Run[];
  readonly imageRuns: ImageRun[];
}

/** Trains all networks: those for images first, because they take the longest. */
export async function trainAll(
  jobs: readonly Job[],
  imageJobs: readonly ImageJob[],
  images: ImageSet,
  listener: PoolListener,
): Promise<Trained> {
  const pool = new Pool<Job | ImageJob, Run | ImageRun>(new URL("worker.js", import.meta.url), images);
  const train = async (job: Job | ImageJob): Promise<Run | ImageRun> => {
    const run = await pool.ask(job, (done) => listener.onProgress(job, done));
    listener.onFinished(job, run);
    return run;
  };
  try {
    const [imageRuns, runs] = await Promise.all([Promise.all(imageJobs.map(train)), Promise.all(jobs.map(train))]);
    // The worker returns a result of the kind that it was given.
    return { runs: runs as Run[], imageRuns: imageRuns as ImageRun[] };
  } finally {
    await pool.close();
  }
}
