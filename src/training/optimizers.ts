/** SGD, Adam and AdamW: how parameters follow their gradients, with PyTorch's semantics. In order of increasing complexity. */

import { complaint, expectBoolean, expectNumber } from "../core/errors.js";
import { allocate, type Floats } from "../core/dtype.js";
import type { Kernels } from "../kernels/types.js";
import type { Parameter } from "../layers/parameter.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";

/** What `SGD` takes. */
export interface SGDOptions extends OptimizerOptions {
  /** In [0, 1): how much of the last step's velocity goes on; 0 when not said. */
  readonly momentum?: number | undefined;
  /** Whether to look ahead along the velocity; needs momentum. */
  readonly nesterov?: boolean | undefined;
}

/** What `Adam` and `AdamW` take. */
export interface AdamOptions extends OptimizerOptions {
  /** How slowly the mean of the gradients forgets; 0.9 when not said. */
  readonly beta1?: number | undefined;
  /** How slowly the mean of their squares forgets; 0.999 when not said. */
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment; 1e-8 when not said. */
  readonly epsilon?: number | undefined;
}

/**
 * Stochastic gradient descent, with momentum where asked for.
 *
 *   g = gradient + weightDecay w      v = momentum v + g      w -= learningRate v      (Nesterov: g + momentum v)
 *
 * Cost      one pass over the parameters; keeps one array as long as them where there is momentum
 * Source    Sutskever et al. 2013, in PyTorch's form (the learning rate stands outside the velocity; no dampening)
 *
 * @throws {RangeError} if a number is out of range, or nesterov is asked for without momentum
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([1]));
 * const optimizer = new SGD([weight], { learningRate: 0.5 });
 * optimizer.step(new Map([[weight, Tensor.from([1])]]));
 * weight.value.at(0);   // => 0.5
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly #velocity = new Map<Parameter, Floats>();

  /** Takes the parameters to move, as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: SGDOptions) {
    super("SGD", parameters, options, options?.weightDecay ?? 0);
    const { momentum = 0, nesterov = false } = options;
    expectNumber("SGD", "momentum", momentum, { low: 0, high: 1, withoutHigh: true });
    expectBoolean("SGD", "nesterov", nesterov);
    if (nesterov && momentum === 0) throw new RangeError(complaint("SGD", "momentum > 0 with nesterov", "0"));
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  protected move(parameter: Parameter, values: Floats, gradient: Floats, weightDecay: number, kernels: Kernels): void {
    const { learningRate, momentum, nesterov } = this;
    const velocity = momentum === 0 ? undefined : stateOf(this.#velocity, parameter);
    kernels.sgd({ values, gradient, velocity, learningRate, momentum, nesterov, weightDecay });
  }
}

interface Moments {
  readonly first: Floats;
  readonly second: Floats;
  /** beta1^t and beta2^t */
  power1: number;
  power2: number;
}

/** What Adam and AdamW share: all but where the weight decay acts. */
abstract class AdamFamily extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly #decoupled: boolean;
  readonly #moments = new Map<Parameter, Moments>();

  constructor(kind: "Adam" | "AdamW", parameters: Iterable<Parameter>, options: AdamOptions, defaultDecay: number) {
    super(kind, parameters, options, options?.weightDecay ?? defaultDecay);
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
    expectNumber(kind, "beta1", beta1, { low: 0, high: 1, withoutHigh: true });
    expectNumber(kind, "beta2", beta2, { low: 0, high: 1, withoutHigh: true });
    expectNumber(kind, "epsilon", epsilon, { low: 0 });
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.#decoupled = kind === "AdamW";
  }

  protected move(parameter: Parameter, values: Floats, gradient: Floats, weightDecay: number, kernels: Kernels): void {
    const { learningRate, beta1, beta2, epsilon } = this;
    let moments = this.#moments.get(parameter);
    if (moments === undefined) {
      const { dtype, size } = parameter.value;
      moments = { first: allocate(dtype, size), second: allocate(dtype, size), power1: 1, power2: 1 };
      this.#moments.set(parameter, moments);
    }
    moments.power1 *= beta1;
    moments.power2 *= beta2;
    kernels.adam({
      values,
      gradient,
      firstMoment: moments.first,
      secondMoment: moments.second,
      learningRate,
      beta1,
      beta2,
      correction1: 1 - moments.power1,
      correction2: 1 - moments.power2,
      epsilon,
      weightDecay,
      decoupled: this.#decoupled,
    });
  }
}

/**
 * Adam: steps scaled by running means of the gradient and of its square.
 *
 *   m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g²
 *   w -= learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * Weight decay is added to the gradient, as in PyTorch's `Adam`; see `AdamW` for the decoupled one.
 *
 * Cost      one pass over the parameters; keeps two arrays as long as them
 * Source    Kingma & Ba 2015, algorithm 1 (arXiv:1412.6980)
 *
 * @throws {RangeError} if a number is out of range
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([1], { dtype: "float64" }));
 * const optimizer = new Adam([weight], { learningRate: 0.5, epsilon: 0 });
 * optimizer.step(new Map([[weight, Tensor.from([8], { dtype: "float64" })]]));
 * weight.value.at(0);   // => 0.5
 */
export class Adam extends AdamFamily {
  /** Takes the parameters to move, as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super("Adam", parameters, options, 0);
  }
}

/**
 * Adam with decoupled weight decay: the values shrink by learningRate weightDecay, whatever the gradient's scale.
 *
 * Source    Loshchilov & Hutter 2019 (arXiv:1711.05101)
 *
 * @throws {RangeError} if a number is out of range
 */
export class AdamW extends AdamFamily {
  /** Takes the parameters to move, as `model.parameters`; weight decay is 0.01 when not said. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super("AdamW", parameters, options, 0.01);
  }
}

function stateOf(states: Map<Parameter, Floats>, parameter: Parameter): Floats {
  let state = states.get(parameter);
  if (state === undefined) {
    state = allocate(parameter.value.dtype, parameter.value.size);
    states.set(parameter, state);
  }
  return state;
}
