/** Optimizer: what SGD and Adam share, above all the check of all gradients before any value moves. */

import { complaint, expectNumber, expectObject, expectOneOf, show } from "../core/errors.js";
import type { Floats } from "../core/dtype.js";
import { defaultKernels } from "../kernels/default.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient } from "../layers/guards.js";
import { type Gradients } from "../layers/contract.js";
import type { Parameter, Role } from "../layers/parameter.js";
import { isTensor } from "../core/tensor.js";

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

/** Parameters that follow their gradients, step by step. */
export abstract class Optimizer {
  readonly parameters: readonly Parameter[];
  readonly weightDecay: number;
  /** The roles that weight decay leaves alone. */
  readonly withoutDecay: ReadonlySet<Role>;
  readonly #kind: string;
  readonly #kernels: Kernels | undefined;
  #learningRate: number;

  constructor(kind: string, parameters: Iterable<Parameter>, options: OptimizerOptions, weightDecay: number) {
    expectObject(kind, "options", options);
    const { learningRate, withoutDecay = [], kernels } = options;
    if (typeof (parameters as Partial<Iterable<Parameter>> | undefined)?.[Symbol.iterator] !== "function") {
      throw new TypeError(complaint(kind, "parameters to be a list", show(parameters), "pass model.parameters"));
    }
    this.parameters = [...new Set(parameters)];
    for (const parameter of this.parameters) {
      if (!isParameter(parameter)) throw new TypeError(complaint(kind, "parameters only", show(parameter)));
    }
    expectNumber(kind, "learningRate", learningRate, { low: 0 });
    expectNumber(kind, "weightDecay", weightDecay, { low: 0 });
    if (!Array.isArray(withoutDecay)) {
      throw new TypeError(complaint(kind, "withoutDecay to be a list of roles", show(withoutDecay)));
    }
    for (const role of withoutDecay as readonly Role[])
      expectOneOf(kind, "withoutDecay", role, ["weight", "bias", "scale", "shift"]);
    this.weightDecay = weightDecay;
    this.#kind = kind;
    this.withoutDecay = new Set(withoutDecay);
    this.#kernels = kernels;
    this.#learningRate = learningRate;
  }

  /** The step size of the next step. */
  get learningRate(): number {
    return this.#learningRate;
  }

  /** Takes effect at the next step; must be a finite number >= 0. */
  set learningRate(value: number) {
    expectNumber(this.#kind, "learningRate", value, { low: 0 });
    this.#learningRate = value;
  }

  /**
   * Moves every parameter that has a gradient by one step; the others stay as they are, their momentum included, and so do
   * those that are not trainable.
   *
   * @throws {RangeError} if there is a gradient of a parameter that this optimizer does not own
   * @throws {ShapeError | TypeError} if a gradient is not like its parameter; in each case nothing has moved
   */
  step(gradients: Gradients): void {
    const kind = this.#kind;
    if (!((gradients as unknown) instanceof Map)) {
      const cure = "pass what backward returns as `gradients`";
      throw new TypeError(complaint(kind, "a Map of gradients", show(gradients), cure));
    }
    for (const [parameter, gradient] of gradients) {
      if (!this.parameters.includes(parameter)) {
        const cure = "pass that parameter to the constructor";
        throw new RangeError(
          complaint(kind, "gradients of its own parameters", `one of a foreign ${show(parameter.name)}`, cure),
        );
      }
      expectGradient(kind, parameter.name, gradient, parameter.value);
    }
    const kernels = this.#kernels ?? defaultKernels();
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
    weightDecay: number,
    kernels: Kernels,
  ): void;
}

/** Asks for what it has, not for its class: the ESM and the CJS build have one each. */
function isParameter(value: unknown): value is Parameter {
  return (
    typeof value === "object" && value !== null && isTensor((value as Partial<Parameter>).value) && "update" in value
  );
}
