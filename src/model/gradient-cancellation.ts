/** gradientCancellation: how far the gradients of the samples in a batch cancel in their sum. */

import { complaint, expectObject, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { expectTensor, Tensor } from "../core/tensor.js";
import type { Kernels } from "../kernels/types.js";
import type { Layer, Mode, Pass } from "../layers/contract.js";
import type { Conv2d } from "../layers/conv2d.js";
import type { Dense } from "../layers/dense.js";
import { expectKernels } from "../layers/forward.js";
import { expectLayer } from "../layers/guards.js";
import type { Parameter } from "../layers/parameter.js";
import type { Loss } from "../training/losses.js";
import type { Batch } from "./objective.js";
import { isConvolution, isDense, isResidual, isSequential } from "./observe.js";
import { layersByPath } from "./tree.js";

const WHO = "gradientCancellation";

/** Options for `gradientCancellation`. */
export interface GradientCancellationOptions {
  /** "probe" for the gradients of training, "inference" for those with the running statistics. */
  readonly mode: Exclude<Mode, "train">;
  /** The kernel set. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const gradientCancellationRules = {
  mode: { kind: "word", words: ["probe", "inference"], cure: "training would update the running statistics" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<GradientCancellationOptions>;

/** The gradients of one weight matrix or kernel. */
export interface LayerCancellation {
  /** The path of the layer, for example "3". A layer that is used several times has its first path. */
  readonly path: string;
  /** The mean of the ratios that are not null. Null if all of them are. */
  readonly mean: number | null;
  /**
   * |sum of g_b| / sum of |g_b| for each element of the weight, in 0..1. Null where every sample has a gradient of 0, or one that
   * is not finite.
   */
  readonly ratios: readonly (number | null)[];
}

/** The report of `gradientCancellation`. Plain JSON. */
export interface GradientCancellationReport {
  readonly tool: "gradientCancellation";
  readonly mode: Exclude<Mode, "train">;
  /** The number of samples in the batch. */
  readonly rows: number;
  /** The loss on the batch. */
  readonly loss: number;
  /** The Dense and Conv2d layers, in the order of the forward pass. */
  readonly layers: readonly LayerCancellation[];
}

/** One use of a layer in a pass. */
interface Use {
  readonly layer: Dense | Conv2d;
  readonly path: string;
  readonly input: Tensor;
  readonly gradOutput: Tensor;
}

/** A forward pass whose backward pass records the gradient at the output of each Dense and Conv2d. */
interface Traced {
  readonly output: Tensor;
  readonly backward: (gradOutput: Tensor) => Tensor;
}

/**
 * Measures for each weight of each Dense and Conv2d layer how far the gradients of the samples cancel in their sum.
 *
 *     ratio = |Σ_b g_b| / Σ_b |g_b|,  g_b the gradient of the weight for sample b; for a Dense, x_b dy_b^T
 *
 * It is 1 if all samples change the weight in the same direction. For independent gradients with mean 0 it is about 1 / √rows.
 *
 * With batch norm, dy_b depends on the other samples too. g_b is then the term of sample b in the gradient of the whole batch, not
 * the gradient of the loss of sample b.
 *
 * The model is unchanged.
 *
 * - **Shapes**: the rows are on axis 0. `ratios` is in the order of the weight's values
 * - **Units**: none
 * - **Numerics**: exact up to the round-off of the model's dtype; sums over the samples in double precision
 * - **Cost**: one forward and one backward pass, and another one of every Dense and Conv2d for each row
 * - **Source**: Bjorck, Gomes, Selman & Weinberger 2018 (arXiv:1806.02375), table 1
 *
 * @throws {TypeError} if the model, the batch, the loss or the options are invalid, or a container is neither a Sequential nor a
 *   Residual
 * @throws {RangeError} if the loss is not finite
 * @example
 * const dense = new Dense({ inputs: 1, outputs: 1, bias: false, initial: { weight: Tensor.from([[0]]) } });
 * const batch = { input: Tensor.from([[1], [1]]), target: Tensor.from([[3], [-1]]) };
 * // The two samples pull the weight up by 3 and down by 1.
 * const { layers } = gradientCancellation(dense, batch, meanSquaredError, { mode: "probe" });
 * layers[0]!.ratios; // => [0.5]
 */
export function gradientCancellation<Target>(
  model: Layer,
  batch: Batch<Target>,
  loss: Loss<Target>,
  options: GradientCancellationOptions,
): GradientCancellationReport {
  expectLayer(WHO, model);
  expectObject(WHO, "the batch", batch);
  if (typeof loss !== "function") throw new TypeError(complaint(WHO, "the loss to be a function", show(loss)));
  const { mode, kernels } = readOptions(WHO, options, gradientCancellationRules);
  expectKernels(WHO, kernels);
  expectTensor(WHO, "batch.input", batch.input);
  for (const [path, layer] of layersByPath(model)) {
    if (layer.children === undefined || isSequential(layer) || isResidual(layer)) continue;
    const got = `another container${path === "" ? "" : ` at "${path}"`}`;
    throw new TypeError(complaint(WHO, "a model whose containers are Sequential and Residual", got));
  }
  const uses: Use[] = [];
  const { output, backward } = trace(model, "", batch.input, { mode, kernels }, uses);
  const { loss: value, gradOutput } = loss(output, batch.target, { kernels });
  if (!Number.isFinite(value)) throw new RangeError(complaint(WHO, "a finite loss", show(value)));
  backward(gradOutput);
  const byWeight = new Map<Parameter, Use[]>();
  // The backward pass recorded the last layer first.
  for (const use of uses.toReversed()) {
    const { weight } = use.layer;
    byWeight.set(weight, [...(byWeight.get(weight) ?? []), use]);
  }
  const rows = batch.input.shape[0]!;
  const layers = [...byWeight].map(([weight, its]) => cancellationOf(weight, its, rows, { mode, kernels }));
  return { tool: WHO, mode, rows, loss: value, layers };
}

/** Runs a layer, and its children one by one if it is a container. */
function trace(layer: Layer, path: string, input: Tensor, pass: Pass, uses: Use[]): Traced {
  const child = (name: string, inner: Layer, entering: Tensor): Traced =>
    trace(inner, path === "" ? name : `${path}.${name}`, entering, pass, uses);
  if (isSequential(layer)) {
    const steps: Traced[] = [];
    for (const [name, inner] of layer.children) steps.push(child(name, inner, steps.at(-1)?.output ?? input));
    return {
      output: steps.at(-1)!.output,
      backward: (gradOutput) => steps.reduceRight((gradient, step) => step.backward(gradient), gradOutput),
    };
  }
  if (isResidual(layer)) {
    const body = child("body", layer.body, input);
    const projection = layer.projection && child("projection", layer.projection, input);
    return {
      output: sum(body.output, projection?.output ?? input),
      backward: (gradOutput) => sum(body.backward(gradOutput), projection?.backward(gradOutput) ?? gradOutput),
    };
  }
  const forward = layer.forward(input, { ...pass, path: path === "" ? undefined : path });
  return {
    output: forward.output,
    backward: (gradOutput) => {
      if (isDense(layer) || isConvolution(layer)) uses.push({ layer, path, input, gradOutput });
      return forward.backward(gradOutput).gradInput;
    },
  };
}

function sum(a: Tensor, b: Tensor): Tensor {
  const total = a.copy();
  for (let i = 0; i < total.size; i++) total.data[i]! += b.data[i]!;
  return total;
}

/** Adds the gradients of a weight, and their magnitudes, over the samples. Each gradient is that of all uses of the weight. */
function cancellationOf(weight: Parameter, uses: readonly Use[], rows: number, pass: Pass): LayerCancellation {
  const { size } = weight.value;
  const total = new Float64Array(size);
  const magnitudes = new Float64Array(size);
  for (let row = 0; row < rows; row++) {
    const ofSample = new Float64Array(size);
    for (const { layer, input, gradOutput } of uses) {
      const { gradients } = layer.forward(rowOf(input, row), pass).backward(rowOf(gradOutput, row));
      const { data } = gradients.get(weight)!;
      for (let i = 0; i < size; i++) ofSample[i]! += data[i]!;
    }
    for (let i = 0; i < size; i++) {
      total[i]! += ofSample[i]!;
      magnitudes[i]! += Math.abs(ofSample[i]!);
    }
  }
  const ratios = Array.from(total, (value, i) => {
    const magnitude = magnitudes[i]!;
    return magnitude > 0 && Number.isFinite(magnitude) ? Math.abs(value) / magnitude : null;
  });
  const found = ratios.filter((ratio) => ratio !== null);
  const mean = found.length === 0 ? null : found.reduce((all, ratio) => all + ratio, 0) / found.length;
  return { path: uses[0]!.path, mean, ratios };
}

function rowOf({ shape, data }: Tensor, row: number): Tensor {
  const length = data.length / shape[0]!;
  return new Tensor(data.slice(row * length, (row + 1) * length), [1, ...shape.slice(1)]);
}
