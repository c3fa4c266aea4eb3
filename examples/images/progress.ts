/** Progress: a bar with the remaining time on a terminal, a line per quarter elsewhere. Also samples the memory of the process. */
import type { WriteStream } from "node:tty";
import type { Job } from "./experiment.js";

const BAR_WIDTH = 32;
const CLEAR_LINE = "\r\x1b[K";

/** Resident memory of the process in bytes, including all threads. */
export interface Memory {
  /** After a quarter of the steps. */
  readonly early: number;
  readonly end: number;
  readonly peak: number;
}

/** Shows how many files of the data have been read. */
export function showFiles(stream: WriteStream, done: number, total: number): void {
  if (stream.isTTY) stream.write(`${CLEAR_LINE}${done < total ? `${done} of ${total} files read` : ""}`);
  else if (done === total) stream.write(`${total} files read\n`);
}

/** Shows how much of the training is done and estimates the rest. */
export class Progress {
  readonly #stream: WriteStream;
  #total: number;
  readonly #steps = new Map<Job, number>();
  readonly #start = performance.now();
  readonly #samples: { readonly share: number; readonly bytes: number }[] = [];
  #quarters = 0;

  /** Creates a display with no progress. */
  constructor(stream: WriteStream, jobs: readonly Job[]) {
    this.#stream = stream;
    this.#total = jobs.reduce((sum, { steps }) => sum + steps, 0);
  }

  onProgress(job: Job, done: number): void {
    this.#steps.set(job, done);
    const share = [...this.#steps.values()].reduce((sum, steps) => sum + steps, 0) / Math.max(1, this.#total);
    this.#samples.push({ share, bytes: process.memoryUsage.rss() });
    const quarters = Math.floor(4 * share);
    const text = `${Math.floor(100 * share)}% of the training steps, ${this.#remaining(share)}`;
    if (this.#stream.isTTY) {
      const full = Math.floor(share * BAR_WIDTH);
      this.#stream.write(`${CLEAR_LINE}${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${text}`);
    } else if (quarters > this.#quarters) {
      this.#stream.write(`${text}\n`);
    }
    this.#quarters = quarters;
  }

  /** Leaves the steps out that a diverged network no longer does. */
  onFinished(job: Job, done: number): void {
    this.#total -= job.steps - done;
    this.onProgress(job, done);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE);
  }

  /** Returns the memory used during training. */
  get memory(): Memory {
    const early = this.#samples.find(({ share }) => share >= 0.25);
    const bytes = this.#samples.map((sample) => sample.bytes);
    return { early: early?.bytes ?? NaN, end: bytes.at(-1) ?? NaN, peak: Math.max(...bytes) };
  }

  #remaining(share: number): string {
    const seconds = (performance.now() - this.#start) / 1000;
    return share === 1
      ? `after ${seconds.toFixed(0)} s`
      : `about ${((seconds * (1 - share)) / share).toFixed(0)} s left`;
  }
}
