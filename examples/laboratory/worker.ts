/** A worker thread: makes one requested measurement after another. */
import { parentPort, workerData } from "node:worker_threads";
import type { Message } from "../shared/pool.js";
import { type Data, openSource } from "./data.js";
import { type Job, measure } from "./measure/index.js";

const REPORT_EVERY = 10;

const port = parentPort!;
const source = openSource((workerData as { readonly data: Data }).data);
const send = (message: Message<unknown>): void => port.postMessage(message);

port.on("message", (job: Job) => {
  void measure(job, source, (done) => {
    if (done % REPORT_EVERY === 0) send({ kind: "progress", done });
  }).then((result) => send({ kind: "finished", result }));
});
