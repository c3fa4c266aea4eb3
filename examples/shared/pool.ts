/** The pool: worker threads that take one job after another, as many at a time as there are processors. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** What a worker tells of its job. */
export type Message<Result> =
  { readonly kind: "progress"; readonly done: number } | { readonly kind: "finished"; readonly result: Result };

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly onProgress: (done: number) => void;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** How many jobs are done at a time. */
export function countWorkers(jobs: number): number {
  return Math.min(jobs, availableParallelism());
}

/** Gives jobs to worker threads, first come, first served. */
export class Pool<Job, Result> {
  readonly #script: URL;
  readonly #workerData: unknown;
  readonly #queue: Waiting<Job, Result>[] = [];
  readonly #workers = new Set<Worker>();
  #idle: Worker[] = [];

  /** No thread is started before there is a job for it. */
  constructor(script: URL, workerData?: unknown) {
    this.#script = script;
    this.#workerData = workerData;
  }

  /** Does one job; resolves to what came out. */
  ask(job: Job, onProgress: (done: number) => void = () => undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, onProgress, resolve, reject });
      this.#next();
    });
  }

  /** Ends all threads, also at work. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#queue.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#workers.size < availableParallelism() ? this.#start() : undefined);
    if (worker === undefined) return;
    const { job, onProgress, resolve, reject } = this.#queue.shift()!;
    worker.removeAllListeners();
    worker.on("error", (error) => {
      this.#workers.delete(worker);
      reject(error);
      this.#next();
    });
    worker.on("message", (message: Message<Result>) => {
      if (message.kind === "progress") {
        onProgress(message.done);
        return;
      }
      this.#idle.push(worker);
      resolve(message.result);
      this.#next();
    });
    worker.postMessage(job);
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { workerData: this.#workerData });
    this.#workers.add(worker);
    return worker;
  }
}
