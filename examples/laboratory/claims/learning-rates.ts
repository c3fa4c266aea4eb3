/** Claim 4: batch norm allows larger learning rates. */
import type { Claim, Panel } from "../claim.js";
import type { Trained } from "../measure/train.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, dot, eachSeed, largestRate, lineOf, PAIR, relu, trainEach } from "../study.js";
import { judgeEach, PRIMARY, type Rule, secondary } from "../verdicts.js";

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
  seconds: { MLP: 35 },
  title: "Batch norm allows larger learning rates",
  who: "Ioffe & Szegedy 2015, section 3.3. On the learning rate as the explanation: Bjorck, Gomes, Selman & Weinberger 2018 (arXiv:1806.02375).",
  definition:
    "Test accuracy after 300 steps at learning rates from 0.01 to 3. The networks are compared by the largest rate that reaches 0.9 (0.01 / 3 if none does), by their best accuracy over all rates, and by their accuracy at the same low rate. The HTML report also shows the standard deviation of each layer's pre-activations after a single step at learning rate 3.",
  settings: "ReLU 3x64 and 8x48, batch size 64, 300 steps.",
  differences: "MLPs on digits instead of convolutional networks, and constant learning rates.",
  counterEvidence:
    "De & Smith 2020: the larger stable learning rate matters little at small batch sizes. At low learning rates, a plain network normalized with the fixed statistics of its first batch (calibrated) does as well as batch norm or better, so in that range the benefit is due to the initial scale.",
  reading:
    "The most robust effect of batch norm is a wider range of usable learning rates. At this network size, it does not reliably improve the result at the best rate.",
  async run(study) {
    const steps = study.steps(300);
    const conditions = [];
    const sweep: Panel[] = [];
    const shown = [];
    for (const { hidden, width } of CASES) {
      const run = (network: (typeof NETWORKS)[number], learningRate: number, seed: number): Promise<Trained> =>
        study.ask("train", { network: relu(hidden, width, network), learningRate, batchSize: BATCH_SIZE, seed, steps });
      const seeds = await eachSeed(study, (seed) =>
        trainEach(NETWORKS, async (network) => {
          const runs = await Promise.all(RATES.map((rate) => run(network, rate, seed)));
          return runs.map(({ tests }) => tests.at(-1)!.accuracy);
        }),
      );
      const setting = `ReLU ${hidden}x${width}`;
      const difference = (rule: Rule, of: (accuracies: readonly number[]) => number, where: string) =>
        judgeEach(rule, setting, seeds, (runs) => of(runs["batch norm"]) - of(runs.plain), secondary(where));
      conditions.push(
        judgeEach(
          rules.largest,
          setting,
          seeds,
          (runs) => largestRate(RATES, runs["batch norm"]) / largestRate(RATES, runs.plain),
          hidden === 8 ? PRIMARY : secondary("with 3 layers"),
        ),
        difference(rules.best, best, `for the best accuracy with ${hidden} layers`),
        difference(rules.equalSmall, atLowRate, `for equal accuracy at learning rate 0.03 with ${hidden} layers`),
      );
      for (const network of NETWORKS) {
        const what = `${network}, ${setting}: best test accuracy over all learning rates`;
        shown.push({ what, values: seeds.map((runs) => best(runs[network])) });
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
    PAIR.forEach((network, i) => {
      const what = `${network}, 8x48: loss after one step at learning rate 3 / loss before`;
      shown.push({ what, values: oneStep.map((runs) => runs[i]!.lossRatio) });
    });
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Test accuracy by learning rate.",
          caption: "After 300 steps. Median and range over the seeds. Diverged runs count as chance level (0.1).",
          panels: sweep,
        },
        {
          title: "One large step.",
          caption:
            "Standard deviation of each layer's pre-activations before (dotted) and after one step at learning rate 3, 8x48 ReLU. Modeled on the figures of Bjorck et al. 2018.",
          panels: [
            {
              ...{ title: "8x48 ReLU", x: { label: "layer", type: "linear", domain: [1, 8] } },
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

const best = (accuracies: readonly number[]): number => Math.max(...accuracies);
const atLowRate = (accuracies: readonly number[]): number => accuracies[RATES.indexOf(0.03)]!;
