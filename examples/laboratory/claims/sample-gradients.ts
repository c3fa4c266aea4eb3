/** Claim 27: without batch norm, the gradients of the samples in a batch point in similar directions. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, dot, eachSeed, linesOf, meanOf, PAIR, relu, trainEach } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["sample-gradients"];
const CHANCE = 1 / Math.sqrt(BATCH_SIZE);

export const sampleGradientsClaim: Claim = {
  number: 27,
  name: "sample-gradients",
  quick: false,
  seconds: { MLP: 1 },
  title: "Without batch norm, the gradients of the samples add up; with it, they cancel",
  who: "Bjorck, Gomes, Selman & Weinberger 2018, table 1 (arXiv:1806.02375).",
  definition:
    "g_b is the gradient of a weight for sample b: its term in dW = sum over b of x_b dy_b^T, where x_b is the input of the layer and dy_b is the gradient with respect to its output. The experiment reports |sum of g_b| / sum of |g_b|, as the mean over the weights of a layer, then over the hidden layers. The ratio is 1 if all samples change a weight in the same direction, and close to 0 if they cancel. For n independent normal values with mean 0, the expected value of |sum| is sqrt(2 n / pi), and that of the sum of the magnitudes is n sqrt(2 / pi). The ratio is then about 1 / sqrt(n), which is 0.125 for n = 64.",
  settings:
    "8x48 ReLU, learning rate 0.1, one batch of 64, at initialization and after 50 steps. Weights for which no sample has a gradient are left out.",
  differences:
    "MLPs on digits. The paper measures three convolutions of a ResNet-110 on CIFAR-10 at initialization, where the sums also run over the positions in an image.",
  counterEvidence:
    "With batch norm, dy_b also depends on the other samples, so g_b is not the gradient for sample b alone. Part of the cancellation is exact: with batch norm, the dy_b of each unit sum to 0, so whatever all inputs x_b have in common drops out. A common direction is not harmful in itself, since training needs one.",
  reading:
    "If the ratio is higher without batch norm, most samples change the weights in the same direction, whatever their class. The learning rate must then be small enough for this common direction, along which all outputs shift together (claim 19).",
  async run(study) {
    const seeds = await eachSeed(study, (seed) =>
      trainEach(PAIR, (network) =>
        study.ask("sampleGradients", {
          ...{ network: relu(8, 48, network), learningRate: 0.1, batchSize: BATCH_SIZE, seed },
          steps: [0, study.steps(50)],
        }),
      ),
    );
    const places = ["at initialization", "after 50 steps"].map((when) => `8x48 ReLU, ${when}`);
    return {
      conditions: places.map((setting, look) =>
        judgeEach(
          rules.cancel,
          setting,
          seeds,
          (runs) => meanOf(runs.plain[look]!) / meanOf(runs["batch norm"][look]!),
          look === 0 ? PRIMARY : secondary("after 50 steps"),
        ),
      ),
      shown: places.flatMap((setting, look) =>
        PAIR.map((network) => ({
          what: `${network}, ${setting}: mean over the hidden layers`,
          values: seeds.map((runs) => meanOf(runs[network][look]!)),
        })),
      ),
      figures: [
        {
          title: "By layer.",
          caption:
            "1: all samples change a weight in the same direction. Independent: the value for 64 independent gradients. Median and range over the seeds.",
          panels: places.map((title, look) => ({
            title,
            x: { label: "layer", type: "linear", domain: [1, 8] },
            y: { label: "|sum| / sum of magnitudes", type: "linear", domain: [0, 1] },
            series: [
              ...linesOf(PAIR, seeds, (run) => run[look]!.map((y, i) => ({ x: i + 1, y }))),
              {
                network: "plain, calibrated",
                label: "independent",
                dash: "2 4",
                points: [dot(1, CHANCE), dot(8, CHANCE)],
              },
            ],
          })),
        },
      ],
    };
  },
};
