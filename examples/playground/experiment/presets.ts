/** Presets: one demonstration per headline claim, with its source. test/browser/playground-presets.test.ts measures what they show. */
import { DEFAULTS, type Settings } from "./settings.js";

export interface Preset {
  readonly id: string;
  readonly title: string;
  /** What is set up, then what to look at. The first sentence also appears alone, on the site's front page. */
  readonly text: string;
  readonly source: { readonly name: string; readonly url: string };
  readonly settings: Settings;
}

const once = (rate: number): Settings["rates"] => [{ step: 0, rate }];

export const PRESETS: readonly Preset[] = [
  {
    id: "rate",
    title: "Learning rate 2, sigmoid",
    text: "On handwritten digits, with three sigmoid layers and a learning rate of 2, the plain network never does better than guessing, while the normalized one learns. Lower the learning rate to find where the plain network starts to learn.",
    source: { name: "Ioffe & Szegedy 2015, section 4.1", url: "https://arxiv.org/abs/1502.03167" },
    settings: { ...DEFAULTS, data: "digits", depth: 3, width: 64, activation: "sigmoid", rates: once(2) },
  },
  {
    id: "cats",
    title: "Black cats, colored cats",
    text: "Trained on black cats, tested on colored ones: all test points are shifted by the same amount. Batch statistics cancel the shift, so the normalized network hardly notices it. Set “Predict with” to running statistics, and it fails like the plain network.",
    source: {
      name: "Ng, Deep Learning Specialization, “Why does Batch Norm work?”",
      url: "https://www.youtube.com/watch?v=nUUqwaxLnWs",
    },
    settings: { ...DEFAULTS, activation: "relu", rates: once(0.1), predict: "batch", shift: 0.8 },
  },
  {
    id: "noise",
    title: "Noise does no harm",
    text: "After each batch norm, random noise shifts and scales every hidden unit, differently at each step. Choose layer 4 below: the hidden values are far less stable than those of the plain network. The noisy network trains well all the same, which is evidence against stable distributions as the reason.",
    source: { name: "Santurkar et al. 2018, section 2.1", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, left: "plain", right: "noisy" },
  },
  {
    id: "smooth",
    title: "Smoother? At which distance?",
    text: "Batch norm is said to make the loss smoother: compare the two lines in “Smoothness by distance”. They are close together at a tenth of a learning rate along the gradient; at four learning rates, the gradient of the plain network has changed far more.",
    source: { name: "Santurkar et al. 2018, figure 4", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, data: "digits", depth: 8, width: 48, activation: "relu", rates: once(0.1) },
  },
  {
    id: "mode",
    title: "Forgetting to switch to inference",
    text: "Test points are predicted in batches of 8 and normalized with the statistics of those 8, as in training. The prediction for a point then depends on the rest of its batch, so the decision boundary of batch norm flickers while that of layer norm does not. Set “Predict with” to running statistics: the boundary holds still, and accuracy rises.",
    source: { name: "Wu & Johnson 2021, “Rethinking ‘Batch’ in BatchNorm”", url: "https://arxiv.org/abs/2105.07576" },
    settings: {
      ...DEFAULTS,
      ...{ left: "layer", right: "batch", data: "circles", activation: "relu" },
      ...{ rates: once(0.2), batchSize: 8, predict: "batch" },
    },
  },
  {
    id: "two",
    title: "Batch of two",
    text: "With two rows per batch, each unit is normalized to +1 and −1 whatever its values were, so only their order is left to learn from. Layer norm normalizes each row on its own and is not affected.",
    source: { name: "Wu & He 2018, figure 1", url: "https://arxiv.org/abs/1803.08494" },
    settings: { ...DEFAULTS, left: "layer", right: "batch", activation: "relu", rates: once(0.05), batchSize: 2 },
  },
];
