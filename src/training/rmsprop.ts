/** RMSprop, as in PyTorch. */

import type { Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import type { Parameter } from "../layers/parameter.js";
import { Optimizer, type OptimizerMemory, type OptimizerOptions, pytorchNames, zerosLike } from "./optimizers.js";

/** Options for `RMSprop`. The defaults are PyTorch's. */
export interface RMSpropOptions extends Omit<OptimizerOptions, "kernels"> {
  /** The decay rate of the running mean of the squared gradient, in [0, 1). Default: 0.99 (Keras: 0.9). */
  readonly alpha?: number | undefined;
  /** The fraction of the velocity that is kept from step to step, in [0, 1). Default: 0. */
  readonly momentum?: number | undefined;
  /** Added to the square root of the running mean. Default: 1e-8. */
  readonly epsilon?: number | undefined;
}

const rmspropRules = {
  learningRate: { kind: "number", low: 0 },
  weightDecay: { kind: "number", low: 0, default: 0 },
  withoutDecay: { kind: "any", optional: true },
  alpha: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0.99 },
  momentum: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0 },
  epsilon: { kind: "number", low: 0, default: 1e-8 },
} as const satisfies OptionRules<RMSpropOptions>;

/**
 * RMSprop: divides each step by a running mean of the size of the gradient.
 *
 *     g = gradient + weightDecay w      s = alpha s + (1 - alpha) g²
 *     v = momentum v + g / (sqrt(s) + epsilon)      w -= learningRate v
 *
 * - **Numerics**: each value is computed in double precision and then rounded; the same bits on every kernel set
 * - **Cost**: one pass over the parameters in TypeScript; memory for one more array per parameter, or two with momentum
 * - **Source**: Tieleman & Hinton 2012, lecture 6.5 of the Coursera course, as in PyTorch, not centered
 *
 * @throws {RangeError} if a number is out of range
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([1], { dtype: "float64" }));
 * const optimizer = new RMSprop([weight], { learningRate: 0.5, alpha: 0.75, epsilon: 0 });
 * optimizer.step(new Map([[weight, Tensor.from([8], { dtype: "float64" })]]));
 * weight.value.at(0);   // => 0
 */
export class RMSprop extends Optimizer {
  readonly alpha: number;
  readonly momentum: number;
  readonly epsilon: number;

  /** Creates an optimizer for the given parameters, such as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: RMSpropOptions) {
    const { alpha, momentum, epsilon, ...shared } = readOptions("RMSprop", options, rmspropRules, pytorchNames);
    super("RMSprop", parameters, shared);
    this.alpha = alpha;
    this.momentum = momentum;
    this.epsilon = epsilon;
  }

  createMemory(parameter: Parameter): OptimizerMemory {
    const arrays = { meanSquare: zerosLike(parameter) };
    return { arrays: this.momentum > 0 ? { ...arrays, velocity: zerosLike(parameter) } : arrays, numbers: {} };
  }

  protected move(
    values: Floats,
    gradient: Floats,
    weightDecay: number,
    _kernels: Kernels,
    { arrays: { meanSquare, velocity } }: OptimizerMemory,
  ): void {
    const { learningRate, alpha, momentum, epsilon } = this;
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]! + weightDecay * values[i]!;
      const s = alpha * meanSquare![i]! + (1 - alpha) * g * g;
      meanSquare![i] = s;
      let step = g / (Math.sqrt(s) + epsilon);
      if (velocity !== undefined) {
        step += momentum * velocity[i]!;
        velocity[i] = step;
      }
      values[i]! -= learningRate * step;
    }
  }
}
