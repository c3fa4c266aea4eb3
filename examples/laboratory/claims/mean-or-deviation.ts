/** Claim 25: the two halves of batch norm, each on its own. */
import type { Claim, Panel } from "../claim.js";
import type { Normalizations } from "../measure/normalizations.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, dot, eachSeed, linesOf, relu, trainEach } from "../study.js";
import { judge, judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["mean-or-deviation"];
const NORMALIZED = ["batch norm", "mean only", "deviation only", "RMS"] as const;
const NETWORKS = ["plain", ...NORMALIZED] as const;
const CASES = [
  { hidden: 16, rate: 0.1 },
  { hidden: 16, rate: 0.3 },
  { hidden: 8, rate: 0.1 },
  { hidden: 8, rate: 0.3 },
] as const;
type Runs = Record<(typeof NETWORKS)[number], Normalizations>;

export const meanOrDeviation: Claim = {
  number: 25,
  name: "mean-or-deviation",
  quick: false,
  seconds: { MLP: 20 },
  title: "Subtracting the mean does more of the work than dividing by the standard deviation",
  who: 'D. Page 2019, "How to train your ResNet 7: batch norm". The opposite view, that the mean need not be subtracted: RMSNorm, Zhang & Sennrich 2019 (arXiv:1910.07467). Mean-only batch norm: Salimans & Kingma 2016 (arXiv:1602.07868).',
  definition:
    "The experiment compares the test accuracy of networks with four normalizations of a feature over the batch, each with its exact gradient: batch norm, (x - mean) / sqrt(variance + epsilon); mean only, x - mean; deviation only, x / sqrt(variance + epsilon); and RMS, x / sqrt(mean(x^2) + epsilon). They have no learned parameters, and every Dense has a bias. Test images are normalized with their own statistics. The figure shows r = |mean| / standard deviation of the output of each Dense, as the median over its units. Up to epsilon, the mean that a normalization leaves has magnitude r for deviation only and r / sqrt(1 + r^2), which is below 1, for RMS, because mean(x^2) = mean^2 + variance. It is 0 for the other two. R is the loss ratio of claim 19.",
  settings:
    "16x48 and 8x48 ReLU, He initialization, learning rates 0.1 and 0.3, batch size 64, 300 steps. r and R: 16x48 at learning rate 0.1, on 512 training images.",
  differences:
    "MLPs on digits instead of a convolutional network on CIFAR-10. RMSNorm uses the RMS over the features of one sample. Here it is taken over the batch for each feature, so the four normalizations differ only in their formula.",
  counterEvidence:
    "If RMS trains as well as batch norm, the mean need not be subtracted. In a shallow network, any of the four may do. The accuracy after 300 steps does not distinguish a network that cannot learn from one that learns slowly.",
  reading:
    "One explanation would cover all four: the mean that a layer passes on must stay bounded. Subtracting it ensures this, and so does dividing by an RMS that contains it, but dividing by the deviation does not. The first figure tests this: the explanation needs a larger r for deviation only than for the networks that learn. It is larger at initialization. After training, r no longer separates the networks that learned from those that did not, because it is small in the plain network as well.",
  async run(study) {
    const steps = study.steps(300);
    const conditions = [];
    const shown = [];
    const accuracies: Panel[] = [];
    const means: Panel[] = [];
    for (const { hidden, rate } of CASES) {
      const setting = `${hidden}x48 ReLU, learning rate ${rate}`;
      const main = hidden === 16 && rate === 0.1;
      const seeds: Runs[] = await eachSeed(study, (seed) =>
        trainEach(NETWORKS, (network) =>
          study.ask("normalizations", {
            network: { ...relu(hidden, 48, network), affine: false },
            ...{ learningRate: rate, batchSize: BATCH_SIZE, seed, steps, push: main },
          }),
        ),
      );
      const spread = (runs: Runs): number => {
        const all = NORMALIZED.map((network) => runs[network].accuracy);
        return Math.max(...all) - Math.min(...all);
      };
      const atRate = `at learning rate ${rate}`;
      const minus = (a: keyof Runs, b: keyof Runs): number[] =>
        seeds.map((runs) => runs[a].accuracy - runs[b].accuracy);
      if (hidden === 16) {
        conditions.push(
          judge(rules.mean, setting, minus("mean only", "deviation only"), main ? PRIMARY : secondary(atRate)),
          judge(rules.rms, setting, minus("batch norm", "RMS"), secondary(`for the RMS ${atRate}`)),
        );
      }
      if (main) {
        const enough = secondary("in that the mean alone is almost enough");
        conditions.push(judge(rules.meanEnough, setting, minus("batch norm", "mean only"), enough));
      }
      if (hidden === 8 && rate === 0.1) {
        conditions.push(
          judgeEach(rules.shallow, setting, seeds, spread, secondary("in that with 8 layers all do equally well")),
        );
      }
      for (const network of NETWORKS) {
        const values = seeds.map((runs) => runs[network].accuracy);
        shown.push({ what: `${network}, ${setting}: test accuracy`, values });
        if (main) shown.push({ what: `${network}, ${setting}: R`, values: seeds.map((runs) => runs[network].ratio!) });
      }
      accuracies.push({
        title: setting,
        x: { label: "network", type: "linear", domain: [0.5, 5.5], ticks: [1, 2, 3, 4, 5] },
        y: TEST_ACCURACY,
        series: NETWORKS.map((network, i) => ({
          network,
          dots: "filled",
          points: seeds.map((runs) => dot(i + 1, runs[network].accuracy)),
        })),
      });
      if (!main) continue;
      for (const of of ["meanBefore", "meanAfter"] as const) {
        means.push({
          title: `${of === "meanBefore" ? "at initialization" : "after 300 steps"}, ${setting}`,
          x: { label: "layer", type: "linear", domain: [1, hidden] },
          y: { label: "r = |mean| / standard deviation", type: "log", ceiling: 100 },
          series: linesOf(NETWORKS, seeds, (run) => run[of].map((y, i) => ({ x: i + 1, y }))),
        });
      }
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Mean relative to the standard deviation.",
          caption:
            "r of the output of each Dense, before it is normalized. Median over the units; median and range over the seeds.",
          panels: means,
        },
        {
          title: "Test accuracy.",
          caption: `One dot per seed. ${NETWORKS.map((network, i) => `${i + 1}: ${network}`).join("; ")}.`,
          panels: accuracies,
        },
      ],
    };
  },
};
