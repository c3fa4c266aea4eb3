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
    sooner: rule(
      "steps to test accuracy 0.8 (censored at the last step), plain/BN",
      "ratio",
      { atLeast: 5 },
      { atMost: 1 },
    ),
    steadier: rule(
      "largest change in the median input of a unit since step 0 (raw, mean over units), plain/BN",
      "ratio",
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
    batch: rule("test accuracy, BN with batch statistics - plain", "accuracy", { above: 0.02 }, { below: 0 }),
    running: rule("test accuracy, BN with running statistics - plain", "accuracy", { above: 0.02 }, { below: 0 }),
  },
  "learning-rates": {
    largest: rule(
      "largest learning rate that reaches test accuracy 0.9, BN/plain",
      "ratio",
      { atLeast: 3 },
      { atMost: 1 },
    ),
    best: rule(
      "test accuracy at each network's best learning rate, BN - plain",
      "accuracy",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
    equalSmall: rule(
      "test accuracy at learning rate 0.03, BN - plain",
      "accuracy",
      { within: [-0.02, 0.02] },
      { beyond: [-0.02, 0.02] },
    ),
  },
  landscape: {
    range: twoSided(
      "range of the loss over 0.5 to 4 lr (median, at equal loss), plain/BN",
      "ratio",
      { atLeast: 1.5 },
      { atMost: 0.67 },
    ),
    change: twoSided(
      "largest relative gradient change over 0.5 to 4 lr (median, at equal loss), plain/BN",
      "ratio",
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
    more: twoSided(
      "relative difference of the weight gradients (mean over the layers, median over steps 0 to 100), BN/plain",
      "ratio",
      { atLeast: 1.1 },
      { atMost: 0.9 },
    ),
  },
  "noisy-batch-norm": {
    asWell: rule("training accuracy, BN - noisy BN", "accuracy", { atMost: 0.1 }, { atLeast: 0.2 }),
    better: rule("training accuracy, noisy BN - plain", "accuracy", { atLeast: 0.05 }, { atMost: 0 }),
    stopped: rule(
      "training accuracy of the plain network with the same noise",
      "accuracy",
      { atMost: 0.3 },
      { atLeast: 0.6 },
    ),
    unstable: twoSided(
      "step shift in standard deviations, noisy BN/plain",
      "ratio",
      { atLeast: 1.25 },
      { atMost: 0.8 },
    ),
  },
  "lp-norms": {
    asWell: rule("training accuracy, BN - this norm", "accuracy", { atMost: 0.02 }, { atLeast: 0.05 }),
    smoother: rule(
      "median range of the loss over 0.5 to 4 lr, plain/this norm",
      "ratio",
      { atLeast: 3 },
      { atMost: 1 },
    ),
    moreShift: twoSided(
      "step shift in standard deviations, this norm/plain",
      "ratio",
      { atLeast: 1.25 },
      { atMost: 0.8 },
    ),
  },
  "theorem-4-1": {
    identity: rule("largest relative error of the identity", "ratio", { atMost: 1e-9 }, { above: 1e-9 }),
    bound: rule("share of draws that violate the bound with 1/m", "share", { atMost: 0 }, { above: 0 }),
    printed: rule(
      "share of draws that satisfy the printed form with 1/sqrt(m), at epsilon 0",
      "share",
      { atLeast: 1 },
      { below: 1 },
    ),
  },
  "deep-linear": {
    cosine: rule(
      "median cosine between G and G' at two thirds of the depth, plain - BN",
      "cosine",
      { atLeast: 0.3 },
      { atMost: 0 },
    ),
    loss: twoSided("final loss, plain/BN", "ratio", { atLeast: 1.25 }, { atMost: 0.8 }),
    rough: rule("log10 of the largest beta x lr over 1 to 30 lr, plain", "decades", { atLeast: 1 }, { atMost: 0.8 }),
    smooth: rule("log10 of the largest beta x lr over 1 to 30 lr, BN", "decades", { atMost: 0.8 }, { atLeast: 1 }),
    plateau: rule("median beta x lr at 0.01 lr, BN", "dimensionless", { within: [1.8, 2.3] }, { beyond: [1.8, 2.3] }),
  },
  "edge-of-stability": {
    edge: rule(
      "median sharpness x learning rate in the last third of training",
      "dimensionless",
      { within: [1.8, 2.3] },
      { below: 1.6 },
    ),
  },
  "scale-invariance": {
    loss: rule("largest change in the loss when the weights are scaled", "nats", { below: 1e-10 }, { atLeast: 1e-10 }),
    gradient: rule("largest |a ||g(aW)|| / ||g(W)|| - 1|", "ratio", { below: 1e-10 }, { atLeast: 1e-10 }),
    orthogonal: rule(
      "largest |cosine| between a unit's weights and their gradient",
      "cosine",
      { below: 1e-10 },
      { atLeast: 1e-10 },
    ),
    growth: rule(
      "relative error of the predicted growth of ||W||^2, the sum of lr^2 ||g||^2, over 300 steps at learning rate 1",
      "ratio",
      { below: 1e-3 },
      { atLeast: 1e-3 },
    ),
    anyRate: rule(
      "decades of learning rates at which least squares with BN converges",
      "decades",
      { atLeast: 4 },
      { below: 4 },
    ),
  },
  initialization: {
    explosion: rule(
      "growth of the squared gradient norm per layer, BN",
      "factor",
      { within: [1.4, 1.54] },
      { beyond: [1.4, 1.54] },
    ),
    noExplosion: rule(
      "growth of the squared gradient norm per layer, plain",
      "factor",
      { within: [0.85, 1.1] },
      { beyond: [0.85, 1.1] },
    ),
    rankKept: rule("effective rank of the last layer, BN", "directions", { atLeast: 5 }, { below: 5 }),
    rankLost: rule("effective rank of the last layer, plain", "directions", { atMost: 1.5 }, { above: 1.5 }),
  },
  spectrum: {
    largest: twoSided("largest eigenvalue, plain/BN", "ratio", { atLeast: 1.5 }, { atMost: 0.8 }),
    scaleFree: twoSided("largest eigenvalue x ||W||^2, plain/BN", "ratio", { atLeast: 1.5 }, { atMost: 0.8 }),
    share: rule("share of the gradient in the top 10 directions, plain - BN", "share", { atLeast: 0.2 }, { atMost: 0 }),
  },
  "batch-size": {
    recalibrated: rule(
      "test accuracy, recalibrated - running statistics",
      "accuracy",
      { atLeast: 0.05 },
      { within: [-0.02, 0.02] },
    ),
    small: rule("test accuracy, recalibrated BN - plain", "accuracy", { atMost: -0.03 }, { above: -0.03 }),
    gap: rule(
      "gap between training and test accuracy (recalibrated), batch size 64 - this batch size",
      "accuracy",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
  },
  "gamma-and-beta": {
    overOutput: rule(
      "test accuracy, training only gamma and beta - only the output layer",
      "accuracy",
      { atLeast: 0.1 },
      { atMost: 0 },
    ),
    overRandom: rule(
      "test accuracy, training only gamma and beta - the same number of random weights",
      "accuracy",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
    disabled: rule(
      "share of |gamma| < 0.01 after training only gamma and beta",
      "share",
      { atLeast: 0.2 },
      { atMost: 0.05 },
    ),
  },
  "two-stories": {
    moreShift: rule("step shift in standard deviations, drifting BN/BN", "ratio", { atLeast: 5 }, { below: 5 }),
    sameGain: rule(
      "median gain at 1 lr, drifting BN - BN",
      "dimensionless",
      { within: [-0.15, 0.15] },
      { beyond: [-0.15, 0.15] },
    ),
    learns: rule("test accuracy, BN - drifting BN", "accuracy", { atMost: 0.05 }, { above: 0.05 }),
    sameShift: rule(
      "step shift in standard deviations, stopped-gradient BN/BN",
      "ratio",
      { atMost: 1.25 },
      { above: 1.25 },
    ),
    fails: rule("test accuracy, plain - stopped-gradient BN", "accuracy", { atLeast: 0.1 }, { below: 0.1 }),
    moreTotal: rule("total shift in standard deviations, mean-only BN/BN", "ratio", { atLeast: 3 }, { below: 3 }),
    learnsToo: rule("test accuracy, BN - mean-only BN", "accuracy", { atMost: 0.03 }, { above: 0.03 }),
  },
  "sharp-direction": {
    push: rule(
      "R - 1 for a push of 1% along the gradient of a mean output (median over the classes), constant statistics/BN",
      "ratio",
      { atLeast: 5 },
      { atMost: 2 },
    ),
    random: rule(
      "R for an equally long push in a random direction (the network farthest from 1)",
      "ratio",
      { within: [0.9, 1.1] },
      { beyond: [0.9, 1.1] },
    ),
    taken: rule(
      "share of images assigned to class k by the same push (median over k), constant statistics",
      "share",
      { atLeast: 0.2 },
      { below: 0.2 },
    ),
    kept: rule(
      "share of images assigned to class k by the same push (median over k), BN",
      "share",
      { atMost: 0.15 },
      { above: 0.15 },
    ),
    lastLayer: rule(
      "share of the last layer in ||u_k||^2 (median over k), BN",
      "share",
      { atLeast: 0.7 },
      { below: 0.7 },
    ),
    allLayers: rule("share of the last layer in ||u_k||^2 (median over k)", "share", { atMost: 0.45 }, { above: 0.45 }),
    curvature: rule(
      "largest eigenvalue x ||theta||^2, constant statistics/BN",
      "ratio",
      { atLeast: 1.5 },
      { atMost: 1 },
    ),
    span: rule(
      "share of the nine sharpest directions in the span of the ten u_k (mean), constant statistics/BN",
      "ratio",
      { atLeast: 10 },
      { atMost: 3 },
    ),
    spanPlain: rule(
      "share of the nine sharpest directions in the span of the ten u_k (mean), plain",
      "share",
      { atLeast: 0.15 },
      { atMost: 0.03 },
    ),
    afterRelu: rule(
      "R - 1 with constant statistics, normalization before the ReLU/after the ReLU",
      "ratio",
      { atLeast: 5 },
      { atMost: 2 },
    ),
  },
  "mean-or-deviation": {
    mean: rule("test accuracy, mean only - deviation only", "accuracy", { atLeast: 0.1 }, { atMost: 0 }),
    rms: rule("test accuracy, BN - RMS", "accuracy", { atMost: 0.02 }, { atLeast: 0.05 }),
    meanEnough: rule("test accuracy, BN - mean only", "accuracy", { atMost: 0.1 }, { atLeast: 0.2 }),
    shallow: rule(
      "largest difference in test accuracy between BN, mean only, deviation only and RMS",
      "accuracy",
      { atMost: 0.03 },
      { above: 0.03 },
    ),
  },
  "dynamic-tanh": {
    asWell: rule(
      "test accuracy at each network's best learning rate, BN - dynamic tanh",
      "accuracy",
      { atMost: 0.02 },
      { atLeast: 0.05 },
    ),
    largest: rule(
      "largest learning rate that reaches test accuracy 0.9, BN/dynamic tanh",
      "ratio",
      { atMost: 1 },
      { atLeast: 3 },
    ),
  },
  "sample-gradients": {
    cancel: rule(
      "|sum of the samples' gradients| / sum of their magnitudes (mean over the weights, then the hidden layers), plain/BN",
      "ratio",
      { atLeast: 1.4 },
      { atMost: 1 },
    ),
  },
  "sample-variance": {
    share: rule(
      "share of the second moment after layer 10 that varies with the input, |measured / predicted - 1|",
      "relative error",
      { atMost: 0.15 },
      { above: 0.3 },
    ),
  },
  "growing-rate": {
    sameLoss: rule(
      "largest relative difference between the losses with weight decay and with a growing learning rate",
      "relative difference",
      { atMost: 1e-7 },
      { atLeast: 1e-3 },
    ),
  },
  rotation: {
    error: rule(
      "root mean square angle per step in the last fifth of training, |measured / predicted - 1| (largest over the layers)",
      "relative error",
      { atMost: 0.1 },
      { above: 0.3 },
    ),
  },
  "residual-blocks": {
    share: rule(
      "share of the variance after block l that comes from its branch, x (l + 1) (median over the blocks)",
      "dimensionless",
      { within: [0.7, 1.3] },
      { beyond: [0.4, 2] },
    ),
    skipInit: rule("test accuracy, SkipInit - BN", "accuracy", { atLeast: -0.03 }, { atMost: -0.1 }),
    fails: rule("test accuracy without normalization", "accuracy", { atMost: 0.3 }, { atLeast: 0.6 }),
  },
  "small-batches": {
    groupNorm: rule("test accuracy at batch size 2, group norm - BN", "accuracy", { atLeast: 0.05 }, { atMost: 0 }),
    largeBatch: rule("test accuracy at batch size 64, group norm - BN", "accuracy", { atMost: 0 }, { atLeast: 0.02 }),
    renorm: rule("test accuracy at batch size 2, batch renorm - BN", "accuracy", { atLeast: 0.05 }, { atMost: 0 }),
    ghost: rule(
      "gap between training and test accuracy at batch size 256, BN - ghost BN",
      "accuracy",
      { atLeast: 0.02 },
      { atMost: 0 },
    ),
  },
} as const;

function rule(statistic: string, unit: string, yes: Rule["yes"], no: Rule["no"]): Rule {
  return { statistic, unit, yes, no };
}

/** A rule for which no means that the opposite holds. */
function twoSided(statistic: string, unit: string, yes: Rule["yes"], no: Rule["no"]): Rule {
  return { statistic, unit, yes, no, reversible: true };
}

function shiftRule(statistic: string): Rule {
  return twoSided(
    `${statistic} (mean over units, median over steps), BN/plain`,
    "ratio",
    { atMost: 0.8 },
    { atLeast: 1.25 },
  );
}

function betaRule(statistic: string): Rule {
  return twoSided(`${statistic}, plain/BN`, "ratio", { atLeast: 1.25 }, { atMost: 0.8 });
}
