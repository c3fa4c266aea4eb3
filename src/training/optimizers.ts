/** Optimizers: how parameters follow their gradients, with PyTorch's semantics. In order of increasing complexity. */

import {
  complaint,
  expectBoolean,
  expectNumber,
  expectObject,
  expectOneOf,
  ShapeError,
  show,
} from "../ground/errors.js";
import { allocate, type Floats } from "../ground/numbers.js";
import { defaultKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/kernels.js";
import type { Gradients } from "../layers/layer.js";
import { Parameter, type Role } from "../layers/parameter.js";
import { printShape, sameShape } from "../tensor/shape.js";
import { isTensor } from "../tensor/tensor.js";

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** Step size; may be changed later through the property of the same name. */
  readonly learningRate: number;
  /** How strongly values are pulled to 0; 0 when not said (AdamW: 0.01). */
  readonly weightDecay?: number | undefined;
  /** Roles that weight decay leaves alone; none when not said. Gamma and beta usually are: ["bias", "scale", "shift"]. */
  readonly withoutDecay?: readonly Role[] | undefined;
  /** The kernel set that does the arithmetic; the best there is when not said. */
  readonly kernels?: Kernels | undefined;
}

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

/** What the optimizers share: their parameters, and the check of all gradients before any value moves. */
abstract class Optimizer {
  readonly parameters: readonly Parameter[];
  readonly weightDecay: number;
  readonly #kind: string;
  readonly #withoutDecay: ReadonlySet<Role>;
  readonly #kernels: Kernels | undefined;
  #learningRate: number;

  constructor(kind: string, parameters: Iterable<Parameter>, options: OptimizerOptions, weightDecay: number) {
    expectObject(kind, "options", options);
    const { learningRate, withoutDecay = [], kernels } = options;
    this.parameters = [...new Set(parameters)];
    for (const parameter of this.parameters) {
      if (!isParameter(parameter)) throw new TypeError(complaint(kind, "parameters only", show(parameter)));
    }
    expectNumber(kind, "learningRate", learningRate, { low: 0 });
    expectNumber(kind, "weightDecay", weightDecay, { low: 0 });
    for (const role of withoutDecay) expectOneOf(kind, "withoutDecay", role, ["weight", "bias", "scale", "shift"]);
    this.weightDecay = weightDecay;
    this.#kind = kind;
    this.#withoutDecay = new Set(withoutDecay);
    this.#kernels = kernels;
    this.#learningRate = learningRate;
  }

  /** The step size of the next step. */
  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(value: number) {
    expectNumber(this.#kind, "learningRate", value, { low: 0 });
    this.#learningRate = value;
  }

  /**
   * Moves every parameter that has a gradient by one step; the others stay as they are, their momentum included.
   *
   * @throws {RangeError} if there is a gradient of a parameter that this optimizer does not own
   * @throws {ShapeError | TypeError} if a gradient is not like its parameter; in each case nothing has moved
   */
  step(gradients: Gradients): void {
    const kind = this.#kind;
    for (const [parameter, gradient] of gradients) {
      if (!this.parameters.includes(parameter)) {
        const cure = "pass that parameter to the constructor";
        throw new RangeError(
          complaint(kind, "gradients of its own parameters", `one of a foreign ${show(parameter.name)}`, cure),
        );
      }
      const { shape, dtype } = parameter.value;
      if (!isTensor(gradient))
        throw new TypeError(complaint(kind, `the gradient of ${parameter.name} to be a Tensor`, show(gradient)));
      if (!sameShape(gradient.shape, shape)) {
        throw new ShapeError(
          complaint(
            kind,
            `the gradient of ${parameter.name} of shape ${printShape(shape)}`,
            printShape(gradient.shape),
          ),
        );
      }
      if (gradient.dtype !== dtype) {
        throw new TypeError(complaint(kind, `the gradient of ${parameter.name} of dtype ${dtype}`, gradient.dtype));
      }
    }
    const kernels = this.#kernels ?? defaultKernels();
    for (const [parameter, gradient] of gradients) {
      const decay = this.#withoutDecay.has(parameter.role) ? 0 : this.weightDecay;
      parameter.update((values) => this.move(parameter, values, gradient.data, decay, kernels));
    }
  }

  protected abstract move(
    parameter: Parameter,
    values: Floats,
    gradient: Floats,
    weightDecay: number,
    kernels: Kernels,
  ): void;
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
export class Adam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly #decoupled: boolean;
  readonly #moments = new Map<Parameter, Moments>();

  /** Takes the parameters to move, as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions);
  /** @internal AdamW is the same with the decay decoupled. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions, kind: "AdamW");
  constructor(parameters: Iterable<Parameter>, options: AdamOptions, kind: "Adam" | "AdamW" = "Adam") {
    super(kind, parameters, options, options?.weightDecay ?? (kind === "AdamW" ? 0.01 : 0));
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
 * Adam with decoupled weight decay: the values shrink by learningRate weightDecay, whatever the gradient's scale.
 *
 * Source    Loshchilov & Hutter 2019 (arXiv:1711.05101)
 *
 * @throws {RangeError} if a number is out of range
 */
export class AdamW extends Adam {
  /** Takes the parameters to move, as `model.parameters`; weight decay is 0.01 when not said. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super(parameters, options, "AdamW");
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

/** Asks for what it has, not for its class: the ESM and the CJS build have one each. */
function isParameter(value: unknown): value is Parameter {
  return (
    typeof value === "object" && value !== null && isTensor((value as Partial<Parameter>).value) && "update" in value
  );
}
