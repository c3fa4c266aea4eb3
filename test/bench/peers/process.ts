/** The process of a contestant in JavaScript: `process.js FILE`, with a file that exports `prepare`. */
import type { Run } from "../measure.js";
import type { Request, Result, Times } from "./contestants.js";
import type { PeerWork } from "./works.js";

const { prepare } = (await import(process.argv[2]!)) as { readonly prepare: (work: PeerWork) => Run | Promise<Run> };
let run: Run = () => [];

async function answer({ work, seconds }: Request): Promise<unknown> {
  if (work !== undefined) {
    run = await prepare(work);
    return null;
  }
  return seconds !== undefined ? timeOfCalls(seconds) : resultOfCall();
}

process.on("message", (request: Request) => {
  void answer(request).then((result) => process.send!(result));
});

/** Times of a call in milliseconds, over as many calls as fit, at least two. */
function timeOfCalls(seconds: number): Times {
  const start = performance.now();
  const end = start + 1000 * seconds;
  const before = process.cpuUsage();
  let calls = 0;
  do {
    run();
    calls++;
  } while (calls < 2 || performance.now() < end);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { wall: wall / calls, processor: (user + system) / 1000 / calls };
}

function resultOfCall(): Result {
  const start = performance.now();
  const before = process.cpuUsage();
  const values = Array.from(run());
  const { user, system } = process.cpuUsage(before);
  return { values, times: { wall: performance.now() - start, processor: (user + system) / 1000 } };
}
