/** Presets: one demonstration per headline claim, with its source. test/browser/playground-presets.test.ts checks what they show. */
import { DEFAULTS, type Settings } from "./settings.js";

export interface Preset {
  readonly id: string;
  readonly title: string;
  /** Describes the setup, then what to watch. The first sentence also appears alone, on the site's front page. */
  readonly text: string;
  readonly source: { readonly name: string; readonly url: string };
  readonly settings: Settings;
}

const once = (rate: number): Settings["rates"] => [{ step: 0, rate }];

export const PRESETS: readonly Preset[] = [
  {
    id: "rate",
    title: "Learning rate 2, sigmoid",
    text: "With three sigmoid layers and a learning rate of 2, the plain network does no better than guessing on handwritten digits, while the network with batch norm learns. Lower the learning rate to find where the plain network starts to learn.",
    source: { name: "Ioffe & Szegedy 2015, section 4.1", url: "https://arxiv.org/abs/1502.03167" },
    settings: { ...DEFAULTS, data: "digits", depth: 3, width: 64, activation: "sigmoid", rates: once(2) },
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
  },
  {
    id: "noise",
    title: "Noise does no harm",
    text: "After each BatchNorm layer, random noise shifts and scales every hidden unit, differently at each step. Select layer 4 below: its hidden values are far less stable than in the plain network. The noisy network still trains well, which is evidence that stable distributions are not the reason for batch norm's success.",
    source: { name: "Santurkar et al. 2018, section 2.1", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, left: "plain", right: "noisy" },
  },
  {
    id: "smooth",
    title: "Smoother? At what distance?",
    text: "Does batch norm make the loss smoother? Compare the two lines in “Smoothness by distance”. At a tenth of a learning rate along the gradient they are close together; at four learning rates, the gradient of the plain network has changed far more.",
    source: { name: "Santurkar et al. 2018, figure 4", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, data: "digits", depth: 8, width: 48, activation: "relu", rates: once(0.1) },
  },
  {
    id: "mode",
    title: "Forgetting to switch to inference",
    text: "Test points are predicted in batches of 8 and normalized with the statistics of their batch, as during training. Each prediction then depends on the rest of the batch, so the decision boundary flickers with batch norm but not with layer norm. Set “Predict with” to running statistics: the boundary stops flickering, and the accuracy rises.",
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
    text: "With two samples per batch, batch norm maps the two values of each unit to +1 and −1, so only their order remains to learn from. Layer norm normalizes each sample separately and is not affected.",
    source: { name: "Wu & He 2018, figure 1", url: "https://arxiv.org/abs/1803.08494" },
    settings: { ...DEFAULTS, left: "layer", right: "batch", activation: "relu", rates: once(0.05), batchSize: 2 },
  },
];
