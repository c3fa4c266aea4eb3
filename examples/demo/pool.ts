/** Trains all networks in worker threads, as many at a time as there are processors. */
import { Pool } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import type { Run } from "./train.js";

/** Called with the progress of each network, in steps, and with its result. */
export interface PoolListener {
  onProgress(job: Job, done: number): void;
  onFinished(job: Job, run: Run): void;
}

/** Trains all networks; returns the runs in the order of the jobs. */
export async function trainAll(jobs: readonly Job[], listener: PoolListener): Promise<Run[]> {
  const pool = new Pool<Job, Run>(new URL("worker.js", import.meta.url));
  const train = async (job: Job): Promise<Run> => {
    const run = await pool.ask(job, (done) => listener.onProgress(job, done));
    listener.onFinished(job, run);
    return run;
  };
  try {
    return await Promise.all(jobs.map(train));
  } finally {
    await pool.close();
  }
}
