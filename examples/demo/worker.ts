/** A worker thread: trains the networks that it is given, one after another. */
import { parentPort } from "node:worker_threads";
import type { Message } from "../shared/pool.js";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

const TELL_EVERY = 10;

const port = parentPort!;
const tell = (message: Message<Run>): void => port.postMessage(message);

port.on("message", (job: Job) => {
  void train(job, (done) => {
    if (done % TELL_EVERY === 0) tell({ kind: "progress", done });
  }).then((run) => tell({ kind: "finished", result: run }));
});
