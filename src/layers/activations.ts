/** The activations as layers: each value by itself, no parameters, the same in every mode. */

import { expectNumber, expectObject } from "../core/errors.js";
import { defaultKernels } from "../kernels/default.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments, Kernels } from "../kernels/types.js";
import { Tensor } from "../core/tensor.js";
import { gradientOver, outputOver, outputToKeep, registerLeaf } from "./private-tensors.js";
import { expectForward, guardBackward, who } from "./guards.js";
import { type Forward, type Layer, type Pass } from "./contract.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";

/**
 * The rectified linear unit, y = max(x, 0).
 *
 * Shapes    y like x
 * Numerics  the derivative at 0 is taken as 0; NaN stays NaN
 * Cost      one pass; keeps y
 * Source    Nair & Hinton 2010
 *
 * @example
 * new ReLU().forward(Tensor.from([[-1, 2]]), { mode: "inference" }).output.toNested();   // => [[0, 2]]
 */
export class ReLU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Makes the layer. */
  constructor() {
    registerLeaf(this, ReLU);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.relu(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.reluBackward(args);
    return elementwise("ReLU", input, pass, forward, backward);
  }
}

/** How a `LeakyReLU` is made. */
export interface LeakyReLUOptions {
  /** The slope for x < 0, in (0, 1]; 0.01 when not said, as in PyTorch (Keras: 0.3). */
  readonly slope?: number | undefined;
}

/**
 * The leaky rectified linear unit, y = x where x > 0, else slope x.
 *
 * Shapes    y like x
 * Cost      one pass; keeps y
 * Source    Maas, Hannun & Ng 2013
 *
 * @throws {RangeError} if the slope is not in (0, 1]
 * @example
 * new LeakyReLU({ slope: 0.5 }).forward(Tensor.from([[-1, 2]]), { mode: "inference" }).output.toNested();   // => [[-0.5, 2]]
 */
export class LeakyReLU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly slope: number;

  /** Makes the layer. */
  constructor(options: LeakyReLUOptions = {}) {
    expectObject("LeakyReLU", "options", options);
    const { slope = 0.01 } = options;
    expectNumber("LeakyReLU", "slope", slope, { low: 0, withoutLow: true, high: 1 });
    this.slope = slope;
    registerLeaf(this, LeakyReLU);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { slope } = this;
    const forward = (kernels: Kernels, { x, y }: ElementwiseArguments): void => kernels.leakyRelu({ x, y, slope });
    const backward = (kernels: Kernels, { y, dy, dx }: ElementwiseBackwardArguments): void =>
      kernels.leakyReluBackward({ y, dy, dx, slope });
    return elementwise("LeakyReLU", input, pass, forward, backward);
  }
}

/**
 * The logistic sigmoid, y = 1 / (1 + exp(-x)).
 *
 * Shapes    y like x
 * Numerics  does not overflow on either side; exp of the library's own, so the bits are the same in every engine
 * Cost      one pass; keeps y
 *
 * @example
 * new Sigmoid().forward(Tensor.from([[0]]), { mode: "inference" }).output.toNested();   // => [[0.5]]
 */
export class Sigmoid implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Makes the layer. */
  constructor() {
    registerLeaf(this, Sigmoid);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.sigmoid(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.sigmoidBackward(args);
    return elementwise("Sigmoid", input, pass, forward, backward);
  }
}

/**
 * The hyperbolic tangent, y = tanh(x).
 *
 * Shapes    y like x
 * Numerics  exp of the library's own, so the bits are the same in every engine
 * Cost      one pass; keeps y
 *
 * @example
 * new Tanh().forward(Tensor.from([[0, 100]]), { mode: "inference" }).output.toNested();   // => [[0, 1]]
 */
export class Tanh implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Makes the layer. */
  constructor() {
    registerLeaf(this, Tanh);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const forward = (kernels: Kernels, args: ElementwiseArguments): void => kernels.tanh(args);
    const backward = (kernels: Kernels, args: ElementwiseBackwardArguments): void => kernels.tanhBackward(args);
    return elementwise("Tanh", input, pass, forward, backward);
  }
}

function elementwise(
  kind: string,
  input: Tensor,
  pass: Pass,
  apply: (kernels: Kernels, args: ElementwiseArguments) => void,
  differentiate: (kernels: Kernels, args: ElementwiseBackwardArguments) => void,
): Forward {
  expectForward(kind, input, pass);
  const kernels = pass.kernels ?? defaultKernels();
  const output = outputOver(input, pass);
  apply(kernels, { x: input.data, y: output.data });
  const y = outputToKeep(output);
  const guard = guardBackward(who(kind, pass), output, []);
  return {
    output,
    backward: (gradOutput) => {
      guard(gradOutput);
      const dx = gradientOver(gradOutput, input);
      differentiate(kernels, { y, dy: gradOutput.data, dx: dx.data });
      return { gradInput: dx, gradients: noGradients };
    },
  };
}
