/** A Dense that has taken up a batch norm, whose running statistics make it one scale and one shift a feature. */

import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import { Dense } from "../layers/dense.js";
import { Tensor } from "../core/tensor.js";
import { isFiniteTensor } from "./tree.js";

/** y = scale x + shift, feature by feature. */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** What a batch norm does in inference. */
export function affineOf(norm: BatchNorm): Affine {
  const scale = new Float64Array(norm.features);
  reciprocalStd({ variance: norm.runningVariance.values, epsilon: norm.epsilon, rstd: scale });
  const shift = scale.map((rstd, c) => {
    scale[c] = rstd * (norm.gamma?.value.data[c] ?? 1);
    return (norm.beta?.value.data[c] ?? 0) - scale[c] * norm.runningMean.values[c]!;
  });
  return { scale, shift };
}

/** scale (xW + b) + shift as one Dense; undefined where its numbers would not be finite. */
export function foldIntoPreceding(dense: Dense, { scale, shift }: Affine): Dense | undefined {
  const { weight, bias, outputs } = dense;
  return denseOf(
    dense,
    Float64Array.from(weight.value.data, (w, i) => w * scale[i % outputs]!),
    shift.map((value, j) => scale[j]! * (bias?.value.data[j] ?? 0) + value),
  );
}

/** (scale x + shift) W + b as one Dense; undefined where its numbers would not be finite. */
export function foldIntoFollowing(dense: Dense, { scale, shift }: Affine): Dense | undefined {
  const { weight, bias, outputs } = dense;
  const w = weight.value.data;
  const newBias = Float64Array.from({ length: outputs }, (_, j) => {
    return shift.reduce((sum, value, i) => sum + value * w[i * outputs + j]!, bias?.value.data[j] ?? 0);
  });
  return denseOf(
    dense,
    Float64Array.from(w, (value, i) => value * scale[Math.floor(i / outputs)]!),
    newBias,
  );
}

function denseOf({ inputs, outputs, weight }: Dense, w: Float64Array, b: Float64Array): Dense | undefined {
  const { dtype } = weight.value;
  const initial = { weight: Tensor.from(w, { shape: [inputs, outputs], dtype }), bias: Tensor.from(b, { dtype }) };
  return isFiniteTensor(initial.weight) && isFiniteTensor(initial.bias)
    ? new Dense({ inputs, outputs, initial, dtype })
    : undefined;
}
