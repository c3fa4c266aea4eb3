/** GroupNorm and LayerNorm: normalization of each sample by itself, to compare batch norm with. */

import {
  complaint,
  expectBoolean,
  expectCount,
  expectNumber,
  expectObject,
  expectOneOf,
  ShapeError,
} from "../core/errors.js";
import { allocate, type DType } from "../core/dtype.js";
import { defaultKernels } from "../kernels/default.js";
import { type ChannelView, channelView, printShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { expectDTypes, expectForward, guardBackward, who } from "./guards.js";
import { type Forward, type Layer, type Pass } from "./contract.js";
import { Parameter, type RunningStatistic } from "./parameter.js";

/** How a `LayerNorm` is made. Only `features` is required. */
export interface LayerNormOptions {
  /** C, the length of the normalized axis. */
  readonly features: number;
  /** Added to the variance; 1e-5 when not said. */
  readonly epsilon?: number | undefined;
  /** Whether gamma is there; true when not said. */
  readonly scale?: boolean | undefined;
  /** Whether beta is there; true when not said. */
  readonly center?: boolean | undefined;
  /** Of gamma and beta; "float32" when not said. */
  readonly dtype?: DType | undefined;
}

/** How a `GroupNorm` is made. */
export interface GroupNormOptions extends LayerNormOptions {
  /** Into how many groups of neighbors the features fall; must divide them. */
  readonly groups: number;
}

/** What both layers share: the parameters, and one forward, by the groups and by the features. */
abstract class SampleNorm implements Layer {
  readonly features: number;
  readonly epsilon: number;
  /** [C], starts at 1; undefined with `scale: false`. */
  readonly gamma: Parameter | undefined;
  /** [C], starts at 0; undefined with `center: false`. */
  readonly beta: Parameter | undefined;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  constructor(kind: string, options: LayerNormOptions) {
    expectObject(kind, "options", options);
    const { features, epsilon = 1e-5, scale = true, center = true, dtype = "float32" } = options;
    expectCount(kind, "features", features);
    expectNumber(kind, "epsilon", epsilon, { low: 0 });
    expectBoolean(kind, "scale", scale);
    expectBoolean(kind, "center", center);
    expectOneOf(kind, "dtype", dtype, ["float32", "float64"]);
    this.features = features;
    this.epsilon = epsilon;
    this.gamma = scale ? new Parameter("gamma", "scale", Tensor.filled([features], 1, dtype)) : undefined;
    this.beta = center ? new Parameter("beta", "shift", Tensor.zeros([features], dtype)) : undefined;
    this.parameters = [this.gamma, this.beta].filter((parameter) => parameter !== undefined);
  }

  /** Makes the output, and the backward pass that belongs to it. */
  abstract forward(input: Tensor, pass: Pass): Forward;

  /**
   * A group of a sample is normalized as a channel of batch norm is, one whose values are neighbors; then xhat is scaled and
   * shifted feature by feature, as batch norm with the statistics 0 and 1 does it.
   */
  protected normalize(name: string, input: Tensor, pass: Pass, features: ChannelView, groups: number): Forward {
    expectDTypes(name, input, this.parameters);
    const kernels = pass.kernels ?? defaultKernels();
    const rows = features.outer * groups;
    const view = { outer: 1, channels: rows, inner: input.size / rows };
    const x = input.data.slice(); // a copy: the caller may write to the input before the backward pass
    const xhat = allocate(input.dtype, input.size);
    const [mean, variance, rstd] = [new Float64Array(rows), new Float64Array(rows), new Float64Array(rows)];
    kernels.batchNormForward({ view, x, epsilon: this.epsilon, y: xhat, mean, variance, rstd });

    const output = Tensor.zeros(input.shape, input.dtype);
    const gamma = this.gamma?.value.data;
    const beta = this.beta?.value.data;
    const zeros = new Float64Array(this.features);
    const ones = new Float64Array(this.features).fill(1);
    kernels.normalize({ view: features, x: xhat, gamma, beta, mean: zeros, rstd: ones, y: output.data });

    const guard = guardBackward(name, output, this.parameters);
    return {
      output,
      backward: (gradOutput) => {
        guard(gradOutput);
        const dgamma = this.gamma && Tensor.zeros([this.features], input.dtype);
        const dbeta = this.beta && Tensor.zeros([this.features], input.dtype);
        const dxhat = allocate(input.dtype, input.size);
        kernels.normalizeBackward({
          view: features,
          x: xhat,
          dy: gradOutput.data,
          gamma,
          mean: zeros,
          rstd: ones,
          dx: dxhat,
          dgamma: dgamma?.data,
          dbeta: dbeta?.data,
        });
        const dx = Tensor.zeros(input.shape, input.dtype);
        kernels.batchNormBackward({ view, x, dy: dxhat, mean, rstd, dx: dx.data });
        const gradients = new Map<Parameter, Tensor>();
        if (this.gamma && dgamma) gradients.set(this.gamma, dgamma);
        if (this.beta && dbeta) gradients.set(this.beta, dbeta);
        return { gradInput: dx, gradients };
      },
    };
  }
}

/**
 * Layer normalization: each sample over its features, the last axis.
 *
 *   xhat = (x - mean) / sqrt(variance + epsilon), over the last axis      y = gamma xhat + beta
 *
 * Shapes    x, y [..., C] · gamma, beta [C]
 * Modes     the same in all three: a sample never sees its neighbors
 * Numerics  two passes, sums in double precision; one feature alone is normalized to 0
 * Cost      five passes forward, six backward; keeps x and xhat
 * Source    Ba, Kiros & Hinton 2016 (arXiv:1607.06450)
 *
 * @throws {ShapeError} if the last axis is not `features` long
 * @example
 * const norm = new LayerNorm({ features: 2, epsilon: 0 });
 * norm.forward(Tensor.from([[1, 3], [10, 50]]), { mode: "inference" }).output.toNested();   // => [[-1, 1], [-1, 1]]
 */
export class LayerNorm extends SampleNorm {
  /** Makes the layer: gamma 1, beta 0. */
  constructor(options: LayerNormOptions) {
    super("LayerNorm", options);
  }

  forward(input: Tensor, pass: Pass): Forward {
    expectForward("LayerNorm", input, pass);
    const name = who("LayerNorm", pass);
    if (input.shape.length < 2 || input.shape.at(-1) !== this.features) {
      throw new ShapeError(
        complaint(name, `${this.features} features on the last axis of the input`, `shape ${printShape(input.shape)}`),
      );
    }
    return this.normalize(name, input, pass, channelView(input.shape, -1), 1);
  }
}

/**
 * Group normalization: each sample over groups of neighboring features, on axis 1.
 *
 *   xhat = (x - mean) / sqrt(variance + epsilon), over a group and all positions      y = gamma xhat + beta
 *
 * Shapes    x, y [N, C], [N, C, L], [N, C, H, W], ... · gamma, beta [C]
 * Modes     the same in all three: a sample never sees its neighbors
 * Numerics  two passes, sums in double precision
 * Cost      five passes forward, six backward; keeps x and xhat
 * Source    Wu & He 2018 (arXiv:1803.08494)
 *
 * @throws {ShapeError} if axis 1 is not `features` long
 * @throws {RangeError} if the groups do not divide the features
 * @example
 * const norm = new GroupNorm({ groups: 2, features: 4, epsilon: 0 });
 * norm.forward(Tensor.from([[1, 3, 10, 50]]), { mode: "inference" }).output.toNested();   // => [[-1, 1, -1, 1]]
 */
export class GroupNorm extends SampleNorm {
  readonly groups: number;

  /** Makes the layer: gamma 1, beta 0. */
  constructor(options: GroupNormOptions) {
    super("GroupNorm", options);
    expectCount("GroupNorm", "groups", options.groups);
    if (options.features % options.groups !== 0) {
      throw new RangeError(
        complaint("GroupNorm", `groups that divide the ${options.features} features`, `${options.groups}`),
      );
    }
    this.groups = options.groups;
  }

  forward(input: Tensor, pass: Pass): Forward {
    expectForward("GroupNorm", input, pass);
    const name = who("GroupNorm", pass);
    if (input.shape.length < 2 || input.shape[1] !== this.features) {
      throw new ShapeError(
        complaint(name, `${this.features} features on axis 1 of the input`, `shape ${printShape(input.shape)}`),
      );
    }
    return this.normalize(name, input, pass, channelView(input.shape, 1), this.groups);
  }
}
