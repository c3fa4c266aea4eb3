/** Who takes part in `npm run bench -- peers`: each in a process of its own, so that none collects the garbage of another. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { PeerWork } from "./works.js";

/** Milliseconds of a call: by the clock, and of processor time, which other programs on the machine disturb less. */
export interface Times {
  readonly wall: number;
  readonly processor: number;
}

export interface Result {
  readonly values: readonly number[];
  readonly times: Times;
}

export interface Contestant {
  readonly name: string;
  readonly version?: string;
  readonly prepare: (work: PeerWork) => Promise<void>;
  /** The numbers to compare, and the times of the call that computed them. */
  readonly result: () => Promise<Result>;
  /** Times of a call, over as many calls as fit into the time, at least two. */
  readonly time: (seconds: number) => Promise<Times>;
  readonly close: () => void;
}

/** What a contestant's process is asked for: to prepare a work, to time it, or for its numbers. */
export interface Request {
  readonly work?: PeerWork;
  readonly seconds?: number;
}

/** Any processor of this century does more with an optimized BLAS; the reference BLAS, which torch falls back to, does 2 to 5. */
const LEAST_GIGAFLOPS = 15;

/** This library. */
export function startOurs(): Contestant {
  return start("batchnorm", new URL("peers/ours.js", import.meta.url));
}

/** A peer in JavaScript, in a file beside its package.json. */
export function startPeer(name: string, file: string): Contestant {
  return start(name, pathToFileURL(resolve("test/bench/peers", file)));
}

function start(name: string, file: URL): Contestant {
  const child = fork(fileURLToPath(new URL("peers/process.js", import.meta.url)), [file.href], {
    serialization: "advanced",
  });
  return contestant(
    name,
    async (request) => {
      child.send(request);
      const listening = new AbortController();
      const ended = once(child, "exit", listening).then(([code]) => {
        throw new Error(`${name} ended with code ${code}`);
      });
      try {
        const [answer] = (await Promise.race([once(child, "message", listening), ended])) as unknown[];
        return answer;
      } finally {
        listening.abort();
      }
    },
    () => child.disconnect(),
  );
}

function contestant(name: string, ask: (request: Request) => Promise<unknown>, close: () => void): Contestant {
  return {
    name,
    prepare: async (work) => {
      await ask({ work });
    },
    result: async () => (await ask({})) as Result,
    time: async (seconds) => (await ask({ seconds })) as Times,
    close,
  };
}

/** PyTorch in a Python process of its own, or undefined where it is not installed. PYTHON names another interpreter. */
export async function startTorch(): Promise<Contestant | undefined> {
  const python = process.env["PYTHON"] ?? "/usr/bin/python3";
  if (!existsSync(python)) return undefined;
  // Neither BLAS nor OpenMP ask torch how many threads they may use.
  const env = { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1" };
  const child = spawn(python, [resolve("test/bench/peers/torch_peer.py")], { stdio: ["pipe", "pipe", "ignore"], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: Request): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request, encode)}\n`);
    const answer = (await lines.next()) as IteratorResult<string, undefined>;
    if (answer.value === undefined) throw new Error(`PyTorch ended with code ${child.exitCode}`);
    return JSON.parse(answer.value);
  };
  // Without torch the script ends at once, and reading from it gives nothing.
  const { value: line } = (await lines.next()) as IteratorResult<string, undefined>;
  if (line === undefined) return undefined;
  const { version, gigaflops } = JSON.parse(line) as { readonly version: string; readonly gigaflops: number };
  if (gigaflops < LEAST_GIGAFLOPS) {
    child.kill();
    const cure = "install an optimized BLAS (on Debian: libopenblas0-pthread)";
    throw new Error(`PyTorch multiplies matrices at ${gigaflops.toFixed(1)} GFLOP/s, on the reference BLAS - ${cure}`);
  }
  return { ...contestant("torch", ask, () => child.stdin.end()), version };
}

/** Arrays as the base64 text of their bytes. */
function encode(_: string, value: unknown): unknown {
  return value instanceof Float32Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
    : value;
}
