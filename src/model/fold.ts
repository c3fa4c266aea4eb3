/** foldBatchNorm: folds the batch norms of a model into adjacent Dense and Conv2d layers, for inference. */

import { complaint, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Kernels } from "../kernels/types.js";
import { reciprocalStd } from "../kernels/plain/batch-norm.js";
import type { BatchNorm } from "../layers/batch-norm.js";
import { Conv2d } from "../layers/conv2d.js";
import { Dense } from "../layers/dense.js";
import type { Layer } from "../layers/contract.js";
import { expectKernels } from "../layers/forward.js";
import type { Flatten } from "../layers/flatten.js";
import type { AveragePool2d, GlobalAveragePool } from "../layers/pooling.js";
import { Residual } from "../layers/residual.js";
import { Sequential } from "../layers/sequential.js";
import { Tensor } from "../core/tensor.js";
import {
  batchNormOf,
  expectModel,
  isConvolution,
  isDense,
  isFiniteTensor,
  isResidual,
  isSequential,
  normsByPath,
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
  /** The path of the Dense or Conv2d into which it was folded. */
  readonly into: string;
  /** Whether that layer is before or after the batch norm. */
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
 * Returns a model for inference, with each batch norm folded into the Dense or Conv2d before it, or else into the one after it.
 *
 *     s = gamma / sqrt(running variance + epsilon)      t = beta - s running mean
 *     s (xW + b) + t = x (W diag(s)) + (s b + t)        (s x + t) W + b = x (diag(s) W) + (t W + b)
 *
 * In a Conv2d, s scales the weights of each output channel, or those of each input channel. A batch norm before a Conv2d with
 * padding stays unless its shift is 0, because the shift does not apply to the zeros outside the image.
 *
 * An AveragePool2d, a GlobalAveragePool or a Flatten may be between the two: the mean of s x + t is s mean(x) + t. An
 * AveragePool2d with padding is an exception unless t = 0. Activations and maxima are not linear, so a batch norm between them
 * stays. The branches of a Residual are folded separately. The report gives the reasons.
 *
 * The original model is unchanged. Both models share the layers that did not change.
 *
 * - **Shapes**: inputs of the new model must have as many axes as the given input
 * - **Modes**: the new model is meant for inference. In training it has no batch statistics, and its layers train without batch
 *   norm
 * - **Numerics**: folded in double precision, then rounded once to the dtype
 * - **Cost**: two forward passes and a copy of each changed layer
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
  /** The shape of each layer's input. */
  const shapes = new Map<string, Shape>();
  const observe = (path: string, _: Tensor, entered: Tensor): void => void shapes.set(path, entered.shape);
  const before = model.forward(input, { mode: "inference", kernels, observe }).output;
  const rows = rowsOf(model);
  const folded = rows.flatMap((row) => foldRow(row, shapes));
  const kept = [...normsByPath(model).keys()]
    .filter((path) => !folded.some((one) => one.path === path))
    .map((path) => ({ path, reason: reasonToKeep(rows, path, shapes) }));
  if (folded.length === 0) {
    const got = kept.map(({ path, reason }) => `${show(path)}, but ${reason}`).join("; ");
    throw new TypeError(complaint(who, "a batch norm that can be folded", got === "" ? "no batch norm" : got));
  }
  const left = new Map(rows.flat().map(({ path, layer }) => [path, layer]));
  const foldedModel = rebuild(model, "", left) as Sequential;
  const after = foldedModel.forward(input, { mode: "inference", kernels }).output;
  const report = { tool: who, folded, kept, rows: input.shape[0]!, ...largest(before, after) } as const;
  return { model: foldedModel, report };
}

/** A layer of a row: of layers that run one after another, after nested Sequentials have been flattened. */
interface RowLayer {
  readonly path: string;
  /** Undefined once it has been folded. */
  layer: Layer | undefined;
}

/** Returns the batch norm that a layer is equivalent to at inference, if any. */
function foldable({ layer }: RowLayer): BatchNorm | undefined {
  if ((layer as Partial<BatchNorm> | undefined)?.isAffineInInference !== true) return undefined;
  const norm = batchNormOf(layer!);
  return norm?.trackRunningStatistics ? norm : undefined;
}

/** Returns the rows of a model: its own, and one for each branch of a Residual. */
function rowsOf(model: Layer): RowLayer[][] {
  const rows: RowLayer[][] = [];
  const add = (layer: Layer, path: string, row: RowLayer[]): void => {
    const inside = [...(layer.children ?? [])].map(([name, child]) => [pathTo(path, name), child] as const);
    if (isSequential(layer)) {
      for (const [childPath, child] of inside) add(child, childPath, row);
      return;
    }
    row.push({ path, layer });
    if (isResidual(layer)) for (const [childPath, child] of inside) addRow(child, childPath);
  };
  const addRow = (layer: Layer, path: string): void => {
    const row: RowLayer[] = [];
    rows.push(row);
    add(layer, path, row);
  };
  addRow(model, "");
  return rows;
}

function pathTo(container: string, name: string): string {
  return container === "" ? name : `${container}.${name}`;
}

/** Folds repeatedly, because a batch norm may become adjacent to a Dense or Conv2d after another one has been folded. */
function foldRow(row: readonly RowLayer[], shapes: ReadonlyMap<string, Shape>): FoldedLayer[] {
  const folded: FoldedLayer[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const entry of row) {
      const norm = foldable(entry);
      if (norm === undefined) continue;
      for (const side of SIDES) {
        const { end, target } = follow(norm, side, row, entry, shapes);
        if (end === undefined || target === undefined) continue;
        const fold = side === "preceding" ? foldIntoPreceding : foldIntoFollowing;
        const layer = fold(target, affineOf(norm));
        if (layer === undefined) continue;
        end.layer = layer;
        entry.layer = undefined;
        folded.push({ path: entry.path, into: end.path, side });
        changed = true;
        break;
      }
    }
  }
  return folded;
}

const SIDES = ["preceding", "following"] as const;

function isAffine(layer: Layer | undefined): layer is Dense | Conv2d {
  return isDense(layer) || isConvolution(layer);
}

/** A layer into which a batch norm can be folded. */
interface Target {
  readonly layer: Dense | Conv2d;
  /** The feature that scales an input of the layer, for a layer after the batch norm. */
  readonly featureOf: (input: number) => number;
}

/** The layers on one side of a batch norm, as far as its scale and shift pass through them. */
interface Followed {
  /** The first layer that is neither an average nor a Flatten; undefined if there is none. */
  readonly end: RowLayer | undefined;
  /** Defined if `end` is a Dense or Conv2d and folding into it would not change the outputs. */
  readonly target?: Target;
  /** Why folding would change the outputs. */
  readonly obstacle?: string;
}

/**
 * Follows the features of a batch norm to the next Dense or Conv2d. The mean of s x + t is s mean(x) + t, so an average over
 * pixels may be between them; and so may a Flatten, after which every pixel of a channel is an input of its own.
 */
function follow(
  norm: BatchNorm,
  side: FoldedLayer["side"],
  row: readonly RowLayer[],
  entry: RowLayer,
  shapes: ReadonlyMap<string, Shape>,
): Followed {
  let { length: rank } = shapes.get(entry.path)!;
  let axis = norm.axis < 0 ? rank + norm.axis : norm.axis;
  /** Neighboring inputs that belong to the same feature: more than one after a Flatten. */
  let repeats = 1;
  const shifts = affineOf(norm).shift.some((value) => value !== 0);
  for (const end of beside(row, entry, side)) {
    const { layer } = end;
    if (isAffine(layer)) {
      if (axis !== (isDense(layer) ? rank - 1 : 1)) {
        const other = isDense(layer) ? "of a Dense on the last" : "of a Conv2d on axis 1";
        return { end, obstacle: `its features are on axis ${norm.axis}, and those ${other}` };
      }
      if (side === "following" && isConvolution(layer) && padsImages(layer) && shifts) {
        return { end, obstacle: "the Conv2d after it pads the image with zeros, to which its shift does not apply" };
      }
      return { end, target: { layer, featureOf: (input) => Math.floor(input / repeats) % norm.features } };
    }
    const shape = shapes.get(end.path)!;
    if (isAveraging(layer)) {
      if (axis !== 1)
        return { end, obstacle: `its features are on axis ${norm.axis}, and those of an average on axis 1` };
      if (shifts && isWindowed(layer) && layer.padding.some((pixels) => pixels > 0)) {
        return {
          end,
          obstacle: `the AveragePool2d ${side === "preceding" ? "before" : "after"} it counts zeros as padding, to which its shift does not apply`,
        };
      }
      if (side === "preceding") rank = shape.length;
      else if (!isWindowed(layer)) rank = 2;
    } else if (isFlattening(layer)) {
      const inner = sizeOf(shape.slice(side === "preceding" ? 2 : axis + 1));
      if (side === "preceding" && inner > 1) {
        return { end, obstacle: "it has statistics for each pixel, after a Flatten" };
      }
      repeats *= inner;
      [axis, rank] = side === "preceding" ? [1, shape.length] : [1, 2];
    } else {
      return { end };
    }
  }
  return { end: undefined };
}

/** Returns the layers before or after one, the nearest first, without those that were folded. */
function beside(row: readonly RowLayer[], entry: RowLayer, side: FoldedLayer["side"]): RowLayer[] {
  const at = row.indexOf(entry);
  const layers = side === "preceding" ? row.slice(0, at).reverse() : row.slice(at + 1);
  return layers.filter(({ layer }) => layer !== undefined);
}

/** Returns whether a layer only takes the mean over windows or over all pixels. */
function isAveraging(layer: Layer | undefined): layer is AveragePool2d | GlobalAveragePool {
  return (layer as Partial<GlobalAveragePool> | undefined)?.isAveraging === true;
}

function isWindowed(layer: AveragePool2d | GlobalAveragePool): layer is AveragePool2d {
  return "padding" in layer;
}

function isFlattening(layer: Layer | undefined): layer is Flatten {
  return (layer as Partial<Flatten> | undefined)?.isFlattening === true;
}

function padsImages({ padding, size }: Conv2d): boolean {
  return padding === "same" ? size.some((pixels) => pixels > 1) : padding.some((pixels) => pixels > 0);
}

function reasonToKeep(rows: readonly RowLayer[][], path: string, shapes: ReadonlyMap<string, Shape>): string {
  const row = rows.find((layers) => layers.some((one) => one.path === path));
  if (row === undefined) return "it is in a container other than a Sequential or Residual";
  const entry = row.find((one) => one.path === path)!;
  const norm = batchNormOf(entry.layer!)!;
  if (!norm.trackRunningStatistics) return "it keeps no running statistics and normalizes every batch with its own";
  if (foldable(entry) === undefined) return "it is a layer of another kind";
  const followed = SIDES.map((side) => follow(norm, side, row, entry, shapes));
  const reasons = followed.flatMap(({ target, obstacle }) => {
    return target === undefined ? (obstacle ?? []) : "a folded weight would not be finite";
  });
  if (reasons.length > 0) return [...new Set(reasons)].join(", and ");
  const [before, after] = followed.map(({ end }) => (end === undefined ? "nothing" : show(end.path)));
  return `no Dense or Conv2d is directly before or after it (${before!} is before it, ${after!} is after it), and scale and shift do not pass through an activation or a maximum`;
}

/** Builds a model from the remaining layers. Returns undefined if there are none. */
function rebuild(layer: Layer, path: string, left: ReadonlyMap<string, Layer | undefined>): Layer | undefined {
  if (isSequential(layer)) {
    const layers = [...layer.children].map(([name, child]) => rebuild(child, pathTo(path, name), left));
    const present = layers.filter((child) => child !== undefined);
    return present.length === 0 ? undefined : new Sequential(present);
  }
  if (isResidual(layer)) {
    // A branch never becomes empty: what a batch norm was folded into is in the same branch.
    const body = rebuild(layer.body, pathTo(path, "body"), left)!;
    return new Residual({
      body,
      projection: layer.projection && rebuild(layer.projection, pathTo(path, "projection"), left),
    });
  }
  return left.get(path);
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

/** Returns scale (xW + b) + shift as one layer, or undefined if its numbers would not be finite. */
function foldIntoPreceding({ layer }: Target, { scale, shift }: Affine): Dense | Conv2d | undefined {
  const { weight, bias } = layer;
  const { outputOf } = channelsOf(layer);
  const newWeight = Float64Array.from(weight.value.data, (w, k) => w * scale[outputOf(k)]!);
  const newBias = shift.map((value, o) => scale[o]! * (bias?.value.data[o] ?? 0) + value);
  return layerLike(layer, newWeight, newBias);
}

/** Returns (scale x + shift) W + b as one layer, or undefined if its numbers would not be finite. */
function foldIntoFollowing({ layer, featureOf }: Target, { scale, shift }: Affine): Dense | Conv2d | undefined {
  const { weight, bias, outputs } = layer;
  const { inputOf, outputOf } = channelsOf(layer);
  const newBias = Float64Array.from({ length: outputs }, (_, o) => bias?.value.data[o] ?? 0);
  const newWeight = Float64Array.from(weight.value.data, (w, k) => {
    const feature = featureOf(inputOf(k));
    newBias[outputOf(k)]! += shift[feature]! * w;
    return w * scale[feature]!;
  });
  return layerLike(layer, newWeight, newBias);
}

/** The input and the output that a weight connects, by its index. */
interface Channels {
  readonly inputOf: (k: number) => number;
  readonly outputOf: (k: number) => number;
}

function channelsOf(layer: Dense | Conv2d): Channels {
  const { inputs, outputs } = layer;
  if (isDense(layer)) return { inputOf: (k) => Math.floor(k / outputs), outputOf: (k) => k % outputs };
  const area = layer.size[0] * layer.size[1];
  return { inputOf: (k) => Math.floor(k / area) % inputs, outputOf: (k) => Math.floor(k / (area * inputs)) };
}

function layerLike(layer: Dense | Conv2d, w: Float64Array, b: Float64Array): Dense | Conv2d | undefined {
  const { inputs, outputs } = layer;
  const { dtype, shape } = layer.weight.value;
  const initial = { weight: Tensor.from(w, { shape, dtype }), bias: Tensor.from(b, { dtype }) };
  if (!isFiniteTensor(initial.weight) || !isFiniteTensor(initial.bias)) return undefined;
  if (isDense(layer)) return new Dense({ inputs, outputs, initial, dtype });
  const { size, stride, padding } = layer;
  return new Conv2d({ inputs, outputs, size, stride, padding, initial, dtype });
}
