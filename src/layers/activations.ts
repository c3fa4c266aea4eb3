/** Activation layers: elementwise, without parameters, and identical in every mode. */

import { type OptionRules, readOptions } from "../core/options.js";
import type { Tensor } from "../core/tensor.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments, Kernels } from "../kernels/types.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, keepOutput, outputInPlace, registerOwn } from "./private-memory.js";

/**
 * Applies the rectified linear unit, y = max(x, 0).
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: the derivative at 0 is taken as 0; NaN stays NaN
 * - **Cost**: one pass forward and one backward, which reads y
 * - **Source**: Nair & Hinton 2010
 *
 * @example
 * new ReLU().forward(Tensor.from([[-1, 2]]), { mode: "inference" }).output.toNested();   // => [[0, 2]]
 */
export class ReLU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.relu(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.reluBackward(args);
    return elementwise("ReLU", input, pass, forward, backward);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Options for `LeakyReLU`. */
export interface LeakyReLUOptions {
  /** The slope for x < 0, in (0, 1]. Default: 0.01, as in PyTorch (Keras: 0.3). */
  readonly slope?: number | undefined;
}

const leakyReLURules = {
  slope: { kind: "number", low: 0, withoutLow: true, high: 1, default: 0.01 },
} as const satisfies OptionRules<LeakyReLUOptions>;

/**
 * Applies the leaky rectified linear unit, y = x where x > 0, else slope x.
 *
 * - **Shapes**: y has the same shape as x
 * - **Cost**: one pass forward and one backward, which reads y
 * - **Source**: Maas, Hannun & Ng 2013
 *
 * @throws {RangeError} if the slope is not in (0, 1]
 * @example
 * new LeakyReLU({ slope: 0.5 }).forward(Tensor.from([[-1, 2]]), { mode: "inference" }).output.toNested();   // => [[-0.5, 2]]
 */
export class LeakyReLU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly slope: number;

  /** Creates the layer. */
  constructor(options: LeakyReLUOptions = {}) {
    this.slope = readOptions("LeakyReLU", options, leakyReLURules).slope;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { slope } = this;
    const forward = (kernels: Kernels, { x, y }: ElementwiseArguments): void => kernels.leakyRelu({ x, y, slope });
    const backward = (kernels: Kernels, { y, dy, dx }: ElementwiseBackwardArguments): void =>
      kernels.leakyReluBackward({ y, dy, dx, slope });
    return elementwise("LeakyReLU", input, pass, forward, backward);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/**
 * Applies the logistic sigmoid, y = 1 / (1 + exp(-x)).
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: never overflows; uses the library's own exp, so the results are bit-identical in every engine
 * - **Cost**: one pass forward and one backward, which reads y
 *
 * @example
 * new Sigmoid().forward(Tensor.from([[0]]), { mode: "inference" }).output.toNested();   // => [[0.5]]
 */
export class Sigmoid implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.sigmoid(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.sigmoidBackward(args);
    return elementwise("Sigmoid", input, pass, forward, backward);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/**
 * Applies the hyperbolic tangent, y = tanh(x).
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: uses the library's own exp, so the results are bit-identical in every engine
 * - **Cost**: one pass forward and one backward, which reads y
 *
 * @example
 * new Tanh().forward(Tensor.from([[0, 100]]), { mode: "inference" }).output.toNested();   // => [[0, 1]]
 */
export class Tanh implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.tanh(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.tanhBackward(args);
    return elementwise("Tanh", input, pass, forward, backward);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

function elementwise(
  kind: string,
  input: Tensor,
  pass: Pass,
  apply: (kernels: Kernels, args: ElementwiseArguments) => void,
  differentiate: (kernels: Kernels, args: ElementwiseBackwardArguments) => void,
): Forward {
  const { name, kernels } = beginForward(kind, input, pass, []);
  const output = outputInPlace(input, pass);
  apply(kernels, { x: input.data, y: output.data });
  keepOutput(output);
  return guardedForward(name, output, [], [output], (gradOutput) => {
    const gradInput = gradientInPlace(gradOutput, input);
    differentiate(kernels, { y: output.data, dy: gradOutput.data, dx: gradInput.data });
    return { gradInput, gradients: noGradients };
  });
}
