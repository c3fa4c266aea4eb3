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
  title: "Without batch norm the samples' gradients add up, with batch norm they cancel",
  who: "Bjorck, Gomes, Selman & Weinberger 2018, table 1 (arXiv:1806.02375).",
  definition:
    "g_b is the gradient of one weight for sample b: its term in dW = sum over b of x_b dy_b^T, where x_b is the input of the layer and dy_b the gradient with respect to its output. The experiment reports |sum of g_b| / sum of |g_b|, as a mean over the weights of a layer, then over the hidden layers. It is 1 if all samples change a weight in the same direction, and close to 0 if they cancel. For n independent normal values with mean 0, the expected value of |sum| is sqrt(2 n / pi) and that of the sum of magnitudes is n sqrt(2 / pi), so the ratio is about 1 / sqrt(n) = 0.125 for n = 64.",
  settings:
    "8x48 ReLU, batch size 64, learning rate 0.1, at initialization and after 50 steps. Weights for which no sample has a gradient do not count.",
  differences:
    "An MLP on digits; the paper uses a ResNet-110 on CIFAR-10 at initialization, sums over the pixels of an image as well, and reports the two sums separately.",
  counterEvidence:
    "With batch norm, dy_b also depends on the other samples of the batch, so g_b is not the gradient for sample b alone. Part of the cancellation is exact: batch norm makes the dy_b of each unit sum to 0, so whatever the inputs x_b have in common drops out. A large common gradient is not harmful in itself: training needs one.",
  reading:
    "If the ratio is higher without batch norm, most samples push the weights in the same direction, whatever their class. A learning rate must then be small enough for this common direction, in which all samples together change the outputs by the same amount (claim 19).",
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
            "1: all samples change a weight in the same direction. Independent: the expected value for 64 independent gradients. Median and range over the seeds.",
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
