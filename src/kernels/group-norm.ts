/**
 * Group normalization: each sample by itself, over groups of its channels. Layer normalization is one group of it.
 *
 *   mean, variance over the M = channels / groups * inner values of group g of sample n
 *   xhat = (x - mean) rstd      y = gamma[c] xhat + beta[c]
 *   dx   = rstd (gamma[c] dy - mean(gamma dy) - xhat mean(gamma dy xhat))
 *
 * Numerics  two passes, sums in double precision, relative to the first value of the group
 * Source    Wu & He 2018 (arXiv:1803.08494); Ba, Kiros & Hinton 2016 (arXiv:1607.06450)
 */

import { expectGroupNorm, expectGroupNormBackward } from "./arguments.js";
import { reciprocalStd } from "./batch-norm.js";
import type { GroupNormBackwardArguments, GroupNormForwardArguments } from "./kernels.js";
import { scratchFor } from "./scratch.js";

/**
 * Normalizes each group of each sample.
 *
 * Shapes    x, y [samples, channels, inner] · gamma, beta [channels] · mean, rstd [samples * groups]
 * Cost      three passes over x
 */
export function groupNormForward(args: GroupNormForwardArguments): void {
  const { samples, groups, channels, inner, x, gamma, beta, epsilon, y, mean, rstd } = args;
  expectGroupNorm("groupNormForward", args);
  const m = (channels / groups) * inner;
  for (let row = 0; row < samples * groups; row++) {
    const start = row * m;
    const first = x[start]!;
    let sum = 0;
    for (let at = start; at < start + m; at++) sum += x[at]! - first;
    mean[row] = first + sum / m;
    let squares = 0;
    for (let at = start; at < start + m; at++) squares += (x[at]! - mean[row]!) ** 2;
    rstd[row] = squares / m; // the variance, until the loop is through
  }
  reciprocalStd(rstd, epsilon, rstd);
  forEachChannel(args, (start, end, row, c) => {
    const scale = (gamma === undefined ? 1 : gamma[c]!) * rstd[row]!;
    const shift = beta === undefined ? 0 : beta[c]!;
    const center = mean[row]!;
    for (let at = start; at < end; at++) y[at] = (x[at]! - center) * scale + shift;
  });
}

/**
 * The gradient through the normalization and through the statistics of each group.
 *
 * Shapes    x, dy, dx [samples, channels, inner] · gamma, dgamma, dbeta [channels] · mean, rstd [samples * groups]
 * Cost      two passes over x and dy
 */
export function groupNormBackward(args: GroupNormBackwardArguments): void {
  const { samples, groups, channels, inner, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
  expectGroupNormBackward("groupNormBackward", args);
  const m = (channels / groups) * inner;
  // of each group: Σ gamma dy and Σ gamma dy xhat; of each channel: Σ dy and Σ dy xhat
  const { a: sumDy, b: sumDyXhat } = scratchFor(Math.max(samples * groups, channels));
  const channelSums = new Float64Array(2 * channels);
  sumDy.fill(0);
  sumDyXhat.fill(0);
  forEachChannel(args, (start, end, row, c) => {
    const center = mean[row]!;
    let s = 0;
    let q = 0;
    for (let at = start; at < end; at++) {
      s += dy[at]!;
      q += dy[at]! * (x[at]! - center);
    }
    q *= rstd[row]!;
    const g = gamma === undefined ? 1 : gamma[c]!;
    sumDy[row]! += g * s;
    sumDyXhat[row]! += g * q;
    channelSums[2 * c]! += s;
    channelSums[2 * c + 1]! += q;
  });
  forEachChannel(args, (start, end, row, c) => {
    const r = rstd[row]!;
    const g = gamma === undefined ? 1 : gamma[c]!;
    const center = mean[row]!;
    const shift = sumDy[row]! / m;
    const slope = (r * sumDyXhat[row]!) / m;
    for (let at = start; at < end; at++) dx[at] = r * (g * dy[at]! - shift - slope * (x[at]! - center));
  });
  for (let c = 0; c < channels; c++) {
    if (dbeta !== undefined) dbeta[c] = channelSums[2 * c]!;
    if (dgamma !== undefined) dgamma[c] = channelSums[2 * c + 1]!;
  }
}

/** Visits the run of neighbors x[start..end) of each channel of each sample, with the row of its statistics. */
function forEachChannel(
  { samples, groups, channels, inner }: GroupNormForwardArguments | GroupNormBackwardArguments,
  visit: (start: number, end: number, row: number, channel: number) => void,
): void {
  const perGroup = channels / groups;
  for (let n = 0, start = 0; n < samples; n++) {
    for (let c = 0; c < channels; c++, start += inner) {
      visit(start, start + inner, n * groups + Math.floor(c / perGroup), c);
    }
  }
}
