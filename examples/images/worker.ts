/** A worker thread: trains one network after another. */
import { parentPort } from "node:worker_threads";
import { readFashion } from "../data/fashion-file.js";
import type { Message } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

const REPORT_EVERY = 5;

const port = parentPort!;
const send = (message: Message<Run>): void => port.postMessage(message);
const fashion = readFashion();

async function work(job: Job): Promise<void> {
  const run = await train(job, await fashion, (done) => {
    if (done % REPORT_EVERY === 0) send({ kind: "progress", done });
  });
  send({ kind: "finished", result: run });
}

port.on("message", (job: Job) => void work(job));
