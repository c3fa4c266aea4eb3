/** Who takes part in `npm run bench:peers`, each behind one interface. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { BatchNorm, defaultKernels, SGD, Tensor } from "batchnorm";
import { reciprocalStd } from "batchnorm/kernels";
import { opaque } from "../kernel-works.js";
import type { Run } from "../measure.js";
import { prepare } from "../model-works.js";
import type { NetPeerWork, NormPeerWork, PeerWork } from "./works.js";

export interface Contestant {
  readonly name: string;
  readonly version?: string;
  readonly prepare: (work: PeerWork) => Promise<void>;
  /** The numbers to compare. */
  readonly result: () => Promise<ArrayLike<number> & readonly number[]>;
  /** Processor time of a call in milliseconds, over as many calls as fit into the time, at least two. */
  readonly time: (seconds: number) => Promise<number>;
  readonly close: () => void;
}

/** A contestant that runs in this process. */
function here(name: string, prepareRun: (work: PeerWork) => Run): Contestant {
  let run: Run = () => [];
  return {
    name,
    prepare: (work) => {
      run = prepareRun(work);
      return Promise.resolve();
    },
    result: () => Promise.resolve(Array.from(run())),
    time: (seconds) => {
      const end = performance.now() + 1000 * seconds;
      const before = process.cpuUsage();
      let calls = 0;
      do {
        run();
        calls++;
      } while (calls < 2 || performance.now() < end);
      const { user, system } = process.cpuUsage(before);
      return Promise.resolve((user + system) / 1000 / calls);
    },
    close: () => undefined,
  };
}

/** A peer in JavaScript, in a file beside its package.json. */
export async function script(name: string, file: string): Promise<Contestant> {
  const url = pathToFileURL(resolve("test/bench/peers", file)).href;
  const peer = (await import(url)) as { readonly prepare: (work: PeerWork) => Run };
  return here(name, (work) => peer.prepare(work));
}

/** This library: whole layers and models as its users write them, products and inference on its kernels. */
export const ours: Contestant = here("batchnorm", (work) => {
  switch (work.kind) {
    case "matmul": {
      const args = opaque({ ...work, out: new Float32Array(work.rows * work.columns) });
      return () => {
        defaultKernels().matmul(args);
        return args.out;
      };
    }
    case "inference":
      return inference(work);
    case "batchNorm":
      return batchNorm(work);
    case "training":
    case "gradient":
      return net(work);
  }
});

function inference(work: NormPeerWork): Run {
  const [outer, channels, ...rest] = work.shape as readonly [number, number, ...number[]];
  const args = opaque({
    ...work,
    view: { outer, channels, inner: rest.reduce((product, length) => product * length, 1) },
    mean: Float64Array.from(work.mean),
    variance: Float64Array.from(work.variance),
    rstd: new Float64Array(channels),
    y: new Float32Array(work.x.length),
  });
  return () => {
    reciprocalStd(args.variance, args.epsilon, args.rstd);
    defaultKernels().normalize(args);
    return args.y;
  };
}

function batchNorm(work: NormPeerWork): Run {
  const layer = new BatchNorm({ features: work.shape[1]!, epsilon: work.epsilon });
  layer.gamma?.update((values) => values.set(work.gamma));
  layer.beta?.update((values) => values.set(work.beta));
  const input = new Tensor(work.x, work.shape);
  const gradOutput = new Tensor(work.dy, work.shape);
  return () => layer.forward(input, { mode: "train" }).backward(gradOutput).gradInput.data;
}

function net({ kind, net: description, learningRate }: NetPeerWork): Run {
  const { model, input, lossOf } = prepare(description);
  const optimizer = new SGD(model.parameters, { learningRate });
  return () => {
    const { output, backward } = model.forward(input, { mode: kind === "training" ? "train" : "probe" });
    const { loss, gradOutput } = lossOf(output);
    const { gradients } = backward(gradOutput);
    if (kind === "gradient") return gradients.get(model.parameters[0]!)!.data;
    optimizer.step(gradients);
    return [loss];
  };
}

/** PyTorch in a Python process of its own, or undefined where it is not installed. PYTHON names another interpreter. */
export async function startTorch(): Promise<Contestant | undefined> {
  const python = process.env["PYTHON"] ?? "/usr/bin/python3";
  if (!existsSync(python)) return undefined;
  const child = spawn(python, [resolve("test/bench/peers/torch_peer.py")], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request, encode)}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`PyTorch ended with code ${child.exitCode}`);
    return JSON.parse(value);
  };
  // Without torch the script ends at once, and reading from it gives nothing.
  const [line] = await Promise.race([once(child, "exit"), lines.next().then(({ value }) => [value])]);
  if (typeof line !== "string") return undefined;
  return {
    name: "torch",
    version: JSON.parse(line) as string,
    prepare: async (work) => void (await ask({ work })),
    result: async () => (await ask({})) as number[],
    time: async (seconds) => (await ask({ seconds })) as number,
    close: () => child.stdin.end(),
  };
}

/** Arrays as the base64 text of their bytes. */
function encode(_: string, value: unknown): unknown {
  return value instanceof Float32Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
    : value;
}
