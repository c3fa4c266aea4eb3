/** The process of a contestant in JavaScript: `process.js FILE`, with a file that exports `prepare`. */
import type { Run } from "../measure.js";
import type { Request } from "./contestants.js";
import type { PeerWork } from "./works.js";

const { prepare } = (await import(process.argv[2]!)) as { readonly prepare: (work: PeerWork) => Run };
let run: Run = () => [];

process.on("message", ({ work, seconds }: Request) => {
  if (work !== undefined) run = prepare(work);
  process.send!(work !== undefined ? null : seconds !== undefined ? timeOfCalls(seconds) : Array.from(run()));
});

/** Processor time of a call in milliseconds, over as many calls as fit, at least two. */
function timeOfCalls(seconds: number): number {
  const end = performance.now() + 1000 * seconds;
  const before = process.cpuUsage();
  let calls = 0;
  do {
    run();
    calls++;
  } while (calls < 2 || performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / calls;
}
