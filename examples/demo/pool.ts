/** The pool: trains all networks, as many at a time as there are processors. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Job } from "./experiment.js";
import type { Run } from "./train.js";
import type { Message } from "./worker.js";

/** Told how many steps a network has done, and its result when it has finished. */
export interface PoolListener {
  onProgress(job: Job, done: number): void;
  onFinished(job: Job, run: Run): void;
}

/** How many networks are trained at a time. */
export function countWorkers(jobs: number): number {
  return Math.min(jobs, availableParallelism());
}

/** Trains every job; the runs come in the order of the jobs, whichever finished first. */
export async function trainAll(jobs: readonly Job[], listener: PoolListener): Promise<Run[]> {
  const runs: Run[] = [];
  let next = 0;
  const workers = Array.from(
    { length: countWorkers(jobs.length) },
    () => new Worker(new URL("worker.js", import.meta.url)),
  );
  const work = async (worker: Worker): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      const job = jobs[index]!;
      const run = await trainOn(worker, job, (done) => listener.onProgress(job, done));
      runs[index] = run;
      listener.onFinished(job, run);
    }
  };
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return runs;
}

function trainOn(worker: Worker, job: Job, onProgress: (done: number) => void): Promise<Run> {
  return new Promise((resolve, reject) => {
    worker.removeAllListeners();
    worker.on("error", reject);
    worker.on("message", (message: Message) => {
      if (message.kind === "progress") onProgress(message.done);
      else resolve(message.run);
    });
    worker.postMessage(job);
  });
}
