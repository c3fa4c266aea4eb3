/** Pool: worker threads that process one job after another, one thread per processor. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** A message from a worker about its job. */
export type Message<Result> =
  { readonly kind: "progress"; readonly done: number } | { readonly kind: "finished"; readonly result: Result };

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly onProgress: (done: number) => void;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** Returns the number of jobs processed in parallel. */
export function countWorkers(jobs: number): number {
  return Math.min(jobs, availableParallelism());
}

/** Distributes jobs to worker threads, in order of arrival. */
export class Pool<Job, Result> {
  readonly #script: URL;
  readonly #workerData: unknown;
  readonly #queue: Waiting<Job, Result>[] = [];
  readonly #workers = new Set<Worker>();
  #idle: Worker[] = [];

  /** Creates a pool; threads are started when there are jobs for them. */
  constructor(script: URL, workerData?: unknown) {
    this.#script = script;
    this.#workerData = workerData;
  }

  /** Processes a job in a worker thread; resolves to its result. */
  ask(job: Job, onProgress: (done: number) => void = () => undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, onProgress, resolve, reject });
      this.#next();
    });
  }

  /** Terminates all threads, including busy ones. */
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
