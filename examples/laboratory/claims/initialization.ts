/** Claim 14: gradient explosion and rank collapse at initialization, in one figure. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { eachSeed, lineOf } from "../study.js";
import { judge } from "../verdicts.js";

const rules = RULES.initialization;

export const initialization: Claim = {
  number: 14,
  name: "initialization",
  quick: false,
  title: "Before the first step: gradients explode with batch norm, ranks collapse without",
  who: "Explosion: Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz 2019 (arXiv:1902.08129). Collapse: Daneshmand, Kohler, Bach, Hofmann & Lucchi 2020 (arXiv:2003.01652).",
  definition:
    "Growth: the factor by which the squared norm of a layer's weight gradient grows per layer towards the input, fitted over the layers in the middle; theory says pi / (pi - 1) = 1.467 with ReLU. Effective rank: (tr K)^2 / tr(K^2) of the values in front of the activation, K = H H', one row a sample, not centered.",
  settings:
    "24 hidden layers of 128, batch 128, standard normal inputs, random labels, ReLU with He's weights; linear and tanh beside it.",
  differences:
    "Finite width and batch; the theory lets the width go to infinity first. --full: width 512 and batch 256.",
  factor: "the claim: each of the two networks has its own disease",
  counterEvidence:
    "Ioffe & Szegedy 2015 expected batch norm to prevent exploding gradients. Meterez et al. 2024: the rank can be kept without the explosion. At batch 16 and width 32 the growth is 1.6.",
  reading:
    "Batch norm keeps samples apart that a deep plain network makes one, and pays with gradients that grow with depth; a linear network has no explosion.",
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
    const setting = `ReLU, 24x${size.width}, batch ${size.batch}`;
    const growth = (runs: typeof norm): number[] => runs.map((run) => run.growth);
    const last = (runs: typeof norm): number[] => runs.map(({ ranks }) => ranks.at(-1)!);
    const byLayer = (runs: typeof norm, values: (run: (typeof norm)[number]) => readonly number[]) =>
      lineOf(runs.map((run) => values(run).map((y, i) => ({ x: i + 1, y }))));
    const x = { label: "layer", type: "linear", domain: [1, layers] } as const;
    return {
      conditions: [
        judge(rules.explosion, setting, growth(norm)),
        judge(rules.noExplosion, setting, growth(plain)),
        judge(rules.rankKept, setting, last(norm)),
        judge(rules.rankLost, setting, last(plain)),
      ],
      shown: [
        { what: "growth, batch norm, linear", values: growth(linear) },
        { what: "growth, batch norm, tanh", values: growth(tanh) },
      ],
      figures: [
        {
          title: "By layer.",
          caption:
            "Left: squared gradient of each layer's weights; the input is at the left. Right: how many directions the samples fill. Median and range over the seeds.",
          panels: [
            {
              title: "gradient",
              x,
              y: { label: "squared gradient of the weights", type: "log" },
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
