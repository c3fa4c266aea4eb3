/** Presets: one demonstration for each headline claim, with who made it. What they show is measured in test/browser/playground-presets.test.ts. */
import { DEFAULTS, type Settings } from "./settings.js";

export interface Preset {
  readonly id: string;
  readonly title: string;
  /** Two sentences: what is set up, and what to look at. */
  readonly text: string;
  readonly source: { readonly name: string; readonly url: string };
  readonly settings: Settings;
}

const once = (rate: number): Settings["rates"] => [{ step: 0, rate }];

export const PRESETS: readonly Preset[] = [
  {
    id: "rate",
    title: "Learning rate 2, sigmoid",
    text: "Real digits, three sigmoid layers and a learning rate of 2: the plain network stays at guessing while the normalized one learns. Drag the learning rate down and see from where on the plain one starts to learn.",
    source: { name: "Ioffe & Szegedy 2015, section 4.1", url: "https://arxiv.org/abs/1502.03167" },
    settings: { ...DEFAULTS, data: "digits", depth: 3, width: 64, activation: "sigmoid", rates: once(2) },
  },
  {
    id: "cats",
    title: "Black cats, colored cats",
    text: "Trained on black cats, asked about colored ones: all test points are moved by the same amount from where the training points were. The batch's own statistics take the move out again, so the normalized network hardly notices; set “Predict with” to running statistics, and it fails like the plain one.",
    source: {
      name: "Ng, Deep Learning Specialization, “Why does Batch Norm work?”",
      url: "https://www.youtube.com/watch?v=nUUqwaxLnWs",
    },
    settings: { ...DEFAULTS, activation: "relu", rates: once(0.1), predict: "batch", shift: 0.8 },
  },
  {
    id: "noise",
    title: "Noise does not hurt it",
    text: "Behind each batch norm, random noise moves and scales every hidden unit anew at each step: choose layer 4 below, and see hidden values that are far less stable than the plain network's. It trains all the same, which speaks against stable distributions as the reason.",
    source: { name: "Santurkar et al. 2018, section 2.1", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, left: "plain", right: "noisy" },
  },
  {
    id: "smooth",
    title: "Smoother? At which distance?",
    text: "Batch norm is said to make the loss smoother, so compare the two lines of “Smoothness at each distance”. A tenth of a learning rate along the gradient they are close together; at four learning rates the plain network's gradient has turned far more.",
    source: { name: "Santurkar et al. 2018, figure 4", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, data: "digits", depth: 8, width: 48, activation: "relu", rates: once(0.1) },
  },
  {
    id: "mode",
    title: "Forgot to switch to inference",
    text: "The test points are asked about in batches of 8 and normalized with the statistics of those 8, as in training: the answer for a point depends on its neighbors in the batch, and the boundary of batch norm trembles where that of layer norm does not. Set “Predict with” to running statistics, and it stands still and is right more often.",
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
    text: "With two rows a batch, each unit is normalized to +1 and −1 whatever its values were: only their order is left to learn from. Layer norm looks at one row alone and does not mind.",
    source: { name: "Wu & He 2018, figure 1", url: "https://arxiv.org/abs/1803.08494" },
    settings: { ...DEFAULTS, left: "layer", right: "batch", activation: "relu", rates: once(0.05), batchSize: 2 },
  },
];
