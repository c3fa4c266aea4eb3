/** foldBatchNorm: folds the batch norms of a model into adjacent Dense layers, for inference. */

import { complaint, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import { Dense } from "../layers/dense.js";
import type { Layer } from "../layers/contract.js";
import { expectKernels } from "../layers/forward.js";
import { Sequential } from "../layers/sequential.js";
import { Tensor } from "../core/tensor.js";
import {
  batchNormOf,
  expectModel,
  isDense,
  isFiniteTensor,
  isOnLastAxis,
  normsByPath,
  observeLayers,
} from "./observe.js";

/** Options for `foldBatchNorm`. */
export interface FoldBatchNormOptions {
  /** The kernel set that runs both models. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const foldBatchNormRules = {
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<FoldBatchNormOptions>;

/** A batch norm that was folded. Paths are those of the original model. */
export interface FoldedLayer {
  /** The path of the batch norm. */
  readonly path: string;
  /** The path of the Dense into which it was folded. */
  readonly into: string;
  /** Whether the Dense is before or after the batch norm. */
  readonly side: "preceding" | "following";
}

/** The report of `foldBatchNorm`. Plain JSON. */
export interface FoldReport {
  readonly tool: "foldBatchNorm";
  readonly folded: readonly FoldedLayer[];
  /** The batch norms that were not folded, and why. */
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  /** The number of rows in the input. */
  readonly rows: number;
  /** The largest absolute difference between the outputs of the two models on the input. It should be only round-off. */
  readonly largestDifference: number;
  /** The largest absolute output, for comparison. */
  readonly largestOutput: number;
}

/** The new model, and a report on what was folded. */
export interface FoldedModel {
  readonly model: Sequential;
  readonly report: FoldReport;
}

/**
 * Returns a model for inference, with each batch norm folded into the Dense before it, or else into the Dense after it.
 *
 *     s = gamma / sqrt(running variance + epsilon)      t = beta - s running mean
 *     s (xW + b) + t = x (W diag(s)) + (s b + t)        (s x + t) W + b = x (diag(s) W) + (t W + b)
 *
 * The original model is unchanged. Both models share the layers that did not change. A batch norm that is not directly before or
 * after a Dense stays, because scale and shift cannot be moved across an activation. The report gives the reasons.
 *
 * - **Shapes**: inputs of the new model must have as many axes as the given input
 * - **Modes**: the new model is meant for inference. In training it has no batch statistics, and its Dense layers train without
 *   batch norm
 * - **Numerics**: folded in double precision, then rounded once to the dtype
 * - **Cost**: two forward passes and a copy of each changed Dense
 * - **Source**: Jacob et al. 2018, section 3.2 (arXiv:1712.05877)
 *
 * @throws {TypeError} if the model is not a Sequential or no batch norm can be folded; the message gives the reasons
 * @throws {RangeError} if no batch was tracked or an output is not finite
 * @example
 * const dense = new Dense({ inputs: 1, outputs: 1, initial: { weight: Tensor.from([[2]]), bias: Tensor.from([3]) } });
 * const norm = new BatchNorm({ features: 1, epsilon: 0 });
 * norm.runningMean.values[0] = 1;
 * norm.runningVariance.values[0] = 4;
 * norm.batchesTracked.values[0] = 1;
 * const { model, report } = foldBatchNorm(new Sequential([dense, norm]), Tensor.from([[5]]));
 * [...parametersByPath(model)].map(([path, { value }]) => [path, value.data[0]]);   // => [["0.weight", 1], ["0.bias", 1]]
 * report.largestDifference;   // => 0
 */
export function foldBatchNorm(model: Layer, input: Tensor, options: FoldBatchNormOptions = {}): FoldedModel {
  const who = "foldBatchNorm";
  expectModel(who, model, input);
  const { kernels } = readOptions(who, options, foldBatchNormRules);
  expectKernels(who, kernels);
  if (!isSequential(model)) {
    throw new TypeError(complaint(who, "a Sequential", "another layer", "put the layers into a Sequential"));
  }
  const before = observeLayers(model, input, { mode: "inference", kernels });
  const ranks = new Map(before.observed.map(({ path, input: entered }) => [path, entered.shape.length]));
  const row = rowOf(model, "");
  const folded = foldRow(row, ranks);
  const kept = [...normsByPath(model).keys()]
    .filter((path) => !folded.some((one) => one.path === path))
    .map((path) => ({ path, reason: reasonToKeep(row, path, ranks) }));
  if (folded.length === 0) {
    const got = kept.map(({ path, reason }) => `${show(path)}, but ${reason}`).join("; ");
    throw new TypeError(complaint(who, "a batch norm that can be folded", got === "" ? "no batch norm" : got));
  }
  const foldedModel = rebuild(model, row[Symbol.iterator]())!;
  const after = foldedModel.forward(input, { mode: "inference", kernels }).output;
  const report = { tool: who, folded, kept, rows: input.shape[0]!, ...largest(before.output, after) } as const;
  return { model: foldedModel, report };
}

/** A layer of a model, after its nested Sequentials have been flattened. */
interface RowLayer {
  readonly path: string;
  /** Undefined once it has been folded. */
  layer: Layer | undefined;
}

/** Returns whether a layer only runs its children one after another. */
function isSequential(layer: Layer): layer is Sequential {
  return (layer as Partial<Sequential>).isSequence === true && layer.children !== undefined;
}

/** Returns the batch norm that a layer is equivalent to at inference, if any. */
function foldable({ layer }: RowLayer): BatchNorm | undefined {
  if ((layer as Partial<BatchNorm> | undefined)?.isAffineInInference !== true) return undefined;
  const norm = batchNormOf(layer!);
  return norm?.trackRunningStatistics ? norm : undefined;
}

function rowOf(model: Sequential, prefix: string): RowLayer[] {
  return [...model.children].flatMap(([name, layer]) => {
    const path = prefix + name;
    return isSequential(layer) ? rowOf(layer, `${path}.`) : [{ path, layer }];
  });
}

/** Folds repeatedly, because a batch norm may become adjacent to a Dense after another one has been folded. */
function foldRow(row: readonly RowLayer[], ranks: ReadonlyMap<string, number>): FoldedLayer[] {
  const folded: FoldedLayer[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const entry of row) {
      const norm = foldable(entry);
      if (norm === undefined || !isOnLastAxis(norm, ranks.get(entry.path)!)) continue;
      for (const side of ["preceding", "following"] as const) {
        const beside = neighbors(row, entry)[side];
        if (!isDense(beside?.layer)) continue;
        const fold = side === "preceding" ? foldIntoPreceding : foldIntoFollowing;
        const dense = fold(beside.layer, affineOf(norm));
        if (dense === undefined) continue;
        beside.layer = dense;
        entry.layer = undefined;
        folded.push({ path: entry.path, into: beside.path, side });
        changed = true;
        break;
      }
    }
  }
  return folded;
}

/** Returns the layers directly before and after one, ignoring those that were folded. */
function neighbors(row: readonly RowLayer[], entry: RowLayer): Record<FoldedLayer["side"], RowLayer | undefined> {
  const left = row.filter((other) => other === entry || other.layer !== undefined);
  const at = left.indexOf(entry);
  return { preceding: left[at - 1], following: left[at + 1] };
}

function reasonToKeep(row: readonly RowLayer[], path: string, ranks: ReadonlyMap<string, number>): string {
  const entry = row.find((one) => one.path === path);
  if (entry === undefined) return "it is in a container other than a Sequential";
  const norm = batchNormOf(entry.layer!)!;
  if (!norm.trackRunningStatistics) return "it keeps no running statistics and normalizes every batch with its own";
  if (foldable(entry) === undefined) return "it is a layer of another kind";
  if (!isOnLastAxis(norm, ranks.get(path)!))
    return `its features are on axis ${norm.axis}, and those of a Dense on the last`;
  const { preceding, following } = neighbors(row, entry);
  if (isDense(preceding?.layer) || isDense(following?.layer)) {
    return "a folded weight would not be finite";
  }
  const name = (beside: RowLayer | undefined): string => (beside === undefined ? "nothing" : show(beside.path));
  return `no Dense is directly before or after it (${name(preceding)} is before it, ${name(following)} is after it), and scale and shift do not pass through an activation`;
}

/** Builds a model from the remaining layers. Returns undefined if there are none. */
function rebuild(model: Sequential, entries: Iterator<RowLayer>): Sequential | undefined {
  const layers = [...model.children.values()].map((layer) =>
    isSequential(layer) ? rebuild(layer, entries) : (entries.next().value as RowLayer).layer,
  );
  const left = layers.filter((layer) => layer !== undefined);
  return left.length === 0 ? undefined : new Sequential(left);
}

function largest(before: Tensor, after: Tensor): { largestDifference: number; largestOutput: number } {
  let largestDifference = 0;
  let largestOutput = 0;
  for (let i = 0; i < before.size; i++) {
    const difference = Math.abs(after.data[i]! - before.data[i]!);
    if (!Number.isFinite(difference)) {
      const got = `${show(before.data[i])} and ${show(after.data[i])} at index ${i}`;
      const cure = "inspect(model, input) finds where they first appear";
      throw new RangeError(complaint("foldBatchNorm", "finite outputs of both models", got, cure));
    }
    largestDifference = Math.max(largestDifference, difference);
    largestOutput = Math.max(largestOutput, Math.abs(before.data[i]!));
  }
  return { largestDifference, largestOutput };
}

/** y = scale x + shift, per feature. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** Returns the scale and shift that a batch norm applies at inference. */
function affineOf(norm: BatchNorm): Affine {
  const scale = new Float64Array(norm.features);
  reciprocalStd({ variance: norm.runningVariance.values, epsilon: norm.epsilon, rstd: scale });
  const shift = scale.map((rstd, c) => {
    scale[c] = rstd * (norm.gamma?.value.data[c] ?? 1);
    return (norm.beta?.value.data[c] ?? 0) - scale[c] * norm.runningMean.values[c]!;
  });
  return { scale, shift };
}

/** Returns scale (xW + b) + shift as one Dense, or undefined if its numbers would not be finite. */
function foldIntoPreceding(dense: Dense, { scale, shift }: Affine): Dense | undefined {
  const { weight, bias, outputs } = dense;
  const newWeight = Float64Array.from(weight.value.data, (w, i) => w * scale[i % outputs]!);
  const newBias = shift.map((value, j) => scale[j]! * (bias?.value.data[j] ?? 0) + value);
  return denseOf(dense, newWeight, newBias);
}

/** Returns (scale x + shift) W + b as one Dense, or undefined if its numbers would not be finite. */
function foldIntoFollowing(dense: Dense, { scale, shift }: Affine): Dense | undefined {
  const { weight, bias, outputs } = dense;
  const w = weight.value.data;
  const newBias = Float64Array.from({ length: outputs }, (_, j) => {
    return shift.reduce((sum, value, i) => sum + value * w[i * outputs + j]!, bias?.value.data[j] ?? 0);
  });
  const newWeight = Float64Array.from(w, (value, i) => value * scale[Math.floor(i / outputs)]!);
  return denseOf(dense, newWeight, newBias);
}

function denseOf({ inputs, outputs, weight }: Dense, w: Float64Array, b: Float64Array): Dense | undefined {
  const { dtype } = weight.value;
  const initial = { weight: Tensor.from(w, { shape: [inputs, outputs], dtype }), bias: Tensor.from(b, { dtype }) };
  const isFinite = isFiniteTensor(initial.weight) && isFiniteTensor(initial.bias);
  return isFinite ? new Dense({ inputs, outputs, initial, dtype }) : undefined;
}
