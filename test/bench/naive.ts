/** What one writes first: the kernels that carry the time, as plain loops over typed arrays, one value after the other. */
import type {
  BatchNormBackwardArguments,
  BatchNormForwardArguments,
  Kernels,
  MatmulArguments,
  NormalizeArguments,
  SoftmaxCrossEntropyArguments,
} from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";

/** The naive kernels; those that no benchmark needs are the plain ones. */
export const naiveKernels: Kernels = {
  ...plainKernels,
  name: "naive",
  matmul({ rows, inner, columns, a, b, bias, out }: MatmulArguments): void {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) out[i * columns + j] = bias === undefined ? 0 : bias[j]!;
      for (let k = 0; k < inner; k++) {
        const left = a[i * inner + k]!;
        for (let j = 0; j < columns; j++) out[i * columns + j]! += left * b[k * columns + j]!;
      }
    }
  },
  matmulTransposedA({ rows, inner, columns, a, b, out }: MatmulArguments): void {
    out.fill(0);
    for (let k = 0; k < inner; k++) {
      for (let i = 0; i < rows; i++) {
        const left = a[k * rows + i]!;
        for (let j = 0; j < columns; j++) out[i * columns + j]! += left * b[k * columns + j]!;
      }
    }
  },
  matmulTransposedB({ rows, inner, columns, a, b, out }: MatmulArguments): void {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += a[i * inner + k]! * b[j * inner + k]!;
        out[i * columns + j] = sum;
      }
    }
  },
  columnSums({ rows, columns, x, out }): void {
    out.fill(0);
    for (let n = 0; n < rows; n++) for (let c = 0; c < columns; c++) out[c]! += x[n * columns + c]!;
  },
  batchNormForward(args: BatchNormForwardArguments): void {
    const { view, x, epsilon, mean, variance, rstd } = args;
    const { outer, channels, inner } = view;
    const m = outer * inner;
    mean.fill(0);
    variance.fill(0);
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) for (let i = 0; i < inner; i++, at++) mean[c]! += x[at]!;
    }
    for (let c = 0; c < channels; c++) mean[c]! /= m;
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < inner; i++, at++) variance[c]! += (x[at]! - mean[c]!) ** 2;
      }
    }
    for (let c = 0; c < channels; c++) {
      variance[c]! /= m;
      rstd[c] = 1 / Math.sqrt(variance[c]! + epsilon);
    }
    naiveKernels.normalize(args);
  },
  normalize({ view: { outer, channels, inner }, x, gamma, beta, mean, rstd, y }: NormalizeArguments): void {
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < inner; i++, at++) y[at] = (x[at]! - mean[c]!) * rstd[c]! * gamma![c]! + beta![c]!;
      }
    }
  },
  batchNormBackward(args: BatchNormBackwardArguments): void {
    const { view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta } = args;
    const { outer, channels, inner } = view;
    const m = outer * inner;
    dgamma!.fill(0);
    dbeta!.fill(0);
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < inner; i++, at++) {
          dbeta![c]! += dy[at]!;
          dgamma![c]! += dy[at]! * (x[at]! - mean[c]!) * rstd[c]!;
        }
      }
    }
    for (let o = 0, at = 0; o < outer; o++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < inner; i++, at++) {
          const xhat = (x[at]! - mean[c]!) * rstd[c]!;
          dx[at] = gamma![c]! * rstd[c]! * (dy[at]! - dbeta![c]! / m - (xhat * dgamma![c]!) / m);
        }
      }
    }
  },
  relu({ x, y }): void {
    for (let i = 0; i < x.length; i++) y[i] = x[i]! > 0 ? x[i]! : 0;
  },
  reluBackward({ y, dy, dx }): void {
    for (let i = 0; i < y.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : 0;
  },
  sigmoid({ x, y }): void {
    for (let i = 0; i < x.length; i++) y[i] = 1 / (1 + Math.exp(-x[i]!));
  },
  softmaxCrossEntropy({ rows, classes, logits, labels, dlogits }: SoftmaxCrossEntropyArguments): number {
    let loss = 0;
    for (let n = 0, at = 0; n < rows; n++, at += classes) {
      let largest = -Infinity;
      for (let k = 0; k < classes; k++) largest = Math.max(largest, logits[at + k]!);
      let sum = 0;
      for (let k = 0; k < classes; k++) sum += Math.exp(logits[at + k]! - largest);
      loss += Math.log(sum) - (logits[at + labels![n]!]! - largest);
      for (let k = 0; k < classes; k++) {
        dlogits[at + k] = (Math.exp(logits[at + k]! - largest) / sum - (labels![n] === k ? 1 : 0)) / rows;
      }
    }
    return loss / rows;
  },
};
