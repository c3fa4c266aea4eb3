/**
 * The interface of a kernel set: the arithmetic of every layer, loss and optimizer as loops over flat typed arrays.
 *
 * Whoever has a model on bare arrays calls these directly. The caller supplies every output and owns it; a kernel keeps
 * nothing but private scratch memory. All arrays of one call are of one dtype, except that `mean`, `variance` and `rstd`
 * are always double precision. Arrays that are only read may be the same array; an output is an array of its own, unless
 * the docstring says otherwise.
 *
 * Letters   N rows (samples) · C channels (features) · M values per channel · x, y input and output · dx, dy the gradients
 *           of the loss with respect to x and y · xhat = (x - mean) rstd
 */

import type { Floats } from "../core/dtype.js";
import type { ChannelView } from "../core/shape.js";

/** A product of two matrices, row-major. */
export interface MatmulArguments {
  /** Rows of the output. */
  readonly rows: number;
  /** The length that is summed over. */
  readonly inner: number;
  /** Columns of the output. */
  readonly columns: number;
  readonly a: Floats;
  readonly b: Floats;
  /** [columns], added to every row of the product. */
  readonly bias?: Floats | undefined;
  /** [rows, columns] */
  readonly out: Floats;
}

/** Sums over the rows of a matrix. */
export interface ColumnSumsArguments {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] */
  readonly x: Floats;
  /** [columns] */
  readonly out: Floats;
}

/** The mean and variance of each channel of a batch. */
export interface MomentsArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  /** [C], output. */
  readonly mean: Float64Array;
  /** [C], output: divided by M, not M - 1. */
  readonly variance: Float64Array;
}

/** The reciprocal standard deviation of each channel. */
export interface ReciprocalStdArguments {
  /** [C] */
  readonly variance: Float64Array;
  readonly epsilon: number;
  /** [C], output: 1 / sqrt(variance + epsilon), 0 where that is 1 / 0. */
  readonly rstd: Float64Array;
}

/** Batch normalization with the statistics of the batch. */
export interface BatchNormForwardArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  /** [C]; 1 where left out. */
  readonly gamma?: Floats | undefined;
  /** [C]; 0 where left out. */
  readonly beta?: Floats | undefined;
  readonly epsilon: number;
  readonly y: Floats;
  /** [C], output. */
  readonly mean: Float64Array;
  /** [C], output: divided by M, not M - 1. */
  readonly variance: Float64Array;
  /** [C], output: 1 / sqrt(variance + epsilon). */
  readonly rstd: Float64Array;
}

/** The gradient of batch normalization through the statistics of the batch. */
export interface BatchNormBackwardArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  readonly dy: Floats;
  readonly gamma?: Floats | undefined;
  /** [C], as the forward pass gave it. */
  readonly mean: Float64Array;
  /** [C], as the forward pass gave it. */
  readonly rstd: Float64Array;
  readonly dx: Floats;
  /** [C], output; left out where there is no gamma. */
  readonly dgamma?: Floats | undefined;
  /** [C], output; left out where there is no beta. */
  readonly dbeta?: Floats | undefined;
}

/** Normalization with given statistics, which are constants. */
export interface NormalizeArguments {
  readonly view: ChannelView;
  readonly x: Floats;
  readonly gamma?: Floats | undefined;
  readonly beta?: Floats | undefined;
  readonly mean: Float64Array;
  readonly rstd: Float64Array;
  readonly y: Floats;
}

/** A function of each value by itself. */
export interface ElementwiseArguments {
  readonly x: Floats;
  /** May be `x` itself. */
  readonly y: Floats;
}

/** The gradient of a function of each value, from the function's output. */
export interface ElementwiseBackwardArguments {
  /** The output of the forward pass. */
  readonly y: Floats;
  readonly dy: Floats;
  /** May be `dy` itself. */
  readonly dx: Floats;
}

/** Mean over the rows of the cross-entropy between softmax(logits) and the target; exactly one of the two targets is given. */
export interface SoftmaxCrossEntropyArguments {
  readonly rows: number;
  readonly classes: number;
  /** [rows, classes] */
  readonly logits: Floats;
  /** [rows], the right class of each row. */
  readonly labels?: Int32Array | undefined;
  /** [rows, classes], the right distribution of each row. */
  readonly probabilities?: Floats | undefined;
  /** In [0, 1]: this share of the target is spread evenly over the classes. */
  readonly labelSmoothing: number;
  /** [rows, classes], output. */
  readonly dlogits: Floats;
}

/** Mean over all values of the squared difference. */
export interface MeanSquaredErrorArguments {
  readonly prediction: Floats;
  readonly target: Floats;
  /** Output. */
  readonly dprediction: Floats;
}

/** One step of stochastic gradient descent; `values` and `velocity` are changed in place. */
export interface SGDArguments {
  readonly values: Floats;
  readonly gradient: Floats;
  /** Left out where momentum is 0. */
  readonly velocity?: Floats | undefined;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** One step of Adam or AdamW; `values` and both moments are changed in place. */
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
  /** true: AdamW, the decay acts on the values; false: Adam, it is added to the gradient. */
  readonly decoupled: boolean;
}

/** One implementation of all the arithmetic. Every set gives the same results up to round-off. */
export interface Kernels {
  /** As in "plain"; reports say which set they ran on. */
  readonly name: string;
  /** out = a b + bias.   a [rows, inner], b [inner, columns] */
  matmul(args: MatmulArguments): void;
  /** out = aᵀ b + bias.   a [inner, rows], b [inner, columns] */
  matmulTransposedA(args: MatmulArguments): void;
  /** out = a bᵀ + bias.   a [rows, inner], b [columns, inner] */
  matmulTransposedB(args: MatmulArguments): void;
  /** out[c] = Σ_n x[n, c] */
  columnSums(args: ColumnSumsArguments): void;
  /** mean = Σ x / M, variance = Σ (x - mean)² / M per channel. */
  moments(args: MomentsArguments): void;
  /** y = gamma xhat + beta with the mean and variance of the batch (Ioffe & Szegedy 2015, algorithm 1). */
  batchNormForward(args: BatchNormForwardArguments): void;
  /** dx = gamma rstd (dy - mean(dy) - xhat mean(dy xhat)), dgamma = Σ dy xhat, dbeta = Σ dy. */
  batchNormBackward(args: BatchNormBackwardArguments): void;
  /** y = gamma (x - mean) rstd + beta with given statistics. */
  normalize(args: NormalizeArguments): void;
  /** dx = gamma rstd dy, dgamma = Σ dy xhat, dbeta = Σ dy: the statistics are constants. */
  normalizeBackward(args: BatchNormBackwardArguments): void;
  /** y = max(x, 0); NaN stays NaN. */
  relu(args: ElementwiseArguments): void;
  /** dx = dy where y > 0, else 0. */
  reluBackward(args: ElementwiseBackwardArguments): void;
  /** y = x where x > 0, else slope x. */
  leakyRelu(args: ElementwiseArguments & { readonly slope: number }): void;
  /** dx = dy where y > 0, else slope dy. The slope is positive, so y tells the sign of x. */
  leakyReluBackward(args: ElementwiseBackwardArguments & { readonly slope: number }): void;
  /** y = 1 / (1 + exp(-x)) */
  sigmoid(args: ElementwiseArguments): void;
  /** dx = dy y (1 - y) */
  sigmoidBackward(args: ElementwiseBackwardArguments): void;
  /** y = tanh(x) */
  tanh(args: ElementwiseArguments): void;
  /** dx = dy (1 - y²) */
  tanhBackward(args: ElementwiseBackwardArguments): void;
  /** Gives the loss; dlogits = (softmax(logits) - target) / rows. */
  softmaxCrossEntropy(args: SoftmaxCrossEntropyArguments): number;
  /** Gives the loss; dprediction = 2 (prediction - target) / size. */
  meanSquaredError(args: MeanSquaredErrorArguments): number;
  /** Polyak's momentum or Nesterov's, as PyTorch's SGD without dampening. */
  sgd(args: SGDArguments): void;
  /** Kingma & Ba 2015; Loshchilov & Hutter 2019. */
  adam(args: AdamArguments): void;
}
