/** Claim 4: batch norm allows larger learning rates. */
import type { Claim, Panel } from "../claim.js";
import type { Trained } from "../measure/train.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, dot, eachSeed, lineOf, PAIR, relu } from "../study.js";
import { judgeEach, type Rule } from "../verdicts.js";

const rules = RULES["learning-rates"];
const NETWORKS = ["plain", "batch norm", "plain, calibrated"] as const;
const RATES = [0.01, 0.03, 0.1, 0.3, 1, 3] as const;
const CASES = [
  { hidden: 3, width: 64 },
  { hidden: 8, width: 48 },
] as const;

export const learningRates: Claim = {
  number: 4,
  name: "learning-rates",
  quick: false,
  title: "It allows larger learning rates, and that is what it is good for",
  who: "Ioffe & Szegedy 2015, section 3.3; that the gain comes from the rate: Bjorck, Gomes, Selman & Weinberger 2018 (arXiv:1806.02375).",
  definition:
    "Test accuracy after 300 steps at rates from 0.01 to 3: the largest rate with 0.9 or more (0.01 / 3 where there is none); the best accuracy of each network over the rates; the accuracy at the same small rate. Figure: the spread of what each activation gets after a single step of 3.",
  settings: "ReLU 3x64 and 8x48, batch 64, 300 steps.",
  differences: "MLPs on digits instead of convolutional networks; constant rates.",
  factor: "the statement: how large a rate may be, or how good the result is",
  counterEvidence:
    "De & Smith 2020: the larger stable rate matters little at small batch sizes. At small rates a plain network with the first batch's statistics as constants (calibrated) does as well as batch norm or better: there the gain is one of initial scale.",
  reading: "A larger range of rates is the most robust effect of batch norm; a better best result at this size is not.",
  async run(study) {
    const steps = study.steps(300);
    const conditions = [];
    const sweep: Panel[] = [];
    const shown = [];
    for (const { hidden, width } of CASES) {
      const run = (network: (typeof NETWORKS)[number], learningRate: number, seed: number): Promise<Trained> =>
        study.ask("train", { network: relu(hidden, width, network), learningRate, batchSize: BATCH_SIZE, seed, steps });
      const seeds = await eachSeed(study, async (seed) => {
        const all = await Promise.all(
          NETWORKS.map(async (network) => {
            const runs = await Promise.all(RATES.map((rate) => run(network, rate, seed)));
            return [network, runs.map(({ tests }) => tests.at(-1)!.accuracy)] as const;
          }),
        );
        return Object.fromEntries(all) as Record<(typeof NETWORKS)[number], number[]>;
      });
      const setting = `ReLU ${hidden}x${width}`;
      const difference = (rule: Rule, of: (accuracies: readonly number[]) => number) =>
        judgeEach(rule, setting, seeds, (runs) => of(runs["batch norm"]) - of(runs.plain));
      conditions.push(
        judgeEach(rules.largest, setting, seeds, (runs) => largest(runs["batch norm"]) / largest(runs.plain)),
        difference(rules.best, (accuracies) => Math.max(...accuracies)),
        difference(rules.equalSmall, (accuracies) => accuracies[RATES.indexOf(0.03)]!),
      );
      for (const network of NETWORKS) {
        shown.push({
          what: `${network}, ${setting}: best test accuracy over the rates`,
          values: seeds.map((runs) => Math.max(...runs[network])),
        });
      }
      sweep.push({
        title: setting,
        x: { label: "learning rate", type: "log", ticks: RATES },
        y: TEST_ACCURACY,
        series: NETWORKS.map((network) => ({
          network,
          points: lineOf(seeds.map((runs) => runs[network].map((y, i) => ({ x: RATES[i]!, y })))),
        })),
      });
    }
    const oneStep = await eachSeed(study, (seed) =>
      Promise.all(PAIR.map((network) => study.ask("oneStep", { network, seed, learningRate: 3 }))),
    );
    for (const [i, network] of PAIR.entries()) {
      shown.push({
        what: `${network}, 8x48: loss after one step of 3, as a multiple of that before`,
        values: oneStep.map((runs) => runs[i]!.lossRatio),
      });
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Test accuracy against the rate.",
          caption: "After 300 steps; median and range over the seeds. Diverged counts as chance, 0.1.",
          panels: sweep,
        },
        {
          title: "One large step.",
          caption:
            "Standard deviation of what the activations of each layer get, before (dotted) and after one step of rate 3, 8x48 ReLU. After the figures of Bjorck et al. 2018.",
          panels: [
            {
              title: "8x48 ReLU",
              x: { label: "layer", type: "linear", domain: [1, 8] },
              y: { label: "standard deviation", type: "log", ceiling: 1e6 },
              series: PAIR.flatMap((network, i) => {
                const line = (of: "before" | "after") =>
                  lineOf(oneStep.map((runs) => runs[i]![of].map((y, layer) => ({ x: layer + 1, y }))));
                return [
                  { network, points: line("after") },
                  { network, label: "before", dash: "2 4", points: line("before").map(({ x, y }) => dot(x, y)) },
                ];
              }),
            },
          ],
        },
      ],
    };
  },
};

/** The largest of the rates with 0.9 or more; a third of the smallest where there is none. */
function largest(accuracies: readonly number[]): number {
  return RATES.findLast((_, i) => accuracies[i]! >= 0.9) ?? RATES[0] / 3;
}
