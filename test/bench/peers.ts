/**
 * `npm run bench -- peers`: this library against jax-js, TensorFlow.js and, where python3-torch is installed, PyTorch.
 *
 *   npm run bench -- peers [words of a work's name] [--quick] [--json FILE]
 *
 * One run, one thread, float32, a process for each contestant. All compute the same from the same numbers, which is checked
 * first; results are plain numbers again inside the timed region. Figures are milliseconds of processor time, which other
 * programs on the machine disturb least: medians over rounds in which the contestants take turns.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { defaultKernels } from "batchnorm";
import { median } from "./measure.js";
import { type Contestant, startOurs, startPeer, startTorch } from "./peers/contestants.js";
import { batchNormPeerWork, inferencePeerWork, matmulPeerWork, netPeerWork, type PeerWork } from "./peers/works.js";
import { deepLinearNet, deepNormalizedNet, mnistNet, wideNet } from "./model-works.js";

/** What is asked: so many times faster than each JavaScript peer, at most so many times slower than PyTorch. */
interface Goal {
  readonly jax: number;
  readonly tfjs: number;
  readonly torch: number;
}

const shapes = [
  [256, 512],
  [1024, 1024],
  [32, 64, 32, 32],
] as const;

const works: readonly (PeerWork & { readonly goal: Goal })[] = [
  ...shapes.map((shape) => ({ ...batchNormPeerWork(shape), goal: { jax: 2, tfjs: 10, torch: 2 } })),
  ...shapes.map((shape) => ({
    ...inferencePeerWork(shape),
    goal: { jax: 3, tfjs: 5, torch: shape.length === 4 ? 8 : 4 },
  })),
  { ...netPeerWork("training", mnistNet), goal: { jax: 1.8, tfjs: 8, torch: 1.5 } },
  { ...netPeerWork("training", wideNet), goal: { jax: 1.8, tfjs: 15, torch: 2.5 } },
  { ...netPeerWork("gradient", deepLinearNet), goal: { jax: 1.8, tfjs: 10, torch: 2.2 } },
  { ...netPeerWork("gradient", deepNormalizedNet), goal: { jax: 6, tfjs: 15, torch: 1.7 } },
  { ...matmulPeerWork(128, 784, 512), goal: { jax: 1.8, tfjs: 1.3, torch: 2.6 } },
  { ...matmulPeerWork(512, 512, 512), goal: { jax: 1.8, tfjs: 1.3, torch: 2.6 } },
];

const { values: options, positionals } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const effort = options.quick ? { rounds: 3, seconds: 0.05 } : { rounds: 5, seconds: 0.15 };

const torch = await startTorch();
const contestants: readonly Contestant[] = [
  startOurs(),
  startPeer("jax", "jax.mjs"),
  startPeer("tfjs", "tfjs.mjs"),
  ...(torch === undefined ? [] : [torch]),
];
const cpu = cpus()[0]?.model ?? "unknown";
const machine = { cpu, node: process.version, kernels: defaultKernels().name, pytorch: torch?.version };
console.log(`${new Date().toISOString().slice(0, 10)}, ${machine.cpu}, Node ${machine.node}, one thread each, float32`);
console.log(
  `batchnorm on the ${machine.kernels} kernels; milliseconds of processor time; PyTorch ${machine.pytorch ?? "not installed"}\n`,
);

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const goalOf = { jax: "≥", tfjs: "≥", torch: "≤" } as const;

console.log(row(["work", "batchnorm", "jax-js", "tfjs-wasm", "PyTorch", "÷ jax-js", "÷ tfjs", "PyTorch ÷"]));
console.log(row(["---", ...new Array<string>(7).fill("---:")]));
const results = [];
for (const { goal, ...work } of works) {
  if (!positionals.every((word) => work.name.includes(word))) continue;
  const rounds = new Map(contestants.map(({ name }): [string, number[]] => [name, []]));
  for (const contestant of contestants) await contestant.prepare(work);
  await compare(work);
  for (let round = 0; round <= effort.rounds; round++) {
    for (const contestant of contestants) {
      // The first round warms up: engines compile what runs often, and take their time.
      const milliseconds = await contestant.time(round === 0 ? 5 * effort.seconds : effort.seconds);
      if (round > 0) rounds.get(contestant.name)!.push(milliseconds);
    }
  }
  const times = Object.fromEntries([...rounds].map(([name, values]) => [name, median(values)]));
  const own = times["batchnorm"]!;
  const verdicts = (["jax", "tfjs", "torch"] as const).map((peer) => {
    const time = times[peer];
    if (time === undefined) return { peer, goal: goal[peer], ratio: undefined, reached: undefined };
    const ratio = peer === "torch" ? own / time : time / own;
    return { peer, goal: goal[peer], ratio, reached: peer === "torch" ? ratio <= goal[peer] : ratio >= goal[peer] };
  });
  const cells = verdicts.map(({ peer, goal: asked, ratio, reached }) =>
    ratio === undefined ? "-" : `${digits(ratio)} (${goalOf[peer]} ${asked})${reached ? "" : " missed"}`,
  );
  const all = ["batchnorm", "jax", "tfjs", "torch"].map((name) => (times[name] ? digits(times[name]) : "-"));
  console.log(row([work.name, ...all, ...cells]));
  results.push({ name: work.name, milliseconds: times, verdicts });
}
for (const contestant of contestants) contestant.close();
if (options.json !== undefined) {
  const report = { date: new Date().toISOString(), machine, effort, results };
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** Requires that all contestants give the same numbers, twice: the second call of a training step sees its own update. */
async function compare(work: PeerWork): Promise<void> {
  for (const call of ["first", "second"]) {
    const first = await contestants[0]!.result();
    const scale = first.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    for (const contestant of contestants.slice(1)) {
      const values = await contestant.result();
      const off = values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - first[i]!)), 0);
      if (values.length !== first.length || !(off <= work.tolerance * scale)) {
        const by = `${off / scale} of the largest of ${first.length} values`;
        throw new Error(`${work.name}: ${contestant.name} differs from batchnorm by ${by} in the ${call} call`);
      }
    }
  }
}
