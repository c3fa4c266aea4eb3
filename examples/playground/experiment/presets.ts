/** Presets: one demonstration for each headline claim, with who made it. What they show is measured in test/browser/presets.test.ts. */
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
    title: "Black cats, coloured cats",
    text: "Trained on black cats, asked about coloured ones: the test points are the training points' like, all moved by the same amount. The batch's own statistics take the move out again, so the normalized network hardly notices; set “predict with” to running statistics, and it fails like the plain one.",
    source: {
      name: "Ng, Deep Learning Specialization, “Why does Batch Norm work?”",
      url: "https://www.youtube.com/watch?v=nUUqwaxLnWs",
    },
    settings: { ...DEFAULTS, activation: "relu", rates: once(0.1), predict: "batch", shift: 0.8 },
  },
  {
    id: "noise",
    title: "Noise does not hurt it",
    text: "Behind each batch norm, random noise moves and scales every hidden unit anew at each step, so the hidden distributions are less stable than the plain network's. It trains all the same, which speaks against stable distributions as the reason.",
    source: { name: "Santurkar et al. 2018, section 2.1", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, left: "plain", right: "noisy", depth: 6, activation: "sigmoid", rates: once(0.5) },
  },
  {
    id: "smooth",
    title: "Smoother? At which distance?",
    text: "Batch norm is said to make the loss smoother. Compare the two lines of “Smoothness at each distance”: within one learning rate they are close, at four the plain one's gradient turns far more.",
    source: { name: "Santurkar et al. 2018, figure 4", url: "https://arxiv.org/abs/1805.11604" },
    settings: { ...DEFAULTS, data: "digits", depth: 8, width: 48, activation: "relu", rates: once(0.1) },
  },
  {
    id: "mode",
    title: "Forgot to switch to inference",
    text: "Both networks are the same and trained with the same batches of 8, but predict with the statistics of whatever batch they are asked with. The answer for a point now depends on its neighbors in the batch: watch the boundary tremble, then set “predict with” to running statistics.",
    source: { name: "the commonest mistake with batch norm: docs/modes.md", url: "https://arxiv.org/abs/2105.07576" },
    settings: {
      ...DEFAULTS,
      left: "layer",
      right: "batch",
      activation: "relu",
      rates: once(0.1),
      batchSize: 8,
      predict: "batch",
    },
  },
  {
    id: "two",
    title: "Batch of two",
    text: "With two rows a batch, each unit is normalized to +1 and -1 whatever its values were: only their order is left. Layer norm looks at one row alone and does not mind.",
    source: { name: "Wu & He 2018, figure 1", url: "https://arxiv.org/abs/1803.08494" },
    settings: { ...DEFAULTS, left: "layer", right: "batch", activation: "relu", rates: once(0.05), batchSize: 2 },
  },
];
