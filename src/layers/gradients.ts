/** Gradients: maps from parameters to tensors, and their sums. */

import { complaint, expectNumber, show } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import type { Gradients } from "./contract.js";
import { expectGradient } from "./guards.js";
import type { Parameter } from "./parameter.js";

/** Returns tensors of zeros for the gradients of some parameters. */
export function zeroGradients(parameters: readonly Parameter[]): Map<Parameter, Tensor> {
  return new Map(
    parameters.map((parameter) => [parameter, Tensor.zeros(parameter.value.shape, parameter.value.dtype)]),
  );
}

/**
 * Adds gradients, multiplied by a weight, to a map. Use it for a parameter that is used twice, or for the parts of a batch.
 *
 *     into += weight from
 *
 * The loss of a batch is the mean over its rows, so the gradients of a part with n of the N rows are added with weight n / N.
 * With batch norm, this sum is not the gradient for the whole batch, because each part is normalized with its own statistics.
 *
 * @throws {ShapeError | TypeError} if a gradient and its parameter differ in shape or dtype; in that case, nothing is added
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([0]));
 * const total = new Map<Parameter, Tensor>();
 * addGradients(total, new Map([[weight, Tensor.from([3])]]), 2 / 3);
 * addGradients(total, new Map([[weight, Tensor.from([6])]]), 1 / 3);
 * total.get(weight)!.at(0);   // => 4
 */
export function addGradients(into: Map<Parameter, Tensor>, from: Gradients, weight = 1): void {
  expectMap("addGradients", "the sum", into);
  expectMap("addGradients", "the gradients", from);
  expectNumber("addGradients", "weight", weight, { low: -Infinity });
  for (const [parameter, gradient] of from) {
    expectGradient("addGradients", parameter.name, gradient, parameter.value);
  }
  for (const [parameter, gradient] of from) {
    const before = into.get(parameter);
    if (before === undefined && weight === 1) {
      into.set(parameter, gradient);
      continue;
    }
    // A new tensor, because the caller may still use the first one.
    const sum = before?.copy() ?? Tensor.zeros(gradient.shape, gradient.dtype);
    for (let i = 0; i < sum.size; i++) sum.data[i]! += weight * gradient.data[i]!;
    into.set(parameter, sum);
  }
}

function expectMap(who: string, name: string, value: unknown): void {
  const { get, forEach } = (value ?? {}) as Partial<Gradients>;
  if (typeof get === "function" && typeof forEach === "function") return;
  throw new TypeError(complaint(who, `${name} to be a Map of gradients`, show(value)));
}

/** The empty map, for layers without parameters. */
export const noGradients: Gradients = new Map();
