/** SGD, Adam, AdamW and what all optimizers share: parameter updates as in PyTorch. */

import { allocate, type DType, type Floats } from "../core/dtype.js";
import { complaint, expectNumber, expectOneOf, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { sizeOf } from "../core/shape.js";
import { isTensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/types.js";
import type { Gradients } from "../layers/contract.js";
import { expectKernels } from "../layers/forward.js";
import { expectGradient } from "../layers/guards.js";
import type { Parameter, Role } from "../layers/parameter.js";

/** Options for every optimizer. */
export interface OptimizerOptions {
  /** The step size. To schedule it, set the optimizer's property of the same name. */
  readonly learningRate: number;
  /** The coefficient of weight decay. Default: 0 (AdamW: 0.01). */
  readonly weightDecay?: number | undefined;
  /** The roles without weight decay, often ["bias", "scale", "shift"]. Default: none. */
  readonly withoutDecay?: readonly Role[] | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

/** The optimizer state of one parameter: arrays of its length (velocity, moments) and numbers. */
export interface OptimizerMemory {
  readonly arrays: Readonly<Record<string, Floats>>;
  readonly numbers: Record<string, number>;
}

/** The base class of all optimizers. Checks all gradients before it updates any parameter. */
export abstract class Optimizer {
  /** "SGD", "RMSprop", "Adam" or "AdamW". */
  readonly kind: string;
  readonly parameters: readonly Parameter[];
  readonly weightDecay: number;
  /** The roles without weight decay. */
  readonly withoutDecay: ReadonlySet<Role>;
  private readonly kernels: Kernels | undefined;
  private readonly memories = new Map<Parameter, OptimizerMemory>();
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
    expectKernels(kind, kernels);
    this.weightDecay = weightDecay;
    this.withoutDecay = new Set(withoutDecay);
    this.kind = kind;
    this.kernels = kernels;
    this.currentLearningRate = learningRate;
  }

  /** The step size of the next step. May be changed at any time. */
  get learningRate(): number {
    return this.currentLearningRate;
  }

  /** Must be a finite number >= 0. */
  set learningRate(value: number) {
    expectNumber(this.kind, "learningRate", value, { low: 0 });
    this.currentLearningRate = value;
  }

  /**
   * Updates each trainable parameter that has a gradient. Other parameters and their momentum stay unchanged.
   *
   * If it throws, nothing has been updated.
   *
   * @throws {RangeError} if there is a gradient for a parameter that this optimizer does not own
   * @throws {ShapeError | TypeError} if a gradient does not match its parameter
   */
  step(gradients: Gradients): void {
    const { kind } = this;
    if (typeof (gradients as Partial<Gradients> | undefined)?.entries !== "function" || !("get" in gradients)) {
      const cure = "pass what backward returns as `gradients`";
      throw new TypeError(complaint(kind, "a Map of gradients", show(gradients), cure));
    }
    // Reads everything once and checks it before the first update.
    const steps: (readonly [parameter: Parameter, gradient: Floats, memory: OptimizerMemory])[] = [];
    for (const [parameter, gradient] of gradients.entries()) {
      if (!this.parameters.includes(parameter)) {
        const got = `one of ${show(parameter.name)}, which it does not own`;
        const cure = "pass the parameter to the constructor; in Vue, wrap the model in markRaw";
        throw new RangeError(complaint(kind, "gradients of its own parameters", got, cure));
      }
      const { name, value } = parameter;
      expectGradient(kind, name, gradient, value);
      const { data } = gradient;
      const memory = this.memories.get(parameter) ?? this.createMemory(parameter);
      const size = sizeOf(value.shape);
      expectMemory(kind, `the gradient of ${name}`, data, size);
      expectMemory(kind, name, value.data, size);
      for (const key of Object.keys(memory.arrays)) expectMemory(kind, `${key} of ${name}`, memory.arrays[key]!, size);
      if (parameter.trainable) steps.push([parameter, data, memory]);
    }
    const kernels = this.kernels ?? basicKernels();
    for (const [parameter, gradient, memory] of steps) {
      const decay = this.withoutDecay.has(parameter.role) ? 0 : this.weightDecay;
      this.memories.set(parameter, memory);
      parameter.update((values) => this.move(values, gradient, decay, kernels, memory));
    }
  }

  /** Returns a copy of the optimizer state of a parameter, or undefined before its first step. See `checkpoint`. */
  memoryOf(parameter: Parameter): OptimizerMemory | undefined {
    const memory = this.memories.get(parameter);
    return memory && copyMemory(memory);
  }

  /** Sets the optimizer state of a parameter. `undefined` clears it. See `restore`. */
  remember(parameter: Parameter, memory: OptimizerMemory | undefined): void {
    if (memory === undefined) this.memories.delete(parameter);
    else this.memories.set(parameter, copyMemory(memory));
  }

  /** Creates the optimizer state of a parameter before its first step. */
  abstract createMemory(parameter: Parameter): OptimizerMemory;

  protected abstract move(
    values: Floats,
    gradient: Floats,
    decay: number,
    kernels: Kernels,
    memory: OptimizerMemory,
  ): void;
}

/** Requires an array of the expected length. A buffer that was detached (sent to a worker) or shrunk leaves a shorter one. */
function expectMemory(kind: string, what: string, { length }: Floats, size: number): void {
  if (length === size) return;
  const cure = "its memory was detached or shrunk; send a copy to the worker instead";
  throw new ShapeError(complaint(kind, `${what} to have ${size} values`, `${length}`, cure));
}

function copyMemory({ arrays, numbers }: OptimizerMemory): OptimizerMemory {
  const copies = Object.keys(arrays).map((key) => [key, arrays[key]!.slice()] as const);
  return { arrays: Object.fromEntries(copies), numbers: { ...numbers } };
}

/** Advice for options that have another name in PyTorch, or that do not exist here. */
export const pytorchNames: Readonly<Record<string, string>> = {
  lr: "did you mean learningRate?",
  betas: "pass beta1 and beta2",
  dampening: "multiply learningRate by 1 - dampening",
  amsgrad: "AMSGrad is not available",
  centered: "only the uncentered form is available",
};

/** Options for `SGD`. */
export interface SGDOptions extends OptimizerOptions {
  /** The fraction of the velocity that is kept from step to step, in [0, 1). Default: 0. */
  readonly momentum?: number | undefined;
  /** Use Nesterov momentum. Requires `momentum`. Default: false. */
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
  /** The decay rate of the running mean of the gradient, in [0, 1). Default: 0.9. */
  readonly beta1?: number | undefined;
  /** The decay rate of the running mean of the squared gradient, in [0, 1). Default: 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the square root of the second moment. Must be 0 or a normal number of the dtype. Default: 1e-8. */
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
 * Stochastic gradient descent, optionally with momentum.
 *
 *     g = gradient + weightDecay w      v = momentum v + g      w -= learningRate v      (Nesterov: g + momentum v)
 *
 * There is no `dampening`. A damped velocity is (1 - dampening) v, so multiplying `learningRate` by 1 - dampening has the same
 * effect (PyTorch does not damp the first step).
 *
 * - **Cost**: one pass over the parameters; with momentum, memory for one more array per parameter
 * - **Source**: Sutskever et al. 2013, as in PyTorch (the velocity excludes the learning rate)
 *
 * @throws {RangeError} if a number is out of range, or nesterov is set without momentum
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([1]));
 * const optimizer = new SGD([weight], { learningRate: 0.5 });
 * optimizer.step(new Map([[weight, Tensor.from([1])]]));
 * weight.value.at(0);   // => 0.5
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;

  /** Creates an optimizer for the given parameters, such as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: SGDOptions) {
    const { momentum, nesterov, ...shared } = readOptions("SGD", options, sgdRules, pytorchNames);
    super("SGD", parameters, shared);
    if (nesterov && momentum === 0) throw new RangeError(complaint("SGD", "momentum > 0 with nesterov", "0"));
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  createMemory(parameter: Parameter): OptimizerMemory {
    return { arrays: this.momentum > 0 ? { velocity: zerosLike(parameter) } : {}, numbers: {} };
  }

  protected move(
    values: Floats,
    gradient: Floats,
    weightDecay: number,
    kernels: Kernels,
    { arrays: { velocity } }: OptimizerMemory,
  ): void {
    const { learningRate, momentum, nesterov } = this;
    kernels.sgd({ values, gradient, velocity, learningRate, momentum, nesterov, weightDecay });
  }
}

/** The common part of Adam and AdamW, which differ only in where they apply weight decay. */
abstract class AdamFamily extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  private readonly decoupled: boolean;

  constructor(kind: "Adam" | "AdamW", parameters: Iterable<Parameter>, options: AdamOptions, defaultDecay: number) {
    const {
      beta1,
      beta2,
      epsilon,
      weightDecay = defaultDecay,
      ...shared
    } = readOptions(kind, options, adamRules, pytorchNames);
    super(kind, parameters, { ...shared, weightDecay });
    for (const { name, value } of this.parameters) expectNormalEpsilon(kind, epsilon, name, value.dtype);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.decoupled = kind === "AdamW";
  }

  createMemory(parameter: Parameter): OptimizerMemory {
    const arrays = { firstMoment: zerosLike(parameter), secondMoment: zerosLike(parameter) };
    return { arrays, numbers: { beta1Power: 1, beta2Power: 1 } };
  }

  protected move(
    values: Floats,
    gradient: Floats,
    weightDecay: number,
    kernels: Kernels,
    { arrays, numbers }: OptimizerMemory,
  ): void {
    const { learningRate, beta1, beta2, epsilon, decoupled } = this;
    numbers["beta1Power"]! *= beta1;
    numbers["beta2Power"]! *= beta2;
    kernels.adam({
      values,
      gradient,
      firstMoment: arrays["firstMoment"]!,
      secondMoment: arrays["secondMoment"]!,
      learningRate,
      beta1,
      beta2,
      correction1: 1 - numbers["beta1Power"]!,
      correction2: 1 - numbers["beta2Power"]!,
      epsilon,
      weightDecay,
      decoupled,
    });
  }
}

/** Requires an epsilon that is 0 or a normal number of the dtype. Some kernels round smaller ones to 0, and others do not. */
function expectNormalEpsilon(kind: string, epsilon: number, name: string, dtype: DType): void {
  const least = dtype === "float32" ? 2 ** -126 : 2 ** -1022;
  if (epsilon === 0 || epsilon >= least) return;
  const expected = `epsilon to be 0 or at least ${least}, the smallest normal ${dtype} (the dtype of ${name})`;
  throw new RangeError(complaint(kind, expected, show(epsilon), "use 0"));
}

/**
 * Adam: scales each step by running means of the gradient and of its square.
 *
 *     m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g²
 *     w -= learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * Weight decay is added to the gradient, as in PyTorch's `Adam`. For decoupled weight decay, use `AdamW`. There is no `amsgrad`: it
 * needs a third array per parameter, the largest v so far, which the kernels do not compute.
 *
 * - **Cost**: one pass over the parameters; memory for two more arrays per parameter
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
  /** Creates an optimizer for the given parameters, such as `model.parameters`. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super("Adam", parameters, options, 0);
  }
}

/**
 * Adam with decoupled weight decay: each step first multiplies the parameters by 1 - learningRate weightDecay.
 *
 * - **Source**: Loshchilov & Hutter 2019 (arXiv:1711.05101)
 *
 * @throws {RangeError} if a number is out of range
 */
export class AdamW extends AdamFamily {
  /** Creates an optimizer for the given parameters, such as `model.parameters`. Weight decay is 0.01 by default. */
  constructor(parameters: Iterable<Parameter>, options: AdamOptions) {
    super("AdamW", parameters, options, 0.01);
  }
}

/** Allocates an array of zeros with the length and dtype of a parameter. */
export function zerosLike({ value }: Parameter): Floats {
  return allocate(value.dtype, value.size);
}
