/** GroupNorm and LayerNorm: normalization within each sample, for comparison with batch norm. */

import { allocate, type DType, type Floats } from "../core/dtype.js";
import { complaint, ShapeError } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions, type ReadOptions } from "../core/options.js";
import { type ChannelView, printShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { Kernels } from "../kernels/types.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { zeroGradients } from "./gradients.js";
import { featureView } from "./guards.js";
import { Parameter, type RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";

/** Options for `LayerNorm`. Only `features` is required. */
export interface LayerNormOptions {
  /** C, the length of the normalized axis. */
  readonly features: number;
  /** Added to the variance. Default: 1e-5. May be 0. */
  readonly epsilon?: number | undefined;
  /** Learn a per-feature scale, gamma. Default: true. */
  readonly scale?: boolean | undefined;
  /** Learn a per-feature shift, beta. Default: true. */
  readonly center?: boolean | undefined;
  /** The dtype of gamma and beta. Default: "float32". */
  readonly dtype?: DType | undefined;
}

/** Options for `GroupNorm`. */
export interface GroupNormOptions extends LayerNormOptions {
  /** The number of groups of neighboring features; must divide the number of features. */
  readonly groups: number;
  /** The feature axis, as in [N, C, H, W]; -1 is the last, as in [N, H, W, C]. Default: 1. Axis 0 holds the samples. */
  readonly axis?: number | undefined;
}

const layerNormRules: OptionRules<LayerNormOptions> = {
  features: { kind: "count" },
  epsilon: { kind: "number", low: 0, default: 1e-5 },
  scale: { kind: "boolean", default: true },
  center: { kind: "boolean", default: true },
  dtype: dtypeRule,
};

const groupNormRules = {
  ...layerNormRules,
  groups: { kind: "count" },
  axis: { kind: "integer", default: 1 },
} as const satisfies OptionRules<GroupNormOptions>;

/** The common part of both layers: the parameters, and normalization over groups of features. */
abstract class SampleNorm implements Layer {
  readonly features: number;
  readonly epsilon: number;
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  constructor({
    features,
    epsilon,
    scale,
    center,
    dtype,
  }: ReadOptions<LayerNormOptions, OptionRules<LayerNormOptions>>) {
    this.features = features;
    this.epsilon = epsilon;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.parameters = [this.gamma, this.beta].filter((parameter) => parameter !== undefined);
  }

  /** Returns the output, and the backward pass that belongs to it. */
  abstract forward(input: Tensor, pass: Pass): Forward;

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }

  /**
   * Normalizes each group of a sample like a channel of batch norm, then scales and shifts xhat per feature, like batch norm
   * with mean 0 and rstd 1.
   */
  protected normalize(
    name: string,
    input: Tensor,
    kernels: Kernels,
    features: ChannelView,
    { samples, groups }: Groups,
  ): Forward {
    const parts = partsOf(input.size, features, { samples, groups });
    const xhat = allocate(input.dtype, input.size);
    const statistics = parts.map(({ view, part }) => {
      const { channels } = view;
      const [mean, variance, rstd] = [channels, channels, channels].map((length) => new Float64Array(length));
      const moments = { mean: mean!, variance: variance!, rstd: rstd! };
      kernels.batchNormForward({ view, x: part(input.data), epsilon: this.epsilon, y: part(xhat), ...moments });
      return moments;
    });

    const output = Tensor.zeros(input.shape, input.dtype);
    const gamma = this.gamma?.value.data;
    const beta = this.beta?.value.data;
    const zeros = new Float64Array(this.features);
    const ones = new Float64Array(this.features).fill(1);
    kernels.normalize({ view: features, x: xhat, gamma, beta, mean: zeros, rstd: ones, y: output.data });

    return guardedForward(name, output, this.parameters, [input], (gradOutput) => {
      const gradients = zeroGradients(this.parameters);
      const dgamma = this.gamma && gradients.get(this.gamma)!.data;
      const dbeta = this.beta && gradients.get(this.beta)!.data;
      const dxhat = allocate(input.dtype, input.size);
      const dy = gradOutput.data;
      kernels.normalizeBackward({
        view: features,
        x: xhat,
        dy,
        gamma,
        mean: zeros,
        rstd: ones,
        dx: dxhat,
        dgamma,
        dbeta,
      });
      const gradInput = Tensor.zeros(input.shape, input.dtype);
      for (const [i, { view, part }] of parts.entries()) {
        const { mean, rstd } = statistics[i]!;
        kernels.batchNormBackward({ view, x: part(input.data), dy: part(dxhat), mean, rstd, dx: part(gradInput.data) });
      }
      return { gradInput, gradients };
    });
  }
}

/** What is normalized on its own: so many groups of features in each of so many samples. */
interface Groups {
  readonly samples: number;
  readonly groups: number;
}

/** A part of a batch, in which each channel of the view is one group of one sample. */
interface GroupPart {
  readonly view: ChannelView;
  readonly part: (whole: Floats) => Floats;
}

/** Returns the whole batch if each group of a sample is contiguous, else one part per sample, as with channels last. */
function partsOf(size: number, { outer, channels, inner }: ChannelView, { samples, groups }: Groups): GroupPart[] {
  if (groups === 1 || outer === samples) {
    const all = samples * groups;
    return [{ view: { outer: 1, channels: all, inner: size / all }, part: (whole) => whole }];
  }
  const view = { outer: outer / samples, channels: groups, inner: (channels / groups) * inner };
  return Array.from({ length: samples }, (_, n) => {
    const from = (n * size) / samples;
    return { view, part: (whole: Floats) => whole.subarray(from, from + size / samples) };
  });
}

/**
 * Layer normalization: normalizes each sample over its features, the last axis.
 *
 *     xhat = (x - mean) / sqrt(variance + epsilon), over the last axis      y = gamma xhat + beta
 *
 * - **Shapes**: x, y [..., C] · gamma, beta [C]
 * - **Modes**: the same in all three: samples do not interact
 * - **Numerics**: two passes, sums in double precision; a single feature is normalized to 0
 * - **Cost**: five passes forward, six backward, which read x and xhat
 * - **Source**: Ba, Kiros & Hinton 2016 (arXiv:1607.06450)
 *
 * @throws {ShapeError} if the last axis is not `features` long
 * @example
 * const norm = new LayerNorm({ features: 2, epsilon: 0 });
 * norm.forward(Tensor.from([[1, 3], [10, 50]]), { mode: "inference" }).output.toNested();   // => [[-1, 1], [-1, 1]]
 */
export class LayerNorm extends SampleNorm {
  /** Creates the layer with gamma = 1 and beta = 0. */
  constructor(options: LayerNormOptions) {
    super(readOptions("LayerNorm", options, layerNormRules));
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("LayerNorm", input, pass, this.parameters);
    const view = featureView(name, input, -1, this.features, false);
    return this.normalize(name, input, kernels, view, { samples: view.outer, groups: 1 });
  }
}

/**
 * Group normalization: normalizes each sample over groups of neighboring features.
 *
 *     xhat = (x - mean) / sqrt(variance + epsilon), over a group and all positions      y = gamma xhat + beta
 *
 * With as many groups as features it is instance normalization: `new GroupNorm({ groups: features, features })`.
 *
 * - **Shapes**: x, y [N, C], [N, C, L], [N, C, H, W], ..., or channels last with `axis: -1` · gamma, beta [C]
 * - **Modes**: the same in all three: samples do not interact
 * - **Numerics**: two passes, sums in double precision
 * - **Cost**: five passes forward, six backward, which read x and xhat
 * - **Source**: Wu & He 2018 (arXiv:1803.08494); instance normalization: Ulyanov, Vedaldi & Lempitsky 2016 (arXiv:1607.08022)
 *
 * @throws {ShapeError} if the feature axis is not `features` long, or is axis 0
 * @throws {RangeError} if the groups do not divide the features
 * @example
 * const norm = new GroupNorm({ groups: 2, features: 4, epsilon: 0 });
 * norm.forward(Tensor.from([[1, 3, 10, 50]]), { mode: "inference" }).output.toNested();   // => [[-1, 1, -1, 1]]
 */
export class GroupNorm extends SampleNorm {
  readonly groups: number;
  readonly axis: number;

  /** Creates the layer with gamma = 1 and beta = 0. */
  constructor(options: GroupNormOptions) {
    const read = readOptions("GroupNorm", options, groupNormRules);
    super(read);
    this.groups = read.groups;
    this.axis = read.axis;
    if (this.features % this.groups !== 0) {
      const expected = `groups that divide the ${this.features} features`;
      throw new RangeError(complaint("GroupNorm", expected, `${this.groups}`));
    }
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("GroupNorm", input, pass, this.parameters);
    const { axis, features, groups } = this;
    if (axis === 0 || axis === -input.shape.length) {
      const expected = "features on another axis than the samples, axis 0";
      throw new ShapeError(complaint(name, expected, `axis ${axis} of shape ${printShape(input.shape)}`));
    }
    const view = featureView(name, input, axis, features);
    return this.normalize(name, input, kernels, view, { samples: input.shape[0]!, groups });
  }
}
