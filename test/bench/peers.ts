/**
 * `npm run bench -- peers`: this library against jax-js, TensorFlow.js and, where python3-torch is installed, PyTorch.
 *
 *   npm run bench -- peers [words of a work's name] [--quick] [--json FILE]
 *   npm run bench -- peers resnet --quick
 *
 * One run, one thread, float32, a process for each contestant. All compute the same from the same numbers, which is checked
 * first; results are plain numbers again inside the timed region. Figures are milliseconds by the clock, and in brackets of
 * processor time: medians over rounds in which the contestants take turns. A call that takes longer than a second is timed only
 * while its result is compared, and one that takes more than a minute of processor time is made only once. Ratios compare times
 * by the clock.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { defaultKernels } from "batchnorm";
import { median } from "./measure.js";
import { type Contestant, startOurs, startPeer, startTorch, type Times } from "./peers/contestants.js";
import {
  batchNormPeerWork,
  convolutionPeerWork,
  imagePeerWork,
  inferencePeerWork,
  intoPeerWork,
  matmulPeerWork,
  netPeerWork,
  type PeerWork,
  stackPeerWork,
} from "./peers/works.js";
import { imageNets } from "./image-works.js";
import { deepLinearNet, deepNormalizedNet, mnistNet, wideNet } from "./model-works.js";

type Peer = "jax" | "tfjs" | "torch";

/** What is asked: to be at least so many times as fast as a peer. */
type Goals = Partial<Readonly<Record<Peer, number>>>;

/** Milliseconds after which a call is timed only once. */
const LONG = 1000;
/** Milliseconds of processor time after which there is no second call. No compilation in the first call takes as long. */
const VERY_LONG = 60_000;

const shapes = [
  [256, 512],
  [1024, 1024],
  [32, 64, 32, 32],
] as const;

const convolutions = [
  [[64, 16, 14, 14], 32],
  [[64, 8, 28, 28], 8],
  [[64, 64, 3, 3], 64],
] as const;

const works: readonly (PeerWork & { readonly goals: Goals })[] = [
  ...shapes.map((shape) => ({ ...batchNormPeerWork(shape), goals: { jax: 1.7, torch: 0.55 } })),
  ...shapes.map((shape) => ({ ...inferencePeerWork(shape), goals: { torch: 0.35 } })),
  ...shapes.map((shape) => ({ ...intoPeerWork(shape), goals: { torch: 0.6 } })),
  ...shapes.map((shape) => ({ ...stackPeerWork(shape), goals: { jax: 2.2, torch: 1.1 } })),
  { ...netPeerWork("training", mnistNet), goals: {} },
  { ...netPeerWork("training", wideNet), goals: { jax: 2.5 } },
  { ...netPeerWork("gradient", deepLinearNet), goals: {} },
  { ...netPeerWork("gradient", deepNormalizedNet), goals: { jax: 4 } },
  ...imageNets.map((net) => ({ ...imagePeerWork(net), goals: { jax: 40, torch: 0.45 } })),
  ...convolutions.map(([shape, outputs]) => ({ ...convolutionPeerWork(shape, outputs), goals: {} })),
  { ...matmulPeerWork(128, 784, 512), goals: {} },
  { ...matmulPeerWork(512, 512, 512), goals: { tfjs: 1.5 } },
  { ...matmulPeerWork(1024, 1024, 1024), goals: { tfjs: 1.2 } },
];

const { values: options, positionals } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const isNamed = ({ name }: PeerWork): boolean =>
  positionals.every((word) => name.toLowerCase().includes(word.toLowerCase()));
if (!works.some(isNamed)) {
  const names = works.map(({ name }) => name).join("\n  ");
  console.error(
    `bench: expected words from the name of a work, got ${positionals.join(" ")}; the works are\n  ${names}`,
  );
  process.exit(2);
}
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
  `batchnorm on the ${machine.kernels} kernels; milliseconds by the clock (of processor time); PyTorch ${machine.pytorch ?? "not installed"}\n`,
);

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

console.log(row(["work", "batchnorm", "jax-js", "tfjs-wasm", "PyTorch", "jax-js ÷", "tfjs ÷", "PyTorch ÷"]));
console.log(row(["---", ...new Array<string>(7).fill("---:")]));
const results = [];
for (const { goals, ...work } of works) {
  if (!isNamed(work)) continue;
  const rounds = new Map(contestants.map(({ name }): [string, Times[]] => [name, []]));
  for (const contestant of contestants) await contestant.prepare(work);
  const slow = await compare(work);
  for (const [{ name }, times] of slow) rounds.get(name)!.push(times);
  for (let round = 0; round <= effort.rounds; round++) {
    for (const contestant of contestants) {
      if (slow.has(contestant)) continue;
      // The first round warms up: engines compile what runs often, and take their time.
      const times = await contestant.time(round === 0 ? 5 * effort.seconds : effort.seconds);
      if (round > 0) rounds.get(contestant.name)!.push(times);
    }
  }
  const medians = new Map<string, Times>(
    [...rounds].map(([name, times]) => {
      const of = (key: keyof Times): number => median(times.map((each) => each[key]));
      return [name, { wall: of("wall"), processor: of("processor") }];
    }),
  );
  const verdicts = (["jax", "tfjs", "torch"] as const).map((peer) => {
    const times = medians.get(peer);
    const ratio = times && times.wall / medians.get("batchnorm")!.wall;
    const goal = goals[peer];
    return { peer, ratio, goal, reached: ratio === undefined || goal === undefined ? undefined : ratio >= goal };
  });
  const cells = verdicts.map(({ ratio, goal, reached }) => {
    if (ratio === undefined) return "-";
    return goal === undefined ? digits(ratio) : `${digits(ratio)} (≥ ${goal})${reached ? "" : " missed"}`;
  });
  const all = ["batchnorm", "jax", "tfjs", "torch"].map((name) => {
    const times = medians.get(name);
    return times === undefined ? "-" : `${digits(times.wall)} (${digits(times.processor)})`;
  });
  console.log(row([work.name, ...all, ...cells]));
  results.push({ name: work.name, milliseconds: Object.fromEntries(medians), verdicts });
}
for (const contestant of contestants) contestant.close();
if (options.json !== undefined) {
  const report = { date: new Date().toISOString(), machine, effort, results };
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

/**
 * Requires that all contestants compute the same numbers, twice, because the second call of a training step works on the weights
 * that the first one updated. Returns the times of the contestants that are slow.
 */
async function compare(work: PeerWork): Promise<Map<Contestant, Times>> {
  const slow = new Map<Contestant, Times>();
  for (const call of ["first", "second"]) {
    const { values: first } = await contestants[0]!.result();
    const scale = first.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    for (const contestant of contestants.slice(1)) {
      if (slow.has(contestant)) continue;
      const { values, times } = await contestant.result();
      const isSlow = call === "first" ? times.processor > VERY_LONG : times.wall > LONG;
      if (isSlow) slow.set(contestant, times);
      const beyond = values.filter((value, i) => !(Math.abs(value - first[i]!) <= work.tolerance * scale)).length;
      if (values.length !== first.length || beyond > (work.cutOff ?? 0) * values.length) {
        const by = `more than ${work.tolerance} of the largest in ${beyond} of ${first.length} values`;
        throw new Error(`${work.name}: ${contestant.name} differs from batchnorm by ${by} in the ${call} call`);
      }
    }
  }
  return slow;
}
