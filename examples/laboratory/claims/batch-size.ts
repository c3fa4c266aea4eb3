/** Claim 16: running statistics compared with recalibrated ones, and small batches. */
import type { Claim } from "../claim.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { batchSizeRun, eachSeed, lineOf, PAIR } from "../study.js";
import { judge, judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["batch-size"];
const SIZES = [2, 4, 16, 64] as const;

export const batchSize: Claim = {
  number: 16,
  name: "batch-size",
  quick: false,
  seconds: { MLP: 12 },
  title: "Early in training, the running statistics lag behind the weights",
  who: "Wu & Johnson 2021 (arXiv:2105.07576). Small batches: Wu & He 2018 (arXiv:1803.08494). Regularization: Luo, Wang, Shao & Peng 2018 (arXiv:1809.00846).",
  definition:
    "Lag: the test accuracy in inference mode with running statistics (momentum 0.1), compared with statistics that are recomputed at the same weights on the whole training set, layer by layer (recalibrated). Small batches: the recalibrated accuracy compared with that of a plain network. Regularization: the gap between training and test accuracy.",
  settings:
    "ReLU 6x64. Batch size 128 at learning rate 0.1, after 5 and 200 steps. Batch sizes 2, 4, 16 and 64 at learning rate 0.1 x batch size / 64, for 25,600 images or 3000 steps, whichever comes first.",
  differences: "An MLP on digits; the papers use ResNets on ImageNet.",
  counterEvidence:
    "The gap between training and test accuracy is confounded with how well a network fits the data at all, and small batches make the fit worse.",
  reading:
    "Recalibrate before you judge a network early in training. With two to four images per batch, the batch statistics are mostly noise.",
  async run(study) {
    const early = await Promise.all(
      [5, 200].map((steps) =>
        eachSeed(study, (seed) =>
          study.ask("batchStatistics", {
            ...{ network: "batch norm", seed, batchSize: 128, learningRate: 0.1 },
            steps: study.steps(steps),
          }),
        ),
      ),
    );
    const bySize = await eachSeed(study, (seed) =>
      Promise.all(SIZES.map((size) => Promise.all(PAIR.map((network) => batchSizeRun(study, network, size, seed))))),
    );
    const pick = (size: number, network: 0 | 1) =>
      bySize.map((sizes) => sizes[SIZES.indexOf(size as (typeof SIZES)[number])]![network]!);
    const gap = (size: number): number[] => pick(size, 1).map(({ train, recalibrated }) => train - recalibrated);
    const line = (network: 0 | 1, of: "recalibrated" | "running") =>
      lineOf(bySize.map((sizes) => sizes.map((pair, i) => ({ x: SIZES[i]!, y: pair[network]![of] }))));
    return {
      conditions: [
        ...early.map((seeds, i) =>
          judgeEach(
            rules.recalibrated,
            `batch size 128, after ${[5, 200][i]!} steps`,
            seeds,
            ({ recalibrated, running }) => recalibrated - running,
            i === 0 ? PRIMARY : secondary("after 200 steps"),
          ),
        ),
        ...[2, 4].map((size) =>
          judge(
            rules.small,
            `batch size ${size}`,
            pick(size, 1).map(({ recalibrated }, i) => recalibrated - pick(size, 0)[i]!.recalibrated),
            secondary("for small batches"),
          ),
        ),
        ...[2, 4, 16].map((size) =>
          judge(
            rules.gap,
            `batch size ${size}`,
            gap(64).map((large, i) => large - gap(size)[i]!),
            secondary("for the regularization"),
          ),
        ),
      ],
      shown: SIZES.flatMap((size) => [
        {
          what: `batch size ${size}: test accuracy, plain`,
          values: pick(size, 0).map(({ recalibrated }) => recalibrated),
        },
        {
          what: `batch size ${size}: test accuracy, recalibrated batch norm`,
          values: pick(size, 1).map(({ recalibrated }) => recalibrated),
        },
      ]),
      figures: [
        {
          title: "Test accuracy by batch size.",
          caption: "The learning rate is proportional to the batch size. Median and range over the seeds.",
          panels: [
            {
              title: "ReLU 6x64",
              x: { label: "batch size", type: "log", ticks: SIZES },
              y: TEST_ACCURACY,
              series: [
                { network: "plain", points: line(0, "recalibrated") },
                { network: "batch norm", label: "BN (recalibr.)", points: line(1, "recalibrated") },
                { network: "batch norm", label: "BN (running)", dash: "4 3", points: line(1, "running") },
              ],
            },
          ],
        },
      ],
    };
  },
};
