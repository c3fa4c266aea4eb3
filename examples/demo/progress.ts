/** Progress: a bar on a terminal, plain lines elsewhere. */
import type { WriteStream } from "node:tty";
import { type Job as ImageJob, NAMES } from "../images/experiment.js";
import type { Run as ImageRun } from "../images/train.js";
import { type Job, nameOf } from "./experiment.js";
import type { PoolListener } from "./pool.js";
import type { Run } from "./train.js";

const BAR_WIDTH = 32;
const CLEAR_LINE = "\r\x1b[K";

/** Shows the progress of training. */
export class Progress implements PoolListener {
  readonly #stream: WriteStream;
  readonly #jobs: readonly (Job | ImageJob)[];
  readonly #steps = new Map<Job | ImageJob, number>();
  #finished = 0;

  /** Creates a display with no progress. */
  constructor(stream: WriteStream, jobs: readonly (Job | ImageJob)[]) {
    this.#stream = stream;
    this.#jobs = jobs;
  }

  onProgress(job: Job | ImageJob, done: number): void {
    this.#steps.set(job, done);
    if (this.#stream.isTTY) this.#stream.write(`${CLEAR_LINE}${this.#bar()}`);
  }

  onFinished(job: Job | ImageJob, run: Run | ImageRun): void {
    this.#finished++;
    // A diverged network has no steps left.
    this.onProgress(job, job.steps);
    if (!this.#stream.isTTY) this.#stream.write(`${this.#count()}  ${describe(run)}\n`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE);
  }

  #bar(): string {
    const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);
    const share = sum(this.#steps.values()) / sum(this.#jobs.map((job) => job.steps));
    const full = Math.floor(share * BAR_WIDTH);
    const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
    return `${bar} ${Math.floor(100 * share)}%  ${this.#count()} networks trained`;
  }

  #count(): string {
    const total = String(this.#jobs.length);
    return `${String(this.#finished).padStart(total.length)}/${total}`;
  }
}

function describe(run: Run | ImageRun): string {
  const outcome =
    run.divergedAt === null
      ? `test accuracy ${run.accuracies.at(-1)!.accuracy.toFixed(3)}`
      : `diverged after ${run.divergedAt} steps`;
  const name = "architecture" in run ? NAMES[run.architecture] : nameOf(run);
  return `${name}, ${run.network}, seed ${run.seed}: ${outcome}`;
}
