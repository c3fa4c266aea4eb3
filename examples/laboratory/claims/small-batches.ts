/** Claim 24: the norms that replace batch norm when the batch is small or large. */
import type { Claim } from "../claim.js";
import type { BatchStatistics } from "../measure/evaluations.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { batchSizeRun, dot, eachSeed, lineOf, trainEach } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["small-batches"];
const NORMS = ["batch norm", "group norm", "layer norm", "batch renorm"] as const;
const SIZES = [2, 4, 16, 64] as const;
const LARGE = 256;

export const smallBatches: Claim = {
  number: 24,
  name: "small-batches",
  quick: false,
  seconds: { MLP: 33 },
  title: "The batch size decides which normalization works best",
  who: "Group norm: Wu & He 2018 (arXiv:1803.08494). Batch renorm: Ioffe 2017 (arXiv:1702.03275). Ghost batch norm: Hoffer, Hubara & Soudry 2017 (arXiv:1705.08741).",
  definition:
    "Test accuracy after training with each normalization at several batch sizes. Group norm and layer norm use the statistics of one sample, so they do not depend on the batch. Batch renorm corrects the batch statistics toward the running statistics. Ghost batch norm computes the statistics of groups of 16 samples within a large batch. Layers with running statistics are tested with statistics recomputed on the whole training set (recalibrated). The gap is the training accuracy minus the test accuracy, both in inference mode.",
  settings:
    "ReLU 6x64. Batch sizes 2, 4, 16 and 64 at learning rate 0.1 x batch size / 64, for 25,600 images or 3000 steps, whichever comes first, as in claim 16. Group norm has 8 groups. Batch renorm uses its default limits (scale 3, shift 5) from the first step. Batch norm and ghost batch norm also at batch size 256.",
  differences:
    "An MLP on digits instead of convolutional networks on ImageNet, where group norm also averages over positions. Ioffe starts with ordinary batch norm and relaxes the limits later. Hoffer et al. use batches of 4096 and train until the loss stops improving.",
  counterEvidence:
    "In Wu & He 2018, group norm is slightly less accurate than batch norm at 32 images per GPU. Summers & Dinneen 2020 (arXiv:1906.03548) find that ghost batch norm can also help at small and medium batch sizes. At each batch size, all networks here use the same learning rate, which may not be the best one for each of them.",
  reading:
    "With two samples per batch, batch norm maps each unit to +1 and -1, so only the order of the two values remains. Recalibration cannot restore what was lost during training. At such sizes, use a normalization that does not depend on the batch. At the usual sizes, the choice matters little in this network.",
  async run(study) {
    const seeds = await eachSeed(study, async (seed) => {
      const sizes = await Promise.all(
        SIZES.map((size) => trainEach(NORMS, (network) => batchSizeRun(study, network, size, seed))),
      );
      const large = await trainEach(["batch norm", "ghost batch norm"], (network) =>
        batchSizeRun(study, network, LARGE, seed),
      );
      return { sizes, large };
    });
    type Seed = (typeof seeds)[number];
    const accuracy = ({ sizes }: Seed, network: (typeof NORMS)[number], size: (typeof SIZES)[number]): number =>
      sizes[SIZES.indexOf(size)]![network].recalibrated;
    const gap = ({ train, recalibrated }: BatchStatistics): number => train - recalibrated;
    const overBatchNorm = (network: (typeof NORMS)[number], size: (typeof SIZES)[number]) => (seed: Seed) =>
      accuracy(seed, network, size) - accuracy(seed, "batch norm", size);
    const bySize = (seed: Seed, network: (typeof NORMS)[number]) => [
      ...SIZES.map((x) => ({ x, y: accuracy(seed, network, x) })),
      ...(network === "batch norm" ? [{ x: LARGE, y: seed.large[network].recalibrated }] : []),
    ];
    return {
      conditions: [
        judgeEach(rules.groupNorm, "ReLU 6x64", seeds, overBatchNorm("group norm", 2), PRIMARY),
        judgeEach(rules.largeBatch, "ReLU 6x64", seeds, overBatchNorm("group norm", 64), secondary("at batch size 64")),
        judgeEach(rules.renorm, "ReLU 6x64", seeds, overBatchNorm("batch renorm", 2), secondary("for batch renorm")),
        judgeEach(
          rules.ghost,
          "ReLU 6x64",
          seeds,
          ({ large }) => gap(large["batch norm"]) - gap(large["ghost batch norm"]),
          secondary("for ghost batch norm"),
        ),
      ],
      shown: [
        ...SIZES.flatMap((size) =>
          NORMS.map((network) => ({
            what: `batch size ${size}: test accuracy, ${network}`,
            values: seeds.map((seed) => accuracy(seed, network, size)),
          })),
        ),
        ...(["batch norm", "ghost batch norm"] as const).map((network) => ({
          what: `batch size ${LARGE}: test accuracy, ${network}`,
          values: seeds.map(({ large }) => large[network].recalibrated),
        })),
      ],
      figures: [
        {
          title: "Test accuracy by batch size and normalization.",
          caption:
            "The learning rate is proportional to the batch size. Recalibrated statistics, where there are any. Ghost batch norm: one dot per seed. Median and range over the seeds.",
          panels: [
            {
              title: "ReLU 6x64",
              x: { label: "batch size", type: "log", ticks: [...SIZES, LARGE] },
              y: TEST_ACCURACY,
              series: [
                ...NORMS.map((network) => ({ network, points: lineOf(seeds.map((seed) => bySize(seed, network))) })),
                {
                  network: "ghost batch norm",
                  dots: "filled",
                  points: seeds.map(({ large }) => dot(LARGE, large["ghost batch norm"].recalibrated)),
                },
              ],
            },
          ],
        },
      ],
    };
  },
};
