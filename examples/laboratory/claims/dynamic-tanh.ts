/** Claim 26: a layer without statistics in place of batch norm. */
import type { Claim, Panel } from "../claim.js";
import { TEST_ACCURACY } from "../panels.js";
import { pushPanels } from "../push-panels.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, eachSeed, largestRate, lineOf, relu, trainEach } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["dynamic-tanh"];
const NETWORKS = ["batch norm", "dynamic tanh"] as const;
const RATES = [0.03, 0.1, 0.3] as const;
const CASES = [
  { hidden: 8, width: 48 },
  { hidden: 3, width: 64 },
  { hidden: 16, width: 48 },
] as const;

export const dynamicTanh: Claim = {
  number: 26,
  name: "dynamic-tanh",
  quick: false,
  seconds: { MLP: 18 },
  title: "A layer without statistics can replace batch norm",
  who: "Dynamic tanh: Zhu, Chen, He, LeCun & Liu 2025 (arXiv:2503.10622).",
  definition:
    "Dynamic tanh is gamma tanh(alpha x) + beta, with gamma and beta learned per feature and one learned scalar alpha. It replaces BatchNorm between Dense and ReLU. The networks are compared by their test accuracy at their best learning rate, and by the largest rate that reaches 0.9 (0.01 if none does). R is the loss ratio of claim 19.",
  settings:
    "ReLU 8x48, 3x64 and 16x48, learning rates 0.03, 0.1 and 0.3, batch size 64, 300 steps. Initially, alpha is 0.5, gamma 1 and beta 0. R: 8x48, on 512 training images.",
  differences:
    "The paper replaces LayerNorm and RMSNorm in Transformers, which have residual connections, and mostly trains with AdamW. It reports that dynamic tanh is worse than batch norm in ResNet-50 and VGG-19. Here there are no residual connections, and each dynamic tanh is followed by a ReLU.",
  counterEvidence:
    "Dynamic tanh bounds every value, but sets neither mean nor scale. At alpha = 0.5, it halves small values in every layer, and their gradients too, so a deep network without residual connections starts with a weak signal. A larger alpha was not tried, because no setting is tuned here.",
  reading:
    "If dynamic tanh does as well as batch norm, it is enough to bound the values, without any statistics. If it fails only in deep networks, it replaces the limit on large values but not the rescaling of small ones. For a network that has not learned, R is close to 1 whatever the reason.",
  async run(study) {
    const steps = study.steps(300);
    const conditions = [];
    const shown = [];
    const panels: Panel[] = [];
    const pushed: Panel[] = [];
    for (const { hidden, width } of CASES) {
      const setting = `ReLU ${hidden}x${width}`;
      const main = hidden === 8;
      const outputShift = main ? [{ step: steps, profile: true }] : undefined;
      const seeds = await eachSeed(study, (seed) =>
        trainEach(NETWORKS, (network) =>
          Promise.all(
            RATES.map((learningRate) => {
              const setup = { learningRate, batchSize: BATCH_SIZE, seed, steps, outputShift };
              return study.ask("train", { network: relu(hidden, width, network), ...setup });
            }),
          ),
        ),
      );
      type Runs = (typeof seeds)[number];
      const accuracies = (runs: Runs, network: keyof Runs): number[] =>
        runs[network].map(({ tests }) => tests.at(-1)!.accuracy);
      const best = (runs: Runs, network: keyof Runs): number => Math.max(...accuracies(runs, network));
      const most = (runs: Runs, network: keyof Runs): number => largestRate(RATES, accuracies(runs, network));
      const minus = (runs: Runs): number => best(runs, "batch norm") - best(runs, "dynamic tanh");
      const ratio = (runs: Runs): number => most(runs, "batch norm") / most(runs, "dynamic tanh");
      const depth = `with ${hidden} layers`;
      conditions.push(
        judgeEach(rules.asWell, setting, seeds, minus, main ? PRIMARY : secondary(depth)),
        judgeEach(rules.largest, setting, seeds, ratio, secondary(main ? "in the largest learning rate" : depth)),
      );
      for (const network of NETWORKS) {
        const values = seeds.map((runs) => best(runs, network));
        shown.push({ what: `${network}, ${setting}: best test accuracy`, values });
      }
      panels.push({
        title: setting,
        x: { label: "learning rate", type: "log", ticks: RATES },
        y: TEST_ACCURACY,
        series: NETWORKS.map((network) => ({
          network,
          points: lineOf(seeds.map((runs) => accuracies(runs, network).map((y, i) => ({ x: RATES[i]!, y })))),
        })),
      });
      if (!main) continue;
      const atBest = NETWORKS.map((network) => ({
        network,
        looks: seeds.map(
          (runs) => runs[network][accuracies(runs, network).indexOf(best(runs, network))]!.outputShift[0]!,
        ),
      }));
      pushed.push(...pushPanels(atBest));
      for (const { network, looks } of atBest) {
        shown.push({ what: `${network}, ${setting}, best learning rate: R`, values: looks.map((look) => look.ratio) });
      }
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Test accuracy by learning rate.",
          caption: "After 300 steps. Median and range over the seeds. Diverged runs count as chance level (0.1).",
          panels,
        },
        {
          title: "Pushing the mean of an output.",
          caption: "As in claim 19, for ReLU 8x48 at the best learning rate of each network.",
          panels: pushed,
        },
      ],
    };
  },
};
