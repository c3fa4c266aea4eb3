/** Presets: one demonstration per headline claim, with its source. test/playground-presets.test.ts checks every sentence and instruction. */
import { DEFAULTS, type Settings } from "./settings.js";

export interface Preset {
  readonly id: string;
  readonly title: string;
  /** Describes the setup, then what to watch. The first sentence also appears alone, on the site's front page. */
  readonly text: string;
  readonly source: { readonly name: string; readonly url: string };
  readonly settings: Settings;
  /** The figure that shows it, and the layer and unit (null for all units) to select. */
  readonly view: { readonly figure: string; readonly layer: number; readonly unit: number | null };
}

const once = (rate: number): Settings["rates"] => [{ step: 0, rate }];

export const PRESETS: readonly Preset[] = [
  {
    id: "rate",
    title: "Learning rate 2, sigmoid",
    text: "With five sigmoid layers and a learning rate of 2, the plain network does no better than guessing on handwritten digits, while the network with batch norm learns. A lower learning rate does not help, because hardly any gradient reaches the first layer. Set “Hidden layers” to 1, and the plain network learns too.",
    source: { name: "Ioffe & Szegedy 2015, section 4.1", url: "https://arxiv.org/abs/1502.03167" },
    settings: { ...DEFAULTS, data: "digits", depth: 5, width: 64, activation: "sigmoid", rates: once(2) },
    view: { figure: "gradients", layer: 0, unit: null },
  },
  {
    id: "cats",
    title: "Black cats, colored cats",
    text: "A classifier trained on black cats is tested on colored ones: here, all test points are shifted by the same amount. Batch statistics cancel the shift, so it hardly affects the network with batch norm. Set “Predict with” to running statistics, and it fails like the plain network.",
    source: {
      name: "Ng, Deep Learning Specialization, “Why does Batch Norm work?”",
      url: "https://www.youtube.com/watch?v=nUUqwaxLnWs",
    },
    settings: { ...DEFAULTS, activation: "relu", rates: once(0.1), predict: "batch", shift: 0.8 },
    view: { figure: "accuracy", layer: 0, unit: null },
  },
  {
    id: "noise",
    title: "Noise does no harm",
    text: "After each BatchNorm layer of the right network, random noise shifts and scales every hidden unit, differently at each step. The hidden values of the selected unit are far less stable than with batch norm alone, yet the noisy network learns as well. This is evidence that stable distributions are not the reason for batch norm's success.",
    source: { name: "Santurkar et al. 2018, section 2.1", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, left: "batch", right: "noisy" },
    view: { figure: "distributions", layer: 3, unit: 0 },
  },
  {
    id: "smooth",
    title: "Smoother? At what distance?",
    text: "Does batch norm make the loss smoother? Compare the two lines in “Smoothness by distance”. At a tenth of a learning rate along the gradient they are close together. At four learning rates, the gradient of the plain network has changed more: after a few hundred steps, at least twice as much.",
    source: { name: "Santurkar et al. 2018, figure 4", url: "https://arxiv.org/abs/1805.11604" },
    settings: {
      ...DEFAULTS,
      ...{ data: "digits", depth: 8, width: 48, activation: "relu", rates: once(0.2), batchSize: 16 },
    },
    view: { figure: "beta", layer: 0, unit: null },
  },
  {
    id: "mode",
    title: "Forgetting to switch to inference",
    text: "Test points are predicted in batches of 8 and normalized with the statistics of their batch, as during training. Each prediction then depends on the rest of the batch, so the decision boundary of the network with batch norm flickers. Layer norm treats each point separately. Set “Predict with” to running statistics: the boundary flickers far less, and the accuracy rises.",
    source: { name: "Wu & Johnson 2021, “Rethinking ‘Batch’ in BatchNorm”", url: "https://arxiv.org/abs/2105.07576" },
    settings: {
      ...DEFAULTS,
      ...{ left: "layer", right: "batch", data: "circles", activation: "relu" },
      ...{ rates: once(0.05), batchSize: 8, predict: "batch" },
    },
    view: { figure: "accuracy", layer: 0, unit: null },
  },
  {
    id: "two",
    title: "Batch of two",
    text: "With two samples per batch, batch norm maps the two values of each unit to +1 and −1, so only their order remains to learn from. Layer norm normalizes each sample separately and is not affected. Set “Batch size” to 32, and the network with batch norm learns too.",
    source: { name: "Wu & He 2018, figure 1", url: "https://arxiv.org/abs/1803.08494" },
    settings: { ...DEFAULTS, left: "layer", right: "batch", activation: "relu", rates: once(0.02), batchSize: 2 },
    view: { figure: "accuracy", layer: 0, unit: null },
  },
];
