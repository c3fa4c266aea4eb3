/** A worker thread: trains one network after another. */
import { parentPort, workerData } from "node:worker_threads";
import { type ImageSet, received } from "../images/data.js";
import type { Job as ImageJob } from "../images/experiment.js";
import { type Run as ImageRun, train as trainOnImages } from "../images/train.js";
import type { Message } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

const REPORT_EVERY = 10;

const port = parentPort!;
const send = (message: Message<Run | ImageRun>): void => port.postMessage(message);
const images = received(workerData as ImageSet);

async function work(job: Job | ImageJob): Promise<void> {
  const onStep = (done: number): void => {
    if (done % REPORT_EVERY === 0) send({ kind: "progress", done });
  };
  const result = "architecture" in job ? await trainOnImages(job, images, onStep) : await train(job, onStep);
  send({ kind: "finished", result });
}

port.on("message", (job: Job | ImageJob) => void work(job));
