/** Claim 23: batch norm in residual networks. */
import { median } from "../../shared/spread.js";
import type { Claim } from "../claim.js";
import type { Branch } from "../measure/residual.js";
import { TRAINING_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { accuracyPoints, dot, eachSeed, lineOf, overTraining, trainEach } from "../study.js";
import { judge, judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["residual-blocks"];
const DEEP = 128;
const SHARES = [
  { blocks: DEEP, denses: 1, part: PRIMARY },
  { blocks: 32, denses: 1, part: secondary("with 32 blocks") },
  { blocks: 8, denses: 1, part: secondary("with 8 blocks") },
  { blocks: DEEP, denses: 2, part: secondary("with two Dense layers per branch") },
] as const;
const BRANCHES = ["plain", "batch norm", "SkipInit"] as const;

export const residualBlocks: Claim = {
  number: 23,
  name: "residual-blocks",
  quick: false,
  seconds: { MLP: 10 },
  title: "In residual networks, batch norm makes every block close to the identity at initialization",
  who: "De & Smith 2020 (arXiv:2002.10444).",
  definition:
    "A block computes x + f(x), where f is BatchNorm, ReLU and Dense. The share is the variance of f(x) over a batch divided by that of the output, each averaged over the units. Prediction: with batch norm, every branch has the same variance, whatever the size of x, so each block adds an equal amount. After l blocks, the variance is that of the input plus l equal terms, and the share of the last one is about 1 / (l + 1). With He initialization, the terms are 1 - 1 / pi = 0.68 for inputs of variance 1, so the share times l + 1 rises from 0.81 to 1. Without normalization, a branch is as large as its input, so the variance grows exponentially with depth. SkipInit multiplies each branch by a learned scalar that starts at 0, instead of normalizing.",
  settings:
    "Width 64. Shares: He initialization, 256 standard normal inputs, 8, 32 and 128 blocks; also with two of BatchNorm, ReLU and Dense per branch. Training: a Dense, 32 blocks, BatchNorm (with batch norm only), ReLU and Dense; digits, batch size 64, 300 steps at learning rate 0.1. --full also trains 128 blocks.",
  differences:
    "Fully connected blocks on digits; the paper uses convolutional ResNets on CIFAR-10 and ImageNet. The shares are variances over the inputs only. The expected second moment, which also includes the mean of each unit over the inputs, grows by exactly 1 per block.",
  counterEvidence:
    "If SkipInit trains as well as batch norm, small branches are sufficient at this depth, and the other properties of batch norm are not needed. De & Smith find that batch norm also allows larger learning rates, which helps with large batches. SkipInit does not reproduce the regularizing noise of batch norm.",
  reading:
    "In a residual network, normalization makes the path through the shortcuts dominate at initialization, so a deep network starts as an almost shallow one. Any other way to keep the branches small should have the same effect. In networks without shortcuts, this mechanism does not exist.",
  async run(study) {
    const shares = (branch: Branch, blocks: number, denses: number) =>
      eachSeed(study, (seed) => study.ask("residualShares", { branch, seed, blocks, denses, inputs: 256 }));
    const scaled = (seeds: readonly (readonly number[])[]): number[] =>
      seeds.map((blocks) => median(blocks.map((share, i) => share * (i + 2))));
    const measured = await Promise.all(SHARES.map(({ blocks, denses }) => shares("batch norm", blocks, denses)));
    const deep = measured[0]!;
    const plain = await shares("plain", DEEP, 1);
    const steps = study.steps(300);
    const trained = await Promise.all(
      (study.extent === "full" ? [32, DEEP] : [32]).map(async (blocks) => {
        const seeds = await eachSeed(study, (seed) =>
          trainEach(BRANCHES, (branch) =>
            study.ask("residualTraining", { branch, seed, blocks, learningRate: 0.1, steps }),
          ),
        );
        return { blocks, seeds };
      }),
    );
    const byBlock = (seeds: readonly (readonly number[])[]) =>
      lineOf(seeds.map((blocks) => blocks.map((y, i) => ({ x: i + 1, y }))));
    return {
      conditions: [
        ...SHARES.map(({ blocks, denses, part }, i) =>
          judge(rules.share, `${blocks} blocks with ${denses} Dense each`, scaled(measured[i]!), part),
        ),
        ...trained.flatMap(({ blocks, seeds }) => [
          judgeEach(
            rules.skipInit,
            `${blocks} blocks`,
            seeds,
            (runs) => runs.SkipInit.accuracy - runs["batch norm"].accuracy,
            secondary(`for SkipInit with ${blocks} blocks`),
          ),
          judgeEach(
            rules.fails,
            `${blocks} blocks`,
            seeds,
            ({ plain: run }) => run.accuracy,
            secondary(`for training ${blocks} blocks without normalization`),
          ),
        ]),
      ],
      shown: [
        {
          what: `plain, ${DEEP} blocks: share of the last block`,
          values: plain.map((blocks) => blocks.at(-1)!),
        },
        ...trained.flatMap(({ blocks, seeds }) =>
          BRANCHES.slice(1).map((branch) => ({
            what: `${branch}, ${blocks} blocks: test accuracy`,
            values: seeds.map((runs) => runs[branch].accuracy),
          })),
        ),
      ],
      figures: [
        {
          title: "Residual networks.",
          caption:
            "Left: variance of each block's branch as a share of the variance after the block, at initialization. Dashed: 1 / (l + 1). Other panels: training accuracy in windows of 20 steps. Diverged runs count as chance level (0.1). Median and range over the seeds.",
          panels: [
            {
              title: `initialization, ${DEEP} blocks`,
              x: { label: "block", type: "log", ticks: [1, 4, 16, 64, 128] },
              y: { label: "share", type: "log" },
              series: [
                { network: "plain", points: byBlock(plain) },
                { network: "batch norm", points: byBlock(deep) },
                { network: "theory", dash: "6 3", points: deep[0]!.map((_, i) => dot(i + 1, 1 / (i + 2))) },
              ],
            },
            ...trained.map(({ blocks, seeds }) =>
              overTraining(`training, ${blocks} blocks`, steps, TRAINING_ACCURACY, BRANCHES, seeds, (run) =>
                accuracyPoints(run, steps),
              ),
            ),
          ],
        },
      ],
    };
  },
};
