/** A worker thread: trains one network after another. */
import { parentPort } from "node:worker_threads";
import type { Message } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

const REPORT_EVERY = 10;

const port = parentPort!;
const send = (message: Message<Run>): void => port.postMessage(message);

port.on("message", (job: Job) => {
  void train(job, (done) => {
    if (done % REPORT_EVERY === 0) send({ kind: "progress", done });
  }).then((run) => send({ kind: "finished", result: run }));
});
