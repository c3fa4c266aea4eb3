/** Claim 20: how much of the signal in a deep network varies with the input. */
import type { Claim } from "../claim.js";
import { predictedShares, type SampleVariance } from "../measure/sample-variance.js";
import { RULES } from "../rules.js";
import { dot, eachSeed, lineOf } from "../study.js";
import { judge, PRIMARY } from "../verdicts.js";

const rules = RULES["sample-variance"];
const LAYERS = 50;
const SHOWN = [1, 2, 5, 20, 50] as const;

export const sampleVariance: Claim = {
  number: 20,
  name: "sample-variance",
  quick: false,
  seconds: { MLP: 6 },
  title: "The hidden values of a deep ReLU network hardly depend on its input; batch norm prevents this",
  who: "Luther & Seung 2019 (arXiv:1902.04942). As an explanation of batch norm: D. Page 2019, How to train your ResNet 7: batch norm.",
  definition:
    "The second moment of a unit over the inputs is its squared mean plus its variance, and only the variance carries information about the input. The share of a layer is the variance divided by the second moment, each averaged over the units, after the activation. Prediction for infinite width: let c be the cosine between the hidden values of two independent inputs. The squared mean is the average product over pairs of inputs, so the share is 1 - c. With He initialization, the pre-activations u and v of the two inputs are Gaussian, with equal variance and correlation c. For c = cos t, E[ReLU(u) ReLU(v)] / E[ReLU(u)^2] = (sin t + (pi - t) cos t) / pi, the arc-cosine kernel of Cho & Saul 2009. Each layer therefore maps c to (sqrt(1 - c^2) + c (pi - acos c)) / pi. Starting from c = 0 at the input, c is 1 / pi after layer 1, and the share is 0.682. It is 0.506 after layer 2, 0.264 after 5, 0.128 after 10, 0.052 after 20 and 0.012 after 50 layers.",
  settings:
    "At initialization: 50 layers of width 512, ReLU, He initialization, 256 independent standard normal inputs with 512 features. The rule is applied after layer 10. For comparison, layer 10 of a network of width 128.",
  differences:
    "The paper derives the decay for infinite width and also trains such networks. Here, it is measured at one width and only at initialization.",
  counterEvidence:
    "The prediction is for infinite width. In a network of finite width, most of the second moment lies along a single direction, and random deviations along it accumulate with depth, so networks differ from each other. The deviations are larger in narrower networks and in deeper layers. A network normalized with the fixed statistics of its first batch also starts with a share of 1 before each activation, but in claim 4 it matches batch norm only at low learning rates. The share at initialization is therefore not the whole explanation.",
  reading:
    "At initialization, a deep plain network is close to a constant function: its hidden values are nearly the same for all inputs. Batch norm subtracts the mean in every layer, so before each activation the share is 1 by construction, at any depth.",
  async run(study) {
    const ask = (network: "plain" | "batch norm", layers: number, width: number) =>
      eachSeed(study, (seed) => study.ask("sampleVariance", { network, seed, layers, width, inputs: 256 }));
    const [plain, norm, narrow] = await Promise.all([
      ask("plain", LAYERS, 512),
      ask("batch norm", LAYERS, 512),
      ask("plain", 10, 128),
    ]);
    const predicted = predictedShares(LAYERS);
    const at = (runs: readonly SampleVariance[], layer: number): number[] => runs.map(({ after }) => after[layer - 1]!);
    const line = (runs: readonly SampleVariance[], place: keyof SampleVariance) =>
      lineOf(runs.map((run) => run[place].map((y, i) => ({ x: i + 1, y }))));
    return {
      conditions: [
        judge(
          rules.share,
          "ReLU, width 512",
          at(plain, 10).map((share) => Math.abs(share / predicted[9]! - 1)),
          PRIMARY,
        ),
      ],
      shown: [
        {
          what: `share after layer 10 (predicted: ${predicted[9]!.toFixed(3)})`,
          values: at(plain, 10),
        },
        { what: "share after layer 10, width 128", values: at(narrow, 10) },
        ...SHOWN.map((layer) => ({
          what: `share after layer ${layer} (predicted: ${predicted[layer - 1]!.toFixed(3)})`,
          values: at(plain, layer),
        })),
        {
          what: "share before the activation of layer 50, batch norm",
          values: norm.map(({ before }) => before.at(-1)!),
        },
      ],
      figures: [
        {
          title: "Share of the second moment that varies with the input, by layer.",
          caption:
            "At initialization, width 512. Plain: after the activation. Dashed: the prediction for infinite width. Batch norm: before the activation, where the share is 1 by construction, and after it (dotted). Median and range over the seeds.",
          panels: [
            {
              title: "50 layers",
              x: { label: "layer", type: "linear", domain: [1, LAYERS] },
              y: { label: "share", type: "log" },
              series: [
                { network: "plain", points: line(plain, "after") },
                { network: "theory", dash: "6 3", points: predicted.map((y, i) => dot(i + 1, y)) },
                { network: "batch norm", label: "BN (before)", points: line(norm, "before") },
                { network: "batch norm", label: "BN (after)", dash: "2 4", points: line(norm, "after") },
              ],
            },
          ],
        },
      ],
    };
  },
};
