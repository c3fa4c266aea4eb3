/** A worker thread: trains the networks that it is given, one after another. */
import { parentPort } from "node:worker_threads";
import type { Job } from "./experiment.js";
import { type Run, train } from "./train.js";

/** What a worker tells. */
export type Message =
  { readonly kind: "progress"; readonly done: number } | { readonly kind: "finished"; readonly run: Run };

const TELL_EVERY = 10;

const port = parentPort!;
const tell = (message: Message): void => port.postMessage(message);

port.on("message", (job: Job) => {
  void train(job, (done) => {
    if (done % TELL_EVERY === 0) tell({ kind: "progress", done });
  }).then((run) => tell({ kind: "finished", run }));
});
