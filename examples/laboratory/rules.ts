/**
 * The rules: for each claim, the statistic computed for each seed, and the thresholds that decide. They were fixed before the
 * numbers were known. A rule may only be changed before its numbers have been seen, in a commit that says so.
 *
 * plain/BN is the value for the network without batch norm divided by the value for the same network with it, from the same seed.
 * If only a threshold for yes was fixed, no is its complement.
 */
import type { Rule } from "./verdicts.js";

export const RULES = {
  "sigmoid-inputs": {
    sooner: rule("steps to test accuracy 0.8 (censored at the last step), plain/BN", { atLeast: 5 }, { atMost: 1 }),
    steadier: rule(
      "largest change in the median input of a unit since step 0 (raw, mean over units), plain/BN",
      { atLeast: 2 },
      { atMost: 1 },
    ),
  },
  "hidden-shift": {
    stepRelative: shiftRule("step shift in standard deviations"),
    stepRaw: shiftRule("raw step shift"),
    totalRelative: shiftRule("total shift in standard deviations"),
    totalRaw: shiftRule("raw total shift"),
  },
  "shifted-inputs": {
    batch: rule("test accuracy, BN with batch statistics - plain", { above: 0.02 }, { below: 0 }),
    running: rule("test accuracy, BN with running statistics - plain", { above: 0.02 }, { below: 0 }),
  },
  "learning-rates": {
    largest: rule("largest learning rate that reaches test accuracy 0.9, BN/plain", { atLeast: 3 }, { atMost: 1 }),
    best: rule("test accuracy at each network's best learning rate, BN - plain", { atLeast: 0.02 }, { atMost: 0 }),
    equalSmall: rule(
      "test accuracy at learning rate 0.03, BN - plain",
      { within: [-0.02, 0.02] },
      { beyond: [-0.02, 0.02] },
    ),
  },
  landscape: {
    range: rule(
      "range of the loss over 0.5 to 4 lr (median, at equal loss), plain/BN",
      { atLeast: 1.5 },
      { atMost: 0.67 },
    ),
    change: rule(
      "largest relative gradient change over 0.5 to 4 lr (median, at equal loss), plain/BN",
      { atLeast: 1.5 },
      { atMost: 0.67 },
    ),
  },
  "beta-profile": {
    far: betaRule("median beta at 4 lr"),
    near: betaRule("median beta at 0.01 lr"),
    start: betaRule("beta at step 0, at 0.01 lr"),
  },
  "covariate-shift": {
    more: rule(
      "relative difference of the weight gradients (mean over blocks 2 to last, median over steps 0 to 100), BN/plain",
      { atLeast: 1.1 },
      { atMost: 0.9 },
    ),
  },
  "noisy-batch-norm": {
    asWell: rule("training accuracy, BN - noisy BN", { atMost: 0.1 }, { atLeast: 0.2 }),
    better: rule("training accuracy, noisy BN - plain", { atLeast: 0.05 }, { atMost: 0 }),
    stopped: rule("training accuracy of the plain network with the same noise", { atMost: 0.3 }, { atLeast: 0.6 }),
    unstable: rule("step shift in standard deviations, noisy BN/plain", { atLeast: 1.25 }, { atMost: 0.8 }),
  },
  "lp-norms": {
    asWell: rule("training accuracy, BN - this norm", { atMost: 0.02 }, { atLeast: 0.05 }),
    smoother: rule("median range of the loss over 0.5 to 4 lr, plain/this norm", { atLeast: 3 }, { atMost: 1 }),
    moreShift: rule("step shift in standard deviations, this norm/plain", { atLeast: 1.25 }, { atMost: 0.8 }),
  },
  "theorem-4-1": {
    identity: rule("largest relative error of the identity", { atMost: 1e-9 }, { above: 1e-9 }),
    bound: rule("share of draws that violate the bound with 1/m", { atMost: 0 }, { above: 0 }),
    printed: rule(
      "share of draws that satisfy the printed form with 1/sqrt(m), at epsilon 0",
      { atLeast: 1 },
      { below: 1 },
    ),
  },
  "deep-linear": {
    cosine: rule(
      "median cosine between G and G' at two thirds of the depth, plain - BN",
      { atLeast: 0.3 },
      { atMost: 0 },
    ),
    loss: rule("final loss, plain/BN", { atLeast: 1.25 }, { atMost: 0.8 }),
    rough: rule("log10 of the largest beta x lr over 1 to 30 lr, plain", { atLeast: 1 }, { atMost: 0.8 }),
    smooth: rule("log10 of the largest beta x lr over 1 to 30 lr, BN", { atMost: 0.8 }, { atLeast: 1 }),
    plateau: rule("median beta x lr at 0.01 lr, BN", { within: [1.8, 2.3] }, { beyond: [1.8, 2.3] }),
  },
  "edge-of-stability": {
    edge: rule(
      "median sharpness x learning rate in the last third of training",
      { within: [1.8, 2.3] },
      { below: 1.6 },
    ),
  },
  "scale-invariance": {
    loss: rule("largest change in the loss when the weights are scaled", { below: 1e-10 }, { atLeast: 1e-10 }),
    gradient: rule("largest |a ||g(aW)|| / ||g(W)|| - 1|", { below: 1e-10 }, { atLeast: 1e-10 }),
    orthogonal: rule(
      "largest |cosine| between a unit's weights and their gradient",
      { below: 1e-10 },
      { atLeast: 1e-10 },
    ),
    growth: rule(
      "relative error of the predicted growth of ||W||^2, the sum of lr^2 ||g||^2, over 300 steps at learning rate 1",
      { below: 1e-3 },
      { atLeast: 1e-3 },
    ),
    anyRate: rule("decades of learning rates at which least squares with BN converges", { atLeast: 4 }, { below: 4 }),
  },
  initialization: {
    explosion: rule(
      "growth of the squared gradient norm per layer, BN",
      { within: [1.4, 1.54] },
      { beyond: [1.4, 1.54] },
    ),
    noExplosion: rule(
      "growth of the squared gradient norm per layer, plain",
      { within: [0.85, 1.1] },
      { beyond: [0.85, 1.1] },
    ),
    rankKept: rule("effective rank of the last layer, BN", { atLeast: 5 }, { below: 5 }),
    rankLost: rule("effective rank of the last layer, plain", { atMost: 1.5 }, { above: 1.5 }),
  },
  spectrum: {
    largest: rule("largest eigenvalue, plain/BN", { atLeast: 1.5 }, { atMost: 0.8 }),
    scaleFree: rule("largest eigenvalue x ||W||^2, plain/BN", { atLeast: 1.5 }, { atMost: 0.8 }),
    share: rule("share of the gradient in the top 10 directions, plain - BN", { atLeast: 0.2 }, { atMost: 0 }),
  },
  "batch-size": {
    recalibrated: rule(
      "test accuracy, recalibrated - running statistics",
      { atLeast: 0.05 },
      { within: [-0.02, 0.02] },
    ),
    small: rule("test accuracy, recalibrated BN - plain", { atMost: -0.03 }, { above: -0.03 }),
    gap: rule(
      "gap between training and test accuracy (recalibrated), batch size 64 - this batch size",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
  },
  "gamma-and-beta": {
    overOutput: rule(
      "test accuracy, training only gamma and beta - only the output layer",
      { atLeast: 0.1 },
      { atMost: 0 },
    ),
    overRandom: rule(
      "test accuracy, training only gamma and beta - the same number of random weights",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
    disabled: rule("share of |gamma| < 0.01 after training only gamma and beta", { atLeast: 0.2 }, { atMost: 0.05 }),
  },
  "two-stories": {
    moreShift: rule("step shift in standard deviations, drifting BN/BN", { atLeast: 5 }, { below: 5 }),
    sameGain: rule("median gain at 1 lr, drifting BN - BN", { within: [-0.15, 0.15] }, { beyond: [-0.15, 0.15] }),
    learns: rule("test accuracy, BN - drifting BN", { atMost: 0.05 }, { above: 0.05 }),
    sameShift: rule("step shift in standard deviations, stopped-gradient BN/BN", { atMost: 1.25 }, { above: 1.25 }),
    fails: rule("test accuracy, plain - stopped-gradient BN", { atLeast: 0.1 }, { below: 0.1 }),
    moreTotal: rule("total shift in standard deviations, mean-only BN/BN", { atLeast: 3 }, { below: 3 }),
    learnsToo: rule("test accuracy, BN - mean-only BN", { atMost: 0.03 }, { above: 0.03 }),
  },
  "sample-variance": {
    share: rule(
      "share of the second moment after layer 10 that varies with the input, |measured / predicted - 1|",
      { atMost: 0.15 },
      { above: 0.3 },
    ),
  },
  "growing-rate": {
    sameLoss: rule(
      "largest relative difference between the losses with weight decay and with a growing learning rate",
      { atMost: 1e-7 },
      { atLeast: 1e-3 },
    ),
  },
  rotation: {
    error: rule(
      "root mean square angle per step in the last fifth of training, |measured / predicted - 1| (largest over the layers)",
      { atMost: 0.1 },
      { above: 0.3 },
    ),
  },
  "residual-blocks": {
    share: rule(
      "share of the variance after block l that comes from its branch, x (l + 1) (median over the blocks)",
      { within: [0.7, 1.3] },
      { beyond: [0.4, 2] },
    ),
    skipInit: rule("test accuracy, SkipInit - BN", { atLeast: -0.03 }, { atMost: -0.1 }),
    fails: rule("test accuracy without normalization", { atMost: 0.3 }, { atLeast: 0.6 }),
  },
  "small-batches": {
    groupNorm: rule("test accuracy at batch size 2, group norm - BN", { atLeast: 0.05 }, { atMost: 0 }),
    largeBatch: rule("test accuracy at batch size 64, group norm - BN", { atMost: 0 }, { atLeast: 0.02 }),
    renorm: rule("test accuracy at batch size 2, batch renorm - BN", { atLeast: 0.05 }, { atMost: 0 }),
    ghost: rule(
      "gap between training and test accuracy at batch size 256, BN - ghost BN",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
  },
} as const;

function rule(statistic: string, yes: Rule["yes"], no: Rule["no"]): Rule {
  return { statistic, yes, no };
}

function shiftRule(statistic: string): Rule {
  return rule(`${statistic} (mean over units, median over steps), BN/plain`, { atMost: 0.8 }, { atLeast: 1.25 });
}

function betaRule(statistic: string): Rule {
  return rule(`${statistic}, plain/BN`, { atLeast: 1.25 }, { atMost: 0.8 });
}
