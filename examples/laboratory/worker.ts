/** A worker thread: measures what it is asked for, one thing after another. */
import { parentPort, workerData } from "node:worker_threads";
import type { Message } from "../shared/pool.js";
import { openSource } from "./data.js";
import { type Job, measure } from "./measure/index.js";

const TELL_EVERY = 20;

const port = parentPort!;
const source = openSource((workerData as { readonly data: string | undefined }).data);
const tell = (message: Message<unknown>): void => port.postMessage(message);

port.on("message", (job: Job) => {
  void measure(job, source, (done) => {
    if (done % TELL_EVERY === 0) tell({ kind: "progress", done });
  }).then((result) => tell({ kind: "finished", result }));
});
