/** Gradients: maps from parameters to tensors, and how they add up. */

import { complaint, expectNumber, show } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import type { Gradients } from "./contract.js";
import { expectGradient } from "./guards.js";
import type { Parameter } from "./parameter.js";

/** Returns zeros into which the gradients of some parameters can be written. */
export function zeroGradients(parameters: readonly Parameter[]): Map<Parameter, Tensor> {
  return new Map(
    parameters.map((parameter) => [parameter, Tensor.zeros(parameter.value.shape, parameter.value.dtype)]),
  );
}

/**
 * Adds gradients, times a weight, to a map: for a parameter that is used twice, or for the parts of a batch.
 *
 *     into += weight from
 *
 * The loss of a batch is the mean over its rows, so parts of n rows out of N are added with weight n / N. The statistics of
 * batch norm do not add up this way: each part is normalized by its own.
 *
 * @throws {ShapeError | TypeError} if a gradient is not like its parameter; nothing was added then
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
    // A tensor of its own: the first one may belong to somebody else.
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
