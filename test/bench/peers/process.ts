/** The process of a contestant in JavaScript: `process.js FILE`, with a file that exports `prepare`. */
import type { Run } from "../measure.js";
import type { Request, Times } from "./contestants.js";
import type { PeerWork } from "./works.js";

const { prepare } = (await import(process.argv[2]!)) as { readonly prepare: (work: PeerWork) => Run };
let run: Run = () => [];

process.on("message", ({ work, seconds }: Request) => {
  if (work !== undefined) run = prepare(work);
  process.send!(work !== undefined ? null : seconds !== undefined ? timeOfCalls(seconds) : Array.from(run()));
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
