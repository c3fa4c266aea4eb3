/** Conv2d: the convolution of images. */

import type { DType } from "../core/dtype.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import type { Tensor } from "../core/tensor.js";
import { imageKernels } from "../kernels/default.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { type Initialization, weightAndBias } from "./initial-values.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientTensor, outputTensor, parameterGradients, registerOwn } from "./private-memory.js";
import { foreignWindowOptions, type Pixels, readWindows, windowShape } from "./windows.js";

/** Initial values for a `Conv2d`; both are copied. */
export interface Conv2dInitialValues {
  /** [outputs, inputs, height, width] */
  readonly weight: Tensor;
  /** [outputs]. Default: zeros. */
  readonly bias?: Tensor | undefined;
}

/** Options for `Conv2d`. */
export type Conv2dOptions = Initialization<Conv2dInitialValues> & {
  /** Channels of the input. */
  readonly inputs: number;
  /** Channels of the output. */
  readonly outputs: number;
  /** The size of the window, a number or [height, width] (PyTorch's `kernel_size`). */
  readonly size: Pixels;
  /** The distance between neighboring windows, a number or [vertical, horizontal]. Default: 1. */
  readonly stride?: Pixels | undefined;
  /**
   * Pixels of zeros on each side of the image: a number or [vertical, horizontal]. Or "same", for an output of
   * ceil(length / stride) pixels in each direction; an odd pixel is added below and on the right, as in Keras. Default: 0.
   */
  readonly padding?: Pixels | "same" | undefined;
  /** Learn a bias, b. Default: true. Before a batch norm it has no effect: subtracting the mean cancels b. */
  readonly bias?: boolean | undefined;
  /** The dtype of weight and bias. Default: "float32". */
  readonly dtype?: DType | undefined;
};

const optionRules = {
  inputs: { kind: "count" },
  outputs: { kind: "count" },
  size: { kind: "any" },
  stride: { kind: "any", default: 1 },
  padding: { kind: "any", default: 0 },
  bias: { kind: "boolean", default: true },
  initial: { kind: "any", default: "glorot" },
  random: { kind: "any", optional: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<Conv2dOptions>;

const foreignOptions: Readonly<Record<string, string>> = {
  ...foreignWindowOptions,
  inChannels: "it is called inputs",
  in_channels: "it is called inputs",
  outChannels: "it is called outputs",
  out_channels: "it is called outputs",
  filters: "it is called outputs",
  groups: "grouped convolutions are not supported",
  paddingMode: "padding is always by zeros",
  padding_mode: "padding is always by zeros",
};

/**
 * Convolves images: each output pixel is a weighted sum of the input pixels in a window, with the same weights at every position.
 *
 *     y[n, o, i, j] = b[o] + Σ_cpq W[o, c, p, q] x[n, c, i stride + p - padding, j stride + q - padding]
 *
 * x is 0 outside the image. As in every deep-learning library, W is not flipped.
 *
 * - **Shapes**: x [N, inputs, H, W] · W [outputs, inputs, height, width], as in PyTorch · b [outputs] ·
 *   y [N, outputs, H', W'] with H' = floor((H + 2 padding - height) / stride) + 1, or ceil(H / stride) with padding "same", and
 *   W' likewise
 * - **Modes**: the same in all three
 * - **Cost**: 2 × inputs × height × width operations per value of y forward, and twice as many backward, which reads x again
 * - **Source**: LeCun et al. 1989; initial values: Glorot & Bengio 2010; He et al. 2015 (arXiv:1502.01852)
 *
 * @throws {ShapeError} if x is not [N, inputs, H, W]
 * @throws {RangeError} if the window is larger than the image with its padding
 * @throws {TypeError} if x and W differ in dtype
 * @example
 * const weight = Tensor.from([[[[-1, 1]]]]);   // the difference of neighbors
 * const conv = new Conv2d({ inputs: 1, outputs: 1, size: [1, 2], initial: { weight } });
 * const x = Tensor.from([[[[1, 2, 4], [0, 0, 9]]]]);
 * conv.forward(x, { mode: "inference" }).output.toNested();   // => [[[[1, 2], [0, 9]]]]
 */
export class Conv2d implements Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** [height, width] */
  readonly size: readonly [number, number];
  /** [vertical, horizontal] */
  readonly stride: readonly [number, number];
  /** [vertical, horizontal], or "same". */
  readonly padding: readonly [number, number] | "same";
  /** [outputs, inputs, height, width] */
  readonly weight: Parameter;
  /** [outputs]; undefined with `bias: false`. */
  readonly bias: Parameter | undefined;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer with its initial values. */
  constructor(options: Conv2dOptions) {
    const read = readOptions("Conv2d", options, optionRules, foreignOptions);
    const { inputs, outputs } = read;
    const { size, stride, padding } = readWindows("Conv2d", read);
    const [height, width] = size;
    this.inputs = inputs;
    this.outputs = outputs;
    this.size = size;
    this.stride = stride;
    this.padding = padding;
    const fans = { fanIn: inputs * height * width, fanOut: outputs * height * width, outputAxis: 0 };
    const { weight, bias } = weightAndBias("Conv2d", read, [outputs, inputs, height, width], outputs, fans);
    this.weight = weight;
    this.bias = bias;
    this.parameters = bias === undefined ? [weight] : [weight, bias];
    registerOwn(this);
  }

  /** Whether the output is exactly the convolution: false for a subclass that overrides `forward`. */
  get isConvolution(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels: given } = beginForward("Conv2d", input, pass, this.parameters);
    const kernels = imageKernels(given);
    const { outputs } = this;
    const shape = windowShape(name, input, this, this.inputs);
    const weight = this.weight.value.data;
    const bias = this.bias?.value.data;
    const output = outputTensor(pass, [shape.batch, outputs, shape.outHeight, shape.outWidth], input.dtype);
    kernels.convolve2d({ shape, outputs, x: input.data, weight, bias, y: output.data });

    return guardedForward(name, output, this.parameters, [input], (gradOutput, lazily) => {
      const gradients = parameterGradients(this.parameters, pass);
      const dweight = gradients.get(this.weight)!.data;
      const dbias = this.bias && gradients.get(this.bias)!.data;
      kernels.convolve2dGradWeight({ shape, outputs, x: input.data, dy: gradOutput.data, dweight, dbias });
      return lazily(gradients, () => {
        const gradInput = gradientTensor(input);
        kernels.convolve2dGradInput({ shape, outputs, dy: gradOutput.data, weight, dx: gradInput.data });
        return gradInput;
      });
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Outside the class: bundlers rename a class that refers to itself, and logs would show that name. */
function hasOwnForward(layer: Conv2d): boolean {
  return layer.forward === Conv2d.prototype.forward;
}
