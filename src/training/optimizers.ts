/** SGD, Adam and AdamW: how parameters follow their gradients, with PyTorch's semantics. In order of increasing complexity. */

import { allocate, type Floats } from "../core/dtype.js";
import { complaint, expectNumber, expectOneOf, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { isTensor } from "../core/tensor.js";
import { defaultKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/types.js";
import type { Gradients } from "../layers/contract.js";
import { expectGradient } from "../layers/guards.js";
import type { Parameter, Role } from "../layers/parameter.js";

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** The step size; may be changed later through the property of the same name. */
  readonly learningRate: number;
  /** How strongly values are pulled to 0. Default: 0 (AdamW: 0.01). */
  readonly weightDecay?: number | undefined;
  /** Roles that weight decay leaves alone, often ["bias", "scale", "shift"]. Default: none. */
  readonly withoutDecay?: readonly Role[] | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

/** Moves parameters along their gradients: what SGD and Adam share. All gradients are checked before any value moves. */
export abstract class Optimizer {
  readonly parameters: readonly Parameter[];
  readonly weightDecay: number;
  /** The roles that weight decay leaves alone. */
  readonly withoutDecay: ReadonlySet<Role>;
  private readonly kind: string;
  private readonly kernels: Kernels | undefined;
  private currentLearningRate: number;

  constructor(
    kind: string,
    parameters: Iterable<Parameter>,
    { learningRate, weightDecay = 0, withoutDecay = [], kernels }: OptimizerOptions,
  ) {
    if (typeof (parameters as Partial<Iterable<Parameter>> | undefined)?.[Symbol.iterator] !== "function") {
      throw new TypeError(complaint(kind, "parameters to be a list", show(parameters), "pass model.parameters"));
    }
    this.parameters = [...new Set(parameters)];
    for (const parameter of this.parameters as readonly (Partial<Parameter> | null | undefined)[]) {
      if (isTensor(parameter?.value) && typeof parameter.update === "function") continue;
      throw new TypeError(complaint(kind, "parameters only", show(parameter)));
    }
    if (!Array.isArray(withoutDecay)) {
      throw new TypeError(complaint(kind, "withoutDecay to be a list of roles", show(withoutDecay)));
    }
    for (const role of withoutDecay as readonly Role[]) {
      expectOneOf(kind, "withoutDecay", role, ["weight", "bias", "scale", "shift"]);
    }
    this.weightDecay = weightDecay;
    this.withoutDecay = new Set(withoutDecay);
    this.kind = kind;
    this.kernels = kernels;
    this.currentLearningRate = learningRate;
  }

  /** The step size of the next step. */
  get learningRate(): number {
    return this.currentLearningRate;
  }

  /** Takes effect at the next step; must be a finite number >= 0. */
  set learningRate(value: number) {
    expectNumber(this.kind, "learningRate", value, { low: 0 });
    this.currentLearningRate = value;
  }

  /**
   * Moves every parameter that has a gradient by one step; the others stay as they are, their momentum included, and so do
   * those that are not trainable.
   *
   * @throws {RangeError} if there is a gradient of a parameter that this optimizer does not own
   * @throws {ShapeError | TypeError} if a gradient is not like its parameter; in each case nothing has moved
   */
  step(gradients: Gradients): void {
    const { kind } = this;
    if (typeof (gradients as Partial<Gradients> | undefined)?.entries !== "function" || !("get" in gradients)) {
      const cure = "pass what backward returns as `gradients`";
      throw new TypeError(complaint(kind, "a Map of gradients", show(gradients), cure));
    }
    for (const [parameter, gradient] of gradients) {
      if (!this.parameters.includes(parameter)) {
        const got = `one of a foreign ${show(parameter.name)}`;
        const cure = "pass that parameter to the constructor; keep the model out of Vue's proxies with markRaw(model)";
        throw new RangeError(complaint(kind, "gradients of its own parameters", got, cure));
      }
      expectGradient(kind, parameter.name, gradient, parameter.value);
    }
    const kernels = this.kernels ?? defaultKernels();
    for (const [parameter, gradient] of gradients) {
      if (!parameter.trainable) continue;
      const decay = this.withoutDecay.has(parameter.role) ? 0 : this.weightDecay;
      parameter.update((values) => this.move(parameter, values, gradient.data, decay, kernels));
    }
  }

  protected abstract move(
    parameter: Parameter,
    values: Floats,
    gradient: Floats,
    decay: number,
    kernels: Kernels,
  ): void;
}

/** Options for `SGD`. */
export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step's velocity goes on, in [0, 1). Default: 0. */
  readonly momentum?: number | undefined;
  /** Looks ahead along the velocity; needs momentum. Default: false. */
  readonly nesterov?: boolean | undefined;
}

const sgdRules = {
  learningRate: { kind: "number", low: 0 },
  weightDecay: { kind: "number", low: 0, default: 0 },
  withoutDecay: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
  momentum: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0 },
  nesterov: { kind: "boolean", default: false },
} as const satisfies OptionRules<SGDOptions>;

/** Options for `Adam` and `AdamW`. */
export interface AdamOptions extends OptimizerOptions {
  /** How slowly the mean of the gradients forgets. Default: 0.9. */
  readonly beta1?: number | undefined;
  /** How slowly the mean of their squares forgets. Default: 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment. Default: 1e-8. */
  readonly epsilon?: number | undefined;
}

const adamRules = {
  learningRate: { kind: "number", low: 0 },
  weightDecay: { kind: "number", low: 0, optional: true },
  withoutDecay: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
  beta1: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0.9 },
  beta2: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0.999 },
  epsilon: { kind: "number", low: 0, default: 1e-8 },
} as const satisfies OptionRules<AdamOptions>;

/**
 * Stochastic gradient descent, with momentum where asked for.
 *
 *     g = gradient + weightDecay w      v = momentum v + g      w -= learningRate v      (Nesterov: g + momentum v)
 *
 * - **Cost**: one pass over the parameters; keeps one array as long as them where there is momentum
 * - **Source**: Sutskever et al. 2013, in PyTorch's form (the learning rate stands outside the velocity; no dampening)
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
  private readonly velocities = new Map<Parameter, Floats>();

  /** Takes the parameters to move, as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: SGDOptions) {
    const { momentum, nesterov, ...shared } = readOptions("SGD", options, sgdRules);
    super("SGD", parameters, shared);
    if (nesterov && momentum === 0) throw new RangeError(complaint("SGD", "momentum > 0 with nesterov", "0"));
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  protected move(parameter: Parameter, values: Floats, gradient: Floats, weightDecay: number, kernels: Kernels): void {
    const { learningRate, momentum, nesterov } = this;
    let velocity = this.velocities.get(parameter);
    if (velocity === undefined && momentum > 0) {
      velocity = zerosLike(parameter);
      this.velocities.set(parameter, velocity);
    }
    kernels.sgd({ values, gradient, velocity, learningRate, momentum, nesterov, weightDecay });
  }
}

interface AdamMoments {
  readonly first: Floats;
  readonly second: Floats;
  /** beta1^t and beta2^t */
  power1: number;
  power2: number;
}

/** What Adam and AdamW share: all but where weight decay acts. */
abstract class AdamFamily extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  private readonly decoupled: boolean;
  private readonly moments = new Map<Parameter, AdamMoments>();

  constructor(kind: "Adam" | "AdamW", parameters: Iterable<Parameter>, options: AdamOptions, defaultDecay: number) {
    const { beta1, beta2, epsilon, weightDecay = defaultDecay, ...shared } = readOptions(kind, options, adamRules);
    super(kind, parameters, { ...shared, weightDecay });
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.decoupled = kind === "AdamW";
  }

  protected move(parameter: Parameter, values: Floats, gradient: Floats, weightDecay: number, kernels: Kernels): void {
    const { learningRate, beta1, beta2, epsilon } = this;
    let moments = this.moments.get(parameter);
    if (moments === undefined) {
      moments = { first: zerosLike(parameter), second: zerosLike(parameter), power1: 1, power2: 1 };
      this.moments.set(parameter, moments);
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
      decoupled: this.decoupled,
    });
  }
}

/**
 * Adam: steps scaled by running means of the gradient and of its square.
 *
 *     m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g²
 *     w -= learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * Weight decay is added to the gradient, as in PyTorch's `Adam`; see `AdamW` for the decoupled one.
 *
 * - **Cost**: one pass over the parameters; keeps two arrays as long as them
 * - **Source**: Kingma & Ba 2015, algorithm 1 (arXiv:1412.6980)
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
 * - **Source**: Loshchilov & Hutter 2019 (arXiv:1711.05101)
 *
 * @throws {RangeError} if a number is out of range
 */
export class AdamW extends AdamFamily {
  /** Takes the parameters to move, as `model.parameters`. Weight decay is 0.01 by default. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super("AdamW", parameters, options, 0.01);
  }
}

function zerosLike({ value }: Parameter): Floats {
  return allocate(value.dtype, value.size);
}
