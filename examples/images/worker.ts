/** A worker thread: trains one network after another. */
import { parentPort, workerData } from "node:worker_threads";
import type { Message } from "../shared/pool.js";
import { type ImageSet, received } from "./data.js";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

const REPORT_EVERY = 5;

const port = parentPort!;
const send = (message: Message<Run>): void => port.postMessage(message);
const images = received(workerData as ImageSet);

async function work(job: Job): Promise<void> {
  const run = await train(job, images, (done) => {
    if (done % REPORT_EVERY === 0) send({ kind: "progress", done });
  });
  send({ kind: "finished", result: run });
}

port.on("message", (job: Job) => void work(job));
