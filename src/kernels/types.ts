/**
 * The interface of a kernel set: the arithmetic of every layer, loss and optimizer as loops over flat typed arrays.
 *
 * Models on bare arrays call these directly. The caller supplies every output and owns it; a kernel keeps nothing but private
 * scratch memory. All arrays of one call have one dtype, except that `mean`, `variance` and `rstd` are always double
 * precision. Inputs may be the same array; an output must be an array of its own, unless its docstring says otherwise.
 *
 * Outputs are not zero when a kernel gets them: they hold whatever an earlier call left. A kernel must write every value, also
 * the zeros, and may not add to what is there.
 *
 * - **Letters**: N rows (samples) · C channels (features) · M values per channel · x, y input and output · dx, dy the
 *   gradients of the loss with respect to x and y · xhat = (x - mean) rstd
 */

import type { Floats } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";

/** Arguments of the three matrix products. All matrices are row-major. */
export interface MatmulArguments {
  /** Rows of the output. */
  readonly rows: number;
  /** The length of the sums. */
  readonly inner: number;
  /** Columns of the output. */
  readonly columns: number;
  readonly a: Floats;
  readonly b: Floats;
  /** [columns], added to every row of the product. */
  readonly bias?: Floats | undefined;
  /** [rows, columns], output. */
  readonly out: Floats;
}

/** Arguments of `columnSums`. */
export interface ColumnSumsArguments {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] */
  readonly x: Floats;
  /** [columns], output. */
  readonly out: Floats;
}

/** Arguments of `moments`. */
export interface MomentsArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  /** [C], output. */
  readonly mean: Float64Array;
  /** [C], output: divided by M, not M - 1. */
  readonly variance: Float64Array;
}

/** Arguments of `reciprocalStd`. */
export interface ReciprocalStdArguments {
  /** [C] */
  readonly variance: Float64Array;
  readonly epsilon: number;
  /** [C], output: 1 / sqrt(variance + epsilon), 0 where that is 1 / 0. */
  readonly rstd: Float64Array;
}

/** Arguments of `batchNormForward`. */
export interface BatchNormForwardArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  /** [C]. Default: 1. */
  readonly gamma?: Floats | undefined;
  /** [C]. Default: 0. */
  readonly beta?: Floats | undefined;
  readonly epsilon: number;
  /** Output, of the shape of x. */
  readonly y: Floats;
  /** [C], output. */
  readonly mean: Float64Array;
  /** [C], output: divided by M, not M - 1. */
  readonly variance: Float64Array;
  /** [C], output: 1 / sqrt(variance + epsilon). */
  readonly rstd: Float64Array;
}

/** Arguments of `batchNormBackward` and `normalizeBackward`. */
export interface BatchNormBackwardArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  readonly dy: Floats;
  readonly gamma?: Floats | undefined;
  /** [C], of the forward pass. */
  readonly mean: Float64Array;
  /** [C], of the forward pass. */
  readonly rstd: Float64Array;
  /** Output, of the shape of x. The library's own sets let it be `dy` itself. */
  readonly dx: Floats;
  /** [C], output. Omit it if there is no gamma. */
  readonly dgamma?: Floats | undefined;
  /** [C], output. Omit it if there is no beta. */
  readonly dbeta?: Floats | undefined;
}

/** Arguments of `normalize`. */
export interface NormalizeArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  readonly gamma?: Floats | undefined;
  readonly beta?: Floats | undefined;
  readonly mean: Float64Array;
  readonly rstd: Float64Array;
  /** Output, of the shape of x. The library's own sets let it be `x` itself. */
  readonly y: Floats;
}

/** Arguments of the activations. */
export interface ElementwiseArguments {
  readonly x: Floats;
  /** Output; may be `x` itself. */
  readonly y: Floats;
}

/** Arguments of the gradients of the activations. */
export interface ElementwiseBackwardArguments {
  /** The output of the forward pass. */
  readonly y: Floats;
  readonly dy: Floats;
  /** Output; may be `dy` itself. */
  readonly dx: Floats;
}

/**
 * The geometry of a 2-D convolution or pooling, channels first. All lengths count pixels.
 *
 * The padding at the bottom and on the right follows from `outHeight` and `outWidth`.
 */
export interface WindowShape {
  /** Images. */
  readonly batch: number;
  /** Channels of an image. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  /** The distance from one window to the next one below it. */
  readonly strideY: number;
  /** The distance from one window to the next one on its right. */
  readonly strideX: number;
  /** Rows of padding above the image. */
  readonly top: number;
  /** Columns of padding on the left of the image. */
  readonly left: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** Arguments of `convolve2d`. Padding is by zeros. */
export interface Convolve2dArguments {
  readonly shape: WindowShape;
  /** Channels of y. */
  readonly outputs: number;
  /** [batch, channels, height, width] */
  readonly x: Floats;
  /** [outputs, channels, windowHeight, windowWidth] */
  readonly weight: Floats;
  /** [outputs]. Default: 0. */
  readonly bias?: Floats | undefined;
  /** [batch, outputs, outHeight, outWidth], output. */
  readonly y: Floats;
}

/** Arguments of `convolve2dGradInput`. */
export interface Convolve2dGradInputArguments {
  readonly shape: WindowShape;
  readonly outputs: number;
  /** [batch, outputs, outHeight, outWidth] */
  readonly dy: Floats;
  /** [outputs, channels, windowHeight, windowWidth] */
  readonly weight: Floats;
  /** [batch, channels, height, width], output. */
  readonly dx: Floats;
}

/** Arguments of `convolve2dGradWeight`. */
export interface Convolve2dGradWeightArguments {
  readonly shape: WindowShape;
  readonly outputs: number;
  /** [batch, channels, height, width] */
  readonly x: Floats;
  /** [batch, outputs, outHeight, outWidth] */
  readonly dy: Floats;
  /** [outputs, channels, windowHeight, windowWidth], output. */
  readonly dweight: Floats;
  /** [outputs], output. Omit it if there is no bias. */
  readonly dbias?: Floats | undefined;
}

/** Arguments of `maxPool2d`. Padding never is the maximum, and every window must cover a pixel. */
export interface MaxPool2dArguments {
  readonly shape: WindowShape;
  /** [batch, channels, height, width] */
  readonly x: Floats;
  /** [batch, channels, outHeight, outWidth], output. */
  readonly y: Floats;
  /** [batch, channels, outHeight, outWidth], output: row * width + column of each maximum. */
  readonly argmax: Int32Array;
}

/** Arguments of `maxPool2dGradient`. */
export interface MaxPool2dGradientArguments {
  readonly shape: WindowShape;
  /** [batch, channels, outHeight, outWidth] */
  readonly dy: Floats;
  /** [batch, channels, outHeight, outWidth], of the forward pass. */
  readonly argmax: Int32Array;
  /** [batch, channels, height, width], output. */
  readonly dx: Floats;
}

/** Arguments of `softmaxCrossEntropy`: exactly one of `labels` and `probabilities`. */
export interface SoftmaxCrossEntropyArguments {
  readonly rows: number;
  readonly classes: number;
  /** [rows, classes] */
  readonly logits: Floats;
  /** [rows], the true class of each row. */
  readonly labels?: Int32Array | undefined;
  /** [rows, classes], the target distribution of each row. */
  readonly probabilities?: Floats | undefined;
  /** The share of the target that is spread evenly over the classes, in [0, 1]. */
  readonly labelSmoothing: number;
  /** [rows, classes], output. */
  readonly dlogits: Floats;
}

/** Arguments of `meanSquaredError`. */
export interface MeanSquaredErrorArguments {
  readonly prediction: Floats;
  readonly target: Floats;
  /** Output. */
  readonly dprediction: Floats;
}

/** Arguments of `sgd`, which changes `values` and `velocity` in place. */
export interface SGDArguments {
  readonly values: Floats;
  readonly gradient: Floats;
  /** Required unless momentum is 0. */
  readonly velocity?: Floats | undefined;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Arguments of `adam`, which changes `values` and both moments in place. */
export interface AdamArguments {
  readonly values: Floats;
  readonly gradient: Floats;
  readonly firstMoment: Floats;
  readonly secondMoment: Floats;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** 1 - beta1^t at step t. */
  readonly correction1: number;
  /** 1 - beta2^t at step t. */
  readonly correction2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Apply the decay to the values (AdamW) instead of adding it to the gradient (Adam). */
  readonly decoupled: boolean;
}

/** The kernels of images, channels first. */
export interface ImageKernels {
  /** Computes y[n, o, i, j] = bias[o] + Σ_cpq weight[o, c, p, q] x[n, c, i strideY + p - top, j strideX + q - left]. */
  convolve2d(args: Convolve2dArguments): void;
  /** Computes the gradient of `convolve2d` with respect to x. */
  convolve2dGradInput(args: Convolve2dGradInputArguments): void;
  /** Computes the gradients of `convolve2d` with respect to the weight and the bias. */
  convolve2dGradWeight(args: Convolve2dGradWeightArguments): void;
  /** Computes the maximum of each window and its index. The first of equal maxima wins, and NaN wins over any number. */
  maxPool2d(args: MaxPool2dArguments): void;
  /** Computes the gradient of `maxPool2d`: each dy is added to the dx of its maximum. */
  maxPool2dGradient(args: MaxPool2dGradientArguments): void;
}

/**
 * A kernel set: one implementation of all the arithmetic. Every set gives the same results up to round-off.
 *
 * A set of your own gets outputs that are not zero, and has to write every value of them. It may leave out the kernels of images:
 * layers of images then use those of `defaultKernels()`.
 */
export interface Kernels extends Partial<ImageKernels> {
  /** The name in reports, for example "plain". */
  readonly name: string;
  /** Computes out = a b + bias, for a [rows, inner] and b [inner, columns]. */
  matmul(args: MatmulArguments): void;
  /** Computes out = aᵀ b + bias, for a [inner, rows] and b [inner, columns]. */
  matmulTransposedA(args: MatmulArguments): void;
  /** Computes out = a bᵀ + bias, for a [rows, inner] and b [columns, inner]. */
  matmulTransposedB(args: MatmulArguments): void;
  /** Computes out[c] = Σ_n x[n, c]. */
  columnSums(args: ColumnSumsArguments): void;
  /** Computes mean = Σ x / M and variance = Σ (x - mean)² / M per channel. */
  moments(args: MomentsArguments): void;
  /** Computes y = gamma xhat + beta with the statistics of the batch (Ioffe & Szegedy 2015, algorithm 1). */
  batchNormForward(args: BatchNormForwardArguments): void;
  /** Computes dx = gamma rstd (dy - mean(dy) - xhat mean(dy xhat)), dgamma = Σ dy xhat and dbeta = Σ dy. */
  batchNormBackward(args: BatchNormBackwardArguments): void;
  /** Computes y = gamma (x - mean) rstd + beta with given statistics. */
  normalize(args: NormalizeArguments): void;
  /** Computes dx = gamma rstd dy, dgamma = Σ dy xhat and dbeta = Σ dy: the statistics are constants. */
  normalizeBackward(args: BatchNormBackwardArguments): void;
  /** Computes y = max(x, 0); NaN stays NaN. */
  relu(args: ElementwiseArguments): void;
  /** Computes dx = dy where y > 0, else 0. */
  reluBackward(args: ElementwiseBackwardArguments): void;
  /** Computes y = x where x > 0, else slope x. */
  leakyRelu(args: ElementwiseArguments & { readonly slope: number }): void;
  /** Computes dx = dy where y > 0, else slope dy. The slope is positive, so y has the sign of x. */
  leakyReluBackward(args: ElementwiseBackwardArguments & { readonly slope: number }): void;
  /** Computes y = 1 / (1 + exp(-x)). */
  sigmoid(args: ElementwiseArguments): void;
  /** Computes dx = dy y (1 - y). */
  sigmoidBackward(args: ElementwiseBackwardArguments): void;
  /** Computes y = tanh(x). */
  tanh(args: ElementwiseArguments): void;
  /** Computes dx = dy (1 - y²). */
  tanhBackward(args: ElementwiseBackwardArguments): void;
  /** Returns the loss, the mean over the rows; computes dlogits = (softmax(logits) - target) / rows. */
  softmaxCrossEntropy(args: SoftmaxCrossEntropyArguments): number;
  /** Returns the loss, the mean over all values; computes dprediction = 2 (prediction - target) / size. */
  meanSquaredError(args: MeanSquaredErrorArguments): number;
  /** Takes one step of stochastic gradient descent, with Polyak's or Nesterov's momentum as in PyTorch. */
  sgd(args: SGDArguments): void;
  /** Takes one step of Adam (Kingma & Ba 2015) or AdamW (Loshchilov & Hutter 2019). */
  adam(args: AdamArguments): void;
}

/** A kernel set with the kernels of images. */
export type AllKernels = Kernels & ImageKernels;
