/** Claim 14: gradient explosion and rank collapse at initialization, in one figure. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { eachSeed, lineOf } from "../study.js";
import { judge, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES.initialization;

export const initialization: Claim = {
  number: 14,
  name: "initialization",
  quick: false,
  seconds: { MLP: 6 },
  title: "At initialization, gradients explode with batch norm and ranks collapse without it",
  who: "Explosion: Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz 2019 (arXiv:1902.08129). Collapse: Daneshmand, Kohler, Bach, Hofmann & Lucchi 2020 (arXiv:2003.01652).",
  definition:
    "Growth is the factor by which the squared norm of the weight gradient increases per layer toward the input, fitted over the middle layers. Theory predicts pi / (pi - 1) = 1.467 for ReLU. Effective rank is (tr K)^2 / tr(K^2) with K = H H', where H contains the pre-activations, one row per sample, not centered.",
  settings:
    "24 hidden layers of width 128, batch size 128, standard normal inputs, random labels. ReLU with He initialization; linear and tanh for comparison.",
  differences:
    "Finite width and batch size, whereas the theory takes the width to infinity first. --full uses width 512 and batch size 256.",
  counterEvidence:
    "Ioffe & Szegedy 2015 expected batch norm to prevent exploding gradients. Meterez et al. 2024 show that the rank can be preserved without the explosion. At batch size 16 and width 32, the growth is 1.6.",
  reading:
    "A deep plain network makes all samples nearly parallel. Batch norm keeps them apart, at the cost of gradients that grow with depth. In a linear network, gradients do not explode.",
  async run(study) {
    const size = study.extent === "full" ? { width: 512, batch: 256 } : { width: 128, batch: 128 };
    const layers = 24;
    const ask = (network: "plain" | "batch norm", activation: "ReLU" | "none" | "tanh") =>
      eachSeed(study, (seed) => study.ask("signals", { network, activation, seed, layers, ...size }));
    const [norm, plain, linear, tanh] = await Promise.all([
      ask("batch norm", "ReLU"),
      ask("plain", "ReLU"),
      ask("batch norm", "none"),
      ask("batch norm", "tanh"),
    ]);
    const setting = `ReLU, 24x${size.width}, batch size ${size.batch}`;
    const growth = (runs: typeof norm): number[] => runs.map((run) => run.growth);
    const last = (runs: typeof norm): number[] => runs.map(({ ranks }) => ranks.at(-1)!);
    const byLayer = (runs: typeof norm, values: (run: (typeof norm)[number]) => readonly number[]) =>
      lineOf(runs.map((run) => values(run).map((y, i) => ({ x: i + 1, y }))));
    const x = { label: "layer", type: "linear", domain: [1, layers] } as const;
    return {
      conditions: [
        judge(rules.explosion, setting, growth(norm), PRIMARY),
        judge(rules.noExplosion, setting, growth(plain), secondary("for the plain network's gradients")),
        judge(rules.rankKept, setting, last(norm), secondary("for the rank with batch norm")),
        judge(rules.rankLost, setting, last(plain), secondary("for the rank without it")),
      ],
      shown: [
        { what: "batch norm, linear: growth", values: growth(linear) },
        { what: "batch norm, tanh: growth", values: growth(tanh) },
      ],
      figures: [
        {
          title: "By layer.",
          caption:
            "Left: squared norm of each layer's weight gradient; layer 1 is the closest to the input. Right: effective rank, the number of directions that the samples span. Median and range over the seeds.",
          panels: [
            {
              title: "gradient",
              x,
              y: { label: "squared norm of the weight gradient", type: "log" },
              series: [
                { network: "plain", points: byLayer(plain, ({ energies }) => energies) },
                { network: "batch norm", points: byLayer(norm, ({ energies }) => energies) },
              ],
            },
            {
              title: "rank",
              x,
              y: { label: "effective rank", type: "log" },
              series: [
                { network: "plain", points: byLayer(plain, ({ ranks }) => ranks) },
                { network: "batch norm", points: byLayer(norm, ({ ranks }) => ranks) },
              ],
            },
          ],
        },
      ],
    };
  },
};
